"""The front door: parse, call, print. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import sys
from typing import Any

import typer

from complexity_theory.algebra import InvalidInput
from complexity_theory.cli import counts, measure, networks, paper, runtime, theory

# What typer raises for wrong options and the like: click's, or in later versions that of its own copy of click.
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(
    name="complexity-theory",
    help="What scaling a convolutional network costs, in closed form, in exact integers and in measured time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for part in (theory, counts, networks, measure, runtime, paper):
    part.register(app)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command. Exit 0: done; 1: a check failed; 2: bad input, with one line on standard error."""
    try:
        status = app(arguments, standalone_mode=False)
    except InvalidInput as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
        else:
            print(f"error: {' '.join(error.format_message().split())}", file=sys.stderr)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)
