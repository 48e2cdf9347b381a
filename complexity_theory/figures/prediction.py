"""Figures of the predictor: held-out predictions against measurements, and the cliff of group widths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from complexity_theory.evidence.evaluation import predictions
from complexity_theory.evidence.groups import group_costs
from complexity_theory.figures import families, style
from complexity_theory.figures.registry import Origin, Spec
from complexity_theory.figures.sources import FILES, SOURCES, provenance, table

MODES = ("4090_eager", "4090_compiled")


def predicted_data(folder: Path) -> pd.DataFrame:
    """Measured and predicted seconds per image on every table, each kin held out, with the mean error per table."""
    parts = []
    for source in SOURCES.values():
        found = predictions(table(source, folder), "extended")
        rows = found[["name", "family", "resolution", "batch", "seconds", "predicted"]]
        error = float((rows["predicted"] / rows["seconds"] - 1).abs().mean())
        parts.append(rows.assign(table=source.short, mape=error))
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs |= provenance()
    return frame


LEAST_RATIO, MOST_RATIO = 0.45, 2.4  # of predicted to measured times that are shown


def draw_predicted(frame: pd.DataFrame) -> Figure:
    """A panel per table: predicted over measured time against measured time, with the mean error."""
    figure = style.new(4.3)
    grid = figure.subplots(2, 4)
    groups = frame["family"].map(families.group)
    for index, (axes, (name_of_table, rows)) in enumerate(
        zip(grid.flat, frame.groupby("table", sort=False), strict=True)
    ):
        measured, ratio = rows["seconds"] / style.UNITS["seconds"][1], rows["predicted"] / rows["seconds"]
        axes.axhline(1, color=style.QUIET, linewidth=0.7, zorder=0)
        for name in families.MARKS:
            chosen = groups[rows.index] == name
            look = families.look(name)
            axes.plot(measured[chosen], ratio[chosen], **(look | {"markersize": 0.75 * look["markersize"]}))
        axes.set_ylim(LEAST_RATIO, MOST_RATIO)
        beyond = int(((ratio < LEAST_RATIO) | (ratio > MOST_RATIO)).sum())
        axes.set_title(style.panel(index, str(name_of_table)), loc="left", fontsize=8.5)
        outside = f", {beyond} beyond" if beyond else ""
        style.corner(axes, f"error {100 * rows['mape'].iloc[0]:.1f}%\n{len(rows)} rows{outside}")
        style.log(axes.xaxis)
        style.log(axes.yaxis, (0.5, 0.7, 1, 1.5, 2))
    for axes in grid[-1]:
        axes.set_xlabel("measured (ms)")
    for axes in grid[:, 0]:
        axes.set_ylabel("predicted / measured")
    style.legend_below(figure, families.handles(groups), columns=6)
    return figure


def group_width_data(folder: Path) -> pd.DataFrame:
    """Cost per output of group convolutions, eager and compiled."""
    parts = [group_costs(table(SOURCES[name], folder)).assign(table=SOURCES[name].short) for name in MODES]
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs |= provenance(MODES)
    return frame


def draw_group_width(frame: pd.DataFrame) -> Figure:
    """A panel per mode: picoseconds per output against group width, powers of two apart from the others."""
    figure = style.new(3.0)
    panels = figure.subplots(1, len(MODES), sharex=True, sharey=True)
    for index, (axes, (mode, rows)) in enumerate(zip(panels, frame.groupby("table", sort=False), strict=True)):
        smooth = rows.groupby("group_width")["smooth"].median()
        axes.plot(smooth.index, 1e12 * smooth, color=style.GREY, linewidth=1.0, zorder=0)
        even = rows["group_width"].map(float).map(np.log2).map(float.is_integer)
        for chosen, mark in ((even, style.Mark(style.BLUE, "o")), (~even, style.Mark(style.VERMILLION, "^"))):
            part = rows[chosen]
            look = style.dots(mark, elinewidth=0.5)
            axes.errorbar(part["group_width"], 1e12 * part["cost"], yerr=1e12 * part["error"], **look)
        axes.axhline(0, color=style.QUIET, linewidth=0.7, zorder=0)
        axes.set_title(style.panel(index, str(mode)), loc="left")
        axes.set_xlabel("group width")
        style.log(axes.xaxis, (4, 8, 16, 24, 32, 64, 128, 256))
    panels[0].set_ylabel("picoseconds per output of a group conv")
    entries = {"a power of two": style.Mark(style.BLUE, "o"), "another width": style.Mark(style.VERMILLION, "^")}
    handles = [Line2D([], [], label=label, **style.dots(mark)) for label, mark in entries.items()]
    baseline = Line2D(
        [], [], color=style.GREY, linewidth=1.0, label="by multiply-adds and traffic, as in other networks"
    )
    style.legend_below(figure, [*handles, baseline])
    return figure


FIGURES = (
    Spec(
        "predicted",
        "Predicted over measured time per image, against the measured: the predictor, fitted without the kin of each "
        "network, which it knows from other devices only; ratios beyond the axes are counted. Error: mean absolute "
        "relative error. Devices: {device}. Source of the times: {source}.",
        predicted_data,
        draw_predicted,
        Origin.tables,
        FILES,
    ),
    Spec(
        "group_width",
        "The cliff of group widths: what an output of a group convolution costs in RegNets of a single group width, on "
        "{device}. From the measured time is taken what the predictor, fitted to networks without group convolutions, "
        "gives for the rest of the network (below zero where that is more than all that was measured; bars: its "
        "held-out error). Grey: what it gives for the group convolutions themselves. Source of the times: {source}.",
        group_width_data,
        draw_group_width,
        Origin.tables,
        tuple(file for name in MODES for file in SOURCES[name].files),
    ),
)
