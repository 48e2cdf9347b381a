"""The zoo held to a table of timm: params, acts, multiply-adds at the table's resolution, as far as it prints them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from complexity_theory import zoo
from complexity_theory.compose import walk
from complexity_theory.conventions import convention
from complexity_theory.layers import GlobalAvgPool2d

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
        visit.times * visit.shape.elements
        for visit in walk(network.tree, network.input(resolution))
        if isinstance(visit.layer, GlobalAvgPool2d) and "gate" in visit.path
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
