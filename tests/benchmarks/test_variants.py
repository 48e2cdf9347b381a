"""How fast a thousand variants are predicted: ``pytest tests/benchmarks/test_variants.py --benchmark-only``."""

from __future__ import annotations

from typing import Any

import numpy as np

import complexity_theory as ct

VARIANTS = 1000
MOST = 0.08  # seconds, where 0.019 is usual


def test_a_thousand_variants(benchmark: Any) -> None:
    rng = np.random.default_rng(0)
    sizes = {f"stage{i}.width": 8 * rng.integers(2, 40, VARIANTS) for i in (3, 5)}
    many = ct.variants("EfficientNet-B0", sizes, resolution=32 * rng.integers(4, 15, VARIANTS))
    found = benchmark(ct.predict, many, "v100-training")
    assert len(found.seconds) == VARIANTS
    assert len(found.pareto().seconds) < VARIANTS
    assert benchmark.stats.stats.min < MOST
