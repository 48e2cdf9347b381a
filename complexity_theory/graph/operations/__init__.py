"""The leaves. The only place with a cost formula.

A leaf is a frozen dataclass with ``output(shape)`` and ``complexity(shape)``. Conventions (pycls's): flops are
multiply-adds of convolutions and linear layers plus one per output with a bias; acts are the output elements of
convolutions, linear layers and pooling windows; normalisation costs params alone, all else nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

from complexity_theory.core.checks import check_flag, check_pair, check_size, is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Pair, Size, ceil_div, divides, pair, product, refuted, same
from complexity_theory.graph.complexity import Complexity, Shape

ACTIVATIONS = ("relu", "relu6", "silu", "gelu", "sigmoid", "hardswish", "hardsigmoid", "tanh")


class Layer(ABC):
    """Anything that maps a feature map to a feature map at a cost: a leaf here, or a combinator of ``compose``."""

    __slots__ = ()

    @abstractmethod
    def output(self, shape: Shape) -> Shape:
        """The output shape for an input of ``shape``. Raises InvalidInput where the input does not fit."""

    @abstractmethod
    def complexity(self, shape: Shape) -> Complexity:
        """The cost on an input of ``shape``: flops (multiply-adds), params (elements), acts (elements)."""

    def channels(self, channels: Size | None) -> Size | None:
        """The channels that come out where ``channels`` go in (None: not known). Raises InvalidInput on a mismatch."""
        return channels

    def _accept(self, channels: Size | None, expected: Size) -> None:
        if channels is not None and not same(channels, expected):
            raise InvalidInput(f"{self} takes {expected} channels, not {channels}")


def _check_shape(shape: object) -> None:
    if not isinstance(shape, Shape):
        raise InvalidInput(f"a layer takes a Shape(channels, height, width), not {shape!r}")


class _Free(Layer):
    """A layer that keeps the shape and costs nothing."""

    __slots__ = ()

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        return shape

    def complexity(self, shape: Shape) -> Complexity:
        return Complexity()


def _window(size: Size, kernel: Size, stride: Size, padding: Size | None, dilation: Size = 1) -> Size:
    """Number of places of a sliding window along one side; padding None keeps the size at stride 1."""
    span = dilation * (kernel - 1)
    room = size + (span if padding is None else 2 * padding) - span
    if refuted(room >= 1):
        raise InvalidInput(
            f"a kernel of {kernel} (dilation {dilation}) is larger than its padded input: {size} + 2 * {padding}"
        )
    return ceil_div(room, stride)


def _check_same_padding(name: str, kernel: Pair, dilation: Pair) -> None:
    for k, d in zip(pair(kernel), pair(dilation), strict=True):
        if not divides(2, d * (k - 1)):
            raise InvalidInput(f"{name} of even kernel {k} at dilation {d} has no symmetric default: give padding")


@final
@dataclass(frozen=True, slots=True)
class Conv2d(Layer):
    """A convolution in groups of ``group_width`` input channels: dense (None, the default), group, or depthwise (1).

    ``kernel``, ``stride``, ``padding``, ``dilation``: one size or a (height, width) pair; padding None is the symmetric
    one that keeps the size at stride 1 (odd kernels). flops = k_h k_w g w_out h w, params = k_h k_w g w_out,
    acts = w_out h w, for an output of h x w (Dollár et al. 2021, section 3); a bias adds a flop per output and a param
    per channel.
    Raises InvalidInput for sizes below 1, a group width that does not divide, a kernel larger than its padded input.

    >>> Conv2d(16, 32, 3).complexity(Shape(16, 8, 8))
    Complexity(flops=294912, params=4608, acts=2048)
    >>> Conv2d(16, 16, 3, group_width=1, stride=2).complexity(Shape(16, 8, 8))
    Complexity(flops=2304, params=144, acts=256)
    """

    w_in: Size
    w_out: Size
    kernel: Pair
    stride: Pair = 1
    padding: Pair | None = None
    dilation: Pair = 1
    group_width: Size | None = None
    bias: bool = False

    def __post_init__(self) -> None:
        check_size("w_in", self.w_in)
        check_size("w_out", self.w_out)
        check_pair("kernel", self.kernel)
        check_pair("stride", self.stride)
        check_pair("dilation", self.dilation)
        if self.padding is None:
            _check_same_padding("a convolution", self.kernel, self.dilation)
        else:
            check_pair("padding", self.padding, least=0)
        if self.group_width is not None:
            check_size("group_width", self.group_width)
            if not divides(self.group_width, self.w_in):
                raise InvalidInput(f"group_width {self.group_width} does not divide the input width {self.w_in}")
            if not divides(self.groups, self.w_out):
                raise InvalidInput(f"{self.groups} groups do not divide the output width {self.w_out}")
        check_flag("bias", self.bias)

    @property
    def groups(self) -> Size:
        """Number of groups: input width over group width."""
        return 1 if self.group_width is None else self.w_in // self.group_width

    @property
    def _g(self) -> Size:
        return self.w_in if self.group_width is None else self.group_width

    def channels(self, channels: Size | None) -> Size:
        self._accept(channels, self.w_in)
        return self.w_out

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        self._accept(shape.channels, self.w_in)
        k, s, d = pair(self.kernel), pair(self.stride), pair(self.dilation)
        p = (None, None) if self.padding is None else pair(self.padding)
        return Shape(
            self.w_out,
            _window(shape.height, k[0], s[0], p[0], d[0]),
            _window(shape.width, k[1], s[1], p[1], d[1]),
        )

    def complexity(self, shape: Shape) -> Complexity:
        acts = self.output(shape).elements
        k_h, k_w = pair(self.kernel)
        inputs_per_output = k_h * k_w * self._g + int(self.bias)
        return Complexity(
            flops=product(inputs_per_output, acts),
            params=product(inputs_per_output, self.w_out),
            acts=acts,
        )


@final
@dataclass(frozen=True, slots=True)
class Linear(Layer):
    """A linear layer on a flat input (w_in x 1 x 1): flops = params = w_in w_out (+ w_out with a bias), acts = w_out.

    >>> Linear(1280, 1000).complexity(Shape(1280, 1, 1))
    Complexity(flops=1281000, params=1281000, acts=1000)
    """

    w_in: Size
    w_out: Size
    bias: bool = True

    def __post_init__(self) -> None:
        check_size("w_in", self.w_in)
        check_size("w_out", self.w_out)
        check_flag("bias", self.bias)

    def channels(self, channels: Size | None) -> Size:
        self._accept(channels, self.w_in)
        return self.w_out

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        self._accept(shape.channels, self.w_in)
        if not (same(shape.height, 1) and same(shape.width, 1)):
            raise InvalidInput(f"{self} takes a flat input, not {shape}: put a Flatten or GlobalAvgPool2d before it")
        return Shape(self.w_out, 1, 1)

    def complexity(self, shape: Shape) -> Complexity:
        self.output(shape)
        weights = product(self.w_in + int(self.bias), self.w_out)
        return Complexity(flops=weights, params=weights, acts=self.w_out)


class _PerChannel(Layer):
    """A layer of fixed width that keeps the shape and costs only a number of params per channel."""

    __slots__ = ()

    width: Size

    def __post_init__(self) -> None:
        check_size("width", self.width)

    def channels(self, channels: Size | None) -> Size:
        self._accept(channels, self.width)
        return self.width

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        self._accept(shape.channels, self.width)
        return shape

    def _per_channel(self, shape: Shape, params: int) -> Complexity:
        self.output(shape)
        return Complexity(params=params * self.width)


@final
@dataclass(frozen=True, slots=True)
class BatchNorm2d(_PerChannel):
    """Batch normalisation: 2 params per channel (scale and shift); no flops, no acts in this convention.

    >>> BatchNorm2d(32).complexity(Shape(32, 7, 7))
    Complexity(flops=0, params=64, acts=0)
    """

    width: Size

    def complexity(self, shape: Shape) -> Complexity:
        return self._per_channel(shape, 2)


@final
@dataclass(frozen=True, slots=True)
class LayerNorm2d(_PerChannel):
    """Layer normalisation over the channels of each position (ConvNeXt's): 2 params per channel.

    >>> LayerNorm2d(96).complexity(Shape(96, 56, 56)).params
    192
    """

    width: Size

    def complexity(self, shape: Shape) -> Complexity:
        return self._per_channel(shape, 2)


@final
@dataclass(frozen=True, slots=True)
class LayerScale(_PerChannel):
    """A learned factor per channel (ConvNeXt's layer scale): 1 param per channel.

    >>> LayerScale(96).complexity(Shape(96, 56, 56)).params
    96
    """

    width: Size

    def complexity(self, shape: Shape) -> Complexity:
        return self._per_channel(shape, 1)


class _Pool2d(Layer):
    """A pooling window; its output elements count as acts, as in pycls."""

    __slots__ = ()

    kernel: Pair
    stride: Pair
    padding: Pair
    ceil: bool

    def __post_init__(self) -> None:
        check_pair("kernel", self.kernel)
        check_pair("stride", self.stride)
        check_pair("padding", self.padding, least=0)
        check_flag("ceil", self.ceil)
        for k, s, p in zip(pair(self.kernel), pair(self.stride), pair(self.padding), strict=True):
            if refuted(2 * p <= k):
                raise InvalidInput(f"padding {p} is more than half the pooling kernel {k}")
            if self.ceil and refuted(s + p <= k):
                raise InvalidInput(f"with ceil a window could lie outside: stride {s} + padding {p} > kernel {k}")

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        k, s, p = pair(self.kernel), pair(self.stride), pair(self.padding)
        # To round the number of windows up is to have room for all but one element of another step.
        room = [step - 1 if self.ceil else 0 for step in s]
        return Shape(
            shape.channels,
            _window(shape.height + room[0], k[0], s[0], p[0]),
            _window(shape.width + room[1], k[1], s[1], p[1]),
        )

    def complexity(self, shape: Shape) -> Complexity:
        return Complexity(acts=self.output(shape).elements)


@final
@dataclass(frozen=True, slots=True)
class MaxPool2d(_Pool2d):
    """Max pooling: no flops or params; acts = output elements (pycls counts them, fvcore does not: ``conventions``).

    ``ceil``: a last window that sticks out of the padded input counts too.

    >>> MaxPool2d(3, stride=2, padding=1).output(Shape(64, 112, 112))
    Shape(channels=64, height=56, width=56)
    """

    kernel: Pair
    stride: Pair
    padding: Pair = 0
    ceil: bool = False


@final
@dataclass(frozen=True, slots=True)
class AvgPool2d(_Pool2d):
    """Average pooling over windows (the mean is of all elements but those beyond the padding): acts = output elements.

    ``ceil``: a last window that sticks out of the padded input counts too.

    >>> AvgPool2d(2, stride=2).complexity(Shape(64, 8, 8))
    Complexity(flops=0, params=0, acts=1024)
    """

    kernel: Pair
    stride: Pair
    padding: Pair = 0
    ceil: bool = False


@final
@dataclass(frozen=True, slots=True)
class GlobalAvgPool2d(_Free):
    """The mean over height and width, as w x 1 x 1; counted as free (as in pycls).

    >>> GlobalAvgPool2d().output(Shape(64, 7, 5))
    Shape(channels=64, height=1, width=1)
    """

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        return Shape(shape.channels, 1, 1)


@final
@dataclass(frozen=True, slots=True)
class AdaptiveAvgPool2d(_Free):
    """The means over a grid of ``size`` x ``size`` cells, whatever the input's size; counted as free (VGG's pooling).

    >>> AdaptiveAvgPool2d(7).output(Shape(512, 10, 9))
    Shape(channels=512, height=7, width=7)
    """

    size: Size

    def __post_init__(self) -> None:
        check_size("size", self.size)

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        return Shape(shape.channels, self.size, self.size)


@final
@dataclass(frozen=True, slots=True)
class Flatten(_Free):
    """All elements as channels of one position.

    >>> Flatten().output(Shape(512, 7, 7))
    Shape(channels=25088, height=1, width=1)
    """

    def channels(self, channels: Size | None) -> None:
        return None

    def output(self, shape: Shape) -> Shape:
        _check_shape(shape)
        return Shape(shape.elements, 1, 1)


@final
@dataclass(frozen=True, slots=True)
class Activation(_Free):
    """An elementwise function by name (``ACTIVATIONS``); counted as free. Raises InvalidInput for an unknown name.

    >>> Activation("silu").complexity(Shape(8, 4, 4))
    Complexity(flops=0, params=0, acts=0)
    """

    kind: str = "relu"

    def __post_init__(self) -> None:
        if self.kind not in ACTIVATIONS:
            raise InvalidInput(f"unknown activation {self.kind!r}: one of {', '.join(ACTIVATIONS)}")


@final
@dataclass(frozen=True, slots=True)
class Dropout(_Free):
    """Dropout of elements with probability ``p`` in training; free.

    >>> Dropout(0.2).output(Shape(8, 1, 1))
    Shape(channels=8, height=1, width=1)
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        if not (is_number(self.p) and 0 <= self.p <= 1):
            raise InvalidInput(f"a dropout probability lies in 0..1, not {self.p!r}")
