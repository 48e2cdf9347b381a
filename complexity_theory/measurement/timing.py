"""Timing by ``torch.utils.benchmark``: warm-up until stable, samples until quiet, one code path for all devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

import torch
from torch.utils.benchmark import Timer

from complexity_theory.measurement.hardware import Device
from complexity_theory.measurement.protocol import QUIET, Protocol

# The parts of a step in their order, e.g. forward, backward, optimizer.
Phases: TypeAlias = Mapping[str, Callable[[], None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The samples of one round: seconds per call by the host's clock and by the device's own, one of each per block.

    ``block``: calls per sample. ``warmup_calls`` and ``warmup_seconds`` went before and are in no sample.
    """

    samples: list[float]
    device_samples: list[float]
    block: int
    warmup_calls: int
    warmup_seconds: float


class Clock:
    """What ``torch.utils.benchmark`` reads as its timer: the host's clock, once the device has done all its work.

    ``span`` holds the device's marks around the work between the last two readings.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._last = device.record()
        self.span = (self._last, self._last)

    def __call__(self) -> float:
        """Seconds."""
        self.span = (self._last, self._device.record())
        self._device.synchronize()
        self._last = self._device.record()
        return self._device.now()


def measure(run: Callable[[], None], device: Device, protocol: Protocol, *, threads: int | None = None) -> Timing:
    """One round of ``run``: warm-up, then blocks of calls until their times are quiet or ``max_time`` is over.

    ``threads`` of torch (default: as they are). The block grows until reading the clock costs nothing beside it.

    >>> from complexity_theory.measurement.hardware import Cpu
    >>> x = torch.ones(1000)
    >>> timing = measure(lambda: x.add_(1), Cpu(), Protocol(min_time=0.01))
    >>> timing.warmup_calls > 2 and min(timing.samples) > 0
    True
    """
    clock = Clock(device)
    calls, seconds = _warm_up(run, clock, protocol.warmup)
    device_samples: list[float] = []

    def keep_device_time(block: int, _: float) -> None:
        device_samples.append(device.elapsed(*clock.span) / block)

    timer = Timer("run()", timer=clock, globals={"run": run}, num_threads=threads or torch.get_num_threads())
    measured = timer.adaptive_autorange(
        QUIET,
        min_run_time=protocol.min_time,
        max_run_time=protocol.max_time,
        callback=keep_device_time,  # type: ignore[arg-type]  # torch says that it never returns; it must
    )
    return Timing(
        samples=measured.times,
        device_samples=device_samples,
        block=measured.number_per_run,
        warmup_calls=calls,
        warmup_seconds=seconds,
    )


def _warm_up(run: Callable[[], None], clock: Clock, at_most: float) -> tuple[int, float]:
    """Calls until two in a row are no faster than the fastest before by 5%; number of calls, and seconds.

    ``at_most`` seconds after the first, in which much is done once: kernels loaded, algorithms chosen, code compiled.
    """
    begin = clock()
    run()
    first = end = clock()
    calls, in_a_row, fastest = 1, 0, end - begin
    while in_a_row < 2 and (calls < 2 or end - first < at_most):
        start = clock()
        run()
        end = clock()
        in_a_row = in_a_row + 1 if end - start > 0.95 * fastest else 0
        fastest = min(fastest, end - start)
        calls += 1
    return calls, end - begin


def shares(phases: Phases, device: Device, *, repeats: int = 5) -> dict[str, float]:
    """The share of each phase in a step, by the device's time: medians over ``repeats`` steps, made to sum to 1.

    >>> from complexity_theory.measurement.hardware import Cpu
    >>> shares({"forward": lambda: None}, Cpu())
    {'forward': 1.0}
    """
    if len(phases) == 1:
        return dict.fromkeys(phases, 1.0)
    seconds: dict[str, list[float]] = {name: [] for name in phases}
    for _ in range(repeats):
        marks = [device.record()]
        for phase in phases.values():
            phase()
            marks.append(device.record())
        device.synchronize()
        for name, start, end in zip(phases, marks[:-1], marks[1:], strict=True):
            seconds[name].append(device.elapsed(start, end))
    medians = {name: median(values) for name, values in seconds.items()}
    return {name: value / sum(medians.values()) for name, value in medians.items()}


def peak_memory(run: Callable[[], None], device: Device) -> int:
    """The peak of memory in bytes over one more call, apart from all timing."""
    device.synchronize()
    device.reset_peak()
    run()
    device.synchronize()
    return device.peak()
