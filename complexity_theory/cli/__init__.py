"""The front door: parse, call, print. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import sys

import click
import typer

from complexity_theory.algebra import InvalidInput
from complexity_theory.cli import counts, measure, networks, paper, runtime, theory

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
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        print(f"error: {error.format_message()}", file=sys.stderr)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(status if isinstance(status, int) else 0)
