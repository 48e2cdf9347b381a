"""What a GPU's allocator holds, beside what the graph says is kept: on a machine with CUDA alone.

pytest tests/benchmarks/test_allocator.py
"""

from __future__ import annotations

import pytest
import torch

from complexity_theory import zoo
from complexity_theory.graph.memory import kept
from complexity_theory.measurement.build import build


@pytest.mark.parametrize("name", ["ResNet-50", "RegNetX-400MF", "EfficientNet-B0"])
def test_the_allocator_of_a_gpu_holds_what_is_kept(name: str) -> None:
    network = zoo.network(name)
    module = build(network.tree).cuda().train()
    x = torch.rand(16, 3, 224, 224, device="cuda")
    module(x).sum().backward()  # what libraries allocate once
    module.zero_grad(set_to_none=False)
    before = torch.cuda.memory_allocated()
    output = module(x)
    held = torch.cuda.memory_allocated() - before
    ours = kept(network.tree, network.input()).bytes(16) - x.nbytes + output.nbytes
    assert held == pytest.approx(ours, rel=0.02)
