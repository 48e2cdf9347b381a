"""Configurations of pycls are read as networks: equal to the zoo's, to published counts, and to our own exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.exports import export
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.pycls import load_config, read
from complexity_theory.scaling.realise import scale
from complexity_theory.zoo.published import published
from complexity_theory.zoo.regnets import REGNETX, REGNETY

PUBLISHED = {row.config.rpartition("/")[2]: row.counts for row in published()}
IMAGENET = {"NUM_CLASSES": 1000}


def regnet(numbers: tuple[float, ...], **more: Any) -> dict[str, Any]:
    names = ("DEPTH", "W0", "WA", "WM", "GROUP_W")
    return {"MODEL": {"TYPE": "regnet", **IMAGENET}, "REGNET": dict(zip(names, numbers, strict=True)) | more}


def resnet(depth: int, **more: Any) -> dict[str, Any]:
    part = {"TRANS_FUN": "bottleneck_transform", "STRIDE_1X1": False, **more}
    return {"MODEL": {"TYPE": "resnet", "DEPTH": depth, **IMAGENET}, "RESNET": part}


@pytest.mark.parametrize("size", REGNETX)
def test_regnets_by_their_generator(size: str) -> None:
    assert read(regnet(REGNETX[size])).complexity() == zoo.network(f"RegNetX-{size}").complexity()
    with_se = read(regnet(REGNETY[size], SE_ON=True))
    assert with_se.complexity() == zoo.network(f"RegNetY-{size}").complexity()
    assert with_se.group_widths == zoo.network(f"RegNetY-{size}").group_widths


@pytest.mark.parametrize(
    ("config", "counts"),
    [
        (resnet(50), PUBLISHED["R-50-1x64d_dds_8gpu.yaml"]),
        (resnet(152), PUBLISHED["R-152-1x64d_dds_8gpu.yaml"]),
        (resnet(101, NUM_GROUPS=32, WIDTH_PER_GROUP=4), PUBLISHED["X-101-32x4d_dds_8gpu.yaml"]),
        (
            {"MODEL": {"TYPE": "resnet", "DEPTH": 110}, "TRAIN": {"DATASET": "cifar10", "IM_SIZE": 32}},
            PUBLISHED["R-110_nds_1gpu.yaml"],
        ),
    ],
)
def test_resnets_have_their_published_counts(config: dict[str, Any], counts: Complexity) -> None:
    assert read(config).complexity() == counts


IN_PYCLS = [
    *("RegNetX-200MF", "RegNetY-4.0GF", "RegNetZ-500MF", "RegNetZ-4GF", "EfficientNet-B0", "EfficientNet-B5"),
    *("ResNet-18", "ResNet-50", "ResNeXt-101-32x4d", "ResNet-110-CIFAR", "Plain-56-CIFAR"),
]


@pytest.mark.parametrize("name", IN_PYCLS)
def test_what_we_export_is_read_back(name: str, tmp_path: Path) -> None:
    network, path = zoo.network(name), tmp_path / "config.yaml"
    for exported in (network, scale(network, "dWr", factor=3).network):
        path.write_text(export(exported, "pycls"))
        found = zoo.find(path)
        assert found.name == "config"
        assert found.complexity() == exported.complexity()
        assert found.sizes() == exported.sizes()
        assert [stage.shortcut for stage in found.stages] == [stage.shortcut for stage in exported.stages]


def test_what_trains_a_network_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(yaml.safe_dump(resnet(50) | {"OPTIM": {"BASE_LR": 0.1}, "BN": {"EPS": 1e-5}, "OUT_DIR": "."}))
    assert load_config(path).complexity() == zoo.network("ResNet-50").complexity()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ([1], "a configuration of pycls must be named fields, not [1]"),
        ({}, "MODEL is missing"),
        ({"MODEL": {}}, "MODEL: TYPE is missing"),
        ({"MODEL": {"TYPE": "vit"}}, "unknown MODEL: TYPE 'vit': one of anynet, regnet, effnet, resnet"),
        ({"MODEL": {"TYPE": "regnet", "SCALING_FACTOR": 4.0}}, "SCALING_FACTOR must be 1, not 4.0"),
        ({"MODEL": {"TYPE": "regnet", "ACTIVATION_FUN": "tanh"}}, "ACTIVATION_FUN 'tanh'"),
        ({"MODEL": {"TYPE": "anynet"}}, "at least one stage"),
        (regnet((13, 24, -1, 2.49, 8)), "REGNET: WA must be a number from 0 to 10^9, not -1"),
        (regnet((13, 24, 36.44, 2.49, "8")), "REGNET: GROUP_W must be an integer from 0 to 10^9, not '8'"),
        (regnet((10**7, 24, 36.44, 2.49, 8)), "depth must be a whole number from 1 to 10,000, not 10000000"),
        (regnet((13, 25, 36.44, 2.49, 8)), "w0 a positive multiple of 8"),
        (resnet(18), "DEPTH must be one of 50, 101, 152"),
        (resnet(50, STRIDE_1X1=True), "STRIDE_1X1 must be false"),
        (
            {"MODEL": {"TYPE": "anynet"}, "ANYNET": {"DEPTHS": [1, 2], "WIDTHS": [8]}},
            "WIDTHS must have one entry for each of 2",
        ),
        ({"MODEL": {"TYPE": "anynet"}, "ANYNET": {"DEPTHS": [1], "WIDTHS": [8.5]}}, "WIDTHS 1 must be an integer"),
        ({"MODEL": {"TYPE": "anynet"}, "ANYNET": {"BLOCK_TYPE": "x"}}, "unknown ANYNET: BLOCK_TYPE 'x'"),
    ],
)
def test_what_is_wrong_is_said(config: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(InvalidInput) as refused:
        zoo.find(path)
    assert words in str(refused.value)
    assert "wrong.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_hostile_yaml_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    nested = "\n".join(["a0: &a0 [x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30))])
    cases = [nested, "[" * 50_000, "!!python/object/apply:os.system ['true']", "a: [", "\x00", "x" * 300_000, "&a [*a]"]
    for text in cases:
        path.write_text(text)
        with pytest.raises(InvalidInput, match=r"hostile\.yaml") as refused:
            load_config(path)
        assert len(str(refused.value)) < 400
        assert "\n" not in str(refused.value)
