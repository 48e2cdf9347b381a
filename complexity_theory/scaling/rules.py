"""Rounding rules: from ideal sizes to sizes that can be built. A rule is a small object; ``RULES`` takes a user's own.

The reference is the scaler of pycls (``pycls/models/scaler.py``, facebookresearch/pycls), released with Dollár et al.
2021. A dense bottleneck has no group width to scale there by itself: its one group is its inner width and follows the
width (pycls gives ResNet-50 the group widths 64 to 512 as numbers, and would cut it into groups under ``w``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks.knobs import Knob, KnobPart
from complexity_theory.networks.rounding import compatible, rounded_width


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


# A group width and its ideal.
Group = tuple[Knob, float]


@lru_cache(maxsize=64)
def groups_of(knobs: tuple[Knob, ...]) -> Mapping[str, tuple[Knob, ...]]:
    """The group widths that are rounded with each width, by its name.

    With the last of those that they divide; those of convolutions between two widths with both.
    """
    groups: dict[str, list[Knob]] = defaultdict(list)
    for knob in knobs:
        owners = [part.knob for pair in knob.shares for part in pair] or [part.knob for part in knob.divides[-1:]]
        for owner in dict.fromkeys(owners):
            groups[owner].append(knob)
    return {name: tuple(found) for name, found in groups.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rounding rule, from ideal sizes of knobs to whole ones.

    ``group_width``: the group width allowed for an ideal one (a float) and the inner width (elements) that it must fit.
    Widths go to multiples of ``width_multiple``, then to what the group width divides (``compatible`` of
    ``networks.rounding``); sides of the input to multiples of ``resolution_multiple``; depths to integers.

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

    def width(self, ideal: float, knob: Knob | None = None) -> int:
        """A width before it is made to fit its groups; ``knob`` says of what, where it matters."""
        return multiple_of(self.step(knob), ideal)

    def resolution(self, ideal: float, knob: Knob | None = None) -> int:
        """A side of the input."""
        return multiple_of(math.lcm(self.resolution_multiple, knob.multiple if knob else 1), ideal)

    def step(self, knob: Knob | None) -> int:
        """What a width is a multiple of."""
        return self.width_multiple if knob is None else math.lcm(self.width_multiple, knob.multiple)

    def values(self, knobs: tuple[Knob, ...], ideal: Sequence[float]) -> tuple[int, ...]:
        """The sizes of all knobs, rounded, for ideal ones; those that do not move keep their base."""
        wanted = dict(zip((knob.name for knob in knobs), ideal, strict=True))
        groups, sizes = groups_of(knobs), {knob.name: knob.base for knob in knobs}
        for knob in knobs:
            if not knob.moves:
                continue
            if knob.dimension == "depth":
                sizes[knob.name] = self.depth(wanted[knob.name])
            elif knob.dimension == "resolution":
                sizes[knob.name] = self.resolution(wanted[knob.name], knob)
            elif knob.dimension == "width":
                alone = [(g, wanted[g.name]) for g in groups.get(knob.name, ()) if not g.gives_way]
                sizes |= self.fitted(knob, wanted[knob.name], alone, sizes)
        moving = {knob.name for knob in knobs if knob.moves}
        for knob in knobs:  # these give way, so they come last
            if knob.parts and knob.moves and (knob.gives_way or knob.divides[0].knob not in moving):
                sizes[knob.name] = self._yielding(knob, wanted[knob.name], sizes)
        return tuple(sizes[knob.name] for knob in knobs)

    def fitted(self, knob: Knob, ideal: float, groups: Sequence[Group], sizes: Mapping[str, int]) -> dict[str, int]:
        """A width and its group widths for ideal ones, made to fit each other, by name.

        A group width that divides this width alone keeps its rounding, and the width fits it; one that divides others
        too (``sizes`` has theirs) gives way.
        """
        rounded = self.width(ideal, knob)
        found, steps = {knob.name: rounded}, [knob.multiple]
        alone = [group for group in groups if not group[0].gives_way]
        if knob.inner is not None and not alone:
            inner = max(1, math.floor(rounded * knob.inner))
            whole = reference_group_width(float(ideal * knob.inner), inner)
            found[knob.name] = compatible([rounded], [knob.inner], [whole])[0][0]
        for group, wanted in alone:
            ratio = group.divides[0].ratio
            inner = max(1, math.floor(rounded * ratio))
            width = group.base if not group.moves else self.group_width(wanted, inner)
            [fitted], [found[group.name]] = compatible([rounded], [ratio], [width])
            found[knob.name] = fitted
            steps.append(_step(found[group.name], ratio))
        if len(steps) > 2 or found[knob.name] % knob.multiple:
            found[knob.name] = multiple_of(math.lcm(*steps), rounded)
        for group, wanted in groups:
            if group.gives_way:
                found[group.name] = self._yielding(group, wanted, {**sizes, **found}) if group.moves else group.base
        return found

    def _yielding(self, group: Knob, ideal: float, sizes: Mapping[str, int]) -> int:
        """A group width that gives way to the widths that it divides."""
        inner = math.gcd(*(_floor(part, sizes) for part in (*group.divides, *(part for part, _ in group.shares))))
        wanted = self.group_width(ideal, inner)
        if not group.shares:
            return math.gcd(wanted, inner)
        least = math.lcm(*(_floor(a, sizes) // math.gcd(_floor(a, sizes), _floor(b, sizes)) for a, b in group.shares))
        # Multiples of the least group width that divide the inner one; where there is none, nothing fits.
        allowed = [least * k for k in range(1, inner // least + 1) if inner % (least * k) == 0]
        return min(allowed, key=lambda size: abs(math.log(size / wanted)), default=wanted)


def _floor(part: KnobPart, sizes: Mapping[str, int]) -> int:
    return math.floor(sizes[part.knob] * part.ratio)


def _step(group_width: int, ratio: Fraction) -> int:
    """The least width of which ``ratio`` is a whole multiple of a group width."""
    return group_width * ratio.denominator // math.gcd(group_width * ratio.denominator, ratio.numerator)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeDivisible(Rule):
    """The rule of EfficientNet and MobileNet: ``networks.rounding.rounded_width``, and depths rounded up.

    A head is never narrower than its base (MobileNetV2; EfficientNet's own variants are all wider).
    Tan and Le 2019 (``round_filters`` and ``round_repeats`` of github.com/tensorflow/tpu), Sandler et al. 2018.

    >>> RULES["efficientnet"].width(11.0), RULES["efficientnet"].depth(2 * 1.1)
    (16, 3)
    """

    def depth(self, ideal: float) -> int:
        return max(1, math.ceil(round(ideal, 9)))  # a power of s that should be whole may be off in the last digits

    def width(self, ideal: float, knob: Knob | None = None) -> int:
        rounded = rounded_width(round(ideal, 9), self.step(knob))
        return rounded if knob is None or knob.role != "head" else max(knob.base, rounded)


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
    "efficientnet": MakeDivisible(
        summary="EfficientNet's and MobileNet's: widths to multiples of 8 but not below 90%, depths up, heads never "
        "narrower; group widths and resolution as pycls"
    ),
}


def rule(name: str, *, multiple: int | None = None) -> Rule:
    """The rule of a name in ``RULES``, with sides of the input in a ``multiple`` of another size where it is given.

    Raises InvalidInput for other names, and for a multiple that is no size.

    >>> rule("pycls", multiple=32).resolution(230.0)
    224
    """
    if not isinstance(name, str) or name not in RULES:
        raise InvalidInput(f"unknown rounding rule {name!r}: one of {', '.join(RULES)}")
    if multiple is None:
        return RULES[name]
    check_size("what sides of the input are multiples of", multiple)
    return replace(RULES[name], resolution_multiple=multiple)
