"""Normalisation, and learned factors per channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, final

from complexity_theory.core.checks import check_flag, check_size, is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, divides, product, same
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations.base import PerChannel, ShapeKeeping


def _check_eps(eps: Any) -> None:
    if not (is_number(eps) and eps >= 0):
        raise InvalidInput(f"eps, which is added to a variance, is a number from 0, not {eps!r}")


@dataclass(frozen=True, slots=True)
class _Norm(PerChannel):
    """A norm over feature maps of any rank, channels first."""

    width: Size
    affine: bool = True
    eps: float = 1e-5
    params: ClassVar[int] = 2  # of each channel

    def __post_init__(self) -> None:
        check_size("width", self.width)
        check_flag("affine", self.affine)
        _check_eps(self.eps)

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=self.params * self.affine * self.width)


@final
@dataclass(frozen=True, slots=True)
class BatchNorm2d(_Norm):
    """Batch normalisation: 2 params per channel (scale and shift); no flops, no acts in this convention.

    >>> BatchNorm2d(32).complexity(Shape(32, 7, 7))
    Complexity(flops=0, params=64, acts=0)
    """


@final
@dataclass(frozen=True, slots=True)
class BatchNorm1d(_Norm):
    """``BatchNorm2d`` of channels x length, or of a flat input.

    >>> BatchNorm1d(32).complexity(Shape(32)).params
    64
    """


@final
@dataclass(frozen=True, slots=True)
class BatchNorm3d(_Norm):
    """``BatchNorm2d`` of channels x depth x height x width.

    >>> BatchNorm3d(32, affine=False).complexity(Shape(32, 2, 4, 4)).params
    0
    """


@final
@dataclass(frozen=True, slots=True)
class InstanceNorm(_Norm):
    """Instance normalisation of feature maps of any rank: 2 params per channel where it is affine.

    >>> InstanceNorm(32).complexity(Shape(32, 8, 8)).params
    0
    """

    affine: bool = False
    eps: float = 1e-5


@final
@dataclass(frozen=True, slots=True)
class GroupNorm(PerChannel):
    """Group normalisation in ``groups`` of channels: 2 params per channel. Raises InvalidInput unless they divide.

    >>> GroupNorm(8, 32).complexity(Shape(32, 8, 8)).params
    64
    """

    groups: Size
    width: Size
    affine: bool = True
    eps: float = 1e-5

    def __post_init__(self) -> None:
        _check_eps(self.eps)
        check_size("groups", self.groups)
        check_size("width", self.width)
        check_flag("affine", self.affine)
        if not divides(self.groups, self.width):
            raise InvalidInput(f"{self.groups} groups do not divide the width {self.width} of a group norm")

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=2 * int(self.affine) * self.width)


@final
@dataclass(frozen=True, slots=True)
class LayerNorm2d(PerChannel):
    """Layer normalisation over the channels of each position (ConvNeXt's): 2 params per channel.

    >>> LayerNorm2d(96).complexity(Shape(96, 56, 56)).params
    192
    """

    width: Size

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=2 * self.width)


@final
@dataclass(frozen=True, slots=True)
class LayerNorm(ShapeKeeping):
    """Layer normalisation over the last sides, of ``shape``: a scale and, where ``bias``, a shift for each element.

    Raises InvalidInput for an input whose last sides are others.

    >>> LayerNorm(Shape(768)).complexity(Shape(197, 768)).params
    1536
    """

    shape: Shape
    affine: bool = True
    bias: bool = True
    eps: float = 1e-5

    def __post_init__(self) -> None:
        _check_eps(self.eps)
        if not (isinstance(self.shape, Shape) and self.shape.rank):
            raise InvalidInput(f"a layer norm has the Shape of the last sides, not {self.shape!r}")
        check_flag("affine", self.affine)
        check_flag("bias", self.bias)

    def infer(self, *shapes: Shape) -> Shape:
        last = shapes[0].dims[-self.shape.rank :]
        if len(last) != self.shape.rank or not all(same(a, b) for a, b in zip(last, self.shape.dims, strict=True)):
            raise InvalidInput(f"a layer norm over {self.shape} takes ... x {self.shape}, not {shapes[0]}")
        return shapes[0]

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=product(self.shape.elements, int(self.affine) * (1 + int(self.bias))))


@final
@dataclass(frozen=True, slots=True)
class RMSNorm(ShapeKeeping):
    """Root-mean-square normalisation over the last side: 1 param per element of it.

    >>> RMSNorm(768).complexity(Shape(197, 768)).params
    768
    """

    width: Size
    eps: float | None = None  # None: the smallest step of the numbers

    def __post_init__(self) -> None:
        check_size("width", self.width)
        if self.eps is not None:
            _check_eps(self.eps)

    def infer(self, *shapes: Shape) -> Shape:
        if not (shapes[0].rank and same(shapes[0].dims[-1], self.width)):
            raise InvalidInput(f"{self} takes ... x {self.width}, not {shapes[0]}")
        return shapes[0]

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=self.width)


@final
@dataclass(frozen=True, slots=True)
class LayerScale(PerChannel):
    """A learned factor per channel (ConvNeXt's layer scale): 1 param per channel.

    >>> LayerScale(96).complexity(Shape(96, 56, 56)).params
    96
    """

    width: Size

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(params=self.width)
