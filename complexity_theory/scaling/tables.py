"""The paper's closed-form tables (Dollár et al. 2021, tables 1 to 4), derived when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from complexity_theory.core.checks import check_choice
from complexity_theory.core.symbols import alpha
from complexity_theory.scaling.exponents import Derivation, derive
from complexity_theory.scaling.strategy import Strategy, fast, parse

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
    check_choice("table", name, TABLES)
    return TABLES[name]
