"""Intervals of predicted times from the errors of predictions that were held out: conformal ranks, clustered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from complexity_theory.core.arrays import Floats
from complexity_theory.devices.profile import INTERVAL


def reach(log_ratios: Floats, clusters: NDArray) -> float:
    """How far from a prediction the time of the next network lies, at most, in ``INTERVAL`` of all cases.

    A factor, 1 or more, upward as downward. ``log_ratios``: logarithms of measured over predicted times, each of a fit
    that has not seen its cluster. The next network is as likely to have any rank among these as any other (Vovk et al.
    2005); networks of a cluster err alike, so the rank is also taken with each cluster weighing the same (Dunn et al.
    2022), and the larger of the two holds.

    >>> float(round(reach(np.log([1.1, 0.9, 1.2, 1.0]), np.array(["a", "a", "b", "b"])), 2))
    1.2
    """
    size = np.abs(log_ratios)
    order = np.argsort(size)
    _, members, counts = np.unique(clusters, return_inverse=True, return_counts=True)
    level = min(1.0, INTERVAL * (len(size) + 1) / len(size))
    ranks = []
    for weights in (np.full(len(size), 1 / len(size)), 1 / (counts[members] * len(counts))):
        below = np.cumsum(weights[order])
        ranks.append(size[order][min(int(np.searchsorted(below, level - 1e-9)), len(size) - 1)])
    return float(np.exp(max(ranks)))
