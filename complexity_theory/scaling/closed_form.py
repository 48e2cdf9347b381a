"""What a whole network costs, in closed form: polynomials in the multipliers of its dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, partial
from typing import Any

import sympy

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.forms import UNDECIDED, Form, variables
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.knobs import Knob, Scalable, multiplied

VARIABLES = (d, w, g, n)
STEPS = (1, 2, 4)  # n may have to be a multiple of 2 or 4, where strides go beyond 32
RESOLUTION_UNIT = 32  # the input is 32 n x 32 n: what the strides of most networks divide


@dataclass(frozen=True, slots=True)
class FormTerm:
    """A term of a closed form: ``coefficient`` times d, w, g, n to the ``powers``."""

    coefficient: int | Fraction
    powers: tuple[int, int, int, int]


def closed_form(network: Scalable) -> Complexity:
    """Flops, params and acts as expanded sympy polynomials in d, w, g (multipliers) and n (input 32 n x 32 n).

    Ideal: nothing is rounded. Of an input that is no square, n is its height over 32 and its proportions are kept. At
    d = w = g = 1 the polynomials equal the exact counts at every input whose sides are multiples of 32, also of a
    network whose own are none (at those, strided sizes round up and the counts are a little higher). A first block
    differs from the rest of its stage, so a coefficient may be negative. Where strides divide 64 n or 128 n alone, the
    polynomials hold for even n, or multiples of 4. Raises InvalidInput for a network whose strides do not divide these:
    it has no such polynomial.

    >>> from complexity_theory.zoo import network
    >>> form = closed_form(network("EfficientNet-B0"))
    >>> form.flops.subs({d: 1, w: 1, n: 7})
    385825092
    >>> form.acts
    108864*d*n**2*w + 11220*d*w + 28640*n**2*w - 1880*w + 1000
    """
    return _with_step(network)[1]


def step_of_n(network: Scalable) -> int:
    """What n must be a multiple of for the closed form to equal the counts: 1, or 2 or 4 where strides go beyond 32.

    >>> from complexity_theory.zoo import network
    >>> step_of_n(network("EfficientNet-B0"))
    1
    """
    return _with_step(network)[0]


@cache
def _with_step(network: Scalable) -> tuple[int, Complexity]:
    for times in STEPS:
        values, first = symbolic_sizes(network, times)
        form = network.ideal(values)
        metrics = (*form.as_dict().values(), form.products)
        if all(metric is not UNDECIDED for metric in metrics):
            return times, form.map(partial(in_n, first=first))
    raise InvalidInput(
        f"{network.name} has no closed form: its sizes are no multiples of its strides on an input of "
        f"{RESOLUTION_UNIT} n x {RESOLUTION_UNIT} n"
    )


def in_n(metric: Any, first: int) -> sympy.Expr:
    """What was counted of ``symbolic_sizes``, whose height is ``first`` times 32 n, as a polynomial in d, w, g, n."""
    found = metric.terms if isinstance(metric, Form) else {(0, 0, 0, 0): metric}
    return sympy.Add(*(sympy.Rational(c) / first**m * d**i * w**j * g**k * n**m for (i, j, k, m), c in found.items()))


def symbolic_sizes(network: Scalable, times: int = 1) -> tuple[list[Any], int]:
    """The sizes of a network in the variables of closed forms, and the height of its input over 32 n.

    Of an input that is no square, all sides stay whole in n: what comes out is divided by that height. ``times``: n is
    a multiple of it.
    """
    knobs = network.knobs
    depth, width, group_width, unit = variables("d", "w", "g", "n")
    values = multiplied(knobs, {"depth": depth, "width": width, "group_width": group_width, "resolution": 1})
    proportions = {name: times * proportion for name, proportion in _proportions(knobs).items()}
    sized = [
        RESOLUTION_UNIT * proportions[knob.name] * unit if knob.name in proportions else value
        for knob, value in zip(knobs, values, strict=True)
    ]
    return sized, next(iter(proportions.values()), 1)


def _proportions(knobs: Sequence[Knob]) -> dict[str, int]:
    """The sides of the input that move, in lowest terms: 1 of a square, 3 and 5 of 384 x 640.

    Where they must be multiples of more than 32, as many times that.
    """
    moving = [knob for knob in knobs if knob.dimension == "resolution" and knob.moves]
    unit = math.gcd(*(knob.base for knob in moving))
    times = math.lcm(*(math.lcm(knob.multiple, RESOLUTION_UNIT) // RESOLUTION_UNIT for knob in moving))
    return {knob.name: times * (knob.base // unit) for knob in moving}


def own_unit(network: Scalable) -> Fraction:
    """The n of the network's own resolution: an integer where that is a multiple of 32.

    >>> from complexity_theory.zoo import network
    >>> own_unit(network("EfficientNet-B1"))
    Fraction(15, 2)
    """
    height = next((knob.base for knob in network.knobs if knob.dimension == "resolution"), RESOLUTION_UNIT)
    return Fraction(height, RESOLUTION_UNIT)


def terms(polynomial: sympy.Expr) -> list[FormTerm]:
    """The terms of a closed form's polynomial, highest powers first.

    >>> terms(3 * d * w**2 * n - 7)
    [FormTerm(coefficient=3, powers=(1, 2, 0, 1)), FormTerm(coefficient=-7, powers=(0, 0, 0, 0))]
    """
    return [
        FormTerm(c.p if c.q == 1 else Fraction(c.p, c.q), powers)
        for powers, c in sympy.Poly(polynomial, *VARIABLES).terms()
    ]


def own_terms(network: Scalable, polynomial: sympy.Expr) -> list[FormTerm]:
    """The terms in the multipliers of depth, width, group width and resolution: the own n is worked in, exactly.

    >>> from complexity_theory.zoo import network
    >>> b0 = network("EfficientNet-B0")
    >>> sum(term.coefficient for term in own_terms(b0, closed_form(b0).flops))
    Fraction(385825092, 1)
    """
    unit = own_unit(network)
    return [FormTerm(term.coefficient * unit ** term.powers[-1], term.powers) for term in terms(polynomial)]
