"""RegNets from their generator (Radosavovic et al. 2020): four numbers and a group width give all stages."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from complexity_theory.core.checks import check_size, is_number
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import check_limit
from complexity_theory.networks.rounding import compatible, nearest_multiple
from complexity_theory.networks.spec import Network, Stage

WIDEST = 10**9  # what a RegNet's generator is asked for at most


def regnet_widths(depth: int, w_0: float, w_a: float, w_m: float, multiple: int = 8) -> tuple[list[int], list[int]]:
    """Widths and depths of the stages from RegNet's four numbers (Radosavovic et al. 2020, equations 2 to 4).

    Block j has width w_0 + w_a j, quantised to the nearest power of w_m times w_0, then to a ``multiple``.

    >>> regnet_widths(13, 24, 36.44, 2.49)
    ([24, 56, 152, 368], [1, 1, 4, 7])
    """
    check_size("depth", depth)
    check_limit("blocks of a network", depth, "depth")
    if not all(map(is_number, (w_0, w_a, w_m))) or w_a < 0 or w_0 <= 0 or w_m <= 1 or w_0 % multiple:
        raise InvalidInput(
            f"a RegNet needs wa >= 0, wm > 1 and w0 a positive multiple of {multiple}, not {w_a!r}, {w_m!r}, {w_0!r}"
        )
    if w_0 + w_a * depth > WIDEST:
        raise InvalidInput(f"w0 {w_0} and wa {w_a} give widths beyond {WIDEST} at depth {depth}: use smaller ones")
    blocks = []
    for j in range(depth):
        power = round(math.log((w_0 + w_a * j) / w_0) / math.log(w_m))
        blocks.append(round(w_0 * w_m**power / multiple) * multiple)
    widths = sorted(set(blocks))
    return widths, [blocks.count(width) for width in widths]


def regnet(
    name: str,
    *,
    family: str,
    depth: int,
    w0: int,
    wa: float,
    wm: float,
    group_w: int,
    fit: Callable[[int, int], int] = nearest_multiple,
    ratio: Fraction = Fraction(1),
    se: Fraction = Fraction(0),
    block: str = "bottleneck",
    activation: str = "relu",
    pooled: bool = False,
    stride: int = 2,
    stem: str = "conv3",
    stem_w: int = 32,
    head: str = "pool",
    head_w: int | None = None,
    resolution: int = 224,
    classes: int = 1000,
) -> Network:
    """A RegNet from its generator's numbers: stages of stride 2, by default behind a 3x3 stem of width 32.

    Raises InvalidInput for numbers that generate none.

    >>> regnet("X-200MF", family="RegNetX", depth=13, w0=24, wa=36.44, wm=2.49, group_w=8).widths
    (24, 56, 152, 368)
    """
    widths, depths = regnet_widths(depth, w0, wa, wm)
    n = len(widths)
    widths, group_widths = compatible(widths, [ratio] * n, [group_w] * n, fit)
    stages = tuple(
        Stage(
            block=block,
            depth=d,
            width=w,
            stride=stride,
            ratio=ratio,
            group_width=g,
            se=se,
            activation=activation,
            se_activation=activation,
            pooled_shortcut=pooled,
        )
        for d, w, g in zip(depths, widths, group_widths, strict=True)
    )
    return Network(
        name=name,
        family=family,
        stem=stem,
        stem_width=stem_w,
        stages=stages,
        head=head,
        head_width=head_w,
        activation=activation,
        resolution=resolution,
        classes=classes,
    )
