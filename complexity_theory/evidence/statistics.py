"""Correlations, ranking accuracy and bootstrap intervals; rows of one architecture are drawn together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from complexity_theory.core.arrays import Floats

# A statistic of weighted rows: from the weights (draws x rows) to its values (draws).
Statistic: TypeAlias = Callable[[Floats], Floats]

DRAWS = 1000
FEWEST_DRAWS = 100
MOST_DRAWN = 10_000_000  # rows in all draws, and pairs
MOST_PAIRS = 200_000
SEED = 0
LEVEL = 0.95  # of the intervals of statistics
SAME_FLOPS = 0.10  # networks whose flops differ by no more compete
DISTINCT_TIME = 0.03  # times that differ by less rank neither way


class Estimate(NamedTuple):
    """A value with its interval; NaN where the rows do not determine it."""

    value: float
    low: float
    high: float


def estimate(statistic: Statistic, clusters: NDArray) -> Estimate:
    """A statistic of all rows, with its bootstrap interval (``LEVEL``, percentiles of ``DRAWS`` draws of clusters).

    ``clusters``: the cluster of each row; rows of one cluster are drawn together, as they are not independent.
    The draws are the same on every call; of very many rows they are fewer.
    """
    _, members = np.unique(clusters, return_inverse=True)
    value = float(statistic(np.ones((1, len(members))))[0])
    draws = np.concatenate([statistic(drawn[:, members].astype(float)) for drawn in _drawn(members)])
    draws = draws[np.isfinite(draws)]
    if not len(draws):
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _drawn(members: NDArray) -> Iterator[NDArray[np.int64]]:
    """How often each cluster is drawn, in blocks of draws that fit into memory with the rows of the clusters."""
    count, rows = int(members.max()) + 1, len(members)
    draws = min(DRAWS, max(FEWEST_DRAWS, MOST_DRAWN // rows))
    generator = np.random.default_rng(SEED)
    if rows <= MOST_DRAWN // DRAWS:
        yield generator.multinomial(count, np.full(count, 1 / count), size=draws)
        return
    for begin in range(0, draws, FEWEST_DRAWS // 10):
        block = range(begin, min(draws, begin + FEWEST_DRAWS // 10))
        yield np.stack([np.bincount(generator.integers(count, size=count), minlength=count) for _ in block])


def _divide(a: Floats, b: Floats) -> Floats:
    quotient: Floats = np.divide(a, b, out=np.full(np.broadcast(a, b).shape, np.nan), where=b > 0)
    return quotient


def _correlation(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weighted Pearson correlations along rows; x and y are (rows) or (draws x rows)."""
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    spread = (weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1)
    # Spreads at the level of rounding are constants.
    return _divide((weights * x * y).sum(axis=1), np.sqrt(np.where(spread > 1e-24, spread, 0)))


def pearson(x: Floats, y: Floats) -> Statistic:
    """Pearson's correlation.

    >>> float(pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6]))(np.ones((1, 3)))[0])
    1.0
    """
    x, y = x / x.std() if x.std() else x, y / y.std() if y.std() else y
    return lambda weights: _correlation(x, y, weights)


def _ranks(x: Floats) -> Statistic:
    """Mean ranks of each row in samples that hold it ``weights`` times (ties share their mean rank): draws x rows."""
    values, group = np.unique(x, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(values)))

    def ranks(weights: Floats) -> Floats:
        equal = np.add.reduceat(weights[:, order], starts, axis=1)
        found: Floats = np.cumsum(equal, axis=1) - equal + 0.5 * (equal + 1)
        return found[:, group]

    return ranks


def spearman(x: Floats, y: Floats) -> Statistic:
    """Spearman's rank correlation.

    >>> float(spearman(np.array([1.0, 2, 3]), np.array([2.0, 4, 99]))(np.ones((1, 3)))[0])
    1.0
    """
    of_x, of_y = _ranks(x), _ranks(y)
    return lambda weights: _correlation(of_x(weights), of_y(weights), weights)


def mean(x: Floats) -> Statistic:
    """The mean."""
    return lambda weights: _divide(weights @ x, weights.sum(axis=1))


def median(x: Floats) -> Statistic:
    """The median (the lower one where a draw has two)."""
    order = np.argsort(x)

    def statistic(weights: Floats) -> Floats:
        below = np.cumsum(weights[:, order], axis=1)
        middle: Floats = x[order][np.argmax(below >= below[:, -1:] / 2, axis=1)]
        return middle

    return statistic


def competitors(flops: Floats, seconds: Floats, clusters: NDArray) -> NDArray[np.int64]:
    """The pairs of rows (pairs x 2) of two architectures within 10% of each other's flops and 3% or more apart in time.

    Where very many rows have about the same flops, a sample of these pairs, the same on every call.

    >>> competitors(np.array([1.0, 1.05, 2.0]), np.array([1.0, 2.0, 3.0]), np.array(["a", "b", "c"])).tolist()
    [[0, 1]]
    """
    order = np.argsort(flops, kind="stable")
    ends = np.searchsorted(flops[order], (1 + SAME_FLOPS) * flops[order], side="right")
    others = np.maximum(ends - np.arange(len(flops)) - 1, 0)  # those of more flops, but not much more
    before = np.cumsum(others) - others
    count = int(others.sum())
    few = count <= MOST_PAIRS
    chosen = np.arange(count) if few else np.unique(np.random.default_rng(SEED).integers(count, size=MOST_PAIRS))
    low = np.searchsorted(before + others, chosen, side="right")
    ends_of = order[np.stack([low, low + 1 + chosen - before[low]])]
    first, second = np.sort(ends_of, axis=0)
    lexical = np.lexsort((second, first))
    first, second = first[lexical], second[lexical]
    apart = np.maximum(seconds[first], seconds[second]) >= (1 + DISTINCT_TIME) * np.minimum(
        seconds[first], seconds[second]
    )
    keep = apart & (clusters[first] != clusters[second])
    return np.stack([first[keep], second[keep]], axis=1)


def ranked_as(metric: Floats, seconds: Floats, pairs: NDArray[np.int64]) -> Floats:
    """Whether a metric ranks each pair as their times do: 1 or 0, a tie of the metric 0.5.

    >>> pairs = np.array([[0, 1], [1, 2]])
    >>> ranked_as(np.array([1.0, 2, 2]), np.array([1.0, 2, 3]), pairs).tolist()
    [1.0, 0.5]
    """
    a, b = pairs[:, 0], pairs[:, 1]
    right: Floats = 0.5 * (1 + np.sign(metric[b] - metric[a]) * np.sign(seconds[b] - seconds[a]))
    return right


def share_right(right: Floats, pairs: NDArray[np.int64]) -> Statistic:
    """The share of pairs that are ranked right, as ``ranked_as`` says; those of NaN count for nothing.

    >>> pairs = np.array([[0, 1], [1, 2]])
    >>> float(share_right(np.array([1.0, 0.5]), pairs)(np.ones((1, 3)))[0])
    0.75
    """
    told = np.isfinite(right)
    (a, b), right = pairs[told].T, right[told]

    def statistic(weights: Floats) -> Floats:
        drawn = weights[:, a] * weights[:, b]
        return _divide(drawn @ right, drawn.sum(axis=1))

    return statistic
