"""An engine that keeps to an order and to a time: tasks one by one or several at once, none begun after its end."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, final

from complexity_theory.measurement.engines import Engine
from complexity_theory.measurement.isolate import Outcome, isolated
from complexity_theory.measurement.jobs import Task
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.resident import Resident

COMPILE = "complexity_theory.measurement.worker:compile_ahead"
LEAST = 2.0  # seconds under which nothing is begun


@final
class Paced(Engine):
    """This machine: tasks in their order by ``processes`` workers at once, until ``seconds`` from now are over.

    ``resident``: each worker is one process that lives on from task to task, until one fails. A task that the end cuts
    off has no outcome, and is left for another time.
    """

    def __init__(
        self,
        device: str = "auto",
        threads: int | None = None,
        *,
        seconds: float = math.inf,
        processes: int = 1,
        resident: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(device, threads)
        self._clock, self._end = clock, clock() + seconds
        self._workers = [Resident() if resident else None for _ in range(processes)]
        self._closed = False

    @property
    def left(self) -> float:
        """Seconds until its end."""
        return self._end - self._clock()

    def close(self) -> None:
        """Ends its processes."""
        self._closed = True
        for worker in self._workers:
            if worker is not None:
                worker.close()

    def ahead(self, tasks: Sequence[Task], place: Mapping[str, Any], *, limit: float) -> None:
        """Has torch's compiler do its part of the tasks, all at once and each in a process of its own.

        What it makes is kept on disk, for the workers that are to run them; what fails here will fail there, and be
        told. ``limit``: seconds that it may take.
        """
        limit = min(limit, self.left)
        with ThreadPoolExecutor(max(1, len(tasks))) as pool:
            list(pool.map(lambda task: isolated(COMPILE, task, place, limit=limit), tasks))

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        return _called(self._workers[0], function, arguments, limit)

    def run(self, tasks: Sequence[Task], rules: Protocol, place: Mapping[str, Any]) -> Iterator[tuple[Task, Outcome]]:
        waiting, ended = iter(tasks), queue.SimpleQueue[tuple[Task, Outcome] | None]()
        turn = threading.Lock()

        def work(worker: Resident | None) -> None:
            try:
                while self.left > LEAST and not self._closed:
                    with turn:
                        task = next(waiting, None)
                    if task is None:
                        return
                    limit = min(rules.limit, self.left)
                    outcome = _called(worker, task.job.subject.entry, (task, rules, place), limit)
                    if self._closed or (outcome.status == "timeout" and limit < rules.limit):
                        return
                    ended.put((task, outcome))
            finally:
                ended.put(None)

        threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in self._workers]
        for thread in threads:
            thread.start()
        at_work = len(threads)
        while at_work:
            found = ended.get()
            if found is None:
                at_work -= 1
            else:
                yield found


def _called(worker: Resident | None, function: str, arguments: tuple[Any, ...], limit: float) -> Outcome:
    if worker is None:
        return isolated(function, *arguments, limit=limit)
    return worker.call(function, *arguments, limit=limit)
