"""Torch modules that misbehave when they are timed."""

from __future__ import annotations

import os
import signal
import time

import psutil
import torch
from torch import Tensor, nn


class Fine(nn.Conv2d):
    """Behaves."""

    def __init__(self) -> None:
        super().__init__(3, 8, 3)


class Hanging(Fine):
    """Never returns from the third call on."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        while self.calls > 2:
            time.sleep(60)
        return super().forward(x)


class Crashing(Fine):
    """Takes its process along in the third call."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls > 2:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().forward(x)


class Greedy(Fine):
    """Takes a sixth of the memory that is free for each image, in small pieces; it never touches it."""

    def __init__(self) -> None:
        super().__init__()
        self.piece = psutil.virtual_memory().available // (6 * 64)

    def forward(self, x: Tensor) -> Tensor:
        pieces = [torch.empty(self.piece, dtype=torch.uint8) for _ in range(64 * len(x)) if x.device.type != "meta"]
        del pieces
        return super().forward(x)


class Slow(Fine):
    """Takes a while for each call."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "meta":
            time.sleep(0.2)
        return super().forward(x)


def not_a_module() -> int:
    """Something else."""
    return 3
