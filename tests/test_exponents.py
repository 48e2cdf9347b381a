"""Exponents, the steps to them, the optimum and the roofline: derived from the layers, and right."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import alpha, bandwidth, bytes_per_act, d, g, k, r, rate, s, w
from complexity_theory.graph.complexity import METRICS, Complexity, Shape
from complexity_theory.graph.compose import Repeat
from complexity_theory.graph.operations import Conv2d
from complexity_theory.scaling import steps
from complexity_theory.scaling.exponents import LAYERS, Derivation, derive, known_as, layer_complexity, log_matrix
from complexity_theory.scaling.optimal import slowest_acts
from complexity_theory.scaling.roofline import crossover, intensity, intensity_exponent, roofline_rows
from complexity_theory.scaling.strategy import NAMED, Strategy, fast, parse, weighted
from complexity_theory.verbs.writing import step_data, step_table

MATRICES = {
    "conv": [[1, 2, 0, 2], [1, 2, 0, 0], [1, 1, 0, 2]],
    "group-conv": [[1, 1, 1, 2], [1, 1, 1, 0], [1, 1, 0, 2]],
    "depthwise-conv": [[1, 1, 0, 2], [1, 1, 0, 0], [1, 1, 0, 2]],
}

# (strategy, layer): exponents of s in depth, width, group width, resolution; in flops, params, acts
EXPONENTS = {
    ("d", "conv"): "1 0 0 0 1 1 1",
    ("w", "conv"): "0 1/2 1/2 0 1 1 1/2",
    ("r", "conv"): "0 0 0 1/2 1 0 1",
    ("dw", "conv"): "1/2 1/4 1/4 0 1 1 3/4",
    ("dr", "conv"): "1/2 0 0 1/4 1 1/2 1",
    ("wr", "conv"): "0 1/4 1/4 1/4 1 1/2 3/4",
    ("dwr", "conv"): "1/3 1/6 1/6 1/6 1 2/3 5/6",
    ("dWr", "conv"): "1/10 2/5 2/5 1/20 1 9/10 3/5",
    ("fast:0.6", "conv"): "1/5 3/10 3/10 1/10 1 4/5 7/10",
    ("d1_w8_g8_r1", "conv"): "1/10 2/5 2/5 1/20 1 9/10 3/5",
    ("w", "group-conv"): "0 1 0 0 1 1 1",
    ("g", "group-conv"): "0 0 1 0 1 1 0",
    ("wg", "group-conv"): "0 1/2 1/2 0 1 1 1/2",
    ("dWr", "group-conv"): "1/10 2/5 2/5 1/20 1 9/10 3/5",
    ("w", "depthwise-conv"): "0 1 0 0 1 1 1",
    ("dwr", "depthwise-conv"): "2/5 1/5 0 1/5 1 3/5 1",
    ("dWr", "depthwise-conv"): "1/6 2/3 0 1/12 1 5/6 1",
}

weights = st.fractions(0, 9, max_denominator=9)


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    values = draw(st.tuples(weights, weights, weights, weights).filter(lambda v: any((v[0], v[1], v[3]))))
    return weighted("drawn", dict(zip("dwgr", values, strict=True)))


@pytest.mark.parametrize(("layer", "matrix"), MATRICES.items())
def test_the_matrix_of_a_layer_is_derived_and_exact(layer: str, matrix: list[list[int]]) -> None:
    assert log_matrix(layer) == sympy.Matrix(matrix)


@pytest.mark.parametrize(("case", "expected"), EXPONENTS.items())
def test_exponents_are_the_papers(case: tuple[str, str], expected: str) -> None:
    found = derive(parse(case[0]), case[1])
    assert [*found.direction, *found.exponents.as_dict().values()] == [sympy.Rational(e) for e in expected.split()]
    assert all(exponent.is_Rational for exponent in found.direction)


@given(strategies(), st.sampled_from(LAYERS))
def test_the_substituted_layer_grows_as_the_exponents_say(strategy: Strategy, layer: str) -> None:
    """By another road than the matrix: put the multipliers into the cost, and compare with the growth."""
    found = derive(strategy, layer)
    base = layer_complexity(layer)
    scaled = base.map(lambda cost: cost.subs(dict(zip((d, w, g, r), _scaled(found), strict=True)), simultaneous=True))
    for cost, grown, growth in zip(*(c.as_dict().values() for c in (base, scaled, found.growth)), strict=True):
        assert sympy.powsimp(sympy.expand(grown / cost)) == growth
    assert found.exponents.flops == 1


def _scaled(found: Derivation) -> list[sympy.Expr]:
    return [x * m for x, m in zip((d, w, g, r), found.multipliers, strict=True)]


@given(st.fractions(0, 1, max_denominator=50), st.sampled_from(LAYERS))
def test_the_family_in_alpha_holds_for_each_alpha(value: Fraction, layer: str) -> None:
    family, member = derive(fast(alpha), layer), derive(fast(value), layer)
    assert family.exponents.map(lambda e: e.subs(alpha, value)) == member.exponents
    assert tuple(e.subs(alpha, value) for e in family.direction) == member.direction


def test_the_family_in_alpha_reads_as_in_the_paper() -> None:
    family = derive(fast(alpha))
    expected = ((1 - alpha) / 2, alpha / 2, alpha / 2, (1 - alpha) / 4)
    assert all(sympy.expand(a - b) == 0 for a, b in zip(family.direction, expected, strict=True))
    assert sympy.expand(family.exponents.params - (1 + alpha) / 2) == 0
    assert sympy.expand(family.exponents.acts - (1 - alpha / 2)) == 0


@pytest.mark.parametrize(("layer", "group_width"), [("conv", 6), ("group-conv", 2), ("depthwise-conv", 1)])
@pytest.mark.parametrize("text", ["d", "w", "r", "wg", "dwr", "dwg"])
def test_stacks_of_ints_grow_as_the_exponents_say(text: str, layer: str, group_width: int) -> None:
    """A factor whose roots are all whole: the ratio of two exact counts is the power of it."""
    found, factor = derive(parse(text), layer), 2**60
    depth, width, group, resolution = (int(m.subs(s, factor)) for m in found.multipliers)
    base = Repeat(Conv2d(6, 6, 3, group_width=group_width), 2).complexity(Shape(6, 4, 4))
    wide, groups, high = 6 * width, group_width * group, 4 * resolution
    scaled = Repeat(Conv2d(wide, wide, 3, group_width=groups), 2 * depth).complexity(Shape(wide, high, high))
    assert scaled == Complexity(
        *(int(n * growth.subs(s, factor)) for n, growth in zip(_all(base), _all(found.growth), strict=True))
    )


def _all(cost: Complexity) -> Iterator[object]:
    return iter(cost.as_dict().values())


@pytest.mark.parametrize(("text", "layer"), [("g", "conv"), ("g", "depthwise-conv"), ("d0_g1", "conv")])
def test_a_strategy_that_changes_no_flops_is_refused(text: str, layer: str) -> None:
    with pytest.raises(InvalidInput, match=f"strategy {text} does not change the flops of a {layer}"):
        derive(parse(text), layer)


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown layer 'dense': one of conv, group-conv, depthwise-conv"):
        derive(parse("w"), "dense")


def test_named_strategies_are_found_by_their_direction() -> None:
    assert [known_as(derive(parse(name))) for name in NAMED] == list(NAMED)
    assert [known_as(derive(fast(a))) for a in (0, Fraction(1, 3), Fraction(4, 5), 1)] == ["dr", "dwr", "dWr", "w"]
    assert known_as(derive(fast(alpha))) is None


def test_another_cost_gives_other_exponents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is typed in: were a convolution's flops cubic in the width, the exponents would follow."""

    def cubic(self: Conv2d, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(self.w_in**2 * output.elements, self.w_in**3, output.elements)

    monkeypatch.setattr(Conv2d, "cost", cubic)
    log_matrix.cache_clear()
    try:
        assert list(derive(parse("w")).direction)[1] == sympy.Rational(1, 3)
    finally:
        log_matrix.cache_clear()


@pytest.mark.parametrize(
    ("layer", "depth", "resolution", "name"),
    [
        ("conv", "0", "0", "w"),
        ("conv", "1/10", "1/20", "dWr"),
        ("conv", "1/3", "1/6", "dwr"),
        ("conv", "1", "0", "d"),
        ("group-conv", "0", "0", "w1_g1"),
        ("group-conv", "1/10", "1/20", "dWr"),
        ("depthwise-conv", "0", "0", "w"),
    ],
)
def test_acts_grow_slowest_along(layer: str, depth: str, resolution: str, name: str) -> None:
    found = slowest_acts(layer, depth=Fraction(depth), resolution=Fraction(resolution))
    assert found.strategy.name == name
    assert found == derive(parse(name), layer)


@pytest.mark.parametrize("layer", LAYERS)
@settings(max_examples=30)
@given(st.fractions(0, Fraction(1, 2), max_denominator=20), st.fractions(0, Fraction(1, 4), max_denominator=20))
def test_the_optimum_is_that_of_a_solver_of_linear_programs(layer: str, depth: Fraction, resolution: Fraction) -> None:
    found = slowest_acts(layer, depth=depth, resolution=resolution)
    flops, _, acts = np.array(MATRICES[layer], dtype=float)
    solved = linprog(
        acts,
        A_eq=[flops],
        b_eq=[1],
        A_ub=[[0, -1, 1, 0]],
        b_ub=[0],
        bounds=[(float(depth), None), (0, None), (0, None), (float(resolution), None)],
    )
    assert solved.fun == pytest.approx(float(found.exponents.acts), abs=1e-9)
    assert found.direction.depth >= depth
    assert found.direction.resolution >= resolution


@pytest.mark.parametrize(("depth", "resolution"), [("-1/10", "0"), ("0", "-1"), ("1", "1/10"), ("2", "0")])
def test_floors_that_cannot_be_kept_are_refused(depth: str, resolution: str) -> None:
    with pytest.raises(InvalidInput, match="floors"):
        slowest_acts(depth=Fraction(depth), resolution=Fraction(resolution))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("strategy", [*map(parse, NAMED), fast(alpha)], ids=str)
def test_at_the_crossover_both_times_are_equal(strategy: Strategy, layer: str) -> None:
    found = derive(strategy, layer)
    at = crossover(found)
    if at is None:
        assert intensity_exponent(found) == 0
        assert s not in intensity(found).free_symbols
        return
    base = layer_complexity(layer)
    compute = base.flops * s**found.exponents.flops / rate
    memory = bytes_per_act * base.acts * s**found.exponents.acts / bandwidth
    ratio = (compute / memory).subs(s, at)
    assert sympy.simplify(sympy.expand_power_base(ratio, force=True)) == 1


def test_the_roofline_puts_numbers_in() -> None:
    values = {rate: 8e12, bandwidth: 1e12, bytes_per_act: 8.0, w: 4, k: 1, g: 2}
    row, constant = roofline_rows([derive(parse("w")), derive(parse("d"))], values)
    assert row["compute-bound from s"] == pytest.approx(256)
    assert row["at s = 1"] == constant["at s = 1"] == "memory-bound"
    assert constant["compute-bound from s"] is None
    symbolic = roofline_rows([derive(parse("w"))], {w: 4})[0]
    assert "at s = 1" not in symbolic
    with pytest.raises(InvalidInput, match="F must be positive and finite, not inf"):
        roofline_rows([], {rate: float("inf")})


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("text", ["dWr", "wg", "fast:alpha"])
def test_every_step_of_a_derivation_is_true(text: str, layer: str) -> None:
    found = derive(parse(text), layer)
    written = steps.layer_steps(found)
    assert [len(step.equations) for step in written] == [3, 1, 2, 2, 4, 3, 3]
    cost = layer_complexity(layer).as_dict()
    for metric, (_, substituted, result) in zip(METRICS, written[5].equations, strict=True):
        true = substituted.doit() / result.subs(sympy.Symbol(metric), cost[metric])
        assert sympy.simplify(true) == 1
    assert [side for _, side in written[6].equations] == list(_all(found.exponents))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_steps_are_written_in_every_form(form: str, layer: str) -> None:
    written = steps.render(steps.layer_steps(derive(fast(alpha, "d1_w_%"), layer)), form)
    assert all(f"{number}. " in written for number in range(1, 8))
    assert (written.count("$") % 2, written.count("{") - written.count("}")) == (0, 0)
    if form == "latex":
        assert r"d1\_w\_\%" in written
        assert written.count(r"\begin") == written.count(r"\end")
        assert written.isascii()


def test_steps_are_data_as_well() -> None:
    data = step_data(steps.layer_steps(derive(parse("w"))))
    assert data[0]["equations"][0] == {"text": "flops = d*k**2*r**2*w**2", "latex": r"\mathrm{flops} = " + _FLOPS}
    rows = step_table(steps.layer_steps(derive(parse("w")))).rows
    assert rows[-1] == {"step": 7, "title": data[-1]["title"], "equation": "exponent of acts = 1/2"}


_FLOPS = r"d\,k^{2}\,r^{2}\,w^{2}"
