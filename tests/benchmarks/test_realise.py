"""How long scaling takes."""

from __future__ import annotations

import pytest

from complexity_theory import zoo
from complexity_theory.scaling.realise import scale


@pytest.mark.parametrize("name", ["RegNetY-4.0GF", "EfficientNet-B0", "ResNet-50"])
def test_scale_by_a_factor(benchmark, name):
    network = zoo.network(name)
    assert benchmark(lambda: scale(network, "dWr", factor=4).complexity.flops) > 0


@pytest.mark.parametrize("strategy", ["w", "dWr"])
@pytest.mark.parametrize("name", ["RegNetY-4.0GF", "EfficientNet-B0", "ResNet-50"])
def test_scale_to_a_target(benchmark, name, strategy):
    network = zoo.network(name)
    target = 4 * network.complexity().flops
    assert abs(benchmark(lambda: scale(network, strategy, target_flops=target)).deviation) < 0.03
