"""Figures of runtime against flops, params and acts, on devices that others measured."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.devices.prior import believe
from complexity_theory.evidence import correlation as evidence
from complexity_theory.evidence.evaluation import few_rows, predictors_of, scope, score
from complexity_theory.evidence.holdout import held_out
from complexity_theory.evidence.predictors import RIVALS
from complexity_theory.evidence.sources import Source
from complexity_theory.evidence.table import TimeTable
from complexity_theory.figures import families, style
from complexity_theory.figures.registry import Origin, Spec
from complexity_theory.figures.sources import FILES, SOURCES, provenance, table
from complexity_theory.graph.complexity import METRICS

KEPT = ["name", "family", *METRICS, "resolution", "batch", "seconds"]


def correlated(frame: pd.DataFrame, of: TimeTable) -> pd.DataFrame:
    """Adds to a frame's ``attrs`` how time goes with each metric over all networks: by logarithms, and by ranks."""
    pooled = pd.DataFrame(evidence.correlations(of)).set_index(["family", "metric"]).loc[evidence.POOLED]
    for metric, row in pooled.iterrows():
        log, rank = ("-" if pd.isna(value) else f"{value:.2f}" for value in row[["pearson_log", "spearman"]])
        frame.attrs[f"r_{metric}"] = f"{log} (ranks {rank})"
    return frame


def runtime_data(source: Source, folder: Path | None = None) -> pd.DataFrame:
    """The networks of a table that the zoo describes: our counts for one image, and seconds per image."""
    found = table(source, folder)
    frame = evidence.rows_of(found)[KEPT].astype(dict.fromkeys((*METRICS, "batch"), "int64"))
    frame.attrs |= {"source": found.provenance["source"], "device": source.about, "rows": len(frame)}
    frame.attrs["networks"] = frame["name"].nunique()
    return correlated(frame, found)


def draw_runtime(frame: pd.DataFrame) -> Figure:
    """Time per image against flops, params and acts, log-log, families by mark, r of the logarithms in each panel."""
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


PREDICTOR = "predictor"
SCORES = ("lofo_mape", "new_kin_mape", "few_mape", "bias", "coverage")


def ranking_data(folder: Path) -> pd.DataFrame:
    """How often each metric, and the predictor, rank two networks of equal flops as their times do, for every table.

    With the predictor's other scores and its best rival, as README's table has them.
    """
    parts = []
    for source in SOURCES.values():
        found = table(source, folder)
        metrics = pd.DataFrame(evidence.rankings(found))
        frame = scope(found.known, "extended")
        seconds = frame["seconds"].to_numpy(float)
        model, new_kin = predictors_of(found, frame)
        scores = score(model, frame, few_rows(frame, believe(found.provenance)), new_kin)
        accuracy = dict(zip(("accuracy", "accuracy_low", "accuracy_high"), scores.ranking, strict=True))
        told = {name: getattr(scores, name).value for name in SCORES}
        predictor = pd.DataFrame(
            [{"metric": PREDICTOR, "pairs": metrics["pairs"].iloc[0], **accuracy, "n": len(frame), **told}]
        )
        rivals = {name: np.abs(held_out(rival, frame, "kin") / seconds - 1).mean() for name, rival in RIVALS.items()}
        best = min(rivals, key=lambda name: rivals[name])
        parts.append(pd.concat([metrics, predictor]).assign(table=source.short, rival=best, rival_mape=rivals[best]))
    frame = pd.concat(parts, ignore_index=True)
    frame.attrs |= provenance()
    return frame


def draw_ranking(frame: pd.DataFrame) -> Figure:
    """Accuracy of each metric on each table, as dots with intervals; half is a coin."""
    figure = style.new(2.9)
    axes = figure.subplots()
    tables = list(frame["table"].unique())
    axes.axvline(50, color=style.QUIET, linewidth=0.8)
    marks = {**style.METRICS, PREDICTOR: style.Mark(style.BLACK, "*")}
    for offset, (metric, mark) in zip((-0.27, -0.09, 0.09, 0.27), marks.items(), strict=True):
        rows = frame[frame["metric"] == metric]
        places = [tables.index(table) + offset for table in rows["table"]]
        percent = 100 * rows[["accuracy", "accuracy_low", "accuracy_high"]]
        spread = [percent["accuracy"] - percent["accuracy_low"], percent["accuracy_high"] - percent["accuracy"]]
        look: dict[str, Any] = {"color": mark.colour, "marker": mark.marker, "linestyle": "", "label": metric}
        look |= {"clip_on": False}  # some are right of all pairs
        axes.errorbar(percent["accuracy"], places, xerr=spread, **look)
    pairs = frame.groupby("table", sort=False)["pairs"].first()
    axes.set_yticks(range(len(tables)), [f"{table} ({pairs[table]} pairs)" for table in tables])
    axes.invert_yaxis()
    axes.set(xlabel="pairs of networks with equal flops that are ranked right (%)", xlim=(0, 100))
    axes.grid(visible=False, axis="y")
    figure.legend(loc="outside lower center", ncols=len(marks))
    return figure


def _spec(name: str) -> Spec:
    source = SOURCES[name]
    return Spec(
        f"runtime_{name}",
        "Time per image against flops, params and acts: {rows} measurements of {networks} networks on {device}. r is "
        "the correlation of the logarithms over all of them, and of the ranks; marks tell families, some with their "
        "kin. Counts are our own. Source of the times: {source}.",
        partial(runtime_data, source),
        draw_runtime,
        Origin.tables if source.files else Origin.package,
        source.files,
    )


FIGURES = (
    *(_spec(name) for name in ("4090_eager", "4090_compiled", "cpu", "v100_training", "v100_inference")),
    Spec(
        "ranking",
        "How often flops, params, acts and the predictor tell which of two networks of equal flops (within 10%, times "
        "at least 3% apart) runs longer, with 95% intervals (bootstrap by architecture). The predictor has seen the "
        "kin of neither on this device, only on others. The line at 50% is a coin. Devices: {device}. Source of the "
        "times: {source}.",
        ranking_data,
        draw_ranking,
        Origin.tables,
        FILES,
    ),
)
