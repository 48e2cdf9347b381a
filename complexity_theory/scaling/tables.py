"""The paper's closed-form tables (Dollár et al. 2021, tables 1 to 4), derived when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from complexity_theory.core import report
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import alpha
from complexity_theory.scaling.exponents import Derivation, derive, known_as
from complexity_theory.scaling.strategy import Multipliers, Strategy, fast, parse

FAST_ALPHAS = (alpha, *(Fraction(value) for value in ("0", "1/3", "1/2", "2/3", "4/5", "1")))


@dataclass(frozen=True, slots=True)
class ScalingTable:
    """A table to derive: strategies on one kind of layer, with the dimensions to show."""

    name: str
    title: str
    layer: str
    strategies: tuple[Strategy, ...]
    dimensions: tuple[str, ...] = ("depth", "width", "resolution")

    @property
    def rows(self) -> tuple[Derivation, ...]:
        """The derivation of each strategy, in order."""
        return tuple(derive(strategy, self.layer) for strategy in self.strategies)


def _parsed(*texts: str) -> tuple[Strategy, ...]:
    return tuple(parse(text) for text in texts)


TABLES: Mapping[str, ScalingTable] = MappingProxyType(
    {
        table.name: table
        for table in (
            ScalingTable("simple", "Simple scaling of dense convolutions", "conv", _parsed("d", "w", "r")),
            ScalingTable(
                "compound", "Compound scaling of dense convolutions", "conv", _parsed("dw", "dr", "wr", "dwr")
            ),
            ScalingTable(
                "group",
                "Scaling the widths of group convolutions",
                "group-conv",
                _parsed("w", "g", "wg"),
                ("width", "group_width"),
            ),
            ScalingTable(
                "fast", "Fast scaling of dense convolutions", "conv", tuple(fast(value) for value in FAST_ALPHAS)
            ),
        )
    }
)


def table(name: str) -> ScalingTable:
    """The table of a name: simple, compound, group or fast. Raises InvalidInput for others.

    >>> [str(row.growth.acts) for row in table("group").rows]
    ['s', '1', 'sqrt(s)']
    """
    if name not in TABLES:
        raise InvalidInput(f"unknown table {name!r}: one of {', '.join(TABLES)}")
    return TABLES[name]


def as_data(table: ScalingTable) -> list[dict[str, Any]]:
    """The rows as data: table, layer, strategy, and the exact multipliers and exponents (sympy).

    >>> as_data(table("simple"))[1]["exponents"]
    {'flops': 1, 'params': 1, 'acts': 1/2}
    """
    return [{"table": table.name, **derivation_data(row)} for row in table.rows]


def derivation_data(row: Derivation) -> dict[str, Any]:
    """A derivation as data: strategy, layer, multipliers and exponents, by name and exact (sympy)."""
    return {
        "strategy": row.strategy.name,
        "layer": row.layer,
        "multipliers": row.multipliers._asdict(),
        "exponents": row.exponents.as_dict(),
    }


def as_report(table: ScalingTable) -> report.Table:
    """The table as the paper prints it: the growth of each dimension and metric as a power of s.

    Where a strategy is one of the named ones on these layers, a column says which.
    """
    rows = []
    for derivation in table.rows:
        known = known_as(derivation)
        other_name = {} if known in (None, derivation.strategy.name) else {"known as": known}
        rows.append(growth_row(derivation, table.dimensions) | other_name)
    return report.Table(rows, table.title)


def growth_row(derivation: Derivation, dimensions: tuple[str, ...] = Multipliers._fields) -> dict[str, Any]:
    """A row of a table: the strategy, and what its dimensions and metrics are multiplied by (sympy, in s)."""
    multipliers = derivation.multipliers._asdict()
    shown = {dimension: multipliers[dimension] for dimension in dimensions}
    return {"strategy": derivation.strategy.name, **shown, **derivation.growth.as_dict()}
