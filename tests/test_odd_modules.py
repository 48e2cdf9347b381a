"""Whole networks in odd styles: counted, widened and deepened, enlarged, each held to counters of others."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from complexity_theory.measurement.trace.tracing import Tracing
from tests.odder_modules import ODD, AuxiliaryHead
from tests.traces import trains
from tests.unusual import others, stressed
from tests.wilder_modules import WILD

# What is refused of one, and how that is said.
REFUSED = {"OnceForEachImage": "width: no module of these sizes can be made of OnceForEachImage: 'project' (Conv2d)"}
# torch's counter has no rule for recurrent layers on the CPU, and these others ask for numbers that meta lacks.
ON_META = frozenset(["ReadByGru", "Recurrence"])
UNHELD = frozenset(["PlainList", "lazy", "dynamic_weights", "boolean_mask"])  # to hooks in ``test_wild_modules``


@pytest.mark.parametrize("name", ODD)
def test_odd_networks_are_counted_scaled_and_enlarged(name: str) -> None:
    make, sides = ODD[name]
    module = make().to("meta") if name in ON_META else make()
    found = stressed(module, sides, random.Random(1))
    assert found.wrong == ()
    assert {"counted", "resolution", "form"} <= set(found.did)
    if name in REFUSED:
        [reason] = found.refused
        assert reason.startswith(REFUSED[name])
    else:
        assert found.refused == ()
        assert "scaled" in found.did


@pytest.mark.parametrize(
    "name", [name for name, (_, shapes) in WILD.items() if len(shapes) == 1 and name not in UNHELD]
)
def test_modules_in_the_wild_scaled_and_enlarged_cost_what_their_forms_say(name: str) -> None:
    make, [sides] = WILD[name]
    module = make().float()
    found = stressed(module.to("meta") if name in ON_META else module, tuple(sides), random.Random(1))
    assert found.wrong == ()
    assert "counted" in found.did


def test_the_comparison_sees_a_wrong_count() -> None:
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AvgPool2d(2))
    network = Tracing(module, (3, 16, 16)).network
    expected = others(module, (3, 16, 16))
    assert expected.differs(network.complexity()) == ""
    assert "is not" in expected.differs(network.complexity(18))


def test_heads_of_training_alone_follow_the_body_and_keep_their_classes() -> None:
    found = Tracing(AuxiliaryHead(), (3, 64, 96))
    assert not any("auxiliary.4" in knob.name for knob in found.network.knobs)
    made = found.scaled(found.multiplied(w=2))
    assert made.auxiliary[1][0].in_channels == 32  # type: ignore[index,union-attr]
    assert made.auxiliary[4].out_features == 10  # type: ignore[index,union-attr]
    assert trains(made, (3, 64, 96)) == ""
    assert [x.shape for x in made.train()(torch.zeros(2, 3, 64, 96))] == [(2, 10), (2, 10)]
