"""Features of networks: the layers' own counts sorted by kind, against sums by hand, on ints and on arrays alike."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.devices import features as module
from complexity_theory.devices.features import NAMES, Features, features, network_features, rooflines
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.compose import Gate, Residual, Sequential
from complexity_theory.graph.operations import (
    Activation,
    Attention,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Linear,
    MaxPool2d,
)
from complexity_theory.graph.walk import walk

FAMILIES = [zoo.names(family)[0] for family in zoo.families()]


def expected(**values: Any) -> dict[str, Any]:
    return {**asdict(Features()), **values}


def differences(found: Features, wanted: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The entries in which features differ from what they should be."""
    return {name: (value, wanted[name]) for name, value in asdict(found).items() if value != wanted[name]}


def test_a_dense_convolution_is_padded_to_tiles() -> None:
    found = features(Conv2d(3, 40, 3, stride=2), Shape(3, 8, 10))
    macs = 27 * 40 * 4 * 5
    wanted = expected(
        flops=macs,
        params=27 * 40,
        acts=40 * 20,
        macs_kxk=macs,
        conv_outputs=800,
        tiled_macs=9 * 16 * 48 * 20,
        tiled_traffic=16 * 80 + 48 * 20,
        kernels=1,
    )
    tiled = {"tiled_macs": pytest.approx(wanted["tiled_macs"]), "tiled_traffic": pytest.approx(wanted["tiled_traffic"])}
    assert differences(found, {**wanted, **tiled}) == {}
    assert differences(found, {**wanted, **tiled, "macs_1x1": 1}) == {"macs_1x1": (0, 1)}


def test_a_group_convolution_is_not_padded_and_is_uneven_unless_a_power_of_two() -> None:
    shape = Shape(48, 4, 4)
    even, uneven = (features(Conv2d(48, 48, 3, group_width=g), shape) for g in (16, 24))
    assert even.macs_group == even.tiled_macs == 9 * 16 * 48 * 16
    assert (even.uneven_outputs, uneven.uneven_outputs) == (0, 48 * 16)
    assert even.tiled_traffic == uneven.tiled_traffic == 2 * 48 * 16


def test_a_depthwise_convolution_counts_as_traffic_of_its_own() -> None:
    found = features(Conv2d(48, 48, 5, group_width=1), Shape(48, 4, 4))
    assert found.tiled_macs == found.tiled_traffic == found.macs_group == found.uneven_outputs == 0
    assert found.eager_traffic == found.fused_traffic == 2 * 48 * 16


def test_a_chain_of_elementwise_layers_is_one_fused_kernel() -> None:
    shape = Shape(16, 4, 4)
    tree = Sequential(Conv2d(16, 16, 1), BatchNorm2d(16), Activation("silu"), Conv2d(16, 16, 1), Activation("relu"))
    found = features(tree, shape)
    assert found.eager_traffic == 3 * 2 * 256
    assert found.fused_traffic == 2 * 2 * 256
    assert found.exponentials == 256
    assert found.kernels == 5


def test_a_sum_reads_both_its_inputs_and_runs_with_the_norm_before_it() -> None:
    shape = Shape(16, 4, 4)
    plain, summed = features(Conv2d(16, 16, 3), shape), features(Residual(Conv2d(16, 16, 3)), shape)
    assert summed.eager_traffic - plain.eager_traffic == summed.fused_traffic - plain.fused_traffic == 3 * 256
    assert summed.kernels - plain.kernels == 1
    block = Sequential(Residual(Sequential(Conv2d(16, 16, 3), BatchNorm2d(16))), Activation())
    assert features(block, shape).eager_traffic == (2 + 3 + 2) * 256
    assert features(block, shape).fused_traffic == 3 * 256  # the convolution's output, the shortcut, the block's output


def test_a_product_waits_for_its_gate() -> None:
    """What is pooled for a gate must be whole before the product: act and product are two kernels."""
    shape = Shape(16, 4, 4)
    gate = Gate(Sequential(GlobalAvgPool2d(), Conv2d(16, 16, 1), Activation("sigmoid")))
    found = features(Sequential(Conv2d(16, 16, 1), Activation("relu"), gate), shape)
    pooled, sigmoid, product = 256 + 16, 2 * 16, 256 + 16 + 256
    assert found.eager_traffic == 2 * 256 + pooled + sigmoid + product
    # the sigmoid runs with the product, whose kernel reads the convolution's 16 outputs instead
    assert found.fused_traffic == 2 * 256 + pooled + product
    assert found.exponentials == 16


def test_pooling_and_what_is_nothing_at_inference() -> None:
    found = features(Sequential(MaxPool2d(2, stride=2), Dropout(0.5), Flatten()), Shape(4, 8, 8))
    assert found.eager_traffic == found.fused_traffic == 4 * 64 + 4 * 16
    assert found.kernels == 1


def test_matrix_products_and_attention_are_work_without_flops() -> None:
    heads = Shape(4, 10, 8)
    found = features(Attention(), heads, heads, heads)
    assert (found.flops, found.tiled_macs, found.tiled_traffic) == (0, 4 * 10 * 10 * 16, 4 * 4 * 80)


@pytest.mark.parametrize("name", FAMILIES)
def test_features_hold_the_counts_of_the_network(name: str) -> None:
    network = zoo.network(name)
    found, costs = network_features(network), network.complexity()
    assert (found.flops, found.params, found.acts) == (costs.flops, costs.params, costs.acts)
    assert found.macs_1x1 + found.macs_kxk + found.macs_group <= costs.flops
    assert found.fused_traffic <= found.eager_traffic
    leaves = [visit for visit in walk(network.tree, network.input()) if isinstance(visit.operation, Conv2d)]
    assert found.conv_outputs == sum(visit.times * visit.output.shape.elements for visit in leaves)


def test_arrays_are_counted_elementwise_as_ints_are() -> None:
    base = zoo.network("RegNetY-400MF")
    sizes = [(1, 1, 1, 7), (2, 2, 1, 8), (3, 4, 2, 9)]
    depth, width, group_width, side = (np.array(column) for column in zip(*sizes, strict=True))
    many = base.scaled(depth=depth, width=width, group_width=group_width)
    found = network_features(replace(many, resolution=32 * side))
    for i, (d, w, g, n) in enumerate(sizes):
        one = network_features(replace(base.scaled(depth=d, width=w, group_width=g), resolution=32 * n))
        for name in NAMES:
            assert np.broadcast_to(getattr(found, name), 3)[i] == pytest.approx(getattr(one, name), rel=1e-12), name


@given(
    groups=st.integers(1, 6),
    group_width=st.integers(1, 40),
    more=st.integers(1, 3),
    kernel=st.sampled_from([1, 3, 5]),
    side=st.integers(1, 9),
)
def test_every_convolution_has_one_kind(groups: int, group_width: int, more: int, kernel: int, side: int) -> None:
    conv = Conv2d(groups * group_width, groups * more, kernel, group_width=group_width)
    shape = Shape(groups * group_width, side, side + 1)
    found, flops = features(conv, shape), conv.complexity(shape).flops
    depthwise = group_width == 1 and groups > 1
    assert sorted([found.macs_1x1, found.macs_kxk, found.macs_group]) == [0, 0, 0 if depthwise else flops]
    assert (found.eager_traffic > 0) == depthwise


@pytest.mark.parametrize("name", ["ResNet-50", "EfficientNet-B0"])
def test_a_roofline_lies_between_its_limits(name: str) -> None:
    network = zoo.network(name)
    found = network_features(network)
    moved = found.tiled_traffic + found.fused_traffic
    roofs = rooflines(network.tree, network.input(), 1e12, [1e-9, 16.0, 1e9])
    assert roofs[0] == pytest.approx(found.tiled_macs)
    assert max(found.tiled_macs, 16 * moved) < roofs[1] < found.tiled_macs + 16 * moved
    assert roofs[2] == pytest.approx(1e9 * moved)


def test_linear_layers_are_tiled_too() -> None:
    found = features(Linear(20, 10, bias=False), Shape(20, 1, 1))
    assert found.flops == 200
    assert found.tiled_macs == pytest.approx(32 * 16)
    assert module.TILE == 16
