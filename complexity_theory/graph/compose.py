"""The combinators, and the one walk over a tree of layers from which every total is read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, cast, final

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, product, same
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations import Layer


class Visit(NamedTuple):
    """A leaf met on a ``walk``: where it stands, what goes in and comes out, and how often it stands in the tree."""

    path: tuple[str, ...]
    layer: Layer
    shape: Shape
    output: Shape
    times: Size


# Yields the leaves in order and returns the output shape.
Walk: TypeAlias = Generator[Visit, None, Shape]


class Composite(Layer):
    """A layer made of layers. It says once how a feature map goes through its parts; output and cost follow."""

    __slots__ = ()

    @abstractmethod
    def walk(self, shape: Shape, path: tuple[str, ...], times: Size) -> Walk:
        """The walks over the parts, each at its path and multiplicity; returns the output shape."""

    def output(self, shape: Shape) -> Shape:
        steps = self.walk(shape, (), 1)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return cast(Shape, end.value)

    def complexity(self, shape: Shape) -> Complexity:
        total = Complexity()
        for visit in walk(self, shape):
            total = total + visit.times * visit.layer.complexity(visit.shape)
        return total


def walk(layer: Layer, shape: Shape, path: tuple[str, ...] = (), times: Size = 1) -> Walk:
    """Every leaf of a tree in order, with its shapes and multiplicity (a repeated part is met once).

    Raises InvalidInput where shapes do not fit.

    >>> from complexity_theory.graph.operations import Activation, Conv2d
    >>> tree = Repeat(Sequential(conv=Conv2d(8, 8, 3), act=Activation()), 5)
    >>> [("/".join(v.path), v.times) for v in walk(tree, Shape(8, 4, 4))]
    [('each/conv', 5), ('each/act', 5)]
    """
    if isinstance(layer, Composite):
        return (yield from layer.walk(shape, path, times))
    output = layer.output(shape)
    yield Visit(path, layer, shape, output, times)
    return output


def _check_layer(what: str, part: object) -> None:
    if not isinstance(part, Layer):
        raise InvalidInput(f"{what} must be a layer, not {part!r}")


def _check_same_shape(what: str, a: Shape, b: Shape) -> None:
    if not (same(a.channels, b.channels) and same(a.height, b.height) and same(a.width, b.width)):
        raise InvalidInput(f"{what}: {a} and {b} do not match")


def _check_same_channels(what: str, a: Size | None, b: Size | None) -> None:
    if a is not None and b is not None and not same(a, b):
        raise InvalidInput(f"{what}: {a} and {b} channels do not match")


@final
@dataclass(frozen=True, slots=True, init=False)
class Sequential(Composite):
    """Layers one after the other, by position or by name; a part that is None is left out.

    Raises InvalidInput where the channels of neighbours do not match.

    >>> from complexity_theory.graph.operations import BatchNorm2d, Conv2d
    >>> Sequential(conv=Conv2d(3, 8, 3), bn=BatchNorm2d(8)).complexity(Shape(3, 4, 4)).params
    232
    """

    parts: tuple[tuple[str, Layer], ...]

    def __init__(self, *parts: Layer | None, **named: Layer | None) -> None:
        pairs: list[tuple[str, Any]] = [*((str(i), p) for i, p in enumerate(parts)), *named.items()]
        object.__setattr__(self, "parts", tuple((name, part) for name, part in pairs if part is not None))
        for name, part in self.parts:
            _check_layer(f"part {name!r} of a Sequential", part)
        self.channels(None)

    def channels(self, channels: Size | None) -> Size | None:
        for _, part in self.parts:
            channels = part.channels(channels)
        return channels

    def walk(self, shape: Shape, path: tuple[str, ...], times: Size) -> Walk:
        for name, part in self.parts:
            shape = yield from walk(part, shape, (*path, name), times)
        return shape


@final
@dataclass(frozen=True, slots=True)
class Residual(Composite):
    """``body(x) + shortcut(x)``; without a shortcut, ``body(x) + x``. Raises InvalidInput where the two do not match.

    >>> from complexity_theory.graph.operations import Conv2d
    >>> Residual(Conv2d(8, 8, 3)).complexity(Shape(8, 4, 4)).acts
    128
    """

    body: Layer
    shortcut: Layer | None = None

    def __post_init__(self) -> None:
        _check_layer("the body of a Residual", self.body)
        if self.shortcut is not None:
            _check_layer("the shortcut of a Residual", self.shortcut)
        out = self.channels(None)
        if self.shortcut is None:
            self.channels(out)  # what comes out must be able to go in

    def channels(self, channels: Size | None) -> Size | None:
        beside = channels if self.shortcut is None else self.shortcut.channels(channels)
        out = self.body.channels(channels)
        _check_same_channels("the body and the shortcut of a Residual", out, beside)
        return beside if out is None else out

    def walk(self, shape: Shape, path: tuple[str, ...], times: Size) -> Walk:
        out = yield from walk(self.body, shape, (*path, "body"), times)
        beside = shape
        if self.shortcut is not None:
            beside = yield from walk(self.shortcut, shape, (*path, "shortcut"), times)
        _check_same_shape("the body and the shortcut of a Residual", out, beside)
        return out


@final
@dataclass(frozen=True, slots=True)
class Gate(Composite):
    """``x * body(x)`` with a body that gives one factor per channel (squeeze-excite). Raises InvalidInput otherwise.

    >>> from complexity_theory.graph.operations import Conv2d, GlobalAvgPool2d
    >>> Gate(Sequential(GlobalAvgPool2d(), Conv2d(8, 8, 1, bias=True))).complexity(Shape(8, 4, 4))
    Complexity(flops=72, params=72, acts=8)
    """

    body: Layer

    def __post_init__(self) -> None:
        _check_layer("the body of a Gate", self.body)
        self.channels(self.channels(None))  # what comes out must be able to go in

    def channels(self, channels: Size | None) -> Size | None:
        out = self.body.channels(channels)
        _check_same_channels("the input and the body of a Gate", channels, out)
        return out if channels is None else channels

    def walk(self, shape: Shape, path: tuple[str, ...], times: Size) -> Walk:
        out = yield from walk(self.body, shape, (*path, "gate"), times)
        _check_same_shape("the body of a Gate and one factor per channel", out, Shape(shape.channels, 1, 1))
        return shape


@final
@dataclass(frozen=True, slots=True)
class Repeat(Composite):
    """``times`` copies of ``part`` in a row, each with its own params; ``times`` may be 0, a symbol or an int64 array.

    Raises InvalidInput unless the part keeps the shape of its input.

    >>> from complexity_theory.graph.operations import Conv2d
    >>> Repeat(Conv2d(8, 8, 3), 5).complexity(Shape(8, 4, 4)).params
    2880
    """

    part: Layer
    times: Size

    def __post_init__(self) -> None:
        _check_layer("what a Repeat repeats", self.part)
        check_size("times", self.times, least=0)
        self.channels(self.channels(None))  # what comes out must be able to go in

    def channels(self, channels: Size | None) -> Size | None:
        out = self.part.channels(channels)
        _check_same_channels("the input and the output of a repeated part", channels, out)
        return out if channels is None else channels

    def walk(self, shape: Shape, path: tuple[str, ...], times: Size) -> Walk:
        out = yield from walk(self.part, shape, (*path, "each"), product(times, self.times))
        _check_same_shape("a part can be repeated only if it keeps the shape", out, shape)
        return shape
