"""Beyond the named strategies: multipliers of depth, width, group width and resolution each free, as a population."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complexity_theory.choice.budgets import told
from complexity_theory.choice.choose import Candidate, Choice
from complexity_theory.choice.costs import Costs, DeviceCost, buildable, costs, counts, shares
from complexity_theory.choice.ladder import Ladder
from complexity_theory.core.arrays import Ints
from complexity_theory.core.checks import check_choice
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.networks.knobs import DIMENSIONS, Knob, held, multiplied
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.rules import Rule, rule
from complexity_theory.scaling.search import MOST_FLOPS
from complexity_theory.scaling.strategy import LETTERS, parse

VARIANTS = 100_000
DEPTHS, SIDES, GROUPS = 24, 40, 5  # steps of depth, resolution and group width tried; the rest are widths
MOST_STEPS = 8  # times as many, where rounding leaves fewer variants than asked for
BEYOND = 1.25  # multipliers reach so far beyond those of the named strategies, and twice as far below


@dataclass(frozen=True, slots=True)
class Variant:
    """A realised network of the population, with its multipliers: geometric means over what moves, by dimension."""

    network: Network | Traced
    complexity: Complexity
    devices: Mapping[str, DeviceCost]
    multipliers: Mapping[str, float]

    @property
    def shares(self) -> dict[str, float]:
        """Its direction as shares of d, w, g and r (``scaling.strategy``): those of d, w and r sum to 1.

        A share is negative where the size fell though the flops grew. Empty where nothing is changed.
        """
        weights = {letter: (1 if letter == "d" else 2) * math.log(m) for letter, m in self.multipliers.items()}
        total = sum(weights[letter] for letter in "dwr" if letter in weights)
        return {letter: weight / total for letter, weight in weights.items()} if abs(total) > 1e-9 else {}

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            **self.complexity.as_dict(),
            "devices": {name: found.as_dict() for name, found in self.devices.items()},
            "multipliers": dict(self.multipliers),
            "shares": self.shares,
            "sizes": self.network.sizes(),
        }


@dataclass(frozen=True)
class Free:
    """The free population beside the choice along strategies.

    ``variants``: how many were looked at. ``fronts``: by cost (params, and by device time and memory), the variants
    that keep the budgets and of which none with no less ``measure`` costs less: pairs (cost, measure), ascending.
    """

    choice: Choice
    measure: str
    variants: int
    fronts: Mapping[str, Sequence[tuple[float, int]]]
    best: Variant

    @cached_property
    def nearest(self) -> Candidate:
        """The candidate along a strategy whose shares of d, w and r are nearest to those of the best variant."""
        mine = self.best.shares

        def distance(candidate: Candidate) -> float:
            theirs = dict(zip(LETTERS, map(float, candidate.strategy.shares), strict=True))
            return math.dist([mine.get(letter, 0) for letter in "dwr"], [theirs[letter] for letter in "dwr"])

        return min(self.choice.candidates, key=distance)

    @property
    def gain(self) -> float:
        """How much more of the measure the best variant has than the nearest strategy's candidate: 0.1 is 10%."""
        mine, theirs = (getattr(found.complexity, self.measure) for found in (self.best, self.nearest))
        return float(mine / theirs - 1)

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "measure": self.measure,
            "variants": self.variants,
            "best": self.best.as_dict(),
            "nearest": self.nearest.strategy.name,
            "gain": self.gain,
            "fronts": {name: [list(point) for point in front] for name, front in self.fronts.items()},
        }


def free(choice: Choice, *, measure: str = "flops", variants: int = VARIANTS) -> Free:
    """All multipliers free: the front of a ``measure`` against time, params and memory, and the best that fits.

    A grid of about so many ``variants`` around what the strategies of the ``choice`` reached, each realised by the rule
    of the best candidate; the same budgets, devices and knobs. ``measure``: flops, params or acts, to be as large as
    can be. Raises InvalidInput for another measure, where params alone are bounded and the
    resolution is free, and where no variant fits.

    >>> from complexity_theory.choice.budgets import Budgets
    >>> from complexity_theory.choice.choose import choose
    >>> from complexity_theory.zoo import network
    >>> found = free(choose(network("ResNet-18"), Budgets(params="20M", acts="5M")), variants=2000)
    >>> found.best.complexity.flops >= found.choice.best.complexity.flops
    True
    """
    check_choice("measure", measure, METRICS)
    network, devices = choice.base, choice.devices
    knobs = held(network.knobs, fix=choice.fix)
    bounds = list(choice.budgets.bounds(tuple(device.name for device in devices)))
    if all(name == "params" for name, _, _ in bounds) and any(k.dimension == "resolution" and k.moves for k in knobs):
        raise InvalidInput("params alone hold no resolution back: bound flops, acts, time or memory too, or fix it")
    sizes = _population(choice, knobs, rule(choice.best.rounding, multiple=choice.multiple), variants)
    sizes = sizes[buildable(network, knobs, sizes)]
    looked = len(sizes)
    if any(device is None for _, device, _ in bounds):
        counted = counts(network, sizes)
        kept = [getattr(counted, name) <= bound for name, device, bound in bounds if device is None]
        sizes = sizes[np.logical_and.reduce(kept)]
    found = (
        costs(network, sizes, devices, with_memory=bool(devices)) if devices else Costs(counts(network, sizes), {}, {})
    )
    fits = (shares(found, choice.budgets, devices) <= 1).all(axis=0) & (found.counts.flops <= MOST_FLOPS)
    if not fits.any():
        raise InvalidInput(f"none of {looked:,} variants of {network.name} keeps the budgets")
    values = getattr(found.counts, measure)
    axes = [("params", None), *((name, device.name) for device in devices for name in ("seconds", "memory"))]
    fronts = {
        told(name, device, len(devices) == 1): pareto(found.of(name, device)[fits], values[fits])
        for name, device in axes
        if name != measure
    }
    rows = np.flatnonzero(fits)
    times = sum(found.seconds.values(), np.zeros(len(sizes)))
    best = rows[np.lexsort((times[rows], -values[rows]))[0]]
    return Free(choice, measure, looked, fronts, variant(choice, knobs, sizes[best]))


def variant(choice: Choice, knobs: Sequence[Knob], sizes: Ints) -> Variant:
    """The network of a choice's base with other sizes, what it costs and its multipliers."""
    base = choice.base
    network = base.resized(
        tuple(sizes.tolist()),
        name=f"{base.name}-free",
        note=f"{base.name} with sizes chosen freely, rounded by {choice.best.rounding}",
    )
    ratios: dict[str, list[float]] = {}
    for knob, size in zip(knobs, sizes.tolist(), strict=True):
        if knob.moves:
            ratios.setdefault(knob.dimension, []).append(math.log(size / knob.base))
    multipliers = {
        letter: math.exp(sum(ratios[name]) / len(ratios[name])) for letter, name in LETTERS.items() if name in ratios
    }
    on = {device.name: device.estimate(network) for device in choice.devices}
    return Variant(network, network.complexity(), on, multipliers)


def pareto(cost: NDArray[Any], measure: NDArray[Any]) -> list[tuple[float, int]]:
    """The pairs (cost, measure) that no other beats in both, by ascending cost.

    >>> pareto(np.array([1.0, 2.0, 2.0, 3.0]), np.array([5, 4, 7, 7]))
    [(1.0, 5), (2.0, 7)]
    """
    order = np.lexsort((-measure, cost))
    sorted_measure = measure[order]
    before = np.concatenate([[-1], np.maximum.accumulate(sorted_measure)[:-1]])
    kept = order[sorted_measure > before]
    return [(float(cost[i]), int(measure[i])) for i in kept]


def _population(choice: Choice, knobs: tuple[Knob, ...], rounding: Rule, variants: int) -> Ints:
    """A grid of realised sizes (variants x knobs), each once; depths change slowest."""
    spans = _spans(choice, {knob.dimension for knob in knobs if knob.moves})
    steps, size = 1, 0
    while size < variants and steps <= MOST_STEPS:
        depths = _axis(choice.base, knobs, rounding, "d", spans.get("depth"), DEPTHS * steps)
        sides = _axis(choice.base, knobs, rounding, "r", spans.get("resolution"), SIDES * steps)
        widths = _widths(knobs, rounding, spans, steps * math.ceil(variants / (len(depths) * len(sides))))
        size, steps = len(depths) * len(sides) * len(widths), 2 * steps
    places = {
        name: [i for i, knob in enumerate(knobs) if knob.dimension in dimensions]
        for name, dimensions in (("d", {"depth"}), ("r", {"resolution"}), ("w", {"width", "group_width"}))
    }
    i, j, k = (index.reshape(-1) for index in np.indices((len(depths), len(widths), len(sides))))
    sizes = np.empty((len(i), len(knobs)), dtype=np.int64)
    for name, rows, index in (("d", depths, i), ("w", widths, j), ("r", sides, k)):
        sizes[:, places[name]] = rows[:, places[name]][index]
    return sizes


def _spans(choice: Choice, moving: set[str]) -> dict[str, tuple[float, float]]:
    """Between which multipliers to look, by dimension: those of the strategies' candidates, and somewhat beyond."""
    reached = [candidate.strategy.multipliers(candidate.factor)._asdict() for candidate in choice.candidates]
    return {
        name: (
            min(1.0, *(multipliers[name] for multipliers in reached)) / (2 * BEYOND),
            max(1.0, *(multipliers[name] for multipliers in reached)) * BEYOND,
        )
        for name in DIMENSIONS
        if name in moving
    }


def _axis(
    network: Network | Traced,
    knobs: tuple[Knob, ...],
    rounding: Rule,
    letter: str,
    span: tuple[float, float] | None,
    most: int,
) -> Ints:
    """The distinct sizes along one dimension between two multipliers, thinned to ``most``."""
    strategy = parse(letter)
    if span is None:
        return np.array([[knob.base for knob in knobs]], dtype=np.int64)
    power = 1 if letter == "d" else 2
    factors, rows = Ladder(network, strategy, rounding, knobs).between(span[0] ** power, span[1] ** power)
    mine = [i for i, knob in enumerate(knobs) if getattr(strategy, knob.dimension)]
    first = np.sort(np.unique(rows[:, mine], axis=0, return_index=True)[1])
    chosen = np.unique(np.searchsorted(factors[first], np.geomspace(factors[first][0], factors[first][-1], most)))
    return rows[first[np.minimum(chosen, len(first) - 1)]]


def _widths(knobs: tuple[Knob, ...], rounding: Rule, spans: dict[str, tuple[float, float]], wanted: int) -> Ints:
    """About so many distinct widths with group widths: a grid of their multipliers."""
    group_widths = [1.0] if "group_width" not in spans else np.geomspace(*spans["group_width"], GROUPS).tolist()
    if "width" not in spans:
        widths = [1.0]
    else:
        widths = np.geomspace(*spans["width"], math.ceil(1.1 * wanted / len(group_widths))).tolist()
    rows = {
        rounding.values(knobs, multiplied(knobs, dict(zip(DIMENSIONS, (1.0, w, g, 1.0), strict=True)), ties=False))
        for w in widths
        for g in group_widths
    }
    return np.array(sorted(rows), dtype=np.int64)
