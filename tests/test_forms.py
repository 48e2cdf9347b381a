"""Polynomials as sizes: their arithmetic is that of the symbol library, and closed forms are the sums that it makes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core import symbols
from complexity_theory.core.forms import UNDECIDED, Form, variables
from complexity_theory.core.sizes import ceil_div, divides, refuted, same
from complexity_theory.networks import Network, Stage
from complexity_theory.scaling.closed_form import closed_form, in_n, symbolic_sizes
from complexity_theory.scaling.kept import kept_form

NAMES = ("d", "w", "g", "n")
SYMBOLS = {name: getattr(symbols, name) for name in NAMES}
POWERS = st.tuples(*[st.integers(0, 2)] * 4)
TERMS = st.dictionaries(POWERS, st.integers(-40, 40).filter(bool), min_size=1, max_size=4)
FORMS = TERMS.map(lambda terms: Form(NAMES, terms) if set(terms) != {(0, 0, 0, 0)} else variables(*NAMES)[0])


def expression(form: Any) -> sympy.Expr:
    return in_n(form, 1)


@given(FORMS, FORMS, st.integers(1, 9))
def test_arithmetic_is_that_of_the_symbol_library(a: Form, b: Form, number: int) -> None:
    x, y = expression(a), expression(b)
    assert expression(a + b) == sympy.expand(x + y)
    assert expression(a - b) == sympy.expand(x - y)
    assert expression(a * b) == sympy.expand(x * y)
    assert expression(a**2 - number) == sympy.expand(x**2 - number)
    assert expression(number - a) == sympy.expand(number - x)
    assert expression(a / number) == sympy.expand(x / number)
    assert expression((a * b) // b) == sympy.expand(x)
    assert (a * b) % b == 0


@given(FORMS, st.integers(1, 9), st.tuples(*[st.integers(1, 30)] * 4))
def test_what_is_decided_holds_of_every_value(a: Form, number: int, values: tuple[int, int, int, int]) -> None:
    def at(form: Any) -> Any:
        return expression(form).subs(dict(zip(SYMBOLS.values(), values, strict=True)))

    for quotient, found in ((a // number, at(a) // number), (ceil_div(a, number), -(-at(a) // number))):
        assert quotient is UNDECIDED or at(quotient) == found
    assert a % number is UNDECIDED or a % number == at(a) % number
    for told, holds in (
        (a < number, at(a) < number),
        (a <= number, at(a) <= number),
        (a > number, at(a) > number),
        (a >= number, at(a) >= number),
        (a >= 2 * a, at(a) >= 2 * at(a)),
    ):
        assert told is UNDECIDED or told == holds


def test_what_is_told_of_sizes() -> None:
    d, w, _, n = variables(*NAMES)
    assert ceil_div(32 * n + 1, 2) == 16 * n + 1
    assert ceil_div(n, 2) is UNDECIDED
    assert refuted(w >= 1) is False
    assert refuted(2 * w - 1 <= 0)
    assert refuted(0 * w + 3 <= 1)
    assert not same(64 * w, 32 * w)
    assert same(64 * w, 64)
    assert divides(8, 64 * w)
    assert not divides(2, 2 * n + 1)
    assert w * UNDECIDED is UNDECIDED is UNDECIDED + w
    assert str(w * Fraction(1, 2) - d) == "-d + w/2"


GROUPED = Network(
    name="grouped",
    family="x",
    stem="conv3",
    stem_width=24,
    resolution=96,
    stages=tuple(
        Stage(
            block="bottleneck",
            depth=1 + i % 3,
            width=24 + 16 * i,
            stride=1 + (i == 3),
            group_width=4,
            se=Fraction(1, 4),
        )
        for i in range(9)
    ),
)


@pytest.mark.parametrize(
    "network",
    [GROUPED, *map(zoo.network, ["EfficientNet-B0", "RegNetZ-500MF", "ResNet-50", "ConvNeXt-Tiny", "VGG-16"])],
    ids=lambda network: network.name,
)
def test_closed_forms_are_the_sums_of_the_symbol_library(network: Network) -> None:
    """The same layers, fed its symbols."""
    values, first = symbolic_sizes(network)
    assert first == 1
    fed = [expression(value) for value in values]
    form, wanted = closed_form(network), network.ideal(fed).map(sympy.expand)
    assert form.as_dict() == wanted.as_dict()
    assert kept_form(network) == sympy.expand(network.kept(fed))


def test_a_network_of_very_many_stages_has_its_closed_form() -> None:
    """In the time of a count; summed in a symbol library, this took minutes."""
    stages = tuple(Stage(block="mbconv", depth=1 + i % 7, width=8 + i, ratio=Fraction(6)) for i in range(1000))
    network = Network(name="deep", family="x", stem="conv3", stem_width=32, resolution=128, stages=stages)
    at = {symbols.d: 1, symbols.w: 1, symbols.g: 1, symbols.n: 4}
    found = {name: metric.subs(at) for name, metric in closed_form(network).as_dict().items()}
    assert found == network.complexity().as_dict()
