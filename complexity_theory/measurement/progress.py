"""How a sweep goes, on standard error: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Task
from complexity_theory.measurement.protocol import is_noisy, quartiles
from complexity_theory.measurement.sweep import Reporter


def result(task: Task, outcome: Outcome) -> str:
    """What became of a task, in a line: the median of this round and half its interquartile range, or the reason.

    >>> from complexity_theory.measurement.studies import expand
    >>> (job,) = expand({"layers": "conv"})
    >>> task = Task(job=job, number=0, batch=1, device="cpu", threads=1)
    >>> result(task, Outcome("ok", result={"samples": [0.010, 0.011, 0.010, 0.010]}))
    'conv 3x3 w64 r56 b1: 10 ms ± 1%'
    """
    if outcome.status != "ok":
        return f"{task.job}: {outcome.status}, {outcome.reason}"
    if "error" in outcome.result:
        return f"{task.job}: error {outcome.result['error']:.2%} after {len(outcome.result['epochs'])} epochs"
    samples = outcome.result["samples"]
    p25, median, p75 = quartiles(samples)
    noisy = ", noisy" if is_noisy(samples) else ""
    return f"{task.job}: {1e3 * median:.4g} ms ± {50 * (p75 - p25) / median:.0f}%{noisy}"


class Lines:
    """A line for each round, with the time left as the mean round so far has it."""

    def __init__(self) -> None:
        self._begun, self._done, self._planned, self._waited = time.monotonic(), 0, 0, 0

    def begin(self, tasks: Sequence[Task], to_come: int) -> None:
        """Notes what is to be done."""
        self._planned = self._done + len(tasks) + to_come

    def end(self, task: Task, outcome: Outcome) -> None:
        """Prints a line."""
        self._done += 1
        left = (time.monotonic() - self._begun) / self._done * (self._planned - self._done)
        print(f"[{self._done}/{self._planned}] {result(task, outcome)} (about {left:.0f} s left)", file=sys.stderr)

    def wait(self, rounds: int) -> None:
        """Says, once for each number of rounds, that others are at them."""
        if rounds != self._waited:
            print(f"waiting for {rounds} rounds that other processes run", file=sys.stderr)
        self._waited = rounds


class Bar:
    """A bar with the job in work, the time left and the last result; failures stay above it."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._waiting = progress, list[Task]()
        self._bar = progress.add_task("starting", total=None, last="")

    def begin(self, tasks: Sequence[Task], to_come: int) -> None:
        """Sets the length of the bar."""
        self._waiting = list(tasks)
        done = int(self._progress.tasks[self._bar].completed)
        self._progress.update(self._bar, total=done + len(tasks) + to_come, description=str(tasks[0].job))

    def end(self, task: Task, outcome: Outcome) -> None:
        """Moves the bar."""
        self._waiting.remove(task)
        now = str(self._waiting[0].job) if self._waiting else ""
        self._progress.update(self._bar, advance=1, description=now, last=result(task, outcome))
        if outcome.status != "ok":
            self._progress.console.print(result(task, outcome), markup=False)

    def wait(self, rounds: int) -> None:
        """Says that others are at what is left."""
        self._progress.update(self._bar, description=f"waiting for {rounds} rounds of other processes")


@contextmanager
def reporting() -> Iterator[Reporter]:
    """The reporter that fits standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[last]}", markup=False), console=console) as progress:
        yield Bar(progress)
