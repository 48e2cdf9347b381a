"""The command `measure device`: all that is worth knowing of one device, within a budget of time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from complexity_theory.cli.app import App
from complexity_theory.cli.options import Format, FormatOption
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.text import say

SUMMARY = (3.0, 0.05)  # seconds, and share of the budget, that are kept for what is said at the end
FEWEST = 8  # networks of which a profile is fitted

StoreOption = Annotated[Path, typer.Option(help="The file of results; what it holds is not measured again.")]
BudgetOption = Annotated[str, typer.Option(help="How long it may take: 90s, 9m, 1h.")]
HardwareOption = Annotated[str, typer.Option(help="cpu, cuda, cuda:INDEX; auto is CUDA where there is one.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Threads of torch (default: as torch has them).")]


def device(
    budget: BudgetOption = "9m",
    store: StoreOption = Path("device.sqlite"),
    device: HardwareOption = "auto",
    threads: ThreadsOption = None,
    form: FormatOption = Format.text,
) -> None:
    """All that is worth knowing of one device, most valuable first, cut where the budget ends; run again, it goes on.

    Networks (eager, channels last, training, one image, compiled), ceilings, layers, the paper's networks under four
    strategies, memory, a training run. Then `runtime fit` makes profiles of it, and `paper --store` its figures.
    """
    from complexity_theory.core import report
    from complexity_theory.core.quantities import quantity
    from complexity_theory.measurement import device_study
    from complexity_theory.measurement.jobs import check_device
    from complexity_theory.measurement.paced import Paced
    from complexity_theory.measurement.progress import reporting

    check_device(device)
    seconds = quantity(budget, "seconds", "a budget")
    seconds -= SUMMARY[0] + SUMMARY[1] * seconds
    with closing(Paced(device, threads, seconds=seconds)) as engine, reporting() as reporter:
        planned = device_study.study(engine.describe()["device"])
        done = device_study.measure(planned, store, engine, reporter)
    if done.done < done.jobs:
        say(f"{done.done} of {done.jobs} jobs are in {store}; the same command goes on with the rest")
    elif not done.rounds:
        say(f"nothing to do: all {done.jobs} jobs are in {store}")
    tables, data = _summary(store, done.environment)
    about = {"jobs": done.jobs, "done": done.done, "rounds": done.rounds}
    report.emit(form, tables, {**about, **data})


def _summary(store: Path, environment: str) -> tuple[list[Any], dict[str, Any]]:
    """What the store says of the device: its ceilings, what is measured in which setting, what failed."""
    from complexity_theory.core import report
    from complexity_theory.evidence import peaks
    from complexity_theory.measurement.analysis import records
    from complexity_theory.measurement.frame import read

    frame = read(store)
    frame = frame[frame["environment"] == environment]
    profiles = _profiles(store, str(frame["device_name"].iloc[0])) if len(frame) else []
    ceilings = [
        {"dtype": dtype, "multiply-adds a second": row["peak_flops"], "bytes a second": row["peak_bandwidth"]}
        for dtype, rows in frame.groupby("dtype")
        if (row := rows[["peak_flops", "peak_bandwidth"]].max()).notna().all()
    ]
    failed = [
        {"network": row["network"], "strategy": row["strategy"], "status": row["status"], "reason": row["reason"]}
        for row in frame[frame["status"] != "ok"].to_dict("records")
    ]
    memory = records(peaks.summary(peaks.peaks(store)))
    tables = [
        report.Table(rows, title)
        for rows, title in (
            (ceilings, "Ceilings"),
            (memory, "Peak of memory, by the allocator, over the predicted one"),
            (profiles, "Profiles that `runtime fit` can make, with their errors on networks held out"),
            (failed, "What failed"),
        )
        if rows
    ]
    return tables, {"ceilings": ceilings, "memory": memory, "profiles": profiles, "failed": failed}


def _profiles(store: Path, device_name: str) -> list[dict[str, Any]]:
    """A row for each setting with enough networks: errors of a profile held out, memory, and the command."""
    import shlex

    from complexity_theory.evidence.fitting import fit_profile
    from complexity_theory.evidence.loaders import load_table, settings

    found = []
    every = [setting for setting in settings(store) if setting["device_name"] == device_name]
    for setting in every:
        try:
            table = load_table(str(store), setting=setting)
            if len(table.frame) < FEWEST:
                continue
            profile = fit_profile(table, "profile")
        except InvalidInput:  # too few, or too much alike, to hold any out
            continue
        told = {name: value for name, value in setting.items() if len({row[name] for row in every}) > 1}
        name = "-".join([*told.values(), "profile"])
        where = [part for item in told.items() for part in ("--where", "=".join(item))]
        found.append(
            {
                **{name: value for name, value in setting.items() if name != "device_name"},
                "networks": profile.n,
                "error, known kin": profile.architecture.mape,
                "error, new kin": None if profile.kin is None else profile.kin.mape,
                "command": shlex.join(
                    ["complexity-theory", "runtime", "fit", str(store), *where, "-o", f"{name}.toml"]
                ),
            }
        )
    return found


def register(measure: App) -> None:
    """Adds the command of this module to those that measure."""
    measure.command(examples=["measure device --budget 9m --store gpu.sqlite"])(device)
