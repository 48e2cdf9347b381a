"""How commands are registered: help re-flowed, examples below it, values named alike, ``--wide``. Once, for all."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

import typer

from complexity_theory.cli.options import KNOWN, OUTPUT, Format

F = TypeVar("F", bound=Callable[..., Any])
PANELS = THEORY, NETWORKS, MEASURE, CHOOSE, PAPER = ("Theory", "Networks", "Measure", "Choose", "Paper")

NAMES = ("NETWORK", "STRATEGY", "DEVICE", "RULE", "pdf|svg|png")  # metavars of options of names

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
            super(App, self).command(name, **given)(with_wide(alike(function)))
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


def alike(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameters without a metavar or panel of their own have those of ``options.KNOWN``.

    Options that may be repeated take several names in one, with commas, as well.
    """
    signature = inspect.signature(function, eval_str=True)
    parameters = [p.replace(annotation=_named(p)) for p in signature.parameters.values()]
    names = {p.name for p in parameters if _repeated(p)}

    @functools.wraps(function)
    def called(**given: Any) -> Any:
        for name in names & {name for name, value in given.items() if value}:
            given[name] = [part for value in given[name] for part in value.split(",")]
        return function(**given)

    keyword = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters]
    called.__signature__ = signature.replace(parameters=keyword)  # type: ignore[attr-defined]  # of a function, for Typer
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called


def _repeated(parameter: inspect.Parameter) -> bool:
    """Whether it is an option of several names, none of which has a comma."""
    if get_origin(parameter.annotation) is not Annotated:
        return False
    kind, info, *_ = get_args(parameter.annotation)
    return kind in (list[str], list[str] | None) and getattr(info, "metavar", None) in NAMES


def _named(parameter: inspect.Parameter) -> Any:
    if get_origin(parameter.annotation) is not Annotated or parameter.name not in KNOWN:
        return parameter.annotation
    kind, info, *_ = get_args(parameter.annotation)
    info = copy.copy(info)
    metavar, panel = KNOWN[parameter.name]
    info.metavar = info.metavar or (None if kind is bool else metavar)
    info.rich_help_panel = info.rich_help_panel or panel
    return Annotated[kind, info]


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
    called.__signature__ = signature.replace(parameters=[*parameters, added])  # type: ignore[attr-defined]  # of a function, for Typer
    called.__annotations__ = {p.name: p.annotation for p in (*parameters, added)}
    return called
