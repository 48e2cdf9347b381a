"""Blocks, stems and heads: structure only, each a function from sizes to a tree of layers; no cost stands here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from complexity_theory.algebra import Pair, Size, nearest
from complexity_theory.compose import Gate, Residual, Sequential
from complexity_theory.layers import (
    Activation,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
)

if TYPE_CHECKING:
    from complexity_theory.networks.spec import Network, Stage

Shortcut = Literal["identity", "projection", "none"]


def conv_bn(
    w_in: Size,
    w_out: Size,
    kernel: Pair,
    *,
    stride: Size = 1,
    group_width: Size | None = None,
    activation: str | None = None,
) -> Sequential:
    """Convolution, batch norm and, where named, an activation."""
    return Sequential(
        conv=Conv2d(w_in, w_out, kernel, stride=stride, group_width=group_width),
        bn=BatchNorm2d(w_out),
        act=None if activation is None else Activation(activation),
    )


def scaled_by(width: Size, ratio: Fraction) -> Size:
    """The width that is ``ratio`` of another: the nearest integer, or exact where the width is symbolic."""
    return nearest(width * ratio.numerator, ratio.denominator)


def squeeze_excite(width: Size, inner: Size, activation: str, gate: str = "sigmoid") -> Gate:
    """Squeeze-excite: global pool, 1x1 conv to ``inner``, activation, 1x1 conv back, a factor per channel."""
    return Gate(
        Sequential(
            pool=GlobalAvgPool2d(),
            reduce=Conv2d(width, inner, 1, bias=True),
            act=Activation(activation),
            expand=Conv2d(inner, width, 1, bias=True),
            gate=Activation(gate),
        )
    )


def _with_shortcut(body: Layer, shortcut: Shortcut, projection: Callable[[], Layer]) -> Layer:
    if shortcut == "none":
        return body
    return Residual(body, projection() if shortcut == "projection" else None)


def _se(stage: Stage, width: Size, w_in: Size) -> Gate | None:
    return squeeze_excite(width, scaled_by(w_in, stage.se), stage.se_activation, stage.se_gate) if stage.se else None


def vanilla(stage: Stage, w_in: Size, stride: Size, shortcut: Shortcut) -> Layer:
    """[k x k conv, BN, activation] twice, no shortcut."""
    w, k, act = stage.width, stage.kernel, stage.activation
    return Sequential(
        a=conv_bn(w_in, w, k, stride=stride, activation=act),
        b=conv_bn(w, w, k, activation=act),
    )


def basic(stage: Stage, w_in: Size, stride: Size, shortcut: Shortcut) -> Layer:
    """The basic residual block: two k x k convs (He et al. 2016, figure 5 left)."""
    w, k, act = stage.width, stage.kernel, stage.activation
    body = Sequential(a=conv_bn(w_in, w, k, stride=stride, activation=act), b=conv_bn(w, w, k))
    return Sequential(
        residual=_with_shortcut(body, shortcut, lambda: conv_bn(w_in, w, 1, stride=stride)), act=Activation(act)
    )


def _bottleneck_body(stage: Stage, w_in: Size, inner: Size, stride: Size) -> Sequential:
    act = stage.activation
    return Sequential(
        a=conv_bn(w_in, inner, 1, activation=act),
        b=conv_bn(inner, inner, stage.kernel, stride=stride, group_width=stage.group_width, activation=act),
        se=_se(stage, inner, w_in),
        c=conv_bn(inner, stage.width, 1),
    )


def bottleneck(stage: Stage, w_in: Size, stride: Size, shortcut: Shortcut) -> Layer:
    """1x1, k x k (group) conv, optional squeeze-excite, 1x1: ResNet, ResNeXt, RegNetX and RegNetY."""
    body = _bottleneck_body(stage, w_in, scaled_by(stage.width, stage.ratio), stride)
    return Sequential(
        residual=_with_shortcut(body, shortcut, lambda: conv_bn(w_in, stage.width, 1, stride=stride)),
        act=Activation(stage.activation),
    )


def linear_bottleneck(stage: Stage, w_in: Size, stride: Size, shortcut: Shortcut) -> Layer:
    """The bottleneck with a linear output and an identity shortcut where the shapes allow one: RegNetZ."""
    body = _bottleneck_body(stage, w_in, scaled_by(stage.width, stage.ratio), stride)
    return _with_shortcut(body, shortcut, lambda: conv_bn(w_in, stage.width, 1, stride=stride))


def mbconv(stage: Stage, w_in: Size, stride: Size, shortcut: Shortcut) -> Layer:
    """Inverted bottleneck: 1x1 expansion (unless the ratio is 1), depthwise k x k, squeeze-excite, linear 1x1."""
    act, inner = stage.activation, scaled_by(w_in, stage.ratio)
    body = Sequential(
        expand=None if stage.ratio == 1 else conv_bn(w_in, inner, 1, activation=act),
        depthwise=conv_bn(inner, inner, stage.kernel, stride=stride, group_width=1, activation=act),
        se=_se(stage, inner, w_in),
        project=conv_bn(inner, stage.width, 1),
    )
    return _with_shortcut(body, shortcut, lambda: conv_bn(w_in, stage.width, 1, stride=stride))


@dataclass(frozen=True, slots=True)
class Block:
    """A kind of block: its builder, what it does where an identity shortcut does not fit, and its inner conv.

    ``inner_of``: the width that ``Stage.ratio`` multiplies to give the inner width ("out" or "in" of the block; None:
    no inner width). ``depthwise``: the inner conv is depthwise whatever the stage's group width.
    """

    build: Callable[[Stage, Size, Size, Shortcut], Layer]
    fallback: Shortcut
    identity: bool = True
    inner_of: Literal["in", "out"] | None = None
    depthwise: bool = False


BLOCKS = {
    "vanilla": Block(vanilla, fallback="none", identity=False),
    "basic": Block(basic, fallback="projection"),
    "bottleneck": Block(bottleneck, fallback="projection", inner_of="out"),
    "linear-bottleneck": Block(linear_bottleneck, fallback="none", inner_of="out"),
    "mbconv": Block(mbconv, fallback="none", inner_of="in", depthwise=True),
}


def _stem_conv3(network: Network) -> Layer:
    return conv_bn(network.in_channels, network.stem_width, 3, stride=2, activation=network.activation)


def _stem_resnet(network: Network) -> Layer:
    return Sequential(
        conv=conv_bn(network.in_channels, network.stem_width, 7, stride=2, activation=network.activation),
        pool=MaxPool2d(3, stride=2, padding=1),
    )


def _stem_cifar(network: Network) -> Layer:
    return conv_bn(network.in_channels, network.stem_width, 3, activation=network.activation)


# 3x3 stride 2 (RegNet, EfficientNet, MobileNet), 7x7 stride 2 with max-pool (ResNet), 3x3 stride 1 (CIFAR)
STEMS: dict[str, Callable[[Network], Layer]] = {
    "conv3": _stem_conv3,
    "resnet": _stem_resnet,
    "cifar": _stem_cifar,
}


def _head_pool(network: Network, w_in: Size) -> Layer:
    return Sequential(
        conv=None
        if network.head_width is None
        else conv_bn(w_in, network.head_width, 1, activation=network.activation),
        pool=GlobalAvgPool2d(),
        flatten=Flatten(),
        dropout=Dropout(network.dropout) if network.dropout else None,
        fc=Linear(w_in if network.head_width is None else network.head_width, network.classes),
    )


# an optional 1x1 conv to the head width, global pooling, dropout, linear
HEADS: dict[str, Callable[[Network, Size], Layer]] = {"pool": _head_pool}
