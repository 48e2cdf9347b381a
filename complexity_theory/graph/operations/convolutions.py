"""Convolutions and transposed convolutions over one, two or three sides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, final

from complexity_theory.core.checks import check_flag, check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, divides, product, refuted
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations.base import Operation, check_same_padding, check_sizes, map_sides, sizes, window

# One size for all sides, or one for each.
Sizes: TypeAlias = "Size | tuple[Size, ...]"


class _Convolving(Operation):
    """What convolutions and transposed convolutions share: widths, groups, the kernel."""

    __slots__ = ()
    rank: ClassVar[int]
    w_in: Size
    w_out: Size
    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    group_width: Size | None
    bias: bool

    def _check(self) -> None:
        check_size("w_in", self.w_in)
        check_size("w_out", self.w_out)
        for name in ("kernel", "stride", "dilation"):
            check_sizes(name, getattr(self, name), self.rank)
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
    def kernel_sides(self) -> tuple[Size, ...]:
        """The kernel, a size for each side."""
        return sizes(self.kernel, self.rank)

    def channels(self, channels: Size | None) -> Size:
        self._accept(channels, self.w_in)
        return self.w_out


@dataclass(frozen=True, slots=True)
class _Conv(_Convolving):
    w_in: Size
    w_out: Size
    kernel: Sizes
    stride: Sizes = 1
    padding: Sizes | None = None
    dilation: Sizes = 1
    group_width: Size | None = None
    bias: bool = False

    def __post_init__(self) -> None:
        self._check()
        if self.padding is None:
            check_same_padding("a convolution", self.kernel_sides, sizes(self.dilation, self.rank))
        else:
            check_sizes("padding", self.padding, self.rank, least=0)

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        sides, n = map_sides(self, shape, self.rank), self.rank
        self._accept(shape.channels, self.w_in)
        if self.padding is None and type(self.stride) is int and self.stride == 1:
            return Shape(self.w_out, *sides)  # as most do
        padding = (None,) * n if self.padding is None else sizes(self.padding, n)
        kernel, stride, dilation = self.kernel_sides, sizes(self.stride, n), sizes(self.dilation, n)
        return Shape(self.w_out, *map(window, sides, kernel, stride, padding, dilation))

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        acts = output.elements
        group_width = self.w_in if self.group_width is None else self.group_width
        inputs_per_output = math.prod(sizes(self.kernel, self.rank)) * group_width + int(self.bias)
        return Complexity(product(inputs_per_output, acts), product(inputs_per_output, self.w_out), acts)


@final
@dataclass(frozen=True, slots=True)
class Conv2d(_Conv):
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

    rank: ClassVar[int] = 2


@final
@dataclass(frozen=True, slots=True)
class Conv1d(_Conv):
    """``Conv2d`` over one side (channels x length).

    >>> Conv1d(16, 32, 3, stride=2).complexity(Shape(16, 10))
    Complexity(flops=7680, params=1536, acts=160)
    """

    rank: ClassVar[int] = 1


@final
@dataclass(frozen=True, slots=True)
class Conv3d(_Conv):
    """``Conv2d`` over three sides (channels x depth x height x width).

    >>> Conv3d(4, 8, (1, 3, 3)).complexity(Shape(4, 2, 5, 5))
    Complexity(flops=14400, params=288, acts=400)
    """

    rank: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class _ConvTranspose(_Convolving):
    w_in: Size
    w_out: Size
    kernel: Sizes
    stride: Sizes = 1
    padding: Sizes = 0
    output_padding: Sizes = 0
    dilation: Sizes = 1
    group_width: Size | None = None
    bias: bool = False

    def __post_init__(self) -> None:
        self._check()
        check_sizes("padding", self.padding, self.rank, least=0)
        check_sizes("output_padding", self.output_padding, self.rank, least=0)

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        sides, n = map_sides(self, shape, self.rank), self.rank
        self._accept(shape.channels, self.w_in)
        settings = zip(
            sides,
            self.kernel_sides,
            *(sizes(value, n) for value in (self.stride, self.padding, self.output_padding, self.dilation)),
            strict=True,
        )
        found = [(size - 1) * s - 2 * p + d * (k - 1) + o + 1 for size, k, s, p, o, d in settings]
        for size, out in zip(sides, found, strict=True):
            if refuted(out >= 1):
                raise InvalidInput(f"{self} leaves nothing of a side of {size}: its padding takes all away")
        return Shape(self.w_out, *found)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        [shape] = shapes
        acts, volume = output.elements, math.prod(self.kernel_sides)
        # Each input element meets the kernel once for each output channel of its group.
        outputs_per_group = self.w_out if self.group_width is None else self.w_out * self.group_width // self.w_in
        bias = int(self.bias)
        return Complexity(
            flops=product(shape.elements, volume * outputs_per_group) + bias * acts,
            params=product(self.w_in, volume * outputs_per_group) + bias * self.w_out,
            acts=acts,
        )


@final
@dataclass(frozen=True, slots=True)
class ConvTranspose2d(_ConvTranspose):
    """A transposed convolution (the gradient of ``Conv2d``), in groups of ``group_width`` input channels.

    flops = k_h k_w (w_out / groups) per input element; a bias adds a flop per output and a param per channel. An output
    side is (side - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.
    Raises InvalidInput for sizes below 1, a group width that does not divide, an output without elements.

    >>> ConvTranspose2d(3, 1, 2, stride=2, bias=True).complexity(Shape(3, 2, 2))
    Complexity(flops=64, params=13, acts=16)
    """

    rank: ClassVar[int] = 2


@final
@dataclass(frozen=True, slots=True)
class ConvTranspose1d(_ConvTranspose):
    """``ConvTranspose2d`` over one side.

    >>> ConvTranspose1d(4, 2, 2, stride=2).output(Shape(4, 5))
    Shape(2, 10)
    """

    rank: ClassVar[int] = 1


@final
@dataclass(frozen=True, slots=True)
class ConvTranspose3d(_ConvTranspose):
    """``ConvTranspose2d`` over three sides.

    >>> ConvTranspose3d(4, 2, 2, stride=2).output(Shape(4, 2, 3, 4))
    Shape(2, 4, 6, 8)
    """

    rank: ClassVar[int] = 3
