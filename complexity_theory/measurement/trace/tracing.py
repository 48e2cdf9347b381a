"""A module traced: run once, its dimensions made equal where they meet, its operations as steps in knobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import sympy
from torch import nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.measurement.count import count
from complexity_theory.measurement.trace import (  # noqa: F401  (rules registered)
    convert_layers,
    convert_moves,
    convert_pools,
    layer_rules,
    move_rules,
)
from complexity_theory.measurement.trace.capture import Capture, Input, capture, watched
from complexity_theory.measurement.trace.convert import Converter
from complexity_theory.measurement.trace.copying import copied, to_meta, to_own, to_real
from complexity_theory.measurement.trace.costs import costs, total
from complexity_theory.measurement.trace.depth import ChildRun, find_runs
from complexity_theory.measurement.trace.dims import Atom
from complexity_theory.measurement.trace.growth import RUNS, Growth
from complexity_theory.measurement.trace.knobs import UNIT, height, larger, resolution_knobs, size_knobs, sized, units
from complexity_theory.measurement.trace.repeats import folded, tie
from complexity_theory.measurement.trace.resizing import PATCHES, Scaler
from complexity_theory.measurement.trace.widths import Widths
from complexity_theory.networks.knobs import bases
from complexity_theory.networks.traced import Traced, names_in

FINER = (1, 2, 4, 8, 16)  # of what sides of inputs may be multiples, if not of 32
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
        tall = height(self.sides[0])
        self.growth = Growth(self.ran, tall // UNIT if tall % UNIT == 0 else None, self._larger)
        self._read(without)

    def _read(self, without: Sequence[str]) -> None:
        self.widths = Widths(self.ran, self.fix, self.only, batch=True, training=self.trained)
        ran_costs = costs(self.ran)
        self.runs: list[ChildRun] = find_runs(self.module, self.ran, self.widths, ran_costs, without)
        tie(self.widths, self.runs)
        self.symbols = Symbols()
        converter = Converter(self.ran, self.widths, self.symbols, self.growth)
        steps, outputs, repeated, depths, self.refused = folded(converter, self.runs)
        self.runs = [run for run in self.runs if any(made.copies[0][0] == run.names[0] for made in repeated)]
        self.depths = {made.copies[0][0]: made.depth for made in repeated}
        knobs = {**depths, **size_knobs(self.symbols.names, self.widths, steps), **resolution_knobs(self.sides[0])}
        self.network = Traced(
            self.name,
            self.sides,
            tuple(knobs.values()),
            tuple(knobs),
            steps,
            outputs,
            tuple(repeated),
            loose=tuple(dict.fromkeys(converter.whole)),
        )
        self._hold_to([*ran_costs, *((BATCH - 1) * ran_costs[i] for i in converter.once)])

    def _hold_to(self, ran_costs: Sequence[Complexity]) -> None:
        """Raises InvalidInput where the steps cost something else than what ran: they depend on data.

        ``ran_costs``: with what is computed of weights alone for each image.
        """
        ran = Complexity()
        for cost in ran_costs:
            ran = ran + cost
        ours = self.network.complexity()
        for metric in ("flops", "acts", "products"):
            if BATCH * getattr(ours, metric) != getattr(ran, metric):
                raise InvalidInput(
                    f"the steps of {self.name} have {getattr(ours, metric)} {metric} an image, and {BATCH} images ran "
                    f"with {getattr(ran, metric)}: what runs depends on data; trace the part that does not"
                )
        if ours.params != sum(self.ran.sizes.values()):
            raise InvalidInput(
                f"the steps of {self.name} have {ours.params} params, it has {sum(self.ran.sizes.values())}"
            )

    @cached_property
    def trained(self) -> Capture | None:
        """A run in training mode, where parts of the module do not run otherwise; none where it fails."""
        ran = {call.name for call in self.ran.calls}
        owners = {name.rpartition(".")[0] for name in self.ran.sizes}
        if owners <= ran:
            return None
        try:
            return capture(self.module, *self.sides, device=self.ran.device, batch=BATCH, training=True)
        except InvalidInput:
            return None

    def _larger(self) -> list[tuple[int, Capture]]:
        """Runs at larger inputs, each with its n; none where one of them fails."""
        found = []
        for tall, wide in larger(self.sides[0], RUNS):
            shapes = sized(self.sides, tall, wide)
            try:
                found.append((tall // UNIT, capture(self.module, *shapes, device=self.ran.device, batch=BATCH)))
            except InvalidInput:
                return []
        return found

    def scaled(self, values: Sequence[int]) -> nn.Module:
        """A new module of the same classes where the knobs have these sizes, run anew there and equal to the form.

        Its resized weights are new (the layers' own ``reset_parameters``). Raises InvalidInput where the module cannot
        be made so: its forward holds sizes as numbers, or is another one then.
        """
        made = self._made(copied(self.module, to_own), values, self._held(values))
        found, expected = (
            count(made, *self.network.resized(values).inputs, device=self.device),
            self.network.cost(values),
        )
        if found != expected:
            raise InvalidInput(f"a module made of {self.name} costs {found}, and the form says {expected}")
        return made

    def _held(self, values: Sequence[int]) -> str:
        """Which settings to patch (of ``PATCHES``) so that a module of these sizes costs what the form says.

        It is tried without numbers, where the module runs so. Raises InvalidInput where none does.
        """
        try:
            expected, problem = self.network.cost(values), ""
            sides = self.network.resized(values).inputs
        except InvalidInput as error:
            raise InvalidInput(f"no module of these sizes can be made of {self.name}: {error}") from None
        move = to_meta if self.ran.device == "meta" else to_real
        for patches in PATCHES if self._other_widths(values) else PATCHES[-1:]:
            try:
                made = self._made(copied(self.twin, move), values, patches).eval()
                found = total(watched(made, *sides, device=self.ran.device))
            except Exception as error:  # of the user's code
                problem = problem or next(iter(str(error).splitlines()), type(error).__name__)
                continue
            if found == expected:
                return patches
            problem = problem or f"it costs {found}, and the form says {expected}"
        raise InvalidInput(f"no module of these sizes can be made of {self.name}: {problem}")

    @cached_property
    def twin(self) -> nn.Module:
        """The module without numbers, where it runs without them; else itself."""
        return copied(self.module, to_meta) if self.ran.device == "meta" else self.module

    def _other_widths(self, values: Sequence[int]) -> bool:
        pairs = zip(values, self.network.knobs, strict=True)
        return any(v != knob.base for v, knob in pairs if knob.dimension in ("width", "group_width"))

    def _made(self, module: nn.Module, values: Sequence[int], patches: str) -> nn.Module:
        """The module, a copy, with other sizes."""
        sizes = dict(zip(self.network.symbols, values, strict=True))
        scaler = Scaler(module, self.widths, lambda atom: self._size(atom, sizes), patches)
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

    def check(self) -> Traced:
        """The network held to other modules and runs: of twice the depths and widths, at other resolutions.

        Runs that are none are given up. Widths of which no module can be made that costs what the form says, and a
        resolution at which it is another network, do not move, and say why.
        """
        self.check_depths()
        grouped = any(knob.dimension == "group_width" for knob in self.network.knobs)
        try:
            self._held(self.multiplied(d=2, w=2, g=2))
            if grouped:
                self._held(self.multiplied(w=2))
        except InvalidInput as error:
            self._settle("width", "group_width", moves=False, why=str(error))
        self._check_resolution()
        return self.network

    def check_depths(self) -> None:
        """Gives up the runs of which no deeper module can be made."""
        banned: list[str] = []
        for _ in range(4):
            if not self.runs:
                return
            try:
                self._held(self.multiplied(d=2))
            except InvalidInput:
                bad = [run for alike in self._alike() for run in self._refusing(alike)]
                banned += [run.container for run in bad or self.runs]
                self._read(banned)
            else:
                return

    def _check_resolution(self) -> None:
        """Finds the multiples of what inputs may be: of 32, else of another unit; with none, the resolution stays."""
        problems = []
        followed = any("n" in names_in(step.fields) for step in self.network.steps)
        for unit in units(self.sides[0]):
            problem = self._differs(unit)
            if problem is None:
                finer = () if followed or unit != UNIT else FINER
                multiple = next((fine for fine in finer if self._differs(fine) is None), unit)
                self._settle("resolution", multiple=multiple)
                return
            problems.append(problem)
        self._settle("resolution", moves=False, why=(problems or ["an input without sides"])[0])

    def _settle(self, *dimensions: str, **found: Any) -> None:
        knobs = tuple(replace(k, **found) if k.dimension in dimensions else k for k in self.network.knobs)
        self.network = replace(self.network, knobs=knobs)

    def _differs(self, unit: int) -> str | None:
        """What is wrong at larger inputs of multiples of ``unit``; None where nothing is."""
        values = dict(zip(self.network.symbols, bases(self.network.knobs), strict=True))
        for tall, wide in larger(self.sides[0], 2, unit):
            values |= {name: side for name, side in (("r", tall), ("c", wide)) if name in values}
            try:
                found = count(self.module, *sized(self.sides, tall, wide), device=self.ran.device)
                expected = self.network.cost(tuple(values.values()))
            except InvalidInput as error:
                return f"at {tall}x{wide}: {error}"
            if found != expected:
                return f"at {tall}x{wide} it costs {found}, and the form says {expected}"
        return None

    def _alike(self) -> list[list[ChildRun]]:
        """The runs by their containers' names without numbers: they are written by the same lines, as a rule."""
        found: dict[str, list[ChildRun]] = {}
        for run in self.runs:
            found.setdefault("".join(c for c in run.container if not c.isdigit()), []).append(run)
        return list(found.values())

    def _refusing(self, runs: Sequence[ChildRun]) -> Sequence[ChildRun]:
        """Those of alike runs of which no deeper module can be made: all, where the first and the last are."""
        if self._repeats(*runs):
            return ()
        if len(runs) == 1 or not (self._repeats(runs[0]) or self._repeats(runs[-1])):
            return runs
        return [run for run in runs if not self._repeats(run)]

    def _repeats(self, *runs: ChildRun) -> bool:
        symbols = {self.depths[run.names[0]] for run in runs}
        pairs = zip(self.network.symbols, self.network.knobs, strict=True)
        values = tuple(knob.base * (2 if name in symbols else 1) for name, knob in pairs)
        try:
            self._held(values)
        except InvalidInput:
            return False
        return True


def trace(
    module: nn.Module,
    *shapes: Input,
    fix: Sequence[str] = (),
    only: Sequence[str] | None = None,
    device: str | None = None,
    name: str | None = None,
    check: bool = True,
) -> Traced:
    """The network that ``module`` is: its operations, with depths, widths, group widths and resolution as knobs.

    ``shapes``: of each input, without the batch. ``fix``: patterns of submodules whose widths stay; ``only``: of those
    whose widths alone change (WideResNet is ResNet with the first convolutions of its blocks). What cannot change stays
    at its size. With ``check`` the network is held to what it says of other sizes: to modules of the same classes with
    twice the depths and widths, and to runs at larger inputs. The module is left as it was.
    What fails a check stays at its size too, and the knob says why. Raises InvalidInput where the module does not run,
    and for an operation without a rule.

    >>> from complexity_theory.scaling.closed_form import closed_form
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1), nn.AdaptiveAvgPool2d(1))
    >>> closed_form(trace(net, (3, 32, 32))).acts
    8192*n**2*w + 8192*n**2
    """
    tracing = Tracing(module, *shapes, fix=fix, only=only, device=device, name=name)
    return tracing.check() if check else tracing.network


def scaled(
    module: nn.Module,
    *shapes: Input,
    to: Traced | None = None,
    depth: int = 1,
    width: int = 1,
    group_width: int = 1,
    fix: Sequence[str] = (),
    only: Sequence[str] | None = None,
    device: str | None = None,
) -> nn.Module:
    """A new module of the user's own classes with other sizes: layers resized, blocks repeated, settings patched.

    ``to``: the network traced of ``module``, with other sizes (as ``scaling.realise.scale`` gives it); or whole
    multipliers of depths, widths and group widths. The module is traced anew and costs what the network says; resized
    weights are new (the layers' own ``reset_parameters``), the others are copies. Raises InvalidInput where it cannot
    be made: its forward holds sizes as numbers, or does not call what is put into a container.

    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 1))
    >>> scaled(net, (3, 32, 32), width=2)[2]
    Conv2d(16, 4, kernel_size=(1, 1), stride=(1, 1))
    """
    tracing = Tracing(module, *shapes, fix=fix, only=only, device=device)
    tracing.check_depths()
    if to is None:
        return tracing.scaled(tracing.multiplied(d=depth, w=width, g=group_width))
    sizes = {knob.name: knob.base for knob in to.knobs}
    own = {knob.name for knob in tracing.network.knobs}
    if set(sizes) != own:
        raise InvalidInput(f"{to.name} was traced of another module than {type(module).__name__}, or otherwise")
    return tracing.scaled([sizes[knob.name] for knob in tracing.network.knobs])
