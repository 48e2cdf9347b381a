"""What runs say: cells, comparisons corrected for their number, words; and the command, from nothing to its figure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence import accuracy as evidence
from complexity_theory.evidence.accuracy import ALL, STRATEGIES, cells, comparisons, words
from complexity_theory.evidence.known import interval, known_accuracy
from complexity_theory.figures import accuracy as drawn
from complexity_theory.figures import registry
from complexity_theory.measurement import jobs
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.training import results, study
from tests.fake_images import folder, network
from tests.test_cli_measure import command


def runs(effects: dict[str, float], *, seeds: int = 3, noise: float = 0.001, draw: int = 0) -> pd.DataFrame:
    """Runs of three networks whose errors are 8%, an effect of the strategy, one of the seed, and noise."""
    generator = np.random.default_rng(draw)
    return pd.DataFrame(
        {
            **{"network": name, "family": "RegNetY", "strategy": strategy, "factor": 4.0, "seed": seed},
            **{"flops": 9e6, "params": 1e5, "acts": 1e5, "resolution": 28, "data": "images"},
            "error": 0.08 + effects.get(strategy, 0.0) + 0.01 * seed + noise * generator.normal(),
        }
        for name in ("A", "B", "C")
        for strategy in STRATEGIES
        for seed in range(seeds)
    )


def test_intervals_are_those_of_student() -> None:
    values = np.random.default_rng(0).normal(size=7)
    found = interval(values)
    known = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert np.isnan(interval(values[:1]).low)


def test_an_interval_of_a_share_ends_where_shares_end() -> None:
    found = cells(runs({"w": -0.085, "dw": 0.905}, noise=0)).set_index("strategy")  # errors near 0, and near 1
    assert found.loc["w", "low"].eq(0).all()
    assert found.loc["dw", "high"].eq(1).all()
    assert found.loc["dWr", "low"].gt(0).all()
    assert (found["low"] < found["error"]).all()
    assert np.isnan(cells(runs({}, seeds=1)).loc[0, "low"])


def test_the_intervals_of_a_question_hold_at_once_as_often_as_they_say() -> None:
    effects = {"w": 0.004, "dw": 0.002}
    missed = 0
    for draw in range(60):
        found = comparisons(runs(effects, draw=draw))
        found = found[found["network"] == ALL]
        truth = found["first"].map(effects).fillna(0) - found["second"].map(effects).fillna(0)
        missed += not ((found["low"] <= truth) & (truth <= found["high"])).all()
    assert 0 < missed <= 8  # 5% of 60, and what chance adds


def test_a_difference_that_is_there_is_found_and_one_that_is_not_is_not() -> None:
    found = comparisons(runs({"w": 0.01})).set_index(["network", "first", "second"])
    assert found.loc[(ALL, "w", "dWr"), "differ"]
    assert not found.loc[(ALL, "dw", "dWr"), "differ"]
    assert found.loc[(ALL, "w", "dWr"), "pairs"] == 9
    assert found.loc[("A", "w", "dWr"), "pairs"] == 3
    assert found.loc[(ALL, "w", "dWr"), "difference"] == pytest.approx(0.01, abs=0.001)
    false = sum(comparisons(runs({}, draw=draw))["differ"].sum() for draw in range(30))
    assert false <= 7  # two questions of 5% each, thirty times


def test_pairing_by_seed_takes_out_what_a_seed_does_to_all() -> None:
    paired = comparisons(runs({"w": 0.004}))
    mixed = runs({"w": 0.004})
    mixed.loc[mixed["strategy"] == "w", "seed"] = (mixed["seed"] + 1) % 3
    unpaired = comparisons(mixed)
    width = [float((found["high"] - found["low"])[0]) for found in (paired, unpaired)]
    assert width[1] > 3 * width[0]


def test_words_say_what_the_table_says() -> None:
    said = list(words(comparisons(runs({"w": 0.01, "dw": -0.01}, noise=1e-5))))
    assert len(said) == 6
    assert said[0].startswith("w errs more than dw, by 2.00 [")
    assert "dwr and dWr cannot be told apart: they differ by less than 0.00 points (x4, 9 pairs)." in said
    assert said[0].endswith("points (x4, 9 pairs).")


def test_too_few_runs_are_not_compared() -> None:
    with pytest.raises(InvalidInput, match="3 seeds or more"):
        comparisons(runs({}, seeds=2).query("network == 'A'"))


def test_cells_are_means_over_seeds() -> None:
    found = cells(runs({"w": 0.01}, seeds=4, noise=0)).set_index(["network", "strategy"])
    assert found.loc[("B", "w"), ["seeds", "error"]].tolist() == pytest.approx([4, 0.105])
    assert found.loc[("B", "w"), "spread"] == pytest.approx(np.std([0, 0.01, 0.02, 0.03], ddof=1))


def test_what_is_known_of_a_network() -> None:
    (one,) = known_accuracy("ResNet-50")
    assert (one.data, one.low, one.error, one.flops) == ("ImageNet", None, pytest.approx(0.232, abs=0.01), 4089185256)
    assert str(one).endswith("on ImageNet (ResNet-50, 4,089.2 MF, 1 run; pycls Model Zoo)")
    mine = runs({}).to_dict("records")
    found = known_accuracy("RegNetY-4.0GF", "dWr", runs=mine)
    assert [each.of for each in found] == ["A", "B", "C"]
    assert str(found[0]).endswith("on images (A, 9.0 MF, 3 runs; a study of this package)")
    assert known_accuracy("ResNet-50", "dWr", runs=mine) == []
    assert known_accuracy("mine", "dWr", family="RegNetY", runs=mine) == found
    (shipped,) = known_accuracy("EfficientNet-B0", "dWr")
    cell = cells(evidence.shipped()).set_index(["network", "strategy"]).loc[("MBConv-1MF", "dWr")]
    assert (shipped.error, shipped.low, shipped.runs) == pytest.approx((cell["error"], cell["low"], 3))


def test_compare_and_choose_say_what_is_known_beside_the_times(capfd: pytest.CaptureFixture[str]) -> None:
    for name, said in (("EfficientNet-B0", "errors of MBConv-1MF by 3 runs"), ("ResNet-18", "nothing is known")):
        assert command("compare", name, "--factor", 2, "--device", "v100-training", "--format", "json") == 0
        shown = capfd.readouterr()
        assert said in shown.err
        rows = {row["strategy"]: row["accuracy"] for row in json.loads(shown.out)["strategies"]}
        assert bool(rows["dWr"]) == (name == "EfficientNet-B0")
        assert rows["d"] == []
    assert command("choose", "RegNetY-500MF", "--max-params", "9M", "--format", "json") == 0
    shown = capfd.readouterr()
    assert "errors of RegNetY-2MF by 3 runs on fashion-mnist" in shown.err
    rows = {row["strategy"]: row["accuracy"] for row in json.loads(shown.out)["candidates"]}
    assert rows["dw"][0]["of"] == "RegNetY-2MF"


def test_the_study_that_comes_with_the_package_is_whole() -> None:
    shipped = evidence.shipped()
    assert shipped is not None
    found = evidence.summary(shipped)
    assert len(found) == 20
    assert (found["seeds"] >= 3).all()
    assert found[["error", "low", "high", "measured", "predicted"]].notna().all().all()
    own = found[found["strategy"] != "base"].groupby("network")["flops"]
    assert (own.max() / own.min() < 1.0125).all()
    assert set(shipped["data"]) == {"fashion-mnist"}
    assert shipped["description"].map(lambda text: json.loads(text)["classes"] == 10).all()


STUDY = """
recipe = "{folder}/tiny.toml"
data = "{folder}/images"
seeds = 3
[[cells]]
networks = ["{folder}/net.toml"]
strategies = ["w", "dw"]
factors = [1, 4]
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study that has been run."""
    place = tmp_path_factory.mktemp("accuracy")
    folder(place / "images")
    network(place / "net.toml")
    (place / "tiny.toml").write_text("epochs = 2\nbatch = 16\nlearning_rate = 0.05\n")
    (place / "study.toml").write_text(STUDY.format(folder=place))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(jobs._SIDES, "cpu", {"matmul": 64, "copy": 64})
        patch.setattr(study, "TIMED", Protocol(rounds=1, warmup=0.1, min_time=0.01, max_time=0.02, budget=0.01))
        assert command(*arguments(place)) == 0
        yield place


def arguments(place: Path) -> list[object]:
    return [
        *("measure", "accuracy", "--study", place / "study.toml", "--store", place / "m.sqlite"),
        *("--device", "cpu", "--processes", 2),
    ]


def test_a_study_ends_with_a_table_and_a_figure(studied: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert command(*arguments(studied), "--format", "json", "--export", studied / "runs.csv") == 0
    said = capfd.readouterr()
    assert "nothing to do: all 9 runs are in" in said.err
    found: dict[str, Any] = json.loads(said.out)
    assert [(row["strategy"], row["seeds"]) for row in found["cells"]] == [("base", 3), ("w", 3), ("dw", 3)]
    assert all(row["measured"] > 0 and row["predicted"] > 0 for row in found["cells"])
    assert len(found["comparisons"]) == len(found["findings"]) == 1
    assert (studied / "m.svg").read_text().startswith("<?xml")
    assert not (studied / "m.sqlite.checkpoints").exists()
    kept = pd.read_csv(studied / "runs.csv", comment="#")
    assert len(kept) == 9
    assert evidence.summary(kept)["error"].tolist() == [row["error"] for row in found["cells"]]


def test_the_runs_of_a_store_by_epoch(studied: Path) -> None:
    frame = results.runs(studied / "m.sqlite")
    rows = results.by_epoch(frame)
    assert len(rows) == 18
    assert rows["epoch"].tolist() == [1, 2] * 9
    assert (rows["error_low"] <= rows["error"]).all()
    assert frame["seconds_per_image"].notna().all()
    assert set(frame["timed_batch"]) == {16}


def test_the_text_of_a_study_and_its_bad_input(
    studied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments(studied)) == 0
    shown = capfd.readouterr().out
    assert "differences at equal flops, all with 95% at once" in shown
    monkeypatch.chdir(tmp_path)
    for more, said in (
        (["--quick", "--study", "fashion"], "--quick is a study of its own"),
        (["--budget", "soon"], "'soon'"),
        (["--study", "large"], "unknown study 'large'"),
        (["--recipe", "slow"], "unknown recipe 'slow'"),
        (["--data", "nowhere"], "no data set at nowhere"),
        (["--device", "tpu"], "'tpu'"),
        (["--address", "auto"], "--engine ray"),
        (["--engine", "ray", "--budget", "9m"], "not with --engine ray"),
    ):
        assert command("measure", "accuracy", *more) == 2
        assert said in capfd.readouterr().err.strip().splitlines()[-1]
    assert not any(tmp_path.iterdir())


def test_the_figure_of_alpha_holds_fast_scalings_alone() -> None:
    frame = drawn.alpha_data()
    assert frame["strategy"].tolist() == ["fast:0", "fast:1/3", "fast:1/2", "fast:2/3", "dWr", "fast:1"]
    assert frame["alpha"].tolist() == pytest.approx([0, 1 / 3, 1 / 2, 2 / 3, 4 / 5, 1])
    assert (np.diff(frame["acts"]) < 0).all()
    assert registry.caption(drawn.FIGURES[1], frame).startswith("Fast scaling of RegNetY-2MF by ×4: ")
