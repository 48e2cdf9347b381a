"""Files of traced networks: read back as they were, and refused in one line where they are none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.trace import trace
from complexity_theory.networks import files
from complexity_theory.networks.traced import Traced


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    """A small network of two repeated blocks."""
    blocks = [nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU()) for _ in range(2)]
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Sequential(*blocks), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return files.describe(trace(nn.Sequential(net, nn.Linear(8, 4)), (3, 32, 32), check=False, name="small"))


def test_a_description_is_read_back(description: dict[str, Any]) -> None:
    network = files.read(description)
    assert isinstance(network, Traced)
    assert files.describe(network) == description
    assert [(knob.name, knob.base, knob.multiple) for knob in network.knobs if knob.dimension == "width"][:1] == [
        ("0.0.width", 8, 2)
    ]


def _set(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    *steps, last = [int(part) if part.isdigit() else part for part in path.split("/")]

    def change(data: Any) -> None:
        for step in steps:
            data = data[step]
        data[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_set("version", 2), "version must be 1"),
        (_set("inputs", []), "inputs must be the sides of each input"),
        (_set("outputs", ["nowhere"]), "'nowhere', which comes out, is no step"),
        (_set("outputs", []), "nothing comes out"),
        (_set("steps/1/does", "Conv9d"), "no operation is called 'Conv9d'"),
        (_set("steps/1/does", "Layer"), "no operation is called 'Layer'"),
        (_set("steps/1/takes", ["later"]), "takes 'later', which is no step before it"),
        (_set("steps/0/fields/w_out", "w9 + 1"), "has a size in 'w9', which is no knob"),
        (_set("steps/0/fields/w_out", "__import__('os')"), "is no size"),
        (_set("steps/0/fields/w_out", 10**12), "must be at most 10^9"),
        (_set("steps/0/fields/colour", 1), "a Conv2d has no 'colour'"),
        (_set("steps/0/fields/w_in", 4), "takes 4 channels, not 3"),
        (_set("steps/4/name", "0.0"), "two steps have one name"),
        (_set("knobs/w1/size", 0), "an integer from 1 to 10^9"),
        (_set("knobs/w1/dimension", "height"), "dimension must be one of depth, width"),
        (_set("runs/0/depth", "d7"), "a run has the depth 'd7', which is no knob"),
        (_set("runs/0/last", "nowhere"), "a run of steps ends at 'nowhere'"),
        (_set("format", "traced"), "stages"),
        (_set("more", 1), "unknown field 'more'"),
    ],
)
def test_what_is_no_traced_network_is_one_line(
    description: dict[str, Any], change: Callable[[dict[str, Any]], None], says: str
) -> None:
    data = copy.deepcopy(description)
    change(data)
    with pytest.raises(InvalidInput) as error:
        files.read(data)
    assert "\n" not in str(error.value)
    assert says in str(error.value) or says == "stages"
