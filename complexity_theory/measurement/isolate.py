"""A function in a process of its own, with a time limit: whatever becomes of it, the caller gets an outcome."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from complexity_theory.core.text import short
from complexity_theory.measurement.paths import own_path

LONGEST = 500  # characters of a reason
Status = Literal["ok", "oom", "failed", "crashed", "timeout"]

# A server that has loaded torch once forks the workers: a fresh process in milliseconds, where a spawned one takes
# seconds. It uses neither torch's threads nor CUDA, which no fork survives.
_METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
# torch._dynamo: counting on the meta device loads it, in a second or more.
_PRELOADED = ("complexity_theory.measurement.worker", "torch.utils.benchmark", "torch._dynamo")
_CONTEXT: Any = multiprocessing.get_context(_METHOD)
_STARTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: ``ok`` with a result, or another status with its reason in one line."""

    status: Status
    reason: str = ""
    result: dict[str, Any] = field(default_factory=dict)


def isolated(function: str, *arguments: Any, limit: float) -> Outcome:
    """The outcome of ``package.module:function`` called in a fresh process, which is ended after ``limit`` seconds.

    The function returns a dict. Status of what went wrong: ``oom`` (out of memory), ``failed`` (it raised), ``crashed``
    (its process died), ``timeout``.

    >>> isolated("math:sqrt", -1.0, limit=60).reason
    'ValueError: math domain error'
    """
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    try:
        process = start(_serve, sender, function, arguments)
    except (OSError, EOFError) as error:  # the server of workers has died, or there is no room for another process
        receiver.close()
        return Outcome("crashed", f"no worker could be started: {_one_line(error)}")
    finally:
        sender.close()
    try:
        if not receiver.poll(limit):
            return Outcome("timeout", f"no result within {limit:g} s")
        outcome: Outcome = receiver.recv()
        process.join(10.0)  # time to leave in order, so that nothing it holds is left behind
        return outcome
    except (EOFError, OSError):
        process.join()
        return Outcome("crashed", f"the worker died of {cause(process.exitcode)}")
    finally:
        process.kill()
        process.join()
        process.close()
        receiver.close()


def start(target: Callable[..., None], *arguments: Any, spawned: bool = False) -> Any:
    """A process, begun, that runs ``target``; ``spawned``: from nothing, not forked from what has loaded torch."""
    if _METHOD == "forkserver":
        _CONTEXT.set_forkserver_preload(list(_PRELOADED))
    context: Any = multiprocessing.get_context("spawn") if spawned else _CONTEXT
    process = context.Process(target=target, args=arguments)
    with _sheltered():
        process.start()
    return process


@contextmanager
def _sheltered() -> Iterator[None]:
    """What is started within imports from where this process was told to import from, and from nowhere else; Ctrl-C,
    which a terminal sends to all, does not meet it in the midst of its imports.
    """
    with _STARTING:
        resource_tracker.ensure_running()  # which would let Ctrl-C through once it has started
        path, variables = sys.path[:], {name: os.environ.get(name) for name in ("PYTHONPATH", "PYTHONSAFEPATH")}
        sys.path[:] = own_path()
        os.environ |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"}
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            sys.path[:] = path
            for name, value in variables.items():
                os.environ.pop(name)
                os.environ |= {} if value is None else {name: value}
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def cause(exitcode: int) -> str:
    if exitcode == 255:  # what multiprocessing says where its server has died, and nobody knows
        return "exit code 255, or the server of workers died"
    return f"exit code {exitcode}" if exitcode >= 0 else f"signal {signal.Signals(-exitcode).name}"


def _serve(sender: Connection, function: str, arguments: tuple[Any, ...]) -> None:
    """The life of a worker: one call, one outcome."""
    settle()
    with suppress(OSError):  # where nobody waits for it any more
        sender.send(answer(function, arguments))


def settle() -> None:
    """What a worker's process does first."""
    gc.freeze()  # to look through all that the server has loaded takes a collector longer than a short job
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the caller, who ends this process
    os.dup2(2, 1)  # standard output is the caller's: what a module prints goes to standard error
    threading.Thread(target=_end_with_parent, daemon=True).start()


def answer(function: str, arguments: tuple[Any, ...]) -> Outcome:
    """The outcome of a call in this process."""
    try:
        module, _, name = function.partition(":")
        call: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), name)
        return Outcome("ok", result=call(*arguments))
    except Exception as error:  # whatever it is, it becomes a row with its reason
        status: Status = "oom" if _is_out_of_memory(error) else "failed"
        return Outcome(status, _one_line(error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _is_out_of_memory(error: Exception) -> bool:
    # torch.OutOfMemoryError on accelerators; on the host torch raises a RuntimeError with the words of its allocator.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
    )


def _one_line(error: BaseException) -> str:
    """An error in a line that any file can hold, also where it cannot say what it is."""
    try:
        said = str(error).strip() or repr(error)
    except Exception as worse:  # whatever a foreign class does
        said = f"which cannot be told: its text raises {type(worse).__name__}"
    return short(f"{type(error).__name__}: {next(iter(said.splitlines()), '')}", LONGEST)
