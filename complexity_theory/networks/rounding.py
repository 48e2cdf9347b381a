"""How families of networks round: widths to multiples, and group widths and widths made to fit each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from complexity_theory.core.checks import check_size, is_number
from complexity_theory.core.errors import InvalidInput


def nearest_multiple(width: int, multiple: int) -> int:
    """The multiple nearest to a width (half to even), at least one.

    >>> nearest_multiple(392, 16), nearest_multiple(3, 16)
    (384, 16)
    """
    return max(1, round(Fraction(width, multiple))) * multiple


def rounded_width(width: float, multiple: int = 8, least: float = 0.9) -> int:
    """A width to the nearest multiple of 8, never below 0.9 of it (MobileNet's and EfficientNet's rule).

    >>> rounded_width(32 * 1.1), rounded_width(11)
    (32, 16)
    """
    rounded = max(multiple, int(width + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < least * width else rounded


def compatible(
    widths: Sequence[int],
    ratios: Sequence[Fraction],
    group_widths: Sequence[int],
    fit: Callable[[int, int], int] = nearest_multiple,
) -> tuple[list[int], list[int]]:
    """Widths and group widths made to fit each other, as the RegNet generator does (Radosavovic et al. 2020; pycls).

    The group width is cut to the inner width; the inner width goes to the nearest multiple of the group width or, with
    a ratio above 1 (an integer), of the least common multiple of both, so that the width comes out whole. ``fit``
    makes a width a multiple of another (torchvision's RegNets round otherwise than pycls's). Raises InvalidInput for
    sizes below 1, ratios that do not fit and lists of different lengths.

    >>> compatible([32, 80], [Fraction(1), Fraction(1)], [24, 24])
    ([24, 72], [24, 24])
    """
    if not len(widths) == len(ratios) == len(group_widths):
        raise InvalidInput(
            f"one ratio and group width for each of {len(widths)} widths, not {len(ratios)} and {len(group_widths)}"
        )
    fitted_widths, fitted_groups = [], []
    for width, ratio, group_width in zip(widths, ratios, group_widths, strict=True):
        check_size("width", width)
        check_size("group width", group_width)
        if not (is_number(ratio) and ratio > 0):
            raise InvalidInput(f"ratio must be positive, not {ratio!r}")
        if ratio > 1 and ratio.denominator != 1:
            raise InvalidInput(f"a bottleneck ratio above 1 must be an integer, not {ratio}")
        inner = max(1, math.floor(width * ratio))
        group_width = min(group_width, inner)
        multiple = math.lcm(group_width, ratio.numerator) if ratio > 1 else group_width
        fitted_widths.append(math.floor(fit(inner, multiple) / ratio))
        fitted_groups.append(group_width)
    return fitted_widths, fitted_groups
