"""Scaling a network to one that can be built: by a factor and a rounding rule, or to a flops target."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import flops_text, quantity
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.knobs import DIMENSIONS, Knob, Scalable, bases, held, multiplied
from complexity_theory.scaling.ideal import ideal_flops
from complexity_theory.scaling.rules import RULES, Rule, rule
from complexity_theory.scaling.search import MOST_FLOPS, Search, Values
from complexity_theory.scaling.strategy import Strategy, parse

__all__ = ["RULES", "Realised", "Rule", "scale"]

DEFAULT_RULE = "pycls"
LEAST_FACTOR, MOST_FACTOR = 1e-100, 1e100  # beyond, what is wanted would leave the range of floats

N = TypeVar("N", bound=Scalable)


@dataclass(frozen=True)
class Realised(Generic[N]):
    """A network scaled and realised.

    ``factor``: the factor asked for, or for a target the one at which the ideal, unrounded network has its flops.
    ``knobs``: those of the base, with what was held still; ``values``: the sizes that they were given.
    """

    base: N
    network: N
    strategy: Strategy
    rounding: str
    factor: float
    target_flops: int | None
    knobs: tuple[Knob, ...]
    values: Values

    @cached_property
    def base_complexity(self) -> Complexity:
        """Cost of the base network: flops (multiply-adds), params and acts (elements)."""
        return self.base.complexity()

    @cached_property
    def complexity(self) -> Complexity:
        """Cost of the realised network: flops (multiply-adds), params and acts (elements)."""
        return self.network.complexity()

    @property
    def wanted_flops(self) -> float:
        """The target, or the factor times the flops of the base."""
        return self.factor * self.base_complexity.flops if self.target_flops is None else self.target_flops

    @property
    def deviation(self) -> float:
        """Relative deviation of the realised flops from the wanted ones: 0.01 is 1% above."""
        return float(self.complexity.flops / self.wanted_flops - 1)

    @property
    def ideal_ratio(self) -> float:
        """What the flops are multiplied by before anything is rounded: the factor, but for what the shares leave out.

        Shares are of a dense convolution: where group widths stay, flops grow as the width and not as its square.
        """
        ideal = ideal_flops(self.base, self.knobs)(self.strategy.multipliers(self.factor))
        return ideal / int(self.base_complexity.flops)

    def dimensions(self) -> dict[str, dict[str, float]]:
        """For each dimension scaled or changed: its ``ideal`` and ``realised`` multipliers and the ``worst`` deviation.

        A rule may change widths that the strategy does not scale (ideal multiplier 1): its group widths divide them.
        The realised multiplier is the geometric mean over the stages (and scaled stem and head); the worst deviation
        is the relative one of the single size farthest from its ideal.
        """
        multipliers = self.strategy.multipliers(self.factor)._asdict()
        ideal = multiplied(self.knobs, multipliers, ties=False)
        told: dict[str, dict[str, float]] = {}
        for name in DIMENSIONS:
            rows = [
                (value, knob.base, wanted)
                for knob, value, wanted in zip(self.knobs, self.values, ideal, strict=True)
                if knob.dimension == name and knob.moves
            ]
            if rows and (getattr(self.strategy, name) or any(new != old for new, old, _ in rows)):
                told[name] = {
                    "ideal": multipliers[name],
                    "realised": math.exp(sum(math.log(new / old) for new, old, _ in rows) / len(rows)),
                    "worst": max((new / goal - 1 for new, _, goal in rows), key=abs),
                }
        return told

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON holds it: the networks with counts and sizes, what was wanted and what was reached."""
        return {
            "base": _described(self.base, self.base_complexity),
            "scaled": _described(self.network, self.complexity),
            "strategy": self.strategy.name,
            "rounding": self.rounding,
            "factor": self.factor,
            "target": self.target_flops,
            "reached": self.complexity.flops,
            "deviation": self.deviation,
            "dimensions": self.dimensions(),
        }


def _described(network: Scalable, complexity: Complexity) -> dict[str, Any]:
    note = {"note": network.note} if network.note else {}
    return {"network": network.name, **complexity.as_dict(), **network.sizes(), **note}


def scale(
    network: N,
    strategy: Strategy | str,
    *,
    factor: float | None = None,
    target_flops: float | str | None = None,
    rounding: str | None = None,
    multiple: int | None = None,
    fix: Iterable[str] = (),
    only: Iterable[str] = (),
) -> Realised[N]:
    """``network`` scaled by ``strategy`` by a ``factor`` or to ``target_flops`` (multiply-adds; also text, as "8GF").

    ``rounding`` names a rule of ``RULES`` (default: the reference, ``pycls``); ``multiple``: what sides of the input
    are multiples of, instead of what that rule says (4 for all of ``RULES``). With a factor, the rule alone decides;
    for a target, single rounding steps more bring the flops near it (``scaling.search``), and what the strategy does
    not scale stays, but for widths that the rule's group widths must divide (``Realised.dimensions`` reports them).
    A factor of 1, and a target of the network's own flops, give the network back as it is. ``fix`` and ``only`` are
    patterns of knobs that stay, and of those that alone move (``networks.knobs.held``).
    Raises InvalidInput for bad values, an unreachable target, or a strategy that scales nothing in this network.

    >>> from complexity_theory.zoo import network
    >>> scale(network("RegNetY-4.0GF"), "d1_w8_g8_r1", factor=4).complexity
    Complexity(flops=15608249240, params=68144472, acts=26542408)
    """
    if (factor is None) == (target_flops is None):
        raise InvalidInput("scaling takes a factor or a flops target (--factor, --target-flops): exactly one of them")
    strategy = strategy if isinstance(strategy, Strategy) else parse(strategy)
    rounding = DEFAULT_RULE if rounding is None else rounding
    chosen, knobs = rule(rounding, multiple=multiple), held(network.knobs, fix=fix, only=only)
    _check_scales(network, knobs, strategy)
    if target_flops is not None:
        target = int(quantity(target_flops, "flops", "a target"))
        if target == network.complexity().flops:
            return Realised(network, network, strategy, rounding, 1.0, target, knobs, bases(knobs))
        reached, values = Search(network, strategy, chosen, knobs).nearest(target)
        return _scaled(network, values, strategy, rounding, reached, target, knobs)
    assert factor is not None
    multipliers = strategy.multipliers(factor)._asdict()
    if factor == 1:
        return Realised(network, network, strategy, rounding, 1.0, None, knobs, bases(knobs))
    if not LEAST_FACTOR <= factor <= MOST_FACTOR:
        raise InvalidInput(f"a factor must be in {LEAST_FACTOR:g} to {MOST_FACTOR:g}, not {factor}")
    values = chosen.values(knobs, multiplied(knobs, multipliers, ties=False))
    if not network.fits(values):
        raise InvalidInput(f"a factor of {factor} leaves {network.name} a squeeze-excite or a group without width")
    result = _scaled(network, values, strategy, rounding, float(factor), None, knobs)
    if result.complexity.flops > MOST_FLOPS:
        raise InvalidInput(f"a factor of {factor} gives {network.name} more than {MOST_FLOPS:.0e} flops")
    return result


def _check_scales(network: Scalable, knobs: Iterable[Knob], strategy: Strategy) -> None:
    """Raises InvalidInput where the strategy scales nothing that the network has, or that moves."""
    moving = {knob.dimension for knob in knobs if knob.moves}
    if any(getattr(strategy, name) for name in moving):
        return
    has = ", ".join(name.replace("_", " ") for name in DIMENSIONS if name in moving)
    raise InvalidInput(f"strategy {strategy} scales nothing in {network.name}, where {has or 'nothing'} can be scaled")


def _scaled(
    network: N,
    values: Values,
    strategy: Strategy,
    rounding: str,
    factor: float,
    target: int | None,
    knobs: tuple[Knob, ...],
) -> Realised[N]:
    built = named(network, values, strategy, rounding, factor, target)
    return Realised(network, built, strategy, rounding, factor, target, knobs, values)


def named(network: N, values: Values, strategy: Strategy, rounding: str, factor: float, target: int | None = None) -> N:
    """``network`` with sizes that a strategy and a rule gave it, which its name and note say."""
    by = f"x{factor:g}" if target is None else flops_text(target)
    note = f"{network.name} scaled by {strategy} {'to' if target else 'by'} {by.lstrip('x')}, rounded by {rounding}"
    return network.resized(
        values,
        name=f"{network.name}-{strategy}-{by}",
        note=f"{network.note}; {note}" if network.note else note,
    )
