"""How long it takes to trace, count and put into closed form; beside other counters, in CPU seconds.

``OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/test_trace.py --benchmark-only``, with ``.[benchmark]`` installed.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from complexity_theory.measurement.count import count
from complexity_theory.measurement.trace import trace
from complexity_theory.measurement.trace.capture import capture
from complexity_theory.networks import files
from complexity_theory.scaling.closed_form import closed_form
from tests.modules import constructed

pytestmark = [
    pytest.mark.benchmark(timer=time.process_time),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of fvcore
]
INPUT = (3, 224, 224)
NETWORKS = ("tvm.resnet50()", "timm.create_model('efficientnet_b0')", "timm.create_model('densenet121')")


@pytest.fixture(params=NETWORKS)
def module(request: pytest.FixtureRequest) -> Any:
    """A network on the meta device."""
    return constructed(request.param).eval()


def test_capture(benchmark: Any, module: Any) -> None:
    benchmark(capture, module, INPUT)


def test_count_of_a_module(benchmark: Any, module: Any) -> None:
    benchmark(count, module, INPUT)


def test_trace(benchmark: Any, module: Any) -> None:
    benchmark(trace, module, INPUT, check=False)


def test_closed_form_with_all_checks(benchmark: Any, module: Any) -> None:
    benchmark.pedantic(lambda: closed_form(trace(module, INPUT)), rounds=5)


def test_count_from_a_file(benchmark: Any, module: Any, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    files.dump(trace(module, INPUT, check=False), path)
    network = files.load_network(path)
    benchmark(network.cost, [knob.base for knob in network.knobs])


def test_flop_counter_mode(benchmark: Any, module: Any) -> None:
    def run() -> None:
        with torch.no_grad(), FlopCounterMode(display=False):
            module(torch.empty(1, *INPUT, device="meta"))

    benchmark(run)


@pytest.fixture
def real() -> Any:
    """ResNet-50 with numbers: what the others need."""
    import torchvision

    return torchvision.models.resnet50().eval()


def test_fvcore(benchmark: Any, real: Any) -> None:
    from fvcore.nn import FlopCountAnalysis

    def run() -> None:
        analysis = FlopCountAnalysis(real, torch.zeros(1, *INPUT))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()

    benchmark.pedantic(run, rounds=5)


def test_torch_pruning(benchmark: Any, real: Any) -> None:
    """Its graph of what must be pruned together."""
    import torch_pruning

    example = torch.zeros(1, *INPUT)
    benchmark.pedantic(lambda: torch_pruning.DependencyGraph().build_dependency(real, example), rounds=5)
