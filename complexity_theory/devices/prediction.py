"""The predicted time of a network on a device."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import pair
from complexity_theory.devices.features import Features, network_features
from complexity_theory.devices.profile import MOST, Profile
from complexity_theory.devices.terms import terms
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.zoo import kin

MOST_IMAGES = 10**6  # of a batch
SHOWN = 80  # characters of a name in a message


@dataclass(frozen=True)
class Prediction:
    """Predicted seconds per image at a batch, between ``low`` and ``high`` for 9 of 10 networks.

    ``terms``: the seconds of each term. ``warnings``: in what the network is unlike those that the profile was fitted
    to.
    """

    seconds: float
    low: float
    high: float
    batch: int
    terms: dict[str, float]
    warnings: tuple[str, ...]


def work_of(network: Network | Traced) -> Features:
    """The features of a network for one image. Raises InvalidInput where one of its counts is above ``MOST``."""
    for what, count in network.complexity().as_dict().items():
        if count > MOST:
            raise InvalidInput(f"{what} of {network.name:.{SHOWN}} must be at most {MOST:g}, not {Decimal(count):.3g}")
    return network_features(network)


def checked_batch(profile: Profile, batch: int | None) -> int:
    """A batch, or the profile's median. Raises InvalidInput for one below 1 or above 10^6."""
    batch = profile.batch if batch is None else batch
    check_size("batch", batch)
    if batch > MOST_IMAGES:
        raise InvalidInput(f"batch must be at most {MOST_IMAGES:,}, not {Decimal(batch):.3g}")
    return batch


def predict(network: Network | Traced, profile: Profile, *, batch: int | None = None) -> Prediction:
    """The time of a network on a device, per image, at ``batch`` (default: the profile's median batch).

    The interval comes from the held-out errors of the profile: of other architectures where it knows the kin, of other
    kin where not. Above the batches that the profile was fitted to, the time is that at the largest of them, and a
    warning says so: an image takes about as long in larger batches, or less. Raises InvalidInput for a batch below
    them, of which the profile tells a lower bound only (the message has it), for one below 1 or above 10^6, for counts
    too large (``work_of``), and where none of what the profile takes time for stands in the network.

    >>> from complexity_theory.devices.profile import load_profile
    >>> from complexity_theory.zoo import network
    >>> found = predict(network("RegNetY-4.0GF"), load_profile("v100-inference"))
    >>> found.low < found.seconds < found.high
    True
    """
    batch = checked_batch(profile, batch)
    work = work_of(network)
    least, _, most = (round(size) for size in profile.fitted["batch"])
    parts = _parts(network, profile, work, min(max(batch, least), most))
    total = sum(parts.values())
    spread = profile.spread(network.family)
    if batch < least:
        raise InvalidInput(
            f"{profile.name} was fitted to batches of {least:,} to {most:,} and does not tell the time at batch "
            f"{batch:,}, only that an image takes at least {total * spread.low * 1e3:.3g} ms there, the lower end at "
            f"batch {least:,}: give a batch of {least:,} or more, or a profile fitted to batch {batch:,}"
        )
    return Prediction(
        total, total * spread.low, total * spread.high, batch, parts, _warnings(network, work, batch, profile)
    )


def _parts(network: Network | Traced, profile: Profile, work: Features, batch: int) -> dict[str, float]:
    """The seconds of each term. Raises InvalidInput where none takes any."""
    amounts = terms(work, batch)
    parts = {name: float(amounts[name]) * value for name, value in profile.coefficients.items()}
    if not any(parts.values()):
        raise InvalidInput(f"{profile.name} takes no time for anything that {network.name:.{SHOWN}} does")
    return parts


def seconds(profile: Profile, work: Features, batch: Any) -> Any:
    """The predicted seconds per image for features of any kind, of one network or arrays of many, as by ``predict``.

    Of a batch below those that the profile was fitted to it says nothing: that is for ``predict`` to refuse.
    """
    amounts = terms(work, np.minimum(batch, round(profile.fitted["batch"][2])))
    return sum(value * amounts[name] for name, value in profile.coefficients.items())


def _warnings(network: Network | Traced, work: Features, batch: int, profile: Profile) -> tuple[str, ...]:
    found = []
    if not profile.knows(network.family):
        who = "a network given as code" if isinstance(network, Traced) else kin(network.family)
        found.append(f"{who} is not among the kin that {profile.name} was fitted to")
    sizes = {"resolution": max(pair(network.resolution)), "flops": work.flops, "params": work.params, "acts": work.acts}
    for size, value in {"batch": batch, **sizes}.items():
        least, _, most = profile.fitted[size]
        if not least <= value <= most:
            told = "; the time is that at the largest, an upper bound unless larger batches are slower per image"
            found.append(
                f"{size} {value:,} is outside what {profile.name} was fitted to: {least:,.0f} to {most:,.0f}"
                + (told if size == "batch" else "")
            )
    return tuple(found)
