"""What runs in a worker process: one round of one job."""

from __future__ import annotations

import gc
import re
import resource
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from functools import singledispatch
from typing import Any, final

import psutil
import torch
from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import check_limit
from complexity_theory.graph.complexity import METRICS
from complexity_theory.measurement import environment, timing
from complexity_theory.measurement.build import build
from complexity_theory.measurement.code import callable_of
from complexity_theory.measurement.count import count
from complexity_theory.measurement.hardware import device
from complexity_theory.measurement.jobs import (
    CeilingSubject,
    Job,
    LayerSubject,
    ModuleSubject,
    NetworkSubject,
    Settings,
    Subject,
    Task,
    canonical_json,
)
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.timing import Phases
from complexity_theory.measurement.trace.tracing import trace
from complexity_theory.measurement.workload import batch_of, configure, element_type, in_order, phases
from complexity_theory.networks import files


def describe(device_name: str, threads: int | None) -> dict[str, Any]:
    """``environment.describe`` of a device by its name."""
    return environment.describe(device(device_name), threads)


def check(path: str) -> dict[str, Any]:
    """Loads what a path names (``code.callable_of``) and does not call it; raises what Python raises."""
    callable_of(path)
    return {}


def look(subject: ModuleSubject) -> dict[str, Any]:
    """The fields of the ``Description`` of a module that is made: its printed form, names and shapes of its tensors.

    Addresses in memory, which some modules print, are left out. Beside them its traced graph (``network``, as a network
    file has it), or why there is none (``untraced``): neither tells one module from another.
    """
    module = to_module(subject, Settings())
    tensors = [[name, list(value.shape), str(value.dtype)] for name, value in module.state_dict().items()]
    printed = re.sub(r"0x[0-9a-f]+", "0x", repr(module))
    text = canonical_json({"module": printed, "tensors": tensors, **_traced(module, subject)})
    return {"form": ModuleSubject.kind, "text": text, "labels": ("network", "untraced")}


def _traced(module: nn.Module, subject: ModuleSubject) -> dict[str, Any]:
    try:
        # Nobody scales it, so it need not be held to modules of other sizes; its counts are held to the run's.
        network = files.describe(trace(module, subject.shape, name=subject.path, check=False))
        size = len(canonical_json(network))
        check_limit("bytes of a description", size, f"the bytes of its graph, {size:,},")
        files.read(network)  # what could not be read back is not kept
    except InvalidInput as error:
        return {"untraced": str(error)}
    return {"network": network}


def measure(task: Task, protocol: Protocol, place: dict[str, Any]) -> dict[str, Any]:
    """One round: builds the module, checks its counts, warms up, takes samples, then shares of phases and peak memory.

    ``place``: the environment it must be timed in. The result holds the counts of the module that was timed, the fields
    of ``Timing``, ``shares``, ``peak_memory`` (bytes), ``conditions`` and ``seconds`` of the round.
    Raises InvalidInput where the counts are not the analytic ones, or the place is another one.
    """
    begin = time.perf_counter()
    target = device(task.device)
    settings = replace(task.job.settings, batch=task.batch)
    configure(settings, task.threads, protocol.algorithms)
    check_place(environment.describe(target, task.threads), place)
    conditions = environment.conditions(target)
    if target.torch_device.type == "cpu":
        _bound_memory()
    _forget_earlier(target.torch_device)
    module, parts = _step(task, settings, target.torch_device)
    counts = checked_counts(module, task.job)
    run = in_order(parts)
    timed = timing.measure(run, target, protocol, threads=task.threads)
    return {
        "counts": counts,
        **asdict(timed),
        "shares": timing.shares(parts, target),
        "peak_memory": timing.peak_memory(run, target),
        "conditions": conditions,
        "seconds": time.perf_counter() - begin,
    }


def compile_ahead(task: Task, protocol: Protocol, place: dict[str, Any]) -> dict[str, Any]:
    """Runs the step of a task once, so that torch's compiler keeps on disk what other processes will ask of it."""
    target = device(task.device)
    settings = replace(task.job.settings, batch=task.batch)
    configure(settings, task.threads, protocol.algorithms)
    check_place(environment.describe(target, task.threads), place)
    in_order(_step(task, settings, target.torch_device)[1])()
    target.synchronize()
    return {}


def _step(task: Task, settings: Settings, place: torch.device) -> tuple[nn.Module, Phases]:
    """The module of a task on its device, and the phases of a step of it."""
    torch.manual_seed(task.number)
    subject = task.job.subject
    # A user's module is built where the user builds it: on the host.
    with nullcontext() if isinstance(subject, ModuleSubject) else place:
        module = to_module(subject, settings)
    inputs_too = settings.mode != "forward" and isinstance(subject, LayerSubject)
    x = batch_of(subject.shape, settings, place, requires_grad=inputs_too)
    return module, phases(module, x, settings)


def _forget_earlier(place: torch.device) -> None:
    """Lets go of what earlier rounds in this process have left."""
    gc.collect()
    if place.type == "cuda":
        torch.cuda.empty_cache()
    torch.compiler.reset()


def check_place(here: dict[str, Any], expected: dict[str, Any]) -> None:
    """Raises InvalidInput where an environment is not the one that is expected."""
    for name, value in expected.items():
        if here[name] != value:
            raise InvalidInput(f"this sweep is for {name} {value!r}, and the worker found {here[name]!r}")


def _bound_memory() -> None:
    """Makes an allocation beyond the memory that is free fail here, before the kernel ends some process for it."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (psutil.virtual_memory().available, hard))


def checked_counts(module: nn.Module, job: Job) -> dict[str, int] | None:
    """The costs of the very module that is timed, which must be the analytic ones where these are known."""
    if isinstance(job.subject, CeilingSubject):
        return None
    counted = count(module, job.subject.shape).as_dict()
    for metric in METRICS:
        analytic = job.description[metric]
        if analytic is not None and counted[metric] != analytic:
            raise InvalidInput(f"the module timed has {counted[metric]} {metric}, the analysis says {analytic}")
    return counted


@singledispatch
def to_module(subject: Subject, settings: Settings) -> nn.Module:
    """The torch module of a subject; one rule is registered for each kind."""
    raise InvalidInput(f"no rule makes a module of a {type(subject).__name__}: add one with to_module.register")


@to_module.register
def _network(subject: NetworkSubject, settings: Settings) -> nn.Module:
    return build(subject.network().tree)


@to_module.register
def _layer(subject: LayerSubject, settings: Settings) -> nn.Module:
    return build(subject.layer)


@to_module.register
def _module(subject: ModuleSubject, settings: Settings) -> nn.Module:
    module = callable_of(subject.path)()
    if not isinstance(module, nn.Module):
        raise InvalidInput(f"{subject.path} returned a {type(module).__name__}, not a torch.nn.Module")
    return module


@to_module.register
def _ceiling(subject: CeilingSubject, settings: Settings) -> nn.Module:
    return Ceiling(subject, element_type(settings.dtype))


_OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"matmul": torch.matmul, "copy": torch.Tensor.copy_}


@final
class Ceiling(nn.Module):
    """A product or a copy of square matrices, whatever the input."""

    def __init__(self, subject: CeilingSubject, dtype: torch.dtype) -> None:
        super().__init__()
        self.operation = _OPERATIONS[subject.name]
        self.a = nn.Buffer(torch.rand(subject.side, subject.side).to(dtype))
        self.b = nn.Buffer(torch.rand(subject.side, subject.side).to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        """The product, or the copy."""
        return self.operation(self.a, self.b)
