"""A device that runs work after the call returns, in simulated time: what is measured can be known beforehand."""

from __future__ import annotations

import torch

from complexity_theory.measurement.hardware import Device


class FakeDevice(Device):
    """Each ``launch`` takes the host 0.1 ms and the device 10 ms, in a queue; the first ``cold`` ones 50 ms.

    ``log`` holds, in order, what was done: "launch", "synchronize", "record", "now".
    """

    torch_device = torch.device("cpu")
    HOST, WARM, COLD = 0.0001, 0.010, 0.050

    def __init__(self, cold: int = 2) -> None:
        self.host = self.queue_end = self.peak_bytes = 0.0
        self.cold = cold
        self.log: list[str] = []

    def launch(self) -> None:
        """The work that is timed."""
        self.log.append("launch")
        self.host += self.HOST
        self.queue_end = max(self.queue_end, self.host) + (self.COLD if self.cold > 0 else self.WARM)
        self.cold -= 1
        self.peak_bytes = max(self.peak_bytes, 100)

    def synchronize(self) -> None:
        self.log.append("synchronize")
        self.host = max(self.host, self.queue_end)

    def record(self) -> float:
        self.log.append("record")
        return max(self.host, self.queue_end)  # when the device will pass the mark

    def elapsed(self, start: float, end: float) -> float:
        assert end <= self.host, "elapsed() of a mark that the device has not passed"
        return end - start

    def reset_peak(self) -> None:
        self.log.append("reset_peak")
        self.peak_bytes = 0

    def peak(self) -> int:
        self.log.append("peak")
        return int(self.peak_bytes)

    def now(self) -> float:
        self.log.append("now")
        self.host += 1e-7
        return self.host
