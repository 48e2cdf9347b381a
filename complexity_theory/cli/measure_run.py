"""Runs a study with its progress and prints what it measured: what the commands of `measure` share."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from complexity_theory.cli.measure_options import Execution
from complexity_theory.core.errors import Interrupted
from complexity_theory.core.text import say

if TYPE_CHECKING:
    from complexity_theory.measurement.jobs import Job
    from complexity_theory.measurement.studies import Study


def run(study: Study, execution: Execution) -> None:
    """Runs a study and prints its jobs; exit 1 where one failed."""
    from complexity_theory.measurement import sweep
    from complexity_theory.measurement.progress import reporting

    study = replace(study, rules=execution.rules(study.rules))
    try:
        with closing(execution.start()) as engine, reporting() as reporter:
            study = sweep.looked_up(study, engine)
            rounds, environment = sweep.measure(
                study, execution.store, engine, reporter, seed=execution.seed, retry=execution.retry
            )
    except KeyboardInterrupt:
        again = shlex.join(["complexity-theory", *sys.argv[1:]])
        raise Interrupted(f"interrupted: all finished rounds are in {execution.store}; to go on: {again}") from None
    if not rounds:
        say(f"nothing to do: all {len(study.jobs)} jobs are in {execution.store} (--retry runs failed ones again)")
    _show(study.jobs, environment, execution)


def _show(jobs: Iterable[Job], environment: str, execution: Execution) -> None:
    """Prints a row for each of the jobs."""
    from complexity_theory.core import report
    from complexity_theory.graph.complexity import METRICS
    from complexity_theory.measurement.analysis import records
    from complexity_theory.measurement.frame import read

    frame = read(execution.store)
    frame = frame[frame.environment == environment].set_index("job", drop=False)
    frame = frame.loc[[job.key for job in jobs]].drop(columns=["samples", "conditions", "description"], errors="ignore")
    measured = records(frame)
    rows = [
        {
            "job": str(job),
            "batch": row["batch"],
            **{metric: row[metric] for metric in METRICS},
            "ms": row["median"] and 1e3 * row["median"],
            "IQR": row["median"] and f"{(row['p75'] - row['p25']) / row['median']:.0%}",
            "n": row["n"],
            "roofline": row["roofline"] and f"{row['roofline']:.0%}",
            "status": "noisy" if row["noisy"] else row["status"],
            "reason": row["reason"],
        }
        for job, row in zip(jobs, measured, strict=True)
    ]
    report.emit(execution.form, [report.Table(rows)], measured)
    if (frame.status != "ok").any():
        raise typer.Exit(1)
