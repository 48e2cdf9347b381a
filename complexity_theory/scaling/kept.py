"""How memory scales: the elements that training keeps for the backward pass, in closed form, and their exponents."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from functools import cache
from typing import Any

import sympy

from complexity_theory.graph.memory import kept
from complexity_theory.networks.knobs import Scalable
from complexity_theory.scaling.closed_form import in_n, own_terms, step_of_n, symbolic_sizes
from complexity_theory.scaling.exponents import DIMENSIONS, Derivation, simplest, stack
from complexity_theory.scaling.strategy import Strategy


@cache
def kept_form(network: Scalable) -> sympy.Expr:
    """The elements that training keeps for each image (``graph.memory.kept``), as a polynomial like ``closed_form``'s.

    Params, their gradients and states come on top, as do a norm's statistics of a whole batch, which no image adds to.
    Ideal: nothing is rounded; equal to the exact count at d = w = g = 1 and every input of 32 n x 32 n. Raises
    InvalidInput for a network without a closed form.

    >>> from complexity_theory.zoo import network
    >>> kept_form(network("ResNet-50"))
    337920*d*n**2*w + 52224*n**2*w + 44032*n**2 + 2048*w
    """
    values, first = symbolic_sizes(network, step_of_n(network))
    return in_n(network.kept(values), first)


def layer_exponent(derivation: Derivation) -> Any:
    """The exponent of s with which what training keeps of a kind of layer grows along a strategy, exactly.

    >>> from complexity_theory.scaling.exponents import derive
    >>> from complexity_theory.scaling.strategy import parse
    >>> layer_exponent(derive(parse("dWr")))
    3/5
    """
    part, shape = stack(derivation.layer)
    elements = sympy.log(sympy.expand(kept(part, shape).each))
    slopes = (sympy.simplify(x * sympy.diff(elements, x)) for x in DIMENSIONS)
    return simplest(sum(slope * exponent for slope, exponent in zip(slopes, derivation.direction, strict=True)))


def _growth(network: Scalable, strategy: Strategy) -> dict[Fraction, Fraction]:
    """What training keeps of a network along a strategy, as a sum of powers of s: exponents and their coefficients."""
    found: dict[Fraction, Fraction] = defaultdict(Fraction)
    for term in own_terms(network, kept_form(network)):
        exponent = sum((p * e for p, e in zip(term.powers, strategy.direction, strict=True)), Fraction(0))
        found[exponent] += term.coefficient
    return {exponent: coefficient for exponent, coefficient in found.items() if coefficient}


def effective_exponent(network: Scalable, strategy: Strategy, factor: float) -> float:
    """The effective exponent of what training keeps, d log kept / d log s at a factor (``scaling.effective``).

    >>> from complexity_theory.scaling.strategy import parse
    >>> from complexity_theory.zoo import network
    >>> round(effective_exponent(network("EfficientNet-B0"), parse("dWr"), 1), 3)
    0.578
    """
    powers = {exponent: float(c) * factor ** float(exponent) for exponent, c in _growth(network, strategy).items()}
    return float(sum(float(exponent) * value for exponent, value in powers.items()) / sum(powers.values()))


def limit(network: Scalable, strategy: Strategy) -> Fraction:
    """The exact limit of the effective exponent as s grows.

    >>> from complexity_theory.scaling.strategy import parse
    >>> from complexity_theory.zoo import network
    >>> limit(network("EfficientNet-B0"), parse("dwr"))
    Fraction(5, 6)
    """
    return max(_growth(network, strategy))
