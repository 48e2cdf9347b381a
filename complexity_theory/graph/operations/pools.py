"""Pooling over windows, over grids of cells, and over whole sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from complexity_theory.core.checks import check_choice, check_flag
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, ceil_div, refuted
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations.base import Operation, check_sizes, map_sides, sizes, window
from complexity_theory.graph.operations.convolutions import Sizes


@dataclass(frozen=True, slots=True)
class _Pool(Operation):
    """A pooling window; its output elements count as acts, as in pycls."""

    kernel: Sizes
    stride: Sizes
    padding: Sizes = 0
    ceil: bool = False
    rank: ClassVar[int]

    def __post_init__(self) -> None:
        check_sizes("kernel", self.kernel, self.rank)
        check_sizes("stride", self.stride, self.rank)
        check_sizes("padding", self.padding, self.rank, least=0)
        check_flag("ceil", self.ceil)
        for k, _s, p in zip(*(sizes(v, self.rank) for v in (self.kernel, self.stride, self.padding)), strict=True):
            if refuted(2 * p <= k):
                raise InvalidInput(f"padding {p} is more than half the pooling kernel {k}")

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        sides = map_sides(self, shape, self.rank)
        settings = zip(sides, *(sizes(v, self.rank) for v in (self.kernel, self.stride, self.padding)), strict=True)
        return Shape(shape.channels, *(self._windows(*setting) for setting in settings))

    def _windows(self, size: Size, kernel: Size, stride: Size, padding: Size) -> Size:
        # To round the number of windows up is to have room for all but one element of another step; none starts
        # behind the input and the padding before it.
        if self.ceil and refuted(stride + padding <= kernel):
            if refuted(stride + padding >= kernel):
                raise InvalidInput(f"with ceil, arrays of {self} have windows both within and behind the input")
            return ceil_div(size + padding, stride)
        return window(size + (stride - 1 if self.ceil else 0), kernel, stride, padding)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(acts=output.elements)


@final
@dataclass(frozen=True, slots=True)
class MaxPool2d(_Pool):
    """Max pooling: no flops or params; acts = output elements (pycls counts them, fvcore does not: ``conventions``).

    ``ceil``: a last window that sticks out of the padded input counts too.

    >>> MaxPool2d(3, stride=2, padding=1).output(Shape(64, 112, 112))
    Shape(channels=64, height=56, width=56)
    """

    rank: ClassVar[int] = 2


@final
@dataclass(frozen=True, slots=True)
class AvgPool2d(_Pool):
    """Average pooling over windows (the mean is of all elements but those beyond the padding): acts = output elements.

    ``ceil``: a last window that sticks out of the padded input counts too.

    >>> AvgPool2d(2, stride=2).complexity(Shape(64, 8, 8))
    Complexity(flops=0, params=0, acts=1024)
    """

    rank: ClassVar[int] = 2


@final
@dataclass(frozen=True, slots=True)
class MaxPool1d(_Pool):
    """``MaxPool2d`` over one side.

    >>> MaxPool1d(2, stride=2).output(Shape(8, 10))
    Shape(8, 5)
    """

    rank: ClassVar[int] = 1


@final
@dataclass(frozen=True, slots=True)
class AvgPool1d(_Pool):
    """``AvgPool2d`` over one side.

    >>> AvgPool1d(2, stride=2).output(Shape(8, 10))
    Shape(8, 5)
    """

    rank: ClassVar[int] = 1


@final
@dataclass(frozen=True, slots=True)
class MaxPool3d(_Pool):
    """``MaxPool2d`` over three sides.

    >>> MaxPool3d(2, stride=2).output(Shape(8, 4, 6, 8))
    Shape(8, 2, 3, 4)
    """

    rank: ClassVar[int] = 3


@final
@dataclass(frozen=True, slots=True)
class AvgPool3d(_Pool):
    """``AvgPool2d`` over three sides.

    >>> AvgPool3d(2, stride=2).output(Shape(8, 4, 6, 8))
    Shape(8, 2, 3, 4)
    """

    rank: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class _AdaptivePool(Operation):
    """Pooling over a grid of ``size`` cells on each side, whatever the input's size; counted as free."""

    size: Sizes

    def __post_init__(self) -> None:
        check_sizes("size", self.size, len(self.size) if isinstance(self.size, tuple) else 1)

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        rank = len(self.size) if isinstance(self.size, tuple) else max(shape.rank - 1, 1)
        map_sides(self, shape, rank)
        return Shape(shape.channels, *sizes(self.size, rank))


@final
@dataclass(frozen=True, slots=True)
class AdaptiveAvgPool2d(_AdaptivePool):
    """The means over a grid of ``size`` x ``size`` cells, whatever the input's size; counted as free (VGG's pooling).

    ``size``: one, or one for each side (of any number).

    >>> AdaptiveAvgPool2d(7).output(Shape(512, 10, 9))
    Shape(channels=512, height=7, width=7)
    """


@final
@dataclass(frozen=True, slots=True)
class AdaptiveMaxPool2d(_AdaptivePool):
    """The maxima over a grid of ``size`` cells; counted as free.

    >>> AdaptiveMaxPool2d((2, 1)).output(Shape(512, 10, 9))
    Shape(channels=512, height=2, width=1)
    """


@final
@dataclass(frozen=True, slots=True)
class GlobalAvgPool2d(Operation):
    """The mean over all sides but the channels, as w x 1 x 1 (of a map); counted as free (as in pycls).

    >>> GlobalAvgPool2d().output(Shape(64, 7, 5))
    Shape(channels=64, height=1, width=1)
    """

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        if shape.rank < 2:
            raise InvalidInput(f"{self} takes a feature map of channels x height x width, not {shape}")
        return Shape(shape.channels, *((1,) * (shape.rank - 1)))


REDUCTIONS = ("mean", "sum", "amax", "amin", "std", "var", "prod", "norm", "argmax")


@final
@dataclass(frozen=True, slots=True)
class Reduce(Operation):
    """A ``kind`` of reduction (``REDUCTIONS``) over the sides numbered ``sides`` (0 the first); counted as free.

    ``keep``: reduced sides stay, as 1. Raises InvalidInput for unknown kinds and sides.

    >>> Reduce("mean", (1, 2)).output(Shape(64, 7, 5))
    Shape(64)
    """

    kind: str
    sides: tuple[int, ...]
    keep: bool = False

    def __post_init__(self) -> None:
        check_choice("reduction", self.kind, REDUCTIONS)
        if not isinstance(self.sides, tuple) or not all(type(side) is int and side >= 0 for side in self.sides):
            raise InvalidInput(f"sides to reduce are a tuple of numbers from 0, not {self.sides!r}")
        check_flag("keep", self.keep)

    def channels(self, channels: Size | None) -> Size | None:
        return None if 0 in self.sides else channels

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        if any(side >= shape.rank for side in self.sides):
            raise InvalidInput(f"{self} takes an input of more sides than {shape}")
        kept = [(i, size) for i, size in enumerate(shape.dims) if self.keep or i not in self.sides]
        return Shape(*(1 if i in self.sides else size for i, size in kept))
