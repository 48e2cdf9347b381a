"""Networks as data: what stages and networks refuse, how shortcuts settle, what scaling them ideally does."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.compose import Residual
from complexity_theory.graph.operations import AvgPool2d, Conv2d
from complexity_theory.graph.walk import walk
from complexity_theory.networks.blocks import BUILDERS, blocks
from complexity_theory.networks.heads import HEADS, WITHOUT_WIDTH, Ends
from complexity_theory.networks.kinds import KINDS
from complexity_theory.networks.regnet import regnet, regnet_widths
from complexity_theory.networks.resnet import cifar, resnet
from complexity_theory.networks.rounding import compatible, rounded_width
from complexity_theory.networks.spec import Stage
from complexity_theory.networks.stems import STEMS


def stage(block: str, **settings: object) -> Stage:
    """A stage of a kind of block, with a ratio and squeeze-excite where the kind has them."""
    kind = KINDS[block]
    own = {"ratio": Fraction(2)} if kind.inner_of else {}
    if kind.se_of:
        own["se"] = Fraction(1, 4)
    return Stage(**{"block": block, "depth": 3, "width": 16, **own, **settings})


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("block", KINDS)
def test_every_kind_of_block_strides_as_it_should(block, stride):
    shape = blocks(stage(block, stride=stride), 8).output(Shape(8, 24, 36))
    assert shape == Shape(16, 24 // stride, 36 // stride)


@pytest.mark.parametrize("block", [block for block, kind in KINDS.items() if kind.identity])
def test_a_block_that_keeps_the_shape_has_an_identity_shortcut(block):
    assert stage(block).settled(16).shortcut == "identity"
    assert stage(block).settled(8).shortcut == KINDS[block].fallback
    assert stage(block, stride=2).settled(16).shortcut == KINDS[block].fallback


@pytest.mark.parametrize("block", KINDS)
def test_a_first_block_that_keeps_the_shape_is_like_the_rest(block):
    """Counted as one more of the rest: the closed form of a stage is linear in its depth."""
    shape = Shape(16, 12, 10)
    one, two, three = (blocks(stage(block, depth=depth), 16).complexity(shape) for depth in (1, 2, 3))
    assert two + two == one + three
    assert three == 3 * one


def test_a_pooled_shortcut_has_no_strided_projection():
    layer = blocks(stage("bottleneck", stride=2, pooled_shortcut=True), 8)
    convs = [
        v.operation for v in walk(layer, Shape(8, 7, 7)) if isinstance(v.operation, Conv2d) and "shortcut" in v.path
    ]
    assert [conv.stride for conv in convs] == [1]
    assert [v.output.shape for v in walk(layer, Shape(8, 7, 7)) if isinstance(v.operation, AvgPool2d)] == [
        Shape(8, 4, 4)
    ]
    assert isinstance(blocks(stage("bottleneck"), 16).parts[1][1].part.parts[0][1], Residual)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"block": "residual"}, "unknown block 'residual': one of vanilla"),
        ({"block": "basic", "ratio": Fraction(2)}, "a basic block takes no ratio, but it is 2"),
        ({"block": "mbconv", "group_width": 8}, "a mbconv block takes no group width, but it is 8"),
        ({"block": "convnext", "se": Fraction(1, 4)}, "a convnext block takes no squeeze-excite, but se is 1/4"),
        ({"block": "basic", "depth": 0}, "depth must be at least 1, not 0"),
        ({"block": "basic", "width": 2.5}, "width must be an int"),
        ({"block": "bottleneck", "ratio": Fraction(0)}, "ratio must be positive, not 0"),
        ({"block": ["basic"]}, "unknown block"),
        ({"block": "basic", "stride": np.array([1, 2])}, "stride must be an int, not array"),
        ({"block": "bottleneck", "ratio": 0.25}, r"ratio must be exact, a Fraction such as Fraction\(1, 4\), not 0.25"),
        ({"block": "bottleneck", "se": 0.25}, "se must be exact, a Fraction"),
        ({"block": "basic", "shortcut": "foo"}, "unknown shortcut of a basic block 'foo': one of identity, projection"),
        ({"block": "separable", "shortcut": "projection"}, "shortcut of a separable block 'projection': one of none"),
        ({"block": "vanilla", "shortcut": "identity"}, "shortcut of a vanilla block 'identity': one of none"),
        ({"block": "convnext", "shortcut": "none"}, "shortcut of a convnext block 'none': one of identity, projection"),
        ({"block": "vgg", "pooled_shortcut": True}, "a vgg block has no projection that could pool"),
        ({"block": "convnext", "pooled_shortcut": True}, "a convnext block has no projection that could pool"),
        ({"block": "basic", "pooled_shortcut": 1}, "pooled_shortcut must be True or False, not 1"),
        ({"block": "basic", "activation": "swish"}, "unknown activation 'swish'"),
        ({"block": "basic", "se_gate": "swish"}, "unknown activation 'swish'"),
        ({"block": "bottleneck", "se": Fraction(-1)}, "se must be at least 0, not -1"),
    ],
)
def test_a_stage_refuses(settings, message):
    with pytest.raises(InvalidInput, match=message):
        Stage(**{"depth": 1, "width": 8, **settings})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stem": "none"}, "unknown stem 'none': one of conv3"),
        ({"head": "none"}, "unknown head 'none': one of pool"),
        ({"stem_width": 0}, "stem width must be at least 1, not 0"),
        ({"resolution": -3}, "resolution must be at least 1, not -3"),
        ({"stages": ()}, "a network needs at least one stage"),
        ({"stages": (1,)}, r"stages must be a tuple of Stages, not \(1,\)"),
        ({"stages": 3}, "stages must be a tuple of Stages, not 3"),
        ({"head": "act-pool", "head_width": 64}, "head 'act-pool' takes no head width, but it is 64"),
        ({"classes": 0}, "classes must be at least 1, not 0"),
        ({"in_channels": 2.5}, "in_channels must be an int"),
        ({"scales_ends": "no"}, "scales_ends must be True or False, not 'no'"),
        ({"dropout": "half"}, "a dropout probability lies in 0..1, not 'half'"),
        ({"activation": "swish"}, "unknown activation 'swish'"),
        ({"name": "a\nb"}, "name must be text on one line, without control characters"),
        ({"family": None}, "family must be text on one line"),
    ],
)
def test_a_network_refuses(settings, message):
    with pytest.raises(InvalidInput, match=message):
        replace(zoo.network("ResNet-18"), **settings)


@pytest.mark.parametrize("block", KINDS)
def test_every_shortcut_that_is_not_refused_does_something(block):
    """Those of a kind of block differ in what they cost, or in whether the input is added."""
    trees = [blocks(stage(block, shortcut=shortcut), 16) for shortcut in KINDS[block].shortcuts]
    assert len(set(trees)) == len(trees)
    if KINDS[block].pools:
        plain = stage(block, shortcut="projection", stride=2)
        assert blocks(replace(plain, pooled_shortcut=True), 16) != blocks(plain, 16)


def test_an_error_says_its_stage():
    network = zoo.network("RegNetY-4.0GF")
    stages = (network.stages[0], replace(network.stages[1], width=200), *network.stages[2:])
    broken = replace(network, stages=stages)
    for ask in (lambda: broken.tree, broken.complexity):
        with pytest.raises(InvalidInput, match=r"^stage 2: group_width 64 does not divide the input width 200"):
            ask()
    vgg = zoo.network("VGG-16")
    with pytest.raises(InvalidInput, match=r"^stage 3: a kernel of 2"):
        vgg.complexity(2)


def test_a_head_without_its_width_is_told():
    with pytest.raises(InvalidInput, match="head 'vgg' needs a head width"):
        replace(zoo.network("VGG-16"), head_width=None).complexity()


@pytest.mark.parametrize("stem", STEMS)
def test_every_stem_takes_an_image_to_its_width(stem):
    output = STEMS[stem](3, 64, "relu").output(Shape(3, 64, 64))
    assert output.channels == 64
    assert output.height == output.width in (64, 32, 16)


@pytest.mark.parametrize("head", HEADS)
def test_every_head_ends_in_the_classes(head):
    ends = Ends(None if head in WITHOUT_WIDTH else 96, 7, "relu", 0.1)
    assert HEADS[head](2048, ends).output(Shape(2048, 9, 9)) == Shape(7)


def test_there_is_a_builder_for_each_kind_of_block():
    assert BUILDERS.keys() == KINDS.keys()


@pytest.mark.parametrize("block", KINDS)
def test_kernels_and_dilations_of_a_stage_reach_its_convolutions(block):
    """Each block has the params and the output that its k x k convolutions of 1 x 5, dilated by 1 x 2, give."""
    wide, square = (stage(block, kernel=kernel, depth=2, dilation=(1, 2)) for kernel in ((1, 5), 3))
    for one in (wide, square):
        assert blocks(one, 16).output(Shape(16, 9, 9)) == blocks(replace(one, dilation=1), 16).output(Shape(16, 9, 9))
    layers = [
        visit.operation for visit in walk(blocks(wide, 16), Shape(16, 9, 9)) if isinstance(visit.operation, Conv2d)
    ]
    shaped = [layer for layer in layers if layer.kernel == (1, 5)]
    assert shaped
    assert all(layer.dilation == (1, 2) for layer in shaped)
    assert all(layer.kernel in (1, wide.stride) for layer in layers if layer not in shaped)


def test_a_rectangular_input_is_counted_as_it_is():
    network = replace(zoo.network("ResNet-50"), resolution=(384, 640))
    assert network.input() == Shape(3, 384, 640)
    assert network.complexity() == zoo.network("ResNet-50").complexity((384, 640))
    assert network.complexity().flops == network.tree.complexity(Shape(3, 384, 640)).flops
    assert replace(network, resolution=(384, 384)).resolution == 384
    for wrong in ((384,), (384, 0), (1, 2, 3), "384x640"):
        with pytest.raises(InvalidInput, match="resolution"):
            replace(network, resolution=wrong)


def test_scaling_ideally_scales_what_it_says():
    network = zoo.network("EfficientNet-B0")
    d, w = sympy.symbols("d w", positive=True)
    scaled = network.scaled(depth=d, width=w, resolution=2)
    assert scaled.depths == tuple(depth * d for depth in network.depths)
    assert scaled.widths == tuple(width * w for width in network.widths)
    assert (scaled.stem_width, scaled.head_width, scaled.resolution) == (32 * w, 1280 * w, 448)
    assert set(scaled.group_widths) == {1}


def test_stem_and_head_of_an_anynet_stay_unless_an_identity_ties_the_stem():
    w = sympy.Symbol("w", positive=True)
    assert zoo.network("RegNetY-4.0GF").scaled(width=w, group_width=w).stem_width == 32
    assert zoo.network("ResNet-18").scaled(width=w).stem_width == 64 * w


def test_group_widths_are_those_of_the_inner_convolutions():
    assert zoo.network("RegNetY-4.0GF").group_widths == (64, 64, 64, 64)
    assert zoo.network("ResNeXt-50-32x4d").group_widths == (4, 8, 16, 32)
    assert zoo.network("ResNet-50").group_widths == (None, None, None, None)
    assert set(zoo.network("ConvNeXt-Tiny").group_widths) == {1}


@given(
    width=st.integers(8, 512),
    ratio=st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4)]),
    group_width=st.integers(1, 64),
)
def test_compatible_widths_fit_their_groups(width, ratio, group_width):
    [fitted], [group] = compatible([8 * width], [ratio], [group_width])
    assert (fitted * ratio).denominator == 1
    assert fitted * ratio % group == 0
    assert group <= group_width
    assert compatible([fitted], [ratio], [group]) == ([fitted], [group])


def test_a_bottleneck_ratio_above_one_must_be_whole():
    with pytest.raises(InvalidInput, match="must be an integer, not 3/2"):
        compatible([64], [Fraction(3, 2)], [8])


@given(depth=st.integers(1, 30), w_0=st.integers(1, 40), w_a=st.floats(0, 100), w_m=st.floats(1.5, 3))
def test_regnet_widths_grow_and_part_the_depth(depth, w_0, w_a, w_m):
    widths, depths = regnet_widths(depth, 8 * w_0, w_a, w_m)
    assert sum(depths) == depth
    assert widths == sorted(set(widths))
    assert widths[0] == 8 * w_0
    assert all(width % 8 == 0 for width in widths)


@pytest.mark.parametrize("numbers", [(0, 10.0, 2.0), (12, 10.0, 2.0), (16, -1.0, 2.0), (16, 10.0, 1.0)])
def test_a_regnet_refuses_numbers_that_generate_none(numbers):
    with pytest.raises(InvalidInput, match="a RegNet needs"):
        regnet_widths(10, *numbers)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regnet("x", family="y", depth=4, w0=24, wa=8, wm=2.0, group_w=0), "group width must be at least 1"),
        (lambda: regnet("x", family="y", depth=0, w0=24, wa=8, wm=2.0, group_w=8), "depth must be at least 1"),
        (lambda: regnet("x", family="y", depth="4", w0=24, wa=8, wm=2.0, group_w=8), "depth must be an int"),
        (lambda: regnet("x", family="y", depth=4, w0="24", wa=8, wm=2.0, group_w=8), "a RegNet needs"),
        (lambda: regnet("x", family="y", depth=4, w0=24, wa=float("nan"), wm=2.0, group_w=8), "a RegNet needs"),
        (lambda: regnet("x", family="y", depth=4, w0=24, wa=1e300, wm=2.0, group_w=8), "widths beyond"),
        (lambda: regnet("x", family="y", depth=4, w0=24, wa=8, wm=2.0, group_w=8, ratio=0), "ratio must be positive"),
        (lambda: compatible([8, 16], [Fraction(1)], [8, 8]), "one ratio and group width for each of 2 widths"),
        (lambda: resnet("x", family="y", depths=(1, 2)), "for each of 2 depths, not 4, 4 and 2"),
        (lambda: cifar("x", family="y", layers=21), r"6n \+ 2 layers, such as 20, not 21"),
        (lambda: cifar("x", family="y", layers="20"), "not '20'"),
    ],
)
def test_generators_refuse_what_makes_no_network(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()


@given(st.floats(1, 5000))
def test_rounded_widths_are_multiples_close_by(width):
    rounded = rounded_width(width)
    assert rounded % 8 == 0
    assert rounded >= 0.9 * width
    assert rounded <= max(8, width + 8)
