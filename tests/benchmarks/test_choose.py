"""How fast choices are: ``pytest tests/benchmarks/test_choose.py --benchmark-only``.

The same networks one by one, as ``scale`` and ``predict`` give them, stand beside: the ratio is what ladders and arrays
save.
"""

from __future__ import annotations

import pytest

from complexity_theory import zoo
from complexity_theory.choice.budgets import Budgets
from complexity_theory.choice.choose import Choice, choose
from complexity_theory.choice.free import free
from complexity_theory.choice.ladder import Ladder
from complexity_theory.choice.stages import by_stage
from complexity_theory.devices.profile import load_profile, predict
from complexity_theory.scaling.rules import rule
from complexity_theory.scaling.strategy import parse

DEVICES = ("rtx4090-compiled-nchw", "rtx3090-eager-nchw")
BUDGETS = Budgets(seconds="1ms", params="30M")


def _chosen(devices: int, name: str = "EfficientNet-B0") -> Choice:
    return choose(zoo.network(name), BUDGETS, [load_profile(device) for device in DEVICES[:devices]])


@pytest.mark.parametrize("devices", [1, 2])
def test_choose(benchmark, devices: int) -> None:  # type: ignore[no-untyped-def]
    assert benchmark.pedantic(_chosen, (devices,), rounds=3).best.complexity.params <= 30_000_000


@pytest.mark.parametrize("name", ["EfficientNet-B0", "RegNetY-4.0GF"])
def test_free(benchmark, name: str) -> None:  # type: ignore[no-untyped-def]
    choice = _chosen(1, name)
    assert benchmark.pedantic(free, (choice,), rounds=3).variants >= 100_000


def test_by_stage(benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark.pedantic(by_stage, (_chosen(1),), rounds=1).steps


def test_ladder(benchmark) -> None:  # type: ignore[no-untyped-def]
    network = zoo.network("EfficientNet-B0")
    ladder = Ladder(network, parse("dWr"), rule("pycls"), network.knobs)
    assert len(benchmark(ladder.between, 1.0, 32.0)[0]) > 500


def test_ten_networks_of_a_ladder_one_by_one(benchmark) -> None:  # type: ignore[no-untyped-def]
    network, profile = zoo.network("EfficientNet-B0"), load_profile(DEVICES[0])
    ladder = Ladder(network, parse("dWr"), rule("pycls"), network.knobs)
    _, sizes = ladder.between(1.0, 32.0)
    rows = sizes[:: len(sizes) // 10].tolist()
    assert len(benchmark.pedantic(lambda: [predict(network.resized(row), profile) for row in rows], rounds=2)) >= 10
