"""Wrong-typed calls of every public name: InvalidInput in one line, or nothing."""

from __future__ import annotations

import inspect
import random
import signal
from collections.abc import Callable
from typing import Any

import complexity_theory as ct
from complexity_theory.core.errors import InvalidInput
from tests.fuzz.running import SECONDS, Slow
from tests.test_verbs import NOT_CALLED, RIGHT, WRONG, _all_wrong


def names() -> list[str]:
    """The public names that can be called."""
    return sorted(name for name in ct.__all__ if callable(getattr(ct, name)) and name not in NOT_CALLED)


def wrong_call(
    function: Callable[..., Any], positional: list[Any], named: dict[str, Any], seconds: float = SECONDS
) -> str:
    """What is wrong with the end of a call: a raw error, a refusal of several lines, too long a time; else nothing."""

    def late(*_: object) -> None:
        raise Slow

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        function(*positional, **named)
    except InvalidInput as error:
        return "" if "\n" not in str(error) else "a refusal of several lines"
    except Slow:
        return f"more than {seconds:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return ""


def calls(n: int, seed: int) -> list[str]:
    """What is wrong of ``n`` calls: half with one argument wrong, half with all, of each public name in turn."""
    found, public = [], names()
    for i in range(n):
        draw = random.Random(f"{seed} {i}")
        name = public[i % len(public)]
        function = getattr(ct, name)
        if RIGHT.get(name) and draw.random() < 0.5:
            positional: list[Any] = []
            named = {**RIGHT[name], draw.choice(sorted(RIGHT[name])): draw.choice(WRONG)}
        else:
            positional, named = _all_wrong(draw, function)
        if wrong := wrong_call(function, positional, named):
            found.append(f"{name}{inspect.signature(function)} of {positional!r}, {named!r}: {wrong}")
    return found
