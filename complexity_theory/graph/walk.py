"""The one walk over values: what a composite says once, how values go through its parts, and every reading follows.

Totals, closed forms, tables, work, memory and real modules come of the visits of that walk and the values they share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import count
from typing import NamedTuple, cast

import numpy as np

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size, is_symbolic, product, same
from complexity_theory.graph.complexity import NOTHING, Complexity, Shape, summed
from complexity_theory.graph.operations.base import Layer, Operation

COPY = "each"  # the step of a path into what is repeated


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


class Place(ABC):
    """Where a composite stands on a walk: there it visits its parts. What is taken down is the walk's affair."""

    __slots__ = ()

    @abstractmethod
    def visit(self, name: str, layer: Layer, inputs: tuple[Value, ...]) -> Value:
        """Visits a part by its name: an operation itself, of a composite its parts. Returns what comes out."""

    @abstractmethod
    def repeat(self, part: Layer, value: Value, times: Size) -> Value:
        """Visits ``times`` copies of a part, one after the other. Returns what comes out of the last."""


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
        if layer.composite:
            if self.ends:
                scopes = (*scopes, next(self.numbers))
            return cast(Composite, layer).walk(inputs, _Visiting(self, path, times, scopes))
        operation = cast(Operation, layer)
        operation.check_number(len(inputs))
        output = Value(next(self.ids), operation.infer(*[value.shape for value in inputs]))
        self.visits.append(Visit(path, operation, inputs, output, times, scopes))
        return output


class _Visiting(Place):
    """A place where visits are taken down: the path to it, and how often it is there."""

    __slots__ = ("path", "scopes", "times", "walk")

    def __init__(self, walk: _Walk, path: tuple[str, ...], times: Size, scopes: tuple[int, ...]) -> None:
        self.walk, self.path, self.times, self.scopes = walk, path, times, scopes

    def visit(self, name: str, layer: Layer, inputs: tuple[Value, ...]) -> Value:
        return self.walk.visit(layer, inputs, (*self.path, name), self.times, self.scopes)

    def repeat(self, part: Layer, value: Value, times: Size) -> Value:
        copies, visits = _copies(times) if self.walk.ends else [times], self.walk.visits
        for i, often in enumerate(copies):
            start = len(visits)
            out = self.walk.visit(part, (value,), (*self.path, COPY), product(self.times, often), self.scopes)
            _check_kept(out.shape, value.shape)
            if i == 1 and len(copies) > 2:
                # The copies between hand on one value: it stands for all that go from a copy to the next.
                _hand_on(visits, start, out, value)
            else:
                value = out
        return value


class _Counting(Place):
    """A place where only costs are taken down, and how often they are met: the most frequent reading, made quick."""

    __slots__ = ("costs", "times")

    def __init__(self, costs: list[tuple[Size, Complexity]], times: Size = 1) -> None:
        self.costs, self.times = costs, times

    def visit(self, name: str, layer: Layer, inputs: tuple[Value, ...]) -> Value:
        if layer.composite:
            return cast(Composite, layer).walk(inputs, self)
        operation = cast(Operation, layer)
        if len(inputs) != operation.arity:
            operation.check_number(len(inputs))
        shapes = (inputs[0].shape,) if len(inputs) == 1 else tuple(value.shape for value in inputs)
        output = operation.infer(*shapes)
        cost = operation.cost(output, *shapes)
        if cost is not NOTHING:
            self.costs.append((self.times, cost))
        # Who a value is does not matter here.
        return inputs[0] if shapes and output is shapes[0] else Value(0, output)

    def repeat(self, part: Layer, value: Value, times: Size) -> Value:
        out = _Counting(self.costs, product(self.times, times)).visit(COPY, part, (value,))
        _check_kept(out.shape, value.shape)
        return out


class Composite(Layer):
    """A layer made of layers. It says once how values go through its parts; output and cost follow."""

    __slots__ = ()
    composite = True

    @abstractmethod
    def walk(self, inputs: tuple[Value, ...], at: Place) -> Value:
        """Visits the parts in order (``at.visit``, ``at.repeat``); returns the value that comes out."""

    def output(self, *shapes: Shape) -> Shape:
        return walked(self, *shapes)[1].shape

    def complexity(self, *shapes: Shape) -> Complexity:
        return counted(self, *shapes)[0]


def walked(layer: Layer, *shapes: Shape, ends: bool = False) -> tuple[list[Visit], Value]:
    """The visits of ``walk``, and the value that comes out."""
    _check_shapes(shapes)
    walk = _Walk(ends)
    output = walk.visit(layer, tuple(Value(next(walk.ids), shape) for shape in shapes))
    return walk.visits, output


def counted(layer: Layer, *shapes: Shape) -> tuple[Complexity, Shape]:
    """The cost of a layer on inputs of ``shapes``, and the shape of what comes out: of one walk."""
    _check_shapes(shapes)
    costs: list[tuple[Size, Complexity]] = []
    output = _Counting(costs).visit("", layer, tuple(Value(i, shape) for i, shape in enumerate(shapes)))
    return summed(costs), output.shape


def walk(layer: Layer, *shapes: Shape, ends: bool = False) -> list[Visit]:
    """Every operation of a layer on inputs of ``shapes``, in order: its values, and how often it stands in the layer.

    A repeated part is met once, with the number of its copies; with ``ends``, its first copy, those between, and its
    last apart, joined by the values that go from copy to copy, so that what an operation has before and behind it
    is told exactly. The inputs are values 0, 1, .... Raises InvalidInput where shapes do not fit.

    >>> from complexity_theory.graph.compose import Repeat, Sequential
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


def _check_shapes(shapes: tuple[Shape, ...]) -> None:
    for shape in shapes:
        if not isinstance(shape, Shape):
            raise InvalidInput(f"a layer takes a Shape, as Shape(channels, height, width), not {shape!r}")


def equal_sides(a: tuple[Size, ...], b: tuple[Size, ...]) -> bool:
    """Whether two shapes can be equal, side by side."""
    return len(a) == len(b) and all(map(same, a, b))


def check_same_shape(what: str, a: Shape, b: Shape) -> None:
    if a is not b and not equal_sides(a.dims, b.dims):
        raise InvalidInput(f"{what}: {a} and {b} do not match")


def _check_kept(out: Shape, into: Shape) -> None:
    check_same_shape("a part can be repeated only if it keeps the shape", out, into)


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
