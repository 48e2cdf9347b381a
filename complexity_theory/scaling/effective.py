"""How a real network scales at a finite factor: exponents of its polynomials, and their limits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.knobs import Scalable
from complexity_theory.scaling.closed_form import closed_form, terms
from complexity_theory.scaling.population import Polynomials, polynomials
from complexity_theory.scaling.strategy import Strategy

FACTORS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveExponents:
    """The exponents of a network's metrics along a strategy, at any scaling factor s.

    The effective exponent of a metric f is d log f / d log s: the Jacobian of the log-metrics in the logs of the
    multipliers, times the strategy's direction in its own normalisation (flops of dense convolutions grow as s). It
    is ideal (nothing is rounded), depends on s since f is a sum of monomials, and tends to ``limits``.

    >>> from complexity_theory.scaling.strategy import parse
    >>> from complexity_theory.zoo import network
    >>> scaling = effective_exponents(network("EfficientNet-B0"), parse("dWr"))
    >>> round(scaling.at(1).params, 2), round(scaling.at(16).params, 2), str(scaling.limits.params)
    (0.78, 0.87, '9/10')
    """

    network: Scalable
    strategy: Strategy
    polynomials: Polynomials
    limits: Complexity

    def at(self, factor: float) -> Complexity:
        """The effective exponents at a factor, as floats. Raises InvalidInput unless it is positive and of use."""
        multipliers = np.array(self.strategy.multipliers(factor))[:, np.newaxis]
        along = self.polynomials.powers @ np.array([float(exponent) for exponent in self.strategy.direction])
        with np.errstate(over="ignore", invalid="ignore"):
            monomials = self.polynomials.monomials(multipliers)[:, 0]
            metrics, slopes = (self.polynomials.coefficients @ np.stack([monomials, monomials * along], axis=1)).T
            exponents = slopes / metrics
        if not np.all(np.isfinite(exponents)):
            raise InvalidInput(f"a scaling factor of {factor} gives {self.network.name} costs beyond what floats hold")
        return Complexity(*exponents.tolist())


def effective_exponents(network: Scalable, strategy: Strategy) -> EffectiveExponents:
    """The effective exponents of a network along a strategy, with their exact limits (Fractions) as s grows.

    The limit for a metric is the greatest exponent of s among its terms that do not cancel. Raises InvalidInput for a
    network without a closed form, a strategy with alpha left open, or one that does not change the network's flops.
    """
    if strategy.is_symbolic:
        raise InvalidInput(f"{strategy} has no numbers on a network: give alpha a value")
    limits = Complexity(**{name: _limit(form, strategy) for name, form in closed_form(network).as_dict().items()})
    if limits.flops == 0:
        raise InvalidInput(f"strategy {strategy} does not change the flops of {network.name}: scale d, w or r")
    return EffectiveExponents(network, strategy, polynomials(network), limits)


def _limit(form: sympy.Expr, strategy: Strategy) -> Fraction:
    growth: dict[Fraction, int | Fraction] = defaultdict(int)
    for term in terms(form):
        exponent = sum((p * e for p, e in zip(term.powers, strategy.direction, strict=True)), Fraction(0))
        growth[exponent] += term.coefficient
    return max(exponent for exponent, coefficient in growth.items() if coefficient)
