"""What devices have in common: the prior, whom it counts as the same device, and the networks that tell most."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.design import MOST_FLOPS, most_telling, networks_to_measure
from complexity_theory.devices.prior import (
    SCALE,
    Belief,
    KnownDevice,
    Prior,
    Setting,
    Variances,
    believe,
    few_spread,
    guess,
    load_prior,
    same_device,
    shipped,
)
from complexity_theory.devices.terms import TERMS
from complexity_theory.evidence import priors, published

GPU = {"device": "a new GPU", "kind": "gpu", "execution": "eager", "layout": "nchw", "mode": "inference"}
VARIANCES = Variances(1.0, 0.1, 0.7, 0.1, 0.1, 0.2, 0.05)


def known(name: str, logs: np.ndarray, **about: str) -> KnownDevice:
    return KnownDevice({**GPU, "device": name, **about}, 100, {"": (logs, np.full(len(TERMS), 0.1))})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("rtx3090", "NVIDIA GeForce RTX 3090", True),
        ("8 x NVIDIA V100", "NVIDIA V100", True),
        ("cpu i9_10940x", "Intel(R) Core(TM) i9-10940X CPU @ 3.30GHz", True),
        ("NVIDIA H200", "NVIDIA H100 80GB HBM3", False),
        ("rtx3090", "rtx4090", False),
        ("", "rtx4090", False),
    ],
)
def test_which_names_mean_one_device(one: str, other: str, same: bool) -> None:
    assert same_device(one, other) is same
    assert same_device(other, one) is same


@pytest.mark.parametrize(
    ("about", "kind"),
    [
        ({"device": "AMD EPYC"}, "cpu"),
        ({"device": "cpu i9_10940x"}, "cpu"),
        ({"device": "NVIDIA H200"}, "gpu"),
        ({"device": "odd", "kind": "cpu"}, "cpu"),
        ({}, None),
    ],
)
def test_the_kind_of_a_device(about: dict[str, str], kind: str | None) -> None:
    assert Setting.of(about).kind == kind


def test_names_of_one_layout_and_precision() -> None:
    store, timm = {"layout": "channels_last", "precision": "fp16"}, {"layout": "nhwc", "precision": "amp"}
    assert Setting.of({**GPU, **store}) == Setting.of({**GPU, **timm})


def test_the_more_devices_share_the_more_they_have_in_common() -> None:
    mine = Setting.of(GPU)
    others = [{"kind": "cpu"}, {"execution": "compiled", "mode": "training"}, {"execution": "compiled"}, {}]
    shared = [VARIANCES.between(mine, Setting.of({**GPU, **other})) for other in others]
    assert shared == sorted(shared)
    assert len(set(shared)) == len(shared)
    assert shared[0] == VARIANCES.guessed
    unknown = Setting.of({"device": "a new GPU"})
    assert VARIANCES.between(unknown, unknown) == pytest.approx(VARIANCES.guessed + VARIANCES.kind)


def test_a_device_is_believed_to_be_in_proportion_to_those_like_it() -> None:
    rng = np.random.default_rng(0)
    like, unlike = rng.normal(0, 1, (2, len(TERMS)))
    tables = (known("one", like - 20), known("two", like - 25), known("cpu", unlike - 20, kind="cpu"))
    mean, covariance = believe(GPU, Prior(tables, VARIANCES, ()))
    assert mean - mean[0] == pytest.approx(like - like[0], abs=0.35)
    assert np.linalg.eigvalsh(covariance).min() > 0
    ratios = np.diag(covariance)[1:] - 2 * covariance[0, 1:] + covariance[0, 0]
    assert np.sqrt(ratios).max() < 1, "ratios are known"
    assert np.diag(covariance).min() > SCALE / 2, "the scale is not"


def test_a_device_never_tells_of_itself() -> None:
    logs = np.arange(len(TERMS)) - 20.0
    prior = Prior((known("NVIDIA RTX 4090", logs),), VARIANCES, ())
    alone = believe({**GPU, "device": "rtx4090"}, prior)
    assert alone.mean == pytest.approx(guess(VARIANCES).mean)
    assert believe({**GPU, "device": "rtx5090"}, prior).mean != pytest.approx(alone.mean)


def test_kin_that_is_to_be_unknown_is_left_out_everywhere() -> None:
    logs = np.zeros(len(TERMS)) - 20
    spread = np.full(len(TERMS), 0.1)
    table = KnownDevice(
        {**GPU, "device": "other"}, 100, {"": (logs, spread), "RegNet": (logs + np.arange(len(TERMS)), spread)}
    )
    prior = Prior((table,), VARIANCES, ())
    assert believe(GPU, prior, without="RegNet").mean != pytest.approx(believe(GPU, prior).mean)
    assert believe(GPU, prior, without="VGG").mean == pytest.approx(believe(GPU, prior).mean)


def test_the_prior_is_learned_without_each_kin() -> None:
    found = priors.known(published.table("v100-inference"), VARIANCES)
    assert set(found.fits) == {"", "EfficientNet", "RegNet", "ResNet"}
    groups = list(TERMS).index("group_macs")
    assert found.fits["RegNet"][1][groups] > found.fits[""][1][groups], "RegNets tell most of group convolutions"


def test_the_prior_survives_its_file(tmp_path: Path) -> None:
    prior = priors.learn([published.table("v100-inference"), published.table("v100-training")], VARIANCES)
    priors.write(prior, tmp_path / "prior.toml")
    again = load_prior(tmp_path / "prior.toml")
    assert (again.variances, again.few) == (prior.variances, prior.few)
    for one, other in zip(again.tables, prior.tables, strict=True):
        assert one.about == other.about
        for without, (logs, spread) in other.fits.items():
            assert one.fits[without][0] == pytest.approx(logs, abs=1e-4)
            assert one.fits[without][1] == pytest.approx(spread, rel=1e-2)


def test_tables_of_few_networks_tell_no_coefficients_but_how_far_few_reach() -> None:
    table = published.table("v100-inference")
    small = replace(table, frame=table.frame.iloc[:12].reset_index(drop=True), provenance={**GPU, "device": "small"})
    prior = priors.learn([table, small], VARIANCES)
    assert [known.about["device"] for known in prior.tables] == ["NVIDIA V100"]
    assert {few.kind for few in prior.few} == {"gpu"}


def test_what_comes_with_the_package_names_its_sources() -> None:
    prior = shipped()
    assert len(prior.tables) >= 10
    assert all({"source", "device", "mode"} <= set(known.about) for known in prior.tables)
    assert sum(known.networks for known in prior.tables) > 2000
    for few in prior.few:
        assert few.spread.low < 1 < few.spread.high
        assert few.spread.coverage is None or few.spread.coverage >= 0.9


def test_fewer_networks_reach_less_far() -> None:
    four, sixteen = few_spread(None, "gpu", 4), few_spread(None, "gpu", 16)
    assert four.high > sixteen.high
    assert few_spread(None, "gpu", 7) == four
    assert few_spread(None, "gpu", 0) == few_spread(None, "gpu", 1)
    assert few_spread(None, None, 4).high == max(four.high, few_spread(None, "cpu", 4).high)


@pytest.mark.parametrize("change", [{"version": 99}, {"terms": ["macs"]}, {"tables": 3}, {"few": [{}]}, {"more": 1}])
def test_what_is_no_prior_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "prior.toml"
    path.write_text(tomli_w.dumps({**shipped().as_dict(), **change}))
    with pytest.raises(InvalidInput, match="is no prior of devices") as error:
        load_prior(path)
    assert len(str(error.value).splitlines()) == 1


def test_a_prior_of_other_terms_says_how_to_write_it(tmp_path: Path) -> None:
    (tmp_path / "prior.toml").write_text(tomli_w.dumps({**shipped().as_dict(), "terms": ["macs"]}))
    with pytest.raises(InvalidInput, match="write it by `runtime prior`"):
        load_prior(tmp_path / "prior.toml")


def spread_of_times(rows: list[int], amounts: np.ndarray, belief: Belief) -> float:
    """The summed variance of the logarithms of all times, once these rows are measured (errors as in ``design``)."""
    parts = amounts * np.exp(belief.mean)
    shares = parts / parts.sum(axis=1, keepdims=True)
    joint = shares @ belief.covariance @ shares.T + 0.05 * np.eye(len(amounts))
    seen = joint[:, rows]
    return float(np.trace(joint - seen @ np.linalg.solve(joint[np.ix_(rows, rows)], seen.T)))


def test_the_networks_that_tell_most_tell_more_than_others() -> None:
    rng = np.random.default_rng(0)
    amounts = np.exp(rng.normal(0, 2, (40, len(TERMS))))
    belief = Belief(np.zeros(len(TERMS)), np.eye(len(TERMS)) + SCALE)
    names = np.arange(40).astype(str)
    chosen = most_telling(amounts, belief, names, names, 4)
    random = [spread_of_times(list(rng.choice(40, 4, replace=False)), amounts, belief) for _ in range(200)]
    assert spread_of_times(chosen, amounts, belief) < np.quantile(random, 0.02)
    assert chosen[:2] == most_telling(amounts, belief, names, names, 2)


def test_one_row_of_an_architecture_is_chosen() -> None:
    amounts = np.exp(np.random.default_rng(0).normal(0, 2, (6, len(TERMS))))
    names = np.array(["a", "a", "a", "b", "b", "b"])
    belief = Belief(np.zeros(len(TERMS)), np.eye(len(TERMS)))
    chosen = most_telling(amounts, belief, names, names, 5)
    assert sorted(names[chosen]) == ["a", "b"]


def test_the_networks_to_measure_are_of_several_kin_and_quick() -> None:
    networks = [
        zoo.network(name) for family in ("ResNet", "RegNetX", "EfficientNet", "VGG") for name in zoo.names(family)
    ]
    chosen = networks_to_measure(networks, 4, GPU, batch=64)
    assert len({zoo.kin(one.family) for one in chosen}) >= 3
    assert all(one.complexity().flops <= MOST_FLOPS for one in chosen)
    with pytest.raises(InvalidInput, match="to choose 2 of 0 networks of at most"):
        networks_to_measure([zoo.network("VGG-19")], 2, GPU)
