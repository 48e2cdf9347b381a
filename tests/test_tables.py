"""The paper's tables: every cell, in every form."""

from __future__ import annotations

import csv
import io
import json

import pytest
import sympy

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.report import FORMATS, render
from complexity_theory.core.symbols import alpha, s
from complexity_theory.scaling.tables import TABLES, table
from complexity_theory.verbs.theory import growth_table, tables

# Dollár et al. 2021, tables 1 to 4: strategy, then the exponents of s in the columns shown
PAPER = {
    "simple": [
        "d    1     0     0     1     1     1",
        "w    0     1/2   0     1     1     1/2",
        "r    0     0     1/2   1     0     1",
    ],
    "compound": [
        "dw   1/2   1/4   0     1     1     3/4",
        "dr   1/2   0     1/4   1     1/2   1",
        "wr   0     1/4   1/4   1     1/2   3/4",
        "dwr  1/3   1/6   1/6   1     2/3   5/6",
    ],
    "group": [
        "w    1     0     1     1     1",
        "g    0     1     1     1     0",
        "wg   1/2   1/2   1     1     1/2",
    ],
    "fast": [
        "fast:alpha (1-alpha)/2 alpha/2 (1-alpha)/4 1 (1+alpha)/2 1-alpha/2",
        "fast:0     1/2   0     1/4   1     1/2   1",
        "fast:1/3   1/3   1/6   1/6   1     2/3   5/6",
        "fast:1/2   1/4   1/4   1/8   1     3/4   3/4",
        "fast:2/3   1/6   1/3   1/12  1     5/6   2/3",
        "fast:4/5   1/10  2/5   1/20  1     9/10  3/5",
        "fast:1     0     1/2   0     1     1     1/2",
    ],
}


def _agree(cell: sympy.Expr, exponent: str) -> bool:
    return sympy.expand(sympy.log(cell) / sympy.log(s) - sympy.sympify(exponent, {"alpha": alpha})) == 0


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_is_the_papers(name: str) -> None:
    assert set(TABLES) == set(PAPER)
    rows = growth_table(table(name)).rows
    assert [row["strategy"] for row in rows] == [line.split()[0] for line in PAPER[name]]
    for row, line in zip(rows, PAPER[name], strict=True):
        cells = [cell for column, cell in row.items() if column not in ("strategy", "known as")]
        for cell, exponent in zip(cells, line.split()[1:], strict=True):
            assert _agree(sympy.sympify(cell), exponent), (row, exponent)


def test_the_comparison_of_cells_can_fail() -> None:
    assert not _agree(s ** sympy.Rational(9, 10), "4/5")


def test_instances_of_the_family_are_known_by_their_names() -> None:
    names = {row["strategy"]: row.get("known as") for row in growth_table(table("fast")).rows}
    assert names == {
        "fast:alpha": None,
        "fast:0": "dr",
        "fast:1/3": "dwr",
        "fast:1/2": None,
        "fast:2/3": None,
        "fast:4/5": "dWr",
        "fast:1": "w",
    }


@pytest.mark.parametrize("name", TABLES)
def test_data_holds_exact_multipliers_and_exponents(name: str) -> None:
    for row, shown in zip(tables(name).as_dict(), growth_table(table(name)).rows, strict=True):
        assert (row["table"], row["strategy"]) == (name, shown["strategy"])
        assert list(row["multipliers"]) == ["depth", "width", "group_width", "resolution"]
        for metric, exponent in row["exponents"].items():
            assert s**exponent == shown[metric]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_written_in_every_form(name: str, form: str) -> None:
    written = render(growth_table(table(name)), form)
    rows = len(PAPER[name])
    if form == "json":
        assert len(json.loads(written)) == rows
    elif form == "csv":
        assert len(list(csv.reader(io.StringIO(written)))) == rows + 1
    elif form == "latex":
        assert all(rule in written for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
        assert written.count(r"\\") == rows + 1
        assert written.isascii()
    else:
        assert len(written.splitlines()) == rows + (4 if form == "markdown" else 2)


def test_an_unknown_table_is_told_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="unknown table 'nope': one of simple, compound, group, fast"):
        table("nope")
