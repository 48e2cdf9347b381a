"""Hitting a flops target: within 1% on average and 3% at worst, touching only what the strategy scales."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks import Network, Stage
from complexity_theory.scaling.ideal import ideal_factor, ideal_flops
from complexity_theory.scaling.realise import RULES, scale
from complexity_theory.scaling.search import Search, flops_of
from complexity_theory.scaling.strategy import Multipliers, parse

NETWORKS = [
    "RegNetX-400MF",
    "RegNetY-32GF",
    "EfficientNet-B7",
    "ResNet-18",
    "ResNet-50",
    "ResNet-56-CIFAR",
    "MobileNetV2",
]


def deviations(names, strategies, factors, rounding="pycls"):
    """The relative deviations of the flops from each target of a grid."""
    return [
        abs(scale(network, strategy, target_flops=factor * network.complexity().flops, rounding=rounding).deviation)
        for network in map(zoo.network, names)
        for strategy in strategies
        for factor in factors
    ]


def holds(found):
    """The requirement: 1% on average and 3% at worst."""
    return statistics.mean(found) <= 0.01 and max(found) <= 0.03


def test_within_one_percent_on_average_and_three_at_worst():
    assert holds(deviations(NETWORKS, ["w", "dwr", "dWr"], [0.5, 4.0]))


def test_the_requirement_can_fail():
    assert not holds([0.0] * 99 + [0.031])
    assert not holds([0.011] * 10)


def test_power_of_two_groups_hit_the_target_too():
    assert holds(
        deviations(["RegNetX-400MF", "RegNetY-4.0GF", "RegNetZ-500MF"], ["w", "dWr"], [0.5, 4.0], "pow2-groups")
    )


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(NETWORKS), st.sampled_from(["d", "w", "r", "dw", "wr", "dWr"]), st.floats(-0.7, 3))
def test_only_scaled_dimensions_are_touched(name, strategy, log_factor):
    network = zoo.network(name)
    scaled = scale(network, strategy, target_flops=2**log_factor * network.complexity().flops)
    own, now = network, scaled.network
    if "d" not in strategy:
        assert now.depths == own.depths
    if "w" not in strategy.lower():
        assert (now.widths, now.stem_width, now.head_width) == (own.widths, own.stem_width, own.head_width)
    if "r" not in strategy:
        assert now.resolution == own.resolution
    if not network.scales_ends:
        assert (now.stem_width, now.head_width) == (own.stem_width, own.head_width)
    assert set(scaled.dimensions()) <= {
        {"d": "depth", "w": "width", "r": "resolution", "g": "group_width"}[letter] for letter in strategy.lower() + "g"
    }


def test_what_is_not_scaled_stays_off_the_grid():
    stages = (
        Stage(block="basic", depth=2, width=100, stride=2),
        Stage(block="basic", depth=2, width=202, stride=2),
    )
    network = Network(name="odd", family="x", stem="conv3", stem_width=30, stages=stages, resolution=299)
    scaled = scale(network, "d", target_flops=5 * network.complexity().flops).network
    assert (scaled.widths, scaled.resolution) == ((100, 202), 299)
    assert scale(network, "w", target_flops=2 * network.complexity().flops).network.resolution == 299


ODD = Network(
    name="odd",
    family="x",
    stem="conv3",
    stem_width=30,
    stages=(
        Stage(block="bottleneck", depth=2, width=100, stride=2, group_width=10),
        Stage(block="basic", depth=3, width=202),
    ),
    resolution=299,
)


@pytest.mark.parametrize("network", [*map(zoo.network, NETWORKS), ODD], ids=lambda network: network.name)
@pytest.mark.parametrize("strategy", ["d", "w", "r", "dWr", "dr", "dwgr"])
@pytest.mark.parametrize("rounding", RULES)
def test_a_factor_of_one_and_its_own_flops_give_the_network_back(network, strategy, rounding):
    by_factor = scale(network, strategy, factor=1, rounding=rounding)
    to_target = scale(network, strategy, target_flops=network.complexity().flops, rounding=rounding)
    for scaled in (by_factor, to_target):
        assert scaled.network == network
        assert scaled.deviation == 0
        assert scaled.factor == 1
        assert all(row["realised"] == 1 and row["worst"] == 0 for row in scaled.dimensions().values())
    assert scale(ODD, "w", factor=1.01).network.resolution == 300  # as the reference scaler rounds


@pytest.mark.parametrize(("name", "strategy"), [("RegNetX-1.6GF", "d"), ("RegNetX-6.4GF", "r"), ("RegNetX-4.0GF", "g")])
def test_widths_that_groups_of_powers_of_two_change_are_reported(name, strategy):
    network = zoo.network(name)
    scaled = scale(network, strategy, target_flops=1.1 * network.complexity().flops, rounding="pow2-groups")
    assert scaled.network.widths != network.widths
    row = scaled.dimensions()["width"]
    assert row["ideal"] == 1
    assert row["worst"] != 0
    changed = {knob.dimension for knob, value in zip(scaled.knobs, scaled.values, strict=True) if value != knob.base}
    assert changed <= scaled.dimensions().keys()


def test_group_widths_alone():
    network = zoo.network("RegNetY-4.0GF")
    scaled = scale(network, "g", target_flops=1.2 * network.complexity().flops)
    assert abs(scaled.deviation) < 0.01
    assert scaled.network.depths == network.depths
    with pytest.raises(InvalidInput, match="out of reach"):
        scale(network, "g", target_flops=16 * network.complexity().flops)


@pytest.mark.parametrize("name", ["RegNetZ-4GF", "EfficientNet-B0", "ResNet-18", "ResNeXt-50-32x4d", "MobileNetV2"])
def test_ideal_flops_are_the_polynomial_of_the_tree(name):
    network = zoo.network(name)
    flops = ideal_flops(network)
    for integers in [(1, 1, 1, 1), (3, 2, 1, 1), (1, 5, 1, 2), (2, 4, 4, 3)]:
        depth, width, group_width, resolution = integers
        scaled = network.scaled(depth=depth, width=width, group_width=group_width, resolution=resolution)
        assert flops(Multipliers(*map(float, integers))) == pytest.approx(scaled.complexity().flops, rel=1e-12)


def test_ideal_flops_of_the_whole_zoo():
    for name in zoo.names():
        network = zoo.network(name)
        assert ideal_flops(network)(Multipliers(1.0, 1.0, 1.0, 1.0)) == pytest.approx(network.complexity().flops)


def test_the_ideal_factor():
    network, strategy = zoo.network("EfficientNet-B0"), parse("dWr")
    factor = ideal_factor(network, strategy, 1e9)
    assert ideal_flops(network)(strategy.multipliers(factor)) == pytest.approx(1e9, rel=1e-9)


def test_many_are_counted_as_each():
    """Candidates of different shortcuts too: ResNet-18's first stage keeps its stem's width at 64 alone."""
    network = zoo.network("ResNet-18")
    search = Search(network, parse("dwr"), RULES["pycls"])
    candidates = [search.along(2.0**exponent) for exponent in (-2, -1, 0, 0.5, 3)]
    first = [knob.name for knob in network.knobs].index("stage1.width")
    candidates += [(*values[:first], 64, *values[first + 1 :]) for values in candidates]
    assert {network.resized(values).stages[0].shortcut for values in candidates} == {"identity", "projection"}
    assert flops_of(network, candidates) == [network.resized(values).complexity().flops for values in candidates]


def test_the_target_is_reported():
    scaled = scale(zoo.network("RegNetY-400MF"), "dWr", target_flops=500e6)
    data = scaled.as_dict()
    assert data["target"] == 500_000_000
    assert data["reached"] == data["scaled"]["flops"]
    assert data["deviation"] == data["reached"] / data["target"] - 1
    assert set(data["dimensions"]) == {"depth", "width", "group_width", "resolution"}
    for row in data["dimensions"].values():
        assert row["realised"] == pytest.approx(row["ideal"], rel=0.15)
    widths = [
        value / knob.base
        for knob, value in zip(scaled.knobs, scaled.values, strict=True)
        if knob.dimension == "width" and knob.moves
    ]
    assert data["dimensions"]["width"]["realised"] == pytest.approx(statistics.geometric_mean(widths))
