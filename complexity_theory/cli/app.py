"""How commands are registered: help re-flowed, examples below it, ``--wide`` beside ``--format``. Once, for all."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import typer

from complexity_theory.cli.options import OUTPUT, Format

F = TypeVar("F", bound=Callable[..., Any])
PANELS = THEORY, NETWORKS, MEASURE, CHOOSE, PAPER = ("Theory", "Networks", "Measure", "Choose", "Paper")

WideOption = Annotated[
    bool,
    typer.Option(
        "--wide", help="In a terminal: all columns and exact numbers, in blocks where need be.", rich_help_panel=OUTPUT
    ),
]


class App(typer.Typer):
    """A typer application whose commands have re-flowed help, examples, and ``--wide`` where they have ``--format``."""

    def command(
        self, name: str | None = None, *, panel: str | None = None, examples: Sequence[str] = (), **settings: Any
    ) -> Callable[[F], F]:
        """Registers a command. ``panel``: under which heading; ``examples``: command lines without the program."""

        def register(function: F) -> F:
            given = {"help": reflowed(function.__doc__ or ""), "epilog": epilog(examples), **settings}
            if panel is not None:
                given["rich_help_panel"] = panel
            super(App, self).command(name, **given)(with_wide(function))
            return function

        return register


def reflowed(text: str) -> str:
    r"""Paragraphs as one line each, so that a terminal breaks them where it ends; lines that are indented stay.

    >>> reflowed("One\nline.\n\nTwo.")
    'One line.\n\nTwo.'
    """
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(" ".join(part.split("\n")) for part in paragraphs)


def epilog(examples: Sequence[str]) -> str | None:
    """Examples as the end of a page of help."""
    return "\n\n".join(["Examples:", *(f"$ complexity-theory {line}" for line in examples)]) if examples else None


def with_wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the option ``--wide`` where it has ``--format`` for tables; others come back as they are."""
    signature = inspect.signature(function, eval_str=True)
    forms = [p for p in signature.parameters.values() if p.default is Format.text]
    if not forms or "wide" in signature.parameters:
        return function

    @functools.wraps(function)
    def called(*, wide: bool, **given: Any) -> Any:
        from complexity_theory.core.report import WIDE

        token = WIDE.set(wide)
        try:
            return function(**given)
        finally:
            WIDE.reset(token)

    added = inspect.Parameter("wide", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=WideOption)
    parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values()]
    called.__signature__ = signature.replace(parameters=[*parameters, added])  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in (*parameters, added)}
    return called
