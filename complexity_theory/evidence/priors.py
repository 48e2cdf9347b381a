"""The prior of a new device, learned: what each table at hand says of its device, whole and without each kin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import tomli_w

from complexity_theory.core import files
from complexity_theory.core.arrays import Floats
from complexity_theory.devices.prior import (
    Few,
    KnownDevice,
    Prior,
    Setting,
    Variances,
    believe,
    guess,
    same_device,
    shipped_variances,
)
from complexity_theory.devices.profile import Spread
from complexity_theory.evidence.evaluation import SCOPES, few_rows, predictors_of, scope
from complexity_theory.evidence.holdout import held_out
from complexity_theory.evidence.intervals import reach
from complexity_theory.evidence.predictors import Model, fit_terms, predictor
from complexity_theory.evidence.table import TimeTable

TOLD = ("device", "kind", "mode", "precision", "layout", "execution", "software", "source")  # of provenance
COUNTS = (1, 2, 4, 8, 16)  # networks of which a device may be known
LEAST = 30  # networks of a table that tells of its device; of fewer, errors tell how far few networks reach
STEPS, GAIN = (4.0, 2.0), 2e-3  # of the search for variances: factors tried, and what is worth a change


def known(table: TimeTable, variances: Variances) -> KnownDevice:
    """What a table says of its device, whole and with each kin left out, before other devices are asked."""
    frame = scope(table.known, "extended")
    kins = sorted(frame["kin"].unique())
    without = ["", *(kins if len(kins) > 1 else [])]
    found = fit_terms(frame, frame["kin"].to_numpy(str) != np.array(without)[:, None], guess(variances))
    spreads = np.sqrt(np.diagonal(found.covariance, axis1=1, axis2=2))
    fits = {name: (logs, spread) for name, logs, spread in zip(without, found.logs, spreads, strict=True)}
    about = {name: table.provenance[name] for name in TOLD if name in table.provenance}
    return KnownDevice(about, len(frame), fits)


def few_errors(table: TimeTable, prior: Prior, count: int) -> tuple[Floats, list[str]]:
    """Logarithms of measured over predicted times where ``count`` networks were seen, of all other architectures.

    With each, the device and kin that it belongs to.
    """
    frame = scope(table.known, "extended")
    belief = believe(table.provenance, prior)
    seen = np.isin(np.arange(len(frame)), few_rows(frame, belief, count))
    names = frame["architecture"].to_numpy(str)
    fresh = ~np.isin(names, names[seen])
    ratio = np.log(frame["seconds"].to_numpy(float) / predictor(belief)(frame, seen[None])[0])
    return ratio[fresh], [f"{table.provenance['device']}, {kin}" for kin in frame["kin"][fresh]]


def few_spreads(tables: Sequence[TimeTable], prior: Prior) -> tuple[Few, ...]:
    """How far predictions from few networks are off, by the kind of device: each device in turn is the new one."""
    found = []
    for kind in ("gpu", "cpu"):
        chosen = [table for table in tables if Setting.of(table.provenance).kind == kind]
        for count in COUNTS:
            tested = [table for table in chosen if table.known["architecture"].nunique() > count]
            parts = [few_errors(table, prior, count) for table in tested]
            if parts:
                found.append(Few(kind, count, _spread(parts, [table.provenance["device"] for table in tested])))
    return tuple(found)


def _spread(parts: Sequence[tuple[Floats, list[str]]], devices: Sequence[str]) -> Spread:
    """The spread over all devices, and its coverage on each by the interval of the others."""
    inside = []
    for (mine, _), device in zip(parts, devices, strict=True):
        others = [part for part, name in zip(parts, devices, strict=True) if not same_device(name, device)]
        if others:
            inside.append(np.abs(mine) <= np.log(_reach(others)))
    ratios = np.exp(np.concatenate([errors for errors, _ in parts]))
    factor = _reach(parts)
    coverage = round(float(np.concatenate(inside).mean()), 4) if inside else None
    return Spread(round(float(np.abs(1 / ratios - 1).mean()), 4), round(1 / factor, 4), round(factor, 4), coverage)


def _reach(parts: Sequence[tuple[Floats, list[str]]]) -> float:
    return reach(np.concatenate([errors for errors, _ in parts]), np.concatenate([names for _, names in parts]))


def learn(tables: Iterable[TimeTable], variances: Variances | None = None) -> Prior:
    """The prior of tables. ``variances``: default, those that come with the package."""
    tables = list(tables)
    prior = _prior(tables, variances or shipped_variances())
    return prior._replace(few=few_spreads(tables, prior))


def _prior(tables: Sequence[TimeTable], variances: Variances) -> Prior:
    told = [table for table in tables if table.known["architecture"].nunique() >= LEAST]
    return Prior(tuple(known(table, variances) for table in told), variances, ())


def held_out_error(tables: Sequence[TimeTable], variances: Variances) -> float:
    """How far predictions are off where each device is the new one: a mean of logarithms of mean relative errors.

    Over all tables, their core families and all: with each kin known on other devices only (counted once), with each
    known nowhere and from four networks (a third each).
    """
    prior = _prior(tables, variances)
    found = []
    for table in tables:
        for name in SCOPES:
            frame = scope(table.known, name)
            model, new = predictors_of(table, frame, prior)
            seconds = frame["seconds"].to_numpy(float)
            off = [held_out(model, frame, "kin"), held_out(new, frame, "kin"), _from_few(model, frame, table, prior)]
            errors = [np.log(np.abs(predicted / seconds - 1).mean()) for predicted in off]
            found.append(np.average(errors, weights=(3, 1, 1)))
    return float(np.mean(found))


def _from_few(model: Model, frame: pd.DataFrame, table: TimeTable, prior: Prior) -> Floats:
    few = few_rows(frame, believe(table.provenance, prior))
    predicted: Floats = model(frame, np.isin(np.arange(len(frame)), few)[None])[0]
    return predicted


def tuned(tables: Iterable[TimeTable], variances: Variances | None = None) -> Variances:
    """The variances of the least ``held_out_error``, by steps of one at a time, first by ``STEPS[0]``, then finer."""
    tables = list(tables)
    best = variances or shipped_variances()
    least = held_out_error(tables, best)
    for step in STEPS:
        for name in Variances._fields:
            for factor in (step, 1 / step):
                tried = best._replace(**{name: float(f"{getattr(best, name) * factor:.3g}")})
                error = held_out_error(tables, tried)
                if error < least - GAIN:
                    best, least = tried, error
    return best


def write(prior: Prior, path: Path) -> None:
    """Writes a prior as a TOML file. Raises InvalidInput where it cannot be written."""
    files.write(path, tomli_w.dumps(prior.as_dict()))
