"""One exact count of a network, beside other counters on the same network in the same run.

    pytest tests/benchmarks/test_count.py --benchmark-only

The table's brackets hold the ratios to the fastest. Each is given what it needs as made already: ours the tree of
layers, the others a module, on the device where they are fastest.
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
from complexity_theory.networks.spec import Network

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its import
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

# Flops and acts as published (pycls's model zoo), and as fvcore counts flops.
PUBLISHED = {
    "RegNetY-4.0GF": (3_973_301_344, 12_287_200, 4_000_907_200),
    "EfficientNet-B0": (385_825_092, 6_748_036, 401_659_392),
}


@pytest.fixture(params=PUBLISHED)
def network(request: pytest.FixtureRequest, benchmark) -> Network:  # type: ignore[no-untyped-def]
    benchmark.group = f"one count of {request.param}"
    return zoo.network(request.param)


pytestmark = [
    pytest.mark.benchmark(warmup=True),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning"),
]


def _module(network: Network, device: str) -> torch.nn.Module:
    with torch.device(device):
        return build(network.tree).eval()


def _total(network: Network, name: str) -> int:
    return int(conventions.convention(name).total(network.tree, network.input()).flops)


def test_by_ints(network: Network, benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(network.complexity).flops == PUBLISHED[network.name][0]


def test_by_a_convention(network: Network, benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(_total, network, "fvcore") == PUBLISHED[network.name][2]


def test_by_a_trace_of_a_real_module(network: Network, benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(count, _module(network, "meta"), network.input()).flops == PUBLISHED[network.name][0]


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_by_flop_counter_mode(network: Network, benchmark, device: str) -> None:  # type: ignore[no-untyped-def]
    module, x = _module(network, device), torch.zeros(1, 3, 224, 224, device=device)

    def flops() -> int:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            module(x)
        return int(counter.get_total_flops())

    assert benchmark(flops) == _total(network, "torch")


@pytest.mark.parametrize("kinds", [(FlopCountAnalysis,), (FlopCountAnalysis, ActivationCountAnalysis)])
def test_by_fvcore(network: Network, benchmark, kinds: tuple[type, ...]) -> None:  # type: ignore[no-untyped-def]
    """Flops alone, and flops and acts; it traces on a real device only."""
    module, x = _module(network, "cpu"), torch.zeros(1, 3, 224, 224)

    def counts() -> list[int]:
        analyses = [kind(module, x) for kind in kinds]
        return [a.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total() for a in analyses]

    _, acts, flops = PUBLISHED[network.name]
    assert benchmark(counts) == [flops, acts][: len(kinds)]
