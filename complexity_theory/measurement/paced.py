"""An engine that keeps to an order and to a time: tasks one by one or several at once, none begun after its end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, final

from complexity_theory.measurement.engines import Engine
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.resident import Resident

COMPILE = "complexity_theory.measurement.worker:compile_ahead"
LEAST = 2.0  # seconds under which nothing is begun


@final
class Paced(Engine):
    """This machine: tasks in their order by ``processes`` workers at once, until ``seconds`` from now are over.

    On a GPU each worker is one process that lives on from task to task, until one fails: there, the start of a process
    takes longer than a round. On a CPU each task has a fresh one, which tells what memory it needs. A task that the end
    cuts off has no outcome, and is left for another time. ``processes`` None: as many as a CPU has cores, one on a GPU.
    """

    def __init__(
        self,
        device: str = "auto",
        threads: int | None = None,
        *,
        seconds: float = math.inf,
        processes: int | None = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(device, threads)
        self._clock, self._end = clock, clock() + seconds
        self._processes = processes
        self._lives_on = device != "cpu"
        self._workers = [Resident(spawned=self._lives_on) for _ in range(processes or 1)]
        self._closed = False

    @property
    def left(self) -> float:
        """Seconds until its end."""
        return self._end - self._clock()

    def describe(self) -> dict[str, Any]:
        """The environment in which its workers run. Raises InvalidInput where it has no such device."""
        place = super().describe()
        if place["device"] == "cpu":
            self._lives_on = False
            self._workers[0].close()
            at_once = self._processes or max(1, place["cpus"] // place["threads"])
            self._workers = [Resident() for _ in range(at_once)]
        return place

    def alone(self) -> None:
        """From now on one task at a time."""
        for worker in self._workers[1:]:
            worker.close()
        self._workers = self._workers[:1]

    def close(self) -> None:
        """Ends its processes."""
        self._closed = True
        for worker in self._workers:
            worker.kill()

    def ahead(self, tasks: Sequence[Task], rules: Protocol, place: Mapping[str, Any], *, limit: float) -> None:
        """Has torch's compiler do its part of the tasks, all at once and each in a process of its own.

        What it makes is kept on disk, for the workers that are to run them; what fails here will fail there, and be
        told. ``limit``: seconds that it may take.
        """
        limit = min(limit, self.left)

        def compiled(task: Task) -> None:
            worker = Resident(spawned=True)
            try:
                worker.call(COMPILE, task, rules, place, limit=limit)
            finally:
                worker.close()

        with ThreadPoolExecutor(max(1, len(tasks))) as pool:
            list(pool.map(compiled, tasks))

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        return self._workers[0].call(function, *arguments, limit=limit)

    def run(self, tasks: Iterable[Task], rules: Protocol, place: Mapping[str, Any]) -> Iterator[tuple[Task, Outcome]]:
        waiting, free = iter(tasks), list(self._workers)
        running: dict[Future[Outcome | None], tuple[Task, Resident]] = {}
        pool = ThreadPoolExecutor(len(free))
        try:
            while True:
                while free and not self._closed and self.left > LEAST and (task := next(waiting, None)) is not None:
                    worker = free.pop()
                    running[pool.submit(self._run, worker, task, rules, place)] = task, worker
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    task, worker = running.pop(future)
                    free.append(worker)
                    if (outcome := future.result()) is not None:
                        yield task, outcome
        finally:
            if running:  # the caller is interrupted, or has had enough
                self.close()
            pool.shutdown()

    def _run(self, worker: Resident, task: Task, rules: Protocol, place: Mapping[str, Any]) -> Outcome | None:
        """The outcome of a task, or None where the end of the engine cut it off."""
        limit = min(rules.limit, self.left)
        outcome = worker.call(task.job.subject.entry, task, rules, place, limit=limit)
        if not self._lives_on:
            worker.close()
        cut = outcome.status == "timeout" and limit < rules.limit
        return None if cut or self._closed else outcome
