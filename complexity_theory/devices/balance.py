"""Theory beside the evidence: which of flops and acts governs a network's time on a device, and from which s on."""

from __future__ import annotations

import math
from typing import Any

from complexity_theory.core.symbols import bandwidth, bytes_per_act, k, rate, w
from complexity_theory.devices.prediction import work_of
from complexity_theory.devices.profile import Profile
from complexity_theory.devices.terms import terms
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.exponents import derive
from complexity_theory.scaling.roofline import crossover
from complexity_theory.scaling.strategy import parse

STRATEGIES = ("w", "dwr", "dWr")
COMPUTED = ("macs", "group_macs")  # that grow as flops do
MOVED = ("conv_traffic", "pointwise_traffic", "exponentials", "uneven_groups")  # terms that grow as acts do
PER_BATCH = ("weights", "linear_weights", "launches")


def crossovers(network: Network | Traced, profile: Profile) -> dict[str, Any]:
    """The balance of a device for a network, and the scaling factors at which flops come to govern its time.

    Keys: device; ``flops_per_second`` (multiply-adds) and ``acts_per_second``, from the profile's coefficients and the
    network's own mix of work; ``balance``, the flops per act at which both take as long; ``flops_per_act`` of the
    network; ``governed_by``, the largest share of its time; and for each of w, dwr and dWr the s of the roofline's
    crossover in closed form (``scaling.roofline.crossover`` for the layer of the same flops per act; None where a
    device does not pay for flops or for acts or s is beyond all numbers, 1 or less where flops govern from the start).
    Raises InvalidInput as ``prediction.work_of`` does.

    >>> from complexity_theory.devices.profile import load_profile
    >>> from complexity_theory.zoo import network
    >>> crossovers(network("EfficientNet-B0"), load_profile("v100-training"))["governed_by"]
    'acts'
    """
    work = work_of(network)
    amounts = terms(work, profile.batch)
    computed, moved, overhead = (
        sum(float(amounts[name]) * profile.coefficients[name] for name in names)
        for names in (COMPUTED, MOVED, PER_BATCH)
    )
    flops, acts = float(work.flops), float(work.acts)
    shares = {"flops": computed, "acts": moved, "weights and launches": overhead}
    row: dict[str, Any] = {
        "device": profile.name,
        "flops_per_second": flops / computed if computed else None,
        "acts_per_second": acts / moved if moved else None,
        "balance": (flops / computed) * (moved / acts) if computed and moved else None,
        "flops_per_act": flops / acts,
        "governed_by": max(shares, key=lambda name: shares[name]),
    }
    # A 1x1 convolution of that width has the network's flops per act; rate, bandwidth: acts of one byte.
    values = {k: 1, w: flops / acts, bytes_per_act: 1}
    for strategy in STRATEGIES:
        closed = crossover(derive(parse(strategy)))
        rates = {rate: flops / computed, bandwidth: acts / moved} if computed and moved else None
        found = float(closed.subs({**values, **rates})) if closed is not None and rates else math.inf
        row[f"s, {strategy}"] = found if math.isfinite(found) else None
    return row
