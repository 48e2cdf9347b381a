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

from complexity_theory.core.checks import check_flag, check_pair, check_size, is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import ceil_div, divides, is_symbolic, nearest, pair, product, refuted, same, total
from complexity_theory.graph.complexity import METRICS, Complexity, Shape
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
        (sympy.Float(2.5), "side must be exact, not the Float 2.5"),
        (np.array([], dtype=np.int64), "not an empty array"),
        (np.zeros(200, dtype=np.int64), "side must be at least 1, not [0 0"),
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
        Shape(3, 4, 5).dims = (6,)  # type: ignore[misc]


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


@examples(200)
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**40))
def test_arrays_give_the_exact_result_or_are_refused_and_never_wrap(a: int, b: int, c: int) -> None:
    for operation, x, y, exact in ((product, a, c, a * c), (total, a, b, a + b)):
        assert operation(x, y) == exact
        arrays = np.array([x, 1]), np.array([y, 1])
        if exact < 2**63 - 2**10:  # nearer to the end floats do not tell
            assert int(operation(*arrays)[0]) == exact
        elif exact >= 2**63:
            with pytest.raises(InvalidInput, match="count by ints"):
                operation(*arrays)


def test_arrays_are_told_from_others_that_do_not_fit_them() -> None:
    two, three = np.array([1, 2]), np.array([1, 2, 3])
    for ask in (product, total, same, divides, ceil_div):
        for other in (three, 10**30):
            if ask is same and other is not three:
                continue
            with pytest.raises(InvalidInput, match="arrays of one length and int64 sizes are needed together"):
                ask(two, other)
    assert product(np.array([2**40, 1]), np.array([1, 2**40])).tolist() == [2**40, 2**40]


def test_floats_in_a_cost_are_left_to_floats() -> None:
    assert (Complexity(1e300, 1, 1) * 2.0).flops == 2e300
    assert (Complexity(np.array([1e300]), 1, 1) + Complexity(1, 1, 1)).flops.tolist() == [1e300]


def test_a_flag_is_true_or_false() -> None:
    check_flag("bias", True)
    for value in (1, 0, None, "yes", np.True_):
        with pytest.raises(InvalidInput, match="bias must be True or False, not"):
            check_flag("bias", value)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((value, True) for value in (1, -0.5, Fraction(1, 3), np.float64(2), np.int64(2), sympy.Rational(1, 3))),
        *((value, False) for value in (True, "1", None, math.nan, math.inf, 10**400, N, 1j)),
    ],
)
def test_a_number_is_real_and_finite(value: Any, number: bool) -> None:
    assert is_number(value) is number
