"""The knobs of a traced network: depths of runs, widths and group widths of variables, the sides of the input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from complexity_theory.core.polynomial import Polynomial
from complexity_theory.measurement.trace.dims import Atom
from complexity_theory.networks.knobs import Knob, Part
from complexity_theory.networks.traced import Step, multiples

UNIT = 32  # sides of inputs at which forms are held to other runs are multiples of it


def size_knobs(variables: Mapping[str, Atom], steps: Sequence[Step]) -> dict[str, Knob]:
    """A knob for each variable, by its symbol: named after the submodule that first has it."""
    names: dict[str, str] = {}
    for symbol, atom in variables.items():
        name = f"{atom.name or symbol}.{'width' if atom.kind == 'w' else 'group_width'}"
        names[symbol] = name if name not in names.values() else f"{name}.{symbol}"
    multiple, divides = multiples(steps), _divides(steps, names)
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
        )
    return found


def _divides(steps: Sequence[Step], names: Mapping[str, str]) -> dict[str, tuple[Part, ...]]:
    """The widths that each group width divides."""
    found: dict[str, dict[str, Part]] = {}
    for step in steps:
        given = dict(step.fields)
        group = given.get("group_width")
        if isinstance(group, Polynomial) and len(group.names) == 1:
            [symbol] = group.names
            for size in (given["w_in"], given["w_out"]):
                for name, ratio in _parts(size):
                    found.setdefault(symbol, {})[name] = Part(names[name], ratio)
    return {symbol: tuple(parts.values()) for symbol, parts in found.items()}


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


def larger(sides: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Heights and widths above those of an input, multiples of 32 in its proportions."""
    tall, wide = (sides[-2], sides[-1]) if len(sides) > 2 else (sides[-1], sides[-1])
    common = math.gcd(tall, wide)
    step = (UNIT * tall // common, UNIT * wide // common)
    first = tall // step[0]
    return [((first + k) * step[0], (first + k) * step[1]) for k in range(1, count + 1)]
