"""The zoo: its names, and its counts held to published ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity
from complexity_theory.networks.files import dump
from complexity_theory.zoo.entry import Family
from complexity_theory.zoo.published import published

PUBLISHED = published()


@pytest.mark.parametrize("entry", PUBLISHED, ids=lambda entry: entry.config)
def test_counts_equal_the_published_ones(entry):
    assert zoo.network(entry.network).complexity() == entry.counts


def test_the_comparison_of_counts_can_fail():
    counts = PUBLISHED[0].counts
    assert zoo.network(PUBLISHED[0].network).complexity() != Complexity(counts.flops, counts.params + 1, counts.acts)


def test_the_published_table_is_that_of_pycls(shared_data: Path):
    table = json.loads((shared_data / "pycls" / "model_complexity.json").read_text())
    assert {entry.config: entry.counts.as_dict() for entry in PUBLISHED} == table


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("RegNetZ-500MF", (507_217_126, 7_122_742, 5_860_358)),  # ClassyVision's definition, counted by pycls's rules
        ("MobileNetV2", (300_775_272, 3_504_872, 6_679_112)),  # 3,504,872 parameters, 300.8M in torchvision and timm
    ],
)
def test_counts_of_networks_that_pycls_does_not_publish(name, counts):
    assert zoo.network(name).complexity() == Complexity(*counts)


def test_regnety_500mf_says_what_it_is():
    network = zoo.network("RegNetY-500MF")
    assert abs(network.complexity().flops / 500e6 - 1) < 0.01
    assert network.note.startswith("RegNetY-400MF scaled by dWr to 500MF, rounded by pycls; ")
    assert network.note.endswith("the parameters of RegNetY-500MF itself are not published")


def test_every_name_and_alias_leads_to_its_network_in_any_case():
    owners = {}
    for name in zoo.names():
        assert zoo.network(name).name == name
        for alias in (name, *zoo.aliases(name)):
            assert owners.setdefault(alias.lower(), name) == name, f"{alias} stands for two networks"
            assert zoo.canonical(alias.upper()) == zoo.canonical(alias.lower()) == name
            assert zoo.find(alias) is zoo.network(name)


@pytest.mark.parametrize("file", ["net.toml", "NET.JSON"])
def test_a_file_is_found_by_its_path(tmp_path: Path, file: str):
    network = zoo.network("RegNetZ-500MF")
    dump(network, tmp_path / file.lower())
    (tmp_path / file.lower()).rename(tmp_path / file)
    assert zoo.find(str(tmp_path / file)) == network
    with pytest.raises(InvalidInput):
        zoo.find(str(tmp_path / f"no-{file}"))


def test_families_part_the_names():
    assert sorted(name for family in zoo.families() for name in zoo.names(family)) == sorted(zoo.names())
    for family in zoo.families():
        assert {zoo.network(name).family for name in zoo.names(family)} == {family}


def test_every_family_has_one_kin():
    assert all(zoo.kin(family) for family in zoo.families())
    kin = {
        family: {entry.family.kin for entry in zoo._entries().values() if entry.family.name == family}
        for family in zoo.families()
    }
    assert {len(found) for found in kin.values()} == {1}


def test_families_of_one_generator_or_block_are_kin():
    assert {zoo.kin(f"RegNet{letter}") for letter in "XYZV"} == {"RegNet"}
    for family in ("ResNeXt", "SE-ResNet", "SE-ResNeXt", "ResNet-RS", "ResNetV2", "ResNet-CIFAR"):
        assert zoo.kin(family) == zoo.kin("ResNet")
    for family in ("TinyNet", "EfficientNet-Lite", "EfficientNet-Edge", "EfficientNetV2"):
        assert zoo.kin(family) == zoo.kin("EfficientNet")
    assert {zoo.kin(family) for family in ("MobileNetV1", "MobileNetV3", "MNASNet", "LCNet")} == {"MobileNet"}
    assert len({zoo.kin(family) for family in zoo.families()}) == 6


def test_a_family_without_kin_cannot_be_declared():
    with pytest.raises(TypeError, match="kin"):
        Family("Lonely")


@pytest.mark.parametrize("text", ["EfficientNet-B9", "resnet51", "", "no such thing"])
def test_unknown_names_are_told_in_one_line(text):
    with pytest.raises(InvalidInput) as told:
        zoo.network(text)
    assert "\n" not in str(told.value)
    assert repr(text) in str(told.value)


def test_near_names_are_offered():
    with pytest.raises(InvalidInput, match=r"did you mean .*EfficientNet-B0"):
        zoo.find("efficientnet-b00")
    with pytest.raises(InvalidInput, match=r"unknown family 'RegNet': one of .*RegNetX"):
        zoo.names("RegNet")


@pytest.mark.parametrize("name", zoo.names())
def test_arrays_count_as_ints_do(name):
    """The reading in symbols is held to the ints in test_closed_form.py, for every name too."""
    network = zoo.network(name)
    depth, width, resolution = np.array([1, 2]), np.array([3, 1]), np.array([64, 230])
    counted = network.scaled(depth=depth, width=width, group_width=width).complexity(resolution)
    for i in range(2):
        d, w = int(depth[i]), int(width[i])
        one = network.scaled(depth=d, width=w, group_width=w).complexity(int(resolution[i]))
        assert counted.map(lambda entry, i=i: int(np.broadcast_to(entry, 2)[i])) == one
