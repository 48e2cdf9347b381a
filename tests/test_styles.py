"""Networks in the styles that people write, traced: what moves, and that it does as their own widths do."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.count import count
from complexity_theory.measurement.trace import scaled, with_weights
from complexity_theory.measurement.trace.tracing import Tracing
from complexity_theory.scaling.realise import scale
from tests.other_counters import multiply_adds
from tests.styles import IMAGE, STYLES, WithAuxiliaryHead
from tests.traces import outputs, trains, unsettled


@cache
def traced(name: str) -> Tracing:
    """A style traced, and held to other sizes."""
    make, width, inputs, _ = STYLES[name]
    found = Tracing(make(width), *inputs, name=name)
    found.check()
    return found


@pytest.mark.parametrize("name", STYLES)
def test_a_style_moves_as_its_own_width_does(name: str) -> None:
    make, width, inputs, moves = STYLES[name]
    found = traced(name)
    assert {knob.dimension for knob in found.network.knobs if knob.moves} == moves
    assert all(knob.why for knob in found.network.knobs if not knob.moves)
    assert found.network.complexity() == count(make(width), *inputs)
    if "width" in moves:
        for by in (2, 3):
            assert found.network.cost(found.multiplied(w=by)) == count(make(by * width), *inputs)


@pytest.mark.parametrize("name", STYLES)
def test_a_style_costs_what_torch_counts(name: str) -> None:
    make, width, inputs, _ = STYLES[name]
    cost = traced(name).network.complexity()
    free = sum(p.numel() for p in make(width).parameters() if p.ndim > 1)
    assert free <= cost.params
    biased = cost.flops + cost.products - multiply_adds(make(width).to("meta"), list(inputs), "meta")
    assert 0 <= biased <= cost.acts  # one for each output with a bias


@pytest.mark.parametrize("name", [name for name in STYLES if name != "RecurrentCell"])
def test_a_style_built_anew_gives_what_it_gives(name: str) -> None:
    make, width, inputs, _ = STYLES[name]
    network = traced(name).network
    assert network.loose == ()
    module = unsettled(make(width))
    built = with_weights(network, module)
    if len(inputs) == 1:
        x = torch.randn(2, *inputs[0], generator=torch.Generator().manual_seed(1))
        for a, b in zip(outputs(module, x), outputs(built, x), strict=True):
            assert a.shape == b.shape
            assert float((a - b).abs().max()) <= 1e-5 * float(a.abs().max())


@pytest.mark.parametrize("strategy", ["w", "dw", "dWr", "r"])
@pytest.mark.parametrize("name", ["DilatedPyramid", "TurnedDepthwise", "RecurrentLine", "Decoder", "Experts"])
def test_a_style_scaled_is_a_module_that_trains(name: str, strategy: str) -> None:
    """Also where the input must halve several times: the resolution knows of what it is a multiple."""
    make, width, inputs, _ = STYLES[name]
    network = traced(name).network
    found = scale(network, strategy, factor=4)
    made = scaled(make(width), *inputs, to=found.network)
    assert count(made, *found.network.inputs) == found.complexity
    assert trains(made, found.network.inputs[0]) == ""


def test_a_style_that_needs_halves_is_scaled_by_halves() -> None:
    [knob] = [knob for knob in traced("Decoder").network.knobs if knob.dimension == "resolution"]
    assert knob.multiple == 4
    with pytest.raises(InvalidInput, match="do not match"):
        traced("Decoder").network.at(66)


def test_a_head_of_training_alone_is_scaled_with_the_rest() -> None:
    made = scaled(WithAuxiliaryHead(), IMAGE, width=2)
    assert trains(made, IMAGE) == ""
    assert made.aux[0].weight.shape == (32, 32, 5, 5)  # type: ignore[index,union-attr]
