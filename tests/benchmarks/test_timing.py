"""The timed region as it is stored, beside a bare run of torch.utils.benchmark on the same module.

    pytest tests/benchmarks/test_timing.py -s

One process holds the module; rounds of ours and of the bare timer alternate, so that drift meets both alike.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

import torch
from torch.utils.benchmark import Timer

from complexity_theory.measurement import timing
from complexity_theory.measurement.build import build
from complexity_theory.measurement.hardware import Cpu
from complexity_theory.measurement.jobs import Settings
from complexity_theory.measurement.protocol import Protocol
from complexity_theory.measurement.workload import batch_of, in_order, phases
from complexity_theory.zoo import network

RULES = Protocol(min_time=0.1, max_time=0.2, warmup=0.2)


def overhead(name: str, resolution: int, *, rounds: int = 30) -> dict[str, float]:
    """By how much the times as stored exceed those of the bare timer, as a share: of the medians, of the fastest."""
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
    return {"median": median(ours) / median(bare) - 1, "fastest": min(ours) / min(bare) - 1}


def _bare(call: Callable[[], None]) -> list[float]:
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return timer.adaptive_autorange(0.1, min_run_time=RULES.min_time, max_run_time=RULES.max_time).times


def test_overhead_of_the_timed_region() -> None:
    for name, resolution in (("EfficientNet-B0", 96), ("ResNet-18", 96)):
        found = overhead(name, resolution)
        shown = ", ".join(f"{what} {share:+.2%}" for what, share in found.items())
        print(f"{name} at {resolution}, beside a bare run: {shown}")
