"""All that is worth knowing of one device, in order of value, cut where a budget of time ends. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from complexity_theory.measurement import studies, sweep
from complexity_theory.measurement.jobs import Job, Task
from complexity_theory.measurement.paced import Paced
from complexity_theory.measurement.studies import Study
from complexity_theory.measurement.sweep import Reporter

COMPILING = 120.0  # seconds that compiling ahead may take


@dataclass(frozen=True, slots=True)
class Measured:
    """What a call of ``measure`` did: rounds run, and the key of the environment; jobs with a row now, and all jobs."""

    rounds: int
    environment: str
    done: int
    jobs: int


def study(device: str, more: Sequence[Job] = ()) -> Study:
    """What is measured of a device ("cpu" or "cuda"), the most valuable first; ``more`` before what is compiled.

    >>> study("cpu").jobs[0].subject.label
    'ResNet-18'
    """
    found = studies.load(f"device-{device}")
    eager = [job for job in found.jobs if not _compiled(job)]
    return replace(found, jobs=(*eager, *more, *(job for job in found.jobs if _compiled(job))))


def measure(planned: Study, path: str | Path, engine: Paced, reporter: Reporter) -> Measured:
    """Measures what the store at ``path`` does not hold, until the engine's time is over.

    One round of each job in order, those of the compiler last (on a GPU it does its part for all of them at once); then
    the other rounds. Raises InvalidInput as ``sweep.measure`` does.
    """
    first = replace(planned.rules, rounds=1, budget=1e-6)
    eager = tuple(job for job in planned.jobs if not _compiled(job))
    rounds, environment = sweep.measure(Study(eager, first), path, engine, reporter, seed=None)
    place = engine.describe()
    stored = sweep.stored(path, engine)
    missing = [job for job in planned.jobs if _compiled(job) and job.key not in stored]
    if missing and place["device"] == "cuda" and engine.left > 0:
        tasks = [
            Task(job=j, number=0, batch=j.settings.batch, device=engine.device, threads=place["threads"])
            for j in missing
        ]
        engine.ahead(tasks, place, limit=COMPILING)
    for rules in (first, planned.rules):
        rounds += sweep.measure(Study(planned.jobs, rules), path, engine, reporter, seed=None)[0]
    stored = sweep.stored(path, engine)
    return Measured(rounds, environment, sum(job.key in stored for job in planned.jobs), len(planned.jobs))


def _compiled(job: Job) -> bool:
    return job.settings.execution == "compiled"
