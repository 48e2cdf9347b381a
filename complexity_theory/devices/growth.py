"""How predicted time grows with a network's sizes: its exponents beside those of flops, params and acts.

What a device takes time for is a polynomial in the multipliers of depth, width, group width and resolution, once what
is not smooth is idealised: channels as if they were multiples of a tile (the input's three and the classes stay as they
are), group widths powers of two or not as in the network itself, stages of several blocks, inputs of multiples of 32.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from complexity_theory.core.arrays import Floats
from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import TILE, network_features
from complexity_theory.devices.prediction import seconds
from complexity_theory.devices.profile import Profile
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.steps import DerivationStep
from complexity_theory.scaling.strategy import NAMED, Strategy, parse, weighted

# Multipliers at which times are taken to know the polynomial, of degree 1 in depth, group width and resolution squared
# and 2 in width. Widths become multiples of the tile, the sides of the input multiples of 32.
DEPTHS, WIDTHS, GROUP_WIDTHS, SIDES = (2, 3), (TILE, 2 * TILE, 3 * TILE), (1, 2), (1, 2)
UNIT = 32
BEYOND = {"depth": 5, "width": 5 * TILE, "group_width": 4, "resolution": 3}  # where it is tried
FACTOR = 16.0  # up to which time grows
GRID = 20  # steps of the shares that the floors leave
MOST_FACTOR = 1e12
NOTHING = 1e-9  # of the time at s = 1: smaller terms come from rounding


@dataclass(frozen=True, slots=True, eq=False)
class TimeGrowth:
    """Predicted seconds per image of a network on a device, idealised: ``coefficients`` times monomials.

    ``powers`` (monomials x 4): of the multipliers of depth, width, group width and resolution.
    """

    network: Network | Traced
    profile: Profile
    batch: int
    powers: NDArray[np.int64]
    coefficients: Floats

    def seconds(self, multipliers: ArrayLike) -> Floats:
        """The seconds at multipliers (4, or 4 x variants)."""
        logs = np.log(np.asarray(multipliers, dtype=float))
        found: Floats = self.coefficients @ np.exp(self.powers @ logs)
        return found

    def exponent(self, strategy: Strategy, factor: float = 1.0) -> float:
        """The effective exponent at a factor: d log time / d log s along a strategy, in the shares' normalisation.

        >>> from complexity_theory.devices.profile import load_profile
        >>> from complexity_theory.scaling.strategy import parse
        >>> from complexity_theory.zoo import network
        >>> growth = time_growth(network("EfficientNet-B0"), load_profile("v100-training"))
        >>> growth.exponent(parse("dWr"), 8) < growth.exponent(parse("dwr"), 8)
        True
        """
        along = self.powers @ np.array([float(exponent) for exponent in strategy.direction])
        logs = np.log(np.array(strategy.multipliers(factor)))
        times = self.coefficients * np.exp(self.powers @ logs)
        return float(times @ along / times.sum())

    def limit(self, strategy: Strategy) -> Fraction:
        """What the exponent tends to as s grows: the greatest of the terms that the device takes time for."""
        return max(
            sum((int(p) * Fraction(e) for p, e in zip(row, strategy.direction, strict=True)), Fraction(0))
            for row in self.powers
        )


def time_growth(network: Network | Traced, profile: Profile, batch: int | None = None) -> TimeGrowth:
    """How the predicted time of a network on a device grows, at a ``batch`` (default: the profile's median).

    Raises InvalidInput where it is no polynomial, and for a profile that takes no time for what the network does.
    """
    batch = profile.batch if batch is None else batch
    unit = UNIT // math.gcd(UNIT, *_sides(network))
    nodes = (DEPTHS, WIDTHS, GROUP_WIDTHS, tuple(unit * side for side in SIDES))
    grid = [np.array(axis) for axis in zip(*itertools.product(*nodes), strict=True)]
    counts = _times(network, profile, batch, grid).reshape([len(axis) for axis in nodes])
    for axis, values in enumerate(nodes):
        points = np.array(values, dtype=float) ** (2 if axis == 3 else 1)
        inverse = np.linalg.inv(np.vander(points, increasing=True))
        counts = np.moveaxis(np.tensordot(inverse, counts, axes=(1, axis)), 0, axis)
    powers = np.array(list(itertools.product(*(range(size) for size in counts.shape)))) * [1, 1, 1, 2]
    coefficients = counts.reshape(-1)
    kept = np.abs(coefficients) > NOTHING * np.abs(coefficients).sum()
    if not kept.any():
        raise InvalidInput(f"{profile.name} takes no time for anything that {network.name} does")
    found = TimeGrowth(network, profile, batch, powers[kept], coefficients[kept])
    beyond = [np.array([size]) for size in BEYOND.values()]
    beyond[3] = unit * beyond[3]
    exact = _times(network, profile, batch, beyond)
    if not np.allclose(found.seconds(np.stack(beyond)), exact, rtol=1e-6, atol=0):
        raise InvalidInput(f"the time of {network.name} on {profile.name} is no polynomial in its multipliers")
    return found


def _sides(network: Network | Traced) -> tuple[int, ...]:
    sides: Any = network.resolution
    return sides if isinstance(sides, tuple) else (sides,)


def _times(network: Network | Traced, profile: Profile, batch: int, multipliers: list[Any]) -> Floats:
    names = ("depth", "width", "group_width", "resolution")
    ideal = network.scaled(**dict(zip(names, multipliers, strict=True)))
    found = seconds(profile, network_features(ideal), batch)
    return np.broadcast_to(np.asarray(found, dtype=float), len(multipliers[0])).copy()


@dataclass(frozen=True, slots=True)
class SlowestDirection:
    """The direction along which a device's time grows slowest from s = 1 to ``factor``, under floors.

    ``exponent``: log of the growth of time over log of that of s; ``paper``: the same along dWr.
    """

    strategy: Strategy
    factor: float
    exponent: float
    paper: float

    @property
    def agrees(self) -> bool:
        """Whether it is dWr."""
        return self.strategy.shares == parse("dWr").shares

    @property
    def gain(self) -> float:
        """How much longer the network takes along dWr than along this direction: 0.1 is 10%."""
        return float(self.factor ** (self.paper - self.exponent)) - 1


def slowest(
    growth: TimeGrowth,
    factor: float = FACTOR,
    *,
    depth: Fraction = Fraction(1, 10),
    resolution: Fraction = Fraction(1, 20),
) -> SlowestDirection:
    """The direction of slowest time from 1 to a factor, with the floors of dWr on depth and resolution by default.

    Shares of d, w and r that sum to 1 (flops of dense convolutions grow as s), the group width following the width, no
    exponent of depth or resolution below its floor; found on a grid of 1/20 of what the floors leave. The logarithm of
    time is convex in the shares where no term is negative, so that the grid point is the optimum to a step. Raises
    InvalidInput for a factor that is not above 1, and floors below 0 or that take more than all the flops.

    >>> from complexity_theory.devices.profile import load_profile
    >>> from complexity_theory.zoo import network
    >>> slowest(time_growth(network("EfficientNet-B0"), load_profile("rtx4090-eager-nchw"))).strategy.name
    'dWr'
    """
    if not (is_number(factor) and 1 < factor <= MOST_FACTOR):
        raise InvalidInput(f"time grows to a factor above 1 and up to {MOST_FACTOR:g}, not {factor!r}")
    left = 1 - depth - 2 * resolution
    if depth < 0 or resolution < 0 or left < 0:
        raise InvalidInput(
            f"floors must be at least 0 and take at most all the flops, not {depth} for depth and {resolution} for "
            "resolution"
        )
    grid = [(i, j) for i in range(GRID + 1) for j in range(GRID + 1 - i)]
    exponents = np.array(
        [
            [float(depth + left * i / GRID), width, width, float(resolution + left * j / GRID / 2)]
            for i, j in grid
            for width in [float(left * (GRID - i - j) / GRID / 2)]
        ]
    )
    i, j = grid[int(np.argmin(growth.seconds(np.exp(exponents.T * math.log(factor)))))]
    width = left * (GRID - i - j) / GRID
    weights = {"d": depth + left * i / GRID, "w": width, "g": width, "r": 2 * resolution + left * j / GRID}
    unit = math.lcm(*(weight.denominator for weight in weights.values()))
    name = "_".join(f"{letter}{weight * unit}" for letter, weight in weights.items() if weight)
    found = weighted(name, weights)
    known = next((named for named in map(parse, NAMED) if named.shares == found.shares), found)
    return SlowestDirection(known, factor, _mean(growth, known, factor), _mean(growth, parse("dWr"), factor))


def _mean(growth: TimeGrowth, strategy: Strategy, factor: float) -> float:
    """The exponent of the growth of time from 1 to a factor."""
    times = growth.seconds(np.array([strategy.multipliers(1.0), strategy.multipliers(factor)]).T)
    return float(np.log(times[1] / times[0]) / math.log(factor))


def time_step(growth: TimeGrowth, strategy: Strategy, factors: Iterable[float]) -> DerivationStep:
    """How the exponent of time comes about: the polynomial, the slope of its logarithm, the limit."""
    import sympy

    letters = sympy.symbols("d w g r", positive=True)
    polynomial = sum(
        sympy.Float(c, 3) * sympy.prod([x**p for x, p in zip(letters, row, strict=True)])
        for c, row in zip(growth.coefficients.tolist(), growth.powers.tolist(), strict=True)
    )
    return DerivationStep(
        f"The predicted seconds per image on {growth.profile.name} at a batch of {growth.batch}, in the multipliers of "
        "depth, width, group width and resolution, widths taken as multiples of the device's tiles; the slope of their "
        "logarithm in log s, and its limit",
        (
            (sympy.Symbol("seconds"), polynomial),
            *(
                (f"d log seconds / d log s at s = {factor:g}", sympy.Float(growth.exponent(strategy, factor), 4))
                for factor in factors
            ),
            ("limit for seconds", sympy.Rational(growth.limit(strategy))),
        ),
    )
