r"""LaTeX of blocks, strategies and tables: formulas that parse, environments that close, numbers to the right.

The formulas are read by matplotlib's own parser. (All of it was compiled by pdflatex too, which is no dependency.)
"""

from __future__ import annotations

import re

import pytest
from matplotlib.mathtext import MathTextParser

import complexity_theory as ct
from complexity_theory.core.report import Table, render
from complexity_theory.scaling.blocks import USUAL

BEYOND = re.compile(r"\\begin\{array\}.*?\\end\{array\}|\\mbox\{[^{}]*\}|\\displaystyle|\\left\[|\\right\]")


def faults(latex: str) -> list[str]:
    """What does not parse: formulas, and environments that are not closed in the order they were opened."""
    found = []
    for formula in re.findall(r"(?<!\\)\$(.+?)(?<!\\)\$", latex):
        try:
            MathTextParser("path").parse(f"${BEYOND.sub('x', formula)}$")
        except ValueError as error:
            found.append(str(error))
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", latex):
        if kind == "begin":
            opened.append(name)
        elif not opened or opened.pop() != name:
            found.append(f"\\end{{{name}}}")
    bare = re.sub(r"\\[{}\\]", "", latex)
    if bare.count("{") != bare.count("}") or len(re.findall(r"(?<!\\)\$", latex)) % 2:
        found.append("braces or dollars")
    return found + opened


@pytest.mark.parametrize("layer", ["conv", "group-conv", "depthwise-conv", *USUAL])
def test_latex_of_every_block_parses(layer: str) -> None:
    strides = (1, 2) if layer in USUAL and layer != "se" else (1,)
    for strategy in ("w", "dWr", "fast:3/5"):
        for stride in strides:
            what = ct.block(layer, stride=stride) if layer in USUAL else layer
            for steps in (False, True):
                for part in ct.derive(strategy, what, steps=steps).report("latex"):
                    text = part if isinstance(part, str) else render(part, "latex")
                    assert faults(text) == []
                    assert "floor" not in text


def test_a_fault_is_found() -> None:
    assert len(faults(r"\begin{table} $\frac{a}{b$ \end{tabular}")) == 3


def test_numbers_stand_to_the_right_under_a_caption_and_a_label() -> None:
    text = render(Table([{"name": "a", "flops": 1_000, "share": 0.5}], "Of one: a table"), "latex")
    assert r"\begin{tabular}{lrr}" in text
    assert r"\caption{Of one: a table}" in text
    assert r"\label{tab:of-one-a-table}" in text


@pytest.mark.parametrize("kind", USUAL)
def test_factors_stand_in_one_order(kind: str) -> None:
    for part in ct.derive("dWr", kind, steps=True).report("latex"):
        for product in re.findall(r"[a-z](?:\^\{[^{}]*\})?(?:\\,[a-z](?:\^\{[^{}]*\})?)+", str(part)):
            letters = re.findall(r"(?:^|,)([a-z])", product)
            assert letters == sorted(letters)
