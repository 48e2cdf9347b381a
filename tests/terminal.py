"""The command in a fork of this process: in a pseudo-terminal, as a person sees it at some width, and in a pipe."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import pty
import re
import struct
import sys
import tempfile
import termios
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from complexity_theory.cli import app, main
from complexity_theory.core import report

ROOT = Path(__file__).resolve().parents[1]
NEXT = "\x00"  # between what is seen at one width and at the next
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def seen(arguments: list[str], columns: int, folder: Path | None = None) -> tuple[int, list[str]]:
    """The exit status of a command in a terminal of so many columns, and the lines of its standard output."""
    status, (lines,) = seen_at(arguments, [columns], folder)
    return status, lines


def seen_at(
    arguments: list[str], widths: Sequence[int], folder: Path | None = None, *, anew: bool = False
) -> tuple[int, list[list[str]]]:
    """The exit status of a command in a terminal, and the lines of its standard output at each of some widths.

    The command runs in a fork of this process, so that what is imported already need not be imported again; once, and
    what it prints by ``report.emit`` is printed again at the further widths. ``anew``: by a Python of its own instead,
    for a command that starts processes cannot do so beside those of its parent.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads, which the child does not use
        child, master = pty.fork()
    if child == 0:
        _run(arguments, widths, folder, anew)
    written = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        written += more
    os.close(master)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    text = ESCAPES.sub("", written.decode()).replace("\r\n", "\n")
    return status, [part.split("\n") for part in text.split(NEXT)]


def piped(arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """The exit status of a command run in ``folder``, its standard output and its standard error."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # as in ``seen_at``
            child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            _run(arguments, [], folder, False)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return status, texts[0], texts[1]


def _run(arguments: list[str], widths: Sequence[int], folder: Path | None, anew: bool) -> NoReturn:
    """Runs the command in the child; with ``widths`` its standard output is a terminal."""
    status = 3
    gc.freeze()  # what is imported already need not be looked through for garbage
    try:
        if widths:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            os.environ.pop(name, None)
        os.environ["TERM"] = "xterm"
        if anew:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            os.chdir(folder or ".")
            again = [sys.executable, "-P", "-m", "tests.terminal", json.dumps(widths), *arguments]
            os.execve(sys.executable, again, environment)
        if folder is not None:
            os.chdir(folder)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        printed, emit = [], report.emit

        def kept(*what: Any) -> None:
            printed.append(what)
            emit(*what)

        report.emit = kept
        if widths:
            _resize(widths[0])
        try:
            main(arguments)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 0
        for columns in widths[1:]:
            _resize(columns)
            print(NEXT, end="")
            for what in printed:
                emit(*what)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _resize(columns: int) -> None:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))


def commands(group: Any = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command that is registered."""
    import typer

    found = typer.main.get_command(group)
    yield from _below(found, path)


def _below(found: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if not hasattr(found, "commands"):
        yield path
        return
    for name, command in found.commands.items():
        yield from _below(command, (*path, name))


if __name__ == "__main__":
    _run(sys.argv[2:], json.loads(sys.argv[1]), None, False)
