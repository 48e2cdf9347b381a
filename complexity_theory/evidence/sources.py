"""The tables that profiles, prior and figures are made from: those built in, and files in folders of tables."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

from complexity_theory.evidence import published
from complexity_theory.evidence.loaders import load_table
from complexity_theory.evidence.table import TimeTable


@dataclass(frozen=True)
class Source:
    """A table of times: a built-in name, or a file in a folder of tables with the setting chosen from it.

    ``short``: what panels call it; ``about``: what captions say of it; ``profile``: whether a profile is made from it.
    """

    table: str
    short: str
    about: str
    where: Mapping[str, str] = field(default_factory=dict)
    profile: bool = True

    @property
    def files(self) -> tuple[str, ...]:
        """The file that it takes from a folder of tables: none where the table is built in."""
        return () if self.table in published.names() else (self.table,)


@cache
def sources() -> dict[str, Source]:
    """All of them, by the name of the profile.

    >>> sources()["rtx4090-compiled-nchw"].short
    'RTX 4090, compiled'
    """
    text = files("complexity_theory.evidence").joinpath("sources.toml").read_text(encoding="utf-8")
    return {name: Source(**entry) for name, entry in tomllib.loads(text).items()}


def loaded(folders: Sequence[Path]) -> Iterator[tuple[str, Source, TimeTable]]:
    """The sources that are built in or lie in a folder, with their tables. Raises InvalidInput as ``load_table``."""
    for name, source in sources().items():
        places = [str(folder / file) for file in source.files for folder in folders if (folder / file).is_file()]
        if places or not source.files:
            yield name, source, load_table(places[0] if places else source.table, setting=source.where)
