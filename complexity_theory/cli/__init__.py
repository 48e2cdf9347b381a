"""The front door: parse, call, print. Commands import what they need when they run, so that ``--help`` is quick."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated, Any, NoReturn

import typer

from complexity_theory.cli import choose, counts, explore, measure, networks, paper, runtime, theory
from complexity_theory.cli.app import App, epilog
from complexity_theory.core.errors import Interrupted, InvalidInput
from complexity_theory.core.text import say, short

# What typer raises for wrong options and the like: click's, or in later versions that of its own copy of click.
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = App(
    name="complexity-theory",
    help="What scaling a convolutional network costs, in closed form, in exact integers and in measured time.",
    epilog=epilog(["tables", "count EfficientNet-B0", "scale EfficientNet-B0 --strategy dWr --target-flops 3.1GF"]),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("complexity-theory"))
        except PackageNotFoundError:  # run from its folder
            typer.echo("not installed")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


for part in (theory, counts, networks, measure, runtime, choose, explore, paper):
    part.register(app)


# What Typer says of an integer of very many digits, and what it should be.
TOO_MANY_DIGITS = (
    "Unable to parse input string as an integer, exceeded maximum size",
    "Input must be an integer of fewer digits",
)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command. Exit 0: done; 1: a check failed; 2: bad input, with one line on standard error."""
    given = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the locale cannot spell is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    try:
        status = app(given, standalone_mode=False)
        sys.stdout.flush()
    except InvalidInput as error:
        _refuse(str(error))
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            sys.exit(2)
        said = error.format_message().replace(*TOO_MANY_DIGITS)
        _refuse(said + _value(error, given) + _help(error))
    except BrokenPipeError:  # the reader has all it wanted, as `head` does
        _forget_output()
        sys.exit(0)
    except OSError as error:
        _forget_output()
        _refuse(f"cannot use {short(str(error.filename or 'standard output'), 200)}: {error.strerror}")
    except (typer.Abort, KeyboardInterrupt, Interrupted) as error:
        _interrupted(str(error))
    if status == 130:  # what typer makes of Ctrl-C
        _interrupted("")
    sys.exit(status if isinstance(status, int) else 0)


def _interrupted(said: str) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # once more, while this one cleans up, and that is that
    say(said or "interrupted")
    sys.exit(130)


def _refuse(why: str) -> NoReturn:
    print(f"error: {short(why)}", file=sys.stderr)
    sys.exit(2)


def _value(error: Any, given: list[str]) -> str:
    """What was given for the option that a usage error is about, to be added to its message."""
    for option in getattr(getattr(error, "param", None), "opts", ()):
        for i, argument in enumerate(given):
            name, equals, value = argument.partition("=")
            if name == option and (equals or i + 1 < len(given)):
                return f": {short(repr(value if equals else given[i + 1]), 100)}"
    return ""


def _help(error: Any) -> str:
    """Where it is told what a command takes, to be added to a message that says only what it does not take."""
    context = getattr(error, "ctx", None)
    unsaid = type(error).__name__ in ("UsageError", "NoSuchOption") and not getattr(error, "possibilities", None)
    return f": see `{context.command_path} --help`" if unsaid and context else ""


def _forget_output() -> None:
    """Leaves nothing in standard output's buffer, which would fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
