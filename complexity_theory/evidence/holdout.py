"""Times predicted by models that have not seen a network: its kin, its architecture, or the kin of a pair left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from complexity_theory.core.arrays import Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.evidence.intervals import reach
from complexity_theory.evidence.predictors import Model
from complexity_theory.zoo import kin


def with_kin(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with a column ``kin``: what its families are held out with."""
    return frame.assign(kin=frame["family"].map(kin))


def groups(frame: pd.DataFrame, by: str) -> tuple[NDArray, NDArray[np.int64]]:
    """The values of a column, in order, and the place of each row's. Raises InvalidInput where all are one."""
    names, place = np.unique(frame[by].to_numpy(str), return_inverse=True)
    if len(names) < 2:
        raise InvalidInput(f"nothing to hold out: all {len(frame)} networks are of {by} {names[0]}")
    return names, place


def held_out(model: Model, frame: pd.DataFrame, by: str) -> Floats:
    """The predicted seconds of each row, from a fit to the rows that differ from it in the column ``by``.

    Raises InvalidInput where all rows are alike in it.
    """
    names, place = groups(frame, by)
    rows = np.arange(len(frame))
    found: Floats = model(frame, place != np.arange(len(names))[:, None])[place, rows]
    return found


def held_out_pairs(model: Model, frame: pd.DataFrame, by: str) -> Floats:
    """The predicted seconds of each row from fits without two groups of the column ``by`` (groups x groups x rows).

    A group paired with itself is left out alone. Raises InvalidInput where all rows are of one group.
    """
    names, place = groups(frame, by)
    first, second = np.triu_indices(len(names))
    found = model(frame, (place != first[:, None]) & (place != second[:, None]))
    square = np.empty((len(names), len(names), len(frame)))
    square[first, second] = square[second, first] = found
    return square


def ranked_right(pairs_out: Floats, frame: pd.DataFrame, by: str, pairs: NDArray[np.int64]) -> Floats:
    """Whether each pair is ranked as it was measured (1, 0; 0.5 for a tie) by the fit that has seen neither's group.

    ``pairs_out``: of ``held_out_pairs``. NaN where there was nothing to fit to. One fit ranks both, so that a model of
    one column ranks as the column does.
    """
    _, place = groups(frame, by)
    seconds = frame["seconds"].to_numpy(float)
    a, b = pairs[:, 0], pairs[:, 1]
    predicted = pairs_out[place[a], place[b], b] - pairs_out[place[a], place[b], a]
    right: Floats = 0.5 * (1 + np.sign(predicted) * np.sign(seconds[b] - seconds[a]))
    return right


def covered(pairs_out: Floats, frame: pd.DataFrame, by: str) -> Floats:
    """Whether each row lies in its interval (1 or 0), of a fit and of errors that have not seen its group.

    For each group left out, the interval comes from the errors on the other groups, each left out as well: neither the
    fit nor the interval has seen the row. NaN of fewer than three groups: without two there was nothing to fit to.
    """
    names, place = groups(frame, by)
    if len(names) < 3:
        return np.full(len(frame), np.nan)
    labels = frame[by].to_numpy(str)
    ratio = np.log(frame["seconds"].to_numpy(float) / pairs_out)
    inside = np.full(len(frame), np.nan)
    for group in range(len(names)):
        mine, others = np.flatnonzero(place == group), np.flatnonzero(place != group)
        errors = ratio[group, place[others], others]
        inside[mine] = np.abs(ratio[group, group, mine]) <= np.log(reach(errors, labels[others]))
    return inside
