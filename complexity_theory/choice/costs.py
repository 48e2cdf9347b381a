"""What networks cost: counts, and on devices time and memory; of many sizes of one network at once, on arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from complexity_theory.choice.budgets import Budgets
from complexity_theory.core.arrays import Floats, Ints
from complexity_theory.core.checks import check_size
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import network_features
from complexity_theory.devices.memory import memory
from complexity_theory.devices.prediction import MOST_IMAGES, Prediction, predict, seconds
from complexity_theory.devices.profile import Profile
from complexity_theory.graph.complexity import METRICS, Complexity
from complexity_theory.networks.knobs import Knob
from complexity_theory.networks.spec import Network
from complexity_theory.networks.traced import Traced

LARGEST_STRIDE = 7  # power of two, of the steps of sides tried
CHUNK = 8_192  # variants at a time: the working arrays stay bounded


@dataclass(frozen=True, slots=True)
class ProfiledDevice:
    """A profile at a batch, and the factor from the predicted time to the time that a budget holds for."""

    profile: Profile
    batch: int
    sure: float = 1.0

    @property
    def name(self) -> str:
        """The profile's."""
        return self.profile.name

    @classmethod
    def of(
        cls, profile: Profile, network: Network | Traced, batch: int | None = None, sure: bool = False
    ) -> ProfiledDevice:
        """A device at a ``batch`` (default: the profile's median); ``sure``: budgets hold for the interval's upper end.

        Raises InvalidInput for a batch below 1 or above 10^6, and for a profile that takes no time for the network.
        """
        batch = profile.batch if batch is None else batch
        check_size("batch", batch)
        if batch > MOST_IMAGES:
            raise InvalidInput(f"batch must be at most {MOST_IMAGES:,}, not {batch:.3g}")
        found = predict(network, profile, batch=batch)
        return cls(profile, batch, found.high / found.seconds if sure else 1.0)

    def estimate(self, network: Network | Traced) -> DeviceCost:
        """The time and memory of one network, with the interval."""
        return DeviceCost(
            predict(network, self.profile, batch=self.batch), int(memory(network, self.batch, self.profile).total)
        )


@dataclass(frozen=True, slots=True)
class DeviceCost:
    """A network on a device: predicted seconds per image with the interval, and bytes at the batch."""

    time: Prediction
    memory: int

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        found = self.time
        return {
            "seconds": found.seconds,
            "low": found.low,
            "high": found.high,
            "memory": self.memory,
            "batch": found.batch,
            "warnings": list(found.warnings),
        }


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of many networks, an array each: counts, and by the name of the device seconds per image and bytes."""

    counts: Complexity
    seconds: dict[str, Floats]
    memory: dict[str, Floats]

    def of(self, name: str, device: str | None) -> NDArray[Any]:
        """The cost that a bound is about (``Budgets.bounds``)."""
        if device is None:
            found: NDArray[Any] = getattr(self.counts, name)
            return found
        return self.seconds[device] if name == "seconds" else self.memory[device]


def stacked(sizes: Ints) -> list[Ints]:
    """Sizes (variants x knobs) as networks take them: an array for each knob."""
    return list(np.ascontiguousarray(sizes.T))


def counts(network: Network | Traced, sizes: Ints) -> Complexity:
    """The exact counts of a network with many sizes (variants x knobs): int64 arrays."""
    out = np.empty((len(METRICS), len(sizes)), dtype=np.int64)
    for chunk in _chunks(len(sizes)):
        for row, metric in zip(out, network.cost(stacked(sizes[chunk])).as_dict().values(), strict=True):
            row[chunk] = metric
    return Complexity(*out)


def costs(network: Network | Traced, sizes: Ints, devices: Sequence[ProfiledDevice], *, with_memory: bool) -> Costs:
    """The counts, the times that budgets hold for, and the memory where it is asked for, of many sizes."""
    found = Costs(
        Complexity(*np.empty((3, len(sizes)), dtype=np.int64)),
        {device.name: np.empty(len(sizes)) for device in devices},
        {device.name: np.empty(len(sizes)) for device in devices} if with_memory else {},
    )
    for chosen, variants in populations(network, sizes):
        work = network_features(variants)
        for metric in METRICS:
            getattr(found.counts, metric)[chosen] = getattr(work, metric)
        for device in devices:
            found.seconds[device.name][chosen] = seconds(device.profile, work, device.batch) * device.sure
            if with_memory:
                found.memory[device.name][chosen] = memory(variants, device.batch, device.profile).total
    return found


def populations(network: Network | Traced, sizes: Ints) -> Iterator[tuple[Any, Network | Traced]]:
    """The variants as networks of arrays, those of one structure together: which they are, and the network."""
    for chunk in _chunks(len(sizes)):
        for alike in network.alike(stacked(sizes[chunk]), chunk.stop - chunk.start):
            chosen = np.arange(chunk.start, chunk.stop)[alike]
            yield chosen, network.resized(stacked(sizes[chosen]))


def _chunks(size: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, size)) for start in range(0, size, CHUNK))


def shares(found: Costs, budgets: Budgets, devices: Sequence[ProfiledDevice]) -> Floats:
    """What part of each bound the networks take: bounds x variants; they fit where none is above 1."""
    bounds = budgets.bounds(tuple(device.name for device in devices))
    return np.array([found.of(name, device) / bound for name, device, bound in bounds])


def buildable(network: Network | Traced, knobs: Sequence[Knob], sizes: Ints) -> NDArray[np.bool_]:
    """Which sizes a network can be built with: group widths divide, and its operations take the input."""
    fits: NDArray[np.bool_] = np.array(np.broadcast_to(network.fits(stacked(sizes)), len(sizes)))
    sides = [i for i, knob in enumerate(knobs) if knob.dimension == "resolution"]
    distinct, which = np.unique(sizes[:, sides], axis=0, return_inverse=True)
    fits &= _takes(network, knobs, sides, distinct)[which.reshape(-1)]
    return fits


def _takes(network: Network | Traced, knobs: Sequence[Knob], sides: Sequence[int], inputs: Ints) -> NDArray[np.bool_]:
    """Which of many inputs it takes: not too small for its strides, and such that what it joins has one shape."""
    values: list[Any] = [knob.base for knob in knobs]
    for place, side in zip(sides, inputs.T, strict=True):
        values[place] = np.ascontiguousarray(side)
    try:
        network.cost(values)
    except InvalidInput:
        half = len(inputs) // 2
        if not half:
            return np.zeros(1, dtype=bool)
        return np.concatenate([_takes(network, knobs, sides, part) for part in (inputs[:half], inputs[half:])])
    return np.ones(len(inputs), dtype=bool)


def on_sides(network: Network | Traced, knobs: Sequence[Knob], sizes: Ints) -> Ints:
    """The sizes with sides of the input near by which the network takes, where it takes multiples of a size alone.

    A network that joins feature maps of several strides takes multiples of the largest of them: the least power of two
    that its own input can be made larger by.
    """
    sides = [i for i, knob in enumerate(knobs) if knob.dimension == "resolution"]
    steps = [2**power for power in range(LARGEST_STRIDE + 1)]
    inputs = np.array([[knobs[i].base + step for i in sides] for step in steps], dtype=np.int64)
    if not sides or _takes(network, knobs, sides, inputs[:1])[0]:
        return sizes
    taken = np.flatnonzero(_takes(network, knobs, sides, inputs))
    step = steps[int(taken[0])] if len(taken) else 1
    found = sizes.copy()
    found[:, sides] = np.maximum(1, np.rint(sizes[:, sides] / step).astype(np.int64)) * step
    return found
