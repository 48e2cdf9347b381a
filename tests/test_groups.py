"""The cliff of group widths, and the work of group convolutions by which it is read."""

from __future__ import annotations

from pathlib import Path

from complexity_theory import zoo
from complexity_theory.devices.features import network_features
from complexity_theory.devices.terms import terms
from complexity_theory.evidence.groups import group_costs, group_terms
from complexity_theory.evidence.loaders import load_table


def test_group_convolutions_alone_are_taken() -> None:
    network = zoo.network("RegNetX-12GF")
    amounts, outputs = group_terms(network, 64)
    assert amounts["macs"] == network_features(network).macs_group
    assert 0 < amounts["conv_traffic"] < terms(network_features(network), 64)["conv_traffic"]
    assert set(outputs) == {112}
    assert group_terms(zoo.network("EfficientNet-B0"), 64) == ({}, {})


def test_the_group_width_cliff_of_compiled_networks(shared_data: Path) -> None:
    table = load_table(str(shared_data / "timm" / "benchmark-infer-amp-nchw-pt240-cu124-rtx4090-dynamo.csv"))
    costs = group_costs(table).groupby("group_width")["cost"].median()
    assert costs[24] > 2 * max(costs[16], costs[32])
