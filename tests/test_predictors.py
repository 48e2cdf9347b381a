"""Fits to planted times, and models held against networks that they have not seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import network_features
from complexity_theory.devices.prior import KnownDevice, Prior, believe, guess, shipped
from complexity_theory.devices.terms import TERMS, terms
from complexity_theory.evidence import published
from complexity_theory.evidence.correlation import rankings
from complexity_theory.evidence.evaluation import CORE, ESTIMATES, FEW, evaluate, few_rows, predictions, scope, score
from complexity_theory.evidence.holdout import covered, held_out, held_out_pairs
from complexity_theory.evidence.intervals import reach
from complexity_theory.evidence.loaders import load_table
from complexity_theory.evidence.logfit import fit_logs
from complexity_theory.evidence.predictors import RIVALS, fit_terms, linear, predictor, roofline, roofline_column
from complexity_theory.evidence.table import TimeTable

KEYS = {"lofo_mape", "new_kin_mape", "few_mape", "loo_mape", "median_ape", "spearman", "ranking", "coverage"}


@pytest.fixture(scope="module")
def table() -> TimeTable:
    return published.table("v100-inference")


def planted(frame: pd.DataFrame, coefficients: dict[str, float]) -> pd.DataFrame:
    return frame.assign(seconds=sum(value * frame[name] for name, value in coefficients.items()))


def everything(frame: pd.DataFrame) -> np.ndarray:
    return np.ones((1, len(frame)), bool)


def test_each_term_has_a_unit_and_a_guess() -> None:
    assert all(term.unit and term.about and term.guess > 0 for term in TERMS.values())


def test_terms_per_batch_shrink_with_the_batch() -> None:
    work = network_features(zoo.network("ResNet-50"))
    one, many = terms(work, 1), terms(work, 100)
    assert one["weights"] + one["linear_weights"] == 25_557_032
    assert one["linear_weights"] == 2048 * 1000 + 1000
    for name in TERMS:
        per_batch = name in ("weights", "linear_weights", "launches")
        assert one[name] == pytest.approx(many[name] * (100 if per_batch else 1))


@given(macs=st.floats(1e-14, 1e-11), traffic=st.floats(1e-13, 1e-10))
def test_a_fit_finds_what_was_planted(macs: float, traffic: float) -> None:
    rng = np.random.default_rng(0)
    amounts = np.stack([rng.uniform(1e8, 1e10, 60), rng.uniform(1e6, 1e8, 60)], axis=1)
    exact = amounts @ np.array([macs, traffic])
    found = fit_logs(amounts, exact, np.ones((1, 60), bool), np.log([1e-12, 1e-11]), 25 * np.eye(2))
    assert found.seconds(amounts)[0] == pytest.approx(exact, rel=0.02)


def bias_under_noise(noise: float) -> float:
    """The mean logarithm of predicted over true times, of fits to times with log-normal noise."""
    rng = np.random.default_rng(0)
    amounts = np.stack([rng.uniform(1e8, 1e10, 200), rng.uniform(1e6, 1e8, 200)], axis=1)
    true = amounts @ np.array([1e-12, 5e-11])
    off = []
    for _ in range(20):
        noisy = true * np.exp(noise * rng.standard_normal(200))
        found = fit_logs(amounts, noisy, np.ones((1, 200), bool), np.log([1e-12, 1e-11]), 25 * np.eye(2))
        off.append(np.log(found.seconds(amounts)[0] / true).mean())
    return float(np.mean(off))


def test_noise_pulls_a_fit_neither_way() -> None:
    assert abs(bias_under_noise(0.3)) < 0.02


def test_relative_errors_would_pull_it_low() -> None:
    # What |predicted / measured - 1| makes of one coefficient: the median of 1 / ratio weighed by 1 / ratio.
    ratio = np.exp(0.3 * np.random.default_rng(0).standard_normal(20_000))
    grid = np.linspace(0.7, 1.3, 601)
    best = grid[np.abs(grid[:, None] / ratio - 1).mean(axis=1).argmin()]
    assert best < 0.93


def test_outliers_hardly_move_a_fit() -> None:
    amounts = np.linspace(1e9, 5e9, 40)[:, None]
    for factor in (3, 1 / 3):
        spoilt = np.where(np.arange(40) % 10 != 0, 1e-12, factor * 1e-12) * amounts[:, 0]
        found = fit_logs(amounts, spoilt, np.ones((1, 40), bool), np.array([-25.0]), 25 * np.eye(1))
        assert np.exp(found.logs[0, 0]) == pytest.approx(1e-12, rel=0.02)


def test_what_nothing_tells_stays_as_it_was_believed() -> None:
    amounts = np.array([[1.0, 0], [2.0, 0], [3.0, 0]])
    found = fit_logs(amounts, 5 * amounts[:, 0], np.ones((1, 3), bool), np.log([1.0, 7.0]), np.eye(2))
    assert np.exp(found.logs[0, 1]) == pytest.approx(7.0)
    nothing = fit_logs(amounts, 5 * amounts[:, 0], np.zeros((1, 3), bool), np.log([1.0, 7.0]), np.eye(2))
    assert np.exp(nothing.logs[0]) == pytest.approx([1.0, 7.0])


def test_many_fits_at_once_are_those_one_by_one(table: TimeTable) -> None:
    frame = scope(table.known, "core")
    kins = frame["kin"].to_numpy(str)
    keep = kins != np.unique(kins)[:, None]
    together = fit_terms(frame, keep, believe(table.provenance)).logs
    for i, rows in enumerate(keep):
        alone = fit_terms(frame, rows[None], believe(table.provenance)).logs[0]
        assert together[i] == pytest.approx(alone, abs=5e-3)


def test_a_fit_to_nothing_is_refused(table: TimeTable) -> None:
    with pytest.raises(InvalidInput, match="no measured network"):
        fit_terms(table.known.iloc[:0], np.ones((1, 0), bool), guess(shipped().variances))


def test_the_roofline_finds_its_balance(table: TimeTable) -> None:
    exact = planted(table.known, {roofline_column(64.0): 2e-13})
    assert roofline(exact, everything(exact))[0] == pytest.approx(exact["seconds"].to_numpy(), rel=0.02)


def test_what_is_held_out_is_not_seen(table: TimeTable) -> None:
    frame = scope(table.known, "core")
    model = predictor(believe(table.provenance))
    before = held_out(model, frame, "kin")
    resnets = (frame["kin"] == "ResNet").to_numpy()
    assert {"ResNet", "ResNeXt"} == set(frame["family"][resnets])
    spoilt = frame.assign(seconds=frame["seconds"].where(~resnets, 100 * frame["seconds"]))
    after = held_out(model, spoilt, "kin")
    assert after[resnets] == pytest.approx(before[resnets])
    assert after[~resnets] != pytest.approx(before[~resnets])


def test_of_a_pair_neither_kin_is_seen(table: TimeTable) -> None:
    frame = scope(table.known, "core")
    model = predictor(believe(table.provenance))
    kins = np.unique(frame["kin"])
    spoilt = frame.assign(seconds=frame["seconds"].where(frame["kin"] == "EfficientNet", 3 * frame["seconds"]))
    before, after = held_out_pairs(model, frame, "kin"), held_out_pairs(model, spoilt, "kin")
    a, b = np.searchsorted(kins, ["RegNet", "ResNet"])
    assert after[a, b] == pytest.approx(before[a, b])
    assert before[a, b] == pytest.approx(before[b, a])
    assert after[a, a] != pytest.approx(before[a, a])


def test_holding_out_takes_two(table: TimeTable) -> None:
    frame = scope(table.known, "core")
    with pytest.raises(InvalidInput, match="all 24 networks are of kin RegNet"):
        held_out(linear("flops"), frame[frame["kin"] == "RegNet"], "kin")


def test_scopes(table: TimeTable) -> None:
    frame = table.known.assign(family=["VGG", "SE-ResNet", *table.known["family"][2:]])
    assert set(scope(frame, "core")["family"]) <= set(CORE)
    assert len(scope(frame, "core")) == len(frame) - 2
    assert scope(frame, "extended")["kin"][:2].tolist() == ["VGG", "ResNet"]
    with pytest.raises(InvalidInput, match="unknown scope 'all'"):
        scope(frame, "all")


def test_a_perfect_model_scores_perfectly(table: TimeTable) -> None:
    frame = scope(table.known, "core").assign(seconds=lambda rows: 1e-12 * rows["flops"])
    found = score(RIVALS["flops"], frame, [0]).as_dict()
    assert found["lofo_mape"] < 0.01
    assert found["few_mape"] < 0.01
    assert (found["spearman"], found["ranking"]) == (pytest.approx(1), 1)
    assert score(RIVALS["params"], frame, [0]).lofo_mape.value > 0.2


def test_evaluate_says_what_it_must(table: TimeTable) -> None:
    found = evaluate(table)
    keys = KEYS | {"n", "families"}
    assert keys <= set(found)
    assert set(ESTIMATES) >= KEYS
    assert set(found["baselines"]) == set(RIVALS)
    assert all(keys <= set(rival) for rival in found["baselines"].values())
    assert found["families"] == ["EfficientNet", "RegNet", "ResNet"]
    assert len(found["few"]) == FEW
    for name in KEYS - {"spearman"}:
        low, high = found["intervals"][name]
        assert low <= found[name] <= high
    assert found["lofo_mape"] < found["baselines"]["flops"]["lofo_mape"]
    assert sum(row["n"] for row in found["by_kin"].values()) == found["n"] == 36


@pytest.mark.parametrize("name", ["v100-inference", "v100-training"])
def test_one_definition_of_the_ranking_of_equal_flops(name: str) -> None:
    table = published.table(name)
    correlated = rankings(table).set_index("metric")["accuracy"]
    baselines = evaluate(table)["baselines"]
    for metric in ("flops", "params", "acts"):
        assert baselines[metric]["ranking"] == pytest.approx(correlated[metric])


def test_predictions_for_a_figure(table: TimeTable) -> None:
    frame = predictions(table)
    error = np.abs(frame["predicted"] / frame["seconds"] - 1).mean()
    assert error == pytest.approx(evaluate(table)["lofo_mape"])


def test_a_table_of_one_kin_cannot_be_evaluated(table: TimeTable) -> None:
    frame = table.frame[table.frame["family"].isin(["RegNetX", "RegNetY"])]
    with pytest.raises(InvalidInput, match="to hold kin out takes two or more"):
        evaluate(TimeTable("few", frame, {}))


def test_other_devices_tell_of_kin_that_a_table_lacks(table: TimeTable) -> None:
    """Planted: group convolutions cost far more than is guessed, on every device; a table without them learns of it."""
    cost = {"macs": 2e-13, "conv_traffic": 1e-11, "pointwise_traffic": 1e-11, "group_macs": 1e-11}
    mine = replace(table, frame=planted(table.frame, cost), provenance={**table.provenance, "device": "mine"})
    logs, spread = np.log(list((dict.fromkeys(TERMS, 1e-30) | cost).values())), np.full(len(TERMS), 0.05)
    blind = (np.where(np.array(list(TERMS)) == "group_macs", np.log(1e-30), logs), spread)
    other = KnownDevice({**table.provenance, "device": "theirs"}, 36, {"": (logs, spread), "RegNet": blind})
    prior = Prior((other,), shipped().variances, ())
    found = evaluate(mine, prior=prior)
    assert found["by_kin"]["RegNet"]["mape"] < 0.1
    assert found["new_kin_mape"] > 2 * found["lofo_mape"]
    own = evaluate(replace(mine, provenance={**mine.provenance, "device": "theirs"}), prior=prior)
    assert own["lofo_mape"] > 2 * found["lofo_mape"], "a table's own device must not be in its prior"


def test_few_networks_are_chosen_from_different_kin(table: TimeTable) -> None:
    frame = scope(table.known, "core")
    rows = few_rows(frame, believe(table.provenance), 3)
    assert frame["kin"].iloc[rows].nunique() == 3


def test_the_reach_of_nine_of_ten_by_hand() -> None:
    logs = np.log(np.linspace(1.01, 1.20, 20))
    each = np.arange(20).astype(str)
    assert reach(logs, each) == pytest.approx(1.19)  # rank 19 of 20: 0.9 x 21 / 20
    assert reach(-logs, each) == pytest.approx(1.19)
    # one of two clusters is a single network that is far off: it weighs as much as the others together
    assert reach(np.append(logs, 1.0), np.array(["a"] * 20 + ["b"])) == pytest.approx(np.e)


def test_coverage_of_planted_errors_is_what_it_names() -> None:
    rng = np.random.default_rng(0)
    size = 900
    frame = pd.DataFrame({"kin": np.repeat(["a", "b", "c"], size // 3), "architecture": np.arange(size).astype(str)})
    frame = frame.assign(flops=rng.uniform(1e9, 1e10, size))
    frame = frame.assign(seconds=1e-12 * frame["flops"] * np.exp(0.1 * rng.standard_normal(size)))
    inside = covered(held_out_pairs(linear("flops"), frame, "kin"), frame, "kin")
    assert np.mean(inside) == pytest.approx(0.9, abs=0.03)
    off = frame.assign(seconds=frame["seconds"].where(frame["kin"] != "c", 2 * frame["seconds"]))
    assert np.mean(covered(held_out_pairs(linear("flops"), off, "kin"), off, "kin")[600:]) < 0.2


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv", {"lofo_mape": 0.06, "few_mape": 0.06}),
        ("benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv", {"lofo_mape": 0.08, "few_mape": 0.08}),
        ("benchmark-infer-amp-nchw-pt240-cu124-rtx4090-dynamo.csv", {"lofo_mape": 0.07, "few_mape": 0.06}),
    ],
)
def test_the_predictor_on_shared_tables(file: str, wanted: dict[str, float], shared_data: Path) -> None:
    found = evaluate(load_table(str(shared_data / "timm" / file)))
    assert found["ranking"] >= 0.94
    assert found["coverage"] >= 0.8
    for name, most in wanted.items():
        assert found[name] <= most, name
