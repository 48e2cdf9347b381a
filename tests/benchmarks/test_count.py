"""One exact count of RegNetY-4.0GF, beside other counters on the same network in the same run.

    pytest tests/benchmarks/test_count.py --benchmark-only

The table's brackets hold the ratios to the fastest. The others are given a module that is built already, on the device
where they are fastest; ours makes the tree anew in each count.
"""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from complexity_theory import zoo
from complexity_theory.graph import conventions
from complexity_theory.measurement.build import build
from complexity_theory.measurement.count import count

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its import
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

NETWORK = zoo.network("RegNetY-4.0GF")
FLOPS = 3_973_301_344
pytestmark = [
    pytest.mark.benchmark(group="one count of RegNetY-4.0GF", warmup=True),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning"),
]


def _module(device: str) -> torch.nn.Module:
    with torch.device(device):
        return build(NETWORK.tree).eval()


def _total(name: str) -> int:
    return int(conventions.convention(name).total(NETWORK.tree, NETWORK.input()).flops)


def test_by_ints(benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(NETWORK.complexity).flops == FLOPS


def test_by_a_convention(benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(_total, "fvcore") == 4_000_907_200


def test_by_our_hooks_on_a_real_module(benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(count, _module("meta"), NETWORK.input()).flops == FLOPS


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_by_flop_counter_mode(benchmark, device: str) -> None:  # type: ignore[no-untyped-def]
    module, x = _module(device), torch.zeros(1, 3, 224, 224, device=device)

    def flops() -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(x)
        return int(counter.get_total_flops())

    assert benchmark(flops) == _total("torch")


@pytest.mark.parametrize("kinds", [(FlopCountAnalysis,), (FlopCountAnalysis, ActivationCountAnalysis)])
def test_by_fvcore(benchmark, kinds: tuple[type, ...]) -> None:  # type: ignore[no-untyped-def]
    """Flops alone, and flops and acts; it traces on a real device only."""
    module, x = _module("cpu"), torch.zeros(1, 3, 224, 224)

    def counts() -> list[int]:
        analyses = [kind(module, x) for kind in kinds]
        return [a.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total() for a in analyses]

    assert benchmark(counts) == [_total("fvcore"), 12_287_200][: len(kinds)]
