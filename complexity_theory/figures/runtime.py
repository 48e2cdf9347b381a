"""Figures of runtime against flops, params and acts, on devices that others measured."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.complexity import METRICS
from complexity_theory.figures import families, style
from complexity_theory.figures.registry import Origin, Spec
from complexity_theory.runtime import evidence, published
from complexity_theory.runtime.loaders import load
from complexity_theory.runtime.table import Table

KEPT = ["name", "family", *METRICS, "resolution", "batch", "seconds"]


class Source(NamedTuple):
    """A table of times: what figures call it, short and in full, and its ``file`` of timm or built-in name."""

    short: str
    full: str
    file: str


SOURCES = {
    "v100_training": Source("V100, training", "NVIDIA V100, training, fp32, eager", "v100-training"),
    "v100_inference": Source("V100, inference", "NVIDIA V100, inference, fp32, eager", "v100-inference"),
    "3090_training": Source(
        "RTX 3090, training",
        "NVIDIA RTX 3090, training, AMP, NCHW, eager, PyTorch 1.12",
        "benchmark-train-amp-nchw-pt112-cu113-rtx3090.csv",
    ),
    "3090_eager": Source(
        "RTX 3090, eager",
        "NVIDIA RTX 3090, inference, AMP, NCHW, eager, PyTorch 2.4",
        "benchmark-infer-amp-nchw-pt240-cu124-rtx3090.csv",
    ),
    "3090_channels_last": Source(
        "RTX 3090, channels last",
        "NVIDIA RTX 3090, inference, AMP, channels last, eager, PyTorch 2.4",
        "benchmark-infer-amp-nhwc-pt240-cu124-rtx3090.csv",
    ),
    "4090_eager": Source(
        "RTX 4090, eager",
        "NVIDIA RTX 4090, inference, AMP, NCHW, eager, PyTorch 2.4",
        "benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv",
    ),
    "4090_compiled": Source(
        "RTX 4090, compiled",
        "NVIDIA RTX 4090, inference, AMP, NCHW, compiled, PyTorch 2.4",
        "benchmark-infer-amp-nchw-pt240-cu124-rtx4090-dynamo.csv",
    ),
    "cpu": Source(
        "i9-10940X CPU",
        "Intel i9-10940X CPU, inference, fp32, batch 1, compiled, PyTorch 2.4",
        "benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv",
    ),
}


def table_of(source: Source, folder: Path | None) -> Table:
    """The table of a source: built in, or in the folder of timm's files."""
    return load(source.file if source.file in published.names() or folder is None else str(folder / source.file))


def correlated(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Adds to a frame's ``attrs`` Pearson's r of time with each metric over all networks, linear and logarithmic."""
    pooled = evidence.correlations(table).set_index(["family", "metric"]).loc[evidence.POOLED]
    for metric, row in pooled.iterrows():
        frame.attrs[f"r_{metric}"] = f"{row['pearson']:.2f} (log {row['pearson_log']:.2f})"
    return frame


def runtime_data(source: Source, folder: Path | None = None) -> pd.DataFrame:
    """The networks of a table that the zoo describes: our counts for one image, and seconds per image."""
    table = table_of(source, folder)
    frame = evidence.rows_of(table)[KEPT].copy()
    frame.attrs |= {"source": table.provenance["source"], "device": source.full, "rows": len(frame)}
    frame.attrs["networks"] = frame["name"].nunique()
    return correlated(frame, table)


def draw_runtime(frame: pd.DataFrame) -> Figure:
    """Time per image against flops, params and acts, log-log, families by mark, Pearson's r in each panel."""
    figure = style.new(3.1)
    panels = figure.subplots(1, len(METRICS), sharey=True)
    milliseconds = frame["seconds"] / style.UNITS["seconds"][1]
    groups = frame["family"].map(families.group)
    for index, (axes, metric) in enumerate(zip(panels, METRICS, strict=True)):
        label, unit = style.UNITS[metric]
        for name in families.MARKS:
            rows = groups == name
            axes.plot(frame[metric][rows] / unit, milliseconds[rows], **families.look(name))
        axes.set_xlabel(label)
        axes.set_title(style.panel(index, metric), loc="left")
        style.corner(axes, f"$r$ = {frame.attrs[f'r_{metric}']}")
        style.log(axes.xaxis)
        style.log(axes.yaxis)
    panels[0].set_ylabel(style.UNITS["seconds"][0])
    style.legend_below(figure, families.handles(groups), columns=6)
    return figure


def _spec(name: str) -> Spec:
    source = SOURCES[name]
    built_in = source.file in published.names()
    return Spec(
        f"runtime_{name}",
        "Time per image against flops, params and acts: {rows} measurements of {networks} networks on {device}. r is "
        "Pearson's correlation over all of them, linear and of the logarithms; marks tell families, with their kin. "
        "Counts are our own. Source of the times: {source}.",
        partial(runtime_data, source),
        draw_runtime,
        Origin.package if built_in else Origin.tables,
        () if built_in else (source.file,),
    )


FIGURES = tuple(_spec(name) for name in ("4090_eager", "4090_compiled", "cpu", "v100_training", "v100_inference"))
