"""The commands `measure accuracy` and `measure errors`: scaled networks trained under one recipe, and what they say."""

from __future__ import annotations

import math
import shlex
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from complexity_theory.cli.app import App
from complexity_theory.cli.measure_device import HardwareOption, ThreadsOption
from complexity_theory.cli.measure_options import EngineName
from complexity_theory.cli.options import Format, FormatOption
from complexity_theory.core.errors import Interrupted, InvalidInput
from complexity_theory.core.text import say

if TYPE_CHECKING:
    import pandas as pd

    from complexity_theory.core.report import Table
    from complexity_theory.measurement.engines import Engine


def accuracy(
    study: Annotated[str, typer.Option(help="small, fashion, quick, or a .toml file.")] = "small",
    quick: Annotated[bool, typer.Option("--quick", help="The study quick: minutes on two CPU cores.")] = False,
    data: Annotated[
        str | None, typer.Option(help="synthetic, fashion-mnist, or a folder (default: as the study says).")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A recipe by name or a .toml file.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs of each cell.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="In place of the recipe's.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Runs at once (default: one for each core of a CPU, one on a GPU).")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="How long it may take, as 1h: what it cuts off goes on next time.")
    ] = None,
    store: Annotated[Path, typer.Option(help="The file of results; what it holds is not run again.")] = Path(
        "accuracy.sqlite"
    ),
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder of how far runs are (default: beside the store).")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="The .svg file to draw (default: beside the store).")] = None,
    export: Annotated[Path | None, typer.Option(help="A .csv file of the runs to write.")] = None,
    device: HardwareOption = "auto",
    threads: ThreadsOption = 1,
    engine: Annotated[EngineName, typer.Option(help="Where runs are made; on a cluster, one shared folder.")] = (
        EngineName.local
    ),
    address: Annotated[str | None, typer.Option(help="Of the Ray cluster (default: one on this machine).")] = None,
    time_limit: Annotated[str, typer.Option(help="After which a run is ended for good, as 6h.")] = "24h",
    retry: Annotated[bool, typer.Option("--retry", help="Go on with runs that failed.")] = False,
    form: FormatOption = Format.text,
) -> None:
    """Train scaled networks under one recipe, several seeds of each, and compare their errors at equal flops.

    Every epoch ends with a checkpoint beside the store: a run that is stopped goes on from there.
    """
    from complexity_theory.core.quantities import quantity
    from complexity_theory.measurement import sweep
    from complexity_theory.measurement.jobs import check_device
    from complexity_theory.measurement.paced import Paced
    from complexity_theory.measurement.progress import reporting
    from complexity_theory.measurement.training import results
    from complexity_theory.measurement.training import study as studies
    from complexity_theory.measurement.training.subject import forget_checkpoints

    check_device(device)
    if quick and study != "small":
        raise InvalidInput(f"--quick is a study of its own: not with --study {study}")
    if engine is EngineName.local and address is not None:
        raise InvalidInput("--address is that of a Ray cluster: it goes with --engine ray")
    if engine is EngineName.ray and not (budget is None and processes is None):
        raise InvalidInput("--budget and --processes are of this machine: not with --engine ray")
    seconds = math.inf if budget is None else quantity(budget, "seconds", "a budget")
    limit = quantity(time_limit, "seconds", "a time limit")
    planned = studies.load_accuracy_study(
        "quick" if quick else study, data=data, recipe=recipe, seeds=seeds, epochs=epochs
    )
    kept = (checkpoints or Path(f"{store}.checkpoints")).absolute()
    try:
        with closing(_engine(engine, device, threads, seconds, processes, address)) as at, reporting() as reporter:
            place = at.describe()
            chosen = planned.study(place["device"], str(kept), limit)
            ran, environment = sweep.measure(chosen, store, at, reporter, seed=None, retry=retry)
            if isinstance(at, Paced):
                at.alone()  # a step is timed with nothing beside it
            ran += sweep.measure(planned.timings(place["device"]), store, at, reporter)[0]
    except KeyboardInterrupt:
        again = shlex.join(["complexity-theory", *sys.argv[1:]])
        raise Interrupted(f"interrupted: finished runs are in {store}, others in {kept}; to go on: {again}") from None
    keys = [job.key for job in chosen.jobs]
    found = results.runs(store, environment, keys)
    forget_checkpoints(found, place, kept)
    if not len(found):
        say(f"no run has ended yet; the same command goes on with all {len(keys)}")
        return
    if not ran:
        say(f"nothing to do: all {len(keys)} runs are in {store} (--retry goes on with those that failed)")
    elif len(found) < len(keys):
        say(f"{len(found)} of {len(keys)} runs are in {store}; the same command goes on with the rest")
    _show(found, figure or store.with_suffix(".svg"), export, form)


def _engine(
    name: EngineName, device: str, threads: int | None, seconds: float, processes: int | None, address: str | None
) -> Engine:
    from complexity_theory.measurement.engines import Ray
    from complexity_theory.measurement.paced import Paced

    if name is EngineName.ray:
        return Ray(device, threads, address=address)
    return Paced(device, threads, seconds=seconds, processes=processes)


def errors(
    store: Annotated[
        Path | None,
        typer.Argument(metavar="STORE", help="A store of training runs (default: the study of this package)."),
    ] = None,
    form: FormatOption = Format.text,
) -> None:
    """What training runs say: the error of each strategy at equal flops, and which differences are more than chance."""
    from complexity_theory.core import report
    from complexity_theory.evidence import accuracy as evidence
    from complexity_theory.measurement.training import results

    if store is not None:
        found = results.runs(store)
        found = found[found["status"] == "ok"] if len(found) else found
    elif (shipped := evidence.shipped()) is not None:
        found = shipped
    else:
        raise InvalidInput("this package comes without a study: name a store of `measure accuracy`")
    if not len(found):
        raise InvalidInput(f"{store} holds no training run that has ended well: see `measure accuracy`")
    tables, data = _said(found)
    report.emit(form, tables, data)


def _show(found: pd.DataFrame, figure: Path, export: Path | None, form: Format) -> None:
    """Prints what the runs say, draws them, and writes them out where that is asked for; exit 1 where one failed."""
    from complexity_theory.core import files, report
    from complexity_theory.figures import accuracy as drawn
    from complexity_theory.figures import registry, style
    from complexity_theory.measurement.analysis import records
    from complexity_theory.measurement.training import results

    done = found[found["status"] == "ok"]
    failed = records(found.loc[found["status"] != "ok", ["network", "strategy", "factor", "seed", "status", "reason"]])
    tables, data = _said(done) if len(done) else ([], {"cells": [], "comparisons": [], "findings": []})
    if len(done):
        files.write(figure, style.svg(registry.figure(drawn.spec(), drawn.accuracy_data(done))), mark=files.MADE)
        say(f"drawn: {figure}")
        if export is not None:
            files.write(export, results.to_csv(found))
    shown = [*tables, *([report.Table(failed, "What failed")] if failed else [])]
    report.emit(form, shown, {**data, "failed": failed})
    if failed:
        raise typer.Exit(1)


def _said(runs: pd.DataFrame) -> tuple[list[Table], dict[str, Any]]:
    """What runs that went well say, as tables and as data."""
    from complexity_theory.core.report import Table
    from complexity_theory.evidence import accuracy as evidence
    from complexity_theory.measurement.analysis import records

    rows = records(evidence.summary(runs))
    try:
        compared = evidence.comparisons(runs)
        pairs, said = records(compared), list(evidence.words(compared))
    except InvalidInput as error:  # too few runs
        pairs, said = [], [f"Nothing is compared: {error}."]
    about = {name: runs[name].iloc[0] for name in ("data", "recipe", "device_name")}
    title = f"Error on the test images of {about['data']}, mean over seeds with 95% intervals; recipe {about['recipe']}"
    tables = [
        Table([_cell(row) for row in rows], f"{title}, trained on {about['device_name']}"),
        Table([{"differences at equal flops, all with 95% at once": line} for line in said]),
    ]
    return tables, {**about, "cells": rows, "comparisons": pairs, "findings": said}


def _cell(row: dict[str, Any]) -> dict[str, Any]:
    ends = "" if row["low"] is None else f" [{row['low']:.2%}, {row['high']:.2%}]"
    names = ("network", "strategy", "factor", "flops", "params", "acts", "resolution", "seeds")
    ms = {f"{name}, ms": row[name] and 1e3 * row[name] for name in ("measured", "predicted")}
    return {**{name: row[name] for name in names}, "error": f"{row['error']:.2%}{ends}", **ms}


def register(measure: App) -> None:
    """Adds the commands of this module to those that measure."""
    lines = [
        "measure accuracy --quick",
        "measure accuracy --study small --device cuda --budget 10m --store small.sqlite",
    ]
    measure.command(examples=lines)(accuracy)
    measure.command(examples=["measure errors", "measure errors accuracy.sqlite"])(errors)
