"""The direction along which acts grow slowest: a linear program, solved exactly."""

from __future__ import annotations

from fractions import Fraction

import sympy

from complexity_theory.core.errors import InvalidInput
from complexity_theory.scaling.exponents import Derivation, log_matrix, named
from complexity_theory.scaling.strategy import parse

# Sums of these, with weights >= 0, are the directions in which no group width outgrows the width.
RAYS = tuple(sympy.Matrix(parse(text).direction) for text in ("wg", "w", "d", "r"))


def slowest_acts(
    layer: str = "conv", *, depth: Fraction = Fraction(0), resolution: Fraction = Fraction(0)
) -> Derivation:
    """The strategy whose acts grow slowest while flops grow as s, with floors on depth and resolution.

    With M the LogMatrix of the layer, it minimises M_acts delta over directions delta >= 0 with M_flops delta = 1,
    delta_d >= ``depth`` and delta_r >= ``resolution`` (the least exponents of s in their multipliers), and no group
    width outgrowing the width. Beside the floors there is one equality, so the optimum lies on a vertex: the floors,
    and all that is left of the flops on the one ray with the fewest acts per flop. Exact. On depthwise convolutions
    acts grow as flops along every ray, and the rest goes to width. Raises InvalidInput for an unknown layer, and
    for floors below 0 or that take more than all the flops.

    >>> slowest_acts().strategy.name, slowest_acts(depth=Fraction(1, 10), resolution=Fraction(1, 20)).strategy.name
    ('w', 'dWr')
    """
    flops, _, acts = (log_matrix(layer).row(i) for i in range(3))
    if depth < 0 or resolution < 0:
        raise InvalidInput(f"floors must be at least 0, not {depth} for depth and {resolution} for resolution")
    floors = sympy.Matrix([depth, 0, 0, resolution])
    left = 1 - flops.dot(floors)
    if left < 0:
        given = f"floors of {depth} on depth (--depth-floor) and {resolution} on resolution (--resolution-floor)"
        raise InvalidInput(f"{given} take {flops.dot(floors)} of the flops' exponent, which is 1")
    ray = min(RAYS, key=lambda ray: acts.dot(ray) / flops.dot(ray))
    return named(floors + ray * left / flops.dot(ray), layer)
