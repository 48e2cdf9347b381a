"""Models of the time per image: sums of kinds of work, each times seconds per unit of it, none negative."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeAlias

import numpy as np
import pandas as pd

from complexity_theory.core.arrays import Bools, Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import Features
from complexity_theory.devices.prior import Belief
from complexity_theory.devices.terms import TERMS, terms
from complexity_theory.evidence.logfit import Fits, fit_logs

# Balances tried for the roofline: multiply-adds that a device does while it moves one element.
BALANCES = tuple(2.0**power for power in range(11))
WIDE = 9.0  # variance of the logarithm of a rival's seconds per unit, about an equal share of the time
# Of the rows of a frame, those that each fit sees (fits x rows); to the seconds of every row by each (fits x rows).
Model: TypeAlias = Callable[[pd.DataFrame, Bools], Floats]


def roofline_column(balance: float) -> str:
    """The name of the column of ``features.rooflines`` at a balance.

    >>> roofline_column(64.0)
    'roofline_64'
    """
    return f"roofline_{balance:g}"


def amounts_of(frame: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """The columns as an array, rows x columns."""
    return frame[list(columns)].to_numpy(dtype=float)


def fit_terms(frame: pd.DataFrame, keep: Bools, belief: Belief | Sequence[Belief]) -> Fits:
    """The predictor: the ``TERMS``, fitted to each choice of rows under a belief (for all, or for each of them).

    Raises InvalidInput for a frame without rows.
    """
    if frame.empty:
        raise InvalidInput("no measured network to fit to")
    if not isinstance(belief, Belief):
        belief = Belief(*(np.stack(parts) for parts in zip(*belief, strict=True)))
    seconds = frame["seconds"].to_numpy(float)
    return fit_logs(amounts_of(frame, tuple(TERMS)), seconds, keep, *belief)


def predictor(belief: Belief | Sequence[Belief]) -> Model:
    """The predictor as a model."""
    return lambda frame, keep: fit_terms(frame, keep, belief).seconds(amounts_of(frame, tuple(TERMS)))


def linear(*columns: str) -> Model:
    """A rival: a sum of columns, each of which is taken to have an equal share of the time before rows are seen."""

    def model(frame: pd.DataFrame, keep: Bools) -> Floats:
        amounts, seconds = amounts_of(frame, columns), frame["seconds"].to_numpy(float)
        found = np.full(keep.shape, np.nan)
        some = keep.any(axis=1)
        if some.any():
            found[some] = _equal_shares(amounts, seconds, keep[some])
        return found

    return model


def _equal_shares(amounts: Floats, seconds: Floats, keep: Bools) -> Floats:
    per_unit = np.divide(seconds[:, None], amounts, out=np.full(amounts.shape, np.nan), where=amounts > 0)
    paid = np.isfinite(per_unit).any(axis=0)
    amounts, per_unit = amounts[:, paid], per_unit[:, paid]
    mean = np.log(np.nanmedian(per_unit, axis=0) / amounts.shape[1])
    return fit_logs(amounts, seconds, keep, mean, WIDE * np.eye(amounts.shape[1])).seconds(amounts)


def roofline(frame: pd.DataFrame, keep: Bools) -> Floats:
    """A rival: the per-layer roofline and launches, at the balance of ``BALANCES`` that fits the kept rows best."""
    seconds = frame["seconds"].to_numpy(float)
    tried = np.stack([linear(roofline_column(balance), "launches")(frame, keep) for balance in BALANCES])
    error = np.where(keep, np.abs(np.log(tried / seconds)), 0).sum(axis=2)
    found: Floats = np.take_along_axis(tried, error.argmin(axis=0)[None, :, None], axis=0)[0]
    return found


# What the predictor is held against, from flops alone on.
RIVALS: Mapping[str, Model] = {
    "flops": linear("flops"),
    "params": linear("params"),
    "acts": linear("acts"),
    "flops + acts": linear("flops", "acts"),
    "kinds of work": linear(
        *("macs_1x1", "macs_kxk", "macs_group", "conv_outputs", "eager_traffic", "uneven_outputs", "launches")
    ),
    "roofline": roofline,
}


def columns_of(work: Features, batch: float, rooflines: np.ndarray) -> dict[str, float]:
    """All columns that a model may take: features, terms and rooflines (one per balance)."""
    roofs = {roofline_column(balance): float(value) for balance, value in zip(BALANCES, rooflines, strict=True)}
    return {**{name: float(value) for name, value in asdict(work).items()}, **terms(work, batch), **roofs}
