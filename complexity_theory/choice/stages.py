"""Stage by stage: one depth or width of a single stage at a time, or the resolution, where flops come cheapest.

Greedy, as Liu et al. 2021, *Greedy Network Enlarging* (arXiv 2108.00177), enlarge stage by stage, there by what
training tells of each step; here a step is worth the flops that it adds, over the room that it takes under the budgets.
Under a budget of time alone that is flops per millisecond at the margin. It tells where flops are cheap, not where they
help: the named strategies keep the stages in proportion, this does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from complexity_theory.choice.choose import Choice
from complexity_theory.choice.costs import buildable, costs, shares
from complexity_theory.choice.free import Variant, variant
from complexity_theory.core.arrays import Floats, Ints
from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.knobs import Knob, bases, held
from complexity_theory.scaling.rules import rule
from complexity_theory.scaling.search import MOST_FLOPS, Search
from complexity_theory.scaling.strategy import parse

GROWTH = 1 / 8  # of a size at a step, at least one block or one multiple of the rule
MOST_STEPS = 500


@dataclass(frozen=True, slots=True)
class StageStep:
    """A step: which knob went from which size to which, what it added, and what the network then takes.

    ``added``: flops. ``seconds``: added per image, by device. ``flops``, ``share``: of the network reached, the share
    being that of its fullest budget.
    """

    knob: str
    old: int
    new: int
    added: int
    seconds: dict[str, float]
    flops: int
    share: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "knob": self.knob,
            "old": self.old,
            "new": self.new,
            "added_flops": self.added,
            "added_seconds": dict(self.seconds),
            "flops": self.flops,
            "fullest": self.share,
        }


@dataclass(frozen=True, slots=True)
class Staged:
    """The steps from the base, and where they led."""

    choice: Choice
    steps: tuple[StageStep, ...]
    best: Variant

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "steps": [step.as_dict() for step in self.steps],
            "best": self.best.as_dict(),
        }


def by_stage(choice: Choice) -> Staged:
    """The base enlarged step by step within the budgets of a ``choice``: each the most flops for the room it takes.

    The room that a step takes is the sum over the budgets of what it adds, each over what is left (Toyoda 1975, *A
    simplified algorithm for obtaining approximate solutions to zero-one programming problems*). A base that does not
    fit is first made smaller, by the steps that lose fewest flops for what they free of the budgets broken. Steps are
    of depths, widths (stem and head where they scale; what is tied goes together) and, where a budget holds it back,
    resolution; group widths stay. Rounded by the rule of the choice's best candidate. Raises InvalidInput where no step
    makes the base fit.

    >>> from complexity_theory.choice.budgets import Budgets
    >>> from complexity_theory.choice.choose import choose
    >>> from complexity_theory.zoo import network
    >>> found = by_stage(choose(network("ResNet-18"), Budgets(params="12.5M"), strategies=["d"]))
    >>> [(step.knob, step.new) for step in found.steps][:2]
    [('stage1.depth', 3), ('stage1.depth', 4)]
    """
    greedy = _Greedy(choice)
    return Staged(choice, tuple(greedy.steps()), greedy.found())


class _Costs(NamedTuple):
    """Of many networks: flops, shares of the budgets (bounds x networks), seconds by device."""

    flops: Ints
    shares: Floats
    seconds: dict[str, Floats]

    def at(self, i: int) -> _Costs:
        """Of one of them."""
        row = slice(i, i + 1)
        return _Costs(
            self.flops[row], self.shares[:, row], {name: values[row] for name, values in self.seconds.items()}
        )


class _Greedy:
    """The state of the search: the sizes, and what they cost."""

    def __init__(self, choice: Choice) -> None:
        knobs = held(choice.base.knobs, fix=choice.fix)
        rounding = rule(choice.best.rounding, multiple=choice.multiple)
        self.choice, self.sizes = choice, bases(knobs)
        self.search = Search(choice.base, parse("dwr"), rounding, knobs)
        self.here = self._costs(np.array([self.sizes]))

    def found(self) -> Variant:
        """Where the steps led."""
        return variant(self.choice, self.search.knobs, np.array(self.sizes))

    def steps(self) -> Iterator[StageStep]:
        """The steps, each taken when it is told."""
        for _ in range(MOST_STEPS):
            up = bool((self.here.shares <= 1).all())
            step = self._step(up)
            if step is None:
                if not up:
                    raise InvalidInput(f"no step of a single stage makes {self.choice.base.name} keep the budgets")
                return
            yield step

    def _step(self, up: bool) -> StageStep | None:
        """Takes the best step up that fits, or down towards what fits; None where there is none."""
        moves = list(self._moves(up))
        if moves:
            rows = np.array([row for _, row in moves], dtype=np.int64)
            built = buildable(self.choice.base, self.search.knobs, rows)
            moves = [move for move, fits in zip(moves, built, strict=True) if fits]
        if not moves:
            return None
        sizes = np.array([row for _, row in moves], dtype=np.int64)
        found, here = self._costs(sizes), self.here
        added = (found.flops - here.flops).astype(float)
        if up:
            room = ((found.shares - here.shares) / np.maximum(1 - here.shares, 1e-12)).sum(axis=0)
            # what takes no room (the resolution, where params alone are bounded) would be taken for ever
            allowed = (found.shares <= 1).all(axis=0) & (added > 0) & (room != 0) & (found.flops <= MOST_FLOPS)
        else:
            broken = np.flatnonzero(here.shares[:, 0] > 1)
            room = (found.shares - here.shares)[broken].sum(axis=0)
            allowed = room < 0
        if not allowed.any():
            return None
        # going up, what takes no room is taken at once; going down, what gains flops on the way
        with np.errstate(divide="ignore", invalid="ignore"):
            worth = np.where(room > 0, added / room, math.inf) if up else np.where(added < 0, -added / room, math.inf)
        best = int(np.argmax(np.where(allowed, worth, -math.inf)))
        name, row = moves[best]
        place = next(i for i, knob in enumerate(self.search.knobs) if knob.name == name)
        self.here, before, old = found.at(best), here, self.sizes[place]
        self.sizes = row
        return StageStep(
            name,
            old,
            row[place],
            int(self.here.flops[0] - before.flops[0]),
            {device: float(self.here.seconds[device][0] - before.seconds[device][0]) for device in before.seconds},
            int(self.here.flops[0]),
            float(self.here.shares.max()),
        )

    def _moves(self, up: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Each depth, width and side of the input one step larger (or smaller), with what goes with it."""
        knobs = self.search.knobs
        sizes = dict(zip((knob.name for knob in knobs), self.sizes, strict=True))
        goals = {name: float(size) for name, size in sizes.items()}
        for knob in knobs:
            free = knob.moves and not any(other.name == knob.tied and other.moves for other in knobs)
            if knob.dimension == "group_width" or not free:
                continue
            edit = self._edit(knob, up, sizes, goals)
            if edit.get(knob.name, sizes[knob.name]) != sizes[knob.name]:
                yield knob.name, tuple({**sizes, **edit}.values())

    def _edit(self, knob: Knob, up: bool, sizes: dict[str, int], goals: dict[str, float]) -> dict[str, int]:
        size, sign = sizes[knob.name], 1 if up else -1
        if knob.dimension == "depth":
            return {knob.name: max(1, size + sign * max(1, round(GROWTH * size)))}
        tied = [other for other in self.search.knobs if other.tied == knob.name and other.moves]
        if knob.dimension == "resolution":
            side = self.search.rule.resolution(
                size + sign * max(self.search.rule.resolution_multiple, GROWTH * size / 2)
            )
            return {knob.name: side} | {k.name: self.search.rule.resolution(side * k.base / knob.base) for k in tied}
        step = self.search.rule.step(knob)
        wanted = size + sign * max(step, GROWTH * size)
        while 0 < wanted < 2 * size + 8 * step:  # groups may need a wider step
            edit = self.search.with_width(knob, wanted, tied, sizes, goals)
            if sign * (edit[knob.name] - size) > 0:
                return edit
            wanted += sign * step
        return {}

    def _costs(self, sizes: Ints) -> _Costs:
        budgets, devices = self.choice.budgets, self.choice.devices
        found = costs(self.choice.base, sizes, devices, with_memory=budgets.memory is not None)
        return _Costs(np.asarray(found.counts.flops), shares(found, budgets, devices), found.seconds)
