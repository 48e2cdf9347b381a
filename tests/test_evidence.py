"""Correlations, rankings and their intervals: against scipy, against counting by hand, and what the tables say."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from complexity_theory.evidence import published
from complexity_theory.evidence.correlation import correlations, rankings
from complexity_theory.evidence.loaders import load_table
from complexity_theory.evidence.statistics import (
    MOST_PAIRS,
    competitors,
    estimate,
    mean,
    median,
    pearson,
    ranked_as,
    share_right,
    spearman,
)

values = arrays(float, 12, elements=st.integers(1, 8).map(float))


def close(found: float, wanted: float) -> bool:
    return bool(np.isclose(found, wanted, rtol=0, atol=1e-9))


def test_close_can_fail() -> None:
    assert not close(0.5, 0.5 + 1e-6)


@given(x=values, y=values, weights=arrays(float, 12, elements=st.integers(0, 3).map(float)))
def test_weighted_correlations_are_those_of_repeated_rows(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
    repeated = np.repeat(np.arange(12), weights.astype(int))
    a, b = x[repeated], y[repeated]
    if len(set(a)) < 2 or len(set(b)) < 2:
        return
    assert close(float(pearson(x, y)(weights[None])[0]), stats.pearsonr(a, b).statistic)
    assert close(float(spearman(x, y)(weights[None])[0]), stats.spearmanr(a, b).statistic)
    assert close(float(mean(x)(weights[None])[0]), a.mean())


@given(x=arrays(float, 11, elements=st.integers(0, 50).map(float)))
def test_the_median_is_the_median(x: np.ndarray) -> None:
    assert float(median(x)(np.ones((1, 11)))[0]) == np.median(x)


def test_a_constant_has_no_correlation() -> None:
    x, y = np.ones(5), np.arange(5.0)
    assert np.isnan(pearson(x, y)(np.ones((1, 5)))[0])
    assert np.isnan(estimate(pearson(x, y), np.arange(5)).low)


def test_rows_of_one_cluster_are_drawn_together() -> None:
    x = np.array([1.0, 1, 1, 5, 5, 5])
    together = estimate(mean(x), np.array(["a"] * 3 + ["b"] * 3))
    apart = estimate(mean(x), np.arange(6))
    assert together.value == apart.value == 3
    assert (together.low, together.high) == (1, 5)
    assert apart.high - apart.low < together.high - together.low


def test_intervals_are_the_same_every_time() -> None:
    x = np.arange(20.0)
    assert estimate(mean(x), x) == estimate(mean(x), x)


def test_very_many_rows_take_bounded_memory() -> None:
    """All draws of 100,000 rows at once would take 0.8 GB for each of their arrays, all pairs of equal flops 75 GB."""
    draw, number = np.random.default_rng(0), 100_000
    x = draw.uniform(1, 1.05, number)
    seconds, clusters = x * draw.uniform(0.5, 2, number), np.arange(number)
    tracemalloc.start()
    try:
        found = estimate(spearman(x, seconds), clusters)
        pairs = competitors(x, seconds, clusters)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert close(found.value, stats.spearmanr(x, seconds).statistic)
    assert found.low < found.value < found.high
    assert 100_000 < len(pairs) <= MOST_PAIRS
    assert most < 300e6


def test_equal_flops_pairs_by_hand() -> None:
    flops = np.array([100.0, 109, 111, 300, 300, 300])
    seconds = np.array([1.0, 2, 3, 1.00, 1.02, 1.04])
    clusters = np.array(["a", "b", "c", "d", "e", "d"])
    # 100 and 111 are more than 10% apart, 1.00 and 1.02 less than 3%; the last and the fourth are one architecture.
    assert competitors(flops, seconds, clusters).tolist() == [[0, 1], [1, 2]]


def test_ranking_by_hand() -> None:
    pairs = np.array([[0, 1], [1, 2], [0, 2]])
    seconds = np.array([1.0, 2, 3])
    for metric, right in ((np.array([1.0, 2, 3]), 1), (np.array([3.0, 2, 1]), 0), (np.array([1.0, 3, 2]), 2 / 3)):
        assert close(float(share_right(ranked_as(metric, seconds, pairs), pairs)(np.ones((1, 3)))[0]), right)


def test_pairs_that_nothing_ranks_count_for_nothing() -> None:
    pairs = np.array([[0, 1], [1, 2]])
    assert close(float(share_right(np.array([np.nan, 1.0]), pairs)(np.ones((1, 3)))[0]), 1)
    assert np.isnan(share_right(np.array([np.nan, np.nan]), pairs)(np.ones((1, 3)))[0])


def test_the_only_family_of_a_table_has_the_correlations_of_all() -> None:
    table = published.table("v100-training")
    alone = replace(table, frame=table.frame[table.frame.family == "EfficientNet"])
    found = {family: part.drop(columns="family") for family, part in correlations(alone).groupby("family")}
    assert set(found) == {"all", "EfficientNet"}
    assert found["all"].reset_index(drop=True).equals(found["EfficientNet"].reset_index(drop=True))
    of_all = correlations(table).set_index(["family", "metric"])
    assert of_all.loc[("EfficientNet", "acts")].to_dict() == found["all"].set_index("metric").loc["acts"].to_dict()


@pytest.mark.parametrize("name", published.names())
def test_on_v100_acts_go_with_time_and_flops_less(name: str) -> None:
    table = published.table(name)
    found = correlations(table).set_index(["family", "metric"]).loc["all"]
    for statistic in ("pearson_log", "spearman", "pearson"):
        assert found[statistic]["acts"] > found[statistic]["flops"] > 0
        assert (found[f"{statistic}_low"] <= found[statistic]).all()
        assert (found[statistic] <= found[f"{statistic}_high"]).all()
    ranked = rankings(table).set_index("metric")
    assert ranked["accuracy"]["acts"] > 0.8 > ranked["accuracy"]["flops"]


def test_linear_correlation_on_v100s_rests_on_one_network() -> None:
    found = correlations(published.table("v100-training")).set_index(["family", "metric"]).loc["all"]
    assert set(found["largest"]) == {"EfficientNet-B5"}
    assert found["pearson"].round(2).to_dict() == {"flops": 0.75, "params": 0.70, "acts": 0.93}
    assert found["pearson_rest"].round(2).to_dict() == {"flops": 0.90, "params": 0.90, "acts": 0.91}


def test_early_convolutions_agrees_with_the_correlations_its_paper_states() -> None:
    # Xiao et al. 2021, figure 9, states 0.71 (params), 0.75 (flops) and 0.93 (acts).
    found = correlations(published.table("early-convolutions")).set_index(["family", "metric"]).loc["all"]
    assert found["pearson"]["acts"] == pytest.approx(0.93, abs=0.01)
    assert found["pearson"]["acts"] > found["pearson"]["flops"] > 0.6


def test_small_families_are_left_out() -> None:
    found = correlations(published.table("v100-training"))
    assert set(found["family"]) == {"all", "EfficientNet", "RegNetX", "RegNetY"}


def test_the_shared_gpu_table_ranks_by_acts(shared_data: Path) -> None:
    table = load_table(str(shared_data / "timm" / "benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv"))
    ranked = rankings(table).set_index("metric")["accuracy"]
    assert ranked["acts"] > 0.85
    assert ranked["flops"] < 0.6
    assert ranked["params"] < 0.5
