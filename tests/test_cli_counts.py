"""The commands count, networks and verify: what they print, and how they exit."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from complexity_theory import zoo
from complexity_theory.cli import main
from complexity_theory.graph.conventions import CONVENTIONS, convention
from complexity_theory.scaling import tables
from complexity_theory.scaling.exponents import Derivation, derive
from complexity_theory.scaling.strategy import Strategy, parse


class Ran:
    """Exit status, standard output and standard error of a command run in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        with pytest.raises(SystemExit) as exit_:
            main(list(arguments))
        self.status = exit_.value.code
        self.out, self.err = capsys.readouterr()

    @property
    def data(self) -> Any:
        """The output as JSON."""
        return json.loads(self.out)


@pytest.mark.parametrize(
    ("name", "canonical", "counts"),
    [
        ("EfficientNet-B0", "EfficientNet-B0", (385_825_092, 5_288_548, 6_748_036)),
        ("regnety_040", "RegNetY-4.0GF", (3_973_301_344, 20_646_656, 12_287_200)),
        ("RESNET50", "ResNet-50", (4_089_185_256, 25_557_032, 11_315_688)),
    ],
)
def test_count(name: str, canonical: str, counts: tuple[int, int, int], capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "count", name, "--format", "json")
    flops, params, acts = counts
    assert ran.status == 0
    assert ran.err == ""
    assert ran.data == {
        "network": canonical,
        "resolution": 224,
        "flops": flops,
        "params": params,
        "acts": acts,
        "products": 0,
    }


def test_count_at_another_resolution(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "count", "ResNet-18", "--resolution", "96", "--format", "json")
    assert ran.data["resolution"] == 96
    assert ran.data["flops"] == zoo.network("ResNet-18").complexity(96).flops


@pytest.mark.parametrize("name", CONVENTIONS)
def test_count_as_others_count(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "count", "ResNet-50", "--convention", name, "--format", "json")
    net = zoo.network("ResNet-50")
    assert ran.data["flops"] == convention(name).total(net.tree, net.input()).flops
    assert (ran.data["convention"], ran.data["counts"]) == (name, CONVENTIONS[name].counts)


def test_count_as_all_count(capsys: pytest.CaptureFixture[str]) -> None:
    rows = Ran(capsys, "count", "ResNet-50", "--convention", "all", "--format", "json").data
    flops = {row["convention"]: row["flops"] for row in rows}
    assert list(flops) == list(CONVENTIONS)
    assert (flops["pycls"], flops["fvcore"], flops["torch"]) == (4_089_185_256, 4_111_512_576, 8_178_368_512)


def test_count_says_what_must_be_said_of_a_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = replace(zoo.network("ResNet-18"), note="a note of its own")
    monkeypatch.setattr(zoo, "find", lambda name: noted)
    assert Ran(capsys, "count", "ResNet-18", "--format", "json").data["note"] == "a note of its own"
    assert "a note of its own" in Ran(capsys, "count", "ResNet-18").out
    assert "a note of its own" in Ran(capsys, "count", "ResNet-18", "--per-layer").out


@pytest.mark.parametrize("rule", ["pycls", "ptflops"])
@pytest.mark.parametrize(
    "name", ["RegNetY-4.0GF", "EfficientNet-B0", "ResNet-50", "ConvNeXt-Atto", "MobileNetV3-Small"]
)
def test_parts_add_up_at_every_level(name: str, rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = Ran(capsys, "count", name, "--per-layer", "--convention", rule, "--format", "json").data
    layers = data["layers"]
    for metric in ("flops", "params", "acts"):
        assert sum(part[metric] for part in layers if part["level"] == 0) == data[metric]
        assert sum(part["shares"][metric] for part in layers if part["level"] == 0) == pytest.approx(1)
        for i, part in enumerate(layers):
            below = []
            for other in layers[i + 1 :]:
                if other["level"] <= part["level"]:
                    break
                below += [other] if other["level"] == part["level"] + 1 else []
            assert not below or sum(other[metric] for other in below) == part[metric]


def test_a_repeated_block_is_told_once_with_its_copies(capsys: pytest.CaptureFixture[str]) -> None:
    out = Ran(capsys, "count", "ResNet-50", "--per-layer").out
    lines = out.splitlines()
    assert "ResNet-50 at 3x224x224" in lines[0]
    assert any(line.startswith("  rest ×5") and "1024x14x14" in line for line in lines)
    assert any(line.startswith("    residual.body.b.conv") for line in lines)
    assert lines[-1].startswith("total")
    assert "4,089,185,256" in lines[-1]
    assert "relu" not in out  # what costs nothing is left out
    csv = Ran(capsys, "count", "ResNet-50", "--per-layer", "--format", "csv").out
    assert "\nstage3.rest ×5,1024x14x14," in csv


def test_networks(capsys: pytest.CaptureFixture[str]) -> None:
    rows = Ran(capsys, "networks", "--format", "json").data
    assert [row["network"] for row in rows] == list(zoo.names())
    b0 = next(row for row in rows if row["network"] == "EfficientNet-B0")
    assert b0["flops"] == 385_825_092
    assert b0["family"] == "EfficientNet"
    assert "efficientnet_b0" in b0["aliases"]
    rows = Ran(capsys, "networks", "--family", "RegNetX", "--format", "json").data
    assert {row["family"] for row in rows} == {"RegNetX"}
    assert "resnet50" in Ran(capsys, "networks", "--family", "ResNet").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("count", "resnet51"), "unknown network 'resnet51': did you mean"),
        (
            ("count", "ResNet-50", "--resolution", "0"),
            "a resolution must be a side such as 224, or height x width such as 384x640, not '0'",
        ),
        (("count", "ResNet-50", "--resolution", "1.5"), "a resolution must be a side such as 224"),
        (("count", "ResNet-50", "--convention", "macs"), "unknown convention 'macs': one of pycls, fvcore"),
        (("count", "ResNet-50", "--convention", "all", "--per-layer"), "take one convention, not all"),
        (("networks", "--family", "AlexNet"), "unknown family 'AlexNet'"),
        (("count",), "Missing argument 'NETWORK'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, *arguments)
    assert ran.status == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert says in ran.err
    assert ran.err.count("\n") == 1


@pytest.fixture
def two_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short table in the place of the paper's."""
    table = tables.ScalingTable("short", "A short table", "conv", (parse("w"), parse("wr")))
    monkeypatch.setattr(tables, "TABLES", {"short": table})
    monkeypatch.setattr("complexity_theory.measurement.verify.TABLES", {"short": table})


def test_verify_passes_every_row_of_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "verify", "--format", "json")
    assert ran.status == 0
    assert ran.data["failed"] == 0
    assert ran.data["passed"] == len(ran.data["rows"]) == sum(len(table.rows) for table in tables.TABLES.values())
    assert {row["table"] for row in ran.data["rows"]} == {"simple", "compound", "group", "fast"}
    assert all(len(row["ratios"]) >= 3 for row in ran.data["rows"])
    assert ran.err.count("\n") == ran.data["passed"]  # progress: a line each, where there is no terminal


@pytest.mark.usefixtures("two_rows")
def test_verify_exits_1_on_a_planted_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert Ran(capsys, "verify").status == 0

    def wrong(strategy: Strategy, layer: str) -> Derivation:
        row = derive(strategy, layer)
        return (
            replace(row, exponents=replace(row.exponents, acts=row.exponents.acts * 2)) if strategy.name == "w" else row
        )

    monkeypatch.setattr(tables, "derive", wrong)
    ran = Ran(capsys, "verify", "--format", "json")
    assert ran.status == 1
    assert (ran.data["passed"], ran.data["failed"]) == (1, 1)
    assert [row["passed"] for row in ran.data["rows"]] == [False, True]
    assert "FAILS" in Ran(capsys, "verify").out


def test_verify_without_pytorch_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("complexity_theory.verbs.verifying.find_spec", lambda name: None)
    ran = Ran(capsys, "verify")
    assert ran.status == 2
    assert ran.err == "error: verify needs PyTorch: pip install 'complexity-theory[measure]'\n"


HEAVY = ("torch", "sympy", "matplotlib", "pandas", "scipy", "ray")


def loaded_by(*arguments: str) -> list[str]:
    """The heavy packages that a command, run in a process of its own, loads."""
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr))\n"
        f"from complexity_theory.cli import main; main({list(arguments)})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return list(json.loads(ran.stderr.splitlines()[-1].replace("'", '"')))


def test_counting_loads_neither_torch_nor_sympy() -> None:
    assert loaded_by("count", "ResNet-50", "--per-layer", "--convention", "fvcore") == []
    assert "sympy" in loaded_by("derive", "w")  # the check can see them
