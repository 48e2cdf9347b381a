"""The numbers from which the RegNet generator makes given stages, where there are such: for timm's ``RegNetCfg``."""

from __future__ import annotations

from fractions import Fraction

from complexity_theory.exports.refusal import full_group_widths
from complexity_theory.networks.regnet import regnet_widths
from complexity_theory.networks.rounding import compatible
from complexity_theory.networks.spec import Network


def generator(network: Network, ratio: Fraction) -> dict[str, int | float] | None:
    """The four numbers and the group width from which the RegNet generator makes these stages; None where none do.

    Block j has width w0 wm^p, p the integer nearest to log(1 + wa j / w0) / log(wm) (``networks.regnet``): for a given
    w0 and wm, the blocks' powers p bound wa from both sides. Tried are w0 near the first width, wm in steps of 1/1000.

    >>> from complexity_theory.zoo import network
    >>> generator(network("RegNetX-200MF"), Fraction(1))
    {'depth': 13, 'w0': 24, 'wa': ..., 'wm': ..., 'group_size': 8}
    """
    depth, group_width = sum(network.depths), max(full_group_widths(network))
    wanted = (list(network.widths), list(network.depths), full_group_widths(network))
    first, last = network.widths[0], network.widths[-1]
    starts = sorted(range(8, first + group_width + 8, 8), key=lambda w0: abs(w0 - first))
    for w0 in starts:
        if compatible([w0], [ratio], [group_width])[0] != [first]:
            continue
        for thousandths in range(1200, 4001):
            wm = thousandths / 1000
            wa = _slope(network, w0, wm)
            if wa is None or abs(w0 * wm ** _power(last, w0, wm) - last) > group_width + 8:
                continue
            widths, depths = regnet_widths(depth, w0, wa, wm)
            fitted = compatible(widths, [ratio] * len(widths), [group_width] * len(widths))
            if (fitted[0], depths, fitted[1]) == wanted:
                return {"depth": depth, "w0": w0, "wa": wa, "wm": wm, "group_size": group_width}
    return None


def _power(width: int, w0: int, wm: float) -> int:
    power = 0
    while w0 * wm ** (power + 0.5) < width:
        power += 1
    return power


def _slope(network: Network, w0: int, wm: float) -> float | None:
    """The wa, in hundredths where one fits, that gives each block the power of wm nearest to its stage's width."""
    low, high, first = 0.0, float("inf"), 0
    for stage in network.stages:
        power, end = _power(stage.width, w0, wm), first + stage.depth - 1
        if first > 0:
            low = max(low, w0 * (wm ** (power - 0.5) - 1) / first)
        if end > 0:
            high = min(high, w0 * (wm ** (power + 0.5) - 1) / end)
        first = end + 1
    if low >= high:
        return None
    middle = (low + high) / 2
    return round(middle, 2) if low < round(middle, 2) < high else middle
