"""How fast features and predictions are: ``pytest tests/benchmarks/test_features.py --benchmark-only``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from complexity_theory import zoo
from complexity_theory.devices.features import network_features
from complexity_theory.devices.memory import memory
from complexity_theory.devices.prediction import seconds
from complexity_theory.devices.profile import Profile, load_profile
from complexity_theory.networks.spec import Network

VARIANTS = 100_000
CHUNK = 16_384


def _predicted(base: Network, profile: Profile, sizes: dict[str, np.ndarray]) -> np.ndarray:
    found = []
    for start in range(0, VARIANTS, CHUNK):
        part = {name: values[start : start + CHUNK] for name, values in sizes.items()}
        resolution = part.pop("resolution")
        network = replace(base.scaled(**part), resolution=resolution)
        found.append(np.broadcast_to(seconds(profile, network_features(network), 64), len(resolution)))
    return np.concatenate(found)


@pytest.mark.parametrize("name", ["EfficientNet-B0", "RegNetY-4.0GF"])
def test_a_hundred_thousand_scaled_variants(benchmark, name: str) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    sizes = {
        "depth": rng.integers(1, 4, VARIANTS),
        "width": rng.integers(1, 4, VARIANTS),
        "resolution": 32 * rng.integers(4, 15, VARIANTS),
    }
    assert (benchmark(_predicted, zoo.network(name), load_profile("rtx4090-eager-nchw"), sizes) > 0).all()


def test_one_network(benchmark) -> None:  # type: ignore[no-untyped-def]
    network = zoo.network("RegNetY-4.0GF")
    assert benchmark(network_features, network).flops == 3_973_301_344


@pytest.mark.parametrize("device", ["v100-training", "v100-inference"])
def test_the_memory_of_a_hundred_thousand_variants(benchmark, device: str) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    many = zoo.network("EfficientNet-B0").scaled(depth=rng.integers(1, 4, VARIANTS), width=rng.integers(1, 4, VARIANTS))
    many = replace(many, resolution=32 * rng.integers(4, 15, VARIANTS))
    assert benchmark(memory, many, 64, load_profile(device)).total.shape == (VARIANTS,)


@pytest.mark.parametrize("device", ["v100-training", "v100-inference"])
def test_the_memory_of_one_network(benchmark, device: str) -> None:  # type: ignore[no-untyped-def]
    assert benchmark(memory, zoo.network("RegNetY-4.0GF"), 64, load_profile(device)).total > 0
