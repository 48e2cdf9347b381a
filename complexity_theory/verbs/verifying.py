"""The verb that holds every table to symbols and to real layers: verify."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import Table
from complexity_theory.verbs import resolve
from complexity_theory.verbs.result import Result

if TYPE_CHECKING:
    from complexity_theory.measurement.verify import Verification


@dataclass(frozen=True, repr=False)
class Verified(Result):
    """Every row of every table held to symbols and to real layers: ``found``, by table.

    ``timed``: the exponents of runtime in a store beside those of the counts, where one was given.
    """

    found: tuple[tuple[str, Verification], ...]
    timed: tuple[dict[str, Any], ...] | None = None

    @property
    def passed(self) -> int:
        """How many rows passed."""
        return sum(verification.passed for _, verification in self.found)

    @property
    def failed(self) -> int:
        """How many rows failed."""
        return len(self.found) - self.passed

    def report(self, form: str = "text") -> Sequence[Table | str]:
        return [self.table(), *([] if self.timed is None else [exponents_table(self.timed)])]

    def table(self) -> Table:
        """A row of what was found for each row of the tables."""
        title = f"Every row of the tables, held to symbols and to real PyTorch layers: {self.summary()}"
        return Table([_shown(table, found) for table, found in self.found], title)

    def as_dict(self) -> dict[str, Any]:
        rows = [_as_dict(table, found) for table, found in self.found]
        timed = {} if self.timed is None else {"timed": list(self.timed)}
        return {"passed": self.passed, "failed": self.failed, "rows": rows, **timed}

    def summary(self) -> str:
        return f"{self.passed} passed, {self.failed} failed"


def _as_dict(table: str, found: Verification) -> dict[str, Any]:
    ratios = [{"s": r.root**r.power, **r.growth.as_dict(), "exact": r.exact} for r in found.ratios]
    return {
        "table": table,
        "strategy": found.row.strategy.name,
        "layer": found.row.layer,
        "exponents": found.row.exponents.as_dict(),
        "identity": found.identity,
        "ratios": ratios,
        "slopes": [slope.as_dict() for slope in found.slopes],
        "slope_bound": found.bound,
        "passed": found.passed,
    }


def _shown(table: str, found: Verification) -> dict[str, Any]:
    """The exponents of a row, and how many of its checks agree with them."""
    ratios = (str(ratio) if ratio.exact else f"{ratio} FAILS" for ratio in found.ratios)
    return {
        "table": table,
        "strategy": found.row.strategy.name,
        **found.row.exponents.as_dict(),
        "in symbols": "holds" if found.identity else "FAILS",
        "real stacks, exactly at s": ", ".join(ratios),
        f"error of slopes (up to {found.bound})": found.deviation,
        "passed": found.passed,
    }


def exponents_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The ``records`` of ``measured_exponents`` as a table: the exponent of runtime beside those of the counts."""
    shown = [row | {"factors": ", ".join(f"{factor:g}" for factor in row["factors"])} for row in rows]
    return Table(shown, "Exponents of s, fitted; low to high: 95% interval of runtime's")


def verify(*, timed: Any = None) -> Verified:
    """Holds every row of every table to symbols and to real PyTorch layers (``measurement.verify``).

    ``timed``: a store whose measured exponents of runtime stand beside. Raises InvalidInput without PyTorch, and for
    what is no store. Takes about a minute.
    """
    return verified(lambda pairs: pairs, timed)


def verified(progress: Callable[[Iterable[Any]], Iterable[Any]], timed: Any = None) -> Verified:
    """``verify``, with the pairs of table and verification going through ``progress`` as they come."""
    if find_spec("torch") is None:
        raise InvalidInput("verify needs PyTorch: pip install 'complexity-theory[measure]'")
    exponents = None if timed is None else _measured_exponents(resolve.path(timed, "a store"))
    from complexity_theory.measurement.verify import verify_tables

    return Verified(tuple(progress(verify_tables())), exponents)


def _measured_exponents(store: Path) -> tuple[dict[str, Any], ...]:
    from complexity_theory.measurement.analysis import measured_exponents, records
    from complexity_theory.measurement.frame import read

    return tuple(records(measured_exponents(read(store))))
