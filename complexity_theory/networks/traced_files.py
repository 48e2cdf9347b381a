"""A traced network as a TOML or JSON file that people can read: knobs, runs, and its steps in order.

``steps`` name what each does (an operation of ``graph.operations``), the values it takes, and its fields; a size is a
number or a polynomial in the symbols of the knobs, such as "2*w1 + 8". What has its default is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from complexity_theory.core import schema
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.polynomial import Polynomial, parse
from complexity_theory.graph import operations
from complexity_theory.networks.knobs import DIMENSIONS, Knob, KnobPart
from complexity_theory.networks.traced import Run, Step, Traced, defaults

VERSION = 1
FORMAT = "traced network"
LARGEST_NUMBER = 10**9  # what a number of a file can be
REST = "rest"  # the open part of a group of sides
_TEXTS = ("kind", "mode", "name")  # fields that are text, and no sizes

_Size = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER, description="an integer from 1 to 10^9")]
_Text = Annotated[str, Meta(max_length=1000, description="text of at most 1000 characters")]
_Texts = Annotated[list[_Text], Meta(max_length=10**5, description="a list of texts")]
_Symbol = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]{0,15}$", description="a short name such as w1")]


_Part = tuple[_Text, _Text]  # a knob and a ratio of it


class KnobFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A knob."""

    name: _Text
    dimension: Annotated[str, Meta(description=f"one of {', '.join(DIMENSIONS)}")]
    size: _Size
    moves: Annotated[bool, Meta(description="true or false")] = True
    why: _Text = ""
    tied: _Text | None = None
    multiple: _Size = 1
    role: Annotated[str, Meta(description="stem, body or head")] = "body"
    divides: Annotated[list[_Part], Meta(description='a list of [knob, ratio], as ["w1", "1/4"]')] = []
    shares: Annotated[list[tuple[_Part, _Part]], Meta(description="a list of pairs of [knob, ratio]")] = []


class RunFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A run of alike blocks: its steps from ``first`` to ``last``, by name."""

    depth: _Symbol
    first: _Text
    last: _Text
    takes: _Texts
    gives: _Texts
    copies: list[_Texts]
    entry: Annotated[bool, Meta(description="true or false")] = False


class StepFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A step."""

    name: _Text
    does: Annotated[str, Meta(description="an operation such as Conv2d")]
    takes: _Texts = []
    fields: dict[str, Any] = {}
    owns: Annotated[bool, Meta(description="true or false")] = True
    weights: _Texts = []
    lead: Annotated[int, Meta(ge=0, le=8, description="a number of sides")] = 0


class TracedFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """The whole file."""

    format: Annotated[str, Meta(description=f'"{FORMAT}"')]
    version: Annotated[int, Meta(ge=1, le=VERSION, description=f"{VERSION}, the edition of these files known here")]
    name: _Text = "network"
    family: _Text = "traced"
    note: _Text = ""
    inputs: Annotated[list[list[_Size]], Meta(min_length=1, max_length=100, description="the sides of each input")]
    outputs: _Texts
    knobs: Annotated[dict[_Symbol, KnobFile], Meta(max_length=10**4, description="knobs by their symbols")]
    runs: list[RunFile] = []
    loose: Annotated[list[_Text], Meta(max_length=10**5, description="a list of texts")] = []
    steps: Annotated[list[StepFile], Meta(max_length=10**5, description="a list of steps")]


def is_traced(description: Any) -> bool:
    """Whether a description says that it is of a traced network."""
    return isinstance(description, Mapping) and description.get("format") == FORMAT


def describe(network: Traced) -> dict[str, Any]:
    """A traced network as plain numbers, text and lists; ``read`` gives it back."""
    found = TracedFile(
        format=FORMAT,
        version=VERSION,
        name=network.name,
        family=network.family,
        note=network.note,
        inputs=[list(sides) for sides in network.inputs],
        outputs=list(network.outputs),
        knobs={symbol: _knob(knob) for symbol, knob in zip(network.symbols, network.knobs, strict=True)},
        runs=[_run(run, network.steps) for run in network.runs],
        loose=list(network.loose),
        steps=[_step(step) for step in network.steps],
    )
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return {"format": FORMAT, "version": VERSION, **plain}


def _knob(knob: Knob) -> KnobFile:
    return KnobFile(
        name=knob.name,
        dimension=knob.dimension,
        size=knob.base,
        moves=knob.moves,
        why=knob.why,
        tied=knob.tied,
        multiple=knob.multiple,
        role=knob.role,
        divides=[_described(part) for part in knob.divides],
        shares=[(_described(part), _described(out)) for part, out in knob.shares],
    )


def _described(part: KnobPart) -> _Part:
    return part.knob, str(part.ratio)


def _run(run: Run, steps: tuple[Step, ...]) -> RunFile:
    return RunFile(
        depth=run.depth,
        first=steps[run.start].name,
        last=steps[run.stop - 1].name,
        takes=list(run.takes),
        gives=list(run.gives),
        copies=[list(names) for names in run.copies],
        entry=run.entry,
    )


def _step(step: Step) -> StepFile:
    return StepFile(
        name=step.name,
        does=step.kind,
        takes=list(step.inputs),
        fields={name: _plain(value) for name, value in step.fields},
        owns=step.owns,
        weights=list(step.weights),
        lead=step.lead,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Polynomial):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return REST if value is None else value


def read(description: Mapping[str, Any], name: str = "network") -> Traced:
    """The traced network of a description; ``name`` where it gives none. Raises InvalidInput for what is none."""
    found = schema.checked(description, TracedFile, "a traced network")
    if found.format != FORMAT:
        raise InvalidInput(f"a traced network says so by format {FORMAT!r}, not {found.format[:60]!r}")
    steps = tuple(_read_step(step, found.knobs) for step in found.steps)
    places = {step.name: i for i, step in enumerate(steps)}
    network = Traced(
        found.name if "name" in description else name,
        tuple(map(tuple, found.inputs)),
        tuple(_read_knob(knob) for knob in found.knobs.values()),
        tuple(found.knobs),
        steps,
        tuple(found.outputs),
        tuple(_read_run(run, places, found.knobs) for run in found.runs),
        found.note,
        found.family,
        tuple(found.loose),
    )
    _check(network, len(places))
    network.complexity()  # what does not fit together is found by walking it
    return network


def _read_knob(knob: KnobFile) -> Knob:
    if knob.dimension not in DIMENSIONS:
        raise InvalidInput(f"dimension must be one of {', '.join(DIMENSIONS)}, not {knob.dimension[:60]!r}")
    if knob.role not in ("stem", "body", "head"):
        raise InvalidInput(f"role must be stem, body or head, not {knob.role[:60]!r}")
    return Knob(
        name=knob.name,
        dimension=knob.dimension,  # checked above
        base=knob.size,
        moves=knob.moves,
        why=knob.why,
        tied=knob.tied,
        multiple=knob.multiple,
        role=knob.role,  # type: ignore[arg-type]  # checked above
        divides=tuple(map(_part, knob.divides)),
        shares=tuple((_part(part), _part(out)) for part, out in knob.shares),
    )


def _part(given: _Part) -> KnobPart:
    return KnobPart(given[0], _ratio(given[1]))


def _ratio(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    if not (numerator.isdecimal() and (denominator or "1").isdecimal() and len(text) < 20 and int(denominator or 1)):
        raise InvalidInput(f'a ratio is an integer or a fraction such as "1/4", not {text[:60]!r}')
    return Fraction(int(numerator), int(denominator or 1))


def _read_run(run: RunFile, places: Mapping[str, int], knobs: Mapping[str, KnobFile]) -> Run:
    for name in (run.first, run.last):
        if name not in places:
            raise InvalidInput(f"a run of steps ends at {name!r}, which is no step")
    if run.depth not in knobs:
        raise InvalidInput(f"a run has the depth {run.depth!r}, which is no knob")
    if len(run.takes) != len(run.gives) or not run.takes or not run.copies:
        raise InvalidInput(f"a run of {run.depth} hands on as many values as it takes, and has copies")
    copies = tuple(map(tuple, run.copies))
    start, stop = places[run.first], places[run.last] + 1
    return Run(run.depth, start, stop, run.entry, tuple(run.takes), tuple(run.gives), copies)


def _read_step(step: StepFile, knobs: Mapping[str, Any]) -> Step:
    defaults(step.does)  # which refuses what is no operation
    known = {field.name for field in fields(getattr(operations, step.does))}
    for name in step.fields:
        if name not in known:
            raise InvalidInput(
                f"{step.name}: a {step.does} has no {name[:60]!r}: its fields are {', '.join(sorted(known))}"
            )
    given = tuple((name, _read_value(value, name, step.name, knobs)) for name, value in step.fields.items())
    return Step(step.name, step.does, given, tuple(step.takes), step.owns, tuple(step.weights), step.lead)


def _read_value(value: Any, name: str, where: str, knobs: Mapping[str, Any]) -> Any:
    if name in _TEXTS:
        if not isinstance(value, str):
            raise InvalidInput(f"{where}: {name} must be text")
        return value
    if isinstance(value, list):
        return tuple(_read_value(item, name, where, knobs) for item in value)
    if isinstance(value, str):
        if value == REST:
            return None
        if name == "settings":
            return value
        found = parse(value)
        for symbol in found.names - {*knobs, "n"}:
            raise InvalidInput(f"{where}: {name} has a size in {symbol!r}, which is no knob")
        return found
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_NUMBER:
        raise InvalidInput(f"{where}: {name} must be at most 10^9, not {str(value)[:60]}")
    return value


def _check(network: Traced, names: int) -> None:
    """Raises InvalidInput for names that are used twice or not known, and for runs that overlap."""
    if names < len(network.steps):
        raise InvalidInput("two steps have one name")
    known = {f"input{i}" for i in range(len(network.inputs))}
    for step in network.steps:
        for name in step.inputs:
            if name not in known:
                raise InvalidInput(f"{step.name} takes {name!r}, which is no step before it")
        known.add(step.name)
    for name in network.outputs:
        if name not in known:
            raise InvalidInput(f"{name!r}, which comes out, is no step")
    if not network.outputs:
        raise InvalidInput("nothing comes out of the network")
    last = 0
    for run in sorted(network.runs, key=lambda run: run.start):
        if run.start < last or run.stop <= run.start or not {*run.takes, *run.gives} <= known:
            raise InvalidInput(f"the run of {run.depth} overlaps another, or hands on what is no step")
        last = run.stop
