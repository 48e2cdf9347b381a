"""Heads: what stands behind the last stage, each a function from sizes to a tree of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class Ends:
    """What a head is told of its network: its hidden width (None: it has none), and what it ends in."""

    width: Size | None
    classes: Size
    activation: str
    dropout: float

    @property
    def drop(self) -> Layer | None:
        """The dropout, where there is one."""
        return Dropout(self.dropout) if self.dropout else None

    def hidden(self, head: str) -> Size:
        """The hidden width of a ``head`` that needs one."""
        if self.width is None:
            raise InvalidInput(f"head {head!r} needs a head width")
        return self.width


# A head, for the width that enters it and what it is told.
Head: TypeAlias = Callable[[Size, Ends], Layer]


def _pool(w_in: Size, ends: Ends) -> Layer:
    """A 1x1 convolution to the head width where there is one, global pooling, linear."""
    w = w_in if ends.width is None else ends.width
    return Sequential(
        conv=None if ends.width is None else conv_bn(w_in, w, 1, activation=ends.activation),
        pool=GlobalAvgPool2d(),
        flatten=Flatten(),
        dropout=ends.drop,
        fc=Linear(w, ends.classes),
    )


def _act_pool(w_in: Size, ends: Ends, *, norm: bool) -> Layer:
    """Norm and activation that pre-activation (or linear) blocks left out, global pooling, linear."""
    return Sequential(
        bn=BatchNorm2d(w_in) if norm else None,
        act=Activation(ends.activation),
        pool=GlobalAvgPool2d(),
        flatten=Flatten(),
        dropout=ends.drop,
        fc=Linear(w_in, ends.classes),
    )


def _pool_conv(w_in: Size, ends: Ends) -> Layer:
    """Global pooling, then a 1x1 convolution to the head width, linear: MobileNetV3's efficient last stage."""
    w = ends.hidden("pool-conv")
    return Sequential(
        pool=GlobalAvgPool2d(),
        conv=Conv2d(w_in, w, 1, bias=True),
        act=Activation(ends.activation),
        flatten=Flatten(),
        dropout=ends.drop,
        fc=Linear(w, ends.classes),
    )


def _pool_norm(w_in: Size, ends: Ends) -> Layer:
    """Global pooling, layer norm, a hidden linear layer where there is a head width, linear: ConvNeXt."""
    w = w_in if ends.width is None else ends.width
    return Sequential(
        pool=GlobalAvgPool2d(),
        norm=LayerNorm2d(w_in),
        flatten=Flatten(),
        hidden=None if ends.width is None else Linear(w_in, w),
        act=None if ends.width is None else Activation(ends.activation),
        dropout=ends.drop,
        fc=Linear(w, ends.classes),
    )


def _vgg(w_in: Size, ends: Ends) -> Layer:
    """Max-pooling, a 7x7 grid, two hidden linear layers, linear (Simonyan and Zisserman 2015)."""
    w = ends.hidden("vgg")
    return Sequential(
        pool=MaxPool2d(2, stride=2),
        grid=AdaptiveAvgPool2d(7),
        flatten=Flatten(),
        fc1=Linear(49 * w_in, w),
        act1=Activation(ends.activation),
        dropout1=ends.drop,
        fc2=Linear(w, w),
        act2=Activation(ends.activation),
        dropout2=ends.drop,
        fc=Linear(w, ends.classes),
    )


# Those without a layer of the head width.
WITHOUT_WIDTH = ("act-pool", "bn-act-pool")

HEADS: Mapping[str, Head] = MappingProxyType(
    {
        "pool": _pool,
        "act-pool": partial(_act_pool, norm=False),  # RegNetV, RegNetZ without a head convolution
        "bn-act-pool": partial(_act_pool, norm=True),  # ResNetV2
        "pool-conv": _pool_conv,
        "pool-norm": _pool_norm,
        "vgg": _vgg,
    }
)
