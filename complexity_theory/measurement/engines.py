"""Where workers run: on this machine, one after the other, or on a Ray cluster. Each round has a process of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, final

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.isolate import Outcome, isolated
from complexity_theory.measurement.jobs import Description, ModuleSubject, Task
from complexity_theory.measurement.protocol import Protocol

DESCRIBE = "complexity_theory.measurement.worker:describe"
CHECK = "complexity_theory.measurement.worker:check"
LOOK = "complexity_theory.measurement.worker:look"


class Engine(ABC):
    """Runs tasks on a ``device``; ``threads`` of torch (None: as torch has them)."""

    def __init__(self, device: str = "auto", threads: int | None = None) -> None:
        self.device = device
        self.threads = threads

    def describe(self) -> dict[str, Any]:
        """The environment in which its workers run. Raises InvalidInput where it has no such device."""
        outcome = self._call(DESCRIBE, self.device, self.threads, limit=120.0)
        if outcome.status != "ok":
            raise InvalidInput(f"no worker can run on device {self.device!r}: {outcome.reason}")
        return outcome.result

    def check(self, path: str) -> None:
        """Raises InvalidInput where its workers find no ``package.module:callable`` of this name."""
        outcome = self._call(CHECK, path, limit=120.0)
        if outcome.status != "ok":
            raise InvalidInput(f"no worker can load {path!r}: {outcome.reason}")

    def look(self, subject: ModuleSubject) -> Description | None:
        """What its workers find where they make a module; None where it cannot be made, or they cannot tell."""
        outcome = self._call(LOOK, subject, limit=120.0)
        return Description(**outcome.result) if outcome.status == "ok" and outcome.result else None

    def close(self) -> None:  # noqa: B027  # most engines start nothing that outlives a task
        """Ends what the engine has started."""

    @abstractmethod
    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        """The outcome of a function in an isolated process."""

    @abstractmethod
    def run(self, tasks: Iterable[Task], rules: Protocol, place: Mapping[str, Any]) -> Iterator[tuple[Task, Outcome]]:
        """The outcome of each task, as it ends. A task is taken from ``tasks`` when it is begun."""


@final
class Local(Engine):
    """This machine, one task at a time."""

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        return isolated(function, *arguments, limit=limit)

    def run(self, tasks: Iterable[Task], rules: Protocol, place: Mapping[str, Any]) -> Iterator[tuple[Task, Outcome]]:
        for task in tasks:
            yield task, self._call(task.job.subject.entry, task, rules, place, limit=rules.limit)


@final
class Ray(Engine):
    """A Ray cluster: tasks run at once on as many accelerators as it has (on CPUs: ``threads`` cores for each).

    Where a node or a worker of Ray dies, Ray runs its tasks again elsewhere; results go to the caller alone, who stores
    each once. The nodes must be alike: a round that meets another environment than ``describe`` fails and says so.
    """

    def __init__(
        self,
        device: str = "auto",
        threads: int | None = None,
        *,
        address: str | None = None,
        workers: int | None = None,
    ) -> None:
        """Joins the cluster at ``address``, or starts one on this machine (of ``workers`` cores, default: all)."""
        super().__init__(device, threads)
        self._ray = _import_ray()
        self._ray.init(address=address, num_cpus=workers, include_dashboard=False, log_to_driver=False)
        on_gpu = device.startswith("cuda") or (device == "auto" and "GPU" in self._ray.cluster_resources())
        needs = {"num_gpus": 1} if on_gpu else {"num_cpus": threads or 1}
        there = self._ray.cluster_resources().get("GPU" if on_gpu else "CPU", 1) // next(iter(needs.values()))
        self._at_once = max(1, int(there))
        self._remote = self._ray.remote(**needs, max_retries=3)(isolated)

    def close(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        self._ray.shutdown()

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        outcome: Outcome = self._ray.get(self._remote.remote(function, *arguments, limit=limit))
        return outcome

    def run(self, tasks: Iterable[Task], rules: Protocol, place: Mapping[str, Any]) -> Iterator[tuple[Task, Outcome]]:
        waiting, running = iter(tasks), dict[Any, Task]()
        while True:
            for task in islice(waiting, self._at_once - len(running)):
                running[self._remote.remote(task.job.subject.entry, task, rules, place, limit=rules.limit)] = task
            if not running:
                return
            (done,), _ = self._ray.wait(list(running))
            try:
                outcome = self._ray.get(done)
            except self._ray.exceptions.RayError as error:
                outcome = Outcome("crashed", f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
            yield running.pop(done), outcome


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InvalidInput("--engine ray needs Ray: pip install 'complexity-theory[cluster]'") from None
    return ray
