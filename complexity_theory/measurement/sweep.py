"""Sweeps: the rounds of many jobs in random order, each stored as it ends; all state is in the store."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from complexity_theory.measurement.engines import Engine
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, ModuleSubject, Task, ceilings, identity
from complexity_theory.measurement.protocol import Protocol as Rules
from complexity_theory.measurement.protocol import is_noisy
from complexity_theory.measurement.store import Attempt, Store
from complexity_theory.measurement.studies import Study


class Reporter(Protocol):
    """Who is told how a sweep goes."""

    def begin(self, tasks: Sequence[Task], to_come: int) -> None:
        """A pass begins: its tasks in order; ``to_come``: rounds to run after it, as far as is known."""

    def end(self, task: Task, outcome: Outcome) -> None:
        """A task has ended and is stored."""


def next_task(job: Job, attempts: Sequence[Attempt], rules: Rules, device: str, threads: int) -> Task | None:
    """What is to be run next of a job with these attempts behind it, or None where it is done.

    A job is done after ``rules.rounds`` rounds if it is quiet, or has been sampled for ``rules.budget`` seconds; a
    noisy one gets further rounds until then. A failed round ends it, except that out of memory halves a searched batch.
    """

    def task(batch: int) -> Task:
        return Task(job=job, number=len(attempts), batch=batch, device=device, threads=threads)

    if not attempts:
        return task(job.settings.batch)
    last = attempts[-1]
    if last.status == "oom" and job.settings.search and last.batch > 1:
        return task(last.batch // 2)
    if last.status != "ok" or job.subject.once:
        return None
    rounds = [attempt for attempt in attempts if attempt.status == "ok" and attempt.batch == last.batch]
    samples = [sample for attempt in rounds for sample in attempt.samples]
    sampled = sum(attempt.seconds for attempt in rounds)
    enough = len(rounds) >= rules.rounds and (sampled >= rules.budget or not is_noisy(samples))
    return None if enough else task(last.batch)


def rounds_left(job: Job, attempts: Sequence[Attempt], rules: Rules) -> int:
    """How many rounds a job needs yet, at least: more if it proves noisy."""
    if next_task(job, attempts, rules, device="", threads=1) is None:
        return 0
    return max(1, rules.rounds - sum(attempt.status == "ok" for attempt in attempts))


def seconds(rounds: int, rules: Rules) -> tuple[float, float]:
    """How long a number of rounds may take: where calls are short and all is quiet, and where rounds use their time."""
    start = 0.5  # of a process, with the building of the module
    return rounds * (start + rules.min_time), rounds * (start + rules.warmup + rules.max_time)


def with_ceilings(jobs: Sequence[Job], place: Mapping[str, Any]) -> list[Job]:
    """The jobs, each once, after the ceilings of the device at each dtype of those that are timed in rounds."""
    dtypes = dict.fromkeys(job.settings.dtype for job in jobs if not job.subject.once)
    return list(dict.fromkeys([*(job for dtype in dtypes for job in ceilings(place["device"], dtype)), *jobs]))


def stored(path: str | Path, engine: Engine) -> dict[str, list[Attempt]]:
    """The attempts that a store holds of the engine's environment, by job key: none where there is no file.

    Raises InvalidInput for a file that is no store, or a device that is not there.
    """
    if not Path(path).exists():
        engine.describe()
        return {}
    with closing(Store(path)) as store:
        return store.attempts(identity(engine.describe()))


def measure(
    study: Study, path: str | Path, engine: Engine, reporter: Reporter, *, seed: int | None = 0, retry: bool = False
) -> tuple[int, str]:
    """Measures what the store at ``path`` does not hold of a study, with the device's ceilings.

    ``retry``: what failed before is run again. Returns the number of rounds that were run and the key of the
    environment they belong to. Raises InvalidInput for a file that is no store, and before a file is made for jobs that
    cannot be built, a device that is not there or a module that no worker finds.
    """
    if Path(path).exists():
        Store(path).close()
    descriptions = [job.description for job in study.jobs]
    place = engine.describe()
    for name in dict.fromkeys(row["network"] for row in descriptions if row["kind"] == ModuleSubject.kind):
        engine.check(name)
    with closing(Store(path)) as store:
        environment = store.add_environment(place)
        jobs = with_ceilings(study.jobs, place)
        if retry:
            store.forget_failures(jobs, environment)
        return run(jobs, store, engine, study.rules, reporter, place=place, seed=seed), environment


def run(
    jobs: Sequence[Job],
    store: Store,
    engine: Engine,
    rules: Rules,
    reporter: Reporter,
    *,
    place: Mapping[str, Any],
    seed: int | None = 0,
) -> int:
    """Runs what is not done yet of the jobs, and returns the number of rounds that were run.

    Rounds are interleaved: every pass takes one round of each unfinished job, in an order drawn from ``seed``; where
    that is None, in the order of the jobs, those with fewest rounds first. An engine that leaves tasks of a pass
    without an outcome has no time for more. ``place``: the environment, as ``engine.describe`` gives it.
    """
    environment = store.add_environment(place)
    store.add_jobs(jobs)
    shuffle, ran = random.Random(seed).shuffle, 0

    def rounds_of(task: Task) -> int:
        return sum(attempt.status == "ok" for attempt in stored.get(task.job.key, []))

    while True:
        stored = store.attempts(environment)
        found = (next_task(job, stored.get(job.key, []), rules, engine.device, place["threads"]) for job in jobs)
        tasks = [task for task in found if task is not None]
        if not tasks:
            return ran
        if seed is None:
            tasks.sort(key=rounds_of)
        else:
            shuffle(tasks)
        before = ran
        reporter.begin(tasks, sum(max(0, rules.rounds - task.number - 1) for task in tasks))
        for task, outcome in engine.run(tasks, rules, place):
            store.add(task, environment, outcome)
            ran += 1
            reporter.end(task, outcome)
        if ran - before < len(tasks):
            return ran
