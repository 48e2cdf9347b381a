"""From a strategy and a kind of layer to multipliers and exponents, exactly: derived from the layer's own cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

import sympy

from complexity_theory.core.checks import check_choice
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, k, r, s, w
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Repeat
from complexity_theory.graph.operations import Conv2d
from complexity_theory.scaling.strategy import NAMED, Multipliers, Strategy, parse, weighted

Expression: TypeAlias = Any

DIMENSIONS = (d, w, g, r)  # the columns of a LogMatrix, in the order of Multipliers

# The kinds of layer, each with the group width of its convolutions: dense (as wide as the layer), free, fixed at 1.
GROUP_WIDTHS = MappingProxyType({"conv": w, "group-conv": g, "depthwise-conv": sympy.Integer(1)})
LAYERS = tuple(GROUP_WIDTHS)


def stack(layer: str) -> tuple[Repeat, Shape]:
    """A stack of d convolutions k x k of width w, and its input of w x r x r, all in symbols: what the tables scale.

    ``layer`` is one of ``LAYERS``; raises InvalidInput for others.

    >>> part, shape = stack("conv")
    >>> part.complexity(shape).flops
    d*k**2*r**2*w**2
    """
    check_choice("layer", layer, LAYERS)
    return Repeat(Conv2d(w, w, k, group_width=GROUP_WIDTHS[layer]), d), Shape(w, r, r)


def layer_complexity(layer: str) -> Complexity:
    """The flops, params and acts of a ``stack``, as sympy monomials in d, w, g, r and k."""
    part, shape = stack(layer)
    return part.complexity(shape)


@cache
def log_matrix(layer: str) -> sympy.ImmutableMatrix:
    """The LogMatrix of a kind of layer, 3 x 4 and exact: entry (i, j) is d log metric_i / d log dimension_j.

    Rows are flops, params, acts; columns depth, width, group width, resolution. Each metric of a layer is a monomial,
    so that the matrix is constant: all there is to know of how the layer scales.

    >>> log_matrix("conv")
    Matrix([
    [1, 2, 0, 2],
    [1, 2, 0, 0],
    [1, 1, 0, 2]])
    """
    metrics = layer_complexity(layer).as_dict().values()
    return sympy.ImmutableMatrix(
        [[sympy.simplify(x * sympy.diff(sympy.log(f), x)) for x in DIMENSIONS] for f in metrics]
    )


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a kind of layer scales along a strategy: exact exponents of s, Rationals or sympy expressions in alpha.

    ``direction``: of depth, width, group width and resolution, where flops grow as s; ``exponents``: of the metrics.
    """

    strategy: Strategy
    layer: str
    direction: Multipliers
    exponents: Complexity

    @property
    def multipliers(self) -> Multipliers:
        """What each dimension is multiplied by, as sympy expressions in the scaling factor s."""
        return Multipliers(*(s**exponent for exponent in self.direction))

    def as_dict(self) -> dict[str, Any]:
        """Strategy, layer, multipliers and exponents, by name and exact (sympy)."""
        return {
            "strategy": self.strategy.name,
            "layer": self.layer,
            "multipliers": self.multipliers._asdict(),
            "exponents": self.exponents.as_dict(),
        }

    @property
    def growth(self) -> Complexity:
        """What each metric is multiplied by, as sympy expressions in the scaling factor s."""
        return self.exponents.map(lambda exponent: s**exponent)


def layer_direction(strategy: Strategy, layer: str) -> sympy.Matrix:
    """The strategy's direction as the layer takes it: in a dense layer the group width follows the width.

    A column of exponents of depth, width, group width and resolution in the shares' own normalisation; in a depthwise
    layer the group width stays 1. Raises InvalidInput where no flops of the layer change.
    """
    depth, width, group_width, resolution = strategy.direction
    group_width = {w: width, g: group_width}.get(GROUP_WIDTHS[layer], 0)
    delta = sympy.Matrix([depth, width, group_width, resolution])
    if flops_exponent(delta, layer) == 0:
        why = "its group width follows the width" if layer == "conv" else "its group width is 1"
        raise InvalidInput(
            f"strategy {strategy} does not change the flops of a {layer} ({why}): scale d, w or r, or take a group-conv"
        )
    return delta


def flops_exponent(delta: sympy.Matrix, layer: str) -> Expression:
    """The exponent with which the flops of a layer grow along a direction: the first row of its LogMatrix times it."""
    return sympy.expand((log_matrix(layer) * delta)[0])


def derive(strategy: Strategy, layer: str = "conv") -> Derivation:
    """The multipliers and exponents of a strategy on a kind of layer, normalised so that its flops grow as s.

    With M the LogMatrix and delta the direction, multipliers are s^(delta / M_flops delta) and metrics grow as
    s^(M delta / M_flops delta): tables 1 to 4 of Dollár et al. 2021 are this one formula. ``layer`` is one of
    ``LAYERS``. Raises InvalidInput for another layer, or where the strategy does not change its flops.

    >>> derive(parse("dWr")).exponents
    Complexity(flops=1, params=9/10, acts=3/5)
    >>> derive(parse("w"), "group-conv").multipliers.width
    s
    """
    matrix = log_matrix(layer)
    delta = layer_direction(strategy, layer)
    direction = (delta / flops_exponent(delta, layer)).applyfunc(simplest)
    exponents = (matrix * direction).applyfunc(simplest)
    return Derivation(strategy, layer, Multipliers(*direction), Complexity(*exponents))


def simplest(exponent: Expression) -> Expression:
    """A quotient of polynomials in alpha in lowest terms, with a denominator that is positive at alpha = 0.

    >>> simplest(sympy.Rational(1, 2) * s / s)
    1/2
    """
    numerator, denominator = sympy.fraction(sympy.cancel(exponent))
    sign = -1 if denominator.subs(dict.fromkeys(denominator.free_symbols, 0)) < 0 else 1
    return (sign * numerator) / (sign * denominator)


def known_as(derivation: Derivation) -> str | None:
    """The named strategy with the same direction on this kind of layer, or None.

    >>> known_as(derive(parse("fast:1/3")))
    'dwr'
    """
    same = (name for name in NAMED if derive(parse(name), derivation.layer).direction == derivation.direction)
    return next(same, None)


def named(direction: sympy.Matrix, layer: str) -> Derivation:
    """The derivation of a direction (rational exponents of depth, width, group width, resolution), under its name.

    >>> named(sympy.Matrix([0, sympy.Rational(1, 2), 0, 0]), "conv").strategy.name
    'w'
    """
    shares = [
        Fraction(exponent.p, exponent.q) * (1 if letter == "d" else 2)
        for letter, exponent in zip("dwgr", direction, strict=True)
    ]
    unit = math.lcm(*(share.denominator for share in shares))
    whole = {letter: share * unit for letter, share in zip("dwgr", shares, strict=True) if share}
    found = derive(weighted("_".join(f"{letter}{weight}" for letter, weight in whole.items()), whole), layer)
    known = known_as(found)
    return derive(parse(known), layer) if known else found
