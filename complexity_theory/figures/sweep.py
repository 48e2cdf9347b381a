"""This machine's own sweep: runtime of the paper's networks, scaled by its strategies, as measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.loaders import load_table, measured, network_of, one_setting, settings
from complexity_theory.figures import style
from complexity_theory.figures.registry import Origin, Spec
from complexity_theory.figures.runtime import correlated
from complexity_theory.graph.complexity import METRICS
from complexity_theory.measurement.analysis import records
from complexity_theory.measurement.jobs import UNSCALED

FILLS = ("full", "left", "none", "right", "bottom", "top")  # by which networks are told apart
KEPT = (
    *("network", "strategy", "factor", "resolution", "batch", *METRICS),
    *("median", "p25", "p75", "n", "noisy", "seconds_per_image"),
)


def sweep_data(device: str, path: Path) -> pd.DataFrame | None:
    """The scaled networks of a store and what they were made of, one row per job: counts, seconds per call and image.

    Those of a device ("cpu" or "cuda"; None where the store has none of it) in the setting with most of them. Raises
    InvalidInput for a store without a scaled network.
    """
    every = [(setting, scaled(one_setting(path, measured(path), setting))) for setting in settings(path)]
    if not any(len(rows) for _, rows in every):
        raise InvalidInput(f"{path} holds no network as it is and scaled: see `complexity-theory measure scaling`")
    own = [(setting, rows) for setting, rows in every if len(rows) and rows["device"].iloc[0] == device]
    if not own:
        return None
    setting, rows = max(own, key=lambda found: len(found[1]))
    table = load_table(str(path), setting=setting)
    names = {(_label(row), row["resolution"]) for row in records(rows)}
    shown = [pair in names for pair in zip(table.frame["name"], table.frame["resolution"], strict=True)]
    rows = rows.sort_values(["network", "strategy", "factor"])
    frame = rows[list(KEPT)].reset_index(drop=True)
    place, base = rows.iloc[0], rows["strategy"] == UNSCALED
    frame.attrs["source"] = "complexity-theory measure"
    modes = ("mode", "dtype", "layout", "execution")
    about = (f"threads: {place['threads']}", *(place[name] for name in modes), f"PyTorch {place['torch']}")
    frame.attrs["device"] = f"{place['device_name']}, {', '.join(about)}"
    frame.attrs["inputs"] = ", ".join(dict.fromkeys(map(_sides, records(rows[base].sort_values("resolution")))))
    frame.attrs["networks"] = _listed(rows["network"])
    frame.attrs["strategies"] = _listed(rows.loc[~base, "strategy"])
    frame.attrs["factors"] = ", ".join(f"×{factor:g}" for factor in sorted(rows.loc[~base, "factor"].unique()))
    return correlated(frame, replace(table, frame=table.frame[shown].reset_index(drop=True)))


def _sides(row: Mapping[str, Any]) -> str:
    """The height and width of a row's input: those of its network, where it is kept with the row."""
    network = network_of(row["form"], row["description"])
    found = row["resolution"] if network is None else network.resolution
    tall, wide = found if isinstance(found, tuple) else (found, found)
    return f"{tall} × {wide}"


def scaled(rows: pd.DataFrame) -> pd.DataFrame:
    """Those rows of a store that are scaled networks, and those of the networks that they were made of, where it has
    both.
    """
    series = ["network", "base_resolution"]
    both = [rows.loc[kind, series].dropna().drop_duplicates() for kind in _kinds(rows)]
    return rows.merge(both[0], on=series).merge(both[1], on=series)


def _kinds(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    base = rows["strategy"] == UNSCALED
    return base, ~base & rows["strategy"].notna()


def _listed(values: pd.Series) -> str:
    """The values, each once, as a list in a sentence."""
    *others, last = dict.fromkeys(values)
    return f"{', '.join(others)} and {last}" if others else str(last)


def _label(row: Mapping[str, Any]) -> str:
    """The name of a row in a table of times."""
    return row["network"] if row["strategy"] == UNSCALED else f"{row['network']} {row['strategy']} x{row['factor']:g}"


def draw_sweep(frame: pd.DataFrame) -> Figure:
    """Time per image against flops, params and acts, log-log: from each network a fan of strategies."""
    figure = style.new(3.3)
    fills = dict(zip(frame["network"].unique(), cycle(FILLS), strict=False))
    strategies = frame.loc[frame["strategy"] != UNSCALED, "strategy"].unique()
    others = cycle(style.OTHERS)
    marks = {name: style.STRATEGIES.get(name) or next(others) for name in sorted(strategies, key=_place)}
    panels = figure.subplots(1, len(METRICS), sharey=True)
    ms = style.UNITS["seconds"][1]
    for index, (axes, metric) in enumerate(zip(panels, METRICS, strict=True)):
        label, unit = style.UNITS[metric]
        for network, rows in frame.groupby("network", sort=False):
            base = rows[rows["strategy"] == UNSCALED]
            for strategy, mark in marks.items():
                line = pd.concat([base, rows[rows["strategy"] == strategy]])
                fill = {"fillstyle": fills[str(network)], "markerfacecoloralt": "white"}
                style.line(axes, line[metric] / unit, line["seconds_per_image"] / ms, mark, linewidth=0.8, **fill)
        axes.set_xlabel(label)
        axes.set_title(style.panel(index, metric), loc="left")
        style.corner(axes, f"$r$ = {frame.attrs[f'r_{metric}']}", over_lines=True)
        style.log(axes.xaxis)
        style.log(axes.yaxis)
    panels[0].set_ylabel(style.UNITS["seconds"][0])
    look: dict[str, Any] = {"color": style.QUIET, "marker": "o", "linestyle": "", "markerfacecoloralt": "white"}
    shapes = [Line2D([], [], fillstyle=fill, label=style.plain(name), **look) for name, fill in fills.items()]
    style.legend_below(figure, [*style.handles(marks), *shapes], columns=4)
    return figure


def _place(strategy: str) -> tuple[bool, int, str]:
    """Where a strategy stands in the legend: the paper's in its order, then the others."""
    names = list(style.STRATEGIES)
    return strategy not in names, names.index(strategy) if strategy in names else 0, strategy


CAPTION = (
    "This package's own measurement on {what}: {{networks}} (inputs of {{inputs}}), each joined with what "
    "{{strategies}} make of it at {{factors}}: median time per image against flops, params and acts. r is the "
    "correlation of the logarithms, and of the ranks. Device: {{device}}. Source: {{source}}."
)


def _spec(name: str, device: str, what: str) -> Spec:
    return Spec(name, CAPTION.format(what=what), partial(sweep_data, device), draw_sweep, Origin.store)


FIGURES = (_spec("sweep", "cpu", "a processor"), _spec("sweep_gpu", "cuda", "a GPU"))
