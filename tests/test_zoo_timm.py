"""The zoo held to a table of timm: params and acts at the table's resolution, within the rounding of what it prints."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from complexity_theory import zoo
from complexity_theory.compose import walk
from complexity_theory.layers import AvgPool2d, MaxPool2d

TABLE = "benchmark-infer-amp-nchw-pt240-cu124-rtx4090.csv"
# Figures are printed in millions with two decimals.
HALF_A_UNIT = 0.005


class Row(NamedTuple):
    model: str
    resolution: int
    params: float
    acts: float


def known_rows(path: Path) -> list[Row]:
    """The rows of a table whose model the zoo knows."""
    rows = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if zoo.knows(row["model"]):
                size, params, acts = row["infer_img_size"], row["param_count"], row["infer_macts"]
                rows.append(Row(row["model"], int(size), float(params), float(acts)))
    return rows


def counts(name: str, resolution: int) -> tuple[float, float]:
    """Params and acts in millions; acts of convolutions and linear layers alone, as timm counts them."""
    network = zoo.network(name)
    total = network.complexity(resolution)
    pooled = sum(
        visit.times * visit.layer.complexity(visit.shape).acts
        for visit in walk(network.tree, network.input(resolution))
        if isinstance(visit.layer, (MaxPool2d, AvgPool2d))
    )
    return total.params / 1e6, (total.acts - pooled) / 1e6


def disagreements(rows: list[Row]) -> list[tuple[Row, float, float]]:
    """The rows whose figures are not the rounded ones of the zoo."""
    found = []
    for row in rows:
        params, acts = counts(row.model, row.resolution)
        # The slack is for the rounding of a figure that lies halfway.
        if max(abs(params - row.params), abs(acts - row.acts)) > HALF_A_UNIT + 1e-9:
            found.append((row, params, acts))
    return found


def test_every_network_of_the_table_agrees(shared_data: Path):
    rows = known_rows(shared_data / "timm" / TABLE)
    assert disagreements(rows) == []
    assert len({zoo.canonical(row.model) for row in rows}) >= 120


def test_a_wrong_figure_is_found(shared_data: Path):
    row = known_rows(shared_data / "timm" / TABLE)[0]
    for wrong in (row._replace(params=row.params + 0.01), row._replace(acts=row.acts - 0.01)):
        assert [found for found, _, _ in disagreements([wrong])] == [wrong]
