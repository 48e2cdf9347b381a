"""Models of the time per image: sums of terms, each a kind of work times seconds per unit of it, none negative."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import Features
from complexity_theory.devices.terms import TERMS, terms

# Balances tried for the roofline: multiply-adds that a device does while it moves one element.
BALANCES = tuple(2.0**power for power in range(11))
FLOOR = 0.02  # relative errors below this count alike: times are not measured better
ROUNDS, SETTLED = 20, 1e-3  # of reweighting, and the change of a term's share of the time that ends it
PULL = (
    0.05  # how strongly each term is drawn to 0, in units of the time: terms that the data cannot tell apart share it
)


def roofline_column(balance: float) -> str:
    """The name of the column of ``features.rooflines`` at a balance.

    >>> roofline_column(64.0)
    'roofline_64'
    """
    return f"roofline_{balance:g}"


@dataclass(frozen=True, slots=True)
class Fit:
    """Seconds per image as a sum of columns times seconds per unit."""

    coefficients: Mapping[str, float]

    def seconds(self, amounts: Mapping[str, Any] | pd.DataFrame) -> Any:
        """The predicted seconds per image, of a row, a frame or arrays that hold the columns."""
        return sum(seconds * amounts[name] for name, seconds in self.coefficients.items())


def fit(frame: pd.DataFrame, columns: Sequence[str]) -> Fit:
    """The non-negative seconds per unit of each column that make relative errors small, robustly.

    Minimises the sum of |predicted / measured - 1| (absolute errors below ``FLOOR`` as squares), by non-negative least
    squares reweighted until it settles, with each column drawn to 0 by ``PULL`` times its share of the time. ``frame``
    has the columns and ``seconds``. Raises InvalidInput for a frame without rows.

    >>> frame = pd.DataFrame({"macs": [1e9, 2e9, 4e9], "acts": [3e6, 1e6, 2e6]})
    >>> measured = frame.assign(seconds=2e-12 * frame.macs)
    >>> [f"{value:.1e}" for value in fit(measured, ["macs"]).coefficients.values()]
    ['2.0e-12']
    """
    if frame.empty:
        raise InvalidInput("no measured network to fit to")
    relative = frame[list(columns)].to_numpy(dtype=float) / frame["seconds"].to_numpy(dtype=float)[:, None]
    scale = np.sqrt(np.mean(relative**2, axis=0))
    scale[scale == 0] = 1.0
    relative = relative / scale
    weights = np.ones(len(frame))
    shares = np.zeros(len(columns))
    for _ in range(ROUNDS):
        before = shares
        pull = PULL * np.sqrt(np.sum(weights**2)) * np.eye(len(columns))
        rows = np.vstack([relative * weights[:, None], pull])
        shares, _ = nnls(rows, np.concatenate([weights, np.zeros(len(columns))]))
        if np.abs(shares - before).max() < SETTLED:
            break
        weights = 1 / np.sqrt(np.maximum(np.abs(relative @ shares - 1), FLOOR))
    return Fit(dict(zip(columns, (float(value) for value in shares / scale), strict=True)))


def fit_roofline(frame: pd.DataFrame) -> Fit:
    """The per-layer roofline and launches, at the balance of ``BALANCES`` that fits best."""
    fits = [fit(frame, [roofline_column(balance), "launches"]) for balance in BALANCES]
    return min(fits, key=lambda found: float(np.mean(np.abs(found.seconds(frame) / frame["seconds"] - 1))))


def _linear(*columns: str) -> Callable[[pd.DataFrame], Fit]:
    return lambda frame: fit(frame, columns)


# What the predictor is held against, from flops alone on.
RIVALS: dict[str, Callable[[pd.DataFrame], Fit]] = {
    "flops": _linear("flops"),
    "params": _linear("params"),
    "acts": _linear("acts"),
    "flops + acts": _linear("flops", "acts"),
    "kinds of work": _linear(
        *("macs_1x1", "macs_kxk", "macs_group", "conv_outputs", "eager_traffic", "uneven_outputs", "launches")
    ),
    "roofline": fit_roofline,
}


def fit_terms(frame: pd.DataFrame) -> Fit:
    """The predictor, fitted to measured times: ``fit`` of the ``TERMS``."""
    return fit(frame, tuple(TERMS))


def columns_of(work: Features, batch: float, rooflines: np.ndarray) -> dict[str, float]:
    """All columns that a model may take: features, terms and rooflines (one per balance)."""
    roofs = {roofline_column(balance): float(value) for balance, value in zip(BALANCES, rooflines, strict=True)}
    return {**{name: float(value) for name, value in asdict(work).items()}, **terms(work, batch), **roofs}
