"""A module traced: run once, its dimensions made equal where they meet, its operations as steps in knobs."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from torch import nn

from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement.trace import convert_rules, layer_rules, move_rules  # noqa: F401  (rules registered)
from complexity_theory.measurement.trace.capture import Input, capture
from complexity_theory.measurement.trace.convert import Converter
from complexity_theory.measurement.trace.costs import costs
from complexity_theory.measurement.trace.depth import find_runs
from complexity_theory.measurement.trace.dims import Atom
from complexity_theory.measurement.trace.repeats import folded, tie
from complexity_theory.measurement.trace.widths import Widths
from complexity_theory.networks.traced import Knob, Traced

BATCH = 2  # images in a trace: what scales with them is told from what does not


class Symbols:
    """A knob for each free variable, named where a module first has it."""

    def __init__(self) -> None:
        self.of: dict[Atom, sympy.Symbol] = {}
        self.knobs: list[Knob] = []

    def __call__(self, atom: Atom) -> sympy.Symbol:
        """The symbol of a variable."""
        if atom not in self.of:
            dimension = {"w": "width", "g": "group_width"}[atom.kind]
            symbol = f"{atom.kind}{sum(knob.symbol[0] == atom.kind for knob in self.knobs) + 1}"
            self.of[atom] = sympy.Symbol(symbol, positive=True, integer=True)
            name = f"{atom.name or symbol}.{dimension}"
            if any(knob.name == name for knob in self.knobs):
                name = f"{name}.{symbol}"
            self.knobs.append(Knob(symbol, name, dimension, atom.size))
        return self.of[atom]


def trace(
    module: nn.Module,
    *shapes: Input,
    fix: Sequence[str] = (),
    only: Sequence[str] | None = None,
    device: str | None = None,
    name: str | None = None,
) -> Traced:
    """The network that ``module`` is, for one image of ``shapes``."""
    sides = tuple(tuple(x.dims) if isinstance(x, Shape) else tuple(x) for x in shapes)
    ran = capture(module, *sides, device=device, batch=BATCH)
    widths = Widths(ran, fix, only, batch=True)
    runs = find_runs(module, ran, widths, costs(ran))
    tie(widths, runs)
    symbols = Symbols()
    converter = Converter(ran, widths, symbols)
    steps, outputs, repeated, depths, refused = folded(converter, runs)
    return Traced(
        name or type(module).__name__,
        sides,
        (*depths, *symbols.knobs),
        steps,
        outputs,
        tuple(repeated),
    )
