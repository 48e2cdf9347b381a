"""How well models predict networks that they were not fitted to: families and architectures held out in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.predictors import RIVALS, Fit, fit_terms
from complexity_theory.evidence.statistics import (
    Estimate,
    Floats,
    competitors,
    estimate,
    mean,
    median,
    ranking,
    spearman,
)
from complexity_theory.evidence.table import Table

CORE = ("RegNetX", "RegNetY", "RegNetZ", "EfficientNet", "ResNet", "ResNeXt")
# Families that are held out with their next of kin, so that none is predicted from its own variants.
KIN = {
    "RegNetV": "RegNetY",
    "EfficientNet-Lite": "EfficientNet",
    "EfficientNet-Edge": "EfficientNet",
    "TinyNet": "EfficientNet",
    "SE-ResNet": "ResNet",
    "ResNet-RS": "ResNet",
    "ResNetV2": "ResNet",
    "SE-ResNeXt": "ResNeXt",
    "MobileNetV1": "MobileNet",
    "MobileNetV2": "MobileNet",
    "MobileNetV3": "MobileNet",
    "MNASNet": "MobileNet",
    "SPNASNet": "MobileNet",
    "LCNet": "MobileNet",
}
SCOPES = ("core", "extended")


def scope(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of the ``core`` families, or of all (``extended``). Raises InvalidInput for another name.

    The column ``held_out`` tells what is held out together: the family, in the extended scope with its kin.
    """
    if name not in SCOPES:
        raise InvalidInput(f"unknown scope {name!r}: one of {', '.join(SCOPES)}")
    if name == "core":
        frame = frame[frame["family"].isin(CORE)].reset_index(drop=True)
        return frame.assign(held_out=frame["family"])
    return frame.assign(held_out=frame["family"].replace(KIN))


def held_out_seconds(fit: Callable[[pd.DataFrame], Fit], frame: pd.DataFrame, by: str) -> Floats:
    """The predicted seconds per image of each row, from a fit to the rows that differ from it in the column ``by``.

    Raises InvalidInput where all rows are alike in it.
    """
    groups = frame[by].to_numpy(str)
    names = np.unique(groups)
    if len(names) < 2:
        raise InvalidInput(f"nothing to hold out: all {len(frame)} networks are of {by.replace('_', ' ')} {names[0]}")
    predicted = np.empty(len(frame))
    for name in names:
        out = groups == name
        predicted[out] = fit(frame[~out]).seconds(frame[out])
    return predicted


@dataclass(frozen=True)
class Score:
    """Errors of held-out predictions, as shares of the measured times.

    ``lofo_mape``, ``loo_mape``: the mean absolute relative error, leaving out a family (an architecture) at a time;
    ``median_ape``, ``spearman``, ``ranking`` (share of equal-flops pairs ranked right; NaN without a pair): leaving out
    families. Each with its 95% bootstrap interval, clustered by architecture. ``by_family``: mean absolute and mean
    signed error of each family, held out.
    """

    lofo_mape: Estimate
    loo_mape: Estimate
    median_ape: Estimate
    spearman: Estimate
    ranking: Estimate
    by_family: dict[str, tuple[int, float, float]]

    def as_dict(self) -> dict[str, Any]:
        """Values, and intervals under ``intervals``, as JSON holds them."""
        names = ("lofo_mape", "loo_mape", "median_ape", "spearman", "ranking")
        estimates = {name: getattr(self, name) for name in names}
        clean = {name: [None if np.isnan(v) else v for v in found] for name, found in estimates.items()}
        return {
            **{name: values[0] for name, values in clean.items()},
            "intervals": {name: values[1:] for name, values in clean.items()},
            "by_family": {
                family: {"n": n, "mape": error, "bias": bias} for family, (n, error, bias) in self.by_family.items()
            },
        }


def score(fit: Callable[[pd.DataFrame], Fit], frame: pd.DataFrame) -> Score:
    """The errors of a model, refitted without each family and each architecture of a frame of ``scope``.

    Raises InvalidInput for a frame of fewer than two families or architectures.
    """
    measured = frame["seconds"].to_numpy(float)
    clusters = frame["architecture"].to_numpy(str)
    family = held_out_seconds(fit, frame, "held_out")
    architecture = held_out_seconds(fit, frame, "architecture")
    error = family / measured - 1
    pairs = competitors(frame["flops"].to_numpy(float), measured, clusters)
    groups = frame["held_out"].to_numpy(str)
    by_family = {
        str(name): (
            int((groups == name).sum()),
            float(np.abs(error[groups == name]).mean()),
            float(error[groups == name].mean()),
        )
        for name in np.unique(groups)
    }
    return Score(
        lofo_mape=estimate(mean(np.abs(error)), clusters),
        loo_mape=estimate(mean(np.abs(architecture / measured - 1)), clusters),
        median_ape=estimate(median(np.abs(error)), clusters),
        spearman=estimate(spearman(family, measured), clusters),
        ranking=estimate(ranking(family, measured, pairs), clusters),
        by_family=by_family,
    )


def evaluate(table: Table, name: str = "core") -> dict[str, Any]:
    """The scores of the predictor and of its rivals on a table's rows of a scope, as JSON holds them.

    Keys: those of ``Score.as_dict`` for the predictor, ``n``, ``architectures``, ``families`` (those held out, in order
    of name), ``scope``, and ``baselines``: the same scores by rival. Errors are shares (0.05 is 5%).
    Raises InvalidInput for a table with fewer than two families in the scope.

    >>> from complexity_theory.evidence.published import table
    >>> found = evaluate(table("v100-training"))
    >>> found["n"], found["families"]
    (36, ['EfficientNet', 'RegNetX', 'RegNetY', 'ResNeXt', 'ResNet'])
    """
    frame = scope(table.known, name)
    families = sorted(frame["held_out"].unique())
    if len(families) < 2:
        raise InvalidInput(
            f"{table.name} has {len(frame)} networks of {', '.join(families) or 'none'} of the {name} families: "
            "to hold families out takes two or more"
        )
    about = {"n": len(frame), "architectures": int(frame["architecture"].nunique()), "families": families}
    return {
        "table": table.name,
        "scope": name,
        **about,
        **score(fit_terms, frame).as_dict(),
        "baselines": {rival: {**about, **score(fit, frame).as_dict()} for rival, fit in RIVALS.items()},
    }


def predictions(table: Table, name: str = "core") -> pd.DataFrame:
    """Measured and predicted seconds per image, each network's family held out, for a figure.

    Columns: name, network, family, batch, resolution, flops, acts, seconds, predicted.
    """
    frame = scope(table.known, name)
    columns = ["name", "network", "family", "batch", "resolution", "flops", "params", "acts", "seconds"]
    return frame[columns].assign(predicted=held_out_seconds(fit_terms, frame, "held_out"))
