"""Which way to scale a network: every strategy at one factor or flops target, by predicted time on devices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from complexity_theory.choice.costs import DeviceCost, ProfiledDevice
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.quantities import quantity
from complexity_theory.devices.prediction import Prediction
from complexity_theory.devices.profile import MOST, Profile
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced
from complexity_theory.scaling.realise import Realised, scale
from complexity_theory.scaling.strategy import NAMED

ROUNDINGS = ("pycls", "pow2-groups")
STRATEGIES = (*NAMED, "fast:0.2", "fast:0.4", "fast:0.6")  # fast:0 is dr, fast:0.8 dWr


@dataclass(frozen=True)
class Compared:
    """A strategy realised by the rule that gives the faster network, with what it costs on each device."""

    strategy: str
    scaled: Realised[Network | Traced]
    devices: dict[str, DeviceCost]

    @property
    def prediction(self) -> Prediction:
        """The time on the first device."""
        return next(iter(self.devices.values())).time

    @property
    def memory(self) -> int:
        """Bytes on the device that needs most of them."""
        return max(found.memory for found in self.devices.values())

    def as_dict(self) -> dict[str, Any]:
        """As a row: counts, the sizes reached, seconds per image and memory, on the first device and on each."""
        found, network = self.prediction, self.scaled.network
        return {
            "strategy": self.strategy,
            "rounding": self.scaled.rounding,
            "factor": self.scaled.factor,
            **self.scaled.complexity.as_dict(),
            "resolution": network.resolution,
            "seconds": found.seconds,
            "low": found.low,
            "high": found.high,
            "memory": self.memory,
            "deviation": self.scaled.deviation,
            "warnings": list(dict.fromkeys(line for each in self.devices.values() for line in each.time.warnings)),
            "devices": {name: each.as_dict() for name, each in self.devices.items()},
        }


def compare(
    network: Network | Traced,
    target_flops: float | str | None,
    profiles: Profile | Sequence[Profile],
    *,
    factor: float | None = None,
    batch: int | None = None,
    strategies: Iterable[str] = STRATEGIES,
    roundings: Iterable[str] = ROUNDINGS,
    multiple: int | None = None,
    fix: Iterable[str] = (),
) -> tuple[list[Compared], list[str]]:
    """The strategies realised at ``target_flops`` (multiply-adds) or a ``factor``, fastest on the first device first.

    With the reasons why strategies were left out. Each is realised by all ``roundings``, and the network that is faster
    (by the product of its times on the devices) is kept. ``multiple``: what sides of the input are multiples of;
    ``fix``: patterns of knobs that stay. Raises InvalidInput where no strategy reaches the target, and as ``scale`` and
    ``predict`` do for other bad input.

    >>> from complexity_theory.devices.profile import load_profile
    >>> from complexity_theory.zoo import network
    >>> found, _ = compare(network("RegNetY-4.0GF"), "8GF", load_profile("rtx4090-compiled-nchw"), strategies=["dWr"])
    >>> found[0].scaled.rounding
    'pow2-groups'
    """
    given = [profiles] if isinstance(profiles, Profile) else list(profiles)
    if isinstance(target_flops, str):
        target_flops = quantity(target_flops, "flops", "a target")
    if target_flops is not None and not 1 <= target_flops <= MOST:
        raise InvalidInput(f"a target must be from 1 to {MOST:g} flops, not {target_flops:g}")
    if not given:
        raise InvalidInput("to compare times takes a device")
    devices = [ProfiledDevice.of(profile, network, batch) for profile in given]
    how: dict[str, Any] = {"target_flops": target_flops, "factor": factor, "multiple": multiple, "fix": tuple(fix)}
    found, left_out = [], []
    rules = tuple(roundings)
    for strategy in strategies:
        realised: dict[Any, Realised[Network | Traced]] = {}
        refused = ""
        for name in rules:
            try:
                scaled = scale(network, strategy, rounding=name, **how)
                realised.setdefault(scaled.values, scaled)
            except InvalidInput as error:
                refused = refused or str(error)
        if realised:
            rivals = (
                Compared(strategy, scaled, {device.name: device.estimate(scaled.network) for device in devices})
                for scaled in realised.values()
            )
            found.append(min(rivals, key=_together))
        else:
            left_out.append(f"{strategy}: {refused}")
    if not found:
        raise InvalidInput(left_out[0].partition(": ")[2] if left_out else "there is no strategy to compare")
    return sorted(found, key=lambda each: each.prediction.seconds), left_out


def by_line(warnings: Iterable[tuple[str, str]]) -> list[str]:
    """Warnings (whose, what) with all that one holds for named together.

    >>> by_line([("w", "too large"), ("d", "too large"), ("d", "too deep")])
    ['w, d: too large', 'd: too deep']
    """
    found: dict[str, list[str]] = {}
    for whose, line in warnings:
        found.setdefault(line, []).append(whose)
    return [f"{', '.join(dict.fromkeys(names))}: {line}" for line, names in found.items()]


def _together(found: Compared) -> float:
    return math.prod(each.time.seconds for each in found.devices.values())
