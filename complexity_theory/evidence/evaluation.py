"""How well models predict networks that they were not fitted to: kin and architectures held out, few networks seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from complexity_theory.core.arrays import Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.design import most_telling
from complexity_theory.devices.prior import Belief, Prior, believe
from complexity_theory.devices.terms import TERMS
from complexity_theory.evidence.holdout import covered, held_out, held_out_pairs, ranked_right, with_kin
from complexity_theory.evidence.predictors import RIVALS, Model, amounts_of, predictor
from complexity_theory.evidence.statistics import Estimate, competitors, estimate, mean, median, share_right, spearman
from complexity_theory.evidence.table import TimeTable

CORE = ("RegNetX", "RegNetY", "RegNetZ", "EfficientNet", "ResNet", "ResNeXt")
SCOPES = ("core", "extended")
FEW = 4  # networks of which a device is to be known


def scope(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of the ``core`` families, or of all (``extended``), with ``kin``: what is held out together.

    Raises InvalidInput for another name.
    """
    if name not in SCOPES:
        raise InvalidInput(f"unknown scope {name!r}: one of {', '.join(SCOPES)}")
    if name == "core":
        frame = frame[frame["family"].isin(CORE)].reset_index(drop=True)
    return with_kin(frame)


@dataclass(frozen=True)
class Score:
    """Errors of predictions of networks that were not seen, as shares of the measured times.

    Mean absolute relative errors: ``lofo_mape``, a kin left out at a time, which other devices may tell of;
    ``new_kin_mape``, known nowhere; ``few_mape``, of all but four networks, from these (chosen by ``most_telling``);
    ``loo_mape``, an architecture left out at a time. Leaving kin out: ``median_ape``; ``bias``, the mean error with its
    sign; ``spearman``; ``ranking``, the share of equal-flops pairs ranked right by a fit that has seen the kin of
    neither (NaN without a pair); ``coverage``, the share of networks within the interval of nine of ten, which has seen
    none of their kin either. Each with its 95% bootstrap interval, clustered by architecture. ``by_kin``: n, mean
    absolute and mean signed error.
    """

    lofo_mape: Estimate
    new_kin_mape: Estimate
    few_mape: Estimate
    loo_mape: Estimate
    median_ape: Estimate
    bias: Estimate
    spearman: Estimate
    ranking: Estimate
    coverage: Estimate
    by_kin: dict[str, tuple[int, float, float]]

    def as_dict(self) -> dict[str, Any]:
        """Values, and intervals under ``intervals``, as JSON holds them."""
        estimates = {name: getattr(self, name) for name in ESTIMATES}
        clean = {name: [None if np.isnan(v) else float(v) for v in found] for name, found in estimates.items()}
        return {
            **{name: values[0] for name, values in clean.items()},
            "intervals": {name: values[1:] for name, values in clean.items()},
            "by_kin": {kin: {"n": n, "mape": error, "bias": bias} for kin, (n, error, bias) in self.by_kin.items()},
        }


ESTIMATES = tuple(field.name for field in fields(Score) if field.name != "by_kin")


def few_rows(frame: pd.DataFrame, belief: Belief, count: int = FEW) -> list[int]:
    """The rows of a frame of ``scope`` that tell most of its device under a belief."""
    kins, names = frame["kin"].to_numpy(str), frame["architecture"].to_numpy(str)
    return most_telling(amounts_of(frame, tuple(TERMS)), belief, kins, names, count)


def score(model: Model, frame: pd.DataFrame, few: Sequence[int], new_kin: Model | None = None) -> Score:
    """The errors of a model on a frame of ``scope``. ``few``: rows to know the device by; ``new_kin``: the model where
    kin is known nowhere, if that is another.

    Raises InvalidInput for a frame of fewer than two kin or architectures.
    """
    measured, clusters = frame["seconds"].to_numpy(float), frame["architecture"].to_numpy(str)
    error = held_out(model, frame, "kin") / measured - 1
    unknown = error if new_kin is None else held_out(new_kin, frame, "kin") / measured - 1
    alone = held_out(model, frame, "architecture") / measured - 1
    seen = np.isin(np.arange(len(frame)), few)
    fresh = ~np.isin(clusters, clusters[seen])
    from_few = (model(frame, seen[None])[0] / measured - 1)[fresh]
    pairs_out = held_out_pairs(model, frame, "kin")
    pairs = competitors(frame["flops"].to_numpy(float), measured, clusters)
    right = ranked_right(pairs_out, frame, "kin", pairs)
    inside = covered(pairs_out, frame, "kin")
    told = np.isfinite(inside)
    kins = frame["kin"].to_numpy(str)
    return Score(
        lofo_mape=estimate(mean(np.abs(error)), clusters),
        new_kin_mape=estimate(mean(np.abs(unknown)), clusters),
        few_mape=_estimate(mean, np.abs(from_few), clusters[fresh]),
        loo_mape=estimate(mean(np.abs(alone)), clusters),
        median_ape=estimate(median(np.abs(error)), clusters),
        bias=estimate(mean(error), clusters),
        spearman=estimate(spearman(measured * (1 + error), measured), clusters),
        ranking=estimate(share_right(right, pairs), clusters),
        coverage=_estimate(mean, inside[told], clusters[told]),
        by_kin={str(name): _errors(error[kins == name]) for name in np.unique(kins)},
    )


def _estimate(statistic: Any, values: Floats, clusters: NDArray) -> Estimate:
    return estimate(statistic(values), clusters) if len(values) else Estimate(np.nan, np.nan, np.nan)


def _errors(error: Floats) -> tuple[int, float, float]:
    return len(error), float(np.abs(error).mean()), float(error.mean())


def predictors_of(table: TimeTable, frame: pd.DataFrame, prior: Prior | None = None) -> tuple[Model, Model]:
    """The predictor of a table's device, and that which nothing has told of the kin left out.

    Other devices than the table's own tell of them: ``prior``, by default that which comes with the package.
    """
    kins = np.unique(frame["kin"].to_numpy(str))
    beliefs = [believe(table.provenance, prior, without=name) for name in kins]
    return predictor(believe(table.provenance, prior)), predictor(beliefs)


def evaluate(table: TimeTable, name: str = "core", prior: Prior | None = None) -> dict[str, Any]:
    """The scores of the predictor and of its rivals on a table's rows of a scope, as JSON holds them.

    Keys: those of ``Score.as_dict`` for the predictor, ``n``, ``architectures``, ``families`` (the kin held out, in
    order of name), ``scope``, ``few`` (the networks that ``few_mape`` has seen), and ``baselines``: the same scores by
    rival. Errors are shares (0.05 is 5%). The predictor knows kin from other devices than the table's own: ``prior``,
    by default that which comes with the package. Raises InvalidInput for a table with fewer than two kin in the scope.

    >>> from complexity_theory.evidence.published import table
    >>> found = evaluate(table("v100-training"))
    >>> found["n"], found["families"]
    (36, ['EfficientNet', 'RegNet', 'ResNet'])
    """
    frame = scope(table.known, name)
    kins = sorted(frame["kin"].unique())
    if len(kins) < 2:
        raise InvalidInput(
            f"{table.name} has {len(frame)} networks of {', '.join(kins) or 'no kin'} among the {name} families: "
            "to hold kin out takes two or more"
        )
    about = {"n": len(frame), "architectures": int(frame["architecture"].nunique()), "families": kins}
    few = few_rows(frame, believe(table.provenance, prior))
    model, new_kin = predictors_of(table, frame, prior)
    return {
        "table": table.name,
        "scope": name,
        **about,
        "few": frame["name"].iloc[few].tolist(),
        **score(model, frame, few, new_kin).as_dict(),
        "baselines": {rival: {**about, **score(rivals, frame, few).as_dict()} for rival, rivals in RIVALS.items()},
    }


def predictions(table: TimeTable, name: str = "core") -> pd.DataFrame:
    """Measured and predicted seconds per image, each network's kin held out, for a figure.

    Columns: name, network, family, batch, resolution, flops, params, acts, seconds, predicted.
    """
    frame = scope(table.known, name)
    columns = ["name", "network", "family", "batch", "resolution", "flops", "params", "acts", "seconds"]
    model, _ = predictors_of(table, frame)
    return frame[columns].assign(predicted=held_out(model, frame, "kin"))
