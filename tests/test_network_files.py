"""Network files: what is written loads back, and what is wrong is told by field and value."""

from __future__ import annotations

import dataclasses
import json

import pytest

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.networks import Network, Stage
from complexity_theory.networks.files import TYPES, describe, dump, load_network, read
from complexity_theory.scaling.realise import scale

SMALL = """
stem = "conv3"
stem_width = 32
resolution = 128

[[stages]]
block = "bottleneck"
depth = 2
width = 64
stride = 2
ratio = 0.5
group_width = 8
se = "1/4"
"""


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_the_zoo_survives_a_file(tmp_path, suffix):
    path = tmp_path / f"network{suffix}"
    for name in zoo.names()[::5]:
        network = zoo.network(name)
        dump(network, path)
        assert load_network(path) == network


def test_a_scaled_network_survives_a_file(tmp_path):
    network = scale(zoo.network("RegNetZ-500MF"), "dWr", factor=3).network
    dump(network, tmp_path / "x.toml")
    assert load_network(tmp_path / "x.toml") == network
    assert zoo.find(str(tmp_path / "x.toml")) == network


def test_a_shortcut_of_its_own_survives():
    stage = Stage(block="basic", depth=2, width=32, shortcut="projection")
    network = Network(name="x", family="y", stem="cifar", stem_width=32, stages=(stage,))
    assert read(describe(network)) == network


def test_a_small_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SMALL)
    network = load_network(path)
    assert (network.name, network.family, network.resolution) == ("mine", "custom", 128)
    assert network.stages[0].group_width == 8
    assert network.complexity() == dataclasses.replace(network, name="other").complexity()


def test_every_kind_of_field_can_be_read():
    kinds = {field.type for part in (Network, Stage) for field in dataclasses.fields(part) if field.name != "stages"}
    assert kinds <= set(TYPES)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("depth = 2", "depth = 2.5", "stage 1: depth must be an integer up to 10^9, not 2.5"),
        ("depth = 2", "depth = true", "stage 1: depth must be an integer up to 10^9, not True"),
        ("depth = 2", "depth = 0", "stage 1: depth must be at least 1, not 0"),
        ("depth = 2", "", "stage 1: depth is missing"),
        ("depth = 2", "deep = 2\ndepth = 2", "stage 1: unknown field 'deep': one of block, depth"),
        ("ratio = 0.5", 'ratio = "1/0"', "stage 1: ratio must be a number or a fraction"),
        ("depth = 2", "depth = 1000000001", "stage 1: depth must be an integer up to 10^9, not 1000000001"),
        pytest.param("depth = 2", f"depth = 0x{'f' * 9999}", "not a number of 12,040 digits", id="hexadecimal"),
        ("ratio = 0.5", 'ratio = "1e999999999"', "stage 1: ratio must be a number or a fraction"),
        ("resolution = 128", f"dropout = 1{'0' * 400}", "dropout must be a number, not a number of 401 digits"),
        ("resolution = 128", "dropout = nan", "dropout must be a number, not nan"),
        ("resolution = 128", 'name = "a\\nb"', "name must be text on one line"),
        ("ratio = 0.5", "ratio = nan", "stage 1: ratio must be a number or a fraction"),
        ("ratio = 0.5", "ratio = -1", "stage 1: ratio must be positive, not -1"),
        ('block = "bottleneck"', 'block = "bottle"', "stage 1: unknown block 'bottle'"),
        ("group_width = 8", "group_width = 7", "7 does not divide"),
        ("stride = 2", 'stride = 2\nshortcut = "skip"', "shortcut must be one of identity, projection, none"),
        ("stem_width = 32", 'stem_width = "32"', "stem_width must be an integer up to 10^9, not '32'"),
        ("stem_width = 32", "stem_width = -3", "stem width must be at least 1, not -3"),
        ('stem = "conv3"', "", "stem is missing"),
        ("stem_width = 32", "stem_width = ", "is no valid TOML"),
        ("[[stages]]", "[stages]", "stages must be a list"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, old, new, words):
    assert old in SMALL
    path = tmp_path / "mine.toml"
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(InvalidInput) as caught:
        load_network(path)
    assert words in str(caught.value)
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path):
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "empty.toml").write_text("")
    for name in ("list.json", "bytes.json", "deep.json", "empty.toml", "missing.toml"):
        with pytest.raises(InvalidInput, match=name):
            load_network(tmp_path / name)


def test_what_cannot_be_written(tmp_path):
    network = zoo.network("ResNet-18")
    with pytest.raises(InvalidInput, match=r"ends in .toml or .json"):
        dump(network, tmp_path / "x.yaml")
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot write"):
        dump(network, tmp_path / "file" / "x.toml")


def test_a_field_given_twice_is_refused(tmp_path):
    path = tmp_path / "twice.json"
    path.write_text('{"stem": "conv3", "stem": "cifar"}')
    with pytest.raises(InvalidInput, match=r"twice.json is no valid JSON: 'stem' is given twice"):
        load_network(path)


def test_a_name_in_any_script_survives(tmp_path):
    network = dataclasses.replace(zoo.network("ResNet-18"), name="сеть")
    for suffix in (".toml", ".json"):
        dump(network, tmp_path / f"x{suffix}")
        assert load_network(tmp_path / f"x{suffix}") == network
    assert json.loads((tmp_path / "x.json").read_bytes().decode())["name"] == "сеть"
