"""Blocks: what stages are made of, each a function from sizes to a tree of layers; no cost stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

from complexity_theory.core.sizes import Size, is_symbolic, same
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
from complexity_theory.graph.operations import (
    Activation,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Layer,
    LayerNorm2d,
    LayerScale,
    MaxPool2d,
)
from complexity_theory.networks.kinds import KINDS, Shortcut
from complexity_theory.networks.parts import bn_conv, conv_bn, scaled_by, squeeze_excite
from complexity_theory.networks.stage import Stage

# A block of a stage, for the width that enters it, its stride and its shortcut.
Builder: TypeAlias = Callable[[Stage, Size, int, Shortcut], Layer]


def _projection(stage: Stage, w_in: Size, stride: int, project: Callable[..., Layer]) -> Layer:
    """The shortcut of a block that changes the shape: a strided 1x1 conv, or average pooling and a 1x1 conv."""
    if stage.pooled_shortcut and stride > 1:
        return Sequential(pool=AvgPool2d(stride, stride=stride, ceil=True), project=project(w_in, stage.width, 1))
    return project(w_in, stage.width, 1, stride=stride)


def _with_shortcut(body: Layer, stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    if shortcut == "none":
        return body
    return Residual(body, _projection(stage, w_in, stride, conv_bn) if shortcut == "projection" else None)


def _se(stage: Stage, width: Size, of: Size) -> Gate | None:
    return squeeze_excite(width, scaled_by(of, stage.se), stage.se_activation, stage.se_gate) if stage.se else None


def vanilla(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """[k x k conv, BN, activation] twice, no shortcut."""
    w, k, dilation, act = stage.width, stage.kernel, stage.dilation, stage.activation
    return Sequential(
        a=conv_bn(w_in, w, k, stride=stride, dilation=dilation, activation=act),
        b=conv_bn(w, w, k, dilation=dilation, activation=act),
    )


def conv(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """[k x k conv, BN, activation]: EfficientNetV2's first stage (a fused MBConv without expansion)."""
    body = conv_bn(w_in, stage.width, stage.kernel, stride=stride, dilation=stage.dilation, activation=stage.activation)
    return _with_shortcut(body, stage, w_in, stride, shortcut)


def vgg(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut, *, norm: bool) -> Layer:
    """A k x k conv and activation, after max-pooling by the stride (Simonyan and Zisserman 2015)."""
    return Sequential(
        pool=None if stride == 1 else MaxPool2d(stride, stride=stride),
        conv=Conv2d(w_in, stage.width, stage.kernel, dilation=stage.dilation, bias=True),
        bn=BatchNorm2d(stage.width) if norm else None,
        act=Activation(stage.activation),
    )


def basic(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """The basic residual block: two k x k convs (He et al. 2016, figure 5 left), optional squeeze-excite at the end."""
    w, k, dilation, act = stage.width, stage.kernel, stage.dilation, stage.activation
    body = Sequential(
        a=conv_bn(w_in, w, k, stride=stride, dilation=dilation, activation=act),
        b=conv_bn(w, w, k, dilation=dilation),
        se=_se(stage, w, w),
    )
    return Sequential(residual=_with_shortcut(body, stage, w_in, stride, shortcut), act=Activation(act))


def _inner(stage: Stage, stride: int, group_width: Size | None = None) -> dict[str, Any]:
    """The settings of a block's k x k conv; its group width is the stage's unless given."""
    return {
        "stride": stride,
        "dilation": stage.dilation,
        "group_width": stage.group_width if group_width is None else group_width,
    }


def _bottleneck_body(stage: Stage, w_in: Size, stride: int, *, se_last: bool = False) -> Sequential:
    act, inner = stage.activation, scaled_by(stage.width, stage.ratio)
    return Sequential(
        a=conv_bn(w_in, inner, 1, activation=act),
        b=conv_bn(inner, inner, stage.kernel, **_inner(stage, stride), activation=act),
        se=None if se_last else _se(stage, inner, w_in),
        c=conv_bn(inner, stage.width, 1),
        se_last=_se(stage, stage.width, stage.width) if se_last else None,
    )


def bottleneck(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut, *, se_last: bool = False) -> Layer:
    """1x1, k x k (group) conv, 1x1, with a residual: ResNet, ResNeXt, RegNetX.

    Squeeze-excite stands behind the k x k conv (RegNetY) or at the end (SE-ResNet: Hu et al. 2018).
    """
    body = _bottleneck_body(stage, w_in, stride, se_last=se_last)
    return Sequential(residual=_with_shortcut(body, stage, w_in, stride, shortcut), act=Activation(stage.activation))


def linear_bottleneck(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """The bottleneck with a linear output and an identity shortcut where the shapes allow one: RegNetZ."""
    return _with_shortcut(_bottleneck_body(stage, w_in, stride), stage, w_in, stride, shortcut)


def preact_bottleneck(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """The bottleneck with norm and activation before each conv: ResNetV2 (He et al. 2016b), RegNetV."""
    act, inner = stage.activation, scaled_by(stage.width, stage.ratio)
    before = Sequential(bn=BatchNorm2d(w_in), act=Activation(act))
    body = Sequential(
        a=Conv2d(w_in, inner, 1),
        b=bn_conv(inner, inner, stage.kernel, **_inner(stage, stride), activation=act),
        se=_se(stage, inner, w_in),
        c=bn_conv(inner, stage.width, 1, activation=act),
    )
    if shortcut == "identity":
        return Residual(Sequential(before=before, convs=body))
    if shortcut == "none":
        return Sequential(before=before, body=body)
    return Sequential(before=before, residual=Residual(body, _projection(stage, w_in, stride, Conv2d)))


def mbconv(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """Inverted bottleneck: 1x1 expansion (unless the ratio is 1), depthwise k x k, squeeze-excite, linear 1x1."""
    return _inverted(stage, w_in, stride, shortcut, "depthwise", 1)


def group_mbconv(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """The inverted bottleneck with a group conv for the depthwise one: timm's own RegNetZ."""
    return _inverted(stage, w_in, stride, shortcut, "group", stage.group_width)


def _inverted(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut, name: str, group_width: Size | None) -> Layer:
    act, inner = stage.activation, scaled_by(w_in, stage.ratio)
    body = Sequential(
        expand=None if stage.ratio == 1 else conv_bn(w_in, inner, 1, activation=act),
        **{name: conv_bn(inner, inner, stage.kernel, **_inner(stage, stride, group_width), activation=act)},
        se=_se(stage, inner, w_in),
        project=conv_bn(inner, stage.width, 1),
    )
    return _with_shortcut(body, stage, w_in, stride, shortcut)


def fused_mbconv(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """MBConv with a dense k x k conv for the expansion and the depthwise conv (Tan and Le 2021, figure 2)."""
    inner = scaled_by(w_in, stage.ratio)
    body = Sequential(
        expand=conv_bn(w_in, inner, stage.kernel, stride=stride, dilation=stage.dilation, activation=stage.activation),
        se=_se(stage, inner, w_in),
        project=conv_bn(inner, stage.width, 1),
    )
    return _with_shortcut(body, stage, w_in, stride, shortcut)


def separable(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """Depthwise k x k, squeeze-excite, 1x1, no shortcut: MobileNetV1 (Howard et al. 2017), LCNet."""
    act = stage.activation
    return Sequential(
        depthwise=conv_bn(w_in, w_in, stage.kernel, **_inner(stage, stride, 1), activation=act),
        se=_se(stage, w_in, w_in),
        pointwise=conv_bn(w_in, stage.width, 1, activation=act),
    )


def convnext(stage: Stage, w_in: Size, stride: int, shortcut: Shortcut) -> Layer:
    """Depthwise k x k, layer norm, 1x1 to the inner width and back, layer scale (Liu et al. 2022, figure 4).

    Where the shape changes, layer norm and a convolution of the stride's size stand before it.
    """
    w = stage.width
    inner = scaled_by(w, stage.ratio)
    block = Residual(
        Sequential(
            depthwise=Conv2d(w, w, stage.kernel, dilation=stage.dilation, group_width=1, bias=True),
            norm=LayerNorm2d(w),
            expand=Conv2d(w, inner, 1, bias=True),
            act=Activation(stage.activation),
            project=Conv2d(inner, w, 1, bias=True),
            scale=LayerScale(w),
        )
    )
    if shortcut == "identity":
        return block
    return Sequential(
        norm=LayerNorm2d(w_in),
        down=Conv2d(w_in, w, stride, stride=stride, padding=0, bias=True),
        block=block,
    )


# One for each of ``networks.kinds``.
BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        "vanilla": vanilla,
        "conv": conv,
        "vgg": partial(vgg, norm=False),
        "vgg-bn": partial(vgg, norm=True),
        "basic": basic,
        "bottleneck": bottleneck,
        "se-bottleneck": partial(bottleneck, se_last=True),
        "linear-bottleneck": linear_bottleneck,
        "preact-bottleneck": preact_bottleneck,
        "mbconv": mbconv,
        "group-mbconv": group_mbconv,
        "fused-mbconv": fused_mbconv,
        "separable": separable,
        "convnext": convnext,
    }
)


def blocks(stage: Stage, w_in: Size) -> Sequential:
    """The blocks of a stage that ``w_in`` enters, as a tree: the first, and one block repeated depth - 1 times.

    >>> blocks(Stage(block="basic", depth=3, width=64), 64).parts[1][1].times
    2
    """
    build, kind, shortcut = BUILDERS[stage.block], KINDS[stage.block], stage.settled(w_in).shortcut
    assert shortcut is not None
    rest = None
    if is_symbolic(stage.depth) or not same(stage.depth, 1):  # else there is no block whose sizes had to fit
        each = build(stage, stage.width, 1, "identity" if kind.identity else kind.fallback)
        rest = Repeat(each, stage.depth - 1)
    return Sequential(first=build(stage, w_in, stage.stride, shortcut), rest=rest)
