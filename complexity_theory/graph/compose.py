"""The composites that people write (a sequence, a residual, a gate, repetition), and the one walk over values.

A composite says once how values go through its parts; every reading (totals, closed forms, tables, work, memory, real
modules) follows from the visits of that walk and the values that they share.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple, cast, final

import numpy as np

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, is_symbolic, product, same
from complexity_theory.graph.complexity import Complexity, Shape, summed
from complexity_theory.graph.operations.base import Layer, Operation
from complexity_theory.graph.operations.elementwise import Add, Multiply


class Value(NamedTuple):
    """A tensor on a walk: who it is, and its shape. Visits that hold the same value are joined by an edge."""

    id: int
    shape: Shape


class Visit(NamedTuple):
    """An operation met on a walk: where it stands, the values that go in and come out, how often it stands there.

    ``scopes``: the composites around it, outermost first, each copy of a repeated part by a number of its own; told of
    walks with ``ends``.
    """

    path: tuple[str, ...]
    operation: Operation
    inputs: tuple[Value, ...]
    output: Value
    times: Size
    scopes: tuple[int, ...] = ()

    @property
    def complexity(self) -> Complexity:
        """The cost of one copy: flops (multiply-adds), params (elements), acts (elements)."""
        return self.operation.cost(self.output.shape, *[value.shape for value in self.inputs])


class _Walk:
    """A walk under way: the visits made so far, and the numbers that values and composites take.

    ``ends``: the first and the last of several copies are met apart from those between them (``Repeat``), and the
    composites around are numbered.
    """

    __slots__ = ("ends", "ids", "numbers", "visits")

    def __init__(self, ends: bool) -> None:
        self.ends, self.ids, self.numbers, self.visits = ends, count(), count(), list[Visit]()

    def visit(
        self,
        layer: Layer,
        inputs: tuple[Value, ...],
        path: tuple[str, ...] = (),
        times: Size = 1,
        scopes: tuple[int, ...] = (),
    ) -> Value:
        """Visits a layer on values: an operation itself, of a composite its parts. Returns what comes out."""
        if layer.composite:
            if self.ends:
                scopes = (*scopes, next(self.numbers))
            return cast(Composite, layer).walk(inputs, Place(self, path, times, scopes))
        operation = cast(Operation, layer)
        if len(inputs) != operation.arity:
            operation.check_number(len(inputs))
        output = Value(next(self.ids), operation.infer(*[value.shape for value in inputs]))
        self.visits.append(Visit(path, operation, inputs, output, times, scopes))
        return output


class Place:
    """Where a composite stands on a walk: the path to it, and how often it is there."""

    __slots__ = ("path", "scopes", "times", "walk")

    def __init__(self, walk: _Walk, path: tuple[str, ...], times: Size, scopes: tuple[int, ...]) -> None:
        self.walk, self.path, self.times, self.scopes = walk, path, times, scopes

    def visit(self, name: str, layer: Layer, inputs: tuple[Value, ...], times: Size = 1) -> Value:
        """Visits a part by its name, that stands here ``times`` as often. Returns what comes out."""
        often = self.times if times is _ONCE else product(self.times, times)
        return self.walk.visit(layer, inputs, (*self.path, name), often, self.scopes)


class Composite(Layer):
    """A layer made of layers. It says once how values go through its parts; output and cost follow."""

    __slots__ = ()
    composite = True

    @abstractmethod
    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        """Visits the parts in order (``at.visit``); returns the value that comes out."""

    def output(self, *shapes: Shape) -> Shape:
        return walked(self, *shapes)[1].shape

    def complexity(self, *shapes: Shape) -> Complexity:
        return counted(self, *shapes)[0]


_ONCE = 1
COPY = "each"  # the step of a path into what is repeated
_SUM, _PRODUCT = Add(), Multiply()


def walked(layer: Layer, *shapes: Shape, ends: bool = False) -> tuple[list[Visit], Value]:
    """The visits of ``walk``, and the value that comes out."""
    for shape in shapes:
        if not isinstance(shape, Shape):
            raise InvalidInput(f"a layer takes a Shape, as Shape(channels, height, width), not {shape!r}")
    walk = _Walk(ends)
    output = walk.visit(layer, tuple(Value(next(walk.ids), shape) for shape in shapes))
    return walk.visits, output


def counted(layer: Layer, *shapes: Shape) -> tuple[Complexity, Shape]:
    """The cost of a layer on inputs of ``shapes``, and the shape of what comes out: of one walk."""
    visits, output = walked(layer, *shapes)
    costs = [(visit.times, visit.complexity) for visit in visits]
    return summed(costs), output.shape


def walk(layer: Layer, *shapes: Shape, ends: bool = False) -> list[Visit]:
    """Every operation of a layer on inputs of ``shapes``, in order: its values, and how often it stands in the layer.

    A repeated part is met once, with the number of its copies; with ``ends``, its first copy, those between, and its
    last apart, joined by the values that go from copy to copy, so that what an operation has before and behind it
    is told exactly. The inputs are values 0, 1, .... Raises InvalidInput where shapes do not fit.

    >>> from complexity_theory.graph.operations import Activation, Conv2d
    >>> tree = Repeat(Sequential(conv=Conv2d(8, 8, 3), act=Activation()), 5)
    >>> [("/".join(v.path), v.times) for v in walk(tree, Shape(8, 4, 4))]
    [('each/conv', 5), ('each/act', 5)]
    >>> [(v.times, v.inputs[0].id, v.output.id) for v in walk(tree, Shape(8, 4, 4), ends=True)]
    [(1, 0, 1), (1, 1, 2), (3, 2, 3), (3, 3, 2), (1, 2, 5), (1, 5, 6)]
    """
    return walked(layer, *shapes, ends=ends)[0]


def one_input(layer: Layer, inputs: tuple[Value, ...]) -> Value:
    """The single input of a composite that takes one. Raises InvalidInput for another number."""
    if len(inputs) != 1:
        raise InvalidInput(f"a {type(layer).__name__} takes 1 input, not {len(inputs)}")
    return inputs[0]


def _check_layer(what: str, part: object) -> None:
    if not isinstance(part, Layer):
        raise InvalidInput(f"{what} must be a layer, not {part!r}")


def _equal(a: tuple[Size, ...], b: tuple[Size, ...]) -> bool:
    """Whether two shapes can be equal, side by side."""
    return len(a) == len(b) and all(map(same, a, b))


def _check_same_shape(what: str, a: Shape, b: Shape) -> None:
    if a is not b and not _equal(a.dims, b.dims):
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

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        value = one_input(self, inputs)
        for name, part in self.parts:
            value = at.visit(name, part, (value,))
        return value


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

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        beside = one_input(self, inputs)
        out = at.visit("body", self.body, inputs)
        if self.shortcut is not None:
            beside = at.visit("shortcut", self.shortcut, inputs)
        _check_same_shape("the body and the shortcut of a Residual", out.shape, beside.shape)
        return at.visit("sum", _SUM, (out, beside))


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

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        value = one_input(self, inputs)
        factors = at.visit("gate", self.body, inputs)
        sides = value.shape.rank - 1
        one_each = (value.shape.channels, *(1,) * sides)
        if not _equal(factors.shape.dims + one_each[factors.shape.rank :], one_each):
            one = "x".join(map(str, one_each))
            raise InvalidInput(f"the body of a Gate and one factor per channel: {factors.shape} and {one} do not match")
        return at.visit("product", _PRODUCT, (value, factors))


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

    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        value, visits = one_input(self, inputs), at.walk.visits
        if type(self.times) is int and self.times == 0:
            return value
        copies = _copies(self.times) if at.walk.ends else [self.times]
        for i, times in enumerate(copies):
            start = len(visits)
            out = at.visit(COPY, self.part, (value,), times)
            _check_same_shape("a part can be repeated only if it keeps the shape", out.shape, value.shape)
            if i == 1 and len(copies) > 2:
                # The copies between hand on one value: it stands for all that go from a copy to the next.
                _hand_on(visits, start, out, value)
            else:
                value = out
        return value


def _copies(times: Size) -> list[Size]:
    """How often the first copy, those between, and the last stand there: as many as are different."""
    if type(times) is int:
        return [1] * times if times <= 2 else [1, times - 2, 1]
    if is_symbolic(times):
        return [1, times - 2, 1]
    least, most = int(np.min(times)), int(np.max(times))
    if least >= 2:
        return [1, times - 2, 1]
    if least == most:
        return [1] * least
    raise InvalidInput(
        f"arrays of {least} to {most} copies differ in structure: read those with 0, with 1 and with more copies apart"
    )


def _hand_on(visits: list[Visit], start: int, out: Value, value: Value) -> None:
    """Tells ``out`` as ``value`` in the visits from ``start`` on."""
    for i in range(start, len(visits)):
        found = visits[i]
        visits[i] = found._replace(
            inputs=tuple(value if x.id == out.id else x for x in found.inputs),
            output=value if found.output.id == out.id else found.output,
        )
