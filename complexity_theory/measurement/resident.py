"""A process that answers one call after the other: torch and a GPU's context are loaded once, not for each round."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from typing import Any, final

from complexity_theory.measurement.isolate import Outcome, answer, cause, settle, start


@final
class Resident:
    """A worker's process, started with its first call and again after one that did not go well.

    What a failure may have left behind (memory, a device in a bad state) ends with its process. ``spawned``: started
    from nothing, in seconds, as some libraries of accelerators survive no fork; else as ``isolated`` starts one.

    >>> worker = Resident()
    >>> worker.call("math:sqrt", -1.0, limit=60).reason
    'ValueError: math domain error'
    >>> worker.close()
    """

    def __init__(self, *, spawned: bool = False) -> None:
        self._spawned = spawned
        self._process: Any = None
        self._pipe: Connection

    def call(self, function: str, *arguments: Any, limit: float) -> Outcome:
        """The outcome of ``package.module:function``, as ``isolated`` has it; ``limit`` in seconds."""
        if self._process is None:
            self._pipe, theirs = multiprocessing.Pipe()
            try:
                self._process = start(_serve, theirs, spawned=self._spawned)
            except (OSError, EOFError) as error:
                self._pipe.close()
                return Outcome("crashed", f"no worker could be started: {type(error).__name__}: {error}")
            finally:
                theirs.close()
        outcome = self._answered(function, arguments, limit)
        if outcome.status != "ok":
            self.close()
        return outcome

    def _answered(self, function: str, arguments: tuple[Any, ...], limit: float) -> Outcome:
        try:
            self._pipe.send((function, arguments))
            if not self._pipe.poll(limit):
                return Outcome("timeout", f"no result within {limit:g} s")
            outcome: Outcome = self._pipe.recv()
            return outcome
        except (EOFError, OSError):
            self._process.join()
            return Outcome("crashed", f"the worker died of {cause(self._process.exitcode)}")

    def kill(self) -> None:
        """Ends the process, whatever it does: a call in another thread then has an outcome."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Ends the process and lets go of it."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._pipe.close()
            self._process = None


def _serve(pipe: Connection) -> None:
    settle()
    while True:
        try:
            function, arguments = pipe.recv()
            pipe.send(answer(function, arguments))
        except (EOFError, OSError):  # nobody asks, or waits for it, any more
            return
