"""Hitting a flops target: the realised sizes nearest to the target along a strategy, found by a small search.

First along the direction: the ideal factor, at which the unrounded network has the target's flops, and a ladder of
factors around it, each realised by the rule. Then by single rounding steps (one depth, width, group width or side of
the input to the next value that the rule allows; what is tied goes together), one or two at a time, as long as they
improve; where the target is still missed, by steps to the values behind the next ones too. One candidate is better than
another if its flops miss the target by less, where a miss within ``TOLERANCE`` counts as none; then if its sizes stand
nearer to the ideal ones.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import flops_text
from complexity_theory.networks.knobs import DIMENSIONS, Knob, Scalable, multiplied
from complexity_theory.scaling.ideal import FARTHEST, ideal_factor
from complexity_theory.scaling.rules import Rule, groups_of
from complexity_theory.scaling.strategy import Strategy

TOLERANCE = 0.005  # of the target's flops: nearer than this, the sizes decide
MOST_FLOPS = 10**15  # larger networks could overflow the int64 arrays on which candidates are counted
LADDER = [2.0 ** (step / 32) for step in range(-96, 97)]  # factors around the ideal one, 2% apart
LADDER_TOLERANCE = 0.02  # the steps do the rest
MISSED = 0.01  # by more, and steps reach further: small networks have few sizes that fit together
REACHES = (1, 2, 4)  # to how many values below and above
# What bounds the search in networks of very many stages (all named networks stay below): sizes on the ladder, of which
# some factors are left out; rounds of steps times knobs; sizes of candidates in a round, of more steps some, evenly
# chosen; and pairs of steps in a round, of more those whose flops should come nearest.
MOST_ON_THE_LADDER = 20_000
MOST_ROUNDS = 2_400
MOST_IN_A_ROUND = 500_000
MOST_PAIRS = 2_000

Values: TypeAlias = tuple[int, ...]  # of all knobs, in their order
Edit: TypeAlias = "dict[str, int]"  # sizes to change, by the name of their knob


@dataclass(frozen=True, slots=True)
class Search:
    """The search for one network, strategy and rule. ``knobs``: the network's own, some held still."""

    network: Scalable
    strategy: Strategy
    rule: Rule
    knobs: tuple[Knob, ...] = ()
    _place: Mapping[str, int] = field(init=False, repr=False)
    _groups: Mapping[str, tuple[Knob, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "knobs", self.knobs or self.network.knobs)
        object.__setattr__(self, "_place", {knob.name: i for i, knob in enumerate(self.knobs)})
        object.__setattr__(self, "_groups", groups_of(self.knobs))

    def nearest(self, target: int) -> tuple[float, Values]:
        """The ideal factor and the best sizes found for ``target`` flops. Raises InvalidInput for one out of reach."""
        smallest = self._reach(target)
        factor = ideal_factor(self.network, self.strategy, target, self.knobs)
        goal = self._ideal(factor)
        contest = Contest(self, target, smallest, goal)
        best = contest.best([smallest, *(self.along(factor * step) for step in self._ladder())], LADDER_TOLERANCE)
        for reach in REACHES:
            best = self._stepped(contest, best, reach)
            if contest.miss(best) <= MISSED:
                break
        return factor, best

    def _ladder(self) -> list[float]:
        """The factors around the ideal one, that one among them."""
        apart = -(-len(LADDER) * len(self.knobs) // MOST_ON_THE_LADDER)
        return LADDER[LADDER.index(1) % apart :: apart]

    def _stepped(self, contest: Contest, best: Values, reach: int) -> Values:
        """The best that steps lead to, one or two at a time, as long as they improve."""
        for _ in range(MOST_ROUNDS // len(self.knobs)):
            steps = self.steps(best, contest.goal, reach)
            steps = steps[:: -(-len(steps) * len(self.knobs) // MOST_IN_A_ROUND)]
            candidates = [best, *(self._edited(best, edit) for edit in (*steps, *contest.pairs(best, steps)))]
            better = contest.best(candidates, TOLERANCE)
            if better == best:
                break
            best = better
        return best

    def _ideal(self, factor: float) -> tuple[float, ...]:
        return multiplied(self.knobs, self.strategy.multipliers(factor)._asdict(), ties=False)

    def along(self, factor: float) -> Values:
        """The sizes realised at a factor; what the strategy does not scale stays as it is, where its groups allow."""
        multipliers = self.strategy.multipliers(factor)._asdict()
        rounded = dict(zip(self._place, self.rule.values(self.knobs, self._ideal(factor)), strict=True))
        found = dict(rounded)
        for knob in self.knobs:
            kept = knob.dimension != "group_width" and multipliers[knob.dimension] == 1
            if kept and all(rounded[group.name] == group.base for group in self._groups.get(knob.name, ())):
                found[knob.name] = knob.base
        return tuple(found.values())

    def _reach(self, target: int) -> Values:
        """The smallest sizes along the direction. Raises InvalidInput where the target is out of reach."""
        least, most = 0, min(self.network.cost(self.along(FARTHEST)).flops, MOST_FLOPS)
        factor = 1 / FARTHEST
        while not least:
            values = self.along(factor)
            if self.network.fits(values):
                with contextlib.suppress(InvalidInput):  # an input too small for its strides
                    least = self.network.cost(values).flops
            factor *= 2
        if not least <= target <= most:
            raise InvalidInput(
                f"a target of {flops_text(target)} is out of reach: {self.network.name} scaled by {self.strategy} has "
                f"{flops_text(least)} to {flops_text(most)}"
            )
        return values

    def steps(self, values: Values, goal: Sequence[float], reach: int = 1) -> list[Edit]:
        """The single rounding steps: each scaled size to the next one (or ``reach``) allowed below and above.

        Where widths are scaled, group widths stay with the rule's rounding of the ideal ones (``goal``).
        """
        sizes, goals = dict(zip(self._place, values, strict=True)), dict(zip(self._place, goal, strict=True))
        scaled = {name for name in DIMENSIONS if getattr(self.strategy, name)}
        moving = [knob for knob in self.knobs if knob.moves and knob.dimension in scaled]
        names = {knob.name for knob in moving}
        free = [knob for knob in moving if knob.tied not in names]
        edits: list[Edit] = []
        for knob in free:
            if knob.dimension == "depth":
                edits += [{knob.name: other} for other in _next(self.rule.depth, sizes[knob.name], 1, reach)]
            elif knob.dimension == "width":
                edits += self._width_steps(knob, [k for k in moving if k.tied == knob.name], sizes, goals, reach)
            elif knob.dimension == "group_width" and "width" not in scaled:
                edits += self._group_steps(knob, sizes, goals, reach)
            elif knob.dimension == "resolution":
                edits += self._side_steps(knob, [k for k in moving if k.tied == knob.name], sizes, reach)
        return edits

    def _width_steps(
        self, knob: Knob, tied: Sequence[Knob], sizes: Mapping[str, int], goals: Mapping[str, float], reach: int
    ) -> Iterable[Edit]:
        """Steps of a width, with what is tied to it and the group widths of both."""

        def fitted(width: float) -> dict[str, int]:
            return self._fitted(knob, width, sizes, goals)

        for outcome in _next(fitted, sizes[knob.name], self.rule.step(knob), reach):
            yield self.with_width(knob, outcome[knob.name], tied, sizes, goals)

    def with_width(
        self, knob: Knob, width: float, tied: Sequence[Knob], sizes: Mapping[str, int], goals: Mapping[str, float]
    ) -> Edit:
        """A width brought near another by the rule, with what is tied to it; group widths round those of ``goals``."""
        edit = self._fitted(knob, width, sizes, goals)
        for other in tied:
            edit |= self._fitted(other, edit[knob.name] * other.base / knob.base, {**sizes, **edit}, goals)
        return edit

    def _fitted(self, of: Knob, width: float, sizes: Mapping[str, int], goals: Mapping[str, float]) -> dict[str, int]:
        groups = [(group, goals[group.name]) for group in self._groups.get(of.name, ())]
        return self.rule.fitted(of, width, groups, sizes)

    def _group_steps(self, knob: Knob, sizes: Mapping[str, int], goals: Mapping[str, float], reach: int) -> list[Edit]:
        """Steps of a group width where widths are not scaled; the width that it divides stands at its base."""
        owner = self.knobs[self._place[knob.parts[-1].knob]]
        others = [(group, goals[group.name]) for group in self._groups[owner.name] if group != knob]

        def fitted(group_width: float) -> dict[str, int]:
            return self.rule.fitted(owner, owner.base, [(knob, group_width), *others], sizes)

        return _next(fitted, sizes[knob.name], 1, reach)

    def _side_steps(self, knob: Knob, tied: Sequence[Knob], sizes: Mapping[str, int], reach: int) -> Iterable[Edit]:
        for side in _next(self.rule.resolution, sizes[knob.name], self.rule.resolution_multiple, reach):
            yield {knob.name: side} | {k.name: self.rule.resolution(side * k.base / knob.base) for k in tied}

    def _edited(self, values: Values, edit: Edit) -> Values:
        edited = list(values)
        for name, value in edit.items():
            edited[self._place[name]] = value
        return tuple(edited)


@dataclass(slots=True)
class Contest:
    """Candidates against each other, for one target."""

    search: Search
    target: int
    smallest: Values
    goal: Sequence[float]

    def best(self, candidates: Iterable[Values], tolerance: float) -> Values:
        """The best of the candidates that can be built."""
        distinct, misses = self._counted(candidates)
        ranks = np.maximum(misses, tolerance)
        nearest = np.flatnonzero(ranks == ranks.min())
        distances = self._distances([distinct[i] for i in nearest])
        found: Values = distinct[nearest[int(np.argmin(distances))]]
        return found

    def miss(self, values: Values) -> float:
        """How far its flops are from the target: the logarithm of their ratio, of either sign."""
        [flops] = flops_of(self.search.network, [values])
        return abs(math.log(flops / self.target))

    def pairs(self, best: Values, steps: Sequence[Edit]) -> list[Edit]:
        """The steps two at a time; of very many, those whose flops should come nearest if both did what each does."""
        number = len(steps) * (len(steps) - 1) // 2
        most = min(MOST_PAIRS, MOST_IN_A_ROUND // len(self.search.knobs))
        if number <= most:
            return [a | b for a, b in itertools.combinations(steps, 2)]
        edited = [self.search._edited(best, edit) for edit in steps]
        fits = np.broadcast_to(self.search.network.fits(_stacked(edited)), len(steps))
        kept = [edit for edit, each in zip(steps, fits, strict=True) if each]
        edited = [self.search._edited(best, edit) for edit in (*kept, {})]
        counted = np.asarray(flops_of(self.search.network, edited), dtype=float)
        changes = counted[:-1] - counted[-1]
        first, second = np.triu_indices(len(kept), 1)
        expected = np.abs(counted[-1] + changes[first] + changes[second] - self.target)
        chosen = np.argsort(expected, kind="stable")[:most]
        return [kept[first[i]] | kept[second[i]] for i in sorted(chosen)]

    def _counted(self, candidates: Iterable[Values]) -> tuple[list[Values], np.ndarray]:
        """Those that can be built, once each, and how far their flops are from the target."""
        sides = [i for i, knob in enumerate(self.search.knobs) if knob.dimension == "resolution"]
        distinct = list(dict.fromkeys(candidates))
        fits = np.broadcast_to(self.search.network.fits(_stacked(distinct)), len(distinct))
        large = [all(values[i] >= self.smallest[i] for i in sides) for values in distinct]
        distinct = [values for values, a, b in zip(distinct, fits, large, strict=True) if a and b]
        return distinct, np.array(
            [abs(math.log(flops / self.target)) for flops in flops_of(self.search.network, distinct)]
        )

    def _distances(self, candidates: Sequence[Values]) -> np.ndarray:
        """How far sizes stand from ideal ones: the sum of the squares of the logarithms of their ratios."""
        total = np.zeros(len(candidates))
        for column, wanted in zip(_stacked(candidates), self.goal, strict=True):
            known, places = np.unique(column, return_inverse=True)
            total += np.array([math.log(int(size) / wanted) ** 2 for size in known])[places]
        return total


def flops_of(network: Scalable, candidates: Sequence[Values]) -> list[int]:
    """The exact flops of ``network`` with each of these sizes, counted together (ints up to 2^63)."""
    flops = network.cost(_stacked(candidates)).flops
    return [int(count) for count in np.broadcast_to(flops, len(candidates))]


def _stacked(candidates: Sequence[Values]) -> list[Any]:
    """Many sizes as one, of int64 arrays: one for each knob."""
    return list(np.array(candidates, dtype=np.int64).T.copy())


def _next(allowed: Callable[[int], Any], value: int, step: int, reach: int) -> list[Any]:
    """The next ``reach`` outcomes of a rule below and above that of ``value``, going away from it in steps."""
    found = []
    for sign in (-1, 1):
        known = [allowed(value)]
        for distance in range(step, value + (reach + 1) * step, step):
            if len(known) > reach or value + sign * distance <= 0:
                break
            if (outcome := allowed(value + sign * distance)) not in known:
                known.append(outcome)
        found += known[1:]
    return found
