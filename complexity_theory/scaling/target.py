"""Hitting a flops target: the realised sizes nearest to the target along a strategy, found by a small search.

First along the direction: the ideal factor, at which the unrounded network has the target's flops, and a ladder of
factors around it, each realised by the rule. Then by single rounding steps (one depth, width, group width or resolution
to the next value that the rule allows), one or two at a time, as long as they improve. One candidate is better than
another if its flops miss the target by less, where a miss within ``TOLERANCE`` counts as none; then if its sizes stand
nearer to the ideal ones. Many candidates are counted at once, by one reading of the tree on int64 arrays.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from complexity_theory.algebra import InvalidInput
from complexity_theory.networks.blocks import BLOCKS
from complexity_theory.networks.parts import scaled_by
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.rules import Rule
from complexity_theory.scaling.sizes import Sizes, ideal
from complexity_theory.scaling.strategy import Multipliers, Strategy

TOLERANCE = 0.005  # of the target's flops: nearer than this, the sizes decide
MOST_FLOPS = 10**15  # larger networks would overflow the int64 arrays on which candidates are counted
FARTHEST = 2.0**40  # the largest and (inverted) smallest factor tried
LADDER = [2.0 ** (step / 16) for step in range(-48, 49)]  # factors around the ideal one, 4% apart

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
        # One tree has one kind of shortcut per stage, so those of equal kinds are counted together.
        inputs = (sizes.stem_width, *sizes.widths)
        keeps_width = tuple(a == b for a, b in itertools.pairwise(inputs))
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


@dataclass(frozen=True, slots=True)
class Search:
    """The search for one network, strategy and rule."""

    network: Network
    strategy: Strategy
    rule: Rule

    def along(self, factor: float) -> Sizes:
        """The sizes realised at a factor; what the strategy does not scale stays as it is, where its groups allow."""
        multipliers = self.strategy.multipliers(factor)
        rounded = self.rule.sizes(self.network, ideal(self.network, multipliers))
        own = Sizes.of(self.network)
        same_width = multipliers.width == 1
        return rounded._replace(
            depths=own.depths if multipliers.depth == 1 else rounded.depths,
            widths=tuple(
                own_width if same_width and group_width == own_group_width else width
                for own_width, width, own_group_width, group_width in zip(
                    own.widths, rounded.widths, own.group_widths, rounded.group_widths, strict=True
                )
            ),
            resolution=own.resolution if multipliers.resolution == 1 else rounded.resolution,
            stem_width=own.stem_width if same_width else rounded.stem_width,
            head_width=own.head_width if same_width else rounded.head_width,
        )

    def along_that_fits(self, factor: float) -> Sizes:
        """The sizes realised at a factor, or at the next one towards 1 where they fit together."""
        while not fits(self.network, sizes := self.along(factor)) and factor != 1:
            factor *= 2 if factor < 1 else 0.5
        return sizes

    def steps(self, sizes: Sizes, goal: Sizes) -> list[Edit]:
        """The single rounding steps: each scaled size to the next one allowed below and above.

        Where widths are scaled, group widths stay with the rule's rounding of the ideal ones (``goal``).
        """
        rule, strategy = self.rule, self.strategy
        edits: list[Edit] = []
        for i, stage in enumerate(self.network.stages):
            w_in = sizes.stem_width if i == 0 else sizes.widths[i - 1]
            if strategy.depth:
                edits += [{("depths", i): depth} for depth in _next(rule.depth, sizes.depths[i], 1)]
            fitted: list[tuple[int, int | None]] = []
            if strategy.width:
                by_width = partial(rule.stage, stage, group_width=goal.group_widths[i], w_in=w_in)
                fitted = _next(by_width, sizes.widths[i], rule.width_multiple)
            elif strategy.group_width and stage.group_width is not None:
                fitted = _next(partial(rule.stage, stage, stage.width, w_in=w_in), sizes.group_widths[i], 1)
            edits += [{("widths", i): width, ("group_widths", i): group_width} for width, group_width in fitted]
        if strategy.width and self.network.scales_ends:
            for end in ("stem_width", "head_width"):
                if getattr(sizes, end) is not None:
                    edits += [
                        {(end, None): width} for width in _next(rule.width, getattr(sizes, end), rule.width_multiple)
                    ]
        if strategy.resolution:
            edits += [
                {("resolution", None): side}
                for side in _next(rule.resolution, sizes.resolution, rule.resolution_multiple)
            ]
        return edits

    def nearest(self, target: int) -> tuple[float, Sizes]:
        """The ideal factor and the best sizes found for ``target`` flops. Raises InvalidInput for one out of reach."""
        extremes = (1 / FARTHEST, FARTHEST)
        least, most = (self.along_that_fits(factor).given_to(self.network).complexity().flops for factor in extremes)
        most = min(most, MOST_FLOPS)
        if not least <= target <= most:
            raise InvalidInput(
                f"a target of {target} flops is out of reach: {self.network.name} scaled by {self.strategy} has "
                f"{least} to {most}"
            )
        factor = ideal_factor(self.network, self.strategy, target)
        goal = ideal(self.network, self.strategy.multipliers(factor))

        def best_of(candidates: Iterable[Sizes]) -> Sizes:
            distinct = [c for c in dict.fromkeys(candidates) if fits(self.network, c)]
            misses = [abs(math.log(flops / target)) for flops in flops_of(self.network, distinct)]
            ranks = [(max(miss, TOLERANCE), deviation(c, goal)) for miss, c in zip(misses, distinct, strict=True)]
            return distinct[ranks.index(min(ranks))]

        best = best_of(self.along(factor * step) for step in LADDER)
        while True:
            steps = self.steps(best, goal)
            pairs = [a | b for a, b in itertools.combinations(steps, 2)]
            better = best_of([best, *(_edited(best, step) for step in (*steps, *pairs))])
            if better == best:
                return factor, best
            best = better


def fits(network: Network, sizes: Sizes) -> bool:
    """Whether the group widths divide the inner widths, and no squeeze-excite is left without width."""
    inputs = (sizes.stem_width, *sizes.widths)
    for stage, group_width, w_in, w_out in zip(
        network.stages, sizes.group_widths, inputs[:-1], inputs[1:], strict=True
    ):
        kind = BLOCKS[stage.block]
        if group_width is not None and kind.inner_of is not None:
            inner = {scaled_by({"in": w, "out": w_out}[kind.inner_of], stage.ratio) for w in (w_in, w_out)}
            if any(width % group_width for width in inner):
                return False
        if stage.se and scaled_by(min(w_in, w_out), stage.se) < 1:
            return False
    return True


# Sizes to change, by field and (in a field of one size per stage) index.
Edit: TypeAlias = "dict[tuple[str, int | None], int | None]"


def _edited(sizes: Sizes, edit: Edit) -> Sizes:
    values = sizes._asdict()
    for (field, index), value in edit.items():
        values[field] = value if index is None else (*values[field][:index], value, *values[field][index + 1 :])
    return Sizes(**values)


def _next(allowed: Callable[[int], Any], value: int, step: int) -> list[Any]:
    """The next outcomes of a rule below and above that of ``value``, going away from it in steps."""
    here, found = allowed(value), []
    for sign in (-1, 1):
        for distance in range(step, value + 2 * step, step):
            if value + sign * distance > 0 and allowed(value + sign * distance) != here:
                found.append(allowed(value + sign * distance))
                break
    return found


def deviation(sizes: Sizes, goal: Sizes) -> float:
    """How far sizes stand from ideal ones: the sum of the squares of the logarithms of their ratios."""
    pairs = zip(sizes.by_dimension().values(), goal.by_dimension().values(), strict=True)
    return sum(
        math.log(size / wanted) ** 2
        for own, ideals in pairs
        for size, wanted in zip(own, ideals, strict=True)
        if size is not None
    )
