"""What timing needs of a device: one small interface, so that CPU, CUDA and a fake one in tests take one code path."""

from __future__ import annotations

import resource
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, final

import torch

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.jobs import check_device


class Device(ABC):
    """A device that runs work, perhaps after the call returned: time is read only when all of it is done."""

    torch_device: torch.device

    @abstractmethod
    def synchronize(self) -> None:
        """Returns when all work given to the device is done."""

    @abstractmethod
    def record(self) -> Any:
        """A mark in the device's stream of work."""

    @abstractmethod
    def elapsed(self, start: Any, end: Any) -> float:
        """Seconds of the device's own time between two marks that it has passed."""

    @abstractmethod
    def reset_peak(self) -> None:
        """Starts to watch the peak of memory anew, where the device can."""

    @abstractmethod
    def peak(self) -> int:
        """Peak of memory in bytes: the allocator's since ``reset_peak`` (CUDA), or the resident set's (CPU)."""

    def now(self) -> float:
        """The host's clock, in seconds."""
        return time.perf_counter()


@final
class Cpu(Device):
    """The host itself: work is done when a call returns, and its clock is the host's.

    Its peak of memory is that of the process, torch included: each round of a job has a process of its own.
    """

    torch_device = torch.device("cpu")

    def synchronize(self) -> None:
        return

    def record(self) -> float:
        return self.now()

    def elapsed(self, start: float, end: float) -> float:
        return end - start

    def reset_peak(self) -> None:
        return

    def peak(self) -> int:
        # Linux hands ru_maxrss on to a process from the one that started it, so it is read from /proc there.
        status = Path("/proc/self/status")
        if status.exists():
            kibibytes = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:")).split()[1]
            return int(kibibytes) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@final
class Cuda(Device):
    """A CUDA device; marks are events in the current stream."""

    def __init__(self, name: str) -> None:
        _, _, index = name.partition(":")
        self.torch_device = torch.device("cuda", int(index or 0))  # torch sets no device that has no index
        torch.cuda.set_device(self.torch_device)

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def record(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def elapsed(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        milliseconds: float = start.elapsed_time(end)
        return milliseconds / 1e3

    def reset_peak(self) -> None:
        torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        return torch.cuda.max_memory_allocated()


def device(name: str = "auto") -> Device:
    """The device of a name: ``cpu``, ``cuda``, ``cuda:1``; ``auto`` is CUDA where there is one.

    Raises InvalidInput for other names and where torch has no such device.

    >>> device("cpu").torch_device
    device(type='cpu')
    """
    check_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return Cpu()
    _, _, index = name.partition(":")
    if int(index or 0) >= torch.cuda.device_count():
        raise InvalidInput(f"torch {torch.__version__} sees {torch.cuda.device_count()} CUDA devices, not {name!r}")
    return Cuda(name)
