"""The plane in which the paper argues: published error against measured training time, and against flops."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from complexity_theory.evidence import published
from complexity_theory.figures import families, style
from complexity_theory.figures.registry import Spec


def errors_data() -> pd.DataFrame:
    """Top-1 error (percent), training time and flops of the networks of two published studies on V100s."""
    early = published.early_convolutions()
    early = pd.DataFrame(
        {
            "study": "Early Convolutions, 400 epochs",
            "network": early["network"],
            "family": early["family"],
            "flops": early["flops_g"] * style.UNITS["flops"][1],
            "time": early["epoch_minutes"],
            "unit": "minutes per epoch, 8 V100",
            "error": early["error_400"],
        }
    )
    timed = published.table("v100-training")
    known = published.model_zoo().rename(columns={"network": "name"})
    zoo = timed.frame.merge(known[["name", "top1_error"]], on="name", validate="one_to_one")
    zoo = pd.DataFrame(
        {
            "study": "pycls Model Zoo",
            "network": zoo["name"],
            "family": zoo["family"],
            "flops": zoo["flops"],
            "time": zoo["seconds"] / style.UNITS["seconds"][1],
            "unit": "training time per image (ms), V100",
            "error": zoo["top1_error"],
        }
    )
    frame = pd.concat([early, zoo], ignore_index=True)
    frame.attrs["source"] = (
        f"{published.table('early-convolutions').provenance['source']}; {timed.provenance['source']}"
    )
    frame.attrs["device"] = timed.provenance["device"]
    return frame


def draw_errors(frame: pd.DataFrame) -> Figure:
    """A row per study: error against its training time (left) and against flops (right), families joined by lines."""
    figure = style.new(5.2)
    studies = frame.groupby("study", sort=False)
    grid = figure.subplots(len(studies), 2, sharey="row")
    for i, (study, rows) in enumerate(studies):
        for j, (column, label, unit) in enumerate(
            (("time", rows["unit"].iloc[0], 1.0), ("flops", *style.UNITS["flops"]))
        ):
            axes = grid[i, j]
            for family, line in rows.sort_values(column).groupby("family"):
                axes.plot(line[column] / unit, line["error"], **families.look(families.group(str(family)), joined=True))
            axes.set_xlabel(label)
            axes.set_title(style.panel(2 * i + j, str(study)), loc="left")
            style.log(axes.xaxis, decades=2)
        grid[i, 0].set_ylabel("top-1 error (%)")
    style.legend_below(figure, families.handles(frame["family"], joined=True), columns=4)
    return figure


FIGURES = (
    Spec(
        "errors",
        "Published top-1 error on ImageNet against measured training time (left) and against flops (right), {device}; "
        "a line joins a family. EfficientNet, strong at equal flops, is among the slowest at equal error: the plane in "
        "which the paper argues. Source: {source}.",
        errors_data,
        draw_errors,
    ),
)
