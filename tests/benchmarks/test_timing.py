"""The timed region as it is stored, beside a bare run of torch.utils.benchmark on the same module.

    pytest tests/benchmarks/test_timing.py --benchmark-disable -s

One process holds the module; rounds of ours and of the bare timer alternate, so that drift meets both alike.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import torch
from torch.utils.benchmark import Timer

from complexity_theory.measurement import timing
from complexity_theory.measurement.build import build
from complexity_theory.measurement.devices import Cpu
from complexity_theory.measurement.jobs import Settings
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.workload import batch_of, in_order, phases
from complexity_theory.zoo import network

RULES = Protocol(min_time=0.3, max_time=0.6)


def overhead(name: str, resolution: int, *, rounds: int = 15) -> float:
    """By how much the median as stored exceeds that of the bare timer, as a share of it."""
    settings = Settings()
    module = build(network(name).tree)
    x = batch_of(network(name).input(resolution), settings, torch.device("cpu"))
    run = in_order(phases(module, x, settings))

    def bare_call() -> None:
        with torch.inference_mode():
            module(x)

    ours, bare = list[float](), list[float]()
    for _ in range(rounds):
        ours += timing.measure(run, Cpu(), RULES).samples
        bare += _bare(bare_call)
    return median(ours) / median(bare) - 1


def _bare(call: Callable[[], None]) -> list[float]:
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return timer.adaptive_autorange(0.1, min_run_time=RULES.min_time, max_run_time=RULES.max_time).times


def test_overhead_of_the_timed_region() -> None:
    for name, resolution in (("EfficientNet-B0", 96), ("ResNet-18", 96)):
        found = overhead(name, resolution)
        print(f"{name} at {resolution}: {found:+.2%} of a bare torch.utils.benchmark run")
