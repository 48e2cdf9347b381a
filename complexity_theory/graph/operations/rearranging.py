"""What moves elements and computes nothing: reshaping, slicing, concatenation, padding, upsampling, shuffling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, divides, refuted, same
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.operations.base import Operation
from complexity_theory.graph.operations.convolutions import Sizes


class _Moving(Operation):
    """What moves elements without regard to what they are: the channels that come out are not told."""

    __slots__ = ()

    def channels(self, channels: Size | None) -> Size | None:
        return None


@final
@dataclass(frozen=True, slots=True)
class Flatten(_Moving):
    """All elements from the side numbered ``first`` on as one side.

    >>> Flatten().output(Shape(512, 7, 7)), Flatten(1).output(Shape(512, 7, 7))
    (Shape(25088), Shape(512, 49))
    """

    first: int = 0

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        if not 0 <= self.first <= shape.rank:
            raise InvalidInput(f"{self} takes an input of more sides than {shape}")
        return Shape(*shape.dims[: self.first], Shape(*shape.dims[self.first :]).elements)


@final
@dataclass(frozen=True, slots=True)
class Reshape(_Moving):
    """The same elements with the sides of ``shape``. Raises InvalidInput for an input of another number of elements.

    >>> Reshape(Shape(197, 12, 64)).output(Shape(197, 768)).dims
    (197, 12, 64)
    """

    shape: Shape

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Shape):
            raise InvalidInput(f"an input is reshaped to a Shape, not {self.shape!r}")

    def infer(self, *shapes: Shape) -> Shape:
        if not same(shapes[0].elements, self.shape.elements):
            raise InvalidInput(f"{shapes[0]} cannot be reshaped to {self.shape}: {shapes[0].elements} elements")
        return self.shape


@final
@dataclass(frozen=True, slots=True)
class Regroup(_Moving):
    """Neighbouring sides merged and split anew, whatever their sizes: for each group, how many sides of the input it
    merges, and the sides that it becomes (None, at most once: what is left).

    Raises InvalidInput where the sides do not divide.

    >>> windows = Regroup(((1, (None, 7)), (1, (None, 7)), (1, (None,))))
    >>> windows.output(Shape(56, 28, 96)).dims
    (8, 7, 4, 7, 96)
    """

    groups: tuple[tuple[int, tuple[Size | None, ...]], ...]

    def __post_init__(self) -> None:
        for merged, parts in self.groups:
            check_size("the number of sides merged", merged, least=0)
            if sum(part is None for part in parts) > 1:
                raise InvalidInput(f"at most one part of a group of sides is left open, not those of {parts}")
            for part in parts:
                if part is not None:
                    check_size("a part of a group of sides", part)

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        if sum(merged for merged, _ in self.groups) != shape.rank:
            raise InvalidInput(
                f"{self} takes an input of {sum(merged for merged, _ in self.groups)} sides, not {shape}"
            )
        dims: list[Size] = []
        at = 0
        for merged, parts in self.groups:
            whole = Shape(*shape.dims[at : at + merged]).elements
            known = Shape(*(part for part in parts if part is not None)).elements
            at += merged
            if None in parts and not divides(known, whole):
                raise InvalidInput(f"{self}: {known} does not divide {whole}")
            if None not in parts and not same(known, whole):
                raise InvalidInput(f"{self}: {whole} elements cannot be {known}")
            dims.extend(whole // known if part is None else part for part in parts)
        return Shape(*dims)


@final
@dataclass(frozen=True, slots=True)
class Other(_Moving):
    """A free operation by torch's name of it, of which only the ``shape`` that comes out is known (an index, a roll).

    It is counted and drawn as any other, and cannot be built.

    >>> Other("roll", Shape(56, 56, 96)).complexity(Shape(56, 56, 96))
    Complexity(flops=0, params=0, acts=0)
    """

    name: str
    shape: Shape
    arity: ClassVar[int | None] = None

    def infer(self, *shapes: Shape) -> Shape:
        return self.shape


@final
@dataclass(frozen=True, slots=True)
class Permute(_Moving):
    """The sides in another order: side i of the output is side ``order[i]`` of the input.

    >>> Permute((1, 2, 0)).output(Shape(64, 7, 5)).dims
    (7, 5, 64)
    """

    order: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.order, tuple) or sorted(self.order) != list(range(len(self.order))):
            raise InvalidInput(f"an order of sides holds each of 0, 1, ... once, not {self.order!r}")

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        if shape.rank != len(self.order):
            raise InvalidInput(f"{self} takes an input of {len(self.order)} sides, not {shape}")
        return Shape(*(shape.dims[i] for i in self.order))


def _at(operation: Operation, side: int, shape: Shape) -> int:
    if not -shape.rank <= side < shape.rank:
        raise InvalidInput(f"{operation} takes an input with a side {side}, not {shape}")
    return side % shape.rank


@final
@dataclass(frozen=True, slots=True)
class Concat(_Moving):
    """Its inputs one after the other along the side numbered ``side`` (0 the channels); all other sides are equal.

    >>> Concat().output(Shape(8, 4, 4), Shape(16, 4, 4))
    Shape(channels=24, height=4, width=4)
    """

    side: int = 0
    arity: ClassVar[int | None] = None

    def infer(self, *shapes: Shape) -> Shape:
        first, at = shapes[0], _at(self, self.side, shapes[0])
        length = first.dims[at]
        for other in shapes[1:]:
            rest = [(a, b) for i, (a, b) in enumerate(zip(first.dims, other.dims, strict=False)) if i != at]
            if other.rank != first.rank or not all(same(a, b) for a, b in rest):
                raise InvalidInput(f"{self}: {first} and {other} do not match")
            length = length + other.dims[at]
        return Shape(*first.dims[:at], length, *first.dims[at + 1 :])


@final
@dataclass(frozen=True, slots=True)
class Slice(_Moving):
    """``length`` elements from ``start`` along the side numbered ``side``: a part of a split, a crop.

    Raises InvalidInput where they lie beyond the input.

    >>> Slice(0, 8, 16).output(Shape(24, 4, 4))
    Shape(channels=16, height=4, width=4)
    """

    side: int
    start: Size
    length: Size

    def __post_init__(self) -> None:
        check_size("start", self.start, least=0)
        check_size("length", self.length)

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        at = _at(self, self.side, shape)
        if refuted(self.start + self.length <= shape.dims[at]):
            raise InvalidInput(f"{self} ends beyond side {at} of {shape}")
        return Shape(*shape.dims[:at], self.length, *shape.dims[at + 1 :])


@final
@dataclass(frozen=True, slots=True)
class Pad(_Moving):
    """Elements added before and after each of the last sides: ``amounts`` holds a (before, after) pair for each.

    ``mode``: constant, reflect, replicate or circular. Raises InvalidInput where nothing would be left.

    >>> Pad(((1, 2), (0, 1))).output(Shape(8, 4, 4))
    Shape(channels=8, height=7, width=5)
    """

    amounts: tuple[tuple[int, int], ...]
    mode: str = "constant"

    def channels(self, channels: Size | None) -> Size | None:
        return channels if len(self.amounts) <= 2 else None

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        if len(self.amounts) > shape.rank:
            raise InvalidInput(f"{self} takes an input of at least {len(self.amounts)} sides, not {shape}")
        kept = shape.rank - len(self.amounts)
        return Shape(
            *shape.dims[:kept],
            *(size + before + after for size, (before, after) in zip(shape.dims[kept:], self.amounts, strict=True)),
        )


@final
@dataclass(frozen=True, slots=True)
class Upsample(Operation):
    """A feature map with all sides but the channels times ``factor``, or of the given ``size``; counted as free.

    ``mode``: nearest, bilinear, bicubic, ... Exactly one of ``factor`` and ``size`` is given; each is one, or one for
    each side.

    >>> Upsample(2).output(Shape(8, 4, 6))
    Shape(channels=8, height=8, width=12)
    """

    factor: Sizes | None = None
    size: Sizes | None = None
    mode: str = "nearest"

    def __post_init__(self) -> None:
        if (self.factor is None) == (self.size is None):
            raise InvalidInput("an upsampling takes a factor or a size, one of them")

    def infer(self, *shapes: Shape) -> Shape:
        [shape] = shapes
        rank = shape.rank - 1
        given = self.factor if self.size is None else self.size
        settings = given if isinstance(given, tuple) else (given,) * rank
        if rank < 1 or len(settings) != rank:
            raise InvalidInput(f"{self} takes a feature map of {len(settings) or 1} sides beside channels, not {shape}")
        if self.size is not None:
            return Shape(shape.channels, *settings)
        return Shape(shape.channels, *(size * factor for size, factor in zip(shape.dims[1:], settings, strict=True)))


@final
@dataclass(frozen=True, slots=True)
class PixelShuffle(_Moving):
    """Channels to space: r^2 c x h x w to c x r h x r w. Raises InvalidInput where r^2 does not divide the channels.

    >>> PixelShuffle(2).output(Shape(16, 4, 4))
    Shape(channels=4, height=8, width=8)
    """

    factor: int

    def infer(self, *shapes: Shape) -> Shape:
        [shape], area = shapes, self.factor * self.factor
        if shape.rank != 3 or not divides(area, shape.channels):
            raise InvalidInput(f"{self} takes {area} c x height x width, not {shape}")
        return Shape(shape.channels // area, shape.height * self.factor, shape.width * self.factor)


@final
@dataclass(frozen=True, slots=True)
class PixelUnshuffle(_Moving):
    """Space to channels: c x r h x r w to r^2 c x h x w. Raises InvalidInput where r does not divide the sides.

    >>> PixelUnshuffle(2).output(Shape(4, 8, 8))
    Shape(channels=16, height=4, width=4)
    """

    factor: int

    def infer(self, *shapes: Shape) -> Shape:
        [shape], r = shapes, self.factor
        if shape.rank != 3 or not (divides(r, shape.height) and divides(r, shape.width)):
            raise InvalidInput(f"{self} takes channels x {r} h x {r} w, not {shape}")
        return Shape(shape.channels * r * r, shape.height // r, shape.width // r)


@final
@dataclass(frozen=True, slots=True)
class ChannelShuffle(Operation):
    """The channels of ``groups`` groups interleaved (ShuffleNet). Raises InvalidInput where they do not divide.

    >>> ChannelShuffle(2).output(Shape(16, 4, 4)).channels
    16
    """

    groups: int

    def infer(self, *shapes: Shape) -> Shape:
        if not divides(self.groups, shapes[0].channels):
            raise InvalidInput(f"{self.groups} groups do not divide the channels of {shapes[0]}")
        return shapes[0]
