"""What blocks, stems and heads are put together from."""

from __future__ import annotations

from fractions import Fraction

from complexity_theory.core.sizes import Pair, Size, nearest
from complexity_theory.graph.compose import Gate, Sequential
from complexity_theory.graph.operations import Activation, BatchNorm2d, Conv2d, GlobalAvgPool2d


def conv_bn(
    w_in: Size,
    w_out: Size,
    kernel: Pair,
    *,
    stride: Size = 1,
    dilation: Pair = 1,
    group_width: Size | None = None,
    activation: str | None = None,
) -> Sequential:
    """Convolution, batch norm and, where named, an activation."""
    return Sequential(
        conv=Conv2d(w_in, w_out, kernel, stride=stride, dilation=dilation, group_width=group_width),
        bn=BatchNorm2d(w_out),
        act=None if activation is None else Activation(activation),
    )


def bn_conv(
    w_in: Size,
    w_out: Size,
    kernel: Pair,
    *,
    stride: Size = 1,
    dilation: Pair = 1,
    group_width: Size | None = None,
    activation: str,
) -> Sequential:
    """Batch norm, activation, convolution: the order of pre-activation networks."""
    return Sequential(
        bn=BatchNorm2d(w_in),
        act=Activation(activation),
        conv=Conv2d(w_in, w_out, kernel, stride=stride, dilation=dilation, group_width=group_width),
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
