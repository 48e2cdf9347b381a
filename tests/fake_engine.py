"""Workers that measure nothing: modules that misbehave, an engine without processes, and a sweep to be killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from complexity_theory.measurement.engines import Engine
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, LayerSubject, Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.sweep import run

PLACE = {"device": "cpu", "device_name": "fake", "torch": "0", "threads": 1}
CONDITIONS = {"load": 0.5, "started": "2026-11-22T00:00:00+00:00", "version": "0", "commit": None}
RULES = Protocol(rounds=2, min_time=0.1, max_time=0.2, budget=1.0)


def jobs(n: int) -> list[Job]:
    """Different jobs."""
    return [Job(LayerSubject(width=8 * (i + 1), kernel=3, group_width=None, resolution=7)) for i in range(n)]


def measured(task: Task, samples: Sequence[float] = (1e-3,) * 4) -> Outcome:
    """What a worker says of a task that went well."""
    counts = {name: task.job.description[name] for name in ("flops", "params", "acts")}
    result = {"samples": [*samples], "device_samples": [*samples], "block": 1, "counts": counts}
    return Outcome("ok", result={**result, "peak_memory": 1000, "shares": {"forward": 1.0}, "conditions": CONDITIONS})


class FakeEngine(Engine):
    """Answers each task by a function, in this process."""

    def __init__(self, answer: Callable[[Task], Outcome] = measured) -> None:
        super().__init__("cpu")
        self.answer = answer
        self.ran: list[Task] = []

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        return Outcome("ok", result=PLACE)

    def run(self, tasks: Iterable[Task], rules: Protocol, place: Mapping[str, Any]) -> Iterator[tuple[Task, Outcome]]:
        for task in tasks:
            self.ran.append(task)
            yield task, self.answer(task)


class Silent:
    """Reports nothing."""

    def begin(self, tasks: Sequence[Task], to_come: int) -> None:
        return

    def end(self, task: Task, outcome: Outcome) -> None:
        return

    def wait(self, rounds: int) -> None:
        return


class LateStore(Store):
    """A store with its protection removed: one transaction over all, committed at the end."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._db.execute("BEGIN")

    def _transaction(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()

    def close(self) -> None:
        self._db.execute("COMMIT")
        super().close()


class Greedy(Store):
    """A store with its protection removed: whoever asks gets the task."""

    def claim(self, task: Task, environment: str, seconds: float) -> bool:
        return True


class Noting(Silent):
    """Notes in a file each round that is kept."""

    def __init__(self, log: str) -> None:
        self.log = log

    def end(self, task: Task, outcome: Outcome) -> None:
        note(self.log, "kept", task)


def note(log: str, what: str, task: Task) -> None:
    """Adds a line, whole, whoever else does."""
    with Path(log).open("a") as file:
        file.write(f"{what} {task.job.key} {task.number}\n")


def sweep_to_be_killed(path: str, log: str, n: str, store: str = "Store") -> None:
    """A sweep of ``n`` jobs that notes each round in ``log`` before it is begun and when it is kept."""

    def answer(task: Task) -> Outcome:
        note(log, "begun", task)
        time.sleep(0.002)
        return measured(task)

    opened = {"Store": Store, "LateStore": LateStore, "Greedy": Greedy}[store](path)
    run(jobs(int(n)), opened, FakeEngine(answer), RULES, Noting(log), place=PLACE)
    opened.close()


def hang() -> dict[str, Any]:
    """Never returns."""
    while True:
        time.sleep(60)


def die() -> dict[str, Any]:
    """Takes its process along."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def allocate() -> dict[str, Any]:
    """Asks for more memory than there is."""
    import torch

    return {"size": torch.empty(2**50).numel()}


def fine() -> dict[str, Any]:
    """Does well."""
    return {}


def surrogate() -> dict[str, Any]:
    """Says what no file can hold, and what steers a terminal."""
    raise ValueError("a lone \udc80 and \x1b[31m red")


class Untellable(Exception):  # noqa: N818
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def untellable() -> dict[str, Any]:
    """Raises what cannot be told."""
    raise Untellable


def novel() -> dict[str, Any]:
    """Says too much."""
    raise ValueError("x" * 10**6)


def pid_of_child(file: str) -> dict[str, Any]:
    """Notes its process and never returns."""
    Path(file).write_text(str(os.getpid()))
    return hang()


if __name__ == "__main__":
    sweep_to_be_killed(*sys.argv[1:])
