"""Device profiles from tables of measured times."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from complexity_theory.devices.profile import INTERVAL, SIZES, Profile, Spread
from complexity_theory.evidence.evaluation import held_out_seconds, scope
from complexity_theory.evidence.predictors import fit_terms
from complexity_theory.evidence.statistics import Floats
from complexity_theory.evidence.table import Table


def _rounded(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")


def _spread(frame: pd.DataFrame, by: str) -> Spread:
    ratio: Floats = frame["seconds"].to_numpy(float) / held_out_seconds(fit_terms, frame, by)
    low, high = np.quantile(ratio, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return Spread(_rounded(float(np.abs(1 / ratio - 1).mean()), 4), _rounded(float(low), 4), _rounded(float(high), 4))


def fit_profile(table: Table, name: str, *, today: date | None = None) -> Profile:
    """The profile of a table's device, from all its networks. ``today``: the date to note.

    Raises InvalidInput for a table with fewer than two architectures, of which nothing could be held out.
    """
    frame = scope(table.known, "extended")
    families = tuple(sorted(frame["family"].unique()))
    return Profile(
        name=name,
        coefficients={term: _rounded(value) for term, value in fit_terms(frame).coefficients.items()},
        n=len(frame),
        families=families,
        architecture=_spread(frame, "architecture"),
        family=_spread(frame, "held_out") if frame["held_out"].nunique() > 1 else None,
        fitted={
            size: (float(frame[size].min()), float(frame[size].median()), float(frame[size].max())) for size in SIZES
        },
        provenance={**table.provenance, "fitted": (today or date.today()).isoformat()},
    )
