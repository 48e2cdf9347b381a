"""Directions that keep budgets on exponents: the polytope, the interval of alpha, and what is told of them."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from complexity_theory.core.errors import InvalidInput
from complexity_theory.scaling import directions as told
from complexity_theory.scaling.directions import directions, parse_bounds
from complexity_theory.scaling.exponents import LAYERS, derive
from complexity_theory.scaling.steps import render
from complexity_theory.scaling.strategy import fast, weighted
from tests.test_cli_networks import run

PAPER = {"params": Fraction(9, 10), "acts": Fraction(3, 5)}
BOUNDS = st.fixed_dictionaries(
    {}, optional={name: st.integers(0, 20).map(lambda i: Fraction(i, 20)) for name in ("params", "acts")}
)
WEIGHTS = st.tuples(*[st.integers(0, 8)] * 3, st.fractions(0, 1, max_denominator=4))


def keeps(derivation, bounds) -> bool:  # type: ignore[no-untyped-def]
    return all(getattr(derivation.exponents, name) <= bound for name, bound in bounds.items())


def test_the_paper_stands_at_a_corner() -> None:
    found = directions(PAPER)
    assert found.alphas == (Fraction(4, 5), Fraction(4, 5))
    corners = {vertex.strategy.name: vertex.exponents for vertex in found.vertices}
    assert set(corners) == {"dWr", "w9_g9_r1", "w4_g4_r1"}
    assert (corners["dWr"].params, corners["dWr"].acts) == (sympy.Rational(9, 10), sympy.Rational(3, 5))
    assert found.slowest("acts").strategy.name == "w9_g9_r1"
    assert found.slowest("params").strategy.name == "w4_g4_r1"


@settings(max_examples=40, deadline=None)
@given(BOUNDS, st.sampled_from(LAYERS), st.integers(0, 20))
def test_alpha_is_in_the_interval_where_fast_scaling_keeps_the_bounds(bounds, layer, twentieths) -> None:  # type: ignore[no-untyped-def]
    alpha = Fraction(twentieths, 20)
    alphas = directions(bounds, layer).alphas
    inside = alphas is not None and alphas[0] <= alpha <= alphas[1]
    assert inside == keeps(derive(fast(alpha), layer), bounds)


@settings(max_examples=40, deadline=None)
@given(BOUNDS, st.sampled_from(LAYERS), WEIGHTS)
def test_no_direction_that_keeps_the_bounds_is_slower_than_the_corners(bounds, layer, weights) -> None:  # type: ignore[no-untyped-def]
    d, w, r, share = weights
    assume(d + w + r > 0)
    drawn = derive(weighted("drawn", {"d": Fraction(d), "w": Fraction(w), "g": w * share, "r": Fraction(r)}), layer)
    found = directions(bounds, layer)
    assert all(keeps(vertex, bounds) and vertex.exponents.flops == 1 for vertex in found.vertices)
    if keeps(drawn, bounds):
        for metric in ("params", "acts"):
            assert getattr(found.slowest(metric).exponents, metric) <= getattr(drawn.exponents, metric)


def test_a_corner_left_out_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    vertices = list(told._vertices({}, "conv"))
    monkeypatch.setattr(told, "_vertices", lambda *_: iter([v for v in vertices if v[1] == 0]))
    assert directions({}).slowest("acts").exponents.acts > derive(fast(1), "conv").exponents.acts


def test_without_a_direction_it_is_said_what_stands_against_what() -> None:
    none = directions({"params": Fraction(1, 2), "acts": Fraction(2, 5)})
    assert none.vertices == ()
    assert none.alphas is None
    assert none.why_none() == "none: under params at most s^1/2 alone, acts grow at least as s^3/4"
    assert directions({"acts": Fraction(2, 5)}).why_none() == "none: in any direction, acts grow at least as s^1/2"
    assert directions(PAPER).why_none() == ""


def test_steps_are_told() -> None:
    text = render(told.direction_steps(directions(PAPER)), "text")
    for line in ("alpha/2 + 1/2 <= 9/10", "alpha <= 4/5", "1 - alpha/2 <= 3/5", "alpha >= 4/5", "{4/5}", "dWr = [["):
        assert line in text
    assert r"\alpha \leq \frac{4}{5}" in render(told.direction_steps(directions(PAPER)), "latex")
    assert "there is none" in render(told.direction_steps(directions({"acts": Fraction(1, 5)})), "text")


@pytest.mark.parametrize("text", ["params", "params:", "flops:1", "params:1,params:1", "params:-1", "acts:x", ""])
def test_bad_bounds_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_bounds(text)
    with pytest.raises(InvalidInput):
        directions({"params": Fraction(-1)})


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "derive", "--budgets", "params:9/10,acts:3/5", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert found["fast"] == {"alpha": ["4/5", "4/5"], "conditions": {"params": "alpha <= 4/5", "acts": "alpha >= 4/5"}}
    assert found["strategy"] == found["slowest"]["acts"] == "w9_g9_r1"
    assert {"multipliers", "exponents", "vertices"} <= found.keys()
    code, out, _ = run(capsys, "derive", "dwr", "--budgets", "params:9/10,acts:3/5", "--format", "json")
    found = json.loads(out)
    assert (found["strategy"], found["keeps"]) == ("dwr", {"params": True, "acts": False})
    timed = ("--network", "EfficientNet-B0", "--device", "rtx4090-eager-nchw")
    code, out, _ = run(capsys, "derive", "--budgets", "params:9/10,acts:7/10", *timed, "--format", "json")
    found = json.loads(out)
    assert found["seconds"][found["slowest"]["seconds"]] == min(found["seconds"].values())
    code, _, error = run(capsys, "derive", "--budgets", "params:9/10", "--network", "EfficientNet-B0")
    assert (code, error.count("\n")) == (2, 1)
    code, _, error = run(capsys, "derive")
    assert "give a strategy such as dWr, or budgets" in error
