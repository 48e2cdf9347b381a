"""What training runs say: errors of scaled networks at equal flops, and which differences are more than chance."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from importlib.resources import files
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from complexity_theory.core.arrays import Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.prediction import predict
from complexity_theory.devices.profile import load_profile
from complexity_theory.evidence.known import LEVEL, RUNS, MeanInterval, interval
from complexity_theory.measurement.analysis import records
from complexity_theory.networks import files as network_files

CELL = ["network", "strategy", "factor"]
STRATEGIES = ("w", "dw", "dwr", "dWr")  # that the paper holds against each other
ALL = "all"  # networks, in a comparison over all of them
COUNTS = ["flops", "params", "acts"]
VALUES = "values"
FEWEST = 3  # pairs, of which a difference is told
PROFILE = "v100-training"  # the paper's device


def shipped() -> pd.DataFrame | None:
    """The runs of the study that comes with the package, a row each; None where it has none."""
    file = files("complexity_theory.evidence").joinpath("tables", RUNS)
    return pd.read_csv(io.StringIO(file.read_text(encoding="utf-8")), comment="#") if file.is_file() else None


def cells(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each network, strategy and factor: its counts, the mean error over ``seeds`` runs and its interval.

    ``runs``: one row per run that went well, with ``network``, ``strategy``, ``factor``, ``seed``, the counts and
    ``error`` (a share of the test images). ``low`` to ``high``: 95% by Student's t over the seeds, of training runs
    like these on this very test set, cut where a share ends; ``spread``: their standard deviation.
    """
    rows = []
    for _, group in runs.groupby(CELL, sort=False):
        errors = group["error"].to_numpy(float)
        found = interval(errors)
        first = group.iloc[0]
        about = {name: first[name] for name in (*CELL, *COUNTS, "resolution")}
        spread = float(np.std(errors, ddof=1)) if len(errors) > 1 else np.nan
        ends = {end: float(np.clip(value, 0, 1)) for end, value in _ends(found).items()}
        rows.append({**about, "seeds": len(group), "error": found.mean, **ends, "spread": spread})
    return pd.DataFrame(rows)


def summary(runs: pd.DataFrame, profile: str = PROFILE) -> pd.DataFrame:
    """The ``cells`` with ``measured``, seconds of training per image, and ``predicted``, those of a device profile.

    Measured by itself where the runs say so (``seconds_per_image``), else in the runs themselves, whatever ran beside
    them. NaN where they do not say.
    """
    device, rows = load_profile(profile), []
    for row in records(cells(runs)):
        alike = runs[(runs[CELL] == [row[name] for name in CELL]).all(axis=1)]
        told = alike.get("description", pd.Series([None])).iloc[0]
        network = network_files.read(json.loads(told)) if isinstance(told, str) else None
        predicted = np.nan if network is None else predict(network, device).seconds
        rows.append({**row, "measured": _measured(alike), "predicted": predicted})
    return pd.DataFrame(rows)


def _measured(runs: pd.DataFrame) -> float:
    """Seconds of training per image of the runs of a cell."""
    if (alone := runs["seconds_per_image"].astype(float)).notna().any():
        return float(alone.median())
    return float((1 / runs["images_per_second"].astype(float)).median())


def _ends(found: MeanInterval) -> dict[str, float]:
    return {"low": found.low, "high": found.high}


def comparisons(runs: pd.DataFrame, strategies: tuple[str, ...] = STRATEGIES) -> pd.DataFrame:
    """The differences in error of each two strategies at equal flops, paired by seed: a row per pair and network.

    And a row per pair over all networks (``network`` is "all"), paired by network and seed. ``difference``: error of
    ``first`` less that of ``second``, a share; ``low`` to ``high`` its interval and ``p`` the p-value of a paired
    t-test, both corrected for the number of rows that answer one question (the pairs over all networks; the pairs of
    each network), by Bonferroni: all intervals of a question hold at once with 95%. ``differ``: whether p is below 5%.

    Raises InvalidInput for runs of which no two strategies were trained from the same three seeds.
    """
    scaled = runs[runs["strategy"].isin(strategies)]
    found = []
    for factor, group in scaled.groupby("factor"):
        table = group.pivot_table(index=["network", "seed"], columns="strategy", values="error")
        networks = list(dict.fromkeys(group["network"]))
        wanted = [(ALL, table)] if len(networks) > 1 else []
        for network, part in [*wanted, *((name, table.loc[[name]]) for name in networks)]:
            pairs = combinations([name for name in strategies if name in part], 2)
            found += [row for a, b in pairs if (row := _pair(part, a, b, {"network": network, "factor": factor}))]
    if not found:
        raise InvalidInput(f"no two strategies were trained at equal flops from the same {FEWEST} seeds or more")
    rows = pd.DataFrame(found)
    question = rows["network"] == ALL
    return pd.concat([_corrected(rows[question]), _corrected(rows[~question])], ignore_index=True)


def _pair(table: pd.DataFrame, first: str, second: str, about: dict[str, Any]) -> dict[str, Any] | None:
    both = table[[first, second]].dropna()
    if len(both) < FEWEST:
        return None
    values = (both[first] - both[second]).to_numpy()
    return {**about, "first": first, "second": second, "pairs": len(both), VALUES: values}


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of one question, with differences, intervals and p-values corrected for their number."""
    level = 1 - (1 - LEVEL) / max(1, len(rows))
    found_rows = []
    for row in records(rows):
        values = row.pop(VALUES)
        found = interval(values, level)
        p = min(1.0, len(rows) * _p(values))
        found_rows.append({**row, "difference": found.mean, **_ends(found), "p": p, "differ": p < 1 - LEVEL})
    return pd.DataFrame(found_rows)


def _p(values: Floats) -> float:
    """Of a t-test of a mean of zero; values that are all alike differ for certain, unless they are zero."""
    if np.ptp(values) == 0:
        return float(values[0] == 0)
    return float(stats.ttest_1samp(values, 0.0).pvalue)


def words(found: pd.DataFrame) -> Iterator[str]:
    """What a table of ``comparisons`` says, a sentence for each row of its first question, and no more than it says."""
    over_all = found[found["network"] == ALL]
    for row in (over_all if len(over_all) else found).to_dict("records"):
        points, low, high = (100 * row[name] for name in ("difference", "low", "high"))
        first, second = (row["first"], row["second"]) if points > 0 else (row["second"], row["first"])
        where = "" if row["network"] == ALL else f"{row['network']}, "
        told = f"{where}x{row['factor']:g}, {row['pairs']} pairs"
        if row["differ"]:
            near, far = sorted((abs(low), abs(high)))
            yield f"{first} errs more than {second}, by {abs(points):.2f} [{near:.2f}, {far:.2f}] points ({told})."
        else:
            most = max(abs(low), abs(high))
            yield f"{first} and {second} cannot be told apart: they differ by less than {most:.2f} points ({told})."
