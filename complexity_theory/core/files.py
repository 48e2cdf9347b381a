"""Files written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from complexity_theory.core.errors import InvalidInput


def write(path: Path, content: bytes | str) -> None:
    """Writes a file (text as UTF-8) whole or not at all: to a temporary file beside it, which then takes its name.

    Folders are made where they are missing. Raises InvalidInput where it cannot be written.

    >>> write(Path("/proc/nowhere/a.txt"), "text")
    Traceback (most recent call last):
    complexity_theory.core.errors.InvalidInput: cannot write /proc/nowhere/a.txt: No such file or directory
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        if path.exists() and not path.is_file():  # a device, or a pipe, is written to; a folder refuses
            path.write_bytes(data)
        else:
            _replace(path, data)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from None


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".complexity-theory-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
