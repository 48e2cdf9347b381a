"""A run of a module as the steps of a traced network: torch's operations as ours, without the batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, TypeAlias

import sympy

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.polynomial import Polynomial, parse
from complexity_theory.core.sizes import Size, is_symbolic
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.operations import Operation
from complexity_theory.measurement.trace.capture import Capture, Dispatched, Ref
from complexity_theory.measurement.trace.dims import Atom, Dim, expression, resolved
from complexity_theory.measurement.trace.growth import Growth
from complexity_theory.measurement.trace.names import COSTLY, is_elementwise
from complexity_theory.measurement.trace.widths import Widths
from complexity_theory.networks.traced import Step, defaults

# What shows the same elements with other sides.
VIEWS = frozenset(
    [
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "expand",
        "expand_as",
        "view_as",
        "detach",
        "alias",
    ]
)
# Adds what a node does to a converter.
ConvertRule: TypeAlias = "Callable[[Converter, Dispatched], None]"
RULES: dict[str, ConvertRule] = {}


def converts(*names: str) -> Callable[[ConvertRule], ConvertRule]:
    """Registers how operations by these names, blanks between them, are converted."""

    def add(function: ConvertRule) -> ConvertRule:
        RULES.update(dict.fromkeys(" ".join(names).split(), function))
        return function

    return add


class NotWholeError(Exception):
    """What a step cannot say: the operation is then known by its shape alone."""


class Converter:
    """The steps of a run. ``symbol``: the symbol of a free variable. ``names``: what the values are called.

    ``open``: the sides (by value and number) of which the size follows the resolution, where that is known.
    """

    def __init__(self, ran: Capture, widths: Widths, symbol: Callable[[Atom], sympy.Symbol], growth: Growth) -> None:
        self.ran, self.widths, self.symbol, self.growth = ran, widths, symbol, growth
        self.steps: list[Step] = []
        self.at: list[int] = []  # the node of each step
        self.names: dict[int, str] = {value: f"input{i}" for i, value in enumerate(ran.inputs)}
        self.constants: dict[tuple[int, tuple[Size, ...]], str] = {}
        self.takers: dict[int, list[Dispatched]] = {}
        for node in ran.nodes:
            for i in node.refs():
                self.takers.setdefault(i, []).append(node)
        self.parents = {call.name.rpartition(".")[0] for call in ran.calls}
        self._sides: dict[int, tuple[list[int], tuple[Size, ...]]] = {}
        self.lives: set[int] = set(ran.inputs)
        self.still: set[int] = set()  # of what lives, what is not computed of the inputs
        self.once: list[int] = []  # the nodes that do so: they run once, however many images there are
        self.owned: set[str] = set()
        self.used = set(self.names.values())
        self.sources: dict[int, set[int]] = {}  # of what is made of parameters and constants alone
        self.whole: list[str] = []  # why it is not
        for number, node in enumerate(ran.nodes):
            self.number = number
            self._convert(node)
        self.outputs = tuple(self.named(i) for i in ran.outputs)
        self.whole.extend(written_through(ran))
        self._unused()

    def _convert(self, node: Dispatched) -> None:
        refs = node.refs()
        live = [i for i in refs if i in self.lives]
        empty = bool(node.outputs) and all(
            0 in self.ran.shape(i) for i in node.outputs
        )  # of a slice that ends where it starts
        if (not live or empty) and node.name not in COSTLY:
            made_of = set().union(*(self.sources.get(i, {i}) for i in refs)) if refs else set()
            self.sources.update(dict.fromkeys(node.outputs, made_of))
            return
        self.lives.update(node.outputs)
        if all(i in self.still for i in live):
            self.still.update(node.outputs)
            if not any(map(self._is_batch, self.widths.get(node.outputs[0]))):
                self.once.append(self.number)
        rule = RULES.get(node.name) or (_elementwise if is_elementwise(node.func) else _other)
        mark = len(self.steps), len(self.at)
        try:
            rule(self, node)
        except (NotWholeError, InvalidInput) as error:
            if node.name in COSTLY:
                raise InvalidInput(f"{node.name} in {node.path or 'the module'} cannot be converted: {error}") from None
            del self.steps[mark[0] :], self.at[mark[1] :]
            _other(self, node)

    # Sides: those of a value without the batch.

    def kept(self, value: int) -> list[int]:
        """The sides of a tensor that are sides of the value: all but the batch."""
        return self._known(value)[0]

    def _known(self, value: int) -> tuple[list[int], tuple[Size, ...]]:
        if value not in self._sides:
            dims = self.widths.get(value)
            kept = [i for i, dim in enumerate(dims) if not self._is_batch(dim)]
            if len(dims) - len(kept) > 1:
                raise InvalidInput("the images of a batch are mixed: it has no cost of one image")
            self._sides[value] = kept, tuple(self.expression(dims[i]) for i in kept)
        return self._sides[value]

    def _is_batch(self, dim: Dim) -> bool:
        batch = self.widths.batch
        found = resolved(dim)
        return batch is not None and len(found) == 1 and len(found[0]) == 1 and found[0][0] is batch

    def expression(self, dim: Dim) -> Size:
        """The size of a dimension of one image, in symbols."""
        batch = self.widths.batch
        return expression(dim, lambda atom: 1 if atom is batch else self.symbol(atom))

    def dims(self, of: Ref | int) -> tuple[Size, ...]:
        """All sides of a tensor, the batch as 1: what ``work`` asks for."""
        return tuple(map(self.expression, self.widths.get(of)))

    def sides(self, value: int) -> tuple[Size, ...]:
        """The sides of a value, in symbols."""
        return self._known(value)[1]

    def numbers(self, value: int) -> tuple[int, ...]:
        """The sides of a value as they are in this run."""
        batch = self.widths.batch
        dims = self.widths.get(value)
        return tuple(int(expression(dims[i], lambda a: 1 if a is batch else a.size)) for i in self.kept(value))

    def side(self, value: int, dim: int) -> int:
        """The number of a side, by that of the tensor's. Raises NotWholeError for the batch."""
        kept = self.kept(value)
        dim %= len(self.ran.shape(value))
        if dim not in kept:
            raise NotWholeError("it works along the batch")
        return kept.index(dim)

    def growing(self, value: int, side: int) -> bool:
        """Whether a side of a value grows with the resolution."""
        return self.growth.grows(value, self.kept(value)[side])

    def grown(self, value: int) -> tuple[Size, ...]:
        """The sides of a value, those that grow with the resolution as polynomials in n."""
        batch = self.ran.shape(value)
        return tuple(
            self.growth.size(value, dim, size) if batch[dim] else size
            for dim, size in zip(self.kept(value), self.sides(value), strict=True)
        )

    # Steps.

    def add(
        self,
        node: Dispatched,
        kind: str,
        inputs: Sequence[str],
        output: int,
        /,
        *,
        suffix: str = "",
        owns: bool = True,
        **given: Any,
    ) -> str:
        """Adds a step that makes the value ``output``; returns its name: that of the submodule, where it is a leaf."""
        part = suffix or ("" if node.path and node.path not in self.parents else node.name)
        name = self._unique(".".join(filter(None, (node.path, part))))
        known = defaults(kind)
        values = ((field, stored(value)) for field, value in given.items())
        told = tuple((field, value) for field, value in values if field not in known or known[field] != value)
        self.steps.append(Step(name, kind, told, tuple(inputs), owns))
        self.at.append(self.number)
        self.names[output] = name
        return name

    def operation(
        self, node: Dispatched, operation: Operation, inputs: Sequence[str], output: int, **more: Any
    ) -> None:
        """Adds a step that is an operation of ours, its fields in symbols."""
        values = {field.name: getattr(operation, field.name) for field in fields(operation)}  # type: ignore[arg-type]
        self.add(node, type(operation).__name__, inputs, output, **more, **values)

    def last(self, **more: Any) -> None:
        """More of the step that was added last."""
        self.steps[-1] = replace(self.steps[-1], **more)

    def lead(self, value: int, rank: int) -> int:
        """How many sides a value has before the last ``rank`` of its tensor: more images than the batch."""
        first = len(self.ran.shape(value)) - rank
        return sum(side < first for side in self.kept(value))

    def same(self, node: Dispatched, output: int | None = None) -> None:
        """The output is what the first input is."""
        self.names[node.outputs[0] if output is None else output] = self.input(node)

    def input(self, node: Dispatched, index: int = 0) -> str:
        """The name of an input, by the place of its argument."""
        return self.named(node.args[index].id)

    def named(self, value: int, like: int | None = None) -> str:
        """The name of a value; of parameters and constants, steps of their own, with the sides that ``like`` has."""
        if value in self.names:
            return self.names[value]
        if value in self.lives:
            raise NotWholeError("an output that nothing follows")
        return self.constant(value, like)

    def constant(self, value: int, like: int | None = None, *, after: int = 0) -> str:
        """A step for a parameter, or for a constant that is made of parameters or of nothing.

        Where it meets a tensor (``like``), torch aligns the last sides of both: it has sides of 1 before its own, and
        none where the other has its batch. ``after``: so many sides of 1 follow its own.
        """
        sides = (*self.grown(value), *(1,) * after)
        if like is not None:
            whole = len(self.ran.shape(like))
            sized = dict(zip(self.kept(value), sides, strict=True))
            dims = tuple(sized.get(i, 1) for i in range(len(self.ran.shape(value))))
            aligned = (1,) * (whole - len(dims)) + dims
            sides = tuple(aligned[i] for i in self.kept(like))
        if (value, sides) in self.constants:
            return self.constants[value, sides]
        known = self.ran.values[value].name or self._seen_as(value)
        learned = self._learned(value)
        name = self.constants[value, sides] = self._unique(known or learned or "constant")
        if learned:
            self.owned.add(learned)
        if not known:
            self.whole.append(f"{name} is computed of parameters")
        given = (("shape", stored(sides)), *((("learned", False),) if not learned else ()))
        self._insert(Step(name, "Parameter", given, (), True, (known,) if known else ()), self.number)
        return name

    def _learned(self, value: int) -> str:
        """The parameter that a value is, or is computed of as one of the same size, if no step has it already."""
        made_of = [i for i in self.sources.get(value, {value}) if self.ran.values[i].is_parameter]
        if len(made_of) != 1 or math.prod(self.ran.shape(made_of[0])) != math.prod(self.ran.shape(value)):
            return ""
        resampled = value != made_of[0] and any(self.growth.grows(value, i) for i in range(len(self.ran.shape(value))))
        name = str(self.ran.values[made_of[0]].name)
        return "" if name in self.owned or resampled else name

    def _seen_as(self, value: int) -> str:
        """The parameter or buffer that a value is a view of."""
        while (made := self.ran.values[value].node) is not None and self.ran.nodes[made].name in VIEWS:
            value = self.ran.nodes[made].args[0].id
        return self.ran.values[value].name or ""

    def _insert(self, step: Step, number: int) -> None:
        """Adds a step without inputs, among those of the node ``number``."""
        place = len(self.at)
        while place and self.at[place - 1] > number:
            place -= 1
        self.steps.insert(place, step)
        self.at.insert(place, number)

    def _unique(self, name: str) -> str:
        found, i = name, 2
        while found in self.used:
            found, i = f"{name}#{i}", i + 1
        self.used.add(found)
        return found

    def weights(self, counted: Sequence[Any], more: Sequence[Any] = ()) -> tuple[bool, tuple[str, ...]]:
        """Whether the weights that an operation counts are its own, and what all that it has are called.

        They are where each is a parameter that no step before has, or computed of one such of the same size.
        """
        made_of = []
        for value in (ref.id for ref in counted if isinstance(ref, Ref)):
            parameters = [i for i in self.sources.get(value, {value}) if self.ran.values[i].is_parameter]
            sizes = {math.prod(self.ran.shape(i)) for i in parameters}
            own = len(parameters) == 1 and sizes == {math.prod(self.ran.shape(value))} and value not in self.lives
            made_of.append(self.ran.values[parameters[0]].name if own else None)
        owns = all(name is not None and name not in self.owned for name in made_of)
        if owns:
            self.owned.update(map(str, made_of))
        names = [self.ran.values[ref.id].name for ref in (*counted, *more) if isinstance(ref, Ref)]
        if not all(names):
            self.whole.append(f"weights that are computed, in {self.ran.nodes[self.number].path or 'the module'}")
        elif any(str(name).startswith("(") for name in names):
            self.whole.append("a layer that the module does not register")
        return owns, tuple(map(str, names)) if all(names) else ()

    def _unused(self) -> None:
        """Parameters that no step has: of parts that do not run, and those that others are computed of."""
        starts = {call.name: call.start for call in reversed(self.ran.calls)}
        for i, value in enumerate(self.ran.values):
            if value.is_parameter and value.name not in self.owned:
                owner = str(value.name).rpartition(".")[0]
                while owner and owner not in starts:
                    owner = owner.rpartition(".")[0]
                self.number = starts.get(owner, 0)
                self.constant(i)


def written_through(ran: Capture) -> Iterator[str]:
    """Where an operation writes into memory that a value from before shows too, which is read afterwards."""
    shown: dict[int, list[int]] = {}
    for i, value in enumerate(ran.values):
        shown.setdefault(value.storage, []).append(i)
    last: dict[int, int] = dict.fromkeys(ran.outputs, len(ran.nodes))
    for number, node in enumerate(ran.nodes):
        last.update(dict.fromkeys(node.refs(), number))
    last.update(dict.fromkeys(ran.outputs, len(ran.nodes)))
    for number, node in enumerate(ran.nodes):
        if node.in_place and node.outputs:
            made = node.outputs[0]
            for i in shown[ran.values[made].storage]:
                if i < made and last.get(i, -1) > number:
                    yield f"{node.name} in {node.path or 'the module'} writes into what is seen elsewhere too"
                    break


def stored(value: Any) -> Any:
    """A field as it is kept: polynomials for symbols, tuples for shapes and lists."""
    if isinstance(value, Shape):
        return tuple(map(stored, value.dims))
    if isinstance(value, (tuple, list)):
        return tuple(map(stored, value))
    if isinstance(value, sympy.Integer):
        return int(value)
    if is_symbolic(value):
        return polynomial(value)
    return value


def numbers_of(value: Any) -> tuple[Any, ...]:
    """A setting that is one number or several, as a tuple."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def polynomial(value: Any) -> Polynomial | int:
    """A sympy polynomial as ours."""
    expanded = sympy.expand(value)
    return int(expanded) if expanded.is_Integer else parse(str(expanded))


def _elementwise(converter: Converter, node: Dispatched) -> None:
    RULES["elementwise"](converter, node)


def _other(converter: Converter, node: Dispatched) -> None:
    """A step known by its shape alone."""
    taken = [converter.names[i] for i in node.refs() if i in converter.lives and i in converter.names]
    for output in node.outputs:
        sides = converter.grown(output)
        converter.add(node, "Other", taken, output, suffix=node.name, name=node.name, shape=sides)
        converter.whole.append(f"{node.name} in {node.path or 'the module'}")
