"""All that is worth knowing of one device, in order of value, cut where a budget of time ends. No torch here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from complexity_theory.measurement import studies, sweep
from complexity_theory.measurement.jobs import Job, Task
from complexity_theory.measurement.paced import Paced
from complexity_theory.measurement.studies import Study
from complexity_theory.measurement.sweep import Reporter
from complexity_theory.measurement.training import images
from complexity_theory.measurement.training import recipe as recipes
from complexity_theory.measurement.training.subject import TrainingSubject, job

COMPILING = 120.0  # seconds that compiling ahead may take


@dataclass(frozen=True, slots=True)
class StudyRun:
    """What a call of ``measure`` did: rounds run, and the key of the environment; jobs with a row now, and all jobs."""

    rounds: int
    environment: str
    done: int
    jobs: int


def study(device: str) -> Study:
    """What is measured of a device ("cpu" or "cuda"), the most valuable first, a training run before what is compiled.

    >>> study("cpu").jobs[0].subject.label
    'ResNet-18'
    """
    found = studies.load_study(f"device-{device}")
    eager, compiled = ([j for j in found.jobs if _compiled(j) is wanted] for wanted in (False, True))
    return replace(found, jobs=(*eager, cell(device), *compiled))


def cell(device: str) -> Job:
    """One run of training, to see that it works on the device: with mixed precision where it is a GPU."""
    recipe = replace(recipes.load_recipe("quick"), precision="bf16")
    return job(TrainingSubject("RegNetY-2MF", "dWr", 4, recipe, images.find(images.SYNTHETIC), seed=0), device)


def measure(planned: Study, path: str | Path, engine: Paced, reporter: Reporter) -> StudyRun:
    """Measures what the store at ``path`` does not hold, until the engine's time is over.

    One round of each job in order, those of the compiler last (on a GPU it does its part for all of them at once); then
    the other rounds. Raises InvalidInput as ``sweep.measure`` does.
    """
    first = replace(planned.rules, rounds=1, budget=1e-6)
    eager = tuple(j for j in planned.jobs if not _compiled(j))
    rounds, environment = sweep.measure(Study(eager, first), path, engine, reporter, seed=None)
    place = engine.describe()
    stored = sweep.stored(path, engine)
    missing = [j for j in planned.jobs if _compiled(j) and j.key not in stored]
    if missing and place["device"] == "cuda" and engine.left > 0:
        tasks = [
            Task(job=j, number=0, batch=j.settings.batch, device=engine.device, threads=place["threads"])
            for j in missing
        ]
        engine.ahead(tasks, first, place, limit=COMPILING)
    for rules in (first, planned.rules):
        rounds += sweep.measure(Study(planned.jobs, rules), path, engine, reporter, seed=None)[0]
    stored = sweep.stored(path, engine)
    return StudyRun(rounds, environment, sum(j.key in stored for j in planned.jobs), len(planned.jobs))


def _compiled(planned: Job) -> bool:
    return planned.settings.execution == "compiled"
