"""Populations: ideal variants by polynomials, realised ones by the tree; both as one network at a time."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.graph.complexity import METRICS, Complexity, Shape
from complexity_theory.graph.compose import Sequential
from complexity_theory.graph.operations import Conv2d
from complexity_theory.networks import Network
from complexity_theory.scaling import population
from complexity_theory.scaling.closed_form import closed_form
from complexity_theory.scaling.population import polynomials, realised

NETWORKS = ["EfficientNet-B0", "RegNetY-4.0GF", "RegNetZ-500MF", "ResNet-50", "ResNet-18", "MobileNetV2"]


@pytest.mark.parametrize("name", NETWORKS)
def test_ideal_variants_equal_the_closed_form(name: str) -> None:
    network = zoo.network(name)
    points = np.random.default_rng(0).uniform(0.5, 4, (4, 5))
    found = polynomials(network)(*points)
    form = closed_form(network)
    for i, (depth, width, group, resolution) in enumerate(points.T):
        at = {d: depth, w: width, g: group, n: resolution * network.resolution / 32}
        for metric in METRICS:
            assert getattr(found, metric)[i] == pytest.approx(float(getattr(form, metric).subs(at)), rel=1e-12)


def test_ideal_variants_keep_the_shape_of_their_multipliers() -> None:
    cost = polynomials(zoo.network("EfficientNet-B0"))
    assert cost().flops.shape == ()
    assert cost().flops == 385_825_092
    grid = cost(depth=np.ones((2, 1)), width=[1, 2, 3])
    assert grid.params.shape == grid.flops.shape == (2, 3)
    assert cost(width=[1, 2, 3]).params.tolist() == grid.params[1].tolist()


def test_chunks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(1).uniform(0.5, 4, (4, 1000))
    cost = polynomials(zoo.network("RegNetY-4.0GF"))
    whole = cost(*points)
    monkeypatch.setattr(population, "IDEAL_CHUNK", 7)
    assert _rows(cost(*points)) == pytest.approx(_rows(whole), rel=1e-14)


def _rows(cost: Complexity) -> np.ndarray:
    return np.stack([getattr(cost, metric) for metric in METRICS])


def test_the_memory_of_ideal_variants_is_bounded() -> None:
    cost = polynomials(zoo.network("RegNetY-4.0GF"))
    depth = np.ones(400_000)
    cost(depth[:10])
    tracemalloc.start()
    cost(depth)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 3 * depth.nbytes


@pytest.mark.parametrize("wrong", [0, -1, np.nan, np.inf])
def test_ideal_variants_refuse_multipliers_that_are_not_positive_and_finite(wrong: float) -> None:
    with pytest.raises(InvalidInput, match="positive and finite: width has others"):
        polynomials(zoo.network("EfficientNet-B0"))(width=[1, wrong])


def test_ideal_variants_refuse_what_no_float_holds() -> None:
    cost = polynomials(zoo.network("RegNetY-4.0GF"))
    for wrong in ({"width": [1, 1e200]}, {"depth": 1e160, "resolution": 1e80}):
        with pytest.raises(InvalidInput, match="costs that no float holds"):
            cost(**wrong)


def _sizes(network: Network, variants: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng, stages = np.random.default_rng(seed), len(network.stages)
    group_widths = 4 * rng.integers(1, 5, (variants, stages))
    sizes = {
        "depths": rng.integers(1, 9, (variants, stages)),
        "widths": 8 * group_widths * rng.integers(1, 6, (variants, stages)),
        "resolution": rng.integers(32, 300, variants),
    }
    if network.stages[0].group_width is not None:
        sizes["group_widths"] = group_widths
    if network.stages[0].shortcut != "identity":
        sizes["stem_width"] = 8 * rng.integers(1, 9, variants)
    if network.head_width is not None:
        sizes["head_width"] = rng.integers(1, 2000, variants)
    return sizes


def _one(network: Network, sizes: dict[str, np.ndarray], i: int) -> Complexity:
    """The cost of one variant by ints."""
    stages = [
        replace(
            stage,
            depth=int(sizes["depths"][i, j]),
            width=int(sizes["widths"][i, j]),
            group_width=int(sizes["group_widths"][i, j]) if "group_widths" in sizes else stage.group_width,
        )
        for j, stage in enumerate(network.stages)
    ]
    ends = {name: int(sizes[name][i]) for name in ("stem_width", "head_width", "resolution") if name in sizes}
    return replace(network, stages=tuple(stages), **ends).complexity()


@pytest.mark.parametrize("chunk", [3, 1000])
@pytest.mark.parametrize("name", NETWORKS)
def test_realised_variants_equal_one_network_at_a_time(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = zoo.network(name)
    if network.stages[0].shortcut == "identity":
        network = replace(network, stages=network.stages[1:], stem_width=network.stages[0].width)
    sizes = _sizes(network, 10)
    monkeypatch.setattr(population, "REALISED_CHUNK", chunk)
    found = realised(network, **sizes)
    assert all(getattr(found, metric).dtype == np.int64 for metric in METRICS)
    for i in range(10):
        assert tuple(row[i] for row in _rows(found)) == tuple(_one(network, sizes, i).as_dict().values())


def test_the_comparison_with_one_network_at_a_time_can_fail() -> None:
    network = zoo.network("RegNetY-4.0GF")
    sizes = _sizes(network, 2)
    found = realised(network, **sizes)
    assert tuple(row[0] for row in _rows(found)) != tuple(_one(network, sizes, 1).as_dict().values())


def test_what_is_left_out_is_the_networks_own() -> None:
    network = zoo.network("RegNetY-4.0GF")
    own = network.complexity()
    assert _rows(realised(network)).tolist() == [[count] for count in own.as_dict().values()]
    assert realised(network, resolution=[224, 224]).params.tolist() == [own.params] * 2
    assert realised(network, depths=network.depths, resolution=np.array([224, 224])).flops.tolist() == [own.flops] * 2


@settings(max_examples=30)
@given(st.integers(1, 31), st.integers(1, 31))
def test_counts_are_exact_or_refused(power: int, depth_power: int) -> None:
    """Whatever the sizes: the counts of Python's unbounded ints, or an error, and never a wrapped number."""
    network = zoo.network("ResNet-18")
    widths, depths = [2**power] * 4, [2**depth_power, 1, 1, 1]
    exact = replace(
        network,
        stages=tuple(replace(s, width=a, depth=b) for s, a, b in zip(network.stages, widths, depths, strict=True)),
        stem_width=2**power,
    ).complexity()
    if max(exact.as_dict().values()) < 2**63:
        found = realised(network, widths=[widths], depths=[depths], stem_width=2**power)
        assert found.as_dict() == {metric: [count] for metric, count in exact.as_dict().items()}
    else:
        with pytest.raises(InvalidInput, match="count by ints"):
            realised(network, widths=[widths], depths=[depths], stem_width=2**power)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"depths": np.ones((3, 4), np.int32)}, "depths must be int64 of shape variants x 4, not int32"),
        ({"depths": np.ones((3, 4))}, "not float64"),
        ({"widths": [[8, 8, 8]]}, r"widths must be int64 of shape variants x 4, not int64 of shape \(1, 3\)"),
        ({"widths": np.ones((0, 4), np.int64)}, r"of shape \(0, 4\)"),
        ({"resolution": [[224]]}, "resolution must be int64 of shape variants,"),
        ({"depths": [[0, 1, 1, 1]]}, "depth must be at least 1"),
        ({"widths": [[100] * 4]}, "group_width 64 does not divide"),
        ({"depths": [[1] * 4] * 2, "resolution": [224] * 3}, "different numbers of variants: 2, 3"),
        ({"head_width": 1280}, "no convolution in its head"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        realised(zoo.network("RegNetY-4.0GF"), **sizes)


def test_group_widths_need_group_convolutions() -> None:
    with pytest.raises(InvalidInput, match="ResNet-50 has stages without group convolutions"):
        realised(zoo.network("ResNet-50"), group_widths=[[8] * 4])


def test_stacks_of_layers_are_counted_by_arrays() -> None:
    rng = np.random.default_rng(2)
    widths, side = rng.integers(1, 512, (21, 100)), rng.integers(8, 64, 100)
    layers = [(widths[i], widths[i + 1]) for i in range(20)]
    found = Sequential(*(Conv2d(a, b, 3) for a, b in layers)).complexity(Shape(widths[0], side, side))
    for i in (0, 57):
        one = Sequential(*(Conv2d(int(a[i]), int(b[i]), 3) for a, b in layers))
        expected = one.complexity(Shape(int(widths[0, i]), int(side[i]), int(side[i])))
        assert tuple(row[i] for row in _rows(found)) == tuple(expected.as_dict().values())
