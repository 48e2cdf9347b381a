"""Strategies: the strings, their exact shares, and the multipliers as floats."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import alpha
from complexity_theory.scaling.strategy import NAMED, Strategy, fast, parse

# The text, and the shares of d, w, g, r that DESIGN section 3 gives it.
MEANINGS = {
    "d": (1, 0, 0, 0),
    "w": (0, 1, 0, 0),
    "r": (0, 0, 0, 1),
    "g": (0, 0, 2, 0),
    "wg": (0, 1, 1, 0),
    "dw": (Fraction(1, 2), Fraction(1, 2), 0, 0),
    "dr": (Fraction(1, 2), 0, 0, Fraction(1, 2)),
    "wr": (0, Fraction(1, 2), 0, Fraction(1, 2)),
    "dwr": (Fraction(1, 3), Fraction(1, 3), 0, Fraction(1, 3)),
    "rwd": (Fraction(1, 3), Fraction(1, 3), 0, Fraction(1, 3)),
    "dwg": (Fraction(1, 2), Fraction(1, 2), Fraction(1, 2), 0),
    "dWr": (Fraction(1, 10), Fraction(4, 5), Fraction(4, 5), Fraction(1, 10)),
    "fast:0.6": (Fraction(1, 5), Fraction(3, 5), Fraction(3, 5), Fraction(1, 5)),
    "fast:3/5": (Fraction(1, 5), Fraction(3, 5), Fraction(3, 5), Fraction(1, 5)),
    "fast:.5": (Fraction(1, 4), Fraction(1, 2), Fraction(1, 2), Fraction(1, 4)),
    "fast:0": (Fraction(1, 2), 0, 0, Fraction(1, 2)),
    "fast:1": (0, 1, 1, 0),
    "d1_w8_g8_r1": (Fraction(1, 10), Fraction(4, 5), Fraction(4, 5), Fraction(1, 10)),
    "d0.5_w1": (Fraction(1, 3), Fraction(2, 3), 0, 0),
    "w2": (0, 1, 0, 0),
    "g7": (0, 0, 2, 0),
    "d0_w3": (0, 1, 0, 0),
    "d0_g3": (0, 0, 2, 0),
}

# The text, and what its message must name.
MISTAKES = {
    "": "empty",
    "nonsense": "'n' is unknown",
    "dx": "'x' is unknown",
    "dwrd": "'d' is repeated",
    "d1_d2": "'d' is repeated",
    "DWR": "dwr scales depth",
    "Dwr": "dWr mostly width",
    "W": "write 'w' for 'W'",
    "d1_W8_r1": "write 'w' for 'W'",
    "d1_w-2": "the weight of 'w' must be at least 0, not '-2'",
    "d0_w0": "all weights are zero",
    "d1_w": "the weight of 'w' is missing",
    "d1w8": "the weight of 'd'",
    "d1__w1": "'' is no letter",
    "8d": "'8d' is no letter",
    "dw r": "the weight of 'd'",
    " dWr": "' dWr' is no letter",
    "d1e999_w1": "not '1e999'",
    "dinf_w1": "not 'inf'",
    "dnan_w1": "not 'nan'",
    "d1/0_w1": "not '1/0'",
    "w²": "not '²'",
    "d٣": "not '٣'",
    "d" + "9" * 5000: "the weight of 'd' must be a number",
    "fast": "alpha is missing",
    "fast:": "alpha is missing",
    "fast:1.2": "alpha must be in 0..1, not 6/5",
    "fast:-0.1": "alpha must be at least 0, not '-0.1'",
    "fast:nan": "alpha must be a number such as 0.6 or 3/5 (at most 18 characters), not 'nan'",
    "fast:1e999": "not '1e999'",
    "fast:__import__('os')": "alpha must be a number",
    "Fast:0.5": "'F' is unknown",
}


@pytest.mark.parametrize(("text", "shares"), MEANINGS.items())
def test_a_string_means_its_exact_shares(text: str, shares: tuple[Fraction, ...]) -> None:
    strategy = parse(text)
    assert strategy.shares == shares
    assert all(type(share) is Fraction for share in strategy.shares)
    assert str(strategy) == text


@pytest.mark.parametrize(("text", "part"), MISTAKES.items())
def test_a_wrong_string_is_told_its_wrong_part_in_one_short_line(text: str, part: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse(text)
    message = str(error.value)
    assert part in message
    assert "\n" not in message
    assert len(message) < 400


@given(st.text(alphabet="dwgrWR_0123456789./:-fast e", max_size=12))
def test_any_string_is_a_strategy_or_bad_input(text: str) -> None:
    try:
        strategy = parse(text)
    except InvalidInput:
        return
    scaled = strategy.depth + strategy.width + strategy.resolution
    assert scaled == 1 or (scaled == 0 and strategy.group_width == 2)


@given(st.fractions(0, 1, max_denominator=10**6))
def test_fast_is_the_weighted_string_of_its_shares(value: Fraction) -> None:
    strategy = fast(value)
    assert strategy.shares == ((1 - value) / 2, value, value, (1 - value) / 2)
    assert parse(strategy.name).shares == strategy.shares


def test_fast_reads_numbers_exactly_and_keeps_symbols() -> None:
    assert fast(0.1).width == fast(sympy.Rational(1, 10)).width == Fraction(1, 10)
    assert type(fast(sympy.Rational(1, 10)).width) is Fraction
    assert fast(1e-7).width == Fraction(1, 10**7)
    assert fast(alpha).width == alpha == parse("fast:alpha").width == parse("fast:α").width
    assert fast(alpha).is_symbolic
    assert not fast(1).is_symbolic


@pytest.mark.parametrize("value", [-0.1, 1.5, math.nan, math.inf, "0.5", True, None, sympy.sqrt(2) / 2])
def test_fast_refuses_what_is_no_share(value: Any) -> None:
    with pytest.raises(InvalidInput, match="alpha must be in"):
        fast(value)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("factor", [0.25, 1, 2, 64.0])
def test_multipliers_scale_the_flops_of_a_dense_convolution_by_the_factor(name: str, factor: float) -> None:
    m = parse(name).multipliers(factor)
    assert m.depth * m.width**2 * m.resolution**2 == pytest.approx(factor, rel=1e-14)
    assert m.group_width == (m.width if name == "dWr" else 1)


def test_a_group_width_alone_grows_as_the_factor() -> None:
    assert parse("g").multipliers(8) == (1, 1, 8, 1)
    assert parse("wg").multipliers(16) == (1, 4, 4, 1)


@pytest.mark.parametrize("factor", [0, -1, math.nan, math.inf, -math.inf, "2", True, None, 10**400])
def test_multipliers_refuse_a_factor_that_is_not_positive_and_finite(factor: Any) -> None:
    with pytest.raises(InvalidInput, match="positive and finite"):
        parse("w").multipliers(factor)


def test_multipliers_refuse_a_symbol_and_what_no_float_holds() -> None:
    with pytest.raises(InvalidInput, match="give alpha a value"):
        fast(alpha).multipliers(2)
    with pytest.raises(InvalidInput, match="beyond"):
        parse("w1_g1000").multipliers(1e10)


def test_a_strategy_is_named_by_text() -> None:
    with pytest.raises(InvalidInput, match="a strategy is named by text such as 'dWr', not 3"):
        parse(3)  # type: ignore[arg-type]


def test_a_strategy_is_immutable() -> None:
    with pytest.raises(AttributeError):
        parse("w").width = Fraction(1)  # type: ignore[misc]
    assert hash(parse("w")) == hash(Strategy("w", width=Fraction(1)))


def test_numbers_need_no_sympy() -> None:
    code = (
        "import sys; from complexity_theory.scaling.strategy import parse; parse('dWr').multipliers(2); "
        "assert 'sympy' not in sys.modules; parse('fast:alpha'); assert 'sympy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
