"""Runs a study with its progress and prints what it measured: what the commands of `measure` share."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from complexity_theory.cli.measure_options import Execution
from complexity_theory.cli.printing import show
from complexity_theory.core.errors import Interrupted

if TYPE_CHECKING:
    from complexity_theory.measurement.studies import Study


def run(study: Study, execution: Execution) -> None:
    """Runs a study and prints its jobs; exit 1 where one failed."""
    from complexity_theory.measurement.progress import reporting
    from complexity_theory.verbs import measuring

    study = replace(study, rules=execution.rules(study.rules))
    try:
        with reporting() as reporter:
            found = measuring.run(
                study, execution.store, execution.start(), reporter, seed=execution.seed, retry=execution.retry
            )
    except KeyboardInterrupt:
        again = shlex.join(["complexity-theory", *sys.argv[1:]])
        raise Interrupted(f"interrupted: all finished rounds are in {execution.store}; to go on: {again}") from None
    show(found, execution.form)
    if found.failed:
        raise typer.Exit(1)
