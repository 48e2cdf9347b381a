"""In a terminal no number is ever cut, at any width, in any command; in a pipe nothing is folded."""

from __future__ import annotations

import re
from pathlib import Path

import pandas  # noqa: F401 - imported before the forks, once for all
import pytest
import sympy  # noqa: F401

from complexity_theory.core.folding import LEAST_TEXT, folded, prose, short
from complexity_theory.core.report import Table, cell
from complexity_theory.measurement.studies import expand
from tests.readme import run
from tests.terminal import commands, seen, seen_at
from tests.test_cli_measure import filled

WIDTHS = (80, 100, 160)
# Every command with arguments that are quick; of those that measure or draw for minutes, what they say of themselves.
EXAMPLES: dict[str, str] = {
    "derive": "dWr --network EfficientNet-B0 --network RegNetY-4.0GF",
    "tables": "",
    "closed-form": "RegNetY-4.0GF",
    "optimal": "--depth-floor 1/10",
    "roofline": "",
    "count": "EfficientNet-B0 --convention all",
    "networks": "",
    "scale": "EfficientNet-B0 --strategy dWr --target-flops 8GF",
    "export": "RegNetY-4.0GF --to pycls",
    "predict": "RegNetY-4.0GF --device rtx4090-eager-nchw",
    "compare": "EfficientNet-B0 --target-flops 3.1GF --device v100-training",
    "choose": "EfficientNet-B0 --max-params 30M --max-time 1ms --device rtx4090-eager-nchw",
    "runtime correlate": "v100-training",
    "runtime evaluate": "v100-training",
    "runtime fit": "v100-training -o mine.toml",
    "runtime devices": "",
    "runtime crossover": "",
    "runtime predict": "RegNetY-4.0GF --device v100-inference",
    "runtime compare": "ResNet-18 --target-flops 8GF --device v100-training",
    "measure plan": "scaling-quick",
    "measure errors": "",
    "measure exponents": "store.sqlite",
    "measure repeatability": "store.sqlite store.sqlite",
    "verify": "",
    "explore": "ResNet-18 --device v100-training --rounding pycls -o page.html",
    "figures": "exponents strategies --format png --output drawn",
}
STARTING = {"measure plan"}  # a process that looks modules up
LONG = {"paper", "runtime prior", "runtime profiles"}
HELPED = re.compile(r"measure .*")  # they measure: their pages of help stand for them


def _arguments(command: str) -> list[str]:
    if command in EXAMPLES:
        return [*command.split(), *EXAMPLES[command].split()]
    return [*command.split(), "--help"]


def test_every_command_is_looked_at() -> None:
    known = {" ".join(path) for path in commands()}
    assert set(EXAMPLES) <= known
    assert {name for name in known if name not in EXAMPLES and name not in LONG and not HELPED.fullmatch(name)} == set()


@pytest.mark.parametrize("command", sorted(" ".join(path) for path in commands()))
def test_in_a_terminal_no_number_is_cut(command: str, tmp_path: Path) -> None:
    widths = WIDTHS if command in EXAMPLES else WIDTHS[:1]
    if "store.sqlite" in EXAMPLES.get(command, ""):
        lists = {"networks": "EfficientNet-B0", "strategies": ["w", "dw"], "factors": [1, 4, 16], "resolutions": 96}
        filled(tmp_path / "store.sqlite", expand(lists))
    status, screens = seen_at(_arguments(command), widths, tmp_path, anew=command in STARTING)
    assert status == 0, screens
    assert len(screens) == len(widths)
    for columns, lines in zip(widths, screens, strict=True):
        text = "\n".join(lines)
        assert "…" not in text, text
        assert max(map(len, lines)) <= columns, max(lines, key=len)


@pytest.mark.parametrize("columns", WIDTHS)
def test_all_counts_of_a_scaled_network_are_seen(columns: int) -> None:
    _, lines = seen(["scale", "EfficientNet-B0", "--strategy", "dWr", "--target-flops", "3.1e9"], columns)
    text = "\n".join(lines)
    for number in ("3,102,852,234", "29,661,050", "21,996,394", "40, 56, 96, 192, 264, 456, 752"):
        assert number in text, text


def test_wide_shows_exact_numbers_and_all_columns() -> None:
    _, short_lines = seen(["compare", "ResNet-18", "--target-flops", "8GF", "--device", "v100-training"], 80)
    _, wide = seen(["compare", "ResNet-18", "--target-flops", "8GF", "--device", "v100-training", "--wide"], 80)
    assert any("short numbers" in line for line in short_lines)
    assert not any("short numbers" in line for line in wide)
    assert any(re.search(r"\d,\d{3},\d{3},\d{3}", line) for line in wide)


def test_a_pipe_gets_the_whole_table(tmp_path: Path) -> None:
    lines = run("complexity-theory networks --family RegNetY", tmp_path).splitlines()
    assert max(map(len, lines)) > max(WIDTHS)


ROWS = [
    {"network": "EfficientNet-B0", "flops": 385825092, "params": 5288548, "note": "a long remark of many words"},
    {"network": "RegNetY-4.0GF", "flops": 3973301344, "params": 20646656, "note": "another one of many words"},
]


@pytest.mark.parametrize("width", range(24, 120))
def test_a_table_fits_any_width_and_keeps_its_numbers(width: int) -> None:
    lines = folded(ROWS, list(ROWS[0]), cell, width=width, title="Networks").plain.split("\n")
    assert max(map(len, lines)) <= width
    text = " ".join(lines)
    for row in ROWS:
        for name in ("flops", "params"):
            assert cell(row[name]) in text or short(row[name]) in text


def test_a_column_that_says_the_same_stands_above() -> None:
    rows = [{"network": "a" * 30, "mode": "training", "flops": 10**9 + i} for i in range(9)]
    text = folded(rows, list(rows[0]), cell, width=46).plain
    assert text.startswith("mode: training\n")
    assert "1,000,000,008" in text


def test_optional_columns_go_before_numbers_are_shortened() -> None:
    text = folded(ROWS * 3, list(ROWS[0]), cell, width=44, optional=["note"]).plain
    assert "385,825,092" in text
    assert "left out: note" in text


def test_blocks_come_last() -> None:
    text = folded(ROWS * 3, list(ROWS[0]), cell, width=24).plain
    assert "flops    385,825,092" in text
    assert LEAST_TEXT < 24


def test_prose_breaks_at_spaces() -> None:
    text = "   flops = " + " + ".join(f"{i * 1234567}*d*w**{i}" for i in range(1, 9))
    broken = prose(text, 40)
    assert max(map(len, broken.split("\n"))) <= 40
    assert " ".join(broken.split()) == " ".join(text.split())


def test_the_check_of_widths_can_fail() -> None:
    assert max(map(len, cell("x" * 200).split("\n"))) > max(WIDTHS)
    assert "…" in Table([{"a": "1…"}]).rows[0]["a"]
