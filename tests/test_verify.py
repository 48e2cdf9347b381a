"""The verification: it passes what was derived, and sees every planted error by each of its three checks."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy

from complexity_theory.core.symbols import alpha
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.measurement import verify
from complexity_theory.measurement.verify import (
    SLOPE_BOUND,
    StackSizes,
    exact_ratios,
    fitted_slopes,
    holds_in_symbols,
    real_cost,
    real_stack,
)
from complexity_theory.scaling.exponents import Derivation, derive
from complexity_theory.scaling.strategy import Multipliers, fast, parse
from complexity_theory.scaling.tables import ScalingTable
from complexity_theory.verbs.verifying import Verified


def planted(row: Derivation, metric: str, by: sympy.Rational) -> Derivation:
    """The row with one exponent wrong."""
    exponents = row.exponents.as_dict()
    return replace(row, exponents=Complexity(**exponents | {metric: exponents[metric] + by}))


@pytest.mark.parametrize("layer", ["conv", "group-conv", "depthwise-conv"])
@pytest.mark.parametrize("strategy", ["w", "dr", "wr"])
def test_derived_rows_pass(strategy: str, layer: str) -> None:
    assert verify.verify(derive(parse(strategy), layer)).passed


def test_a_row_in_alpha_is_verified_at_values_that_have_no_row_of_their_own() -> None:
    row = derive(fast(alpha))
    found = verify.verify(row)
    assert found.passed
    assert len(found.ratios) == len(verify.ROOTS) * len(verify.ALPHAS)
    assert not set(verify.ALPHAS) & {Fraction(n, d) for n, d in ((0, 1), (1, 3), (1, 2), (2, 3), (4, 5), (1, 1))}
    assert not verify.verify(planted(row, "acts", sympy.Rational(1, 100) * alpha)).passed


@pytest.mark.parametrize("metric", METRICS)
def test_a_planted_exponent_fails_each_check(metric: str) -> None:
    row = derive(parse("dWr"))
    wrong = planted(row, metric, sympy.Rational(1, 20))
    assert holds_in_symbols(row)
    assert not holds_in_symbols(wrong)
    assert all(ratio.exact for ratio in exact_ratios(row))
    assert not any(ratio.exact for ratio in exact_ratios(wrong))
    slope = fitted_slopes(row).as_dict()[metric]
    assert abs(slope - float(row.exponents.as_dict()[metric])) < SLOPE_BOUND
    assert abs(slope - float(wrong.exponents.as_dict()[metric])) > SLOPE_BOUND
    assert not verify.verify(wrong).passed


def test_an_error_too_small_for_the_slope_is_seen_by_the_exact_checks() -> None:
    wrong = planted(derive(parse("w")), "acts", sympy.Rational(1, 1000))
    assert not holds_in_symbols(wrong)
    assert not any(ratio.exact for ratio in exact_ratios(wrong))


def test_a_planted_direction_fails() -> None:
    row = derive(parse("wr"))
    doubled = Multipliers(*(2 * exponent for exponent in row.direction))
    wrong = replace(row, direction=doubled, exponents=row.exponents.map(lambda exponent: 2 * exponent))
    found = verify.verify(wrong)
    assert all(ratio.exact for ratio in found.ratios)  # the powers agree with each other
    assert not found.identity  # but s is no longer the growth of the flops
    assert not found.passed


def test_tables_are_told_row_by_row_and_failures_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    table = ScalingTable("one", "One table", "conv", (parse("w"), parse("r")))
    found = list(verify.verify_tables([table]))
    data = Verified(tuple(found)).as_dict()
    assert (data["passed"], data["failed"]) == (2, 0)
    assert [row["strategy"] for row in data["rows"]] == ["w", "r"]
    assert data["rows"][0]["ratios"][0] == {"s": 4, "flops": 4, "params": 4, "acts": 2, "exact": True}
    wrong = verify.verify(planted(derive(parse("w")), "params", sympy.Rational(1, 2)))
    data = Verified((*found, ("one", wrong))).as_dict()
    assert (data["passed"], data["failed"]) == (2, 1)
    shown = Verified((("one", wrong),)).table()
    assert "1 failed" in shown.title
    assert shown.rows[0]["in symbols"] == "FAILS"
    assert shown.rows[0]["real stacks, exactly at s"] == "2^2 FAILS, 3^2 FAILS, 4^2 FAILS"
    assert shown.rows[0]["passed"] is False


def test_stacks_are_pytorchs_own_convolutions() -> None:
    module = real_stack(StackSizes(depth=3, width=8, group_width=2, resolution=5))
    kinds = {f"{type(part).__module__}.{type(part).__name__}" for part in module.children()}
    assert kinds == {"torch.nn.modules.conv.Conv2d"}
    assert [part.groups for part in module.children()] == [4, 4, 4]
    assert real_cost(StackSizes(3, 8, 2, 5)) == Complexity(3 * 9 * 8 * 2 * 25, 3 * 9 * 8 * 2, 3 * 8 * 25)


@pytest.mark.parametrize(("strategy", "layer"), [("dwr", "conv"), ("g", "group-conv"), ("wg", "group-conv")])
def test_the_slope_bound_is_what_rounding_can_do(strategy: str, layer: str) -> None:
    row = derive(parse(strategy), layer)
    base = real_cost(verify.BASES[layer]).as_dict()
    for factor in verify.VERIFIED_FACTORS:
        rounded = real_cost(verify.rounded(verify.BASES[layer], row, factor)).as_dict()
        for metric, exponent in row.exponents.as_dict().items():
            moved = math.log(rounded[metric] / base[metric]) - float(exponent) * math.log(factor)
            assert abs(moved) <= verify.ROUNDING
    assert 3 * verify.ROUNDING / math.log(verify.VERIFIED_FACTORS[-1]) <= SLOPE_BOUND
