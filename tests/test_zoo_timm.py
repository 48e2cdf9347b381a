"""The zoo held to a table of timm: params, acts, multiply-adds at the table's resolution, as far as it prints them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from complexity_theory import zoo
from complexity_theory.graph.conventions import convention
from complexity_theory.graph.operations import GlobalAvgPool2d
from complexity_theory.graph.walk import walk

TABLE = "benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv"
# Figures are printed in millions and billions with two decimals; the slack is for one that lies halfway.
HALF_A_UNIT = 0.005 + 1e-9


class Row(NamedTuple):
    model: str
    resolution: int
    params: float
    acts: float
    flops: float


def known_rows(path: Path) -> list[Row]:
    """The rows of a table whose model the zoo knows."""
    with path.open(newline="") as file:
        return [
            Row(
                row["model"],
                int(row["infer_img_size"]),
                float(row["param_count"]),
                float(row["infer_macts"]),
                float(row["infer_gmacs"]),
            )
            for row in csv.DictReader(file)
            if zoo.knows(row["model"])
        ]


def counted(name: str, resolution: int) -> Row:
    """What timm's table would print of a network of the zoo, unrounded.

    It counts as fvcore does, but the pooling of a squeeze-excite is a mean there, which fvcore does not see.
    """
    network = zoo.network(name)
    total = convention("fvcore").total(network.tree, network.input(resolution))
    means = sum(
        visit.times * visit.inputs[0].shape.elements
        for visit in walk(network.tree, network.input(resolution))
        if isinstance(visit.operation, GlobalAvgPool2d) and "gate" in visit.path
    )
    return Row(name, resolution, total.params / 1e6, total.acts / 1e6, (total.flops - means) / 1e9)


def disagreements(rows: list[Row]) -> list[tuple[Row, Row]]:
    """The rows whose figures are not those of the zoo, each with what the zoo counts."""
    pairs = [(row, counted(row.model, row.resolution)) for row in rows]
    return [
        (row, ours)
        for row, ours in pairs
        if any(abs(a - b) > HALF_A_UNIT for a, b in zip(row[2:], ours[2:], strict=True))
    ]


@pytest.mark.parametrize(
    ("former", "name"),
    [
        ("gluon_resnet101_v1b", "ResNet-101"),
        ("gluon_resnet50_v1d", "ResNet-50-D"),
        ("ig_resnext101_32x8d", "ResNeXt-101-32x8d"),
        ("tf_efficientnet_l2_ns_475", "EfficientNet-L2"),
        ("convnext_tiny_384_in22ft1k", "ConvNeXt-Tiny"),
        ("mnasnet_a1", "SE-MNASNet"),
    ],
)
def test_former_names_of_timm_are_known(former: str, name: str):
    assert zoo.canonical(former) == name


def test_networks_with_other_classes_are_not_taken_for_those_of_imagenet():
    assert not zoo.knows("tf_efficientnetv2_s_in21k")
    assert not zoo.knows("convnext_tiny_in22k")


def test_params_of_an_older_table_agree(shared_data: Path):
    with (shared_data / "timm" / "benchmark-train-amp-nchw-pt112-cu113-rtx3090.csv").open(newline="") as file:
        printed = {row["model"]: float(row["param_count"]) for row in csv.DictReader(file)}
    known = {model: zoo.network(model).complexity().params / 1e6 for model in printed if zoo.knows(model)}
    wrong = {model for model in known if abs(known[model] - printed[model]) > HALF_A_UNIT}
    assert wrong == {"convnext_nano_ols"}  # timm has changed its stem since
    assert len(known) >= 250


def test_every_network_of_the_table_agrees(shared_data: Path):
    rows = known_rows(shared_data / "timm" / TABLE)
    assert disagreements(rows) == []
    assert len({zoo.canonical(row.model) for row in rows}) >= 120


def test_a_wrong_figure_is_found(shared_data: Path):
    row = known_rows(shared_data / "timm" / TABLE)[0]
    for wrong in (
        row._replace(params=row.params + 0.01),
        row._replace(acts=row.acts - 0.01),
        row._replace(flops=row.flops + 0.01),
    ):
        assert [found for found, _ in disagreements([wrong])] == [wrong]
