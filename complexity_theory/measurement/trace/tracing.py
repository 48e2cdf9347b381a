"""A module traced: run once, its dimensions made equal where they meet, its operations as steps in knobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from torch import nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Shape
from complexity_theory.measurement.count import count
from complexity_theory.measurement.trace import convert_rules, layer_rules, move_rules  # noqa: F401  (rules registered)
from complexity_theory.measurement.trace.capture import Input, capture
from complexity_theory.measurement.trace.convert import Converter
from complexity_theory.measurement.trace.costs import costs
from complexity_theory.measurement.trace.depth import Run, find_runs
from complexity_theory.measurement.trace.dims import Atom
from complexity_theory.measurement.trace.knobs import larger, resolution_knobs, size_knobs
from complexity_theory.measurement.trace.repeats import folded, tie
from complexity_theory.measurement.trace.scaled import PATCHES, Scaler
from complexity_theory.measurement.trace.widths import Widths
from complexity_theory.networks.knobs import bases
from complexity_theory.networks.traced import Traced

BATCH = 2  # images in a trace: what scales with them is told from what does not


class Symbols:
    """A knob for each free variable, named where a module first has it."""

    def __init__(self) -> None:
        self.of: dict[Atom, sympy.Symbol] = {}
        self.names: dict[str, Atom] = {}

    def __call__(self, atom: Atom) -> sympy.Symbol:
        """The symbol of a variable."""
        if atom not in self.of:
            name = f"{atom.kind}{sum(name[0] == atom.kind for name in self.names) + 1}"
            self.of[atom] = sympy.Symbol(name, positive=True, integer=True)
            self.names[name] = atom
        return self.of[atom]


class Tracing:
    """A module with what was found of it: ``network`` (without torch), and what makes modules of other sizes."""

    def __init__(
        self,
        module: nn.Module,
        *shapes: Input,
        fix: Sequence[str] = (),
        only: Sequence[str] | None = None,
        device: str | None = None,
        name: str | None = None,
        without: Sequence[str] = (),
    ) -> None:
        self.module, self.device = module, device
        self.name = name or type(module).__name__
        self.sides = tuple(tuple(x.dims) if isinstance(x, Shape) else tuple(x) for x in shapes)
        self.ran = capture(module, *self.sides, device=device, batch=BATCH)
        self.fix, self.only = fix, only
        self._read(without)

    def _read(self, without: Sequence[str]) -> None:
        self.widths = Widths(self.ran, self.fix, self.only, batch=True)
        self.runs: list[Run] = find_runs(self.module, self.ran, self.widths, costs(self.ran), without)
        tie(self.widths, self.runs)
        self.symbols = Symbols()
        converter = Converter(self.ran, self.widths, self.symbols)
        steps, outputs, repeated, depths, self.refused = folded(converter, self.runs)
        self.runs = [run for run in self.runs if any(made.copies[0][0] == run.names[0] for made in repeated)]
        self.depths = {made.copies[0][0]: made.depth for made in repeated}
        self.whole = converter.whole
        knobs = {**depths, **size_knobs(self.symbols.names, steps), **resolution_knobs(self.sides[0])}
        self.network = Traced(
            self.name, self.sides, tuple(knobs.values()), tuple(knobs), steps, outputs, tuple(repeated)
        )

    def scaled(self, values: Sequence[int]) -> nn.Module:
        """A new module of the same classes where the knobs have these sizes, traced anew and equal to the form.

        Its resized weights are new (the layers' own ``reset_parameters``). Raises InvalidInput where the module cannot
        be made so: its forward holds sizes as numbers, or is another one then.
        """
        expected = self.network.cost(values)
        sizes = dict(zip(self.network.symbols, values, strict=True))
        problem = ""
        for patches in PATCHES:
            try:
                made = self._made(sizes, patches)
                found = count(made, *self.sides, device=self.device)
            except (InvalidInput, ValueError, TypeError, AttributeError) as error:
                problem = problem or str(error).splitlines()[0]
                continue
            if found == expected:
                return made
            problem = problem or f"it costs {found}, and the form says {expected}"
        raise InvalidInput(f"no module of these sizes can be made of {self.name}: {problem}")

    def _made(self, sizes: Mapping[str, Any], patches: str) -> nn.Module:
        scaler = Scaler(self.module, self.widths, lambda atom: self._size(atom, sizes), patches)
        for run in sorted(self.runs, key=lambda run: -run.calls[0].start):
            scaler.repeat(run, sizes[self.depths[run.names[0]]])
        return scaler.module

    def _size(self, atom: Atom, sizes: Mapping[str, Any]) -> int:
        symbol = self.symbols.of.get(atom)
        return atom.size if symbol is None else int(sizes[symbol.name])

    def multiplied(self, *, d: int = 1, w: int = 1, g: int = 1) -> tuple[int, ...]:
        """The sizes of all knobs at whole multipliers of depths, widths and group widths."""
        by = {"depth": d, "width": w, "group_width": g}
        return tuple(knob.base * by.get(knob.dimension, 1) for knob in self.network.knobs)

    def check(self) -> None:
        """Holds the form to modules of twice the depth and width; runs that are none are given up.

        Raises InvalidInput where no such module costs what the form says.
        """
        banned: list[str] = []
        for _ in range(4):
            try:
                self.scaled(self.multiplied(d=2))
                break
            except InvalidInput:
                bad = [run.container for run in self.runs if not self._repeats(run)]
                banned += bad or [run.container for run in self.runs]
                self._read(banned)
        self.scaled(self.multiplied(d=2, w=2, g=2))
        if any(knob.dimension == "group_width" for knob in self.network.knobs):
            self.scaled(self.multiplied(w=2))

    def check_resolution(self) -> None:
        """Holds the form to runs at other resolutions. Raises InvalidInput where they cost something else."""
        values = dict(zip(self.network.symbols, bases(self.network.knobs), strict=True))
        for tall, wide in larger(self.sides[0], 2):
            values |= {name: side for name, side in (("r", tall), ("c", wide)) if name in values}
            sizes = tuple(values.values())
            shapes = self.network.shapes(self.network._sizes(sizes))
            found = count(self.module, *shapes, device=self.device)
            expected = self.network.cost(sizes)
            if found != expected:
                raise InvalidInput(f"at {tall} {self.name} costs {found}, and the form says {expected}")

    def _repeats(self, run: Run) -> bool:
        symbol = self.depths[run.names[0]]
        pairs = zip(self.network.symbols, self.network.knobs, strict=True)
        values = tuple(knob.base * (2 if name == symbol else 1) for name, knob in pairs)
        try:
            self.scaled(values)
        except InvalidInput:
            return False
        return True


def trace(module: nn.Module, *shapes: Input, **settings: Any) -> Traced:
    """The network that ``module`` is, for one image of ``shapes``."""
    return Tracing(module, *shapes, **settings).network
