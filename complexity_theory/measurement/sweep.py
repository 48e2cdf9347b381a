"""Sweeps: the rounds of many jobs in random order, each stored as it ends; all state is in the store."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from complexity_theory.measurement import schema
from complexity_theory.measurement import store as stores
from complexity_theory.measurement.engines import Engine
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, ModuleSubject, Subject, Task, ceilings, identity
from complexity_theory.measurement.protocol import Protocol as Rules
from complexity_theory.measurement.protocol import is_noisy
from complexity_theory.measurement.store import Attempt, Store
from complexity_theory.measurement.studies import Study

PAUSES = (0.05, 2.0)  # seconds between looks at what other processes have done: at first, and at most


class Reporter(Protocol):
    """Who is told how a sweep goes."""

    def begin(self, tasks: Sequence[Task], to_come: int) -> None:
        """A pass begins: its tasks in order; ``to_come``: rounds to run after it, as far as is known."""

    def end(self, task: Task, outcome: Outcome) -> None:
        """A task has ended and is stored."""

    def wait(self, rounds: int) -> None:
        """All that is left to do, so many rounds, other processes are doing now."""


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
    """The jobs, each once, after the ceilings of the device at each of their dtypes."""
    dtypes = dict.fromkeys(job.settings.dtype for job in jobs if job.subject.timed)
    every = [*(job for dtype in dtypes for job in ceilings(place["device"], dtype)), *jobs]
    return list({job.key: job for job in reversed(every)}.values())[::-1]


def looked_up(study: Study, engine: Engine) -> Study:
    """The study with its modules as the engine's workers find them, so that a module that was changed is another one.

    Raises InvalidInput where they find none of that name. What the callable then does is its own: a module that cannot
    be made is measured in vain, and its row says why.
    """
    seen: dict[Subject, Subject] = {}
    for job in study.jobs:
        if isinstance(job.subject, ModuleSubject) and job.subject.found is None and job.subject not in seen:
            engine.check(job.subject.path)
            seen[job.subject] = replace(job.subject, found=engine.look(job.subject))
    return replace(study, jobs=tuple(replace(job, subject=seen.get(job.subject, job.subject)) for job in study.jobs))


def stored(path: str | Path, engine: Engine) -> dict[str, list[Attempt]]:
    """The attempts that a store holds of the engine's environment, by job key: none where there is no file.

    Raises InvalidInput for a file that is no store, or a device that is not there.
    """
    environment = identity(engine.describe())
    return stores.stored(path, environment) if Path(path).exists() else {}


def measure(
    study: Study, path: str | Path, engine: Engine, reporter: Reporter, *, seed: int | None = 0, retry: bool = False
) -> tuple[int, str]:
    """Measures what the store at ``path`` does not hold of a study, with the device's ceilings.

    ``retry``: what failed before is run again. Returns the number of rounds that were run and the key of the
    environment they belong to. Raises InvalidInput for a file that is no store, and before a file is made for jobs that
    cannot be built, a device that is not there or a module that no worker finds.
    """
    schema.check_writable(path)
    place = engine.describe()
    jobs = with_ceilings(looked_up(study, engine).jobs, place)
    with closing(Store(path)) as store:
        environment = store.add_environment(place)
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
    that is None, in the order of the jobs, those with fewest rounds first. Processes with the same store share the
    rounds: each takes what no other is at. An engine that leaves tasks of a pass has no time for more.
    ``place``: the environment, as ``engine.describe`` gives it.
    """
    environment = store.add_environment(place)
    jobs = list({job.key: job for job in jobs}.values())
    store.add_jobs(jobs)
    shuffle, ran, pause = random.Random(seed).shuffle, 0, PAUSES[0]
    while True:
        stored = store.attempts(environment)
        found = (next_task(job, stored.get(job.key, []), rules, engine.device, place["threads"]) for job in jobs)
        tasks = [task for task in found if task is not None]
        if not tasks:
            return ran
        if seed is None:
            tasks.sort(key=lambda task: sum(a.status == "ok" for a in stored.get(task.job.key, [])))
        else:
            shuffle(tasks)
        reporter.begin(tasks, sum(max(0, rules.rounds - task.number - 1) for task in tasks))
        left, before = iter(tasks), ran
        mine = (task for task in left if store.claim(task, environment, 2 * rules.limit + 60))
        for task, outcome in engine.run(mine, rules, place):
            store.add(task, environment, outcome)
            ran += 1
            reporter.end(task, outcome)
        if next(left, None) is not None:
            return ran
        pause = PAUSES[0] if ran > before else min(2 * pause, PAUSES[1])
        if ran == before:
            reporter.wait(len(tasks))
            time.sleep(pause)
