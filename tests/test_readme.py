"""Every command and output of the README is real."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch._dynamo  # noqa: F401 - imported before the forks, once for all

from complexity_theory.evidence import evaluation
from complexity_theory.evidence.holdout import held_out
from complexity_theory.evidence.loaders import load_table
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


def test_what_it_says_of_tables_outside_the_results_is_so(shared_data: Path) -> None:
    said = [r"the RTX 3090 under PyTorch 2.1, where it errs by ([\d.]+)%", r"it fails: ([\d.]+)%"]
    files = ["benchmark-infer-amp-nchw-pt210-cu121-rtx3090.csv", "benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv"]
    tables = [load_table(str(shared_data / "timm" / file)) for file in files]
    frames = [evaluation.predictions(table, "extended") for table in tables]
    found = [_error(frame["predicted"], frame) for frame in frames]
    assert [re.findall(text, TEXT) for text in said] == [[error] for error in found]
    frame = evaluation.scope(tables[1].known, "extended")
    rivals = {_error(held_out(model, frame, "kin"), frame): name for name, model in evaluation.RIVALS.items()}
    least = min(rivals, key=float)
    assert f"beside {least}% of {rivals[least]}." in TEXT


def _error(predicted: Any, frame: pd.DataFrame) -> str:
    """The mean error, in percent."""
    return f"{100 * abs(predicted / frame['seconds'] - 1).mean():.1f}"


def test_the_readme_has_a_tour() -> None:
    assert sum(map(len, blocks(TEXT))) >= 8


def test_the_comparison_can_fail() -> None:
    assert agrees("a ... c", "a b c")
    assert not agrees("a ... c", "a b d")


def test_links_of_the_readme_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", TEXT) + re.findall(r'src="([^"]+)"', TEXT)
    missing = [t for t in targets if not t.startswith("http") and not (README.parent / t).exists()]
    assert targets
    assert missing == []
