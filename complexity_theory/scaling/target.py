"""What a network costs along a strategy: the flops of the ideal network, the factor for a target, many at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from complexity_theory.networks.blocks import BLOCKS
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.sizes import Sizes
from complexity_theory.scaling.strategy import Multipliers, Strategy

FARTHEST = 2.0**40  # the largest and (inverted) smallest factor tried

# Integer multipliers at which flops are counted to know the polynomial they are in depth, width, group width and
# resolution squared. Widths are even multiples, so that group widths times 1 or 2 divide them.
NODES = ((1, 2), (2, 4, 6), (1, 2), (1, 2))


def ideal_flops(network: Network) -> Callable[[Multipliers], float]:
    """The flops of the ideal scaled network (``Network.scaled``) as a function of its multipliers, without symbols.

    Flops are a polynomial in them, of degree 1 in depth, group width and resolution squared and 2 in width, so their
    exact counts at a grid of integer multipliers give it.

    >>> from complexity_theory.zoo import network
    >>> round(ideal_flops(network("RegNetY-4.0GF"))(Multipliers(1.0, 1.0, 1.0, 1.0)))
    3973301344
    """
    depth, width, group_width, resolution = (np.array(axis) for axis in zip(*itertools.product(*NODES), strict=True))
    scaled = network.scaled(depth=depth, width=width, group_width=group_width, resolution=resolution)
    counts = np.asarray(scaled.complexity().flops, dtype=float).reshape([len(nodes) for nodes in NODES])
    for axis, nodes in enumerate(NODES):
        powers = np.array(nodes, dtype=float) ** (2 if axis == 3 else 1)
        inverse = np.linalg.inv(np.vander(powers, increasing=True))
        counts = np.moveaxis(np.tensordot(inverse, counts, axes=(1, axis)), 0, axis)

    def flops(multipliers: Multipliers) -> float:
        d, w, g, r = multipliers
        return float(np.einsum("dwgr,d,w,g,r->", counts, [1, d], [1, w, w * w], [1, g], [1, r * r]))

    return flops


def ideal_factor(network: Network, strategy: Strategy, target: float) -> float:
    """The factor at which the ideal network has ``target`` flops, by bisection."""
    flops = ideal_flops(network)
    low, high = -math.log2(FARTHEST), math.log2(FARTHEST)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if flops(strategy.multipliers(2**middle)) < target else (low, middle)
    return float(2**high)


def flops_of(network: Network, candidates: Sequence[Sizes]) -> list[int]:
    """The exact flops of ``network`` with each of these sizes, counted together (ints up to 2^63)."""
    flops = [0] * len(candidates)
    groups: dict[tuple[bool, ...], list[int]] = {}
    for index, sizes in enumerate(candidates):
        # One tree has one kind of shortcut per stage: those that project at the same stages are counted together.
        # (Without a projection, a shortcut costs nothing.)
        inputs = (sizes.stem_width, *sizes.widths)
        keeps_width = tuple(
            a == b
            for stage, (a, b) in zip(network.stages, itertools.pairwise(inputs), strict=True)
            if stage.stride == 1 and BLOCKS[stage.block].fallback == "projection"
        )
        groups.setdefault(keeps_width, []).append(index)
    for indices in groups.values():
        counted = _stacked([candidates[i] for i in indices]).given_to(network).complexity().flops
        for i, count in zip(indices, counted, strict=True):
            flops[i] = int(count)
    return flops


def _stacked(candidates: Sequence[Sizes]) -> Sizes:
    """Many sizes as one, of int64 arrays."""

    def stack(values: Sequence[int | None]) -> np.ndarray | None:
        return None if values[0] is None else np.array(values, dtype=np.int64)

    def each(columns: Iterable[tuple[int | None, ...]]) -> tuple[np.ndarray | None, ...]:
        return tuple(stack(column) for column in zip(*columns, strict=True))

    return Sizes(
        depths=each(c.depths for c in candidates),
        widths=each(c.widths for c in candidates),
        group_widths=each(c.group_widths for c in candidates),
        resolution=stack([c.resolution for c in candidates]),
        stem_width=stack([c.stem_width for c in candidates]),
        head_width=stack([c.head_width for c in candidates]),
    )
