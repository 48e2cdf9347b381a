"""Scaling a network to one that can be built: by a factor and a rounding rule, or to a flops target."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from complexity_theory.core.checks import is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.spec import Network
from complexity_theory.scaling.rules import RULES, Rule, rule
from complexity_theory.scaling.search import MOST_FLOPS, Search, fits
from complexity_theory.scaling.sizes import Sizes, ideal
from complexity_theory.scaling.strategy import Strategy, parse

__all__ = ["RULES", "Rule", "Scaled", "scale"]

DEFAULT_RULE = "pycls"
FACTORS = (1e-100, 1e100)  # beyond, what is wanted would leave the range of floats


@dataclass(frozen=True)
class Scaled:
    """A network scaled and realised.

    ``factor``: the factor asked for, or for a target the one at which the ideal, unrounded network has its flops.
    """

    base: Network
    network: Network
    strategy: Strategy
    rounding: str
    factor: float
    target_flops: int | None = None

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

    def dimensions(self) -> dict[str, dict[str, float]]:
        """For each dimension scaled or changed: its ``ideal`` and ``realised`` multipliers and the ``worst`` deviation.

        A rule may change widths that the strategy does not scale (ideal multiplier 1): its group widths divide them.
        The realised multiplier is the geometric mean over the stages (and scaled stem and head); the worst deviation
        is the relative one of the single size farthest from its ideal.
        """
        multipliers = self.strategy.multipliers(self.factor)
        own, now, wanted = (
            sizes.by_dimension()
            for sizes in (Sizes.of(self.base), Sizes.of(self.network), ideal(self.base, multipliers))
        )
        found = {}
        for name, multiplier in multipliers._asdict().items():
            rows = [row for row in zip(own[name], now[name], wanted[name], strict=True) if row[0] is not None]
            if name == "width" and not self.base.scales_ends:
                rows = rows[: len(self.base.stages)]
            if rows and (getattr(self.strategy, name) or any(new != old for old, new, _ in rows)):
                found[name] = {
                    "ideal": multiplier,
                    "realised": math.exp(sum(math.log(new / old) for old, new, _ in rows) / len(rows)),
                    "worst": max((new / goal - 1 for _, new, goal in rows), key=abs),
                }
        return found

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


def _described(network: Network, complexity: Complexity) -> dict[str, Any]:
    return {
        "network": network.name,
        **complexity.as_dict(),
        "resolution": network.resolution,
        "depths": network.depths,
        "widths": network.widths,
        "group_widths": network.group_widths,
        "stem_width": network.stem_width,
        "head_width": network.head_width,
        **({"note": network.note} if network.note else {}),
    }


def scale(
    network: Network,
    strategy: Strategy | str,
    *,
    factor: float | None = None,
    target_flops: float | None = None,
    rounding: str | None = None,
) -> Scaled:
    """``network`` scaled by ``strategy`` by a ``factor`` or to ``target_flops`` (multiply-adds).

    ``rounding`` names a rule of ``RULES`` (default: the reference, ``pycls``). With a factor, the rule alone decides;
    for a target, single rounding steps more bring the flops near it (``scaling.search``), and what the strategy does
    not scale stays, but for widths that the rule's group widths must divide (``Scaled.dimensions`` reports them).
    Raises InvalidInput for bad values, an unreachable target, or a strategy that scales nothing in this network.

    >>> from complexity_theory.zoo import network
    >>> scale(network("RegNetY-4.0GF"), "d1_w8_g8_r1", factor=4).complexity
    Complexity(flops=15608249240, params=68144472, acts=26542408)
    """
    if (factor is None) == (target_flops is None):
        raise InvalidInput("scaling takes a factor or a flops target: exactly one of them")
    strategy = strategy if isinstance(strategy, Strategy) else parse(strategy)
    rounding = DEFAULT_RULE if rounding is None else rounding
    _check_scales(network, strategy)
    if target_flops is not None:
        if not (is_number(target_flops) and target_flops >= 1):
            raise InvalidInput(f"a target must be a finite number of flops, at least 1, not {target_flops!r}")
        target = round(target_flops)
        found, sizes = Search(network, strategy, rule(rounding)).nearest(target)
        return _scaled(network, sizes, strategy, rounding, found, target)
    assert factor is not None
    multipliers = strategy.multipliers(factor)
    if not FACTORS[0] <= factor <= FACTORS[1]:
        raise InvalidInput(f"a factor must be in {FACTORS[0]:g} to {FACTORS[1]:g}, not {factor}")
    sizes = rule(rounding).sizes(network, ideal(network, multipliers))
    if not fits(network, sizes):
        raise InvalidInput(f"a factor of {factor} leaves {network.name} a squeeze-excite or a group without width")
    result = _scaled(network, sizes, strategy, rounding, float(factor), None)
    if result.complexity.flops > MOST_FLOPS:
        raise InvalidInput(f"a factor of {factor} gives {network.name} more than {MOST_FLOPS:.0e} flops")
    return result


def _check_scales(network: Network, strategy: Strategy) -> None:
    """Raises InvalidInput where the strategy scales nothing that the network has."""
    grouped = any(stage.group_width is not None for stage in network.stages)
    if not (strategy.depth or strategy.width or strategy.resolution or (strategy.group_width and grouped)):
        raise InvalidInput(
            f"strategy {strategy} scales nothing in {network.name}, which has no group convs: scale d, w or r"
        )


def _scaled(
    network: Network, sizes: Sizes, strategy: Strategy, rounding: str, factor: float, target: int | None
) -> Scaled:
    by = f"x{factor:g}" if target is None else _megaflops(target)
    note = f"{network.name} scaled by {strategy} {'to' if target else 'by'} {by.lstrip('x')}, rounded by {rounding}"
    named = replace(
        sizes.given_to(network),
        name=f"{network.name}-{strategy}-{by}",
        note=f"{network.note}; {note}" if network.note else note,
    )
    return Scaled(network, named, strategy, rounding, factor, target)


def _megaflops(flops: int) -> str:
    return f"{flops / 1e9:.4g}GF" if flops >= 1e9 else f"{flops / 1e6:.4g}MF"
