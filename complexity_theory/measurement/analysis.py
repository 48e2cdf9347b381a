"""What stored measurements say: exponents of runtime in the scaling factor, and how well runs repeat. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import METRICS
from complexity_theory.measurement.jobs import UNSCALED

# What a series of scaled networks has in common.
_SERIES = ["network", "base", "base_resolution", "batch", "dtype", "layout", "mode", "execution", "environment"]
# What is shown of a series: the rest tells apart what people would call the same.
_SHOWN = ["network", "base_resolution", "batch", "dtype", "layout", "mode", "execution", "strategy", "device_name"]
_PLACE = ["torch", "threads", "driver"]


def measured_exponents(frame: pd.DataFrame, *, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """The exponents with which runtime and counts of scaled networks grow in the factor s, a row per series.

    ``frame``: of ``frame.read``. A series is a network under a strategy at one batch, at two factors or more, the
    network itself (s = 1) among them; the exponent is the slope of log(seconds per image) over log s by least squares.
    Columns: ``network``, ``strategy``, settings, ``factors`` (a list), the exponents ``flops``, ``params``, ``acts``
    and ``runtime`` with its 95% interval ``low`` to ``high``, by bootstrap of the rounds and of the samples within
    them: it tells the noise of the measurement, not whether a power law holds. Raises InvalidInput where there is no
    series.
    """
    generator = np.random.default_rng(seed)
    networks = frame[(frame.kind == "network") & (frame.status == "ok")]
    rows = []
    shown = [name for name in (*_SHOWN, *_PLACE) if name in frame]
    for _, group in networks.groupby(_SERIES, sort=False, dropna=False):
        for strategy in group.strategy.unique():
            series = group[group.strategy.isin([UNSCALED, strategy])].sort_values("factor")
            if strategy != UNSCALED and (series.strategy == UNSCALED).any():
                measured = series[["samples", "samples_per_round"]].to_numpy().tolist()
                medians = np.array([_resampled(s, n, resamples, generator) for s, n in measured])
                per_image = medians / series.batch.to_numpy()[:, None]
                low, high = np.percentile(_slopes(series.factor, per_image), (2.5, 97.5))
                rows.append(
                    {
                        **series.iloc[-1][shown],
                        "factors": series.factor.tolist(),
                        **{m: float(_slopes(series.factor, series[[m]])[0]) for m in METRICS},
                        "runtime": float(_slopes(series.factor, series[["seconds_per_image"]])[0]),
                        "low": float(low),
                        "high": float(high),
                    }
                )
    if not rows:
        raise InvalidInput(
            "no network is measured as it is and scaled, at the same batch: see `complexity-theory measure scaling`"
        )
    return pd.DataFrame(rows)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as JSON holds them; None where there is no value.

    >>> records(pd.DataFrame({"n": [1.0, float("nan")]}))
    [{'n': 1.0}, {'n': None}]
    """
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _slopes(factors: pd.Series, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The slope of each column of log(values) over log(factors)."""
    x = np.log(factors.to_numpy())
    x = x - x.mean()
    slopes: npt.NDArray[np.float64] = x @ np.log(np.asarray(values, dtype=float)) / (x @ x)
    return slopes


def _resampled(
    samples: Sequence[float], per_round: Sequence[int], times: int, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Medians of samples drawn anew: rounds with replacement, and samples of each with replacement."""
    rounds = np.split(np.asarray(samples), np.cumsum(per_round)[:-1])

    def anew() -> float:
        drawn = (rounds[i] for i in generator.integers(len(rounds), size=len(rounds)))
        return float(np.median(np.concatenate([generator.choice(round_, len(round_)) for round_ in drawn])))

    return np.array([anew() for _ in range(times)])


def repeatability(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """How far apart the medians of the same jobs lie in several runs: a row per job that all of them measured.

    Columns: those that name the job, ``median`` (seconds per call, of the medians) and ``spread``: the largest less the
    smallest, over that median. Raises InvalidInput for fewer than two runs, and where no job is in all.
    """
    if len(frames) < 2:
        raise InvalidInput(f"repeatability needs two stores or more, not {len(frames)}")
    naming = ["network", "strategy", "factor", "resolution", "batch", "dtype", "layout", "mode", "execution"]
    naming = [name for name in naming if all(name in frame for frame in frames)]
    every = pd.concat([frame[frame.status == "ok"] for frame in frames])
    jobs = every.groupby(["job", "environment"], sort=False)
    medians = jobs["median"].agg(["median", "min", "max", "count"])
    rows = (
        jobs[naming]
        .first()
        .assign(median=medians["median"], spread=(medians["max"] - medians["min"]) / medians["median"])
    )
    rows = rows[medians["count"] == len(frames)].reset_index(drop=True)
    if rows.empty:
        raise InvalidInput("no job was measured in the same environment in all of these stores")
    return rows
