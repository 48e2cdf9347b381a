"""Training runs without workers, and one that is to be killed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from complexity_theory.measurement import environment
from complexity_theory.measurement.hardware import Cpu
from complexity_theory.measurement.jobs import Job, Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.training import loop
from tests.fake_images import RECIPE, tiny

RULES = Protocol(rounds=1, limit=120.0)
EPOCHS = 150  # of a run that is to be killed: seconds


def task(job: Job) -> Task:
    """The one round of a training run."""
    return Task(job=job, number=0, batch=job.settings.batch, device="cpu", threads=1)


def place() -> dict[str, Any]:
    """This machine."""
    return environment.describe(Cpu(), threads=1)


def known(result: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on the clock."""
    epochs = [{name: row[name] for name in ("epoch", "loss", "error", "error_top5")} for row in result["epochs"]]
    same = ("weights", "error", "error_low", "error_high", "error_top5", "counts")
    return {**{name: result[name] for name in same}, "epochs": epochs}


def train_to_be_killed(folder: str, checkpoints: str, out: str, begun: str) -> None:
    """A run that says when it has begun, and what came of it."""
    job = tiny(Path(folder), checkpoints, replace(RECIPE, epochs=EPOCHS))
    Path(begun).touch()
    Path(out).write_text(json.dumps(known(loop.train(task(job), RULES, place()))))
