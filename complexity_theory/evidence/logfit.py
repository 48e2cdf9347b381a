"""Times as sums of amounts times seconds per unit: robust fits in the logarithm, to many choices of rows at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from complexity_theory.core.arrays import Bools, Floats

ERROR = 0.1  # the scale of logarithmic errors: what a row counts for, held against the prior
FLOOR = 0.02  # logarithmic errors below this count as squares: times are not measured better
ROUNDS, SETTLED = 100, 1e-4  # of steps; the change of a logarithm that ends them
DAMPING, EASED, STIFFENED = 1e-2, 0.3, 4.0  # of steps, at first; its factor after one that gains, and one that does not


class Fits(NamedTuple):
    """Logarithms of seconds per unit (fits x columns), and their covariances (fits x columns x columns)."""

    logs: Floats
    covariance: Floats

    def seconds(self, amounts: Floats) -> Floats:
        """The times (fits x rows) of amounts (rows x columns)."""
        found: Floats = np.exp(self.logs) @ amounts.T
        return found


def fit_logs(amounts: Floats, seconds: Floats, keep: Bools, mean: Floats, covariance: Floats) -> Fits:
    """The most probable seconds per unit, all positive, for each choice of rows.

    Their logarithms have a normal prior, and the absolute error |log(measured / predicted)| of each row counts in units
    of ``ERROR`` (its square below ``FLOOR``): no row pulls more than another, and errors upward and downward count
    alike, so that noise that is symmetric in the logarithm pulls neither way. Found by damped Gauss-Newton steps,
    reweighted until they settle (Levenberg and Marquardt).

    ``amounts``: rows x columns; ``seconds``: rows; ``keep``: fits x rows. ``mean``, ``covariance`` of the prior: for
    all fits, or one for each.

    >>> amounts = np.array([[1e9], [2e9], [4e9]])
    >>> found = fit_logs(amounts, 2e-12 * amounts[:, 0], np.ones((1, 3), bool), np.array([-20.0]), np.eye(1) * 25)
    >>> f"{np.exp(found.logs[0, 0]):.2e}"
    '2.00e-12'
    """
    folds, columns = len(keep), amounts.shape[1]
    mean = np.broadcast_to(mean, (folds, columns))
    precision = np.linalg.inv(np.broadcast_to(covariance, (folds, columns, columns)))
    logs = mean + _scale(amounts, seconds, keep, mean)[:, None]
    now = _State.at(logs, amounts, seconds, keep, mean, precision)
    damping = np.full(folds, DAMPING)
    diagonal = np.arange(columns)
    todo = np.arange(folds)  # each fit settles by itself, whatever others do
    for _ in range(ROUNDS):
        damped = now.curvature[todo]
        damped[:, diagonal, diagonal] *= 1 + damping[todo, None]
        step = np.linalg.solve(damped, now.slope[todo, :, None])[:, :, 0]
        tried = _State.at(logs[todo] + step, amounts, seconds, keep[todo], mean[todo], precision[todo])
        gains = tried.loss <= now.loss[todo]
        logs[todo[gains]] += step[gains]
        now.replace(todo[gains], tried, gains)
        damping[todo] *= np.where(gains, EASED, STIFFENED)
        todo = todo[np.abs(step).max(axis=1) >= SETTLED]
        if not len(todo):
            break
    return Fits(logs, np.linalg.inv(now.curvature).astype(float))


class _State(NamedTuple):
    """Of each fit: what is minimised, its slope downwards and its curvature."""

    loss: Floats
    slope: Floats
    curvature: Floats

    @classmethod
    def at(cls, logs: Floats, amounts: Floats, seconds: Floats, keep: Bools, mean: Floats, precision: Floats) -> _State:
        parts = amounts * np.exp(logs)[:, None, :]
        predicted = parts.sum(axis=2)
        shares = parts / predicted[:, :, None]
        error = np.log(seconds / predicted)
        size = np.abs(error)
        weights = keep / (ERROR * np.maximum(size, FLOOR))
        weighted = (shares * weights[:, :, None]).transpose(0, 2, 1)
        pulled = (precision @ (logs - mean)[:, :, None])[:, :, 0]
        absolute = np.where(size < FLOOR, (error**2 / FLOOR + FLOOR) / 2, size)
        loss = (keep * absolute).sum(axis=1) / ERROR + ((logs - mean) * pulled).sum(axis=1) / 2
        return cls(loss, (weighted @ error[:, :, None])[:, :, 0] - pulled, weighted @ shares + precision)

    def replace(self, places: NDArray[np.int64], other: _State, chosen: Bools) -> None:
        """Puts the chosen ones of another into these places."""
        for mine, theirs in zip(self, other, strict=True):
            mine[places] = theirs[chosen]


def _scale(amounts: Floats, seconds: Floats, keep: Bools, mean: Floats) -> Floats:
    """How far, in the logarithm, a table's times lie above those of the prior's mean: where a fit begins."""
    ratio = np.where(keep, np.log(seconds / (np.exp(mean) @ amounts.T)), np.nan)
    some = keep.any(axis=1)
    found = np.zeros(len(keep))
    found[some] = np.nanmedian(ratio[some], axis=1)
    return found
