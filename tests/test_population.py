"""Populations: ideal variants by polynomials, realised ones by the tree; both as one network at a time."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from fractions import Fraction

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
from complexity_theory.networks import Network, Stage, pieces
from complexity_theory.scaling import population
from complexity_theory.scaling.closed_form import closed_form
from complexity_theory.scaling.population import counts, polynomials
from complexity_theory.scaling.realise import scale

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


def test_what_is_known_of_pieces_changes_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces met before, some of them, all of them or too many to remember, and sizes too far apart for one number."""
    network = zoo.network("RegNetY-4.0GF")
    draw = np.random.default_rng(3)
    near = [np.full(200, knob.base) for knob in network.knobs]
    near[0], near[-1] = draw.integers(1, 9, 200), 32 * draw.integers(1, 9, 200)
    exact = [network.cost([int(column[i]) for column in near]) for i in range(200)]
    for few in (1_000, 0, 1_000, 1_000):
        monkeypatch.setattr(pieces, "FEW", few)
        assert [Complexity(*map(int, row)) for row in _rows(network.cost(near)).T] == exact
    rows = np.array([[1, 2**40, 5], [3, 7, 5], [1, 2**40, 5], [2**40, 1, 5]])
    for table in (rows, rows % 7):
        distinct, places = pieces._distinct(table)
        assert distinct[places].tolist() == table.tolist()
        assert len(distinct) == 3


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
    """Sizes of many variants: depths and group widths at will, widths that the group widths divide."""
    rng, found = np.random.default_rng(seed), {}
    for knob in network.knobs:
        if knob.dimension == "depth":
            found[knob.name] = rng.integers(1, 9, variants)
        elif knob.dimension == "group_width":
            found[knob.name] = 4 * rng.integers(1, 5, variants)
            for part in knob.divides:
                found[part.knob] = found[part.knob] * found[knob.name]
        elif knob.dimension == "width":
            found[knob.name] = 8 * rng.integers(1, 9, variants)
        else:
            found[knob.name] = rng.integers(32, 300, variants)
    return found


def _one(network: Network, sizes: dict[str, np.ndarray], i: int) -> Complexity:
    """The cost of one variant by ints."""
    return network.resized(
        [int(sizes[knob.name][i]) if knob.name in sizes else knob.base for knob in network.knobs]
    ).complexity()


@pytest.mark.parametrize("chunk", [3, 1000])
@pytest.mark.parametrize("name", NETWORKS)
def test_realised_variants_equal_one_network_at_a_time(name: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any shortcuts: widths that are sometimes those of the stem turn the first stage's on and off."""
    network = zoo.network(name)
    sizes = _sizes(network, 12)
    monkeypatch.setattr(population, "REALISED_CHUNK", chunk)
    found = counts(network, sizes)
    assert all(getattr(found, metric).dtype == np.int64 for metric in METRICS)
    for i in range(12):
        assert tuple(row[i] for row in _rows(found)) == tuple(_one(network, sizes, i).as_dict().values())


def test_shortcuts_differ_among_the_variants() -> None:
    network = zoo.network("ResNet-18")
    sizes = {"stage1.width": np.array([64, 64, 128]), "stem.width": np.array([64, 32, 128])}
    shortcuts = [
        network.resized([int(sizes[k.name][i]) if k.name in sizes else k.base for k in network.knobs])
        .stages[0]
        .shortcut
        for i in range(3)
    ]
    assert shortcuts == ["identity", "projection", "identity"]
    assert [counts(network, sizes).params[i] for i in range(3)] == [_one(network, sizes, i).params for i in range(3)]


def test_a_stage_of_one_block_need_not_fit_a_second() -> None:
    """Its group width must divide the inner width of the first block, which is of its input; there are no others."""
    stage = Stage(block="group-mbconv", depth=1, width=20, stride=2, ratio=Fraction(4), group_width=32)
    network = Network(name="thin", family="x", stem="conv3", stem_width=16, stages=(stage,))
    own = network.complexity()
    assert own.params > 0
    assert network.fits([knob.base for knob in network.knobs])
    with pytest.raises(InvalidInput, match="32 does not divide"):
        replace(network, stages=(replace(stage, depth=2),)).complexity()
    sizes = {"stage1.depth": np.array([1, 2, 1]), "stage1.width": np.array([20, 24, 12])}
    assert counts(network, sizes).params.tolist() == [_one(network, sizes, i).params for i in range(3)]
    assert scale(network, "r", target_flops=3 * own.flops).network.stages == network.stages


def test_the_comparison_with_one_network_at_a_time_can_fail() -> None:
    network = zoo.network("RegNetY-4.0GF")
    sizes = _sizes(network, 2)
    found = counts(network, sizes)
    assert tuple(row[0] for row in _rows(found)) != tuple(_one(network, sizes, 1).as_dict().values())


def test_what_is_left_out_is_the_networks_own() -> None:
    network = zoo.network("RegNetY-4.0GF")
    own = network.complexity()
    assert _rows(counts(network, {})).tolist() == [[count] for count in own.as_dict().values()]
    assert counts(network, {"resolution": [224, 224]}).params.tolist() == [own.params] * 2
    assert counts(network, {"stage1.depth": 2, "resolution": np.array([224, 224])}).flops.tolist() == [own.flops] * 2


@settings(max_examples=30)
@given(st.integers(1, 31), st.integers(1, 31))
def test_counts_are_exact_or_refused(power: int, depth_power: int) -> None:
    """Whatever the sizes: the counts of Python's unbounded ints, or an error, and never a wrapped number."""
    network = zoo.network("ResNet-18")
    sizes = {f"stage{i}.width": np.array([2**power]) for i in range(1, 5)}
    sizes |= {f"stage{i}.depth": np.array([2**depth_power if i == 1 else 1]) for i in range(1, 5)}
    sizes["stem.width"] = np.array([2**power])
    exact = _one(network, sizes, 0)
    if max(exact.as_dict().values()) < 2**63:
        assert counts(network, sizes).as_dict() == {metric: [count] for metric, count in exact.as_dict().items()}
    else:
        with pytest.raises(InvalidInput, match="count by ints"):
            counts(network, sizes)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"stage1.depth": np.ones(3, np.int32)}, "stage1.depth must be int64, one per variant, not int32"),
        ({"stage1.depth": np.ones(3)}, "not float64"),
        ({"stage1.width": [[8, 8, 8]]}, r"stage1.width must be int64, one per variant, not int64 of shape \(1, 3\)"),
        ({"stage1.width": np.ones(0, np.int64)}, r"of shape \(0,\)"),
        ({"stage1.depth": [0]}, "stage1.depth must be at least 1, not 0"),
        ({"stage1.width": [100]}, "group_width 64 does not divide"),
        ({"stage1.depth": [1] * 2, "resolution": [224] * 3}, "for each variant, not stage1.depth 2, resolution 3"),
        ({"head.width": 1280}, "RegNetY-4.0GF has no knob 'head.width': it has stage1.depth, "),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        counts(zoo.network("RegNetY-4.0GF"), sizes)


def test_stacks_of_layers_are_counted_by_arrays() -> None:
    rng = np.random.default_rng(2)
    widths, side = rng.integers(1, 512, (21, 100)), rng.integers(8, 64, 100)
    layers = [(widths[i], widths[i + 1]) for i in range(20)]
    found = Sequential(*(Conv2d(a, b, 3) for a, b in layers)).complexity(Shape(widths[0], side, side))
    for i in (0, 57):
        one = Sequential(*(Conv2d(int(a[i]), int(b[i]), 3) for a, b in layers))
        expected = one.complexity(Shape(int(widths[0, i]), int(side[i]), int(side[i])))
        assert tuple(row[i] for row in _rows(found)) == tuple(expected.as_dict().values())
