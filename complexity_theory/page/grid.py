"""What the page has tables of: strategies, factors and rounding rules, and the realised networks at all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from complexity_theory.choice.costs import ProfiledDevice, buildable, costs, counts
from complexity_theory.choice.ladder import Ladder
from complexity_theory.graph.complexity import METRICS
from complexity_theory.networks.knobs import DIMENSIONS
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.rules import rule
from complexity_theory.scaling.search import MOST_FLOPS
from complexity_theory.scaling.strategy import NAMED, Strategy, fast, parse

# Quarters of octaves from 1/4 to 64, to three digits, so that a command can name each exactly.
GRID_FACTORS = tuple(float(f"{2 ** (quarter / 4):.3g}") for quarter in range(-8, 25))
ALPHAS = tuple(Fraction(tenth, 10) for tenth in range(11))
GROUPED = ("wg", "dwg", "dwgr")  # group widths scaled with the widths, as fast scaling does
DIGITS = 10  # of times, which are compared to 1e-9


def strategies(more: Sequence[Strategy] = ()) -> tuple[Strategy, ...]:
    """The strategies of a page, each name once: the named, those that scale group widths too, fast:ALPHA, and ``more``.

    >>> [strategy.name for strategy in strategies()][:11:5]
    ['d', 'wr', 'dwgr']
    """
    found = [*map(parse, (*NAMED, *GROUPED)), *map(fast, ALPHAS), *more]
    return tuple({strategy.name: strategy for strategy in found}.values())


def directions(network: Network | Traced, chosen: Sequence[Strategy]) -> dict[str, Strategy]:
    """The strategies that differ in what moves in a network, the first of those that are the same, by name.

    Those that scale nothing are left out.

    >>> from complexity_theory.zoo import network
    >>> list(directions(network("EfficientNet-B0"), strategies()))[7:10]
    ['dWr', 'fast:1/10', 'fast:1/5']
    """
    moving = [name for name in DIMENSIONS if any(k.dimension == name and k.moves for k in network.knobs)]
    kept: dict[tuple[Any, ...], Strategy] = {}
    for strategy in chosen:
        direction = tuple(getattr(strategy, name) for name in moving)
        if any(direction):
            kept.setdefault(direction, strategy)
    return {strategy.name: strategy for strategy in kept.values()}


@dataclass(frozen=True)
class RealisedTable:
    """The networks that one rule makes along strategies: rows of sizes, a slice for each strategy."""

    factors: list[int]  # the number of each row's factor in GRID_FACTORS
    sizes: np.ndarray
    rows: dict[str, slice]


def realised(network: Network | Traced, chosen: Mapping[str, Strategy], rounding: str) -> RealisedTable:
    """All networks of the grid that can be built, by one rule. A strategy's rows are in the order of their factors."""
    knobs = network.knobs
    sizes: list[tuple[int, ...]] = []
    for strategy in chosen.values():
        ladder = Ladder(network, strategy, rule(rounding), knobs)
        sizes += [ladder.at(factor) for factor in GRID_FACTORS]
    table = np.array(sizes, dtype=np.int64)
    built = buildable(network, knobs, table)
    built[built] &= counts(network, table[built]).flops <= MOST_FLOPS
    factors: list[int] = []
    kept: list[int] = []
    rows: dict[str, slice] = {}
    for number, name in enumerate(chosen):
        mine = [i for i in range(len(GRID_FACTORS)) if built[number * len(GRID_FACTORS) + i]]
        rows[name] = slice(len(factors), len(factors) + len(mine))
        factors += mine
        kept += [number * len(GRID_FACTORS) + i for i in mine]
    return RealisedTable(factors, table[kept], rows)


def tables(
    network: Network | Traced, found: RealisedTable, devices: Sequence[ProfiledDevice]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """By strategy: the numbers of its factors, exact counts, and on each device seconds per image and bytes."""
    cost = costs(network, found.sizes, devices, with_memory=True)
    for name, mine in found.rows.items():
        yield (
            name,
            {
                "s": found.factors[mine],
                **{metric: getattr(cost.counts, metric)[mine].tolist() for metric in METRICS},
                "seconds": [_rounded(cost.seconds[device.name][mine]) for device in devices],
                "memory": [[int(held) for held in cost.memory[device.name][mine]] for device in devices],
            },
        )


def _rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values.tolist()]


def distinct(network: Network | Traced, sizes: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sizes told once: by dimension the distinct rows of its knobs, and for each network the number of its row."""
    values: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    for name in DIMENSIONS:
        places = [i for i, knob in enumerate(network.knobs) if knob.dimension == name]
        if places:
            rows, which = np.unique(sizes[:, places], axis=0, return_inverse=True)
            values[name], numbers[name] = rows.tolist(), which.reshape(-1)
    return values, numbers
