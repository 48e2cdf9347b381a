"""The commands of runtime, predict and compare: what they print, and how they exit."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from complexity_theory.choice.compare import STRATEGIES
from complexity_theory.cli import main
from complexity_theory.devices import profile as devices


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


def test_correlate(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "runtime", "correlate", "v100-training", "--format", "json")
    assert ran.status == 0
    pooled = {row["metric"]: row for row in ran.data["correlations"] if row["family"] == "all"}
    assert pooled["acts"]["pearson_log"] > pooled["flops"]["pearson_log"]
    assert pooled["acts"]["n"] == 36
    assert {"pearson", "pearson_log", "spearman", "pearson_low", "pearson_high"} <= set(pooled["acts"])
    assert (pooled["acts"]["largest"], round(pooled["flops"]["pearson_rest"], 2)) == ("EfficientNet-B5", 0.90)
    ranked = {row["metric"]: row["accuracy"] for row in ran.data["rankings"]}
    assert ranked["acts"] > ranked["flops"]


def test_correlate_in_text_and_csv(capsys: pytest.CaptureFixture[str]) -> None:
    text = Ran(capsys, "runtime", "correlate", "early-convolutions")
    assert "Ranked right at equal flops" in text.out
    head = text.out.splitlines()[1].split("  ")
    assert [name.strip() for name in head if name.strip()][3:] == [
        "log r",
        "rank",
        "linear r",
        "without the largest",
        "largest",
    ]
    assert "note: 16 names that the zoo does not know: RegNetY-1GF" in text.err
    first = Ran(capsys, "runtime", "correlate", "v100-inference", "--format", "csv").out.split("\n\n")[0]
    rows = list(csv.DictReader(io.StringIO(first)))
    assert rows[0]["metric"] == "flops"
    assert float(rows[0]["pearson_low"]) < float(rows[0]["pearson"])


def test_evaluate(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "runtime", "evaluate", "v100-inference", "--format", "json")
    assert ran.status == 0
    keys = {"lofo_mape", "new_kin_mape", "few_mape", "loo_mape", "median_ape", "spearman", "ranking", "coverage"}
    keys |= {"n", "families"}
    assert keys <= set(ran.data)
    assert all(keys <= set(scores) for scores in ran.data["baselines"].values())
    assert ran.data["lofo_mape"] < ran.data["baselines"]["flops"]["lofo_mape"]
    text = Ran(capsys, "runtime", "evaluate", "v100-inference", "--scope", "extended")
    assert "the predictor" in text.out
    assert "held out" in text.out


def test_fit_then_predict_on_the_fitted_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my-device.toml"
    ran = Ran(capsys, "runtime", "fit", "v100-training", "-o", str(path))
    assert ran.status == 0
    assert f"wrote {path}: 36 measurements" in ran.err
    assert tomllib.loads(path.read_text())["name"] == "my-device"
    mine = Ran(capsys, "predict", "ResNet-50", "--device", str(path), "--format", "json").data
    shipped = Ran(capsys, "predict", "ResNet-50", "--device", "v100-training", "--format", "json").data
    assert mine["seconds"] == pytest.approx(shipped["seconds"], rel=1e-3)
    assert mine["device"] == "my-device"


def test_devices_lists_every_profile(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "runtime", "devices", "--format", "json")
    assert [row["device"] for row in ran.data] == list(devices.names())


def test_crossover(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "runtime", "crossover", "ResNet-50", "--device", "v100-inference", "--format", "json")
    (row,) = ran.data
    assert row["device"] == "v100-inference"
    assert row["s, w"] > 0


@pytest.mark.parametrize("prefix", [(), ("runtime",)])
def test_predict_stands_at_the_top_and_under_runtime(
    prefix: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, *prefix, "predict", "RegNetY-4.0GF", "--device", "v100-inference", "--format", "json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.data["low"] < ran.data["seconds"] < ran.data["high"]
    assert ran.data["flops"] == 3_973_301_344
    assert ran.data["warnings"] == []
    assert set(ran.data["terms"]) == set(devices.load_profile("v100-inference").coefficients)
    assert ran.data["memory"] == sum(ran.data["memory_parts"].values()) > 4 * ran.data["params"]


def test_a_prior_is_learned_written_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "prior.toml"
    ran = Ran(capsys, "runtime", "prior", "--tables", str(tmp_path), "-o", str(path))
    assert (ran.status, ran.out) == (0, "")
    assert f"wrote {path}: 2 tables, 72 measurements" in ran.err
    with_it = Ran(capsys, "runtime", "evaluate", "v100-inference", "--prior", str(path), "--format", "json").data
    without = Ran(capsys, "runtime", "evaluate", "v100-inference", "--format", "json").data
    assert with_it["lofo_mape"] != pytest.approx(without["lofo_mape"], rel=1e-3), "both tables are of a V100"
    assert with_it["lofo_mape"] == pytest.approx(with_it["new_kin_mape"])
    folder = tmp_path / "profiles"
    ran = Ran(capsys, "runtime", "profiles", "--tables", str(tmp_path), "-o", str(folder), "--prior", str(path))
    assert ran.status == 0
    assert sorted(file.name for file in folder.iterdir()) == ["v100-inference.toml", "v100-training.toml"]


def test_a_batch_below_the_fitted_ones_is_refused_with_a_bound(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "predict", "ResNet-50", "--device", "rtx4090-eager-nchw", "--batch", "1")
    assert (ran.status, ran.out) == (2, "")
    assert "does not tell the time at batch 1, only that an image takes at least" in ran.err


def test_predict_a_scaled_network_at_a_batch(capsys: pytest.CaptureFixture[str]) -> None:
    scaled = ("--strategy", "dWr", "--target-flops", "1.2e9", "--batch", "8")
    ran = Ran(capsys, "predict", "EfficientNet-B0", *scaled, "--device", "v100-inference", "--format", "json")
    assert ran.data["flops"] == pytest.approx(1.2e9, rel=0.02)
    assert ran.data["batch"] == 8
    assert ran.data["strategy"] == "dWr"


def test_predict_warns_outside_what_was_fitted(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "predict", "VGG-16", "--device", "v100-inference", "--format", "json")
    assert ran.status == 0
    assert "warning: VGG is not among the kin that v100-inference was fitted to" in ran.err
    assert len(ran.data["warnings"]) == len(ran.err.splitlines())


@pytest.mark.parametrize("prefix", [(), ("runtime",)])
def test_compare(prefix: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    about = ("--target-flops", "1e9", "--device", "v100-training")
    ran = Ran(capsys, *prefix, "compare", "EfficientNet-B0", *about, "--format", "json")
    assert ran.status == 0
    rows = ran.data["strategies"]
    assert {row["strategy"] for row in rows} == set(STRATEGIES)
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)
    assert {"flops", "params", "acts", "seconds", "low", "high", "memory"} <= set(rows[0])


def test_compare_in_text(capsys: pytest.CaptureFixture[str]) -> None:
    ran = Ran(capsys, "compare", "EfficientNet-B0", "--target-flops", "1e9", "--device", "v100-training")
    assert "EfficientNet-B0 at 1GF on v100-training (training, fp32, eager, batch 64)" in ran.out
    assert "memory, GiB" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("runtime", "evaluate", "a100"), "no table 'a100'"),
        (("runtime", "evaluate", "v100-training", "--scope", "all"), "unknown scope 'all': one of core, extended"),
        (("runtime", "correlate", "v100-training", "--where", "mode"), "--where takes NAME=VALUE, not 'mode'"),
        (("runtime", "fit", "v100-training", "-o", "x.json"), "a profile is a .toml file, not x.json"),
        (("runtime", "fit", "v100-training", "-o", "/proc/nowhere/x.toml"), "cannot write /proc/nowhere/x.toml: "),
        (("runtime", "correlate", "v100-training", "--where", "=x"), "--where takes NAME=VALUE, not '=x'"),
        (("compare", "ResNet-50", "--device", "v100-training", "--target-flops", "1e300"), "'1e300': at most 1e+30"),
        (("predict", "ResNet-51", "--device", "v100-training"), "unknown network 'ResNet-51'"),
        (("predict", "ResNet-50", "--device", "h100"), "unknown device 'h100'"),
        (("predict", "ResNet-50", "--device", "rtx4090-training"), "of rtx4090 there are rtx4090-compiled-nchw"),
        (("runtime", "evaluate", "v100-training", "--prior", "/nowhere.toml"), "cannot read /nowhere.toml"),
        (("runtime", "evaluate", "v100-training", "--prior", "pyproject.toml"), "is no prior of devices"),
        (("predict", "ResNet-50", "--device", "v100-training", "--batch", "0"), "batch must be at least 1"),
        (
            ("predict", "ResNet-50", "--device", "v100-training", "--factor", "2"),
            "to scale takes a strategy (--strategy)",
        ),
        (
            ("predict", "ResNet-50", "--device", "v100-training", "--strategy", "w"),
            "to scale takes a strategy (--strategy)",
        ),
        (
            ("predict", "ResNet-50", "--device", "v100-training", "--strategy", "w", "--target-flops", "1e300"),
            "'1e300': at most 1e+30",
        ),
        (("compare", "ResNet-50", "--device", "v100-training", "--target-flops", "1"), "out of reach"),
    ],
)
def test_bad_input_exits_2_with_one_line(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = Ran(capsys, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_predict_loads_neither_pandas_nor_scipy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from complexity_theory.cli import main\n"
        "try: main(['predict', 'ResNet-50', '--device', 'v100-training'])\n"
        "except SystemExit: print({'pandas', 'scipy', 'torch', 'sympy'} & set(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"
