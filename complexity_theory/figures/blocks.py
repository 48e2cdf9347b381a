"""The figure of blocks: how fast the effective exponents of named blocks approach their limits."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.figures import style
from complexity_theory.figures.registry import Spec
from complexity_theory.scaling.blocks import BASE, block, block_scaling
from complexity_theory.scaling.strategy import Strategy
from complexity_theory.verbs import resolve
from complexity_theory.verbs.blocks import COMPARED

MARKS = MappingProxyType(
    {
        "bottleneck": style.Mark(style.BLUE, "s", (0, (4, 1.5))),
        "basic": style.Mark(style.GREY, "D", (0, (4, 1.2, 1, 1.2))),
        "mbconv": style.Mark(style.VERMILLION, "^", "-"),
        "separable": style.Mark(style.GREEN, "o", (0, (1, 1.2))),
        "convnext": style.Mark(style.PURPLE, "h", "-"),
    }
)
ROWS = ("flops", "params")


def blocks_data(strategies: Iterable[Strategy | str] = COMPARED) -> pd.DataFrame:
    """Effective exponents of blocks along strategies, with their limits."""
    rows = []
    for strategy in map(resolve.strategy, strategies):
        for kind in MARKS:
            scaling = block_scaling(block(kind), strategy)
            limits = {f"{metric}_limit": str(limit) for metric, limit in scaling.limits.as_dict().items()}
            for factor in np.geomspace(1, 64, 13):
                exponents = scaling.at(float(factor)).as_dict()
                rows.append({"strategy": strategy.name, "block": kind, "s": factor, **exponents, **limits})
    frame = pd.DataFrame(rows)
    frame.attrs["source"] = "complexity-theory derive STRATEGY --layer BLOCK"
    frame.attrs["sizes"] = ", ".join(f"{x} = {value}" for x, value in BASE.items() if str(x) != "g")
    return frame


def draw_blocks(frame: pd.DataFrame) -> Figure:
    """A column per strategy, flops above params: exponents against s, a line per block."""
    strategies = frame.groupby("strategy", sort=False)
    figure = style.new(4.1)
    grid = figure.subplots(len(ROWS), len(strategies), sharex=True, squeeze=False)
    for column, (name, rows) in enumerate(strategies):
        for axes, metric in zip(grid[:, column], ROWS, strict=True):
            for kind, line in rows.groupby("block", sort=False):
                style.line(axes, line["s"], line[metric], MARKS[str(kind)], markevery=4)
            axes.set_xlim(1, 64)
            style.log(axes.xaxis, (1, 2, 4, 8, 16, 32, 64))
        grid[0, column].set_title(style.panel(column, str(name)), loc="left")
        grid[-1, column].set_xlabel("scaling factor $s$")
    for axes, metric in zip(grid[:, 0], ROWS, strict=True):
        axes.set_ylabel(f"effective exponent of {metric}")
    style.legend_below(figure, style.handles(MARKS))
    return figure


FIGURES = (
    Spec(
        "blocks",
        "Effective exponents of flops and params of blocks of networks, without stem and head, against the scaling "
        "factor s ({sizes} at s = 1): blocks of dense convolutions are near the paper's limits at once, those with "
        "depthwise convolutions approach them slowly; acts have theirs from the start. Derived: {source}.",
        blocks_data,
        draw_blocks,
    ),
)
