"""Device profiles from tables of measured times, of many networks or of a handful."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from complexity_theory.core.arrays import Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.prior import Prior, Setting, believe, few_spread
from complexity_theory.devices.profile import SIZES, Profile, Spread
from complexity_theory.devices.terms import TERMS
from complexity_theory.evidence.evaluation import scope
from complexity_theory.evidence.holdout import covered, held_out, held_out_pairs
from complexity_theory.evidence.intervals import reach
from complexity_theory.evidence.predictors import Model, fit_terms, predictor
from complexity_theory.evidence.table import TimeTable

RANKED = 20  # architectures of which the ranks of errors tell an interval of 9 of 10 at both ends


def _rounded(value: float, digits: int = 4) -> float:
    return float(f"{value:.{digits}g}")


def spread_of(ratios: Floats, factor: float, coverage: float | None = None) -> Spread:
    """The spread of measured over predicted times whose intervals reach a factor up and down."""
    error = float(np.abs(1 / ratios - 1).mean())
    known = None if coverage is None else _rounded(coverage)
    return Spread(_rounded(error), _rounded(1 / factor), _rounded(factor), known)


def known_kin(model: Model, frame: pd.DataFrame) -> Spread:
    """The spread for networks whose kin the model has seen, each architecture held out."""
    names = frame["architecture"].to_numpy(str)
    ratios = frame["seconds"].to_numpy(float) / held_out(model, frame, "architecture")
    logs = np.log(ratios)
    inside = [
        np.abs(logs[names == name]) <= np.log(reach(logs[names != name], names[names != name]))
        for name in np.unique(names)
    ]
    return spread_of(ratios, reach(logs, names), float(np.concatenate(inside).mean()))


def new_kin(model: Model, frame: pd.DataFrame) -> Spread:
    """The spread for networks of kin that the model has not seen, each kin held out."""
    ratios = frame["seconds"].to_numpy(float) / held_out(model, frame, "kin")
    inside = covered(held_out_pairs(model, frame, "kin"), frame, "kin")
    coverage = None if np.isnan(inside).all() else float(inside.mean())
    return spread_of(ratios, reach(np.log(ratios), frame["kin"].to_numpy(str)), coverage)


def fit_profile(table: TimeTable, name: str, *, today: date | None = None, prior: Prior | None = None) -> Profile:
    """The profile of a table's device, from all its networks and what other devices tell. ``today``: the date to note.

    ``prior``: what tells of other devices, by default that which comes with the package. Fewer than ``RANKED``
    architectures hardly tell an interval: it is then at least that of as few networks on the devices of the prior.
    Raises InvalidInput for a table without networks that are known.
    """
    frame = scope(table.known, "extended")
    if frame.empty:
        raise InvalidInput(f"{table.name} has no network whose layers are known")
    belief = believe(table.provenance, prior)
    [logs] = fit_terms(frame, np.ones((1, len(frame)), bool), belief).logs
    model = predictor(belief)
    architectures, kins = frame["architecture"].nunique(), frame["kin"].nunique()
    architecture = known_kin(model, frame) if architectures > 1 else None
    kin = new_kin(model, frame) if kins > 1 else None
    if architecture is None or architectures < RANKED:
        few = few_spread(prior, Setting.of(table.provenance).kind, architectures)
        architecture, kin = (max((few, own or few), key=lambda spread: spread.high) for own in (architecture, kin))
    return Profile(
        name=name,
        coefficients={term: _rounded(value, 6) for term, value in zip(TERMS, np.exp(logs), strict=True)},
        n=len(frame),
        families=tuple(sorted(frame["family"].unique())),
        architecture=architecture,
        kin=kin,
        fitted={
            size: (float(frame[size].min()), float(frame[size].median()), float(frame[size].max())) for size in SIZES
        },
        provenance={**table.provenance, "fitted": (today or date.today()).isoformat()},
    )
