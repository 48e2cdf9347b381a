"""The search through ladders for the largest network that fits: many ladders together, on arrays.

First the networks at powers of two of the scaling factor tell where the bounds are met. Then every network in between
is counted, those that keep the bounds on counts are predicted, and the one with most flops stays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from complexity_theory.choice.budgets import OPTIONS, Budgets, shown, told
from complexity_theory.choice.costs import ProfiledDevice, buildable, costs, counts, on_sides, shares
from complexity_theory.choice.ladder import Ladder
from complexity_theory.core.arrays import Floats, Ints
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.search import MOST_FLOPS

HOPELESS = 2.0  # times a bound: rounding moves a cost by less, so that from there on nothing fits
OCTAVES = 5  # powers of two of the factor looked at together
SMALLEST = -40  # power of two of the least factor


@dataclass(frozen=True, slots=True)
class Found:
    """The largest network of a ladder that fits.

    ``shares``: what it takes of each bound; ``binding``: the number of the bound that the next larger one breaks most.
    """

    sizes: tuple[int, ...]
    factor: float
    flops: int
    seconds: float
    shares: Floats
    binding: int

    @property
    def rank(self) -> tuple[int, float]:
        """More flops are better, then less time."""
        return self.flops, -self.seconds


@dataclass(frozen=True, slots=True)
class Looked:
    """Variants looked at: flops, what they take of each bound (bounds x variants), time on all devices together."""

    flops: Ints
    shares: Floats
    seconds: Floats

    @property
    def excess(self) -> Floats:
        """The largest share: above 1, the variant does not fit."""
        found: Floats = self.shares.max(axis=0)
        return found


@dataclass(slots=True)
class BudgetSearch:
    """The search for what keeps budgets on devices, from one network."""

    network: Network | Traced
    budgets: Budgets
    devices: tuple[ProfiledDevice, ...]
    _seen: list[dict[int, Point]] = field(default_factory=list, init=False)

    @property
    def bounds(self) -> list[tuple[str, str | None, float]]:
        """What is bounded."""
        return list(self.budgets.bounds(tuple(device.name for device in self.devices)))

    def names(self) -> list[str]:
        """What the bounds are called."""
        return [told(name, device, len(self.devices) == 1) for name, device, _ in self.bounds]

    def look(self, sizes: Ints, least: NDArray[Any] | int = 0) -> Looked:
        """The costs of many sizes. Those with a bound on counts broken, or fewer flops than ``least``, get no times."""
        found, bounds = counts(self.network, sizes), self.bounds
        part = np.full((len(bounds), len(sizes)), -np.inf)
        for row, (name, device, bound) in zip(part, bounds, strict=True):
            if device is None:
                row[:] = getattr(found, name) / bound
        seconds = np.zeros(len(sizes))
        chosen = np.flatnonzero((part <= 1).all(axis=0) & (found.flops >= least) & (found.flops <= MOST_FLOPS))
        if self.devices and len(chosen):
            predicted = costs(self.network, sizes[chosen], self.devices, with_memory=self.budgets.memory is not None)
            part[:, chosen] = shares(predicted, self.budgets, self.devices)
            seconds[chosen] = sum(predicted.seconds.values())
        return Looked(found.flops, part, seconds)

    def largest(self, ladders: Sequence[Ladder]) -> list[Found | str]:
        """Of each ladder the largest network that fits, or why there is none."""
        found: list[Found | str] = []
        windows = self._windows(ladders)
        self._check_length(sum(ladder.length(w.low, w.high) for ladder, w in zip(ladders, windows, strict=True)))
        pools = [ladder.between(window.low, window.high) for ladder, window in zip(ladders, windows, strict=True)]
        sizes = np.concatenate([rows for _, rows in pools])
        least = np.repeat([window.flops for window in windows], [len(rows) for _, rows in pools])
        built = np.flatnonzero(buildable(self.network, ladders[0].knobs, sizes))
        looked = self.look(sizes[built], least[built])
        larger = (looked.flops >= least[built]) & (looked.flops <= MOST_FLOPS)
        start = 0
        for (factors, rows), window in zip(pools, windows, strict=True):
            mine = np.flatnonzero((built >= start) & (built < start + len(rows)) & larger)
            found.append(window.why or _largest(looked, mine, factors[built[mine] - start], rows[built[mine] - start]))
            start += len(rows)
        return found

    def _check_length(self, steps: float) -> None:
        most = LIMITS["steps of a scaling"].most
        if steps > most:
            kept = [f"{shown(what, bound)} ({OPTIONS[what]})" for what, _, bound in self.bounds]
            raise InvalidInput(
                f"budgets of {' and '.join(kept)} leave room for about {steps:,.0f} steps of rounding, more than "
                f"{most:,} steps of a scaling: give smaller budgets, or fewer strategies (--strategy)"
            )

    def _windows(self, ladders: Sequence[Ladder]) -> list[Window]:
        """For each ladder the factors between which its largest network that fits must lie."""
        seen: list[dict[int, Point]] = [{} for _ in ladders]
        self._seen = seen
        top = int(math.log2(MOST_FLOPS / self.network.complexity().flops))

        def look(active: Sequence[int], exponents: Sequence[int]) -> None:
            places = [(i, exponent) for i in active for exponent in exponents]
            own = np.array([ladders[i].at(2.0**exponent) for i, exponent in places], dtype=np.int64)
            sizes = on_sides(self.network, ladders[0].knobs, own)
            built = np.flatnonzero(buildable(self.network, ladders[0].knobs, sizes))
            looked = self.look(sizes[built])
            on_ladder = (sizes == own).all(axis=1)[built]
            for row, excess, flops, real in zip(built, looked.excess, looked.flops, on_ladder, strict=True):
                i, exponent = places[row]
                seen[i][exponent] = Point(float(excess), int(flops), bool(real))

        for start in range(min(0, top), top + 1, OCTAVES):
            active = [i for i, points in enumerate(seen) if not points or points[max(points)].excess < HOPELESS]
            if active:
                look(active, range(start, min(start + OCTAVES, top + 1)))
        for start in range(-1, SMALLEST - 1, -OCTAVES):
            active = [i for i, points in enumerate(seen) if not any(point.fits for point in points.values())]
            if active:
                look(active, range(start, max(start - OCTAVES, SMALLEST - 1), -1))
        return [_window(points) for points in seen]

    def refusal(self, ladders: Sequence[Ladder], reasons: Sequence[str]) -> str:
        """Why nothing fits, and what comes nearest: the bounds that would have to give way, and how far."""
        points = [(i, exponent) for i, points in enumerate(self._seen) for exponent in points if exponent <= OCTAVES]
        if not points:
            return reasons[0]
        sizes = np.array([ladders[i].at(2.0**exponent) for i, exponent in points], dtype=np.int64)
        sizes = on_sides(self.network, ladders[0].knobs, sizes)
        found = costs(self.network, sizes, self.devices, with_memory=self.budgets.memory is not None)
        nearest = int(np.argmin(shares(found, self.budgets, self.devices).max(axis=0)))
        strategy = ladders[points[nearest][0]].strategy
        broken = [
            f"{name} of at least {shown(what, float(found.of(what, device)[nearest]))} (not {shown(what, bound)})"
            for name, (what, device, bound) in zip(self.names(), self.bounds, strict=True)
            if found.of(what, device)[nearest] > bound
        ]
        if not broken:  # each strategy was left out for a reason of its own
            return reasons[0]
        return (
            f"nothing fits: the network that comes nearest, {self.network.name} scaled by {strategy}, "
            f"needs {' and '.join(broken)}"
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Factors between which to look, for a network of at least so many flops; ``why`` there is none to be found."""

    low: float
    high: float
    flops: int
    why: str = ""


class Point(NamedTuple):
    """What was seen at a power of two of the factor: the fullest bound, flops, and whether it is on the ladder.

    (Where the input's side is none that the network takes, one near by stands for it.)
    """

    excess: float
    flops: int
    on_ladder: bool

    @property
    def fits(self) -> bool:
        """Whether it is a network that may be chosen."""
        return self.on_ladder and self.excess <= 1


def _window(points: Mapping[int, Point]) -> Window:
    """The window of a ladder, from what is taken of the bounds at powers of two of the factor."""
    if not points:
        return Window(1.0, 1.0, 0, "none of its networks can be built")
    if points[max(points)].excess <= 1:
        return Window(1.0, 1.0, 0, f"no budget holds it back up to {MOST_FLOPS:g} flops")
    high = max(points)
    for exponent in sorted(points, reverse=True):
        if points[exponent].excess < HOPELESS:
            break
        high = exponent
    fitting = [exponent for exponent, point in points.items() if point.fits]
    if not fitting:
        return Window(2.0 ** min(points), 2.0**high, 0)
    return Window(2.0 ** (max(fitting) - 1), 2.0**high, points[max(fitting)].flops)


def _largest(looked: Looked, mine: NDArray[Any], factors: Floats, sizes: Ints) -> Found | str:
    """The largest that fits of those of one ladder: ``mine``, rows of all that was looked at."""
    flops, shares, seconds = looked.flops[mine], looked.shares[:, mine], looked.seconds[mine]
    fits = np.flatnonzero(looked.excess[mine] <= 1)
    if not len(fits):
        return "nothing along it keeps the budgets"
    best = fits[np.lexsort((seconds[fits], -flops[fits]))[0]]
    larger = np.flatnonzero(flops > flops[best])
    stopped = shares[:, larger[np.argmin(flops[larger])]] if len(larger) else shares[:, best]
    return Found(
        tuple(sizes[best].tolist()),
        float(factors[best]),
        int(flops[best]),
        float(seconds[best]),
        shares[:, best],
        int(np.argmax(stopped)),
    )
