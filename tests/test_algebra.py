"""The helpers that serve ints, symbols and int64 arrays alike; shapes and costs; and what they refuse."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory.algebra import (
    InvalidInput,
    ceil_div,
    check_pair,
    check_size,
    divides,
    is_symbolic,
    nearest,
    pair,
    refuted,
    same,
)
from complexity_theory.complexity import METRICS, Complexity, Shape
from tests.random_layers import examples

INTS = st.integers(-1000, 1000)
POSITIVE = st.integers(1, 1000)
N, M = sympy.symbols("n m", positive=True, integer=True)


@examples(200)
@given(INTS, POSITIVE)
def test_ceil_div_is_the_ceiling_of_the_quotient_in_all_three_readings(a: int, b: int) -> None:
    expected = math.ceil(Fraction(a, b))
    assert ceil_div(a, b) == expected
    assert ceil_div(np.array([a, a + b]), b).tolist() == [expected, expected + 1]
    assert ceil_div(N, M).subs({N: sympy.Integer(a), M: b}) == expected


@examples(200)
@given(INTS, POSITIVE)
def test_nearest_rounds_ints_and_arrays_as_python_does_and_no_symbol(a: int, b: int) -> None:
    expected = round(Fraction(a, b))
    assert nearest(a, b) == expected
    assert nearest(np.array([a]), b).tolist() == [expected]
    assert nearest(N, b) == N / b


@examples(100)
@given(POSITIVE, POSITIVE)
def test_questions_about_numbers_have_the_answers_of_numbers(a: int, b: int) -> None:
    assert same(a, b) == (a == b)
    assert divides(a, b) == (b % a == 0)
    assert refuted(a > b) == (a <= b)
    assert same(np.array([a, b]), np.array([a, a])) == (a == b)
    assert divides(np.array([1, a]), np.array([b, b])) == (b % a == 0)


def test_what_symbols_leave_undecided_counts_as_possible() -> None:
    assert same(N, M)
    assert same(N, 7)
    assert same(2 * (N + 1), 2 * N + 2)
    assert not same(N, N + 1)
    assert not same(N, 0)
    assert divides(8, N)
    assert divides(N, N * M)
    assert not refuted(N > 5)
    assert refuted(N < 1)
    assert not refuted(N >= 1)


def test_a_pair_is_height_and_width() -> None:
    assert pair(3) == (3, 3)
    assert pair((1, 7)) == (1, 7)
    assert is_symbolic(N)
    assert not is_symbolic(np.array([3]))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0, "side must be at least 1, not 0"),
        (-3, "side must be at least 1, not -3"),
        (True, "side must be an int, a sympy expression or an int64 array, not True (bool)"),
        (2.0, "not 2.0 (float)"),
        ("7", "not '7' (str)"),
        (None, "not None (NoneType)"),
        ([3, 3], "not [3, 3] (list)"),
        (Fraction(4, 2), "(Fraction)"),
        (np.array([1, 2], dtype=np.int32), "not array([1, 2], dtype=int32) (int32)"),
        (np.array([1.0]), "(float64)"),
        (np.array([True]), "(bool)"),
        (np.int32(4), "(int32)"),
        (np.array([3, 0]), "side must be at least 1, not [3 0]"),
        (-N, "side must be at least 1, not -n"),
        (sympy.Integer(0), "side must be at least 1, not 0"),
    ],
)
def test_a_size_is_an_int_a_symbol_or_an_int64_array_of_at_least_one(value: Any, says: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_size("side", value)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [1, 10**30, N, N - 1, sympy.Integer(4), np.array([1, 2]), np.int64(3)])
def test_sizes_that_are_fine(value: Any) -> None:
    check_size("side", value)
    check_pair("side", (value, value))
    Shape(value, value, value)


def test_a_pair_has_two_sizes() -> None:
    with pytest.raises(InvalidInput, match=r"kernel must be one size or a \(height, width\) pair, not \(3, 3, 3\)"):
        check_pair("kernel", (3, 3, 3))
    with pytest.raises(InvalidInput, match="kernel must be at least 1, not 0"):
        check_pair("kernel", (3, 0))


@pytest.mark.parametrize("side", ["channels", "height", "width"])
def test_shapes_name_the_side_at_fault(side: str) -> None:
    with pytest.raises(InvalidInput, match=f"{side} must be at least 1, not 0"):
        Shape(**{"channels": 3, "height": 4, "width": 5} | {side: 0})


def test_a_shape_is_channels_height_width() -> None:
    assert Shape(3, 4, 5).elements == 60
    assert str(Shape(3, 4, 5)) == "3x4x5"
    with pytest.raises(AttributeError):
        Shape(3, 4, 5).height = 6  # type: ignore[misc]


COSTS = st.builds(Complexity, INTS, INTS, INTS)


@examples(200)
@given(COSTS, COSTS, COSTS, POSITIVE, POSITIVE)
def test_costs_add_and_repeat(a: Complexity, b: Complexity, c: Complexity, n: int, m: int) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + Complexity() == a
    assert n * (a + b) == n * a + n * b
    assert (n + m) * a == n * a + m * a
    assert n * (m * a) == (n * m) * a
    assert n * a == a * n
    assert 3 * a == a + a + a
    assert 0 * a == Complexity()
    assert sum([a, b, c], Complexity()) == a + b + c


def test_an_array_repeats_a_cost_elementwise() -> None:
    """Not an array of costs: numpy would take the product for itself."""
    repeated = np.array([1, 2, 3]) * Complexity(10, 20, 30)
    assert type(repeated) is Complexity
    assert repeated.flops.tolist() == [10, 20, 30]
    assert (Complexity(1, 2, 3) * np.array([0, 5])).acts.tolist() == [0, 15]


def test_a_cost_by_metric() -> None:
    cost = Complexity(1, 2, 3)
    assert tuple(cost.as_dict()) == METRICS == ("flops", "params", "acts")
    assert cost.map(lambda x: x * N) == Complexity(N, 2 * N, 3 * N)
