"""Files read at the door, held to the limits, and written whole or not at all."""

from __future__ import annotations

import os
import stat
import uuid
from contextlib import suppress
from pathlib import Path

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS
from complexity_theory.core.text import short

MADE = "Made by complexity-theory"  # in each file that may be replaced by what is made anew


def read(path: str | Path, limit: str = "bytes of a file") -> bytes:
    """The content of a regular file. Raises InvalidInput for what cannot be read, for all else (a folder, a device, a
    pipe, on which a reader might wait for ever) and for more bytes than the ``limit`` of that name.

    >>> read("/dev/zero")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: /dev/zero is no regular file
    """
    shown, most = short(str(path), 200), int(LIMITS[limit].most)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise InvalidInput(f"{shown} is no regular file")
            content = file.read(most + 1)
    except InvalidInput:
        raise
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read {shown}: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > most:
        raise InvalidInput(f"{shown} has more than {most:,} {limit}")
    return content


def check_regular(path: str | Path) -> None:
    """Raises InvalidInput for what is no regular file, or is not there."""
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise InvalidInput(f"cannot read {short(str(path), 200)}: {said}") from None
    if not stat.S_ISREG(mode):
        raise InvalidInput(f"{short(str(path), 200)} is no regular file")


def read_text(path: str | Path, limit: str = "bytes of a file") -> str:
    """The content of a regular file as UTF-8. Raises InvalidInput as ``read``, and for what is not UTF-8."""
    try:
        return read(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{short(str(path), 200)} is no text in UTF-8: byte {error.start} is not") from None


def write(path: Path, content: bytes | str, *, mark: str | None = None) -> None:
    """Writes a file (text as UTF-8) whole or not at all: to a temporary file beside it, which then takes its name.

    A link stays a link, a file keeps its mode, and a new one has that which the user's umask gives. Folders are made
    where they are missing. ``mark``: a file that is there and does not hold it is somebody else's and is left alone.
    Raises InvalidInput where it cannot be written.

    >>> write(Path("/proc/nowhere/a.txt"), "text")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: cannot write /proc/nowhere/a.txt: No such file or directory
    """
    data = content.encode() if isinstance(content, str) else content
    made: list[Path] = []
    try:
        special = path.exists() and not path.is_file()  # of a pipe that is open, such as /dev/stdout, no name is left
        target = path if special else path.resolve()
        if mark is not None:
            check_ours(path, mark)
        _make(target.parent, made)
        if special:  # a device, or a pipe, is written to; a folder refuses
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_NONBLOCK), "wb") as file:  # a pipe without a reader too
                os.set_blocking(file.fileno(), True)
                file.write(data)
        else:
            _replace(target, data)
    except BaseException as error:
        with suppress(OSError):
            for folder in reversed(made):
                folder.rmdir()
        if isinstance(error, OSError):
            raise InvalidInput(f"cannot write {short(str(path), 200)}: {error.strerror}") from None
        if isinstance(error, (RuntimeError, ValueError)) and not isinstance(error, InvalidInput):
            raise InvalidInput(f"cannot write {short(str(path), 200)}: {error}") from None
        raise


def check_ours(path: Path, mark: str = MADE) -> None:
    """Raises InvalidInput for a file that is there and does not hold the mark of what may be replaced."""
    if path.is_file() and mark.encode() not in path.read_bytes():
        raise InvalidInput(f"{path} was not written by this command, and is left as it is: choose another place")


def _make(folder: Path, made: list[Path]) -> None:
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(exist_ok=True)
        made.append(parent)


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".complexity-theory-{uuid.uuid4().hex}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(data)
        if path.exists():
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
