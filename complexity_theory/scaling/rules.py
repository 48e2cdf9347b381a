"""Rounding rules: from ideal sizes to sizes that can be built. A rule is a small object; ``RULES`` takes a user's own.

The reference is the scaler of pycls (``pycls/models/scaler.py``, facebookresearch/pycls), released with Dollár et al.
2021. A dense bottleneck has no group width to scale there by itself: its one group is its inner width and follows the
width (pycls gives ResNet-50 the group widths 64 to 512 as numbers, and would cut it into groups under ``w``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.anynet import compatible
from complexity_theory.networks.blocks import BLOCKS
from complexity_theory.networks.spec import Network, Stage
from complexity_theory.scaling.sizes import Sizes


def multiple_of(step: int, value: float) -> int:
    """The multiple of ``step`` nearest to ``value`` (half to even), at least ``step``.

    >>> multiple_of(8, 45.2), multiple_of(8, 3)
    (48, 8)
    """
    return max(1, round(value / step)) * step


def reference_group_width(ideal: float, inner_width: int) -> int:
    """The rule of pycls for group widths: the nearest integer, then itself up to 2, 4 up to 5, else a multiple of 8.

    >>> [reference_group_width(ideal, 64) for ideal in (0.3, 2.4, 2.6, 5.6, 11.4, 11.9)]
    [1, 2, 4, 8, 8, 16]
    """
    whole = max(1, round(ideal))
    if whole <= 2:
        return whole
    return 4 if whole <= 5 else multiple_of(8, whole)


def power_of_two(ideal: float, inner_width: int) -> int:
    """The nearest power of two (by ratio) that is at most the inner width.

    >>> [power_of_two(ideal, 48) for ideal in (0.3, 12, 24, 100)]
    [1, 16, 32, 32]
    """
    nearest = max(0, round(math.log2(ideal)))
    return 1 << min(nearest, inner_width.bit_length() - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rounding rule.

    ``group_width``: the group width allowed for an ideal one (a float) and the inner width (elements) that it must fit.
    Widths (stages, stem, head) go to multiples of ``width_multiple``, then to what the group width divides
    (``networks.anynet.compatible``); the resolution to multiples of ``resolution_multiple``; depths to integers.

    >>> RULES["multiples of 16"] = Rule(summary="widths to multiples of 16", width_multiple=16)
    >>> RULES.pop("multiples of 16").width(100.0)
    96
    """

    summary: str
    group_width: Callable[[float, int], int] = reference_group_width
    width_multiple: int = 8
    resolution_multiple: int = 4

    def depth(self, ideal: float) -> int:
        """A number of blocks: at least 1."""
        return max(1, round(ideal))

    def width(self, ideal: float) -> int:
        """A width before it is made to fit its groups."""
        return multiple_of(self.width_multiple, ideal)

    def resolution(self, ideal: float) -> int:
        """A side of the input."""
        return multiple_of(self.resolution_multiple, ideal)

    def stage(self, stage: Stage, width: float, group_width: float | None, w_in: int) -> tuple[int, int | None]:
        """Width and group width of a stage for its ideal ones, made to fit each other; ``w_in`` enters the stage."""
        rounded = self.width(width)
        kind = BLOCKS[stage.block]
        if not kind.grouped:
            return rounded, None
        inner = max(1, math.floor(rounded * stage.ratio))
        if kind.inner_of == "in":  # the conv runs on two widths, so the group width gives way
            if group_width is None:
                return rounded, None
            inner = math.gcd(math.floor(w_in * stage.ratio), inner)
            return rounded, math.gcd(self.group_width(group_width, inner), inner)
        if group_width is None:
            whole = reference_group_width(float(width * stage.ratio), inner)
            return compatible([rounded], [stage.ratio], [whole])[0][0], None
        [fitted], [group] = compatible([rounded], [stage.ratio], [self.group_width(group_width, inner)])
        return fitted, group

    def sizes(self, network: Network, ideal: Sizes) -> Sizes:
        """The rounded sizes for ideal ones. Stem and head are rounded only where they are scaled."""
        stem = self.width(ideal.stem_width) if network.scales_ends else network.stem_width
        head = network.head_width
        if head is not None and network.scales_ends:
            head = self.width(ideal.head_width)
        widths, group_widths = [stem], []
        for stage, width, group_width in zip(network.stages, ideal.widths, ideal.group_widths, strict=True):
            fitted, fitted_group = self.stage(stage, width, group_width, widths[-1])
            widths.append(fitted)
            group_widths.append(fitted_group)
        return Sizes(
            depths=tuple(self.depth(depth) for depth in ideal.depths),
            widths=tuple(widths[1:]),
            group_widths=tuple(group_widths),
            resolution=self.resolution(ideal.resolution),
            stem_width=stem,
            head_width=head,
        )


RULES: dict[str, Rule] = {
    "pycls": Rule(
        summary="the reference scaler's: widths to multiples of 8, group widths to 1, 2, 4 or multiples of 8, "
        "resolution to multiples of 4"
    ),
    "pow2-groups": Rule(
        summary="as pycls, but group widths to powers of two, which current GPUs run faster",
        group_width=power_of_two,
    ),
    "fine": Rule(
        summary="widths to multiples of 4, resolution to multiples of 2, group widths to powers of two: small networks "
        "on small inputs, which multiples of 8 would move far from what a strategy asks for",
        group_width=power_of_two,
        width_multiple=4,
        resolution_multiple=2,
    ),
}


def rule(name: str) -> Rule:
    """The rule of a name in ``RULES``. Raises InvalidInput for others."""
    if name not in RULES:
        raise InvalidInput(f"unknown rounding rule {name!r}: one of {', '.join(RULES)}")
    return RULES[name]
