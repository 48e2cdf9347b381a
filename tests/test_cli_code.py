"""Networks as code in the commands: counted, put into closed form, scaled to a file, compared, exported, run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from complexity_theory.cli import main
from complexity_theory.measurement.count import count
from tests.detector import make

NET = f"{Path(__file__).with_name('detector.py')}:make"
INPUT = ("--input", "3x64x96")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit status of a command, and what it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["complexity-theory", *arguments])
        try:
            main()
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
    out = capsys.readouterr()
    return status, out.out, out.err


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command answers as JSON."""
    status, out, err = run(capsys, *arguments, "--format", "json")
    assert status == 0, err
    return json.loads(out)


def test_count(capsys: pytest.CaptureFixture[str]) -> None:
    expected = count(make(), (3, 64, 96))
    found = answer(capsys, "count", NET, *INPUT)
    assert {name: found[name] for name in ("flops", "params", "acts")} == expected.as_dict()
    assert found["products"] == 0
    layers = answer(capsys, "count", NET, *INPUT, "--per-layer")["layers"]
    assert sum(row["flops"] for row in layers) == expected.flops


def test_closed_form_and_exponents(capsys: pytest.CaptureFixture[str]) -> None:
    form = answer(capsys, "closed-form", NET, *INPUT)
    assert "d*" in form["flops"]
    assert "g*" in form["flops"]
    exponents = answer(capsys, "derive", "dWr", "--network", NET, *INPUT, "--at", "4")["exponents"]
    assert 0.5 < float(exponents["params"]) < 1


def test_the_tour(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Scaled to a file, which every command takes; compared on a device; exported, and run."""
    mine, code = tmp_path / "mine.toml", tmp_path / "mine.py"
    target = str(4 * count(make(), (3, 64, 96)).flops)
    found = answer(capsys, "scale", NET, *INPUT, "--strategy", "dWr", "--target-flops", target, "-o", str(mine))
    assert abs(found["deviation"]) < 0.01
    assert answer(capsys, "count", str(mine))["flops"] == found["scaled"]["flops"]
    rows = answer(capsys, "compare", str(mine), "--target-flops", target, "--device", "rtx4090-compiled-nchw")
    assert {row["strategy"] for row in rows["strategies"]} >= {"dWr", "w", "r"}
    status, _, err = run(capsys, "export", str(mine), "--to", "torch", "-o", str(code))
    assert status == 0, err
    done = subprocess.run([sys.executable, str(code)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"{found['scaled']['params']:,} params, loss ")
    status, out, _ = run(capsys, "export", str(mine), "--to", "json")
    assert status == 0
    assert json.loads(out)["format"] == "traced network"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("count", "nope.py:make"), "nope.py"),
        (("count", f"{Path(__file__).with_name('detector.py')}:nothing"), "nothing"),
        (("count", "math:pi"), "math:pi is a float, and cannot be called"),
        (("count", "collections:Counter"), "collections:Counter returned a Counter, not a torch.nn.Module"),
        (("count", "timm:resnet5"), "timm has no 'resnet5': did you mean"),
        (("count", "torchvision:resnet5"), "torchvision has no 'resnet5': did you mean"),
        (("count", NET, "--input", "3xx4"), "an input is given by its sides, such as 3x384x640, not '3xx4'"),
        (("count", NET, "--input", "4x64x96"), "does not run on an input of 4x64x96"),
        (("closed-form", NET, "--resolution", "64"), "given as input (--input)"),
        (("export", NET, *INPUT, "--to", "pycls"), "a traced one goes to torch or json"),
        (
            ("count", "ResNet-18", "--input", "4x64x96"),
            "ResNet-18 takes 3 channels x height x width, not",
        ),
    ],
)
def test_what_is_no_network_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    status, out, err = run(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_libraries_of_networks_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "count", "torchvision:resnet18")["flops"] == answer(capsys, "count", "ResNet-18")["flops"]
    assert answer(capsys, "count", "timm:resnet18")["params"] == 11689512
    assert answer(capsys, "count", "ResNet-18", "--input", "3x96x128")["resolution"] == [96, 128]


def test_a_sweep_under_four_strategies_ends_in_a_figure_and_in_a_profile(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What was made by a user's code, of a rectangular input, is measured on this machine as any other network is."""
    net, store, mine = tmp_path / "net.json", tmp_path / "mine.sqlite", tmp_path / "mine.toml"
    assert run(capsys, "export", NET, *INPUT, "--to", "json", "-o", str(net))[0] == 0
    short = ("--device", "cpu", "--threads", "1", "--rounds", "1", "--budget", "0.1", "--store", str(store))
    lists = ("--networks", str(net), "--strategies", "w,dw,dwr,dWr", "--factors", "1,2")
    status, _, err = run(capsys, "measure", "sweep", *lists, *short)
    assert status == 0, err
    assert run(capsys, "figures", "sweep", "--store", str(store), "--output", str(tmp_path))[0] == 0
    assert (tmp_path / "sweep.svg").stat().st_size > 1000
    assert "64 × 96" in (tmp_path / "README.md").read_text()
    drawn = (tmp_path / "data" / "sweep.csv").read_text()
    assert all(f"make,{strategy},2" in drawn for strategy in ("w", "dw", "dwr", "dWr"))
    assert run(capsys, "runtime", "fit", str(store), "-o", str(mine))[0] == 0
    rows = answer(capsys, "compare", str(net), "--factor", "2", "--device", str(mine))["strategies"]
    assert {"w", "dw", "dwr", "dWr"} <= {row["strategy"] for row in rows}
