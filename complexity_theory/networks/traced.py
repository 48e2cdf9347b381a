"""A network as it was traced: its operations in order, their sizes as polynomials in knobs. No torch is needed here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.polynomial import Polynomial
from complexity_theory.core.sizes import Size, is_symbolic
from complexity_theory.graph import operations
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Repeat
from complexity_theory.graph.graph import Graph, Node
from complexity_theory.graph.memory import kept
from complexity_theory.graph.operations import Borrowing, Folded, Operation
from complexity_theory.networks.knobs import Knob, bases, fitting, multiplied
from complexity_theory.networks.spec import Network

UNIT = 32  # "n" in a size is the height of the input over it


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
        try:
            given = {name: _valued(value, sizes) for name, value in self.fields}
        except KeyError:
            raise InvalidInput(
                f"{self.name} has sizes that are known at heights that are multiples of {UNIT} alone"
            ) from None
        if "shape" in given:
            given["shape"] = Shape(*given["shape"])
        try:
            found: Operation = getattr(operations, self.kind)(**given)
        except InvalidInput as error:
            raise InvalidInput(f"{self.name}: {error}") from None
        found = Folded(found, self.lead) if self.lead else found
        return found if self.owns else Borrowing(found)


@cache
def defaults(kind: str) -> dict[str, Any]:
    """The fields of an operation that have a default, which steps leave out. Raises InvalidInput for no operation."""
    found = getattr(operations, kind, None)
    if not (isinstance(found, type) and issubclass(found, Operation) and found is not Operation):
        raise InvalidInput(f"no operation is called {kind[:60]!r}")
    return {field.name: field.default for field in fields(found) if field.default is not MISSING}  # type: ignore[arg-type]


def _valued(value: Any, sizes: Mapping[str, Size]) -> Any:
    """A field with its polynomials as sizes."""
    if isinstance(value, Polynomial):
        return value.at(sizes)
    if isinstance(value, tuple):
        return tuple(_valued(item, sizes) for item in value)
    return value


def names_in(value: Any) -> set[str]:
    """The symbols in a field, or in fields."""
    if isinstance(value, Polynomial):
        return value.names
    return set().union(*map(names_in, value)) if isinstance(value, tuple) else set()


@dataclass(frozen=True, slots=True)
class Run:
    """Steps ``start:stop`` stand there as often as ``depth`` (a symbol) says, less one after an ``entry`` block.

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


@dataclass(frozen=True)
class Traced:
    """A traced network: a maker of knobs (``networks.knobs.Scalable``), read as a graph.

    ``inputs``: the sides of each input, without the batch. ``symbols``: what each knob is called in the polynomials of
    the steps; "r" and "c" are the height and width of the input, or "r" is both. ``outputs``: the values that come out.
    ``loose``: what the steps do not say of the module, so that what is built of them computes something else.
    """

    name: str
    inputs: tuple[tuple[int, ...], ...]
    knobs: tuple[Knob, ...]
    symbols: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]
    runs: tuple[Run, ...] = ()
    note: str = ""
    family: str = "traced"
    loose: tuple[str, ...] = ()

    # -- as other networks

    @property
    def resolution(self) -> int | tuple[int, int]:
        """The side of its input, or its height and width; of a line its length."""
        tall, wide = _ends(self.inputs[0])
        return tall if tall == wide else (tall, wide)

    @property
    def tree(self) -> Graph:
        """The network as a graph."""
        return self._tree

    @cached_property
    def _tree(self) -> Graph:
        return self.graph(bases(self.knobs))

    def input(self, resolution: int | tuple[int, int] | None = None) -> Shape:
        """The shape of its first input at ``resolution`` (default: its own)."""
        return self.shapes(self._sizes(self._at(resolution)))[0]

    def complexity(self, resolution: int | tuple[int, int] | None = None) -> Complexity:
        """Its exact cost for one image: flops (multiply-adds), params, acts (elements) and products."""
        return self.cost(self._at(resolution))

    def _at(self, resolution: int | tuple[int, int] | None) -> tuple[Size, ...]:
        if resolution is None:
            return bases(self.knobs)
        tall, wide = resolution if isinstance(resolution, tuple) else (resolution, resolution)
        sides = {"r": tall, "c": wide}
        if "r" not in self.symbols or (tall != wide and "c" not in self.symbols):
            raise InvalidInput(f"{self.name} was traced at {self.resolution}, and cannot be read at {resolution}")
        return tuple(sides.get(s, knob.base) for s, knob in zip(self.symbols, self.knobs, strict=True))

    def at(self, resolution: int | tuple[int, int]) -> Traced:
        """The network with an input of ``resolution``. Raises InvalidInput where it cannot be read there."""
        return self.resized(self._at(resolution))

    # -- what can be scaled

    def cost(self, values: Sequence[Size]) -> Complexity:
        """Its exact cost where the knobs have these sizes: ints, symbols or int64 arrays."""
        total = Complexity()
        for times, operation, taken, output in self._walk(self._sizes(values)):
            cost = operation.cost(output, *taken)
            total = total + (cost if type(times) is int and times == 1 else times * cost)
        return total

    def ideal(self, values: Sequence[Size]) -> Complexity:
        """The same: nothing is rounded, and the structure is always kept."""
        return self.cost(values)

    def resized(self, values: Sequence[Size], *, name: str | None = None, note: str | None = None) -> Traced:
        """The network with other sizes of its knobs. Raises InvalidInput where they do not fit."""
        sizes = self._sizes(values)
        made = replace(
            self,
            name=self.name if name is None else name,
            note=self.note if note is None else note,
            knobs=tuple(replace(knob, base=value) for knob, value in zip(self.knobs, values, strict=True)),
            inputs=tuple(shape.dims for shape in self.shapes(sizes)),
        )
        made.complexity()  # what does not fit is found by walking it
        return made

    def scaled(self, *, depth: Size = 1, width: Size = 1, group_width: Size = 1, resolution: Size = 1) -> Traced:
        """The ideal scaled network: every size that moves times its multiplier, nothing rounded."""
        multipliers = {"depth": depth, "width": width, "group_width": group_width, "resolution": resolution}
        return self.resized(multiplied(self.knobs, multipliers))

    def alike(self, values: Sequence[Size], variants: int) -> list[Any]:
        """The variants that have one structure, together: those whose runs have no copy, one, or more."""
        sizes = self._sizes(values)
        patterns = [np.broadcast_to(np.minimum(run.times(sizes), 2), variants) for run in self.runs]
        varied = [pattern for pattern in patterns if np.ptp(pattern)]
        if not varied:
            return [slice(None)]
        _, groups = np.unique(np.stack(varied), axis=1, return_inverse=True)
        groups = groups.reshape(-1)
        return [np.flatnonzero(groups == group) for group in range(groups.max() + 1)]

    def fits(self, values: Sequence[Size]) -> Any:
        """Whether ``resized`` would build it: a bool, or of int64 arrays one each."""
        sizes = self._sizes(values)
        fits = fitting(self.knobs, values)
        for w_in, w_out, group_width in self._groups:
            a, b, g = (_valued(value, sizes) for value in (w_in, w_out, group_width))
            whole = a % g == 0
            fits = fits & whole & (b * g % a == 0)
        return fits

    @cached_property
    def _groups(self) -> tuple[tuple[Any, Any, Any], ...]:
        """The widths of group convolutions: in, out, and of a group."""
        found = []
        for step in self.steps:
            given = dict(step.fields)
            if given.get("group_width") is not None:
                found.append((given["w_in"], given["w_out"], given["group_width"]))
        return tuple(dict.fromkeys(found))

    def kept(self, values: Sequence[Size]) -> Size:
        """The elements that training keeps for each image, of sizes as ``ideal`` takes them."""
        return kept(self.graph(values), *self.shapes(self._sizes(values))).each

    def dense(self) -> Traced:
        """Its twin with dense convolutions in place of the group convolutions; itself where it has none."""

        def without(step: Step) -> Step:
            given = dict(step.fields)
            if given.get("group_width", 1) in (None, 1):
                return step
            return replace(step, fields=tuple(item for item in step.fields if item[0] != "group_width"))

        steps = tuple(map(without, self.steps))
        return self if steps == self.steps else replace(self, steps=steps)

    def sizes(self) -> dict[str, Any]:
        """Its sizes as they are reported: the input's, and the knobs of each dimension in order."""
        by = {
            name: tuple(k.base for k in self.knobs if k.dimension == name) for name in ("depth", "width", "group_width")
        }
        return {
            "resolution": self.resolution,
            "depths": by["depth"],
            "widths": by["width"],
            "group_widths": by["group_width"],
            "stem_width": next((k.base for k in self.knobs if k.dimension == "width" and k.role == "stem"), None),
            "head_width": next((k.base for k in self.knobs if k.dimension == "width" and k.role == "head"), None),
        }

    # -- the walk

    def _sizes(self, values: Sequence[Size]) -> dict[str, Size]:
        if len(values) != len(self.knobs):
            raise InvalidInput(f"{self.name} has {len(self.knobs)} knobs, and {len(values)} sizes are given")
        sizes = dict(zip(self.symbols, values, strict=True))
        if "r" in sizes:
            tall = sizes["r"]
            sizes.setdefault("c", tall)
            if is_symbolic(tall) or not np.any(tall % UNIT):
                sizes["n"] = tall / UNIT if is_symbolic(tall) else tall // UNIT
        return sizes

    def shapes(self, sizes: Mapping[str, Size]) -> tuple[Shape, ...]:
        """The shapes of the inputs: those as tall and wide as the first follow the resolution."""
        ends, found = _ends(self.inputs[0]), []
        for sides in self.inputs:
            follows = "r" in sizes and len(sides) > 1 and _ends(sides) == ends
            lead, own = (sides[:-2], (sizes["r"], sizes["c"])) if len(sides) > 2 else (sides[:-1], (sizes.get("r"),))
            found.append(Shape(*lead, *own) if follows else Shape(*sides))
        return tuple(found)

    def _walk(self, sizes: Mapping[str, Size]) -> Iterator[tuple[Size, Operation, tuple[Shape, ...], Shape]]:
        """Each step with how often it stands there, its operation, and the shapes that go in and come out."""
        known = {f"input{i}": shape for i, shape in enumerate(self.shapes(sizes))}
        starts, stops = {run.start: run for run in self.runs}, {run.stop for run in self.runs}
        times: Size = 1
        for i, step in enumerate(self.steps):
            if i in stops:
                times = 1
            if i in starts:
                times = starts[i].times(sizes)
            operation = step.operation(sizes)
            taken = tuple(known[name] for name in step.inputs)
            try:
                known[step.name] = output = operation.infer(*taken)
            except InvalidInput as error:
                raise InvalidInput(f"{step.name}: {error}") from None
            yield times, operation, taken, output

    # -- as a graph

    def graph(self, values: Sequence[Size]) -> Graph:
        """The network as a graph, its runs as ``Repeat`` where one value goes from copy to copy, else written out."""
        sizes = self._sizes(values)
        nodes: list[Node] = []
        renamed: dict[str, str] = {}
        starts = {run.start: run for run in self.runs}
        i = 0
        while i < len(self.steps):
            run = starts.get(i)
            if run is None:
                nodes.append(_node(self.steps[i], sizes, renamed))
                i += 1
            else:
                nodes.extend(self._copies(run, sizes, renamed))
                i = run.stop
        first, *more = (renamed.get(name, name) for name in self.outputs)
        return Graph(tuple(nodes), first, tuple(f"input{i}" for i in range(len(self.inputs))), tuple(more))

    def _copies(self, run: Run, sizes: Mapping[str, Size], renamed: dict[str, str]) -> list[Node]:
        times, steps = run.times(sizes), self.steps[run.start : run.stop]
        inside = {step.name for step in steps}
        taken = {name for step in steps for name in step.inputs} - inside
        if type(times) is int and times == 0:
            renamed.update({g: renamed.get(t, t) for g, t in zip(run.gives, run.takes, strict=True)})
            return []
        if len(run.takes) == 1 and taken <= set(run.takes):
            block = Graph(tuple(_node(step, sizes, {}) for step in steps), run.gives[0], run.takes)
            name = f"{run.copies[0][0]}.repeated"
            renamed[run.gives[0]] = name
            return [Node(name, Repeat(block, times), (renamed.get(run.takes[0], run.takes[0]),))]
        if type(times) is not int:
            raise InvalidInput(f"{run.copies[0][0]} hands on several values, and is repeated only a number of times")
        nodes: list[Node] = []
        for copy in range(times):
            local = dict(renamed)
            if copy:
                local.update(zip(run.takes, (_copied(name, copy) for name in run.gives), strict=True))
            local.update({name: _copied(name, copy + 1) for name in inside})
            nodes.extend(replace(_node(step, sizes, local), name=_copied(step.name, copy + 1)) for step in steps)
        renamed.update({name: _copied(name, times) for name in run.gives})
        return nodes


def at(network: Network | Traced, resolution: int | tuple[int, int]) -> Network | Traced:
    """A network with an input of ``resolution``. Raises InvalidInput for a traced one that cannot be read there."""
    return network.at(resolution) if isinstance(network, Traced) else replace(network, resolution=resolution)


def _node(step: Step, sizes: Mapping[str, Size], renamed: Mapping[str, str]) -> Node:
    return Node(step.name, step.operation(sizes), tuple(renamed.get(name, name) for name in step.inputs))


def _copied(name: str, copy: int) -> str:
    return f"{name}#copy{copy}"


def _ends(sides: Sequence[int]) -> tuple[int, int]:
    """The height and width of an input; of a line its length, twice."""
    return (sides[-2], sides[-1]) if len(sides) > 2 else (sides[-1], sides[-1])


def multiples(steps: Sequence[Step]) -> dict[str, int]:
    """What each width must be a multiple of, as groups of norms, heads and shuffles ask for, by its symbol."""
    found: dict[str, int] = {}

    def ask(size: Any, multiple: int) -> None:
        if isinstance(size, Polynomial) and len(size.terms) == 1 and size.terms[0][0].denominator == 1:
            coefficient, powers = size.terms[0]
            if len(powers) == 1 and powers[0][1] == 1:
                name = powers[0][0]
                needed = multiple // math.gcd(multiple, coefficient.numerator)
                found[name] = math.lcm(found.get(name, 1), needed)

    for step in steps:
        given = dict(step.fields)
        if step.kind == "GroupNorm" and isinstance(given["groups"], int):
            ask(given["width"], given["groups"])
        if isinstance(given.get("group_width"), int):
            ask(given["w_in"], given["group_width"])
    return found
