"""The command `measure accuracy`: scaled networks trained under one recipe, and what their errors say."""

from __future__ import annotations

import math
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from complexity_theory.cli.measure_device import DeviceOption, ThreadsOption, seconds_of
from complexity_theory.cli.options import Format, FormatOption
from complexity_theory.core.errors import InvalidInput


def accuracy(
    study: Annotated[str, typer.Option(help="small, fashion, quick, or a .toml file.")] = "small",
    quick: Annotated[bool, typer.Option("--quick", help="The study quick: minutes on two CPU cores.")] = False,
    data: Annotated[
        str | None, typer.Option(help="synthetic, fashion-mnist, or a folder (default: as the study says).")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A recipe by name or a .toml file.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs of each cell.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="In place of the recipe's.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Runs at once.")] = 1,
    budget: Annotated[
        str | None, typer.Option(help="How long it may take, as 1h: what it cuts off goes on next time.")
    ] = None,
    store: Annotated[Path, typer.Option(help="The file of results; what it holds is not run again.")] = Path(
        "accuracy.sqlite"
    ),
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder of how far runs are (default: beside the store).")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = 1,
    time_limit: Annotated[str, typer.Option(help="After which a run is ended for good, as 6h.")] = "24h",
    retry: Annotated[bool, typer.Option("--retry", help="Go on with runs that failed.")] = False,
    form: FormatOption = Format.text,
) -> None:
    """Train scaled networks under one recipe, several seeds of each, and compare their errors at equal flops.

    Every epoch ends with a checkpoint beside the store: a run that is stopped goes on from there.
    """
    from complexity_theory.measurement import sweep
    from complexity_theory.measurement.jobs import check_device
    from complexity_theory.measurement.paced import Paced
    from complexity_theory.measurement.progress import reporting
    from complexity_theory.measurement.training import study as studies

    check_device(device)
    if quick and study != "small":
        raise InvalidInput(f"--quick is a study of its own: not with --study {study}")
    seconds = math.inf if budget is None else seconds_of(budget)
    planned = studies.load("quick" if quick else study, data=data, recipe=recipe, seeds=seeds, epochs=epochs)
    kept = (checkpoints or Path(f"{store}.checkpoints")).absolute()
    try:
        with closing(Paced(device, threads, seconds=seconds, processes=processes)) as engine, reporting() as reporter:
            chosen = planned.study(engine.describe()["device"], str(kept), seconds_of(time_limit))
            runs, environment = sweep.measure(chosen, store, engine, reporter, seed=None, retry=retry)
    except KeyboardInterrupt:
        again = shlex.join(["complexity-theory", *sys.argv[1:]])
        _say(f"interrupted: finished runs are in {store}, others in {kept}; to go on: {again}")
        raise typer.Exit(130) from None
    keys = [job.key for job in chosen.jobs]
    _show(store, environment, keys, ran=runs, form=form)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _show(store: Path, environment: str, keys: list[str], *, ran: int, form: Format) -> None:
    """Prints what is known of the study's runs; exit 1 where one failed."""
    from complexity_theory.core import report
    from complexity_theory.measurement.store import rows as rows_of
    from complexity_theory.measurement.training import results
    from complexity_theory.measurement.training.subject import KIND

    if not rows_of(store, [KIND]):
        _say(f"no run has ended yet; the same command goes on with all {len(keys)}")
        return
    frame = results.runs(store)
    frame = frame[(frame["environment"] == environment) & frame["job"].isin(keys)]
    done, failed = frame[frame["status"] == "ok"], frame[frame["status"] != "ok"]
    if not ran:
        _say(f"nothing to do: all {len(keys)} runs are in {store} (--retry goes on with those that failed)")
    elif len(frame) < len(keys):
        _say(f"{len(frame)} of {len(keys)} runs are in {store}; the same command goes on with the rest")
    rows = [
        {
            "network": network,
            "strategy": strategy,
            "factor": factor,
            **{name: int(group[name].iloc[0]) for name in ("flops", "params", "acts")},
            "seeds": len(group),
            "error": f"{group['error'].mean():.2%}",
            "seconds": group["seconds"].mean(),
        }
        for (network, strategy, factor), group in done.groupby(["network", "strategy", "factor"], sort=False)
    ]
    reasons = failed[["network", "strategy", "factor", "seed", "status", "reason"]].to_dict("records")
    tables = [report.Table(rows, "Error on the test images, mean over seeds")]
    report.emit(
        form,
        [*tables, *([report.Table(reasons, "What failed")] if reasons else [])],
        {"cells": rows, "failed": reasons},
    )
    if reasons:
        raise typer.Exit(1)


def register(measure: typer.Typer) -> None:
    """Adds the command of this module to those that measure."""
    measure.command()(accuracy)
