"""Which few networks tell most of a device: a design of experiments, before any of them is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from complexity_theory.core.arrays import Floats
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import network_features
from complexity_theory.devices.prior import Belief, believe
from complexity_theory.devices.terms import TERMS, terms
from complexity_theory.networks.spec import Network
from complexity_theory.zoo import kin

ALIKE, OWN = 0.2, 0.1  # standard deviations of the logarithmic errors of the predictor: a kin's in common, a network's
MOST_FLOPS = 5e9  # of a network that is quickly measured
SMALLEST = 96  # side of the images of networks that are like those of others


def most_telling(amounts: Floats, belief: Belief, kins: NDArray, names: NDArray, count: int) -> list[int]:
    """The rows to measure, in this order, so that the times of all rows become known best.

    ``amounts``: of the terms, rows x terms; ``kins``, ``names``: of the rows (of a name one row is chosen). Each choice
    is the row that takes most from the summed variance of the logarithms of all predicted times, given those before
    (I-optimal, greedily), where seconds per unit vary as ``belief`` says, and errors of one kin are alike.
    """
    parts = amounts * np.exp(belief.mean)
    shares = parts / parts.sum(axis=1, keepdims=True)
    joint = shares @ belief.covariance @ shares.T + ALIKE**2 * (kins[:, None] == kins) + OWN**2 * np.eye(len(amounts))
    chosen: list[int] = []
    free = np.ones(len(amounts), bool)
    while len(chosen) < count and free.any():
        told = np.where(free, (joint**2).sum(axis=0) / np.maximum(np.diag(joint), OWN**2 / 100), -1)
        best = int(told.argmax())
        chosen.append(best)
        joint = joint - np.outer(joint[best], joint[best]) / joint[best, best]
        free &= names != names[best]
    return chosen


def networks_to_measure(
    networks: Sequence[Network], count: int, about: Mapping[str, str], *, batch: int = 1
) -> list[Network]:
    """The ``count`` of ``networks`` that tell most of a device of the provenance ``about`` at a batch.

    ``about``: device, kind (cpu or gpu), mode, precision, layout, execution, as far as they are known. Networks of more
    than ``MOST_FLOPS`` are not chosen. Raises InvalidInput where fewer than ``count`` are left.

    >>> from complexity_theory.zoo import network, names
    >>> about = {"device": "a new GPU", "mode": "inference", "execution": "eager", "layout": "nchw"}
    >>> [one.name for one in networks_to_measure([network(name) for name in names("RegNetX")], 2, about, batch=64)]
    ['RegNetX-...', 'RegNetX-...']
    """
    quick = [one for one in networks if one.complexity().flops <= MOST_FLOPS]
    if len(quick) < count:
        raise InvalidInput(
            f"to choose {count} of {len(quick)} networks of at most {MOST_FLOPS:g} flops is not possible"
        )
    found = [terms(network_features(one), batch) for one in quick]
    amounts = np.array([[float(row[name]) for name in TERMS] for row in found])
    kins, labels = np.array([kin(one.family) for one in quick]), np.array([one.name for one in quick])
    return [quick[i] for i in most_telling(amounts, believe(about), kins, labels, count)]
