"""This machine's own sweep: runtime of the paper's networks, scaled by its strategies, as measured here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from complexity_theory.evidence.loaders import load
from complexity_theory.figures import style
from complexity_theory.figures.registry import Origin, Spec
from complexity_theory.figures.runtime import correlated
from complexity_theory.graph.complexity import METRICS
from complexity_theory.measurement import store
from complexity_theory.measurement.jobs import UNSCALED

FILLS = {"EfficientNet-B0": "full", "RegNetY-500MF": "left", "RegNetZ-500MF": "none"}
KEPT = (
    *("network", "strategy", "factor", "resolution", "batch", *METRICS),
    *("median", "p25", "p75", "n", "noisy", "seconds_per_image"),
)


def sweep_data(path: Path) -> pd.DataFrame:
    """The networks of a store that were timed, one row per job: counts, and seconds per call and per image.

    Raises InvalidInput for a store without any, or of several settings.
    """
    table = load(str(path))
    rows = store.read(path)
    rows = rows[(rows["kind"] == "network") & (rows["status"] == "ok")].sort_values(["network", "strategy", "factor"])
    frame = rows[list(KEPT)].reset_index(drop=True)
    place = rows.iloc[0]
    frame.attrs["source"] = "complexity-theory measure scaling --quick"
    settings = ("mode", "dtype", "layout", "execution")
    about = (f"threads: {place['threads']}", *(place[name] for name in settings), f"PyTorch {place['torch']}")
    frame.attrs["device"] = f"{place['device_name']}, {', '.join(about)}"
    frame.attrs["inputs"] = ", ".join(
        f"{side} × {side}" for side in sorted(rows.loc[rows["strategy"] == UNSCALED, "resolution"].unique())
    )
    return correlated(frame, table)


def draw_sweep(frame: pd.DataFrame) -> Figure:
    """Time per image against flops, params and acts, log-log: from each network a fan of strategies."""
    figure = style.new(3.3)
    panels = figure.subplots(1, len(METRICS), sharey=True)
    ms = style.UNITS["seconds"][1]
    for index, (axes, metric) in enumerate(zip(panels, METRICS, strict=True)):
        label, unit = style.UNITS[metric]
        for network, rows in frame.groupby("network", sort=False):
            base = rows[rows["strategy"] == UNSCALED]
            for strategy, mark in style.STRATEGIES.items():
                line = pd.concat([base, rows[rows["strategy"] == strategy]])
                fill = {"fillstyle": FILLS[str(network)], "markerfacecoloralt": "white"}
                style.line(axes, line[metric] / unit, line["seconds_per_image"] / ms, mark, linewidth=0.8, **fill)
        axes.set_xlabel(label)
        axes.set_title(style.panel(index, metric), loc="left")
        style.corner(axes, f"$r$ = {frame.attrs[f'r_{metric}']}")
        style.log(axes.xaxis)
        style.log(axes.yaxis)
    panels[0].set_ylabel(style.UNITS["seconds"][0])
    look: dict[str, Any] = {"color": style.QUIET, "marker": "o", "linestyle": "", "markerfacecoloralt": "white"}
    shapes = [Line2D([], [], fillstyle=fill, label=name, **look) for name, fill in FILLS.items()]
    style.legend_below(figure, [*style.handles(style.STRATEGIES), *shapes], columns=4)
    return figure


FIGURES = (
    Spec(
        "sweep",
        "This package's own measurement: EfficientNet-B0, RegNetY-500MF and RegNetZ-500MF (inputs of {inputs}), each "
        "joined with what w, dw, dwr and dWr make of it at ×4: median time per image against flops, params and acts. r "
        "is Pearson's correlation, linear and of the logarithms. Device: {device}. Source: {source}.",
        sweep_data,
        draw_sweep,
        Origin.store,
    ),
)
