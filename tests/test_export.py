"""Exports, held to the fields that pycls, torchvision and timm document, and executed where these are installed."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from fractions import Fraction

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from yacs.config import CfgNode

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.exports import EXPORTS, LIBRARIES, export, pycls, snippet
from complexity_theory.exports import timm as export_timm
from complexity_theory.exports import torchvision as export_torchvision
from complexity_theory.exports.generator import generator
from complexity_theory.networks import Network, Stage
from complexity_theory.networks.files import read
from complexity_theory.networks.regnet import regnet
from complexity_theory.scaling.realise import scale

# pycls/core/config.py: the keys that a model takes, with their defaults. Loading checks keys and types against them.
PYCLS_DEFAULTS = {
    "MODEL": {"TYPE": "", "NUM_CLASSES": 10, "ACTIVATION_FUN": "relu"},
    "ANYNET": {
        "STEM_TYPE": "simple_stem_in",
        "STEM_W": 32,
        "BLOCK_TYPE": "res_bottleneck_block",
        "DEPTHS": [],
        "WIDTHS": [],
        "STRIDES": [],
        "BOT_MULS": [],
        "GROUP_WS": [],
        "HEAD_W": 0,
        "SE_ON": False,
        "SE_R": 0.25,
    },
    "EN": {
        "STEM_W": 32,
        "DEPTHS": [],
        "WIDTHS": [],
        "EXP_RATIOS": [],
        "SE_R": 0.25,
        "STRIDES": [],
        "KERNELS": [],
        "HEAD_W": 1280,
        "DROPOUT_RATIO": 0.0,
    },
    "TRAIN": {"IM_SIZE": 224},
    "TEST": {"IM_SIZE": 256},
}

PYCLS_STEMS = {"res_stem_cifar": "cifar", "res_stem_in": "resnet", "simple_stem_in": "conv3"}
PYCLS_BLOCKS = {
    "vanilla_block": "vanilla",
    "res_basic_block": "basic",
    "res_bottleneck_block": "bottleneck",
    "res_bottleneck_linear_block": "linear-bottleneck",
}


def loaded_by_pycls(text):
    """What the configuration holds after pycls's loader (yacs) has merged it into the defaults."""
    cfg = CfgNode(PYCLS_DEFAULTS)
    cfg.merge_from_other_cfg(CfgNode.load_cfg(text))
    return cfg


def built_from_pycls(cfg):
    """The network that the documented fields describe, written independently of the export."""
    activation = cfg.MODEL.ACTIVATION_FUN
    common = {"activation": activation, "se_activation": activation}
    if cfg.MODEL.TYPE == "effnet":
        part = cfg.EN
        stages = [
            Stage(
                block="mbconv",
                depth=d,
                width=w,
                stride=s,
                kernel=k,
                ratio=Fraction(e),
                se=Fraction(part.SE_R),
                **common,
            )
            for d, w, s, k, e in zip(part.DEPTHS, part.WIDTHS, part.STRIDES, part.KERNELS, part.EXP_RATIOS, strict=True)
        ]
        stem = "conv3"
    else:
        part = cfg.ANYNET
        n = len(part.DEPTHS)
        stages = [
            Stage(
                block=PYCLS_BLOCKS[part.BLOCK_TYPE],
                depth=d,
                width=w,
                stride=s,
                ratio=Fraction(b),
                group_width=g,
                se=Fraction(part.SE_R) if part.SE_ON else Fraction(0),
                **common,
            )
            for d, w, s, b, g in zip(
                part.DEPTHS,
                part.WIDTHS,
                part.STRIDES,
                part.BOT_MULS or [1] * n,
                part.GROUP_WS or [None] * n,
                strict=True,
            )
        ]
        stem = PYCLS_STEMS[part.STEM_TYPE]
    return Network(
        name="x",
        family="y",
        stem=stem,
        stem_width=part.STEM_W,
        stages=tuple(stages),
        head_width=part.HEAD_W or None,
        activation=activation,
        classes=cfg.MODEL.NUM_CLASSES,
        resolution=cfg.TRAIN.IM_SIZE,
    )


IN_PYCLS = [
    *("RegNetX-200MF", "RegNetY-4.0GF", "RegNetZ-500MF", "RegNetZ-4GF", "EfficientNet-B0", "EfficientNet-B5"),
    *("ResNet-18", "ResNet-50", "ResNeXt-101-32x4d", "ResNet-110-CIFAR", "Plain-56-CIFAR"),
]


@pytest.mark.parametrize("name", IN_PYCLS)
def test_pycls_round_trip(name):
    network = zoo.network(name)
    for exported in (network, scale(network, "dWr", target_flops=3 * network.complexity().flops).network):
        cfg = loaded_by_pycls(export(exported, "pycls"))
        assert built_from_pycls(cfg).complexity() == exported.complexity()


def test_pycls_test_size_is_scaled_as_the_reference_does():
    network = scale(zoo.network("RegNetY-4.0GF"), "dWr", factor=4).network
    config = pycls.config(network)
    assert (config["TRAIN"]["IM_SIZE"], config["TEST"]["IM_SIZE"]) == (240, round(256 * 4**0.05 / 4) * 4)


def test_the_comparison_with_pycls_can_fail():
    network = zoo.network("ResNet-50")
    text = export(network, "pycls").replace("[3, 4, 6, 3]", "[3, 4, 6, 2]")
    assert built_from_pycls(loaded_by_pycls(text)).complexity() != network.complexity()
    with pytest.raises(KeyError):
        loaded_by_pycls("ANYNET: {DEPTH: [3]}")


def exported_or_refused(name, to):
    """The exported text, or the refusal."""
    try:
        return export(zoo.network(name), to)
    except InvalidInput as error:
        return error


@pytest.mark.parametrize("to", EXPORTS)
def test_every_export_of_the_zoo_parses_or_says_why_not(to):
    found = {name: exported_or_refused(name, to) for name in zoo.names()}
    refused = {name: str(text) for name, text in found.items() if isinstance(text, InvalidInput)}
    assert all(line.startswith(f"{to} cannot express {name}: ") for name, line in refused.items())
    assert len(refused) < len(found) - 30
    assert (not refused) == (to in ("json", "torch"))
    for name in found.keys() - refused.keys():
        if to == "torch":
            ast.parse(found[name])
            continue
        data = yaml.safe_load(found[name]) if to == "pycls" else json.loads(found[name])
        if "python" in data:
            ast.parse(data["python"])


def test_json_loads_back_to_the_same_network():
    for name in zoo.names()[::7]:
        network = scale(zoo.network(name), "dWr", factor=2).network
        assert read(json.loads(export(network, "json"))) == network


# The documented parameters: torchvision/models/regnet.py, efficientnet.py; timm/models/regnet.py, efficientnet.py.
TORCHVISION_REGNET = {"block_params", "num_classes", "stem_width", "stem_type", "activation"}
BLOCK_PARAMS = {"depths", "widths", "group_widths", "bottleneck_multipliers", "strides", "se_ratio"}
MBCONV_CONFIG = {"expand_ratio", "kernel", "stride", "input_channels", "out_channels", "num_layers"}
REGNET_CFG = {
    *("depth", "w0", "wa", "wm", "group_size", "bottle_ratio", "se_ratio", "stem_width", "downsample", "linear_out"),
    *("num_features", "act_layer"),
}


def test_torchvision_regnet():
    network = scale(zoo.network("RegNetY-4.0GF"), "dWr", factor=4).network
    exported = export_torchvision.exported(network)
    assert exported.model == "torchvision.models.regnet.RegNet"
    assert set(exported.arguments) == TORCHVISION_REGNET
    block = exported.arguments["block_params"]
    assert set(block) == BLOCK_PARAMS
    assert block["widths"] == [224, 336, 896, 1904]
    assert block["group_widths"] == [112] * 4
    assert block["se_ratio"] == 0.25


def test_torchvision_resnets_of_the_usual_widths():
    values = {name: export_torchvision.exported(zoo.network(name)).arguments for name in ("ResNet-50", "ResNet-34")}
    assert values["ResNet-34"] == {"block": "BasicBlock", "layers": [3, 4, 6, 3], "num_classes": 1000}
    settings = {"groups": 1, "width_per_group": 64}
    assert values["ResNet-50"] == {"block": "Bottleneck", "layers": [3, 4, 6, 3], "num_classes": 1000, **settings}
    settings = {"groups": 32, "width_per_group": 8}
    next_ = export_torchvision.exported(zoo.network("ResNeXt-101-32x8d")).arguments
    assert {name: next_[name] for name in settings} == settings


def test_torchvision_dense_bottlenecks_are_one_group():
    network = scale(zoo.network("ResNet-50"), "w", factor=4).network
    block = export_torchvision.exported(network).arguments["block_params"]
    assert block["group_widths"] == [128, 256, 512, 1024]
    assert block["strides"] == [1, 2, 2, 2]
    assert "MaxPool2d" in snippet(network, "torchvision")


def test_torchvision_efficientnet():
    network = scale(zoo.network("EfficientNet-B0"), "dWr", factor=4).network
    values = export_torchvision.exported(network).arguments
    rows = values["inverted_residual_setting"]
    assert all(set(row) == {"block", *MBCONV_CONFIG} for row in rows)
    assert [row["input_channels"] for row in rows] == list(network.input_widths)
    assert values["last_channel"] == network.head_width


# One of each class that is exported to; where it can be, scaled. (All of the zoo: ``python -m tests.exported``.)
EXECUTED = [
    *(("torchvision", name, "dWr") for name in ("RegNetY-400MF", "EfficientNetV2-B0", "ConvNeXt-Atto", "MobileNetV2")),
    ("torchvision", "ResNet-18", "d"),
    *(("torchvision", name, "") for name in ("VGG-11-BN", "MobileNetV3-Small")),
    *(("timm", name, "dWr") for name in ("RegNetZ-500MF", "SE-ResNet-18", "ResNet-26-T", "RegNetZ-C16", "MobileNetV1")),
    *(("timm", name, "dWr") for name in ("EfficientNet-Lite0", "LCNet-0.5", "ConvNeXt-Nano-OLS")),
    ("timm", "MobileNetV3-Small", ""),
]


@pytest.mark.parametrize(("to", "name", "strategy"), EXECUTED)
def test_exports_build_the_network_in_the_library_itself(to, name, strategy):
    from tests.exported import ran

    network = zoo.network(name)
    network = scale(network, strategy, factor=2, rounding="efficientnet").network if strategy else network
    assert ran(network, to).found == "equal"


def test_an_export_that_builds_another_network_is_told(monkeypatch):
    from tests import exported

    for old, new, said in [
        ("3, 4, 6, 3", "3, 4, 6, 2", "Complexity"),
        ("num_classes=1000", "num_classes=10", "output"),
        ("224)  #", "96)  #", "input"),
    ]:
        wrong = snippet(zoo.network("ResNet-50"), "torchvision").replace(old, new)
        monkeypatch.setattr(exported, "snippet", lambda network, to, wrong=wrong: wrong)
        assert exported.ran(zoo.network("ResNet-50"), "torchvision").found.startswith(said)


@pytest.mark.parametrize("to", LIBRARIES)
def test_every_snippet_names_the_size_of_its_input(to):
    network = scale(zoo.network("EfficientNet-B0"), "dWr", factor=4).network
    wide = replace(network, resolution=(192, 320))
    for exported, size in ((network, [3, 240, 240]), (wide, [3, 192, 320])):
        assert f"input_size = ({size[0]}, {size[1]}, {size[2]})" in snippet(exported, to)
        assert json.loads(export(exported, to))["input_size"] == size


@pytest.mark.parametrize("name", ["RegNetX-200MF", "RegNetX-4.0GF", "RegNetY-1.6GF", "RegNetZ-500MF", "RegNetZ-4GF"])
def test_timm_regnet_round_trip(name):
    network = zoo.network(name)
    values = export_timm.exported(network).arguments
    assert set(values) == {*REGNET_CFG, "num_classes", "drop_rate"}
    stage = network.stages[0]
    rebuilt = regnet(
        name,
        family=network.family,
        depth=values["depth"],
        w0=values["w0"],
        wa=values["wa"],
        wm=values["wm"],
        group_w=values["group_size"],
        ratio=Fraction(values["bottle_ratio"]),
        se=Fraction(values["se_ratio"]),
        block="linear-bottleneck" if values["linear_out"] else "bottleneck",
        activation=stage.activation,
        head_w=values["num_features"] or None,
        resolution=network.resolution,
    )
    assert rebuilt == replace(network, note="")


def test_timm_efficientnet():
    values = export_timm.exported(zoo.network("EfficientNet-B0")).arguments
    assert values["arch_def"] == [  # as timm/models/efficientnet.py has it
        ["ds_r1_k3_s1_e1_c16_se0.25"],
        ["ir_r2_k3_s2_e6_c24_se0.25"],
        ["ir_r2_k5_s2_e6_c40_se0.25"],
        ["ir_r3_k3_s2_e6_c80_se0.25"],
        ["ir_r3_k5_s1_e6_c112_se0.25"],
        ["ir_r4_k5_s2_e6_c192_se0.25"],
        ["ir_r1_k3_s1_e6_c320_se0.25"],
    ]
    assert (values["stem_size"], values["num_features"]) == (32, 1280)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(10, 30),
    st.sampled_from([24, 48, 80]),
    st.floats(15, 60),
    st.floats(2, 2.9),
    st.sampled_from([8, 16, 24]),
)
def test_generators_are_found_again(depth, w0, wa, wm, group_w):
    network = regnet("x", family="y", depth=depth, w0=w0, wa=wa, wm=wm, group_w=group_w)
    found = generator(network, Fraction(1))
    if found is not None:
        names = {"depth": found["depth"], "w0": found["w0"], "wa": found["wa"], "wm": found["wm"]}
        assert regnet("x", family="y", group_w=found["group_size"], **names) == network


@pytest.mark.parametrize(
    ("to", "name", "reason"),
    [
        (
            "pycls",
            "MobileNetV2",
            "only relu, silu, gelu; torch and torchvision and timm and json can",
        ),
        ("pycls", "ConvNeXt-Tiny", "no head of kind"),
        ("torchvision", "ResNet-18-D", "shortcuts do not pool; torch and timm and json can"),
        ("torchvision", "RegNetZ-500MF", "no blocks of kind linear-bottleneck"),
        ("torchvision", "EfficientNet-Edge-S", "SiLU, not relu"),
        ("timm", "ResNetV2-50", "no head of kind bn-act-pool; torch and json can"),
        ("timm", "VGG-16", "no head of kind vgg; torch and torchvision and json can"),
    ],
)
def test_refusals_have_reasons_and_say_what_can(to, name, reason):
    with pytest.raises(InvalidInput, match=f"{to} cannot express {name}: .*{reason}"):
        export(zoo.network(name), to)


def test_refusals_of_what_no_configuration_has():
    network = zoo.network("ResNet-50")
    dilated = replace(network, stages=tuple(replace(stage, dilation=2) for stage in network.stages))
    wide = replace(network, stages=tuple(replace(stage, kernel=(1, 5)) for stage in network.stages))
    for to in (*LIBRARIES, "pycls"):
        with pytest.raises(InvalidInput, match="not dilated, here by 2; torch and json can"):
            export(dilated, to)
        with pytest.raises(InvalidInput, match=r"kernels are squares, stage 1 has \(1, 5\); torch and json can"):
            export(wide, to)


def test_stages_that_no_generator_makes_are_a_byobnet():
    network = scale(zoo.network("RegNetY-400MF"), "dWr", target_flops=500e6).network
    assert generator(network, Fraction(1)) is None
    made = export_timm.exported(network)
    assert made.model == "timm.models.byobnet.ByobNet"
    assert [sum(row["d"] for row in stage) for stage in made.arguments["blocks"]] == list(network.depths)
    assert [stage[0]["c"] for stage in made.arguments["blocks"]] == list(network.widths)


def test_unknown_exports():
    with pytest.raises(InvalidInput, match="one of torch, pycls, torchvision, timm, json"):
        export(zoo.network("ResNet-18"), "onnx")
    with pytest.raises(InvalidInput, match="no Python snippet for 'pycls'"):
        snippet(zoo.network("ResNet-18"), "pycls")
