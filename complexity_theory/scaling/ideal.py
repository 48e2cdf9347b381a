"""The ideal network along a strategy, nothing rounded: its flops, and the factor at which it has a target's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

import numpy as np

from complexity_theory.networks.knobs import DIMENSIONS, Knob, Scalable, multiplied
from complexity_theory.scaling.strategy import Multipliers, Strategy

FARTHEST = 2.0**40  # the largest and (inverted) smallest factor tried

# Integer multipliers at which flops are counted to know the polynomial they are in depth, width, group width and
# resolution squared. Widths are even multiples, so that group widths times 1 or 2 divide them.
NODES = ((1, 2), (2, 4, 6), (1, 2), (1, 2))


def ideal_flops(network: Scalable, knobs: tuple[Knob, ...] | None = None) -> Callable[[Multipliers], float]:
    """The flops of the ideal scaled network as a function of its multipliers, without symbols.

    Flops are a polynomial in them, of degree 1 in depth, group width and resolution squared and 2 in width, so their
    exact counts at a grid of integer multipliers give it. ``knobs``: the network's own, some held still.

    >>> from complexity_theory.zoo import network
    >>> round(ideal_flops(network("RegNetY-4.0GF"))(Multipliers(1.0, 1.0, 1.0, 1.0)))
    3973301344
    """
    knobs = network.knobs if knobs is None else knobs
    depths, widths, *others = NODES
    axes = (depths, tuple(node * _unit(knobs) for node in widths), *others)
    grid = (np.array(axis) for axis in zip(*itertools.product(*axes), strict=True))
    values = multiplied(knobs, dict(zip(DIMENSIONS, grid, strict=True)))
    counts = np.asarray(network.ideal(values).flops, dtype=float)
    counts = np.broadcast_to(counts, math.prod(map(len, axes))).reshape([len(nodes) for nodes in axes])
    for axis, nodes in enumerate(axes):
        powers = np.array(nodes, dtype=float) ** (2 if axis == 3 else 1)
        inverse = np.linalg.inv(np.vander(powers, increasing=True))
        counts = np.moveaxis(np.tensordot(inverse, counts, axes=(1, axis)), 0, axis)

    def flops(multipliers: Multipliers) -> float:
        d, w, g, r = multipliers
        return float(np.einsum("dwgr,d,w,g,r->", counts, [1, d], [1, w, w * w], [1, g], [1, r * r]))

    return flops


def _unit(knobs: Iterable[Knob]) -> int:
    """What widths are multiplied by so that group widths divide them: 1, but where a stage's one block fits alone."""
    sizes = {knob.name: knob.base for knob in knobs}
    units = (knob.base // math.gcd(knob.base, part.of(sizes)) for knob in knobs for part in knob.parts)
    return math.lcm(*units)


def ideal_factor(network: Scalable, strategy: Strategy, target: float, knobs: tuple[Knob, ...] | None = None) -> float:
    """The factor at which the ideal network has ``target`` flops, by bisection."""
    flops = ideal_flops(network, knobs)
    low, high = -math.log2(FARTHEST), math.log2(FARTHEST)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if flops(strategy.multipliers(2**middle)) < target else (low, middle)
    return float(2**high)
