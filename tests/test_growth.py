"""Exponents of predicted time: the polynomial against predictions, its slopes, limits, and the fast direction."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices import growth as module
from complexity_theory.devices.growth import slowest, time_growth
from complexity_theory.devices.prediction import predict
from complexity_theory.devices.profile import Profile, load_profile, names
from complexity_theory.devices.terms import TERMS
from complexity_theory.scaling.strategy import parse
from complexity_theory.zoo import network
from tests.test_cli_networks import run

DEVICE = "rtx4090-eager-nchw"


def only(term: str) -> Profile:
    """A device that takes time for one term alone."""
    return replace(load_profile(DEVICE), coefficients={**dict.fromkeys(TERMS, 0.0), term: 1e-12})


@pytest.mark.parametrize("name", ["ResNet-50", "RegNetY-4.0GF"])
@pytest.mark.parametrize("device", ["rtx3090-training-nchw", "i9-10940x-compiled"])
def test_where_nothing_is_idealised_the_polynomial_predicts_what_the_profile_does(name: str, device: str) -> None:
    base, profile = network(name), load_profile(device)
    found = time_growth(base, profile)
    for sizes in ({}, {"width": 2}, {"depth": 3, "width": 4, "group_width": 2}, {"resolution": 2, "depth": 2}):
        multipliers = [sizes.get(name, 1) for name in ("depth", "width", "group_width", "resolution")]
        assert found.seconds(multipliers) == pytest.approx(predict(base.scaled(**sizes), profile).seconds, rel=1e-9)


def test_padded_channels_are_idealised_and_little_of_the_time() -> None:
    base, profile = network("EfficientNet-B0"), load_profile(DEVICE)
    ideal, real = float(time_growth(base, profile).seconds([1, 1, 1, 1])), predict(base, profile).seconds
    assert ideal != real
    assert ideal == pytest.approx(real, rel=0.03)


@pytest.mark.parametrize("strategy", ["d", "w", "r", "dWr", "dwr"])
@pytest.mark.parametrize("factor", [1.0, 3.0, 50.0])
def test_the_exponent_is_the_slope_of_the_logarithm(strategy: str, factor: float) -> None:
    found, direction = time_growth(network("RegNetZ-500MF"), load_profile(DEVICE)), parse(strategy)
    step = 1e-5
    times = [float(found.seconds(direction.multipliers(factor * math.exp(sign * step)))) for sign in (-1, 1)]
    assert found.exponent(direction, factor) == pytest.approx(math.log(times[1] / times[0]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("strategy", ["d", "w", "r", "dWr"])
def test_the_exponent_tends_to_its_limit(strategy: str) -> None:
    found, direction = time_growth(network("ResNet-50"), load_profile(DEVICE)), parse(strategy)
    limit = found.limit(direction)
    assert isinstance(limit, Fraction)
    assert found.exponent(direction, 1e25) == pytest.approx(float(limit), abs=0.01)


def test_one_term_alone_grows_as_it_must() -> None:
    base = network("ResNet-50")
    # launches are as many as layers; weights grow as params
    assert time_growth(base, only("launches")).limit(parse("w")) == 0
    assert time_growth(base, only("launches")).limit(parse("d")) == 1
    assert time_growth(base, only("weights")).limit(parse("dWr")) == Fraction(9, 10)
    assert time_growth(base, only("conv_traffic")).limit(parse("dWr")) in (Fraction(3, 5), Fraction(9, 10))
    assert slowest(time_growth(base, only("launches"))).strategy.depth == Fraction(1, 10)


def test_a_time_that_is_no_polynomial_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = module.seconds
    monkeypatch.setattr(module, "seconds", lambda *of: np.sqrt(exact(*of)))
    with pytest.raises(InvalidInput, match="is no polynomial in its multipliers"):
        time_growth(network("ResNet-18"), load_profile(DEVICE))


@pytest.mark.parametrize("device", names())
def test_no_direction_is_much_faster_than_the_slowest_growing(device: str) -> None:
    found = time_growth(network("RegNetZ-500MF"), load_profile(device))
    best = slowest(found)
    least = 16**best.exponent
    draw = np.random.default_rng(0)
    for shares in draw.dirichlet([1, 1, 1], 200):
        d, w, r = 0.1 + 0.8 * shares[0], 0.8 * shares[1], 0.1 + 0.8 * shares[2]
        multipliers = [16**d, 16 ** (w / 2), 16 ** (w / 2), 16 ** (r / 2)]
        assert found.seconds(multipliers) / found.seconds([1, 1, 1, 1]) > 0.99 * least
    assert best.gain >= 0
    assert best.agrees == (best.strategy.name == "dWr")


def test_floors_hold_and_are_checked() -> None:
    found = time_growth(network("EfficientNet-B0"), load_profile("i9-10940x-compiled"))
    free = slowest(found, depth=Fraction(0), resolution=Fraction(0))
    assert free.exponent <= slowest(found).exponent
    tight = slowest(found, depth=Fraction(1, 2), resolution=Fraction(1, 4))
    assert tight.strategy.shares == (Fraction(1, 2), 0, 0, Fraction(1, 2))
    for bad in ({"depth": Fraction(-1)}, {"depth": Fraction(1), "resolution": Fraction(1, 20)}, {"factor": 1.0}):
        with pytest.raises(InvalidInput):
            slowest(found, **bad)  # type: ignore[arg-type]


def test_commands(capsys: pytest.CaptureFixture[str]) -> None:
    timed = ("--network", "EfficientNet-B0", "--device", DEVICE, "--format", "json")
    found = json.loads(run(capsys, "derive", "dWr", *timed, "--at", "4")[1])
    growth = time_growth(network("EfficientNet-B0"), load_profile(DEVICE))
    assert found["exponents"]["seconds"] == growth.exponent(parse("dWr"), 4)
    assert found["limits"]["seconds"] == "1"
    found = json.loads(run(capsys, "derive", "dWr", *timed)[1])
    assert found["exponents"]["seconds"] == "1"
    assert found["table"][0]["seconds"] == growth.exponent(parse("dWr"), 1)
    code, out, _ = run(capsys, "derive", "w", *timed[:-2], "--steps")
    assert code == 0
    assert "limit for seconds = 1" in out
    rows = json.loads(run(capsys, "optimal", *timed)[1])
    assert [(row["direction"], row["is dWr"]) for row in rows] == [("dWr", True)]
    for bad in (
        ("derive", "dWr", "--device", DEVICE),
        ("optimal", "--device", DEVICE),
        ("optimal", "--layer", "conv", *timed),
    ):
        code, out, error = run(capsys, *bad)
        assert (code, out, error.count("\n")) == (2, "", 1)
