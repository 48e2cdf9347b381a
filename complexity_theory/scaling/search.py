"""Hitting a flops target: the realised sizes nearest to the target along a strategy, found by a small search.

First along the direction: the ideal factor, at which the unrounded network has the target's flops, and a ladder of
factors around it, each realised by the rule. Then by single rounding steps (one depth, width, group width or resolution
to the next value that the rule allows; stages that an identity shortcut ties keep one width), one or two at a time, as
long as they improve. One candidate is better than another if its flops miss the target by less, where a miss within
``TOLERANCE`` counts as none; then if its sizes stand nearer to the ideal ones.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.blocks import BLOCKS
from complexity_theory.networks.parts import scaled_by
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.rules import Rule
from complexity_theory.scaling.sizes import Sizes, ideal
from complexity_theory.scaling.strategy import Strategy
from complexity_theory.scaling.target import FARTHEST, flops_of, ideal_factor

TOLERANCE = 0.005  # of the target's flops: nearer than this, the sizes decide
MOST_FLOPS = 10**15  # larger networks could overflow the int64 arrays on which candidates are counted
LADDER = [2.0 ** (step / 32) for step in range(-96, 97)]  # factors around the ideal one, 2% apart
LADDER_TOLERANCE = 0.02  # the steps do the rest

# Sizes to change, by field and (in a field of one size per stage) index.
Edit: TypeAlias = "dict[tuple[str, int | None], int | None]"


@dataclass(frozen=True, slots=True)
class Search:
    """The search for one network, strategy and rule."""

    network: Network
    strategy: Strategy
    rule: Rule

    def nearest(self, target: int) -> tuple[float, Sizes]:
        """The ideal factor and the best sizes found for ``target`` flops. Raises InvalidInput for one out of reach."""
        smallest = self._reach(target)
        factor = ideal_factor(self.network, self.strategy, target)
        goal = ideal(self.network, self.strategy.multipliers(factor))

        def best_of(candidates: Iterable[Sizes], tolerance: float) -> Sizes:
            distinct = [
                sizes
                for sizes in dict.fromkeys(candidates)
                if fits(self.network, sizes) and sizes.resolution >= smallest.resolution
            ]
            misses = [abs(math.log(flops / target)) for flops in flops_of(self.network, distinct)]
            ranks = [(max(miss, tolerance), distance(c, goal)) for miss, c in zip(misses, distinct, strict=True)]
            return distinct[ranks.index(min(ranks))]

        best = best_of([smallest, *(self.along(factor * step) for step in LADDER)], LADDER_TOLERANCE)
        while True:
            steps = self.steps(best, goal)
            pairs = (a | b for a, b in itertools.combinations(steps, 2))
            better = best_of([best, *(_edited(best, step) for step in (*steps, *pairs))], TOLERANCE)
            if better == best:
                return factor, best
            best = better

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

    def _reach(self, target: int) -> Sizes:
        """The smallest sizes along the direction. Raises InvalidInput where the target is out of reach."""
        least, most = 0, min(self.along(FARTHEST).given_to(self.network).complexity().flops, MOST_FLOPS)
        factor = 1 / FARTHEST
        while not least:
            sizes = self.along(factor)
            if fits(self.network, sizes):
                with contextlib.suppress(InvalidInput):  # an input too small for its strides
                    least = sizes.given_to(self.network).complexity().flops
            factor *= 2
        if not least <= target <= most:
            raise InvalidInput(
                f"a target of {target:g} flops is out of reach: {self.network.name} scaled by {self.strategy} has "
                f"{least} to {most}"
            )
        return sizes

    def steps(self, sizes: Sizes, goal: Sizes) -> list[Edit]:
        """The single rounding steps: each scaled size to the next one allowed below and above.

        Where widths are scaled, group widths stay with the rule's rounding of the ideal ones (``goal``).
        """
        rule, strategy, stages = self.rule, self.strategy, self.network.stages
        edits: list[Edit] = []
        if strategy.depth:
            for i, depth in enumerate(sizes.depths):
                edits += [{("depths", i): other} for other in _next(rule.depth, depth, 1)]
        if strategy.width:
            edits += self._width_steps(sizes, goal)
        elif strategy.group_width:
            inputs = (sizes.stem_width, *sizes.widths)
            for i, group_width in enumerate(sizes.group_widths):
                if group_width is not None:
                    fitted = _next(partial(rule.stage, stages[i], stages[i].width, w_in=inputs[i]), group_width, 1)
                    edits += [{("widths", i): width, ("group_widths", i): other} for width, other in fitted]
        if strategy.resolution:
            sides = _next(rule.resolution, sizes.resolution, rule.resolution_multiple)
            edits += [{("resolution", None): side} for side in sides]
        return edits

    def _width_steps(self, sizes: Sizes, goal: Sizes) -> list[Edit]:
        """Steps of the widths: those that identity shortcuts tie go together, with the stem where it is tied."""
        rule, stages, scales_ends = self.rule, self.network.stages, self.network.scales_ends
        runs: list[list[int]] = []
        for i, stage in enumerate(stages):
            if i > 0 and stage.shortcut == "identity":
                runs[-1].append(i)
            else:
                runs.append([i])
        tied_stem = scales_ends and stages[0].shortcut == "identity"
        inputs = (sizes.stem_width, *sizes.widths)
        edits: list[Edit] = []
        for run in runs:
            first = run[0]
            by_width = partial(rule.stage, stages[first], group_width=goal.group_widths[first], w_in=inputs[first])
            for width, _ in _next(by_width, sizes.widths[first], rule.width_multiple):
                edit: Edit = {}
                for i in run:
                    fitted = rule.stage(stages[i], width, goal.group_widths[i], inputs[i] if i == first else width)
                    edit |= {("widths", i): fitted[0], ("group_widths", i): fitted[1]}
                edits.append(edit | {("stem_width", None): width} if first == 0 and tied_stem else edit)
        for end in ("stem_width", "head_width"):
            width = getattr(sizes, end)
            if scales_ends and width is not None and not (end == "stem_width" and tied_stem):
                edits += [{(end, None): other} for other in _next(rule.width, width, rule.width_multiple)]
        return edits


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


def distance(sizes: Sizes, goal: Sizes) -> float:
    """How far sizes stand from ideal ones: the sum of the squares of the logarithms of their ratios."""
    pairs = zip(sizes.by_dimension().values(), goal.by_dimension().values(), strict=True)
    return sum(
        math.log(size / wanted) ** 2
        for own, ideals in pairs
        for size, wanted in zip(own, ideals, strict=True)
        if size is not None
    )
