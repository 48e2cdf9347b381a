"""Every command and output of the README is real."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from tests.readme import README, Example, agrees, blocks, prepare, run, with_results

TEXT = README.read_text()


@pytest.mark.parametrize("block", blocks(TEXT), ids=lambda block: block[0].command)
def test_a_block_prints_what_the_readme_says(block: list[Example], tmp_path: Path) -> None:
    prepare(tmp_path)
    for example in block:
        printed = run(example.command, tmp_path)
        assert agrees(example.output, printed), printed


def test_the_python_of_the_readme_runs() -> None:
    results = doctest.testfile(str(README), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert results.failed == 0
    assert results.attempted > 0


def test_the_results_are_those_of_the_figures() -> None:
    assert with_results(TEXT) == TEXT
    assert with_results(TEXT.replace("%", "")) != TEXT.replace("%", "")


def test_the_readme_has_a_tour() -> None:
    assert sum(map(len, blocks(TEXT))) >= 8


def test_the_comparison_can_fail() -> None:
    assert agrees("a ... c", "a b c")
    assert not agrees("a ... c", "a b d")


def test_links_of_the_readme_lead_somewhere() -> None:
    import re

    targets = re.findall(r"\]\(([^)#]+)\)", TEXT) + re.findall(r'src="([^"]+)"', TEXT)
    missing = [t for t in targets if not t.startswith("http") and not (README.parent / t).exists()]
    assert targets
    assert missing == []
