"""The fast direction, by device: along which shares of depth, width and resolution predicted time grows slowest."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from complexity_theory.figures import style
from complexity_theory.figures.registry import Spec
from complexity_theory.scaling.strategy import parse
from complexity_theory.verbs.theory import optimal

SHOWN = ("EfficientNet-B0", "RegNetZ-500MF")
PARTS = {
    "share of w": (style.BLUE, "width"),
    "share of r": (style.ORANGE, "resolution"),
    "share of d": (style.GREEN, "depth"),
}
SOURCE = "complexity-theory optimal --network, with the device profiles of the package"


def fast_direction_data() -> pd.DataFrame:
    """A row for each network and profile: the direction of slowest predicted time to x16, and what dWr loses on it."""
    frame: pd.DataFrame = optimal(network=SHOWN).frame()
    frame.attrs["source"] = SOURCE
    return frame


def draw_fast_direction(frame: pd.DataFrame) -> Figure:
    """A panel per network, a bar per device: the shares of width, resolution and depth; dWr's as lines."""
    figure = style.new(3.0)
    panels = figure.subplots(1, len(SHOWN), sharey=True)
    paper = parse("dWr")
    for index, (axes, (name, rows)) in enumerate(zip(panels, frame.groupby("network", sort=False), strict=True)):
        rows = rows.iloc[::-1].reset_index(drop=True)
        left = pd.Series(0.0, index=rows.index)
        for column, (colour, _) in PARTS.items():
            axes.barh(rows["device"], rows[column], left=left, color=colour, height=0.62)
            left = left + rows[column]
        for at in (float(paper.width), float(paper.width + paper.resolution)):
            axes.axvline(at, color=style.BLACK, linewidth=0.9, linestyle=(0, (2, 2)))
        for row, gain in enumerate(rows["dWr takes longer by"]):
            if gain >= 0.0005:
                style.note(axes, f"dWr +{gain:.1%}", (1, row), (3, 0), va="center")
        axes.set(xlim=(0, 1), xlabel="share of the flops")
        axes.grid(visible=False, axis="y")
        axes.set_title(style.panel(index, str(name)), loc="left")
    marks = [Patch(color=colour, label=label) for colour, label in PARTS.values()]
    lines = [axes.plot([], [], color=style.BLACK, linewidth=0.9, linestyle=(0, (2, 2)), label="dWr")[0]]
    style.legend_below(figure, [*marks, *lines])
    return figure


FIGURES = (
    Spec(
        "fast_direction",
        "The fast direction, by device: the shares of width, resolution and depth along which predicted time grows "
        "slowest from ×1 to ×16, under the floors of dWr on depth and resolution; where it is not dWr, how much longer "
        "dWr takes. Channels are taken as multiples of the device's tiles. Source: {source}.",
        fast_direction_data,
        draw_fast_direction,
    ),
)
