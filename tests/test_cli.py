"""The front door itself: how it refuses, and how it ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from complexity_theory.cli import main
from complexity_theory.core.report import Table, plain, render

COMMAND = [sys.executable, "-m", "complexity_theory"]


def test_a_value_that_does_not_parse_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for option in (["--factor", "abc"], ["--factor=abc"]):
        with pytest.raises(SystemExit) as ended:
            main(["scale", "ResNet-18", "--strategy", "w", *option])
        assert ended.value.code == 2
        err = capsys.readouterr().err
        assert "'abc'" in err
        assert err.startswith("error: ")
        assert err.count("\n") == 1


def test_output_that_cannot_be_written_is_one_line() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run([*COMMAND, "count", "ResNet-18"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: cannot use standard output: No space left on device\n"


def test_a_reader_that_leaves_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m complexity_theory networks | head -n 1", shell=True, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.startswith("network")


def test_a_locale_without_unicode_is_no_reason_to_fail() -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [*COMMAND, "count", "ResNet-50", "--per-layer"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "rest \\xd72" in done.stdout


def test_json_has_no_nan() -> None:
    assert plain([float("nan"), float("inf"), 1.5]) == [None, None, 1.5]


@pytest.mark.parametrize("form", ["markdown", "latex", "text"])
def test_a_line_break_in_a_cell_breaks_no_table(form: str) -> None:
    broken, whole = (Table([{"name": f"a{space}b", "n": 1}], f"t{space}u") for space in ("\n", " "))
    assert render(broken, form) == render(whole, form)
