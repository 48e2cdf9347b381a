"""Networks given as rows of a table: EfficientNets, MobileNets and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from complexity_theory.networks.rounding import rounded_width
from complexity_theory.networks.spec import Network, Stage


class BlockRow(NamedTuple):
    """A row of the tables that define these networks: ``depth`` blocks, the first with the stride.

    ``ratio``: inner width over the block's input width (or over ``base``, where the reference has it so). ``se``:
    whether there is squeeze-excite. ``activation``: where it is not the network's.
    """

    block: str
    ratio: float
    width: int
    depth: int
    stride: int
    kernel: int
    se: bool = False
    activation: str | None = None
    base: int | None = None


def quarter_of_input(w_in: int, inner: int) -> int:
    """The squeeze-excite width of EfficientNet and MNASNet: a quarter of the block's input width."""
    return round(w_in / 4)


def quarter_of_inner(w_in: int, inner: int) -> int:
    """The squeeze-excite width of MobileNetV3: a quarter of the inner width, rounded as widths are."""
    return rounded_width(inner / 4)


def from_rows(
    name: str,
    *,
    family: str,
    rows: Sequence[BlockRow],
    stem_width: int,
    head_width: int | None,
    activation: str,
    width: float = 1.0,
    depth: float | Sequence[float] = 1.0,
    head: str = "pool",
    resolution: int = 224,
    dropout: float = 0.2,
    scales_ends: bool = True,
    se_width: Callable[[int, int], int] = quarter_of_input,
    se_activation: str | None = None,
    se_gate: str = "sigmoid",
    round_width: Callable[[float], int] = rounded_width,
    round_depth: Callable[[float], int] = math.ceil,
) -> Network:
    """The network of a table, its widths and depths times ``width`` and ``depth`` (one number or one for each row).

    ``round_width`` and ``round_depth`` make them whole; ``se_width`` gives the squeeze-excite width for a block's input
    and inner width.

    >>> rows = [BlockRow("mbconv", 6, 24, 2, 2, 3), BlockRow("mbconv", 6, 40, 3, 2, 5)]
    >>> from_rows("small", family="", rows=rows, stem_width=16, head_width=None, activation="relu", width=1.4).widths
    (32, 56)
    """
    stages: list[Stage] = []
    w_in = stem_width
    depths = [depth] * len(rows) if isinstance(depth, (int, float)) else depth
    for row, factor in zip(rows, depths, strict=True):
        w = round_width(row.width * width)
        base = None if row.base is None else round_width(row.base * width)
        # The first block and the others have their own ratios where the table's is rounded to a width.
        first, rest = (_ratios(row, before, base, se_width) for before in (w_in, w))
        blocks = round_depth(row.depth * factor)
        parts = [(blocks, first)] if blocks == 1 or first == rest else [(1, first), (blocks - 1, rest)]
        for i, (d, (ratio, se)) in enumerate(parts):
            stages.append(
                Stage(
                    block=row.block,
                    depth=d,
                    width=w,
                    stride=row.stride if i == 0 else 1,
                    kernel=row.kernel,
                    ratio=ratio,
                    se=se,
                    activation=row.activation or activation,
                    se_activation=se_activation or row.activation or activation,
                    se_gate=se_gate,
                )
            )
        w_in = w
    return Network(
        name=name,
        family=family,
        stem="conv3",
        stem_width=stem_width,
        stages=tuple(stages),
        head=head,
        head_width=head_width,
        activation=activation,
        resolution=resolution,
        dropout=dropout,
        scales_ends=scales_ends,
    )


def _ratios(
    row: BlockRow, w_in: int, base: int | None, se_width: Callable[[int, int], int]
) -> tuple[Fraction, Fraction]:
    """Inner and squeeze-excite width of a block over its input width."""
    inner = w_in if row.ratio == 1 else rounded_width((base or w_in) * row.ratio)
    return Fraction(inner, w_in), Fraction(se_width(w_in, inner), w_in) if row.se else Fraction(0)
