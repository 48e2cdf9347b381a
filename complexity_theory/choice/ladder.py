"""The networks that a strategy passes through: all that a rounding rule makes of it as the scaling factor grows.

Each size is a step function of the factor. Where it steps is found to neighbouring floats, so that between two steps
nothing is left out: what ``scaling.realise.scale`` gives for any factor in the range is on the ladder, however rounding
moves group widths and the widths that must fit them back and forth.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from complexity_theory.core.arrays import Floats, Ints
from complexity_theory.networks.knobs import Knob, Scalable, bases, multiplied
from complexity_theory.scaling.rules import Rule, reference_group_width
from complexity_theory.scaling.strategy import LETTERS, Strategy

Rounding: TypeAlias = Callable[[float], int]  # of an ideal size; it must not fall where that grows

NO_BOUND = 2**40  # an inner width that any group width fits


@dataclass(frozen=True, slots=True)
class Ladder:
    """The realised networks of one base along one strategy by one rule. ``knobs``: the base's own, some held still."""

    network: Scalable
    strategy: Strategy
    rule: Rule
    knobs: tuple[Knob, ...]

    def at(self, factor: float) -> tuple[int, ...]:
        """The sizes of all knobs at a factor, as ``scale`` gives them: the base's own at 1."""
        if factor == 1:
            return bases(self.knobs)
        return self.rule.values(self.knobs, self._ideal(self.knobs, factor))

    def between(self, low: float, high: float) -> tuple[Floats, Ints]:
        """All distinct sizes at factors from ``low`` to ``high``, with the least factor of each, in its order.

        Factors: one a step. Sizes: steps x knobs.
        """
        parts: list[tuple[list[int], Floats, Ints]] = []
        for part in components(self.knobs):
            places = [self.knobs.index(knob) for knob in part]
            tried = sorted({low, high, *self._steps(part, low, high)})
            rows = [self.rule.values(part, self._ideal(part, factor)) for factor in tried]
            kept = [i for i, row in enumerate(rows) if not i or row != rows[i - 1]]
            parts.append((places, np.array([tried[i] for i in kept]), np.array([rows[i] for i in kept])))
        own = [1.0, math.nextafter(1.0, math.inf)] if low <= 1 <= high else []
        factors = np.unique(np.concatenate([*(starts for _, starts, _ in parts), own]))
        sizes = np.empty((len(factors), len(self.knobs)), dtype=np.int64)
        for places, starts, steps in parts:
            sizes[:, places] = steps[np.searchsorted(starts, factors, side="right") - 1]
        if own:
            sizes[np.searchsorted(factors, 1.0)] = bases(self.knobs)
        first = np.sort(np.unique(sizes, axis=0, return_index=True)[1])
        return factors[first], sizes[first]

    def length(self, low: float, high: float) -> float:
        """About how many steps of rounding lie between two factors: what ``between`` takes time for."""
        exponents = dict(zip(LETTERS.values(), map(float, self.strategy.direction), strict=True))
        units = {"width": self.rule.width_multiple, "resolution": self.rule.resolution_multiple}
        moving = [(knob, exponents[knob.dimension]) for knob in self.knobs if knob.moves]
        spans = (knob.base * (high**e - low**e) / units.get(knob.dimension, 1) for knob, e in moving)
        return float(sum(spans))

    def shortest(self, factor: float, sizes: tuple[int, ...]) -> float:
        """The factor with fewest digits, near one that gives these sizes, that gives them too."""
        for digits in range(1, 17):
            for rounded in (float(f"{factor:.{digits}g}"), _up(factor, digits)):
                if self.at(rounded) == sizes:
                    return rounded
        return factor

    def _ideal(self, knobs: tuple[Knob, ...], factor: float) -> tuple[float, ...]:
        return multiplied(knobs, self.strategy.multipliers(factor)._asdict(), ties=False)

    def _steps(self, part: Sequence[Knob], low: float, high: float) -> Iterator[float]:
        """The factors at which some size of these knobs may change: the last before, and the first after."""
        exponents = dict(zip(LETTERS.values(), map(float, self.strategy.direction), strict=True))
        for knob in part:
            exponent = exponents[knob.dimension]
            if not (knob.moves and exponent):
                continue
            smallest, largest = (knob.base * factor**exponent for factor in (low, high))
            for size in changes(self.rule, knob, smallest, largest):
                yield from _around(knob.base, exponent, size)


def _up(factor: float, digits: int) -> float:
    """A factor rounded up to so many digits."""
    unit = 10.0 ** (math.floor(math.log10(factor)) - digits + 1)
    return float(f"{math.ceil(factor / unit) * unit:.{digits + 1}g}")


def _around(base: int, exponent: float, size: float) -> tuple[float, float]:
    """The neighbouring floats between which ``base * factor**exponent`` reaches a size."""
    guess = (size / base) ** (1 / exponent)
    width = 1e-15
    while True:
        low, high = guess * (1 - width), guess * (1 + width)
        if base * low**exponent < size <= base * high**exponent:
            break
        width *= 4
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return low, high
        low, high = (middle, high) if base * middle**exponent < size else (low, middle)


def components(knobs: tuple[Knob, ...]) -> list[tuple[Knob, ...]]:
    """The knobs in parts that a rule rounds apart from each other: a width with the group widths that divide it.

    >>> from complexity_theory.zoo import network
    >>> [[knob.name for knob in part] for part in components(network("ResNeXt-50-32x4d").knobs)][4]
    ['stage1.width', 'stage1.group_width']
    """
    leader = {knob.name: knob.name for knob in knobs}

    def of(name: str) -> str:
        while leader[name] != name:
            name = leader[name]
        return name

    for knob in knobs:
        for part in knob.parts:
            leader[of(knob.name)] = of(part.knob)
    found: dict[str, list[Knob]] = {}
    for knob in knobs:
        found.setdefault(of(knob.name), []).append(knob)
    return [tuple(part) for part in found.values()]


def changes(rule: Rule, knob: Knob, low: float, high: float) -> list[float]:
    """The ideal sizes of a knob, from ``low`` to ``high``, from which on a rule rounds it to another size."""
    first, last = math.frexp(low)[1], math.frexp(high)[1]
    return [size for octave in range(first, last + 1) for size in _changes(rule, knob, octave) if low < size <= high]


@lru_cache(maxsize=4096)
def _changes(rule: Rule, knob: Knob, octave: int) -> tuple[float, ...]:
    """Those of the sizes from 2^(octave - 1) to 2^octave."""
    found: list[float] = []
    low, high = math.ldexp(1.0, octave - 1), math.ldexp(1.0, octave)
    for rounding in _roundings(rule, knob):
        found += _jumps(rounding, low, high)
    return tuple(sorted(set(found)))


def _roundings(rule: Rule, knob: Knob) -> Iterable[Rounding]:
    """What a rule rounds of an ideal size, before widths and group widths are made to fit each other."""
    if knob.dimension == "depth":
        return (rule.depth,)
    if knob.dimension == "resolution":
        return (rule.resolution,)
    if knob.dimension == "group_width":
        return (lambda size: rule.group_width(size, NO_BOUND),)

    def width(size: float) -> int:
        return rule.width(size, knob)

    if knob.inner is None:
        return (width,)
    ratio = knob.inner
    return (width, lambda size: reference_group_width(float(size * ratio), NO_BOUND))


def _jumps(rounding: Rounding, low: float, high: float) -> Iterator[float]:
    """Where a function that never falls jumps between two floats: the first float after each jump."""
    spans = [(low, rounding(low), high, rounding(high))]
    while spans:
        a, at_a, b, at_b = spans.pop()
        if at_a == at_b:
            continue
        middle = (a + b) / 2
        if not a < middle < b:
            yield b
            continue
        at_middle = rounding(middle)
        spans += [(a, at_a, middle, at_middle), (middle, at_middle, b, at_b)]
