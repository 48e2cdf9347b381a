"""How a real network scales at a finite factor: exponents of its polynomials, and their limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from complexity_theory.core import report
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import s
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.networks.knobs import Scalable
from complexity_theory.scaling import kept
from complexity_theory.scaling.closed_form import closed_form, terms
from complexity_theory.scaling.population import Polynomials, polynomials
from complexity_theory.scaling.strategy import Multipliers, Strategy

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


def distance_table(scalings: Iterable[EffectiveExponents], factors: Sequence[float] = FACTORS) -> report.Table:
    """How far networks are from their limits along a strategy: exponents at each s, and how much they are off.

    The limits are the paper's asymptotic values (those of a dense convolution) wherever depth, width or resolution is
    scaled. Rows: network, s, the exponents of flops, params and acts at s, and of what training keeps
    (``scaling.kept``), and those of the metrics less their limits; s = oo: the limits.
    """
    rows: list[dict[str, Any]] = []
    for scaling in scalings:
        name = {"network": scaling.network.name, "strategy": scaling.strategy.name}
        limits = scaling.limits.as_dict()
        for factor in factors:
            exponents = scaling.at(factor).as_dict()
            off = {f"{metric} off": exponents[metric] - float(limits[metric]) for metric in METRICS}
            memory = {"kept": kept.effective_exponent(scaling.network, scaling.strategy, factor)}
            rows.append({**name, "s": factor, **exponents, **memory, **off})
        rows.append({**name, "s": "oo", **limits, "kept": kept.limit(scaling.network, scaling.strategy)})
    return report.Table(rows, "Effective exponents at s, and how far they are off their limits")


def as_data(scaling: EffectiveExponents, factor: float | None = None) -> dict[str, Any]:
    """The exponents as data: at a ``factor`` floats, with the limits; without one the limits, with a table over s.

    The multipliers are floats at a factor, and else exact, as sympy expressions in s. ``kept`` and ``kept_limit``: the
    exponent of the elements that training keeps for the backward pass, beside those of the metrics.
    """
    strategy = scaling.strategy
    about: dict[str, Any] = {"strategy": strategy.name, "network": scaling.network.name}
    limits = scaling.limits.as_dict()
    memory: dict[str, Any] = {"kept_limit": kept.limit(scaling.network, strategy)}
    if factor is not None:
        multipliers, exponents = strategy.multipliers(factor)._asdict(), scaling.at(factor).as_dict()
        memory |= {"kept": kept.effective_exponent(scaling.network, strategy, factor)}
        return {**about, "at": factor, "multipliers": multipliers, "exponents": exponents, "limits": limits, **memory}
    exact = Multipliers(*(s**exponent for exponent in strategy.direction))._asdict()
    rows = distance_table([scaling]).rows
    compared = group_width_table(scaling.network, strategy)
    group_widths = {} if compared is None else {"group_widths": compared.rows}
    memory |= {"kept": memory["kept_limit"]}
    return {**about, "multipliers": exact, "exponents": limits, **memory, "table": rows, **group_widths}


def group_width_table(network: Scalable, strategy: Strategy, factors: Sequence[float] = FACTORS) -> report.Table | None:
    """What the group widths do: exponents along a strategy with them kept, scaled as the widths, and in a dense twin.

    The paper's finding (Dollár et al. 2021, section 3): a network with group convolutions scales as one with dense
    convolutions only where width and group width are scaled together. The twin has dense convolutions in place of the
    group convolutions. Rows: convolutions, s, exponents of flops, params and acts. None where the network has no
    group convolutions, or the strategy does not scale the width. Raises InvalidInput as ``effective_exponents`` does.
    """
    if all(knob.dimension != "group_width" for knob in network.knobs) or strategy.width == 0:
        return None
    cases = {
        "group, g kept": (network, replace(strategy, group_width=Fraction(0))),
        "group, g scaled as w": (network, replace(strategy, group_width=strategy.width)),
        "dense": (network.dense(), strategy),
    }
    scalings = {case: effective_exponents(*of) for case, of in cases.items()}
    rows = [
        {"convolutions": case, "s": factor, **scaling.at(factor).as_dict()}
        for factor in factors
        for case, scaling in scalings.items()
    ]
    return report.Table(rows, f"The group widths of {network.name} along {strategy}: effective exponents")
