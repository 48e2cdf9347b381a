"""How memory scales: what training keeps, in closed form, against the exact count; and its exponents."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.graph.memory import kept
from complexity_theory.networks.spec import Network, Stage
from complexity_theory.scaling.exponents import LAYERS, derive
from complexity_theory.scaling.kept import effective_exponent, kept_form, layer_exponent, limit
from complexity_theory.scaling.strategy import NAMED, parse

FIRSTS = [name for family in zoo.families() for name in zoo.names(family)[:1]]


def exact(network: Network, side: int) -> int:
    return kept(network.tree, network.input(side)).each  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", FIRSTS)
def test_the_form_is_the_count_at_every_size(name: str) -> None:
    network = zoo.network(name)
    form = kept_form(network)
    for side in (2, 7):
        assert form.subs({d: 1, w: 1, g: 1, n: side}) == exact(network, 32 * side)
    assert (form + n).subs({d: 1, w: 1, g: 1, n: 2}) != exact(network, 64)


@pytest.mark.parametrize("name", ["EfficientNet-B0", "RegNetY-4.0GF", "ResNet-18", "ConvNeXt-Atto"])
def test_whole_multipliers_give_the_count_of_the_scaled_network(name: str) -> None:
    network = zoo.network(name)
    for depth, width, side in [(2, 1, 7), (1, 3, 4), (3, 2, 5)]:
        scaled = network.scaled(depth=depth, width=width, group_width=width)
        assert kept_form(network).subs({d: depth, w: width, g: width, n: side}) == exact(scaled, 32 * side)


def test_a_network_without_a_closed_form_is_told() -> None:
    stages = tuple(Stage(block="basic", depth=1, width=8, stride=2) for _ in range(8))
    with pytest.raises(InvalidInput, match="strided has no closed form"):
        kept_form(Network(name="strided", family="", stem="conv3", stem_width=8, stages=stages))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", NAMED)
def test_a_stack_of_convolutions_keeps_its_acts(name: str, layer: str) -> None:
    """Each convolution keeps its input, as large as its output: the memory of activations scales as acts do."""
    derivation = derive(parse(name), layer)
    assert sympy.simplify(layer_exponent(derivation) - derivation.exponents.acts) == 0


@pytest.mark.parametrize("text", ["dWr", "w", "fast:0.3", "d1_w2_g3_r4"])
def test_effective_exponents_are_slopes(text: str) -> None:
    """By another road: the difference of logarithms over a small step of log s."""
    network, strategy, step = zoo.network("EfficientNet-B0"), parse(text), 1e-4
    form = sympy.lambdify((d, w, g, n), kept_form(network))
    for factor in (1.0, 7.5):
        at = [strategy.multipliers(factor * np.exp(x)) for x in (-step, step)]
        low, high = (form(m.depth, m.width, m.group_width, 7 * m.resolution) for m in at)
        slope = np.log(high / low) / (2 * step)
        assert effective_exponent(network, strategy, factor) == pytest.approx(slope, abs=1e-6)


def test_the_limits_are_those_of_acts() -> None:
    network = zoo.network("RegNetY-4.0GF")
    assert limit(network, parse("dWr")) == Fraction(3, 5)
    assert limit(network, parse("r")) == 1
    distances = [abs(effective_exponent(network, parse("dWr"), s) - 0.6) for s in (1, 8, 64, 512)]
    assert distances == sorted(distances, reverse=True)
