"""The front door of the theory: derive, tables, closed-form, optimal, roofline."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import Any

import pytest
import sympy

from complexity_theory.cli import main
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.scaling.exponents import LAYERS
from complexity_theory.scaling.tables import TABLES

Capture = pytest.CaptureFixture[str]
FORMS = ("text", "csv", "markdown", "latex")


def run(capsys: Capture, *arguments: str) -> str:
    """What a command prints; it must succeed and keep standard error empty."""
    with pytest.raises(SystemExit) as status:
        main(list(arguments))
    printed = capsys.readouterr()
    assert status.value.code == 0, printed.err
    assert printed.err == ""
    return printed.out


def data(capsys: Capture, *arguments: str) -> Any:
    return json.loads(run(capsys, *arguments, "--format", "json"))


def refused(capsys: Capture, *arguments: str) -> str:
    """The one line with which a command refuses bad input."""
    with pytest.raises(SystemExit) as status:
        main(list(arguments))
    printed = capsys.readouterr()
    assert status.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert len(printed.err.splitlines()) == 1
    return printed.err


def test_derive_prints_exact_multipliers_and_exponents(capsys: Capture) -> None:
    assert data(capsys, "derive", "dWr") == {
        "strategy": "dWr",
        "layer": "conv",
        "multipliers": {
            "depth": "s**(1/10)",
            "width": "s**(2/5)",
            "group_width": "s**(2/5)",
            "resolution": "s**(1/20)",
        },
        "exponents": {"flops": "1", "params": "9/10", "acts": "3/5"},
        "kept": "3/5",
    }


@pytest.mark.parametrize(
    ("arguments", "exponents"),
    [
        (["fast:0.6"], ["1", "4/5", "7/10"]),
        (["d1_w8_g8_r1"], ["1", "9/10", "3/5"]),
        (["w", "--layer", "group-conv"], ["1", "1", "1"]),
        (["wg", "--layer", "group-conv"], ["1", "1", "1/2"]),
        (["dwr", "--layer", "depthwise-conv"], ["1", "3/5", "1"]),
        (["fast:alpha"], ["1", "alpha/2 + 1/2", "1 - alpha/2"]),
    ],
)
def test_derive_knows_strategies_and_layers(capsys: Capture, arguments: list[str], exponents: list[str]) -> None:
    assert list(data(capsys, "derive", *arguments)["exponents"].values()) == exponents


@pytest.mark.parametrize("steps", [[], ["--steps"]])
@pytest.mark.parametrize("form", FORMS)
def test_derive_is_written_in_every_form(capsys: Capture, form: str, steps: list[str]) -> None:
    for arguments in (["dWr"], ["w", "--network", "RegNetY-4.0GF", "--at", "2"]):
        written = run(capsys, "derive", *arguments, *steps, "--format", form)
        assert len(written.splitlines()) >= (2 if form == "csv" else 3)


def test_derive_steps_are_in_the_json_as_well(capsys: Capture) -> None:
    found = data(capsys, "derive", "w", "--steps")
    assert found["exponents"]["acts"] == "1/2"
    assert [len(step["equations"]) for step in found["steps"]] == [3, 1, 2, 2, 4, 3, 3]


def test_derive_of_a_network_at_a_factor_is_floats(capsys: Capture) -> None:
    found = data(capsys, "derive", "dWr", "--network", "efficientnet_b0", "--at", "16")
    assert (found["strategy"], found["network"], found["at"]) == ("dWr", "EfficientNet-B0", 16)
    assert found["multipliers"]["width"] == pytest.approx(16**0.4)
    assert round(found["exponents"]["params"], 2) == 0.87
    assert found["limits"] == {"flops": "1", "params": "9/10", "acts": "3/5"}


def test_what_training_keeps_stands_beside_the_metrics(capsys: Capture) -> None:
    found = data(capsys, "closed-form", "ResNet-50")
    assert found["kept"] == "337920*d*n**2*w + 52224*n**2*w + 44032*n**2 + 2048*w"
    assert "n^{2}" in found["latex"]["kept"]
    assert {"flops", "params", "acts", "kept"} <= set(found["terms"][0])
    assert "kept = 337920*d*n**2*w" in run(capsys, "closed-form", "ResNet-50")
    at = data(capsys, "derive", "dWr", "--network", "EfficientNet-B0", "--at", "1")
    assert at["kept"] == pytest.approx(0.5785, abs=1e-4)
    assert at["kept_limit"] == "3/5"
    table = data(capsys, "derive", "dWr", "--network", "EfficientNet-B0")
    assert table["kept"] == table["table"][-1]["kept"] == "3/5"
    assert run(capsys, "derive", "w").splitlines()[1].split()[-1] == "kept"


def test_derive_of_a_network_without_a_factor_is_limits_and_a_table(capsys: Capture) -> None:
    found = data(capsys, "derive", "dWr", "--network", "RegNetY-4.0GF")
    assert found["exponents"] == {"flops": "1", "params": "9/10", "acts": "3/5"}
    assert found["multipliers"]["resolution"] == "s**(1/20)"
    assert [row["s"] for row in found["table"]] == [1, 2, 4, 8, 16, 32, "oo"]
    assert {row["convolutions"] for row in found["group_widths"]} == {"group, g kept", "group, g scaled as w", "dense"}


def test_derive_of_several_networks_is_one_table(capsys: Capture) -> None:
    names = ["--network", "ResNet-50", "--network", "EfficientNet-B0"]
    assert [found["network"] for found in data(capsys, "derive", "w", *names)] == ["ResNet-50", "EfficientNet-B0"]
    rows = list(csv.DictReader(io.StringIO(run(capsys, "derive", "w", *names, "--format", "csv"))))
    assert [row["s"] for row in rows] == ["1", "2", "4", "8", "16", "32", "oo"] * 2


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["nonsense"], "'n' is unknown"),
        (["DWR"], "case matters"),
        (["g"], "does not change the flops of a conv"),
        (["w", "--layer", "dense"], "unknown layer 'dense'"),
        (["w", "--at", "4"], "give a network (--network) as well"),
        (["w", "--layer", "conv", "--network", "ResNet-50"], "exclude each other"),
        (["w", "--network", "ResNet-51"], "ResNet-5"),
        (["w", "--network", "ResNet-50", "--at", "0"], "above 0, not 0"),
        (["w", "--network", "ResNet-50", "--at", "nan"], "above 0, not nan"),
        (["g", "--network", "ResNet-50"], "does not change the flops of ResNet-50"),
        (["fast:alpha", "--network", "ResNet-50"], "give alpha a value"),
        (["w", "--network", "ResNet-50", "--network", "ResNet-18", "--steps"], "one network at a time"),
        (["w", "--format", "yaml"], "yaml"),
    ],
)
def test_derive_refuses_bad_input_in_one_line(capsys: Capture, arguments: list[str], part: str) -> None:
    assert part in refused(capsys, "derive", *arguments)


def test_tables_are_rows_with_the_name_of_their_table(capsys: Capture) -> None:
    rows = data(capsys, "tables")
    assert {row["table"] for row in rows} == set(TABLES)
    assert data(capsys, "tables", "fast") == [row for row in rows if row["table"] == "fast"]
    row = next(row for row in rows if row["strategy"] == "dwr")
    assert row["exponents"] == {"flops": "1", "params": "2/3", "acts": "5/6"}


@pytest.mark.parametrize("form", FORMS)
def test_tables_are_written_in_every_form(capsys: Capture, form: str) -> None:
    written = run(capsys, "tables", "--format", form)
    assert written.count("dwr") >= 2
    assert "simple" in refused(capsys, "tables", "nope")


def test_closed_forms_are_polynomials_that_can_be_read_back(capsys: Capture) -> None:
    found = data(capsys, "closed-form", "EfficientNet-B0")
    symbols = {"d": d, "w": w, "g": g, "n": n}
    at = {d: 1, w: 1, g: 1, n: 7}
    counts = [sympy.sympify(found[metric], symbols).subs(at) for metric in ("flops", "params", "acts")]
    assert counts == [385_825_092, 5_288_548, 6_748_036]
    assert found["n"] == "7"
    assert sum(row["flops"] * 7 ** row["n"] for row in found["terms"]) == 385_825_092


@pytest.mark.parametrize("form", FORMS)
def test_closed_forms_are_written_in_every_form(capsys: Capture, form: str) -> None:
    written = run(capsys, "closed-form", "RegNetY-4.0GF", "--format", form)
    assert "35463168" in written


def test_closed_forms_say_where_the_resolution_is_no_multiple_of_32(capsys: Capture) -> None:
    assert "n = 15/2, no integer" in run(capsys, "closed-form", "EfficientNet-B1")
    assert "no integer" not in run(capsys, "closed-form", "EfficientNet-B0")


def test_the_optimum_with_the_floors_of_dwr_mostly_width_is_it(capsys: Capture) -> None:
    floors = ["--depth-floor", "1/10", "--resolution-floor", "0.05"]
    assert data(capsys, "optimal", *floors) == data(capsys, "derive", "dWr")
    assert data(capsys, "optimal")["strategy"] == "w"
    assert "take 2 of the flops' exponent, which is 1" in refused(capsys, "optimal", "--depth-floor", "2")
    assert "the depth floor" in refused(capsys, "optimal", "--depth-floor", "high")


def test_the_roofline_is_symbols_until_numbers_are_given(capsys: Capture) -> None:
    rows = data(capsys, "roofline", "w", "d")
    assert [row["compute-bound from s"] for row in rows] == ["F**2*b**2/(B**2*k**4*w**2)", None]
    device = ["--flop-rate", "8e12", "--bandwidth", "1e12", "--bytes-per-act", "8", "--width", "4", "--kernel", "1"]
    assert data(capsys, "roofline", "w", *device)[0]["compute-bound from s"] == pytest.approx(256)
    assert len(data(capsys, "roofline")) == 8
    assert "width must be a number above 0" in refused(capsys, "roofline", "--width", "0")


def test_the_help_says_that_case_matters_and_names_the_layers() -> None:
    for command, words in {
        "derive": ["case", "matters", *LAYERS],
        "optimal": list(LAYERS),
        "tables": list(TABLES),
    }.items():
        shown = subprocess.run(
            [sys.executable, "-m", "complexity_theory", command, "--help"],
            capture_output=True,
            text=True,
            check=True,
            env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb", "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        assert all(word in shown for word in words)


def test_tables_load_neither_torch_nor_networks() -> None:
    code = (
        "import sys, contextlib, io\nfrom complexity_theory.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    main(['tables'])\n"
        "loaded = {'torch', 'scipy', 'pandas', 'matplotlib', 'ray', 'complexity_theory.zoo'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
