"""Errors of networks that were scaled and trained: against flops and runtime by strategy, and against alpha."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence import accuracy as evidence
from complexity_theory.evidence.known import BASE
from complexity_theory.figures import style
from complexity_theory.figures.registry import Spec
from complexity_theory.scaling.strategy import parse

HEIGHT = 2.0  # inches of a row
APART = 0.05  # share by which strategies of equal flops are moved apart, to be seen
PANELS = {
    "flops": ("flops ($10^6$ multiply-adds)", 1e6),
    "measured": ("measured time per image (ms)", 1e-3),
    "predicted": ("predicted time per image (ms)", 1e-3),
}


def accuracy_data(runs: pd.DataFrame | None = None) -> pd.DataFrame:
    """The cells of a study (default: the one that comes with the package), with measured and predicted runtime.

    Raises InvalidInput where the package has none.
    """
    runs = evidence.shipped() if runs is None else runs
    if runs is None:
        raise InvalidInput("this package comes without a study of accuracy: see `complexity-theory measure accuracy`")
    frame, first = evidence.summary(runs), runs.iloc[0]
    frame.attrs["source"] = "complexity-theory measure accuracy"
    frame.attrs["device"] = f"{first['device_name']}, PyTorch {first['torch']}"
    frame.attrs |= {"data": first["data"], "recipe": first["recipe"]}
    frame.attrs["epochs"] = json.loads(first["recipe_fields"])["epochs"]
    frame.attrs["timed"] = "by itself" if runs["seconds_per_image"].notna().any() else "in the runs themselves"
    frame.attrs |= {"seeds": int(frame["seeds"].min()), "profile": evidence.PROFILE}
    return frame


def draw_accuracy(frame: pd.DataFrame) -> Figure:
    """A row per network: error against flops, measured and predicted time; a line from the base for each strategy."""
    networks = list(dict.fromkeys(frame["network"]))
    panels = {name: about for name, about in PANELS.items() if frame[name].notna().any()}
    figure = style.new(HEIGHT * len(networks) + 0.4)
    grid = figure.subplots(len(networks), len(panels), sharey="row", squeeze=False)
    for i, (network, row) in enumerate(zip(networks, grid, strict=True)):
        rows = frame[frame["network"] == network]
        for j, (axes, (name, (label, unit))) in enumerate(zip(row, panels.items(), strict=True)):
            for k, (strategy, mark) in enumerate(style.STRATEGIES.items()):
                line = rows[rows["strategy"].isin((BASE, strategy))].sort_values("factor")
                apart = 1 + APART * (k - 1.5) * ((name == "flops") & (line["strategy"] != BASE))
                _bars(axes, apart * line[name] / unit, line, mark)
            axes.set_title(style.panel(len(panels) * i + j, network), loc="left")
            style.log(axes.xaxis)
            if i == len(networks) - 1:
                axes.set_xlabel(label)
        row[0].set_ylabel("top-1 error (%)")
    style.legend_below(figure, style.handles(style.STRATEGIES))
    return figure


def _bars(axes: Any, x: pd.Series, rows: pd.DataFrame, mark: style.Mark) -> None:
    """Errors in percent with their intervals over the seeds, where they have one."""
    percent = 100 * rows[["error", "low", "high"]]
    spread = [(percent["error"] - percent["low"]).fillna(0), (percent["high"] - percent["error"]).fillna(0)]
    look = {"color": mark.colour, "marker": mark.marker, "linestyle": mark.line, "linewidth": 0.9, "capsize": 2}
    axes.errorbar(x, percent["error"], yerr=spread, **look)


def spec() -> Spec:
    """The figure of errors against flops and time."""
    return FIGURES[0]


def alpha_data() -> pd.DataFrame:
    """The cells of the study that are fast scalings, with their alpha: of the network that has most of them."""
    frame = accuracy_data()
    attrs = frame.attrs
    shares = [None if name == BASE else parse(name) for name in frame["strategy"]]
    frame["alpha"] = [_alpha(strategy) for strategy in shares]
    frame = frame.dropna(subset="alpha")
    most = frame["network"].value_counts().idxmax()
    frame = frame[frame["network"] == most].sort_values("alpha").reset_index(drop=True)
    frame.attrs |= {**attrs, "network": most, "factor": f"×{frame['factor'].iloc[0]:g}"}
    return frame


def _alpha(strategy: Any) -> float | None:
    """The alpha of a strategy that is a fast scaling, group widths with it; None of others."""
    if strategy is None or not strategy.name.startswith(("fast:", "dWr")):
        return None
    return float(strategy.width)


def draw_alpha(frame: pd.DataFrame) -> Figure:
    """Error, and acts, against alpha."""
    figure = style.new(2.6)
    left, right = figure.subplots(1, 2)
    _bars(left, frame["alpha"], frame, style.BASES["RegNetY-500MF"])
    left.set_ylabel("top-1 error (%)")
    style.line(right, frame["alpha"], frame["acts"] / 1e3, style.METRICS["acts"])
    right.set_ylabel("acts (thousands of elements)")
    for index, (axes, title) in enumerate(((left, "error"), (right, "acts"))):
        axes.set_title(style.panel(index, title), loc="left")
        axes.set_xlabel(r"$\alpha$")
    return figure


FIGURES = (
    Spec(
        "accuracy",
        "Error on the test images of {data} against flops, measured and predicted training time, of small networks "
        "that were scaled by w, dw, dwr and dWr and trained under one recipe ({recipe}, {epochs} epochs): means over "
        "{seeds} seeds or more with 95% intervals over the seeds. Measured {timed} on {device}; predicted for "
        "{profile}; strategies of equal flops are moved apart a little. Source: {source}.",
        accuracy_data,
        draw_accuracy,
    ),
    Spec(
        "accuracy_alpha",
        "Fast scaling of {network} by {factor}: error on the test images of {data} (with 95% intervals over the seeds) "
        "and acts, against α. Recipe: {recipe}, {epochs} epochs. Device: {device}. Source: {source}.",
        alpha_data,
        draw_alpha,
    ),
)
