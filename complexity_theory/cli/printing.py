"""Results of verbs, printed. The only place of the command that does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from complexity_theory.core import text

if TYPE_CHECKING:
    from complexity_theory.verbs.result import Result


def show(result: Result, form: str) -> None:
    """Prints a result to standard output in a form of the command; its warnings and notes to standard error."""
    from complexity_theory.core import report

    say("warning", result.warnings)
    say("note", result.notes)
    report.emit(form, [] if form == "json" else result.report(form), result.as_dict() if form == "json" else None)


def say(kind: str, lines: Iterable[str]) -> None:
    """Lines to standard error, each once."""
    for line, times in Counter(lines).items():
        text.say(f"{kind}: {line}" + (f" (×{times})" if times > 1 else ""))
