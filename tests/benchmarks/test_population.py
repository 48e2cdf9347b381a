"""How fast populations are counted: ``pytest tests/benchmarks/test_population.py --benchmark-only``."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from complexity_theory import zoo
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Sequential
from complexity_theory.graph.operations import Conv2d
from complexity_theory.scaling.population import counts, polynomials

LAYERS = 20


def _stack(widths: np.ndarray | list[int], side: np.ndarray | int) -> Complexity:
    return Sequential(*(Conv2d(a, b, 3) for a, b in pairwise(widths))).complexity(Shape(widths[0], side, side))


def test_a_hundred_thousand_stacks_of_20_layers_by_arrays(benchmark) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    widths, side = rng.integers(1, 512, (LAYERS + 1, 100_000)), rng.integers(8, 64, 100_000)
    assert benchmark(_stack, widths, side).flops.shape == (100_000,)


def test_one_stack_of_20_layers_by_ints(benchmark) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(_stack, [64] * (LAYERS + 1), 56).flops == LAYERS * 9 * 64**2 * 56**2


def test_a_million_ideal_variants_of_efficientnet_b0(benchmark) -> None:  # type: ignore[no-untyped-def]
    points = np.random.default_rng(0).uniform(0.5, 4, (4, 1_000_000))
    cost = polynomials(zoo.network("EfficientNet-B0"))
    assert benchmark(cost, *points).flops.shape == (1_000_000,)


@pytest.mark.parametrize("name", ["EfficientNet-B0", "RegNetY-4.0GF"])
def test_a_hundred_thousand_realised_variants(benchmark, name: str) -> None:  # type: ignore[no-untyped-def]
    network, rng = zoo.network(name), np.random.default_rng(0)
    sizes = {}
    for knob in network.knobs:
        few = rng.integers(1, 9, 100_000)
        sizes[knob.name] = {"depth": few, "width": 8 * few, "group_width": 8 * few, "resolution": 4 * (32 + few)}[
            knob.dimension
        ]
        for part in knob.divides:
            sizes[part.knob] = sizes[part.knob] * sizes[knob.name]
    found = benchmark.pedantic(counts, (network, sizes), rounds=3)
    assert found.flops.shape == (100_000,)
