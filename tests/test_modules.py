"""Networks that others wrote, counted by others: a sample in every run, all of them by ``python -m tests.modules``."""

from __future__ import annotations

from pathlib import Path

import pytest

from complexity_theory.measurement.count import count
from tests.modules import SAMPLE, constructed, differences, main, truth


@pytest.mark.parametrize("name", SAMPLE)
def test_counts_equal_those_of_others(name: str, shared_data: Path) -> None:
    [network] = [network for network in truth(shared_data) if network["name"] == name]
    module = constructed(network["constructor"])
    for size, expected in network["sizes"].items():
        assert differences(module, expected) == [], size


def test_a_wrong_count_is_seen(shared_data: Path) -> None:
    network = truth(shared_data)[-1]
    expected = next(iter(network["sizes"].values()))
    module = constructed(network["constructor"])
    planted = {**expected, "flops": expected["flops"] + 1}
    assert differences(module, planted) == [f"flops: {expected['flops']} is not {expected['flops'] + 1}"]
    assert count(module, tuple(expected["input"][1:])).flops == expected["flops"]


def test_all_of_them_are_counted_by_one_command(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user/net"]) == 0
    assert ["all", "4", "4"] in [line.split() for line in capsys.readouterr().out.splitlines()]
