"""Arithmetic intensity along a strategy, and where a layer turns from memory-bound to compute-bound (the roofline)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import bandwidth, bytes_per_act, rate, s
from complexity_theory.scaling.exponents import Derivation, Expression, layer_complexity


def intensity_exponent(derivation: Derivation) -> Expression:
    """The exponent of s with which flops per act grow along a strategy: exact, Rational or in alpha.

    >>> from complexity_theory.scaling.exponents import derive
    >>> from complexity_theory.scaling.strategy import parse
    >>> intensity_exponent(derive(parse("dWr")))
    2/5
    """
    return derivation.exponents.flops - derivation.exponents.acts


def intensity(derivation: Derivation) -> Expression:
    """Flops (multiply-adds) per act of a layer scaled by s, as a sympy expression in s and the layer's base sizes.

    >>> from complexity_theory.scaling.exponents import derive
    >>> from complexity_theory.scaling.strategy import parse
    >>> intensity(derive(parse("w")))
    k**2*sqrt(s)*w
    """
    base = layer_complexity(derivation.layer)
    return base.flops / base.acts * s ** intensity_exponent(derivation)


def crossover(derivation: Derivation) -> Expression | None:
    """The scaling factor s at which a layer turns from memory-bound to compute-bound on a device, in closed form.

    The time of a layer is the longer of flops / F and b acts / B, for a device of F multiply-adds and B bytes a second
    and b bytes moved per act (the roofline of Williams et al. 2009, with acts for the memory traffic as in Dollár et
    al. 2021, section 4): the two are equal where flops per act are F b / B. A sympy expression in F, B, b, the kernel k
    and the base width w or group width g; None where the intensity does not grow, so that the layer stays as it is.

    >>> from complexity_theory.scaling.exponents import derive
    >>> from complexity_theory.scaling.strategy import parse
    >>> crossover(derive(parse("w")))
    F**2*b**2/(B**2*k**4*w**2)
    """
    exponent = intensity_exponent(derivation)
    if exponent == 0:
        return None
    base = intensity(derivation).subs(s, 1)
    return (rate * bytes_per_act / (bandwidth * base)) ** (1 / exponent)


def roofline_rows(derivations: Iterable[Derivation], values: Mapping[Expression, float]) -> list[dict[str, Any]]:
    """For each strategy its intensity and where the layer turns compute-bound, with numbers for symbols put in.

    ``values`` gives numbers for some or all of F, B, b and the base sizes k, w, g. Rows: strategy, flops per act, the
    crossover s (None: the intensity does not grow) and, where all is given, by what the layer is bound at s = 1.
    Raises InvalidInput for numbers that are not positive and finite.
    """
    for symbol, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise InvalidInput(f"{symbol} must be positive and finite, not {value}")
    rows: list[dict[str, Any]] = []
    for derivation in derivations:
        s_crossover = crossover(derivation)
        row = {
            "strategy": derivation.strategy.name,
            "flops per act": _number(intensity(derivation).subs(values)),
            "compute-bound from s": None if s_crossover is None else _number(s_crossover.subs(values)),
        }
        surplus = (intensity(derivation).subs(s, 1) * bandwidth / (rate * bytes_per_act)).subs(values)
        if not surplus.free_symbols:
            row["at s = 1"] = "compute-bound" if surplus >= 1 else "memory-bound"
        rows.append(row)
    return rows


def _number(expression: Expression) -> Expression | float:
    return expression if expression.free_symbols else float(expression)
