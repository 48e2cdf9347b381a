"""Rows of the tables, held to symbols and to stacks of real PyTorch convolutions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import sympy
from torch import nn

from complexity_theory.core.symbols import alpha, s
from complexity_theory.graph.complexity import METRICS, Complexity, Shape
from complexity_theory.measurement.trace.capture import watched
from complexity_theory.measurement.trace.costs import total
from complexity_theory.scaling.exponents import DIMENSIONS, Derivation, layer_complexity
from complexity_theory.scaling.strategy import Multipliers, fast
from complexity_theory.scaling.tables import TABLES, ScalingTable

# A stack is scaled exactly by s = m^q, with q such that every multiplier is a power of m: for these m.
ROOTS = (2, 3, 4)
# The slope is fitted over s in 1..64, evenly in log s. Rounding moves the log of a count by at most ROUNDING (a depth
# of 16 or more by 1/32, the widths by 1/240 in all, a resolution of 240 or more by 1/480, squared), and so the slope by
# at most 3 / log 64 of that.
VERIFIED_FACTORS = np.geomspace(1, 64, 25)
ROUNDING = 0.0415
SLOPE_BOUND = 0.03
# What stands for alpha where a row holds the symbol: values that have no row of their own.
ALPHAS = (Fraction(3, 5), Fraction(5, 7), Fraction(7, 9))


class StackSizes(NamedTuple):
    """The sizes of a stack of convolutions: its depth, width, group width and resolution."""

    depth: int
    width: int
    group_width: int
    resolution: int


# By kind of layer. There are groups enough for the group width to grow alone.
BASES = {
    "conv": StackSizes(16, 240, 240, 240),
    "group-conv": StackSizes(16, 7680 * 240, 240, 240),
    "depthwise-conv": StackSizes(16, 240, 1, 240),
}


def real_stack(sizes: StackSizes) -> nn.Module:
    """A stack of PyTorch's own 3 x 3 convolutions, on the meta device; no layer of this package stands in it."""
    groups = sizes.width // sizes.group_width
    return nn.Sequential(
        *(
            nn.Conv2d(sizes.width, sizes.width, 3, padding=1, groups=groups, bias=False, device="meta")
            for _ in range(sizes.depth)
        )
    )


@cache  # rows share sizes
def real_cost(sizes: StackSizes) -> Complexity:
    """Flops, params and acts of a ``real_stack``, counted on the module.

    >>> real_cost(StackSizes(depth=2, width=4, group_width=4, resolution=5))
    Complexity(flops=7200, params=288, acts=200)
    """
    image = Shape(sizes.width, sizes.resolution, sizes.resolution)
    return total(watched(real_stack(sizes), image, device="meta"))


@dataclass(frozen=True, slots=True)
class Ratio:
    """How the counts of a base stack grew when it was scaled by s = root^power, and whether by s^exponent exactly."""

    root: int
    power: int
    growth: Complexity
    exact: bool

    def __str__(self) -> str:
        return f"{self.root}^{self.power}" if self.power > 1 else str(self.root)


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found of a row: in symbols (``identity``), in real stacks (``ratios``), and over a grid (``slopes``).

    ``ratios`` and ``slopes`` are of the row itself; where it holds the symbol alpha, of its ``instances``.
    ``bound``: what slopes and exponents may differ by.
    """

    row: Derivation
    identity: bool
    ratios: tuple[Ratio, ...]
    slopes: tuple[Complexity, ...]
    bound: float = SLOPE_BOUND

    @property
    def deviation(self) -> float:
        """The most by which a slope and its exponent differ."""
        return max(_deviation(a, b.exponents) for a, b in zip(self.slopes, _instances(self.row), strict=True))

    @property
    def passed(self) -> bool:
        """Whether all agrees."""
        return self.identity and self.deviation <= self.bound and all(ratio.exact for ratio in self.ratios)


def verify(row: Derivation) -> Verification:
    """Holds a row to three things, and passes it if all of its exponents agree with all of them.

    The symbolic identity: a layer whose dimensions are multiplied by the row's multipliers costs s^exponent as much,
    and the flops grow as s. Real stacks: the counts of PyTorch convolutions at three s for which all sizes are integers
    grow by s^exponent exactly. The slope: log count against log s of real stacks over a grid of s, with all sizes
    rounded to integers, fits the exponent within ``SLOPE_BOUND``.

    >>> from complexity_theory.scaling.exponents import derive
    >>> from complexity_theory.scaling.strategy import parse
    >>> verify(derive(parse("dWr"))).passed
    True
    """
    instances = _instances(row)
    identity = holds_in_symbols(row)
    ratios = tuple(ratio for instance in instances for ratio in exact_ratios(instance))
    slopes = tuple(fitted_slopes(instance) for instance in instances)
    return Verification(row, identity, ratios, slopes)


def holds_in_symbols(row: Derivation) -> bool:
    """Whether the cost of a layer, its dimensions multiplied, is s^exponent times as much; and the flops grow as s."""
    multiplied = {x: x * multiplier for x, multiplier in zip(DIMENSIONS, row.multipliers, strict=True)}
    costs = layer_complexity(row.layer).as_dict()
    exponents = row.exponents.as_dict()
    return exponents["flops"] == 1 and all(
        sympy.simplify(costs[metric].subs(multiplied, simultaneous=True) / costs[metric] / s ** exponents[metric]) == 1
        for metric in METRICS
    )


def exact_ratios(row: Derivation) -> list[Ratio]:
    """Real stacks at base size and scaled by s = m^q for each m of ``ROOTS``, which makes all multipliers integers.

    q is the least common multiple of the denominators of the row's direction. Takes rows without alpha.
    """
    q = math.lcm(*(int(exponent.q) for exponent in row.direction))
    base = BASES[row.layer]
    before = real_cost(base)
    ratios = []
    for root in ROOTS:
        multipliers = (root ** int(q * exponent) for exponent in row.direction)
        after = real_cost(StackSizes(*(size * m for size, m in zip(base, multipliers, strict=True))))
        growth = {metric: Fraction(after.as_dict()[metric], before.as_dict()[metric]) for metric in METRICS}
        exact = all(_is_power(growth[metric], root**q, row.exponents.as_dict()[metric]) for metric in METRICS)
        ratios.append(Ratio(root, q, Complexity(**growth), exact))
    return ratios


def fitted_slopes(row: Derivation) -> Complexity:
    """The slopes of log count against log s (least squares) of real stacks scaled by ``FACTORS``, their sizes rounded.

    A width that must be a multiple of a group width goes to the nearest one. Takes rows without alpha.
    """
    costs = [real_cost(rounded(BASES[row.layer], row, factor)) for factor in VERIFIED_FACTORS]
    logs = {metric: [math.log(cost.as_dict()[metric]) for cost in costs] for metric in METRICS}
    return Complexity(**{metric: float(np.polyfit(np.log(VERIFIED_FACTORS), logs[metric], 1)[0]) for metric in METRICS})


def rounded(base: StackSizes, row: Derivation, factor: float) -> StackSizes:
    """The base scaled by ``factor``, every size to the nearest integer, and a width that holds whole groups."""
    ideal = [size * factor ** float(exponent) for size, exponent in zip(base, row.direction, strict=True)]
    depth, _, group_width, resolution = (round(size) for size in ideal)
    return StackSizes(depth, round(ideal[1] / group_width) * group_width, group_width, resolution)


def _instances(row: Derivation) -> list[Derivation]:
    """The row itself; where it holds alpha, the row with each of ``ALPHAS`` in its place."""
    return [_at(row, value) for value in ALPHAS] if row.strategy.is_symbolic else [row]


def _at(row: Derivation, value: Fraction) -> Derivation:
    direction = Multipliers(*(exponent.subs(alpha, value) for exponent in row.direction))
    exponents = row.exponents.map(lambda exponent: exponent.subs(alpha, value))
    return replace(row, strategy=fast(value), direction=direction, exponents=exponents)


def _is_power(growth: Fraction, factor: int, exponent: Any) -> bool:
    """Whether ``growth`` is factor^exponent, in exact arithmetic.

    >>> _is_power(Fraction(8), 4, sympy.Rational(3, 2)), _is_power(Fraction(8), 4, sympy.Rational(7, 5))
    (True, False)
    """
    return bool(growth**exponent.q == Fraction(factor) ** exponent.p)


def _deviation(slopes: Complexity, exponents: Complexity) -> float:
    pairs = zip(slopes.as_dict().values(), exponents.as_dict().values(), strict=True)
    return max(abs(float(slope) - float(exponent)) for slope, exponent in pairs)


def verify_tables(tables: Iterable[ScalingTable] | None = None) -> Iterator[tuple[str, Verification]]:
    """The verification of every row of the tables (default: all of the paper), each with the name of its table."""
    for table in TABLES.values() if tables is None else tables:
        for row in table.rows:
            yield table.name, verify(row)
