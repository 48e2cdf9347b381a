"""The rounding rules and scaling by a factor, held to numbers of pycls's scaler."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks import Network, Stage
from complexity_theory.networks.knobs import bases, multiplied
from complexity_theory.scaling.realise import RULES, Rule, scale
from complexity_theory.scaling.rules import power_of_two, reference_group_width
from complexity_theory.scaling.strategy import by_multipliers, parse
from complexity_theory.zoo.efficientnets import EFFICIENTNET

FAST = "d1_w8_g8_r1"


def test_the_reference_scaler_regnet():
    scaled = scale(zoo.network("RegNetY-4.0GF"), FAST, factor=4)
    assert scaled.complexity == Complexity(15608249240, 68144472, 26542408)
    assert scaled.network.resolution == 240
    assert scaled.network.depths == (2, 7, 14, 2)
    assert scaled.network.widths == (224, 336, 896, 1904)
    assert scaled.network.group_widths == (112, 112, 112, 112)
    assert (scaled.network.stem_width, scaled.network.head_width) == (32, None)


def test_the_reference_scaler_efficientnet():
    scaled = scale(zoo.network("EfficientNet-B0"), FAST, factor=4)
    assert scaled.complexity == Complexity(1381124070, 15824374, 13328046)
    assert scaled.network.resolution == 240
    assert (scaled.network.stem_width, scaled.network.head_width) == (56, 2232)


def test_dwr_named_is_dwr_weighted():
    network = zoo.network("RegNetX-1.6GF")
    assert scale(network, "dWr", factor=3).complexity == scale(network, FAST, factor=3).complexity


def test_group_widths_alone_stay_where_the_strategy_leaves_them():
    assert scale(zoo.network("ResNeXt-50-32x4d"), "w", factor=4).network.group_widths == (4, 8, 16, 32)
    assert scale(zoo.network("ResNeXt-50-32x4d"), "w1_g1", factor=4).network.group_widths == (8, 16, 32, 64)


def test_dense_bottlenecks_stay_dense():
    scaled = scale(zoo.network("ResNet-50"), "w", factor=2).network
    assert scaled.group_widths == (None,) * 4
    assert scaled.complexity().flops == pytest.approx(2 * zoo.network("ResNet-50").complexity().flops, rel=0.05)


@pytest.mark.parametrize("factor", [0.5, 2, 4, 16])
def test_a_dense_conv_is_a_group_that_follows_the_width(factor):
    """ResNet-50 has group widths 64 to 512 in pycls; where g is scaled as w, the reference scaler treats both alike."""
    dense = zoo.network("ResNet-50")
    stages = [replace(s, group_width=g) for s, g in zip(dense.stages, (64, 128, 256, 512), strict=True)]
    grouped = replace(dense, stages=tuple(stages))
    scaled = [scale(network, "dWr", factor=factor).network for network in (dense, grouped)]
    assert scaled[0].widths == scaled[1].widths
    assert scaled[0].complexity() == scaled[1].complexity()


def test_shortcuts_are_settled_anew():
    network = zoo.network("ResNet-18")
    assert network.stages[0].shortcut == "identity"
    assert scale(network, "w", factor=4).network.stages[0].shortcut == "projection"
    assert scale(network, "d", factor=4).network.stages[0].shortcut == "identity"


@pytest.mark.parametrize(
    "name", ["RegNetZ-4GF", "EfficientNet-B3", "ResNet-56-CIFAR", "MobileNetV2", "ResNeXt-50-32x4d"]
)
def test_the_reference_rule_keeps_the_zoo_as_it_is(name):
    network = zoo.network(name)
    assert RULES["pycls"].values(network.knobs, [knob.base for knob in network.knobs]) == bases(network.knobs)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        ["RegNetX-600MF", "RegNetZ-500MF", "EfficientNet-B0", "ResNet-50", "ResNeXt-50-32x4d", "MobileNetV2"]
    ),
    st.sampled_from(["d", "w", "r", "dwr", "dWr", "w1_g1", "dwgr"]),
    st.sampled_from(list(RULES)),
    st.floats(-4, 5).filter(lambda power: 2**power != 1),  # a factor of 1 gives the network back, off the grid too
)
def test_every_realised_network_stands_on_the_grid(name, strategy, rounding, log_factor):
    network = scale(zoo.network(name), strategy, factor=2**log_factor, rounding=rounding).network
    assert network.complexity().flops > 0
    assert network.resolution % RULES[rounding].resolution_multiple == 0
    for stage, group_width in zip(network.stages, network.group_widths, strict=True):
        assert stage.depth >= 1
        if group_width is not None:
            assert int(stage.width * stage.ratio) % group_width == 0
        if rounding in ("pow2-groups", "fine") and stage.group_width is not None:
            assert math.log2(stage.group_width) % 1 == 0


@given(st.floats(0.01, 1e4), st.integers(1, 4096))
def test_group_width_rules(ideal_width, inner):
    reference = reference_group_width(ideal_width, inner)
    assert reference in (1, 2, 4) or reference % 8 == 0
    assert abs(reference - ideal_width) <= 4.5 or ideal_width < 1
    power = power_of_two(ideal_width, inner)
    assert power <= inner
    assert power & (power - 1) == 0


def test_a_rule_of_ones_own():
    RULES["sixteens"] = Rule(summary="everything in sixteens", width_multiple=16, resolution_multiple=32)
    try:
        network = scale(zoo.network("EfficientNet-B0"), "dWr", factor=3, rounding="sixteens").network
    finally:
        del RULES["sixteens"]
    assert all(width % 16 == 0 for width in (*network.widths, network.stem_width, network.head_width))
    assert network.resolution % 32 == 0


@pytest.mark.parametrize("name", ["B1", "B2", "B3", "B4", "B5", "B6", "B7"])
def test_the_rule_of_efficientnet_gives_its_published_variants(name):
    """From B0 and the coefficients of each (Tan and Le 2019, and the reference's ``efficientnet_params``)."""
    width, depth, resolution, _ = EFFICIENTNET[name]
    strategy, factor = by_multipliers(f"d{depth}_w{width}_r{resolution}/224")
    scaled = scale(zoo.network("EfficientNet-B0"), strategy, factor=factor, rounding="efficientnet").network
    published = zoo.network(f"EfficientNet-{name}")
    assert scaled.sizes() == published.sizes()
    assert scaled.stages == published.stages
    assert scaled.complexity() == published.complexity()


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.4])
def test_the_rule_of_efficientnet_gives_the_published_mobilenets(width):
    """MobileNetV2 by a width multiplier (Sandler et al. 2018): the stem shrinks with it, the head never below 1280."""
    base = zoo.network("MobileNetV2")
    scaled = scale(base, "w", factor=width**2, rounding="efficientnet").network
    published = zoo.network(f"MobileNetV2-{width}")
    assert scaled.sizes() == published.sizes()
    assert scaled.complexity() == published.complexity()
    reference = scale(base, "w", factor=width**2).network
    assert (reference.sizes() == published.sizes()) == (width > 1)  # which has no rule for small ones


def test_multipliers_are_a_strategy_and_a_factor():
    strategy, factor = by_multipliers("d2_w1.5_g1.5_r0.9")
    assert tuple(strategy.multipliers(factor)) == pytest.approx((2, 1.5, 1.5, 0.9))
    strategy, factor = by_multipliers("g2")
    assert tuple(strategy.multipliers(factor)) == pytest.approx((1, 1, 2, 1))
    for wrong in ("", "d", "dw", "d0", "x2", "d2_d3", "d-1", "d1", "d4_w0.5", "d1e5", 3, None):
        with pytest.raises(InvalidInput, match="multipliers"):
            by_multipliers(wrong)


def test_all_of_the_zoo_can_be_scaled():
    for name in zoo.names():
        network = zoo.network(name)
        for factor in (0.7, 2):
            for rounding in RULES:
                assert scale(network, "dWr", factor=factor, rounding=rounding).network.stages


def test_what_is_reported():
    data = scale(zoo.network("RegNetY-4.0GF"), FAST, factor=4).as_dict()
    assert data["base"]["flops"] == 3973301344
    assert data["scaled"]["widths"] == (224, 336, 896, 1904)
    assert data["factor"] == 4
    assert data["target"] is None
    assert data["reached"] == 15608249240
    assert data["deviation"] == 15608249240 / (4 * 3973301344) - 1
    assert data["dimensions"]["width"]["ideal"] == 4**0.4
    # The ideal multiplier of 4^(4/10) = 1.741 gives 128 * 1.741 = 222.9, realised as 224.
    assert data["dimensions"]["resolution"]["worst"] == pytest.approx(240 / (224 * 4**0.05) - 1)


def test_ideal_sizes_are_not_rounded():
    network = zoo.network("EfficientNet-B0")
    values = multiplied(network.knobs, parse("w").multipliers(2)._asdict())
    sizes = {knob.name: value for knob, value in zip(network.knobs, values, strict=True)}
    assert sizes["stem.width"] == 32 * 2**0.5
    assert [sizes[f"stage{i}.depth"] for i in range(1, 8)] == list(map(float, network.depths))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"strategy": "w"}, "exactly one"),
        ({"strategy": "w", "factor": 2, "target_flops": 1e9}, "exactly one"),
        ({"strategy": "w", "factor": 0}, "positive and finite, not 0"),
        ({"strategy": "w", "factor": math.nan}, "not nan"),
        ({"strategy": "w", "factor": math.inf}, "not inf"),
        ({"strategy": "w", "factor": 1e300}, "a factor must be in 1e-100 to 1e\\+100, not 1e\\+300"),
        ({"strategy": "w", "factor": 1e-300}, "a factor must be in"),
        ({"strategy": "w", "factor": "2"}, "positive and finite, not '2'"),
        ({"strategy": "w", "factor": True}, "positive and finite, not True"),
        ({"strategy": "w", "target_flops": "x"}, "a number of flops .*, not 'x'"),
        ({"strategy": "w", "target_flops": 0.5}, "above 0 such as .*, not 0.5"),
        ({"strategy": "w", "target_flops": 10**400}, "a number of flops"),
        ({"strategy": 3, "factor": 2}, "a strategy is named by text"),
        ({"strategy": "w", "factor": 1e100}, "more than 1e\\+15 flops"),
        ({"strategy": "g", "factor": 2}, "scales nothing in ResNet-50"),
        ({"strategy": "d1_q2", "factor": 2}, "unknown"),
        ({"strategy": "w", "factor": 2, "rounding": "up"}, "unknown rounding rule 'up'"),
        ({"strategy": "w", "target_flops": 10}, "out of reach"),
        ({"strategy": "w", "target_flops": -5}, "not -5"),
        ({"strategy": "d", "target_flops": 1e29}, "out of reach"),
        ({"strategy": "d", "target_flops": 1e40}, "at most 1e\\+30"),
        ({"strategy": "w", "target_flops": math.nan}, "not nan"),
    ],
)
def test_bad_input(arguments, words):
    strategy = arguments.pop("strategy")
    with pytest.raises(InvalidInput, match=words):
        scale(zoo.network("ResNet-50"), strategy, **arguments)


def test_a_factor_that_leaves_nothing_to_build():
    thin = Stage(block="bottleneck", depth=1, width=64, stride=2, group_width=8)
    squeezed = Stage(block="bottleneck", depth=1, width=64, stride=2, group_width=8, se=thin.ratio / 32)
    network = Network(name="thin", family="x", stem="conv3", stem_width=64, stages=(thin, squeezed))
    with pytest.raises(InvalidInput, match="without width"):
        scale(network, "w", factor=1e-6)


def test_the_largest_factors_of_group_widths_alone_are_reported() -> None:
    network = zoo.network("RegNetY-4.0GF")
    assert math.isfinite(scale(network, "g", factor=1e100).deviation)
    assert math.isfinite(scale(network, "g", factor=1e-100).deviation)
