"""What a whole network costs, in closed form: polynomials in the multipliers of its dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import sympy

from complexity_theory.core import report
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.spec import Network

VARIABLES = (d, w, g, n)
RESOLUTION_UNIT = 32  # the input is 32 n x 32 n: what the strides of most networks divide


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a closed form: ``coefficient`` times d, w, g, n to the ``powers``."""

    coefficient: int | Fraction
    powers: tuple[int, int, int, int]


@cache
def closed_form(network: Network) -> Complexity:
    """Flops, params and acts as expanded sympy polynomials in d, w, g (multipliers) and n (input 32 n x 32 n).

    Ideal: nothing is rounded. At d = w = g = 1 they equal the exact counts at every input of 32 n x 32 n, also of a
    network whose own resolution is no multiple of 32 (at that one, its strided sizes round up and the counts are a
    little higher). A first block differs from the rest of its stage, so a coefficient may be negative. Raises
    InvalidInput for a network whose strides do not divide 32 n: it has no such polynomial.

    >>> from complexity_theory.zoo import network
    >>> form = closed_form(network("EfficientNet-B0"))
    >>> form.flops.subs({d: 1, w: 1, n: 7})
    385825092
    >>> form.acts
    108864*d*n**2*w + 11220*d*w + 28640*n**2*w - 1880*w + 1000
    """
    ideal = network.scaled(depth=d, width=w, group_width=g)
    form = ideal.complexity(RESOLUTION_UNIT * n).map(sympy.expand)
    if not all(metric.is_polynomial(*VARIABLES) for metric in form.as_dict().values()):
        raise InvalidInput(
            f"{network.name} has no closed form: its sizes are no multiples of its strides on an input of "
            f"{RESOLUTION_UNIT} n x {RESOLUTION_UNIT} n"
        )
    return form


def own_unit(network: Network) -> Fraction:
    """The n of the network's own resolution: an integer where that is a multiple of 32.

    >>> from complexity_theory.zoo import network
    >>> own_unit(network("EfficientNet-B1"))
    Fraction(15, 2)
    """
    return Fraction(network.resolution, RESOLUTION_UNIT)


def terms(polynomial: sympy.Expr) -> list[Term]:
    """The terms of a closed form's polynomial, highest powers first.

    >>> terms(3 * d * w**2 * n - 7)
    [Term(coefficient=3, powers=(1, 2, 0, 1)), Term(coefficient=-7, powers=(0, 0, 0, 0))]
    """
    return [
        Term(c.p if c.q == 1 else Fraction(c.p, c.q), powers)
        for powers, c in sympy.Poly(polynomial, *VARIABLES).terms()
    ]


def term_table(form: Complexity, **more: sympy.Expr) -> report.Table:
    """The coefficients of a closed form: a row for each monomial, with what flops, params and acts take of it.

    ``more``: further polynomials by name, a column each.
    """
    metrics = {
        name: {t.powers: t.coefficient for t in terms(polynomial)}
        for name, polynomial in {**form.as_dict(), **more}.items()
    }
    known = sorted({powers for coefficients in metrics.values() for powers in coefficients}, reverse=True)
    return report.Table(
        [
            dict(zip(map(str, VARIABLES), powers, strict=True))
            | {name: coefficients.get(powers, 0) for name, coefficients in metrics.items()}
            for powers in known
        ]
    )


def as_data(network: Network, form: Complexity, **more: sympy.Expr) -> dict[str, Any]:
    """A closed form as data: the polynomials, exact and as LaTeX, their terms, and the n of the own resolution.

    ``more``: further polynomials by name.
    """
    polynomials = {**form.as_dict(), **more}
    return {
        "network": network.name,
        **polynomials,
        "latex": {name: sympy.latex(polynomial) for name, polynomial in polynomials.items()},
        "terms": term_table(form, **more).rows,
        "resolution": network.resolution,
        "n": own_unit(network),
    }
