"""The command of the front door that chooses: the largest network that fits budgets, on the devices at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from complexity_theory.cli.options import (
    NETWORK_HELP,
    BatchOption,
    DevicesOption,
    Format,
    FormatOption,
    HeldResolutionOption,
    InputOption,
    MultipleOption,
    RoundingsOption,
    held_network,
)
from complexity_theory.core import text
from complexity_theory.core.errors import InvalidInput

if TYPE_CHECKING:
    from complexity_theory.choice.choose import Candidate, Choice
    from complexity_theory.choice.free import Free
    from complexity_theory.choice.stages import Staged
    from complexity_theory.core.report import Table
    from complexity_theory.devices.profile import Profile
    from complexity_theory.networks.spec import Network

NetworkArgument = Annotated[str, typer.Argument(metavar="NETWORK", help=NETWORK_HELP)]
MODES = ("inference", "training")


def register(app: typer.Typer) -> None:
    """Adds the command of this module."""
    app.command()(choose)


def choose(
    network: NetworkArgument,
    given: InputOption = None,
    max_time: Annotated[
        list[str] | None,
        typer.Option(help="Time per image, as 1ms: on every device, or given once for each --device, in their order."),
    ] = None,
    max_params: Annotated[str | None, typer.Option(help="Params, as 30M.")] = None,
    max_memory: Annotated[str | None, typer.Option(help="Memory at the batch, as 8GiB, on every device.")] = None,
    max_flops: Annotated[str | None, typer.Option(help="Multiply-adds, as 6GF.")] = None,
    max_acts: Annotated[str | None, typer.Option(help="Acts, as 30M.")] = None,
    device: DevicesOption = None,
    mode: Annotated[str | None, typer.Option(help="inference or training: refuse devices of the other.")] = None,
    batch: BatchOption = None,
    strategy: Annotated[
        list[str] | None, typer.Option(help="A strategy more, as d1_w8_g8_r1; may be repeated.")
    ] = None,
    alphas: Annotated[int, typer.Option(help="fast:ALPHA in so many steps from 0 to 1.")] = 5,
    rounding: RoundingsOption = None,
    resolution: HeldResolutionOption = None,
    multiple: MultipleOption = None,
    free: Annotated[
        bool, typer.Option("--free", help="Also all multipliers free: the front, and the best variant.")
    ] = False,
    by_stage: Annotated[
        bool, typer.Option("--by-stage", help="Also single stages, greedily: most flops per room taken at each step.")
    ] = False,
    measure: Annotated[
        str, typer.Option(help="What --free makes as large as can be: flops, params or acts.")
    ] = "flops",
    figure: Annotated[Path | None, typer.Option(help="Draws the choice (.svg): paths, front, budgets.")] = None,
    sure: Annotated[bool, typer.Option("--sure", help="Times must fit at the upper end of their intervals.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Writes the best network (.toml, .json).")
    ] = None,
    form: FormatOption = Format.text,
) -> None:
    """The largest network that fits: along every strategy, the one with most flops that keeps all budgets.

    Found exactly among all networks that the strategy passes through, up or down from NETWORK, by each rounding rule.
    The text names the bound that the next larger network breaks, and the room that is left under the others.
    """
    from complexity_theory.choice.choose import along
    from complexity_theory.choice.choose import choose as choice
    from complexity_theory.choice.compare import ROUNDINGS
    from complexity_theory.choice.free import free as everything
    from complexity_theory.choice.stages import by_stage as greedy
    from complexity_theory.core import report
    from complexity_theory.networks.files import dump

    base, fix = held_network(network, resolution, given)
    profiles = load_profiles(device, mode)
    found = choice(
        base,
        budgets(max_time, max_params, max_memory, max_flops, max_acts, profiles),
        profiles,
        strategies=[*along(alphas), *(strategy or ())],
        roundings=rounding or ROUNDINGS,
        multiple=multiple,
        batch=batch,
        sure=sure,
        fix=fix,
    )
    if figure is not None and figure.suffix != ".svg":
        raise InvalidInput(f"a figure is an .svg file, not {figure}")
    unbound = everything(found, measure=measure) if free else None
    staged = greedy(found) if by_stage else None
    if output is not None:
        chosen = [found.best.network, *(other.best.network for other in (unbound, staged) if other is not None)]
        dump(max(chosen, key=lambda one: one.complexity().flops), output)
    if figure is not None:
        _draw(found, unbound, figure)
    for line in found.warnings():
        text.say(f"warning: {line}")
    for line in found.left_out:
        text.say(f"left out: {line}")
    listed, data = tables(found), found.as_dict()
    if unbound is not None:
        listed += free_tables(unbound)
        data["free"] = unbound.as_dict()
    if staged is not None:
        listed += stage_tables(staged)
        data["by_stage"] = staged.as_dict()
    report.emit(form, listed, data)


def load_profiles(names: list[str] | None, mode: str | None) -> list[Profile]:
    """The profiles of the devices named, which must be of a mode where one is asked for."""
    from complexity_theory.devices import profile as profiles

    if mode is not None and mode not in MODES:
        raise InvalidInput(f"--mode is {' or '.join(MODES)}, not {mode!r}")
    found = [profiles.load(name) for name in names or ()]
    for profile in found:
        if mode is not None and profile.mode != mode:
            others = [name for name in profiles.names() if profiles.load(name).mode == mode]
            raise InvalidInput(f"{profile.name} was measured in {profile.mode} only; for {mode}: {', '.join(others)}")
    return found


def budgets(
    time: list[str] | None,
    params: str | None,
    memory: str | None,
    flops: str | None,
    acts: str | None,
    profiles: list[Profile],
) -> Any:
    """The budgets of the options; a time for all devices, or one for each."""
    from complexity_theory.choice.budgets import Budgets

    seconds: Any = None
    if time is not None:
        if len(time) not in (1, len(profiles)):
            raise InvalidInput(
                f"--max-time is given once, or for each of {len(profiles)} devices, not {len(time)} times"
            )
        seconds = time[0] if len(time) == 1 else dict(zip((p.name for p in profiles), time, strict=True))
    return Budgets(flops=flops, params=params, acts=acts, memory=memory, seconds=seconds)


def _draw(found: Choice, unbound: Free | None, path: Path) -> None:
    from complexity_theory.core import files
    from complexity_theory.figures import front, style

    files.write(path, style.svg(front.draw(found, unbound)))


def tables(found: Choice) -> list[Table]:
    """A row for each candidate, on several devices a row for each on each, and the sizes of the best."""
    from complexity_theory.core.report import Table

    budgeted = ", ".join(f"{name} {bound}" for name, bound in found.bounds().items())
    title = f"{found.base.name}: the most flops within {budgeted}"
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
    from complexity_theory.core.report import Table

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
    from complexity_theory.core.report import Table

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


def _sizes(network: Network, title: str) -> Table:
    from complexity_theory.core.report import Table

    def joined(value: Any) -> Any:
        listed = isinstance(value, (tuple, list))
        return ", ".join("-" if size is None else str(size) for size in value) if listed else value

    return Table([{name.replace("_", " "): joined(value) for name, value in network.sizes().items()}], title)
