"""What predicts runtime: how flops, params and acts go with measured times, overall, per family and at equal flops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from complexity_theory.evidence.statistics import (
    Estimate,
    competitors,
    estimate,
    pearson,
    ranked_as,
    share_right,
    spearman,
)
from complexity_theory.evidence.table import TimeTable
from complexity_theory.graph.complexity import METRICS

POOLED = "all"
FEWEST = 4  # rows of a family below which no correlation is told


def _columns(name: str, found: Estimate) -> dict[str, float | None]:
    values = {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return {key: None if np.isnan(value) else value for key, value in values.items()}


def rows_of(table: TimeTable) -> pd.DataFrame:
    """The rows that evidence is taken from: all but the ``tf_`` twins; those without features have counts too."""
    return table.frame[~table.frame.twin].reset_index(drop=True)


def correlations(table: TimeTable) -> pd.DataFrame:
    """How each metric goes with time: a row per family (and ``all``) and metric.

    Columns: family, metric (flops, params, acts), n; ``pearson_log`` (of the logarithms), ``spearman`` (of the ranks)
    and ``pearson``, each with ``_low`` and ``_high`` of its 95% bootstrap interval, clustered by architecture (None
    where it is not determined); ``pearson_rest``, Pearson's r without the architecture of the longest time,
    ``largest``: linear correlation may rest on one network. Families with fewer than 4 rows are left out.

    >>> from complexity_theory.evidence.published import table
    >>> found = correlations(table("v100-training")).set_index(["family", "metric"]).loc["all", "flops"]
    >>> f"{found.pearson_log:.2f} {found.pearson:.2f} {found.pearson_rest:.2f} {found.largest}"
    '0.92 0.75 0.90 EfficientNet-B5'
    """
    frame = rows_of(table)
    found = pooled = _of_family(POOLED, frame)
    for family, part in frame.groupby("family"):
        if len(part) < FEWEST:
            continue
        alone = len(part) == len(frame)
        found = found + ([{**row, "family": family} for row in pooled] if alone else _of_family(str(family), part))
    return pd.DataFrame(found)


def _of_family(family: str, part: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of ``correlations`` of a family."""
    found = []
    seconds, clusters = part["seconds"].to_numpy(float), part["architecture"].to_numpy(str)
    largest = clusters[seconds.argmax()]
    rest = clusters != largest
    for metric in METRICS:
        x = part[metric].to_numpy(float)
        statistics = {
            "pearson_log": pearson(np.log(x), np.log(seconds)),
            "spearman": spearman(x, seconds),
            "pearson": pearson(x, seconds),
        }
        row: dict[str, Any] = {"family": family, "metric": metric, "n": len(part)}
        for name, statistic in statistics.items():
            row |= _columns(name, estimate(statistic, clusters))
        alone = float(pearson(x[rest], seconds[rest])(np.ones((1, int(rest.sum()))))[0]) if rest.any() else np.nan
        found.append({**row, "pearson_rest": None if np.isnan(alone) else alone, "largest": largest})
    return found


def rankings(table: TimeTable) -> pd.DataFrame:
    """How often each metric ranks two networks of equal flops as their times do: a row per metric.

    Pairs: of two architectures, flops within 10% of each other, times at least 3% apart; of all rows of the table,
    those of which only the counts are known too. ``evaluation`` ranks the pairs of its scope likewise, each by a model
    that has seen the kin of neither network: one of a metric alone ranks as the metric does. Columns: metric, pairs,
    ``accuracy`` (a share; None without a pair) with its interval as in ``correlations``.
    """
    frame = rows_of(table)
    flops, seconds, clusters = (frame[name].to_numpy() for name in ("flops", "seconds", "architecture"))
    flops, seconds, clusters = flops.astype(float), seconds.astype(float), clusters.astype(str)
    pairs = competitors(flops, seconds, clusters)
    found = []
    for metric in METRICS:
        right = ranked_as(frame[metric].to_numpy(float), seconds, pairs)
        accuracy = estimate(share_right(right, pairs), clusters)
        found.append({"metric": metric, "pairs": len(pairs), **_columns("accuracy", accuracy)})
    return pd.DataFrame(found)
