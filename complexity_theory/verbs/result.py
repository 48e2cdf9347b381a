"""What every verb returns: named fields, tables to read, the data of the command's JSON, a frame, an HTML view."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from complexity_theory.core import report
from complexity_theory.core.report import Table

if TYPE_CHECKING:
    from pandas import DataFrame


class Result(ABC):
    """A verb's result. ``warnings``: what must be said beside it; ``notes``: what was left out, and why."""

    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @abstractmethod
    def report(self, form: str = "text") -> Sequence[Table | str]:
        """What a person reads, in one of the command's forms: tables, and text already written in that form."""

    @abstractmethod
    def as_dict(self) -> Any:
        """The data of it: the JSON that the command prints, before numbers become text."""

    @abstractmethod
    def summary(self) -> str:
        """One line of it, for ``repr``."""

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The rows of ``frame``: exact values under plain names."""
        return next((part.rows for part in self.report("csv") if isinstance(part, Table)), ())

    def frame(self) -> DataFrame:
        """Its rows as a pandas frame."""
        import pandas as pd

        return pd.DataFrame([dict(row) for row in self.rows()])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.summary()}>"

    def _repr_html_(self) -> str:
        return "\n".join(report.html(part) for part in self.report("html"))

    def _repr_markdown_(self) -> str:
        parts = self.report("markdown")
        return "\n\n".join(part if isinstance(part, str) else report.render(part, "markdown") for part in parts)
