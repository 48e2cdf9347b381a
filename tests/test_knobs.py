"""Knobs: what a network offers to scaling, and that all who scale it need nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, n, w
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Repeat, Sequential
from complexity_theory.graph.memory import kept
from complexity_theory.graph.operations import Conv2d
from complexity_theory.networks.knobs import Knob, KnobPart, Scalable, bases, fitting, held, matches
from complexity_theory.scaling.closed_form import closed_form
from complexity_theory.scaling.effective import effective_exponents
from complexity_theory.scaling.kept import kept_form, limit
from complexity_theory.scaling.population import counts, polynomials
from complexity_theory.scaling.realise import RULES, scale
from complexity_theory.scaling.strategy import parse


@dataclass(frozen=True)
class Chain:
    """Another maker of knobs: a stem, convolutions in a row, and group convolutions of another width beside them.

    Two widths are tied by an unbreakable bond (the second is half of the first): one knob, a multiple of 2.
    """

    values: tuple[Any, ...] = (4, 64, 8, 32)
    name: str = "chain"
    note: str = ""

    @property
    def knobs(self) -> tuple[Knob, ...]:
        depth, width, group_width, side = self.values
        return (
            Knob(name="body.depth", dimension="depth", base=depth),
            Knob(name="body.width", dimension="width", base=width, multiple=2),
            Knob(
                name="body.group_width",
                dimension="group_width",
                base=group_width,
                divides=(KnobPart("body.width", Fraction(1, 2)),),
            ),
            Knob(name="input", dimension="resolution", base=side),
        )

    def complexity(self) -> Complexity:
        return self.cost(self.values)

    def resized(self, values: Sequence[int], *, name: str | None = None, note: str | None = None) -> Chain:
        return replace(self, values=tuple(values), name=name or self.name, note=note or self.note)

    def fits(self, values: Sequence[Any]) -> Any:
        return fitting(self.knobs, values)

    @staticmethod
    def layer(values: Sequence[Any]) -> Sequential:
        depth, width, group_width, _ = values
        half = width // 2 if not hasattr(width, "free_symbols") else width / 2
        row = Sequential(Conv2d(width, half, 1), Conv2d(half, half, 3, group_width=group_width), Conv2d(half, width, 1))
        return Sequential(Conv2d(3, width, 3, stride=2), Repeat(row, depth))

    def cost(self, values: Sequence[Any]) -> Complexity:
        return self.layer(values).complexity(Shape(3, values[3], values[3]))

    ideal = cost

    def kept(self, values: Sequence[Any]) -> Any:
        return kept(self.layer(values), Shape(3, values[3], values[3])).each

    def sizes(self) -> dict[str, Any]:
        return dict(zip((knob.name for knob in self.knobs), self.values, strict=True))

    def dense(self) -> Chain:
        return self


CHAIN: Scalable = Chain()


@pytest.mark.parametrize("strategy", ["d", "w", "r", "dWr", "dwr", "g"])
@pytest.mark.parametrize("rounding", RULES)
def test_another_maker_of_knobs_is_scaled_by_the_same_code(strategy: str, rounding: str) -> None:
    scaled = scale(CHAIN, strategy, factor=3, rounding=rounding)
    assert isinstance(scaled.network, Chain)
    assert fitting(CHAIN.knobs, scaled.values)
    assert scaled.network.values[1] % 8 == 0
    assert scale(CHAIN, strategy, factor=1).network == CHAIN
    if strategy != "g":
        assert abs(scale(CHAIN, strategy, target_flops=5 * CHAIN.complexity().flops).deviation) < 0.1


@dataclass(frozen=True)
class Meeting(Chain):
    """A convolution in groups between two widths, so that the number of its groups must divide both."""

    values: tuple[Any, ...] = (16, 24, 2, 32)

    @property
    def knobs(self) -> tuple[Knob, ...]:
        into, out, group_width, side = self.values
        return (
            Knob(name="a.width", dimension="width", base=into),
            Knob(name="b.width", dimension="width", base=out),
            Knob(
                name="b.group_width",
                dimension="group_width",
                base=group_width,
                shares=((KnobPart("a.width"), KnobPart("b.width")),),
            ),
            Knob(name="input", dimension="resolution", base=side),
        )

    @staticmethod
    def layer(values: Sequence[Any]) -> Sequential:
        into, out, group_width, _ = values
        return Sequential(Conv2d(3, into, 3), Conv2d(into, out, 3, group_width=group_width), Conv2d(out, into, 1))


@pytest.mark.parametrize("rounding", RULES)
@given(factor=st.floats(0.3, 60), strategy=st.sampled_from(["w", "dWr", "dwr", "g", "wr", "fast:0.4"]))
@settings(max_examples=25)
def test_where_two_widths_meet_the_number_of_groups_divides_both(rounding: str, factor: float, strategy: str) -> None:
    """Any factor has a network that can be built, and so has any target."""
    scaled = scale(Meeting(), strategy, factor=factor, rounding=rounding)
    into, out, group_width, _ = scaled.values
    assert into % group_width == out % (into // group_width) == 0
    assert scaled.network.complexity() == scaled.complexity


def test_a_target_is_reached_where_two_widths_meet() -> None:
    network = Meeting()
    assert abs(scale(network, "wr", target_flops=6 * network.complexity().flops).deviation) < 0.01


def test_another_maker_has_closed_forms_exponents_and_populations() -> None:
    form = closed_form(CHAIN)
    assert form.map(lambda f: f.subs({d: 1, w: 1, g: 1, n: 1})) == CHAIN.complexity()
    assert form.map(lambda f: f.subs({d: 2, w: 3, g: 3, n: 2})) == Chain((8, 192, 24, 64)).complexity()
    assert effective_exponents(CHAIN, parse("d")).limits.flops == 1
    memory = kept_form(CHAIN)
    assert memory.subs({d: 2, w: 3, g: 3, n: 2}) == Chain().kept((8, 192, 24, 64))
    assert limit(CHAIN, parse("dWr")) == Fraction(3, 5)
    assert polynomials(CHAIN)(depth=2).flops == Chain((8, 64, 8, 32)).complexity().flops
    found = counts(CHAIN, {"body.width": np.array([64, 128]), "input": 64})
    assert [found.flops[i] for i in range(2)] == [Chain((4, size, 8, 64)).complexity().flops for size in (64, 128)]


@pytest.mark.parametrize("name", zoo.names()[::9])
def test_a_network_of_its_own_sizes_is_itself(name: str) -> None:
    network = zoo.network(name)
    own = bases(network.knobs)
    assert network.resized(own) == network
    assert network.cost(own) == network.complexity()
    assert network.fits(own)
    assert len({knob.name for knob in network.knobs}) == len(network.knobs)
    assert all(knob.tied is None or knob.tied in {k.name for k in network.knobs} for knob in network.knobs)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_fits_is_built_and_what_does_not_is_refused(data: st.DataObject) -> None:
    network = zoo.network(
        data.draw(st.sampled_from(["RegNetX-400MF", "RegNetZ-C16", "ResNeXt-50-32x4d", "EfficientNet-B0"]))
    )
    sizes = {
        "depth": st.integers(1, 3),
        "width": st.integers(1, 20).map(lambda x: 8 * x),
        "group_width": st.integers(1, 16),
    }
    sizes["resolution"] = st.just(224)
    values = tuple(data.draw(sizes[knob.dimension]) for knob in network.knobs)
    if network.fits(values):
        assert network.resized(values).complexity().flops > 0
    else:
        with pytest.raises(InvalidInput):
            network.resized(values).complexity()


def test_patterns_name_knobs_and_what_they_belong_to() -> None:
    assert matches("stem.width", "stem")
    assert matches("stage2.group_width", "stage?")
    assert matches("stage2.group_width", "*.group_width")
    assert not matches("stage12.width", "stage1")
    with pytest.raises(InvalidInput, match=r"no knob is named 'neck': there are stage1\.depth, "):
        held(zoo.network("ResNet-18").knobs, fix=["neck"])


def test_what_is_held_stays() -> None:
    network = zoo.network("EfficientNet-B0")
    fixed = scale(network, "dwr", target_flops="2GF", fix=["head", "stem*", "resolution"]).network
    assert (fixed.head_width, fixed.stem_width, fixed.resolution) == (1280, 32, 224)
    assert fixed.widths[-1] > network.widths[-1]
    alone = scale(network, "w", factor=4, only=["stage7"]).network
    assert alone.widths == (*network.widths[:-1], 640)
    assert (alone.stem_width, alone.head_width, alone.depths) == (32, 1280, network.depths)
    with pytest.raises(InvalidInput, match="strategy r scales nothing in EfficientNet-B0, where depth, width can"):
        scale(network, "r", factor=2, fix=["resolution"])


@pytest.mark.parametrize("strategy", ["r", "dWr", "wr"])
def test_rectangular_inputs_keep_their_proportions(strategy: str) -> None:
    network = replace(zoo.network("RegNetY-400MF"), resolution=(384, 640))
    for scaled in (scale(network, strategy, factor=4).network, scale(network, strategy, target_flops="8GF").network):
        height, width = scaled.resolution
        assert height % 4 == width % 4 == 0
        assert width / height == pytest.approx(640 / 384, abs=0.02)
    assert abs(scale(network, strategy, target_flops="8GF").deviation) < 0.03


def test_the_closed_form_of_a_rectangular_input_is_exact() -> None:
    network = zoo.network("RegNetY-400MF")
    form = closed_form(replace(network, resolution=(384, 640)))
    for unit in (3, 12, 15):
        sides = (32 * unit, 32 * unit * 5 // 3)
        assert form.map(lambda f: f.subs({d: 1, w: 1, g: 1, n: unit})) == network.complexity(sides)  # noqa: B023
    assert form != closed_form(network)
    assert polynomials(replace(network, resolution=(384, 640)))().flops == network.complexity((384, 640)).flops
