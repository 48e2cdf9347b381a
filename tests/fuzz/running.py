"""Runs command lines in forked workers, many in each: output caught, time and memory bounded, nothing measured."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, NamedTuple
from unittest import mock

import msgspec

from complexity_theory.cli import main
from tests.fake_engine import PLACE
from tests.fuzz import messages
from tests.fuzz.command_lines import Case
from tests.fuzz.files import lay, listing

SECONDS = 10  # of one run
GRACE = 3.0  # seconds until a worker that does not end a run by itself is killed
EACH = 100  # cases of a worker
MEMORY = 6 * 2**30  # bytes that a worker may add


class Ending(msgspec.Struct):
    """How a run ended. ``status``: of its exit; None: it had to be ended, or raised what it must not."""

    status: int | None
    seconds: float
    errors: str
    written: bool


class Fault(NamedTuple):
    """A run that ended wrongly, and what was wrong with it."""

    case: Case
    wrong: list[str]
    ending: Ending


class Slow(BaseException):
    """A run that goes on for too long; no ``except Exception`` takes it."""


def faults(case: Case, ending: Ending) -> list[str]:
    """What is wrong with how a run ended: nothing where it was fine, or was refused as it should be."""
    if ending.status is None:
        return [ending.errors.strip().splitlines()[-1][:200]]
    found = ["a traceback"] if "Traceback (most recent call last)" in ending.errors else []
    if ending.status not in (0, 1, 2):
        found.append(f"exit code {ending.status}")
    if ending.status == 2:
        found += messages.faults(ending.errors, case.spoilt)
        found += ["written where refused"] if ending.written else []
    return found


def fuzzed(cases: Sequence[Case], run: Callable[[list[str]], None] = main, seconds: float = SECONDS) -> Iterator[Fault]:
    """The cases that end wrongly, as they are found."""
    for case, ending in zip(cases, endings(cases, run, seconds), strict=True):
        if wrong := faults(case, ending):
            yield Fault(case, wrong, ending)


def endings(cases: Sequence[Case], run: Callable[[list[str]], None], seconds: float) -> Iterator[Ending]:
    """How each case ends. A worker that hangs or dies takes one case with it."""
    done = 0
    while done < len(cases):
        some = cases[done : done + EACH]
        got = 0
        for ending in _worker(some, run, seconds):
            got += 1
            yield ending
        done += got


def _worker(cases: Sequence[Case], run: Callable[[list[str]], None], seconds: float) -> Iterator[Ending]:
    """The endings of cases in a fork, until it is done, hangs or dies."""
    ours, its = os.pipe()
    if not (child := os.fork()):
        os.close(ours)
        _work(cases, run, seconds, its)
    os.close(its)
    with os.fdopen(ours, "rb") as told:
        for i in range(len(cases)):
            ready, _, _ = select.select([told], [], [], seconds + GRACE + (30 if i == 0 else 0))
            line = told.readline() if ready else b""
            if line:
                yield msgspec.json.decode(line, type=Ending)
                continue
            os.killpg(child, signal.SIGKILL)
            why = f"more than {seconds:g} s, deaf to signals" if not ready else "the process died"
            yield Ending(None, seconds, why, False)
            break
    os.waitpid(child, 0)


def _work(cases: Iterable[Case], run: Callable[[list[str]], None], seconds: float, told: int) -> None:
    """What a worker does; it never returns."""
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        with TemporaryDirectory() as top, _nothing_measured():
            for number, case in enumerate(cases):
                folder = Path(top, str(number))
                folder.mkdir()
                os.write(told, msgspec.json.encode(_ending(case, run, seconds, folder)) + b"\n")
    except BaseException:
        os._exit(1)
    os._exit(0)


def _ending(case: Case, run: Callable[[list[str]], None], seconds: float, folder: Path) -> Ending:
    lay(folder, case.files)
    os.chdir(folder)
    before, start = listing(folder), time.monotonic()
    status: int | None = None

    def late(*_: object) -> None:
        raise Slow

    with (
        TemporaryFile("w+", encoding="utf-8") as out,
        TemporaryFile("w+", encoding="utf-8") as errors,
        mock.patch("sys.stdout", out),
        mock.patch("sys.stderr", errors),
    ):
        signal.signal(signal.SIGALRM, late)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            run(case.arguments)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        except Slow:
            print(f"more than {seconds:g} s", file=errors)
        except BaseException:
            errors.write(traceback.format_exc())
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        errors.seek(0)
        said = errors.read()
    os.chdir("/")
    return Ending(status, time.monotonic() - start, said[-5000:], listing(folder) != before)


@contextmanager
def _nothing_measured() -> Iterator[None]:
    """What measures, verifies or draws for minutes ends at once: that it was let in was the question."""
    from complexity_theory.cli import paper
    from complexity_theory.evidence import priors
    from complexity_theory.measurement import engines, paced, verify

    def let_in(*_: object, **__: object) -> Any:
        sys.exit(0)

    patches: dict[Any, dict[str, Any]] = {
        engines.Engine: {
            "describe": lambda self: {**PLACE, "cpus": 2},
            "check": let_in,
            "look": lambda *_: None,
        },
        engines.Local: {"run": let_in},
        engines.Ray: {"__init__": let_in},
        paced.Paced: {"run": let_in},
        paper: {"_work": let_in, "_measured": let_in},
        priors: {"learn": let_in, "tuned": let_in},
        verify: {"verify_tables": lambda: iter(())},
    }
    with ExitStack() as stack:
        for place, names in patches.items():
            for name, stand_in in names.items():
                stack.enter_context(mock.patch.object(place, name, stand_in))
        yield
