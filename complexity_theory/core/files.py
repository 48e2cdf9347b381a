"""Files read within bounds, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid
from pathlib import Path

from complexity_theory.core.errors import InvalidInput


def read(path: Path, most: int) -> str:
    """The UTF-8 text of a regular file of at most ``most`` bytes.

    Raises InvalidInput, with the path, for what is no such file (nothing is waited for: a pipe is refused at once).

    >>> read(Path("/proc/nowhere"), 100)
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: cannot read /proc/nowhere: No such file or directory
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidInput(f"cannot read {path}: it is no regular file")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise InvalidInput(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > most:
        raise InvalidInput(f"cannot read {path}: it is larger than the {most:,} bytes such a file may have")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"cannot read {path}: it is no UTF-8 text (byte {error.start})") from None


def write(path: Path, content: bytes | str) -> None:
    """Writes a file (text as UTF-8) whole or not at all: to a temporary file beside it, which then takes its name.

    A symbolic link stays one, and what it leads to is written; the mode is the file's own, or for a new file the one
    that the umask gives. Folders are made where they are missing; where nothing could be written, none stays.
    Raises InvalidInput where it cannot be written.

    >>> write(Path("/proc/nowhere/a.txt"), "text")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: cannot write /proc/nowhere/a.txt: No such file or directory
    """
    data = content.encode() if isinstance(content, str) else content
    made: list[Path] = []
    try:
        if path.exists() and not path.is_file():  # a device, or a pipe, is written to; a folder refuses
            path.write_bytes(data)
            return
        target = path.resolve()
        made = _folders(target.parent)
        _replace(target, data)
    except (OSError, RuntimeError) as error:  # links that lead round in a circle are a RuntimeError
        for folder in reversed(made):
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise InvalidInput(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None


def _folders(folder: Path) -> list[Path]:
    """Makes a folder and those above it; returns those that were missing, outermost first."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()][::-1]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".complexity-theory-{uuid.uuid4().hex}")
    try:
        # a new file has the mode that the umask leaves of 0o666
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(data)
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
