"""What follows from the edges of a walk: who makes and who takes each value, and which operations run as one kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from complexity_theory.core.sizes import Size
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.graph import Graph
from complexity_theory.graph.operations import Layer
from complexity_theory.graph.rows import Row, row
from complexity_theory.graph.walk import Value, Visit, walked

FUSED = ("elementwise", "norm")  # what a compiler runs in one kernel with its neighbours


@dataclass(frozen=True)
class Edges:
    """The visits of a layer (``compose.walk`` with ``ends``), with the edges between them told by value.

    ``visits`` in order; ``inputs``: the values that enter the layer; ``output``: the one that leaves it. ``training``:
    what draws at random (dropout) makes new data, where in inference it is a view. ``more``: further values that leave.
    """

    visits: tuple[Visit, ...]
    inputs: tuple[Value, ...]
    output: Value
    training: bool = False
    more: tuple[Value, ...] = ()

    @classmethod
    def of(cls, layer: Layer, *shapes: Shape, training: bool = False) -> Edges:
        """The edges of a layer on inputs of ``shapes``. Raises InvalidInput as ``walk`` does.

        >>> from complexity_theory.graph.compose import Residual
        >>> from complexity_theory.graph.operations import Conv2d
        >>> edges = Edges.of(Residual(Conv2d(8, 8, 3)), Shape(8, 4, 4))
        >>> [len(edges.takers[value]) for value in (0, 1, 2)]  # the input, the convolution's output, the sum
        [2, 1, 0]
        """
        visits, output = walked(layer, *shapes, ends=True)
        inputs = tuple(Value(i, shape) for i, shape in enumerate(shapes))
        return cls(tuple(visits), inputs, output, training, _more(layer, visits))

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The row of each visit's operation. Raises InvalidInput for one that has none."""
        return tuple(row(visit.operation) for visit in self.visits)

    @cached_property
    def views(self) -> tuple[bool, ...]:
        """For each visit whether what comes out is the data of its input, seen otherwise."""
        return tuple(
            about.kind == "view" and bool(visit.inputs) and not (self.training and about.draws(visit.operation))
            for visit, about in zip(self.visits, self.rows, strict=True)
        )

    @cached_property
    def sources(self) -> Mapping[int, int]:
        """By value: the value whose data it is. A view (a reshape, a slice) has no data of its own."""
        joined: dict[int, int] = {}

        def root(value: int) -> int:
            while joined.get(value, value) != value:
                value = joined[value]
            return value

        values = [value.id for value in self.inputs]
        for visit, view in zip(self.visits, self.views, strict=True):
            values.append(visit.output.id)
            if view:
                # Where copies of a part hand on a view, the data of all of them are joined here, as their views are.
                a, b = sorted((root(visit.inputs[0].id), root(visit.output.id)))
                joined[b] = a
        return {value: root(value) for value in values}

    @cached_property
    def makers(self) -> Mapping[int, tuple[int, ...]]:
        """By value with data of its own: the visits (their numbers) that make it; copies of a part make one value."""
        found: dict[int, list[int]] = defaultdict(list)
        for i, visit in enumerate(self.visits):
            if not self.views[i]:
                found[self.sources[visit.output.id]].append(i)
        return defaultdict(tuple, {value: tuple(made) for value, made in found.items()})

    @cached_property
    def takers(self) -> Mapping[int, tuple[int, ...]]:
        """By value with data of its own: the visits that take it or a view of it; views themselves take nothing."""
        found: dict[int, list[int]] = defaultdict(list)
        for i, (visit, view) in enumerate(zip(self.visits, self.views, strict=True)):
            if not view:
                for value in dict.fromkeys(self.sources[value.id] for value in visit.inputs):
                    found[value].append(i)
        return defaultdict(tuple, {value: tuple(taken) for value, taken in found.items()})

    def times(self, value: int) -> Size:
        """How many tensors a value stands for: as many as its makers make; an input is one."""
        made: Size = 0
        for i in self.makers[value]:
            made = made + self.visits[i].times
        return made if self.makers[value] else 1

    @cached_property
    def _levels(self) -> Mapping[int, int]:
        """By value: how many kernels that cannot be fused lie before it, on the longest path."""
        levels = {value.id: 0 for value in self.inputs}
        for visit, about in zip(self.visits, self.rows, strict=True):
            before = max((levels[value.id] for value in visit.inputs), default=0)
            # The copies between make what the first copy made: a value keeps the level at which it was met first.
            levels.setdefault(visit.output.id, before + (about.kind not in (*FUSED, "view")))
        return levels

    @cached_property
    def kernels(self) -> tuple[int, ...]:
        """For each visit the kernel that it runs in where a compiler fuses, told by one of the visits in it.

        Elementwise operations and norms join those whose values they take, unless another kernel must run between
        them: a gate's product does not run with what was pooled for the gate.
        """
        joined = list(range(len(self.visits)))

        def first(i: int) -> int:
            while joined[i] != i:
                i = joined[i]
            return i

        for i, (visit, about) in enumerate(zip(self.visits, self.rows, strict=True)):
            if about.kind not in FUSED:
                continue
            level = max((self._levels[value.id] for value in visit.inputs), default=0)
            for value in visit.inputs:
                for j in self.makers[self.sources[value.id]][:1]:
                    if self.rows[j].kind in FUSED and self._levels[value.id] == level:
                        a, b = sorted((first(i), first(j)))
                        joined[b] = a
        return tuple(first(i) for i in range(len(self.visits)))

    @cached_property
    def fused_traffic(self) -> tuple[Size, ...]:
        """For each visit of a fused kernel: the elements of one copy that it reads and writes for the kernel; else 0.

        A kernel reads each value once, whoever of it takes it, and writes what others take (or what leaves the layer).
        """
        found: list[Size] = []
        read = set[tuple[int, int]]()
        for i, (visit, about) in enumerate(zip(self.visits, self.rows, strict=True)):
            kernel, moved = self.kernels[i], 0
            if about.kind in FUSED:
                for value in visit.inputs:
                    source = self.sources[value.id]
                    if not self._runs_with_maker(source, i) and (kernel, source) not in read:
                        read.add((kernel, source))
                        moved = moved + value.shape.elements
                made = self.sources[visit.output.id]
                takers = self.takers[made]
                if not takers or not all(self._runs_with_maker(made, j) for j in takers):
                    moved = moved + visit.output.shape.elements
            found.append(moved)
        return tuple(found)

    def _runs_with_maker(self, value: int, taker: int) -> bool:
        """Whether a visit runs in the kernel that makes a value. From copy to copy it is as from the first to the next:
        that the copies between take what they make does not put two of them into one kernel.
        """
        return any(self.kernels[j] == self.kernels[taker] for j in self.makers[value][:1])


def _more(layer: Layer, visits: list[Visit]) -> tuple[Value, ...]:
    """The values that leave a graph beside its output."""
    made = {visit.path[0]: visit.output for visit in visits if visit.path}
    return tuple(made[name] for name in (layer.more if isinstance(layer, Graph) else ()) if name in made)
