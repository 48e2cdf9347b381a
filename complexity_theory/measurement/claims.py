"""Who runs which round now: processes that share a store share its work, and the work of a dead one is free again."""

from __future__ import annotations

import json
import os
import platform
import uuid
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that runs rounds: where it lives, and when it was born, for numbers of processes come again."""

    place: str
    pid: int
    born: float
    name: str

    @classmethod
    def here(cls) -> Owner:
        """This process, under a name of its own each time."""
        return cls(_place(), os.getpid(), psutil.Process().create_time(), uuid.uuid4().hex)

    @classmethod
    def of(cls, text: str) -> Owner:
        """The owner of a text."""
        return cls(**json.loads(text))

    @property
    def text(self) -> str:
        """As a store keeps it."""
        return json.dumps(asdict(self))

    @property
    def lives(self) -> bool:
        """Whether it may still be at work: of another machine or container, that cannot be told.

        >>> Owner.here().lives
        True
        """
        if self.place != _place():
            return True
        try:
            return bool(abs(psutil.Process(self.pid).create_time() - self.born) < 1)
        except psutil.Error:
            return False


@cache
def _place() -> str:
    """The machine since its start, and the space in which its processes are numbered."""
    space = Path("/proc/self/ns/pid")
    return f"{platform.node()} {psutil.boot_time():.0f} {space.readlink() if space.exists() else ''}"
