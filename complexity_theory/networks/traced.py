"""A network as it was traced: its operations in order, their sizes as polynomials in knobs. No torch is needed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.polynomial import Polynomial
from complexity_theory.core.sizes import Size, is_symbolic
from complexity_theory.graph import operations
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Repeat
from complexity_theory.graph.graph import Graph, Node
from complexity_theory.graph.operations import Folded, Operation

UNIT = 32  # "n" in a size is the height of the input over this


@dataclass(frozen=True, slots=True)
class Knob:
    """A size that can be changed: ``symbol`` in the polynomials, ``name`` for people, ``dimension`` that moves it."""

    symbol: str
    name: str
    dimension: str
    base: int
    moves: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation: its kind and fields (sizes may be polynomials), and the names of the values that go in.

    ``owns``: whether its weights are its own, not those of another step or computed. ``weights``: what the traced
    module calls its tensors, in the order of the operation's. ``lead``: the sides before those that it works on.
    """

    name: str
    kind: str
    fields: tuple[tuple[str, Any], ...]
    inputs: tuple[str, ...]
    owns: bool = True
    weights: tuple[str, ...] = ()
    lead: int = 0

    def operation(self, sizes: Mapping[str, Size]) -> Operation:
        """The operation where the knobs have these sizes. Raises InvalidInput where they do not fit."""
        given = {name: _valued(value, sizes) for name, value in self.fields}
        if "shape" in given:
            given["shape"] = Shape(*given["shape"])
        found: Operation = getattr(operations, self.kind)(**given)
        return Folded(found, self.lead) if self.lead else found


@dataclass(frozen=True, slots=True)
class Run:
    """Steps ``start:stop`` stand there ``depth`` times, less one where the first of them (``entry``) is another block.

    Each copy takes the values ``takes``, which the copy before it hands on as ``gives``. ``copies``: what the blocks
    of each copy are called in the traced module.
    """

    depth: str
    start: int
    stop: int
    entry: bool
    takes: tuple[str, ...]
    gives: tuple[str, ...]
    copies: tuple[tuple[str, ...], ...]

    def times(self, sizes: Mapping[str, Size]) -> Size:
        """How often the steps stand there."""
        return sizes[self.depth] - int(self.entry)


def _valued(value: Any, sizes: Mapping[str, Size]) -> Any:
    """A field with its polynomials as sizes."""
    if isinstance(value, Polynomial):
        return value.at(sizes)
    if isinstance(value, tuple):
        return tuple(_valued(item, sizes) for item in value)
    return value


@dataclass(frozen=True)
class Traced:
    """A traced network. It offers its sizes as knobs (``scaling`` knows it by them) and is read as a graph.

    ``inputs``: the sides of each input, without the batch; their last two (or the last) sides follow ``resolution``.
    """

    name: str
    inputs: tuple[tuple[int, ...], ...]
    knobs: tuple[Knob, ...]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    runs: tuple[Run, ...] = ()
    note: str = ""
    family: str = "custom"

    @property
    def resolution(self) -> int:
        """The height of its input."""
        return height(self.inputs[0])

    def values(self) -> tuple[int, ...]:
        """The sizes of the knobs as they stand."""
        return tuple(knob.base for knob in self.knobs)

    def complexity(self) -> Complexity:
        """Its exact cost as it stands."""
        return self.cost(self.values())

    def cost(self, values: Sequence[Size]) -> Complexity:
        """Its cost where the knobs have these sizes: ints, symbols (exact polynomials) or int64 arrays."""
        sizes = self._sizes(values)
        total = Complexity()
        for step, times, shapes in self._walk(sizes):
            *taken, output, operation = shapes
            cost = operation.cost(output, *taken)
            if not step.owns:
                cost = replace(cost, params=0)
            total = total + (cost if type(times) is int and times == 1 else times * cost)
        return total

    def _sizes(self, values: Sequence[Size]) -> dict[str, Size]:
        if len(values) != len(self.knobs):
            raise InvalidInput(f"{self.name} has {len(self.knobs)} knobs, and {len(values)} sizes are given")
        sizes = {knob.symbol: value for knob, value in zip(self.knobs, values, strict=True)}
        tall = sizes.get("r", self.resolution)
        if is_symbolic(tall) or (type(tall) is int and tall % UNIT == 0):
            sizes["n"] = tall / UNIT if is_symbolic(tall) else tall // UNIT
        return sizes

    def shapes(self, sizes: Mapping[str, Size]) -> tuple[Shape, ...]:
        """The shapes of the inputs."""
        tall = sizes.get("r", self.resolution)
        return tuple(Shape(*resized(sides, tall)) for sides in self.inputs)

    def _walk(self, sizes: Mapping[str, Size]) -> Iterator[tuple[Step, Size, tuple[Any, ...]]]:
        known = {f"input{i}": shape for i, shape in enumerate(self.shapes(sizes))}
        times: Size = 1
        starts = {run.start: run for run in self.runs}
        stops = {run.stop for run in self.runs}
        for i, step in enumerate(self.steps):
            if i in stops:
                times = 1
            if i in starts:
                times = starts[i].times(sizes)
            operation = self._made(step, sizes)
            taken = tuple(known[name] for name in step.inputs)
            try:
                output = operation.infer(*taken)
            except InvalidInput as error:
                raise InvalidInput(f"{step.name}: {error}") from None
            known[step.name] = output
            yield step, times, (*taken, output, operation)

    def _made(self, step: Step, sizes: Mapping[str, Size]) -> Operation:
        try:
            return step.operation(sizes)
        except KeyError as error:
            raise InvalidInput(
                f"{step.name} has a size in {error}, which an input of a height that is no multiple of {UNIT} does not have"
            ) from None
        except InvalidInput as error:
            raise InvalidInput(f"{step.name}: {error}") from None

    def graph(self, values: Sequence[int] | None = None) -> Graph:
        """The network as a graph, its runs as ``Repeat`` where one value goes from copy to copy, else written out."""
        sizes = self._sizes(self.values() if values is None else values)
        nodes: list[Node] = []
        renamed: dict[str, str] = {}
        i = 0
        starts = {run.start: run for run in self.runs}
        while i < len(self.steps):
            run = starts.get(i)
            if run is None:
                nodes.append(self._node(self.steps[i], sizes, renamed))
                i += 1
                continue
            nodes.extend(self._copies(run, sizes, renamed))
            i = run.stop
        first, *more = (renamed.get(name, name) for name in self.outputs)
        names = tuple(f"input{i}" for i in range(len(self.inputs)))
        return Graph(tuple(nodes), first, names, tuple(more))

    def _node(self, step: Step, sizes: Mapping[str, Size], renamed: Mapping[str, str]) -> Node:
        return Node(step.name, self._made(step, sizes), tuple(renamed.get(name, name) for name in step.inputs))

    def _copies(self, run: Run, sizes: Mapping[str, Size], renamed: dict[str, str]) -> list[Node]:
        times = run.times(sizes)
        steps = self.steps[run.start : run.stop]
        inside = {step.name for step in steps}
        taken = {name for step in steps for name in step.inputs if name not in inside}
        if times == 0:
            renamed.update(
                {gives: renamed.get(takes, takes) for gives, takes in zip(run.gives, run.takes, strict=True)}
            )
            return []
        if len(run.takes) == 1 and taken == set(run.takes):
            block = Graph(tuple(self._node(step, sizes, {}) for step in steps), run.gives[0], run.takes)
            name = f"{run.copies[0][0]} and on"
            node = Node(name, Repeat(block, times), (renamed.get(run.takes[0], run.takes[0]),))
            renamed[run.gives[0]] = name
            return [node]
        nodes: list[Node] = []
        for copy in range(times):
            local = dict(renamed)
            if copy:
                local.update(dict(zip(run.takes, (_copied(name, copy) for name in run.gives), strict=True)))
            local.update({name: _copied(name, copy + 1) for name in inside})
            for step in steps:
                node = self._node(step, sizes, local)
                nodes.append(replace(node, name=_copied(step.name, copy + 1)))
        renamed.update({name: _copied(name, times) for name in run.gives})
        return nodes

    def resized(self, values: Sequence[int], *, name: str | None = None, note: str | None = None) -> Traced:
        """The network with other sizes of its knobs. Raises InvalidInput where they do not fit."""
        knobs = tuple(replace(knob, base=value) for knob, value in zip(self.knobs, values, strict=True))
        tall = next((value for knob, value in zip(knobs, values, strict=True) if knob.symbol == "r"), self.resolution)
        made = replace(
            self,
            name=self.name if name is None else name,
            note=self.note if note is None else note,
            knobs=knobs,
            inputs=tuple(tuple(resized(sides, tall)) for sides in self.inputs),
        )
        made.complexity()  # what does not fit is found by walking it
        return made


def _copied(name: str, copy: int) -> str:
    return f"{name} ({copy})"


def height(sides: Sequence[int]) -> int:
    """The side of an input that its resolution is: the height of an image, the length of a line."""
    return sides[-2] if len(sides) > 2 else sides[-1]


def resized(sides: Sequence[int], tall: Size) -> tuple[Size, ...]:
    """The sides of an input at another height: the proportions of its last two sides are kept, of one the last follows.

    >>> resized((3, 384, 640), 192)
    (3, 192, 320)
    """
    base = height(sides)
    if len(sides) < 2 or (type(tall) is int and tall == base):
        return tuple(sides)
    if len(sides) == 2:
        return (*sides[:-1], tall)
    scaled = tall * sides[-1]
    wide = scaled / base if is_symbolic(scaled) else -(-scaled // base)
    return (*sides[:-2], tall, wide)
