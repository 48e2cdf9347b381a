"""Derivations as people and programs read them: their steps in each form, the growth of a layer as a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from complexity_theory.core.report import Table
from complexity_theory.scaling import steps as written
from complexity_theory.scaling.exponents import Derivation
from complexity_theory.scaling.steps import DerivationStep
from complexity_theory.scaling.strategy import Multipliers


def told(steps: Sequence[DerivationStep], form: str) -> list[Table | str]:
    """A derivation in one of the command's forms: prose, or of CSV its equations as rows."""
    if form == "csv":
        return [step_table(steps)]
    return [written.render(steps, "markdown" if form == "html" else form)]


def step_data(steps: Sequence[DerivationStep]) -> list[dict[str, Any]]:
    """The steps as data: title, and each equation as text and LaTeX."""
    return [
        {
            "title": step.title,
            "equations": [
                {
                    "text": written.chain(equation, written.text_side),
                    "latex": written.chain(equation, written.latex_side),
                }
                for equation in step.equations
            ],
        }
        for step in steps
    ]


def step_table(steps: Sequence[DerivationStep]) -> Table:
    """The steps as a table: number, title, equation."""
    return Table(
        [
            {"step": number, "title": step.title, "equation": written.chain(equation, written.text_side)}
            for number, step in enumerate(steps, 1)
            for equation in step.equations
        ]
    )


def growth_row(derivation: Derivation, dimensions: tuple[str, ...] = Multipliers._fields) -> dict[str, Any]:
    """A row of a table: the strategy, and what its dimensions and metrics are multiplied by (sympy, in s)."""
    multipliers = derivation.multipliers._asdict()
    shown = {dimension: multipliers[dimension] for dimension in dimensions}
    return {"strategy": derivation.strategy.name, **shown, **derivation.growth.as_dict()}
