"""Closed forms of networks: exact at every input of 32 n, and what they say of finite factors."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import alpha, d, g, n, s, w
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks import Network, Stage
from complexity_theory.scaling.closed_form import VARIABLES, closed_form, own_unit, step_of_n, terms
from complexity_theory.scaling.effective import FACTORS, effective_exponents
from complexity_theory.scaling.exponents import derive
from complexity_theory.scaling.population import polynomials
from complexity_theory.scaling.steps import closed_form_step, network_steps
from complexity_theory.scaling.strategy import NAMED, fast, parse
from complexity_theory.verbs.networks import distances, group_width_table
from complexity_theory.verbs.theory import closed_form as verbs_closed_form
from complexity_theory.verbs.theory import derive as derive_verb


def _at(form: Complexity, unit: int) -> Complexity:
    return form.map(lambda metric: metric.subs({d: 1, w: 1, g: 1, n: unit}))


@pytest.mark.parametrize("name", zoo.names())
def test_closed_forms_equal_exact_counts_and_tend_to_the_papers_exponents(name: str) -> None:
    network = zoo.network(name)
    form = closed_form(network)
    for unit in (2, 7, 10):
        assert _at(form, unit) == network.complexity(32 * unit)
    for strategy in map(parse, NAMED):
        assert effective_exponents(network, strategy).limits == derive(strategy).exponents


def test_a_wrong_closed_form_is_told_from_a_right_one() -> None:
    network = zoo.network("ResNet-50")
    wrong = closed_form(network) + Complexity(flops=n - n**2 + 42)
    assert _at(wrong, 7) == network.complexity(224)
    assert _at(wrong, 2) != network.complexity(64)


def test_the_design_documents_example() -> None:
    form = closed_form(zoo.network("EfficientNet-B0"))
    assert len(terms(form.flops)) == 9
    assert form.flops.subs({d: 1, w: 1, n: 7}) == 385_825_092
    assert any(term.coefficient < 0 for term in terms(form.flops))


@pytest.mark.parametrize("name", ["EfficientNet-B0", "RegNetY-4.0GF", "ResNet-18", "MobileNetV2"])
def test_whole_multipliers_give_the_counts_of_the_scaled_network(name: str) -> None:
    network = zoo.network(name)
    form = closed_form(network)
    for depth, width, unit in [(2, 1, 7), (1, 3, 4), (3, 2, 5)]:
        scaled = network.scaled(depth=depth, width=width, group_width=width).complexity(32 * unit)
        assert form.map(lambda f: f.subs({d: depth, w: width, g: width, n: unit})) == scaled  # noqa: B023


def test_a_network_without_a_closed_form_is_told() -> None:
    stages = tuple(Stage(block="basic", depth=1, width=8, stride=2) for _ in range(8))
    strided = Network(name="strided", family="", stem="conv3", stem_width=8, stages=stages)
    with pytest.raises(InvalidInput, match="strided has no closed form"):
        closed_form(strided)


def test_strides_beyond_32_are_told_with_what_n_must_be_a_multiple_of() -> None:
    stages = tuple(Stage(block="basic", depth=1, width=8, stride=2) for _ in range(5))
    strided = Network(name="strided", family="", stem="conv3", stem_width=8, stages=stages)
    form, counts = closed_form(strided), {}
    for n_ in (2, 3, 4):
        counts[n_] = strided.complexity(32 * n_) == form.map(lambda f, n_=n_: f.subs({d: 1, w: 1, g: 1, n: n_}))
    assert counts == {2: True, 3: False, 4: True}
    assert step_of_n(strided) == 2
    assert "exact for n that is a multiple of 2" in closed_form_step(strided, form).title


def test_a_closed_form_is_data_and_terms() -> None:
    network = zoo.network("EfficientNet-B1")
    form = closed_form(network)
    found = verbs_closed_form(network)
    data = found.as_dict()
    assert (data["resolution"], data["n"]) == (240, Fraction(15, 2)) == (240, own_unit(network))
    rebuilt = [
        sum(row[metric] * sympy.prod([x ** row[str(x)] for x in VARIABLES]) for row in found.rows())
        for metric in ("flops", "params", "acts")
    ]
    assert rebuilt == list(form.as_dict().values())
    assert r"n^{2}" in data["latex"]["acts"]


def test_the_design_documents_effective_exponents() -> None:
    scaling = effective_exponents(zoo.network("EfficientNet-B0"), parse("dWr"))
    assert [round(scaling.at(factor).params, 2) for factor in (1, 16)] == [0.78, 0.87]
    assert scaling.limits == Complexity(1, Fraction(9, 10), Fraction(3, 5))


@pytest.mark.parametrize("text", ["dWr", "w", "wg", "dr", "fast:0.3", "d1_w2_g3_r4"])
@pytest.mark.parametrize("name", ["EfficientNet-B0", "RegNetZ-500MF", "ResNet-50"])
def test_effective_exponents_are_slopes(name: str, text: str) -> None:
    """By another road than the Jacobian: the difference of logarithms over a small step of log s."""
    network, strategy = zoo.network(name), parse(text)
    scaling, cost = effective_exponents(network, strategy), polynomials(network)
    step = 1e-4
    for factor in (1.0, 7.5):
        low, high = (cost(*strategy.multipliers(factor * np.exp(x))).as_dict() for x in (-step, step))
        for metric, exponent in scaling.at(factor).as_dict().items():
            assert exponent == pytest.approx(np.log(high[metric] / low[metric]) / (2 * step), abs=1e-6)


def test_distances_shrink_towards_the_limits() -> None:
    scaling = effective_exponents(zoo.network("RegNetY-4.0GF"), parse("dWr"))
    rows = distances([scaling])
    assert [row["s"] for row in rows] == [*FACTORS, "oo"]
    for metric in ("flops", "params", "acts"):
        off = [abs(row[f"{metric} off"]) for row in rows[:-1]]
        assert off == sorted(off, reverse=True)
        assert rows[-1][metric] == derive(parse("dWr")).exponents.as_dict()[metric]


@pytest.mark.parametrize("name", ["RegNetX-3.2GF", "RegNetY-4.0GF", "RegNetZ-4GF", "ResNeXt-50-32x4d"])
def test_a_network_with_group_convolutions_scales_as_a_dense_one_only_with_g(name: str) -> None:
    """The paper's finding, exactly: with g along, each term has the power of the width it has in the dense twin."""
    network = zoo.network(name)
    twin = replace(network, stages=tuple(replace(stage, group_width=None) for stage in network.stages))
    dense, grouped = closed_form(twin), closed_form(network)
    for metric, form in grouped.as_dict().items():
        assert _powers(form.subs(g, w)) == _powers(dense.as_dict()[metric])
    assert {term.powers for term in terms(grouped.flops)} != {term.powers for term in terms(dense.flops)}
    table = group_width_table(network, parse("w"), factors=(1, 4))
    assert table is not None
    for kept, along, twin_row in zip(table.rows[::3], table.rows[1::3], table.rows[2::3], strict=True):
        assert abs(along["flops"] - twin_row["flops"]) < abs(kept["flops"] - twin_row["flops"]) / 2
        assert kept["flops"] < along["flops"] - 0.01


def _powers(form: sympy.Expr) -> set[tuple[int, ...]]:
    return {term.powers for term in terms(form)}


def test_without_group_convolutions_or_width_there_is_nothing_to_compare() -> None:
    assert group_width_table(zoo.network("ResNet-50"), parse("w")) is None
    assert group_width_table(zoo.network("RegNetY-4.0GF"), parse("dr")) is None


def test_effective_exponents_refuse_what_has_none() -> None:
    network = zoo.network("ResNet-50")
    with pytest.raises(InvalidInput, match="give alpha a value"):
        effective_exponents(network, fast(alpha))
    with pytest.raises(InvalidInput, match="strategy g does not change the flops of ResNet-50"):
        effective_exponents(network, parse("g"))
    with pytest.raises(InvalidInput, match="positive and finite"):
        effective_exponents(network, parse("w")).at(0)
    with pytest.raises(InvalidInput, match="beyond what floats hold"):
        effective_exponents(network, parse("w")).at(1e300)


def test_a_group_width_alone_scales_the_group_convolutions() -> None:
    scaling = effective_exponents(zoo.network("RegNetY-4.0GF"), parse("g"))
    assert scaling.limits == Complexity(1, 1, 0)
    assert scaling.at(1).acts == 0


def test_data_at_a_factor_is_floats_and_without_one_exact() -> None:
    scaling = effective_exponents(zoo.network("RegNetY-4.0GF"), parse("dWr"))
    at = derive_verb("dWr", network="RegNetY-4.0GF", at=4).as_dict()
    assert at["multipliers"]["width"] == 4**0.4
    assert at["exponents"] == scaling.at(4).as_dict()
    exact = derive_verb("dWr", network="RegNetY-4.0GF").as_dict()
    assert exact["multipliers"]["width"] == s ** sympy.Rational(2, 5)
    assert exact["exponents"] == {"flops": 1, "params": Fraction(9, 10), "acts": Fraction(3, 5)}
    assert len(exact["table"]) == len(FACTORS) + 1
    assert len(exact["group_widths"]) == 3 * len(FACTORS)
    assert "group_widths" not in derive_verb("dWr", network="ResNet-50").as_dict()


def test_the_steps_of_a_network_are_true() -> None:
    scaling = effective_exponents(zoo.network("EfficientNet-B0"), parse("dWr"))
    written = network_steps(scaling, [1, 4])
    substituted = [side for _, side in written[2].equations]
    exact = zoo.network("EfficientNet-B0").complexity()
    assert [side.subs(s, 1) for side in substituted] == list(exact.as_dict().values())
    for form, limit in zip(substituted, scaling.limits.as_dict().values(), strict=True):
        assert sympy.limit(form / s ** sympy.Rational(limit), s, sympy.oo) > 0
    assert [str(side) for _, side in written[4].equations] == ["1", "9/10", "3/5"]
