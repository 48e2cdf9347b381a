"""The largest network that fits budgets, along each strategy: found exactly among all networks that it passes through.

``choice.ladder`` has those networks, ``choice.search`` looks through them; here stands what is asked and answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from complexity_theory.choice.budgets import Budgets, shown, told
from complexity_theory.choice.compare import ROUNDINGS, by_line
from complexity_theory.choice.costs import DeviceCost, ProfiledDevice
from complexity_theory.choice.ladder import Ladder
from complexity_theory.choice.search import BudgetSearch, Found
from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.profile import Profile
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.knobs import DIMENSIONS, bases, held
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.realise import named
from complexity_theory.scaling.rules import Rule, rule
from complexity_theory.scaling.strategy import NAMED, Strategy, fast, parse


def along(steps: int = 5) -> tuple[Strategy, ...]:
    """The named strategies, and fast scaling with alpha in so many steps from 0 to 1, each direction once.

    >>> [strategy.name for strategy in along()][8:]
    ['fast:1/5', 'fast:2/5', 'fast:3/5', 'fast:1']
    """
    check_size("steps of alpha", steps)
    found: dict[tuple[Any, ...], Strategy] = {}
    for strategy in (*map(parse, NAMED), *(fast(Fraction(step, steps)) for step in range(steps + 1))):
        found.setdefault(strategy.shares, strategy)
    return tuple(found.values())


@dataclass(frozen=True)
class Candidate:
    """A realised network that keeps the budgets: the largest along its strategy.

    ``room``: by bound, the part that is left of it. ``binding``: the bound that the next larger network breaks first.
    """

    strategy: Strategy
    rounding: str
    factor: float
    network: Network | Traced
    complexity: Complexity
    devices: Mapping[str, DeviceCost]
    room: Mapping[str, float]
    binding: str

    @property
    def memory(self) -> int | None:
        """Bytes on the device that needs most of them; None without devices."""
        return max((found.memory for found in self.devices.values()), default=None)

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "strategy": self.strategy.name,
            "rounding": self.rounding,
            "factor": self.factor,
            **self.complexity.as_dict(),
            "memory": self.memory,
            "devices": {name: found.as_dict() for name, found in self.devices.items()},
            "binding": self.binding,
            "room": dict(self.room),
            "sizes": self.network.sizes(),
        }


@dataclass(frozen=True)
class Choice:
    """What fits: ``candidates``, one for each strategy, most flops first; and why other strategies were left out.

    ``fix``, ``multiple``: what was asked for (``choose``).
    """

    base: Network | Traced
    budgets: Budgets
    devices: tuple[ProfiledDevice, ...]
    candidates: tuple[Candidate, ...]
    left_out: tuple[str, ...]
    fix: tuple[str, ...] = ()
    multiple: int | None = None

    @property
    def best(self) -> Candidate:
        """The candidate with most flops."""
        return self.candidates[0]

    def ladder(self, candidate: Candidate) -> Ladder:
        """The ladder that a candidate stands on."""
        knobs = held(self.base.knobs, fix=self.fix)
        return Ladder(self.base, candidate.strategy, rule(candidate.rounding, multiple=self.multiple), knobs)

    def bounds(self) -> dict[str, str]:
        """What is bounded, and by how much, as people read it."""
        names = tuple(device.name for device in self.devices)
        return {
            told(name, device, len(names) == 1): shown(name, bound)
            for name, device, bound in self.budgets.bounds(names)
        }

    def warnings(self) -> list[str]:
        """In what the candidates are unlike what the profiles were fitted to."""
        return by_line(
            (candidate.strategy.name, line)
            for candidate in self.candidates
            for found in candidate.devices.values()
            for line in found.time.warnings
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it: ``best``, ``candidates``, and what they were chosen by."""
        return {
            "network": self.base.name,
            "budgets": self.budgets.as_dict(),
            "devices": {device.name: {"batch": device.batch, "mode": device.profile.mode} for device in self.devices},
            "best": self.best.as_dict(),
            "candidates": [candidate.as_dict() for candidate in self.candidates],
            "left_out": list(self.left_out),
        }


def choose(
    network: Network | Traced,
    budgets: Budgets,
    profiles: Sequence[Profile] = (),
    *,
    strategies: Iterable[Strategy | str] | None = None,
    roundings: Iterable[str] = ROUNDINGS,
    multiple: int | None = None,
    batch: int | None = None,
    sure: bool = False,
    fix: Iterable[str] = (),
) -> Choice:
    """Along each strategy the realised network with most flops that keeps all budgets on all devices, up or down.

    No factor from 2^-40 on gives a larger one that fits, by any of the ``roundings`` (names of rules); the one kept
    is named. Of equal flops, the faster. ``multiple``: what sides of the input are multiples of. ``sure``: times are
    the upper ends of their intervals. ``fix``: patterns of knobs that stay. Raises InvalidInput where no budget is set,
    nothing fits (with what would), and for bad values.

    >>> from complexity_theory.zoo import network
    >>> choose(network("EfficientNet-B0"), Budgets(params="30M", acts="40M"), strategies=["dWr"]).best.binding
    'params'
    """
    chosen, fix = along() if strategies is None else strategies, tuple(fix)
    devices = tuple(ProfiledDevice.of(profile, network, batch, sure) for profile in profiles)
    names = tuple(device.name for device in devices)
    budgets.check(names)
    if len(set(names)) < len(names):
        raise InvalidInput(f"devices must differ, not be {', '.join(names)}")
    search = BudgetSearch(network, budgets, devices)
    ladders, left_out = _ladders(network, chosen, {name: rule(name, multiple=multiple) for name in roundings}, fix)
    if not ladders:
        raise InvalidInput(next((f"{name}: {why}" for name, why in left_out.items()), "there is no strategy to try"))
    found = search.largest(list(ladders.values()))
    best: dict[str, tuple[Ladder, str, Found]] = {}
    for ((name, rounding), ladder), result in zip(ladders.items(), found, strict=True):
        if isinstance(result, str):
            left_out[name] = result
        elif name not in best or result.rank > best[name][2].rank:
            best[name] = ladder, rounding, result
    if not best:
        raise InvalidInput(search.refusal(list(ladders.values()), [f"{name}: {why}" for name, why in left_out.items()]))
    candidates = [_candidate(search, *result) for result in best.values()]
    return Choice(
        network,
        budgets,
        devices,
        tuple(sorted(candidates, key=_order)),
        tuple(f"{name}: {why}" for name, why in left_out.items() if name not in best),
        fix,
        multiple,
    )


def _candidate(search: BudgetSearch, ladder: Ladder, rounding: str, found: Found) -> Candidate:
    factor = ladder.shortest(found.factor, found.sizes)
    network = search.network
    if found.sizes != bases(ladder.knobs):
        network = named(network, found.sizes, ladder.strategy, rounding, factor)
    names = search.names()
    return Candidate(
        ladder.strategy,
        rounding,
        factor,
        network,
        network.complexity(),
        {device.name: device.estimate(network) for device in search.devices},
        {name: 1 - float(share) for name, share in zip(names, found.shares, strict=True)},
        names[found.binding],
    )


def _order(candidate: Candidate) -> tuple[float, float]:
    return -candidate.complexity.flops, sum(found.time.seconds for found in candidate.devices.values())


def _ladders(
    network: Network | Traced, strategies: Iterable[Strategy | str], rules: Mapping[str, Rule], fix: Iterable[str]
) -> tuple[dict[tuple[str, str], Ladder], dict[str, str]]:
    """A ladder for each strategy and rule, by their names; and the strategies that scale nothing, with the reason.

    Without group widths to round, rules that differ in these alone are one.
    """
    knobs = held(network.knobs, fix=fix)
    moving = {knob.dimension for knob in knobs if knob.moves}
    if "group_width" not in moving:
        distinct: dict[tuple[Any, ...], str] = {}
        for name, found in rules.items():
            distinct.setdefault(_apart_from_groups(found), name)
        rules = {name: rules[name] for name in distinct.values()}
    ladders: dict[tuple[str, str], Ladder] = {}
    left_out: dict[str, str] = {}
    known = set[tuple[Any, ...]]()
    for given in strategies:
        strategy = given if isinstance(given, Strategy) else parse(given)
        strategy.multipliers(1.0)  # which refuses an alpha without a value
        direction = tuple(getattr(strategy, dimension) if dimension in moving else None for dimension in DIMENSIONS)
        if direction in known:  # such as fast:1, which is w where there are no group widths
            continue
        known.add(direction)
        if not any(direction):
            left_out[strategy.name] = f"it scales nothing in {network.name} that moves"
            continue
        for name, found in rules.items():
            ladders[strategy.name, name] = Ladder(network, strategy, found, knobs)
    return ladders, left_out


def _apart_from_groups(found: Rule) -> tuple[Any, ...]:
    return type(found), found.width_multiple, found.resolution_multiple
