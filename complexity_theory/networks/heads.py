"""Heads: what stands behind the last stage, each a function from a network and a width to a tree of layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size
from complexity_theory.graph.compose import Sequential
from complexity_theory.graph.operations import (
    Activation,
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    LayerNorm2d,
    Linear,
    MaxPool2d,
)
from complexity_theory.networks.parts import conv_bn

if TYPE_CHECKING:
    from complexity_theory.networks.spec import Network


def _dropout(network: Network) -> Layer | None:
    return Dropout(network.dropout) if network.dropout else None


def _hidden_width(network: Network) -> Size:
    if network.head_width is None:
        raise InvalidInput(f"head {network.head!r} needs a head width")
    return network.head_width


def _pool(network: Network, w_in: Size) -> Layer:
    """A 1x1 convolution to the head width where there is one, global pooling, linear."""
    w = w_in if network.head_width is None else network.head_width
    return Sequential(
        conv=None if network.head_width is None else conv_bn(w_in, w, 1, activation=network.activation),
        pool=GlobalAvgPool2d(),
        flatten=Flatten(),
        dropout=_dropout(network),
        fc=Linear(w, network.classes),
    )


def _act_pool(network: Network, w_in: Size, *, norm: bool) -> Layer:
    """Norm and activation that pre-activation (or linear) blocks left out, global pooling, linear."""
    return Sequential(
        bn=BatchNorm2d(w_in) if norm else None,
        act=Activation(network.activation),
        pool=GlobalAvgPool2d(),
        flatten=Flatten(),
        dropout=_dropout(network),
        fc=Linear(w_in, network.classes),
    )


def _pool_conv(network: Network, w_in: Size) -> Layer:
    """Global pooling, then a 1x1 convolution to the head width, linear: MobileNetV3's efficient last stage."""
    w = _hidden_width(network)
    return Sequential(
        pool=GlobalAvgPool2d(),
        conv=Conv2d(w_in, w, 1, bias=True),
        act=Activation(network.activation),
        flatten=Flatten(),
        dropout=_dropout(network),
        fc=Linear(w, network.classes),
    )


def _pool_norm(network: Network, w_in: Size) -> Layer:
    """Global pooling, layer norm, a hidden linear layer where there is a head width, linear: ConvNeXt."""
    w = w_in if network.head_width is None else network.head_width
    return Sequential(
        pool=GlobalAvgPool2d(),
        norm=LayerNorm2d(w_in),
        flatten=Flatten(),
        hidden=None if network.head_width is None else Linear(w_in, w),
        act=None if network.head_width is None else Activation(network.activation),
        dropout=_dropout(network),
        fc=Linear(w, network.classes),
    )


def _vgg(network: Network, w_in: Size) -> Layer:
    """Max-pooling, a 7x7 grid, two hidden linear layers, linear (Simonyan and Zisserman 2015)."""
    w = _hidden_width(network)
    return Sequential(
        pool=MaxPool2d(2, stride=2),
        grid=AdaptiveAvgPool2d(7),
        flatten=Flatten(),
        fc1=Linear(49 * w_in, w),
        act1=Activation(network.activation),
        dropout1=_dropout(network),
        fc2=Linear(w, w),
        act2=Activation(network.activation),
        dropout2=_dropout(network),
        fc=Linear(w, network.classes),
    )


# Those without a layer of the head width.
WITHOUT_WIDTH = ("act-pool", "bn-act-pool")

HEADS: dict[str, Callable[[Network, Size], Layer]] = {
    "pool": _pool,
    "act-pool": partial(_act_pool, norm=False),  # RegNetV, RegNetZ without a head convolution
    "bn-act-pool": partial(_act_pool, norm=True),  # ResNetV2
    "pool-conv": _pool_conv,
    "pool-norm": _pool_norm,
    "vgg": _vgg,
}
