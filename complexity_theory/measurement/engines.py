"""Where workers run: on this machine, one after the other, or on a Ray cluster. Each round has a process of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, final

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import shown
from complexity_theory.core.text import short
from complexity_theory.measurement.isolate import Outcome, isolated
from complexity_theory.measurement.jobs import Description, ModuleSubject, Task
from complexity_theory.measurement.protocol import Protocol

DESCRIBE = "complexity_theory.measurement.worker:describe"
CHECK = "complexity_theory.measurement.worker:check"
LOOK = "complexity_theory.measurement.worker:look"
JOIN = "complexity_theory.measurement.engines:join"
JOINING = 30.0  # seconds in which a cluster must answer


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
        if address is not None:  # asked for by another process first: a wrong or silent one would be waited for long
            asked = isolated(JOIN, address, limit=JOINING)
            if asked.status != "ok":
                raise InvalidInput(f"no Ray cluster answers at {shown(address)}: {asked.reason}")
        self._ray.init(**_how(address), num_cpus=workers)
        there = self._ray.cluster_resources()
        on_gpu = device.startswith("cuda") or (device == "auto" and "GPU" in there)
        what, each = ("GPU", 1) if on_gpu else ("CPU", threads or 1)
        self._at_once = int(there.get(what, 0) // each)
        if not self._at_once:
            self.close()
            raise InvalidInput(f"the Ray cluster has {there.get(what, 0):g} {what}s, a worker needs {each}")
        needs = {f"num_{what.lower()}s": each}
        self._remote = self._ray.remote(**needs, max_retries=3)(isolated)

    def close(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        self._ray.shutdown()

    def _call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        try:
            called = self._remote.remote(function, *arguments, limit=limit)
            outcome: Outcome = self._ray.get(called, timeout=limit + JOINING)
        except self._ray.exceptions.RayError as error:
            return self._lost(error)
        return outcome

    def _lost(self, error: Exception) -> Outcome:
        return Outcome("crashed", short(f"{type(error).__name__}: {next(iter(str(error).strip().splitlines()), '')}"))

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
                outcome = self._lost(error)
            yield running.pop(done), outcome


def _how(address: str | None) -> dict[str, Any]:
    return {"address": address, "include_dashboard": False, "log_to_driver": False}


def join(address: str) -> dict[str, Any]:
    """Joins and leaves the cluster at an address; raises what Ray raises where there is none."""
    ray = _import_ray()
    ray.init(**_how(address))
    ray.shutdown()
    return {}


def _import_ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InvalidInput("--engine ray needs Ray: pip install 'complexity-theory[cluster]'") from None
    return ray
