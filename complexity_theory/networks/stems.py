"""Stems: what stands before the first stage, each a function from sizes to a tree of layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Literal, TypeAlias

from complexity_theory.core.sizes import Size
from complexity_theory.graph.compose import Sequential
from complexity_theory.graph.operations import Activation, BatchNorm2d, Conv2d, Layer, LayerNorm2d, MaxPool2d
from complexity_theory.networks.parts import bn_conv, conv_bn, scaled_by

# A stem, for the channels of the input, its own width and the network's activation.
Stem: TypeAlias = Callable[[Size, Size, str], Layer]


def _conv(
    w_in: Size, w: Size, act: str, *, kernel: int, stride: int, pool: bool = False, preact: bool = False
) -> Layer:
    """One convolution, then max-pooling where said; before pre-activation blocks without norm and activation."""
    return Sequential(
        conv=Conv2d(w_in, w, kernel, stride=stride)
        if preact
        else conv_bn(w_in, w, kernel, stride=stride, activation=act),
        pool=MaxPool2d(3, stride=2, padding=1) if pool else None,
    )


def _deep(
    w_in: Size,
    w: Size,
    act: str,
    *,
    first: Fraction = Fraction(1, 2),
    shrink: Literal["pool", "conv", "last"] = "pool",
    preact: bool = False,
) -> Layer:
    """Three 3x3 convolutions instead of a 7x7 one (He et al. 2019, *Bag of Tricks*, figure 2b).

    ``first``: width of the first over the stem's. ``shrink``: what strides behind the first: max-pooling, one more
    convolution, or the last of the three.
    """
    last = 2 if shrink == "last" else 1
    w_a, w_b = scaled_by(w, first), scaled_by(w, Fraction(1, 2))
    if preact:
        b, c = bn_conv(w_a, w_b, 3, activation=act), bn_conv(w_b, w, 3, stride=last, activation=act)
        a: Layer = Conv2d(w_in, w_a, 3, stride=2)
    else:
        b, c = conv_bn(w_a, w_b, 3, activation=act), conv_bn(w_b, w, 3, stride=last, activation=act)
        a = conv_bn(w_in, w_a, 3, stride=2, activation=act)
    return Sequential(
        a=a,
        b=b,
        c=c,
        d=conv_bn(w, w, 3, stride=2, activation=act) if shrink == "conv" else None,
        pool=MaxPool2d(3, stride=2, padding=1) if shrink == "pool" else None,
    )


def _patch(w_in: Size, w: Size, act: str) -> Layer:
    """4x4 patches and layer norm: ConvNeXt."""
    return Sequential(conv=Conv2d(w_in, w, 4, stride=4, padding=0, bias=True), norm=LayerNorm2d(w))


def _overlap(w_in: Size, w: Size, act: str, *, first: Fraction = Fraction(1)) -> Layer:
    """Two strided 3x3 convolutions and layer norm: timm's ConvNeXt with overlapping patches."""
    w_a = scaled_by(w, first)
    return Sequential(
        a=Conv2d(w_in, w_a, 3, stride=2, bias=True),
        b=Conv2d(w_a, w, 3, stride=2, bias=True),
        norm=LayerNorm2d(w),
    )


def _vgg(w_in: Size, w: Size, act: str, *, norm: bool) -> Layer:
    return Sequential(conv=Conv2d(w_in, w, 3, bias=True), bn=BatchNorm2d(w) if norm else None, act=Activation(act))


STEMS: Mapping[str, Stem] = MappingProxyType(
    {
        "conv3": partial(_conv, kernel=3, stride=2),  # RegNet, EfficientNet, MobileNet
        "cifar": partial(_conv, kernel=3, stride=1),
        "resnet": partial(_conv, kernel=7, stride=2, pool=True),
        "deep": _deep,  # ResNet-C and -D
        "deep-tiered": partial(_deep, first=Fraction(3, 8)),  # timm's ResNet-T
        "deep-conv": partial(_deep, shrink="conv"),  # ResNet-RS
        "deep-tiered-conv": partial(_deep, first=Fraction(3, 8), shrink="last"),  # timm's own RegNetZ
        "preact-conv3": partial(_conv, kernel=3, stride=2, preact=True),  # RegNetV
        "preact-resnet": partial(_conv, kernel=7, stride=2, pool=True, preact=True),  # ResNetV2
        "preact-deep": partial(_deep, preact=True),
        "preact-deep-tiered": partial(_deep, first=Fraction(3, 8), preact=True),
        "patch": _patch,
        "overlap": _overlap,
        "overlap-tiered": partial(_overlap, first=Fraction(1, 2)),
        "vgg": partial(_vgg, norm=False),
        "vgg-bn": partial(_vgg, norm=True),
    }
)
