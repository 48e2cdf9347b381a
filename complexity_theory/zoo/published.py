"""Counts that others have published, as data with their source: what our own counts are held to."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import NamedTuple

from complexity_theory.graph.complexity import Complexity


class Published(NamedTuple):
    """A published count: pycls's configuration file, our name of its network, and its cost on one image."""

    config: str
    network: str
    counts: Complexity


def published() -> tuple[Published, ...]:
    """The counts that pycls publishes (``published_counts.csv`` names the source): multiply-adds and elements.

    >>> published()[0]
    Published(config='archive/cifar/anynet/R-110_nds_1gpu.yaml', network='ResNet-110-CIFAR',
              counts=Complexity(flops=253149834, params=1730714, acts=1060874))
    """
    text = files("complexity_theory.zoo").joinpath("published_counts.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        Published(row["config"], row["network"], Complexity(int(row["flops"]), int(row["params"]), int(row["acts"])))
        for row in rows
    )
