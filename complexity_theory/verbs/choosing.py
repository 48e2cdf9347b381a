"""The verb ``choose``: the largest network that fits budgets, on the devices at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import Candidate, Choice, along
from complexity_theory.choice.choose import choose as choice
from complexity_theory.choice.compare import ROUNDINGS
from complexity_theory.choice.free import Free
from complexity_theory.choice.free import free as everything
from complexity_theory.choice.stages import Staged
from complexity_theory.choice.stages import by_stage as greedy
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.devices import profile as profiles
from complexity_theory.devices.profile import MODES, Profile
from complexity_theory.evidence.known import told
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.verbs import resolve
from complexity_theory.verbs.counting import shown_sides
from complexity_theory.verbs.result import Result
from complexity_theory.verbs.timing import accuracy, described, family, held, rules

MEASURES = ("flops", "params", "acts")


@dataclass(frozen=True, repr=False)
class Chosen(Result):
    """The largest networks within budgets: ``found`` (``choice.choose``), and ``free`` and ``staged`` where asked."""

    found: Choice
    free: Free | None = None
    staged: Staged | None = None

    @property
    def best(self) -> Candidate:
        """The candidate with most flops."""
        return self.found.best

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The best of each strategy, most flops first."""
        return tuple(self.found.candidates)

    @property
    def network(self) -> Network | Traced:
        """The network with most flops of all that were looked at."""
        others = (other.best.network for other in (self.free, self.staged) if other is not None)
        return max([self.found.best.network, *others], key=lambda one: one.complexity().flops)

    @property
    def warnings(self) -> tuple[str, ...]:  # type: ignore[override]
        """In what the networks are unlike those that profiles were fitted to."""
        return tuple(self.found.warnings())

    @property
    def notes(self) -> tuple[str, ...]:  # type: ignore[override]
        """Why strategies were left out, and what is known of the accuracy of those that were not."""
        names = [candidate.strategy.name for candidate in self.found.candidates]
        known = told(self.found.base.name, family(self.found.base), names)
        return (*(f"left out: {line}" for line in self.found.left_out), known)

    def report(self, form: str = "text") -> Sequence[Table | str]:
        listed = tables(self.found)
        listed += [] if self.free is None else free_tables(self.free)
        return listed + ([] if self.staged is None else stage_tables(self.staged))

    def as_dict(self) -> dict[str, Any]:
        rows = self.rows()
        data = {**self.found.as_dict(), "best": rows[0], "candidates": rows}
        data |= {} if self.free is None else {"free": self.free.as_dict()}
        return data | ({} if self.staged is None else {"by_stage": self.staged.as_dict()})

    def rows(self) -> list[dict[str, Any]]:
        rows = (candidate.as_dict() for candidate in self.found.candidates)
        return [{**row, "accuracy": accuracy(self.found.base, row["strategy"])} for row in rows]

    def summary(self) -> str:
        best = self.found.best
        return f"{best.network.name}: {best.complexity.flops:,} flops, bound by {best.binding}"

    def write(self, output: str | Path) -> None:
        """Writes the best network as a ``.toml`` or ``.json`` file. Raises InvalidInput where it cannot."""
        from complexity_theory.networks.files import dump

        dump(self.network, resolve.path(output, "output"))


def choose(
    network: Any,
    devices: Any = (),
    *,
    max_time: Any = None,
    max_params: Any = None,
    max_memory: Any = None,
    max_flops: Any = None,
    max_acts: Any = None,
    mode: str | None = None,
    batch: int | None = None,
    strategies: Any = (),
    alphas: int = 5,
    roundings: Any = ROUNDINGS,
    resolution: Any = None,
    input: Any = None,
    multiple: int | None = None,
    free: bool = False,
    by_stage: bool = False,
    measure: str = "flops",
    sure: bool = False,
) -> Chosen:
    """The largest network that fits: along every strategy, the one with most flops that keeps all budgets.

    Budgets as numbers or as people write them: ``max_time`` per image ("1ms"; on every device, or a list, one for
    each), ``max_params`` ("30M"), ``max_memory`` at the batch ("8GiB"), ``max_flops`` ("6GF"), ``max_acts``.
    ``strategies``: more than the named ones and fast:ALPHA in ``alphas`` steps. ``free``: all multipliers free too;
    ``by_stage``: single stages too; ``measure``: what ``free`` makes as large as can be. ``sure``: times fit at the
    upper end of their intervals. Others as in ``compare``. Raises InvalidInput where no network fits, saying what would
    be feasible.

    >>> found = choose("ResNet-18", max_params="30M", strategies="w")
    >>> found.best.complexity.params <= 30e6, found.best.binding
    (True, 'params')
    """
    base, fix = held(network, resolution, input)
    for name, value in (("free", free), ("by_stage", by_stage), ("sure", sure)):
        resolve.flag(value, name)
    resolve.choice(measure, "measure", MEASURES)
    listed = [] if isinstance(devices, (tuple, list)) and not devices else resolve.several(devices, "devices")
    given = in_mode([resolve.device(device) for device in listed], mode)
    more = [] if isinstance(strategies, (tuple, list)) and not strategies else resolve.several(strategies, "strategies")
    found = choice(
        base,
        budgets(
            given,
            max_time=max_time,
            max_params=max_params,
            max_memory=max_memory,
            max_flops=max_flops,
            max_acts=max_acts,
        ),
        given,
        strategies=[*along(_steps(alphas)), *map(resolve.strategy, more)],
        roundings=rules(roundings),
        multiple=resolve.whole(multiple, "multiple"),
        batch=resolve.whole(batch, "batch"),
        sure=sure,
        fix=fix,
    )
    unbound = everything(found, measure=measure) if free else None
    return Chosen(found, unbound, greedy(found) if by_stage else None)


def _steps(alphas: Any) -> int:
    if type(alphas) is not int:
        raise InvalidInput(f"alphas must be an int, not {resolve.shown(alphas)}")
    return alphas


def in_mode(given: list[Profile], mode: str | None) -> list[Profile]:
    """The profiles, which must be of a mode where one is asked for. Raises InvalidInput, naming those that are."""
    if mode is None:
        return given
    resolve.choice(mode, "mode", MODES)
    for profile in given:
        if profile.mode != mode:
            others = [name for name in profiles.names() if profiles.load_profile(name).mode == mode]
            raise InvalidInput(f"{profile.name} was measured in {profile.mode} only; for {mode}: {', '.join(others)}")
    return given


def budgets(
    given: list[Profile],
    *,
    max_time: Any = None,
    max_params: Any = None,
    max_memory: Any = None,
    max_flops: Any = None,
    max_acts: Any = None,
) -> Budgets:
    """The budgets as ``choose`` takes them; a time for all devices, or one for each of those ``given``."""
    return Budgets(
        flops=max_flops, params=max_params, acts=max_acts, memory=max_memory, seconds=_times(max_time, given)
    )


def _times(time: Any, given: list[Profile]) -> Any:
    """A time for all devices, or one for each."""
    if time is None or isinstance(time, Mapping) or not isinstance(time, (list, tuple)):
        return time
    if len(time) not in (1, len(given)):
        raise InvalidInput(
            f"a time (--max-time) is given once, or for each of {len(given)} devices, not {len(time)} times"
        )
    return time[0] if len(time) == 1 else dict(zip((p.name for p in given), time, strict=True))


def tables(found: Choice) -> list[Table]:
    """A row for each candidate, on several devices a row for each on each, and the sizes of the best."""
    budgeted = ", ".join(f"{name} {bound}" for name, bound in found.bounds().items())
    on = "; ".join(f"{one.name} ({described(one.profile, one.batch)})" for one in found.devices)
    title = f"{found.base.name}: the most flops within {budgeted}" + (f", on {on}" if on else "")
    alone = [device.name for device in found.devices][:1] if len(found.devices) == 1 else []
    rows = [_row(candidate, alone) for candidate in found.candidates]
    listed = [Table(rows, title)]
    if len(found.devices) > 1:
        each = [
            {"strategy": candidate.strategy.name, "device": name, **_on(candidate, name)}
            for candidate in found.candidates
            for name in candidate.devices
        ]
        listed.append(Table(each, "On the devices"))
    best = found.best
    return [*listed, _sizes(best.network, f"The choice: {best.network.name}, rounded by {best.rounding}")]


def _row(candidate: Candidate, devices: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "strategy": candidate.strategy.name,
        "rounding": candidate.rounding,
        "factor": candidate.factor,
        **candidate.complexity.as_dict(),
    }
    for name in devices:
        row |= _on(candidate, name)
    room = (f"{name} {left:.0%}" for name, left in candidate.room.items() if name != candidate.binding)
    return {**row, "binds": candidate.binding, "room left": ", ".join(room) or None}


def _on(candidate: Candidate, name: str) -> dict[str, Any]:
    found = candidate.devices[name]
    times = {"ms": found.time.seconds * 1e3, "low": found.time.low * 1e3, "high": found.time.high * 1e3}
    return {**times, "memory, GiB": found.memory / 2**30}


def free_tables(found: Free) -> list[Table]:
    """The best variant of the free population beside the strategy nearest to it."""
    best, nearest = found.best, found.nearest
    shares = ", ".join(f"{letter} {share:.2f}" for letter, share in best.shares.items()) or "none"
    rows = []
    for name, one in (("best variant", best), (f"nearest strategy: {nearest.strategy}", nearest)):
        row: dict[str, Any] = {"network": name, **one.complexity.as_dict()}
        for device, on in one.devices.items():
            row[f"ms on {device}"] = on.time.seconds * 1e3
        rows.append(row)
    title = (
        f"Of {found.variants:,} variants the one with most {found.measure}: {found.gain:+.1%} over {nearest.strategy}; "
        f"shares of its direction: {shares}"
    )
    return [Table(rows, title), _sizes(best.network, f"Its sizes: {best.network.name}")]


def stage_tables(found: Staged) -> list[Table]:
    """The greedy steps, and the sizes that they led to."""
    rows = []
    for number, step in enumerate(found.steps, 1):
        row: dict[str, Any] = {"step": number, "changed": step.knob, "from": step.old, "to": step.new}
        row["flops added"] = step.added
        for name, seconds in step.seconds.items():
            on = "" if len(step.seconds) == 1 else f" on {name}"
            row[f"ms added{on}"] = seconds * 1e3
            row[f"flops per ms{on}"] = step.added / (seconds * 1e3) if seconds else None
        rows.append({**row, "flops": step.flops, "fullest budget": f"{step.share:.1%}"})
    gain = found.best.complexity.flops / found.choice.best.complexity.flops - 1
    title = f"Stage by stage: {len(rows)} steps, {gain:+.1%} flops over {found.choice.best.strategy}"
    return [Table(rows, title), _sizes(found.best.network, f"Its sizes: {found.best.network.name}")]


def _sizes(network: Network | Traced, title: str) -> Table:
    def joined(name: str, value: Any) -> Any:
        if name == "resolution":
            return shown_sides(value)
        listed = isinstance(value, (tuple, list))
        return ", ".join("-" if size is None else str(size) for size in value) if listed else value

    return Table([{name.replace("_", " "): joined(name, value) for name, value in network.sizes().items()}], title)
