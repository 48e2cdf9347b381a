"""Text from outside does no harm where it is shown."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory.core import report, text
from complexity_theory.core.report import Table

HOSTILE = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "\x1b[2J\x1b]0;x\x07", "a\x9b31m", "\u202egnp.exe"]
HOSTILE += [
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "a | b",
    "\ud800",
    "\0",
    "a\nb",
    "`x`",
    "![i](http://x)",
]


@given(st.text(st.characters(codec=None), max_size=50) | st.sampled_from(HOSTILE))
def test_what_is_shown_steers_nothing(name: str) -> None:
    for form in ("text", "csv", "markdown", "latex"):
        shown = report.render(Table([{name: name, "n": 1}], name), form)
        assert all(character.isprintable() for line in shown.split("\n") for character in line)
        shown.encode()
    data = report.render(Table([{"name": name}]), "json")
    data.encode()
    assert all(character.isprintable() for line in data.split("\n") for character in line)
    assert json.loads(data) == [{"name": name}]


@given(st.text(max_size=30) | st.sampled_from(HOSTILE))
def test_no_cell_of_a_csv_is_a_formula(name: str) -> None:
    rows = list(csv.reader(io.StringIO(report.render(Table([{"name": name, "other": -1.5}]), "csv"))))
    cell = rows[1][0] if rows[1] else ""
    assert not cell.startswith(("=", "@", "\t", "\r"))
    assert not cell.startswith(("+", "-")) or cell == "-" or all(c in "+-0123456789.,eE" for c in cell)
    assert rows[1][1] == "-1.5"


@given(st.text(max_size=30) | st.sampled_from(HOSTILE))
def test_no_text_is_html_or_a_link_in_markdown(name: str) -> None:
    shown = text.for_markdown(name)
    assert "<" not in shown
    assert ">" not in shown
    bare = shown.replace("\\\\", "")
    assert all(bare[max(i - 1, 0)] == "\\" for i, c in enumerate(bare) if c in "[]|`")


def test_the_checks_of_harm_can_fail() -> None:
    assert not all(c.isprintable() for c in "\x1b[2J")
    assert "=1+1".startswith("=")
    assert report.render(Table([{"a": "=1+1"}]), "csv") == "a\n'=1+1"


def test_a_message_is_short_and_says_both_ends() -> None:
    assert len(text.short("x" * 10**6)) <= text.LONGEST
    assert text.short("a" * 5000 + "the end").endswith("the end")
    assert len(text.short("\x1b" * 999)) <= text.LONGEST


@pytest.mark.parametrize("name", HOSTILE)
def test_html_has_no_tags_of_names(name: str) -> None:
    shown = text.for_html(f"{name}<b a='x' c=\"y\">")
    assert not set("<>\"'") & set(shown)
