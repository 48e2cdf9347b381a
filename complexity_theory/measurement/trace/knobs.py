"""The knobs of a traced network: depths of runs, widths and group widths of variables, the sides of the input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from complexity_theory.core.polynomial import Polynomial
from complexity_theory.measurement.trace.dims import Atom
from complexity_theory.measurement.trace.dims import variables as variables_of
from complexity_theory.measurement.trace.widths import Widths
from complexity_theory.networks.knobs import Knob, KnobPart
from complexity_theory.networks.traced import Step, multiples

UNIT = 32  # sides of inputs at which forms are held to other runs are multiples of it


def size_knobs(variables: Mapping[str, Atom], widths: Widths, steps: Sequence[Step]) -> dict[str, Knob]:
    """A knob for each variable, by its symbol: named after the submodule that first makes, or takes, its channels."""
    owners = _owners(widths)
    names: dict[str, str] = {}
    for symbol, atom in variables.items():
        name = f"{owners.get(atom) or symbol}.{'width' if atom.kind == 'w' else 'group_width'}"
        names[symbol] = name if name not in names.values() else f"{name}.{symbol}"
    stem = _stem(steps)
    multiple, (divides, shares) = multiples(steps), _fits(steps, names)
    found = {}
    for symbol, atom in variables.items():
        tied = next((names[s] for s, other in variables.items() if other in atom.tied and s != symbol), None)
        earlier = list(variables).index(symbol)
        leads = tied is None or list(names.values()).index(tied) > earlier
        found[symbol] = Knob(
            name=names[symbol],
            dimension="width" if atom.kind == "w" else "group_width",
            base=atom.size,
            tied=None if leads else tied,
            multiple=multiple.get(symbol, 1),
            divides=divides.get(symbol, ()),
            shares=shares.get(symbol, ()),
            role="stem" if symbol == stem else "body",
        )
    return found


def _owners(widths: Widths) -> dict[Atom, str]:
    """The submodule that each variable is named after: the first with an output of its size, else with an input."""
    found: dict[Atom, str] = {}
    named = [(str(value.name), widths.of[i]) for i, value in enumerate(widths.ran.values) if value.name]
    for side in range(max((len(dims) for _, dims in named), default=0)):
        for name, dims in named:
            for atom in variables_of(dims[side])[:1] if side < len(dims) else ():
                found.setdefault(atom, name.rpartition(".")[0] if name.endswith(("weight", "bias")) else name)
    return found


def _stem(steps: Sequence[Step]) -> str | None:
    """The symbol of what the first convolution makes."""
    for step in steps:
        size = dict(step.fields).get("w_out")
        if size is not None:
            return next(iter(size.names)) if isinstance(size, Polynomial) and len(size.names) == 1 else None
    return None


Parts = dict[str, tuple[KnobPart, ...]]
Shares = dict[str, tuple[tuple[KnobPart, KnobPart], ...]]


def _fits(steps: Sequence[Step], names: Mapping[str, str]) -> tuple[Parts, Shares]:
    """The widths that each group width divides, and what it shares out: in and out where they are different widths."""
    divides: dict[str, dict[str, KnobPart]] = {}
    shares: dict[str, dict[tuple[KnobPart, KnobPart], None]] = {}
    for step in steps:
        given = dict(step.fields)
        group = given.get("group_width")
        if not (isinstance(group, Polynomial) and len(group.names) == 1):
            continue
        [symbol] = group.names
        into, out = ([KnobPart(names[n], ratio) for n, ratio in _parts(given[side])] for side in ("w_in", "w_out"))
        if len(into) == len(out) == 1 and into != out:
            shares.setdefault(symbol, {})[into[0], out[0]] = None
        else:
            divides.setdefault(symbol, {}).update({part.knob: part for part in (*into, *out)})
    return (
        {symbol: tuple(parts.values()) for symbol, parts in divides.items()},
        {symbol: tuple(pairs) for symbol, pairs in shares.items()},
    )


def _parts(size: Any) -> list[tuple[str, Fraction]]:
    if not isinstance(size, Polynomial):
        return []
    return [(powers[0][0], coefficient) for coefficient, powers in size.terms if len(powers) == 1 and powers[0][1] == 1]


def resolution_knobs(sides: Sequence[int]) -> dict[str, Knob]:
    """The knobs of the sides of an input: one of a square or a line, else two, of which the width follows."""
    if len(sides) < 2:
        return {}
    if len(sides) == 2 or sides[-1] == sides[-2]:
        return {"r": Knob(name="resolution", dimension="resolution", base=sides[-1])}
    tall = Knob(name="resolution.height", dimension="resolution", base=sides[-2])
    return {"r": tall, "c": Knob(name="resolution.width", dimension="resolution", base=sides[-1], tied=tall.name)}


def height(sides: Sequence[int]) -> int:
    """The side of an input that n tells: the height of an image, the length of a line."""
    return sides[-2] if len(sides) > 2 else sides[-1]


def sized(inputs: Sequence[Sequence[int]], tall: int, wide: int) -> list[tuple[int, ...]]:
    """The sides of inputs where those as large as the first are ``tall`` x ``wide``."""
    found = []
    for sides in inputs:
        if len(sides) > 2 and sides[-2:] == inputs[0][-2:]:
            found.append((*sides[:-2], tall, wide))
        else:
            found.append((*sides[:-1], tall) if len(sides) == 2 and sides == inputs[0] else tuple(sides))
    return found


def larger(sides: Sequence[int], count: int, unit: int = UNIT) -> list[tuple[int, int]]:
    """Heights and widths above those of an input, multiples of ``unit`` in its proportions."""
    tall, wide = (sides[-2], sides[-1]) if len(sides) > 2 else (sides[-1], sides[-1])
    common = math.gcd(tall, wide)
    step = (math.lcm(unit, tall // common), math.lcm(unit, wide // common))
    grown = max(step[0] // (tall // common), step[1] // (wide // common))
    grown = math.lcm(step[0] // (tall // common), step[1] // (wide // common), grown)
    step = (tall // common * grown, wide // common * grown)
    first = tall // step[0]
    return [((first + k) * step[0], (first + k) * step[1]) for k in range(1, count + 1)]


def units(sides: Sequence[int]) -> list[int]:
    """What sides of inputs may have to be multiples of: 32, 64, 128, or the height itself (windows that tile it)."""
    tall = height(sides)
    return list(dict.fromkeys((UNIT, 2 * UNIT, 4 * UNIT, *((tall,) if tall % UNIT == 0 else ()))))
