"""What the outputs of group convolutions cost at each group width, on top of all else that a network does."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd

from complexity_theory.devices.features import features
from complexity_theory.devices.prior import believe
from complexity_theory.devices.terms import TERMS, terms
from complexity_theory.evidence.evaluation import scope
from complexity_theory.evidence.holdout import held_out
from complexity_theory.evidence.predictors import fit_terms, predictor
from complexity_theory.evidence.table import TimeTable
from complexity_theory.graph.operations import Conv2d
from complexity_theory.graph.walk import walk
from complexity_theory.networks.spec import Network
from complexity_theory.zoo import network

OF_GROUPS = ("group_macs", "uneven_groups")  # terms of group convolutions alone: what is to be seen


def group_terms(found: Network, batch: float) -> tuple[dict[str, float], dict[int, float]]:
    """Of a network's group convolutions: the terms of the predictor, and their outputs (elements) by group width."""
    amounts: dict[str, float] = defaultdict(float)
    outputs: dict[int, float] = defaultdict(float)
    for visit in walk(found.tree, found.input()):
        if isinstance(visit.operation, Conv2d) and visit.operation.group_width not in (None, 1):
            outputs[visit.operation.group_width] += visit.times * visit.output.shape.elements
            for name, amount in terms(features(visit.operation, visit.inputs[0].shape), batch).items():
                amounts[name] += visit.times * amount
    return amounts, outputs


def group_costs(table: TimeTable) -> pd.DataFrame:
    """What the outputs of group convolutions cost, in seconds each, of the networks with a single group width.

    The predictor is fitted to the networks without group convolutions, and what it gives for all the rest of a network
    is taken from the measured time. ``error``: what its held-out error on those networks makes of the difference.
    ``smooth``: what it gives for the group convolutions themselves, by their multiply-adds and traffic.
    """
    frame = scope(table.known, "extended")
    without = frame[frame["macs_group"] == 0]
    belief = believe(table.provenance)
    [logs] = fit_terms(without, np.ones((1, len(without)), bool), belief).logs
    per_unit = {**dict(zip(TERMS, np.exp(logs), strict=True)), **dict.fromkeys(OF_GROUPS, 0.0)}
    off = held_out(predictor(belief), without, "kin") / without["seconds"].to_numpy(float) - 1
    error = float(np.abs(off).mean())
    rows = []
    for row in frame[frame["macs_group"] > 0].to_dict("records"):
        found = replace(network(row["name"]), resolution=int(row["resolution"]))
        amounts, outputs = group_terms(found, row["batch"])
        if len(outputs) > 1:
            continue
        [(width, elements)] = outputs.items()
        smooth = sum(per_unit[name] * amounts[name] for name in TERMS)
        rest = sum(per_unit[name] * row[name] for name in TERMS) - smooth
        costs = {"cost": row["seconds"] - rest, "error": error * rest, "smooth": smooth}
        about = {"name": row["name"], "family": row["family"], "resolution": row["resolution"], "group_width": width}
        rows.append(about | {name: value / elements for name, value in costs.items()})
    return pd.DataFrame(rows).sort_values(["group_width", "name", "resolution"], ignore_index=True)
