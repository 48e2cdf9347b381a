"""Fits to planted times, and models held against networks that they have not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import network_features
from complexity_theory.devices.terms import TERMS, terms
from complexity_theory.evidence import evaluation, published
from complexity_theory.evidence.evaluation import CORE, KIN, evaluate, held_out_seconds, predictions, scope, score
from complexity_theory.evidence.predictors import RIVALS, fit, fit_roofline, fit_terms, roofline_column
from complexity_theory.evidence.table import Table


@pytest.fixture(scope="module")
def table() -> Table:
    return published.table("v100-inference")


def planted(frame: pd.DataFrame, coefficients: dict[str, float]) -> pd.DataFrame:
    return frame.assign(seconds=sum(value * frame[name] for name, value in coefficients.items()))


def test_at_most_seven_terms_each_with_a_unit() -> None:
    assert len(TERMS) <= 7
    assert all(term.unit and term.about for term in TERMS.values())


def test_terms_per_batch_shrink_with_the_batch() -> None:
    work = network_features(zoo.network("ResNet-50"))
    one, many = terms(work, 1), terms(work, 100)
    assert one["weights"] == 25_557_032
    for name in TERMS:
        assert one[name] == pytest.approx(many[name] * (100 if name in ("weights", "launches") else 1))


@given(macs=st.floats(1e-14, 1e-11), traffic=st.floats(1e-13, 1e-10))
def test_a_fit_finds_what_was_planted(macs: float, traffic: float) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"macs": rng.uniform(1e8, 1e10, 60), "conv_traffic": rng.uniform(1e6, 1e8, 60)})
    exact = planted(frame, {"macs": macs, "conv_traffic": traffic})
    found = fit(exact, ["macs", "conv_traffic"])
    assert found.seconds(exact).to_numpy() == pytest.approx(exact["seconds"].to_numpy(), rel=0.05)
    assert min(found.coefficients.values()) >= 0


def test_outliers_hardly_move_a_fit() -> None:
    frame = pd.DataFrame({"macs": np.linspace(1e9, 5e9, 40)})
    exact = planted(frame, {"macs": 1e-12})
    spoilt = exact.assign(seconds=exact["seconds"].where(exact.index % 10 != 0, 3 * exact["seconds"]))
    assert fit(spoilt, ["macs"]).coefficients["macs"] == pytest.approx(1e-12, rel=0.02)


def test_no_coefficient_is_negative_and_a_column_of_zeros_costs_nothing() -> None:
    frame = pd.DataFrame({"up": [1.0, 2, 3, 4], "down": [4.0, 3, 2, 1], "none": 0.0, "seconds": [1.0, 2, 3, 4]})
    found = fit(frame, ["up", "down", "none"]).coefficients
    assert min(found.values()) >= 0
    assert found["none"] == 0


def test_a_fit_to_nothing_is_refused(table: Table) -> None:
    with pytest.raises(InvalidInput, match="no measured network"):
        fit_terms(table.known.iloc[:0])


def test_the_roofline_finds_its_balance(table: Table) -> None:
    exact = planted(table.known, {roofline_column(64.0): 2e-13})
    assert fit_roofline(exact).coefficients[roofline_column(64.0)] == pytest.approx(2e-13, rel=0.02)


def test_what_is_held_out_is_not_seen(table: Table) -> None:
    frame = scope(table.known, "core")
    before = held_out_seconds(fit_terms, frame, "held_out")
    resnets = (frame["family"] == "ResNet").to_numpy()
    spoilt = frame.assign(seconds=frame["seconds"].where(~resnets, 100 * frame["seconds"]))
    after = held_out_seconds(fit_terms, spoilt, "held_out")
    assert after[resnets] == pytest.approx(before[resnets])
    assert after[~resnets] != pytest.approx(before[~resnets])


def test_holding_out_takes_two(table: Table) -> None:
    frame = scope(table.known, "core")
    with pytest.raises(InvalidInput, match="all 3 networks are of held out ResNet"):
        held_out_seconds(fit_terms, frame[frame["family"] == "ResNet"], "held_out")


def test_scopes(table: Table) -> None:
    frame = table.known.assign(family=["VGG", "SE-ResNet", *table.known["family"][2:]])
    assert set(scope(frame, "core")["family"]) <= set(CORE)
    assert len(scope(frame, "core")) == len(frame) - 2
    assert scope(frame, "extended")["held_out"][:2].tolist() == ["VGG", "ResNet"]
    assert set(KIN) <= set(zoo.families())
    with pytest.raises(InvalidInput, match="unknown scope 'all'"):
        scope(frame, "all")


def test_a_perfect_model_scores_perfectly(table: Table) -> None:
    frame = scope(table.known, "core").assign(seconds=lambda rows: 1e-12 * rows["flops"])
    found = score(RIVALS["flops"], frame).as_dict()
    assert found["lofo_mape"] < 0.01
    assert (found["spearman"], found["ranking"]) == (pytest.approx(1), 1)
    worse = score(RIVALS["params"], frame).as_dict()
    assert worse["lofo_mape"] > 0.2


def test_evaluate_says_what_it_must(table: Table) -> None:
    found = evaluate(table)
    keys = {"lofo_mape", "loo_mape", "median_ape", "spearman", "n", "families"}
    assert keys <= set(found)
    assert set(found["baselines"]) == set(RIVALS)
    assert all(keys <= set(rival) for rival in found["baselines"].values())
    low, high = found["intervals"]["lofo_mape"]
    assert low < found["lofo_mape"] < high
    assert (
        found["lofo_mape"] < found["baselines"]["flops + acts"]["lofo_mape"] < found["baselines"]["flops"]["lofo_mape"]
    )
    assert sum(row["n"] for row in found["by_family"].values()) == found["n"] == 36


def test_predictions_for_a_figure(table: Table) -> None:
    frame = predictions(table)
    error = np.abs(frame["predicted"] / frame["seconds"] - 1).mean()
    assert error == pytest.approx(evaluate(table)["lofo_mape"])


def test_a_table_of_one_family_cannot_be_evaluated(table: Table) -> None:
    frame = table.frame[table.frame["family"] == "RegNetX"]
    with pytest.raises(InvalidInput, match="takes two or more"):
        evaluate(Table("few", frame, {}))


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv", 0.05),
        ("benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv", 0.07),
        ("benchmark-infer-amp-nchw-pt240-cu124-rtx4090-dynamo.csv", 0.09),
    ],
)
def test_the_predictor_on_shared_tables(file: str, wanted: float, shared_data) -> None:  # type: ignore[no-untyped-def]
    from complexity_theory.evidence.loaders import load

    frame = scope(load(str(shared_data / "timm" / file)).known, "core")
    predicted = evaluation.held_out_seconds(fit_terms, frame, "held_out")
    assert np.abs(predicted / frame["seconds"] - 1).mean() <= wanted
