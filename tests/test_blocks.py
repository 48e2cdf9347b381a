"""Blocks in symbols: equal to the counts of the same blocks in numbers, and their exponents to slopes of those."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy

import complexity_theory as ct
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.symbols import d, g, k, r, w
from complexity_theory.graph.complexity import METRICS, Complexity, Shape
from complexity_theory.graph.compose import Repeat
from complexity_theory.networks.blocks import blocks
from complexity_theory.networks.parts import squeeze_excite
from complexity_theory.networks.stage import Stage
from complexity_theory.scaling.blocks import USUAL, Block, block, block_scaling
from complexity_theory.scaling.exponents import DIMENSIONS, derive
from complexity_theory.scaling.strategy import parse
from complexity_theory.verbs.blocks import block_steps, block_table

SETTINGS = [
    {},
    {"kernel": 5},
    {"ratio": Fraction(1, 2)},
    {"se": Fraction(1, 8)},
    {"stride": 2},
    {"stride": 2, "kernel": 5, "group_width": 8},
    {"depth": 3, "width": 32, "resolution": 28},
]


def _taken(kind: str, settings: dict) -> bool:
    extra = {"group_width"} if kind == "bottleneck" else set()
    sizes = {"depth", "width", "resolution"} | (set() if kind == "se" else {"stride"})
    return set(settings) <= set(USUAL[kind]) | sizes | extra


CASES = [(kind, settings) for kind in USUAL for settings in SETTINGS if _taken(kind, settings)]


def _counted(kind: str, settings: dict) -> Complexity:
    """The same blocks built of ints and counted by the walk."""
    given = {"depth": 4, "width": 64, "resolution": 56, **USUAL[kind], **settings}
    width, side = given["width"], given["resolution"]
    if kind == "se":
        tree = Repeat(squeeze_excite(width, int(width * given["se"]), "relu"), given["depth"])
    else:
        names = ("depth", "width", "stride", "kernel", "ratio", "se", "group_width")
        tree = blocks(Stage(block=kind, **{name: given[name] for name in names if name in given}), width)
    return tree.complexity(Shape(width, side, side))


@pytest.mark.parametrize(("kind", "settings"), CASES)
def test_a_block_in_symbols_counts_as_the_block_in_numbers(kind: str, settings: dict) -> None:
    found = block(kind, **settings)
    assert found.complexity.as_dict() == _counted(kind, settings).as_dict()
    for form in found.cost.as_dict().values():
        assert form.is_polynomial(*DIMENSIONS, k)
        assert not form.has(sympy.floor)


def test_the_comparison_of_counts_can_fail() -> None:
    assert block("mbconv").complexity.as_dict() != _counted("mbconv", {"kernel": 5}).as_dict()


@pytest.mark.parametrize("kind", USUAL)
@pytest.mark.parametrize("strategy", ["w", "dwr", "dWr", "d1_w2_r3"])
def test_exponents_are_slopes_of_the_costs(kind: str, strategy: str) -> None:
    scaling = block_scaling(block(kind), parse(strategy))
    base, step = dict(scaling.block.base), 1e-4
    along = [float(e) for e in scaling.along.direction]
    for factor in (1.0, 20.0):
        costs = []
        for x in (-step, step):
            grown = {s: base[s] * (factor * np.exp(x)) ** e for s, e in zip(DIMENSIONS, along, strict=True)}
            costs.append({m: float(f.subs({**base, **grown})) for m, f in scaling.block.cost.as_dict().items()})
        found = scaling.at(factor).as_dict()
        for metric in METRICS:
            assert found[metric] == pytest.approx(np.log(costs[1][metric] / costs[0][metric]) / (2 * step), abs=1e-6)
    far = scaling.at(1e60).as_dict()
    for metric, limit in scaling.limits.as_dict().items():
        assert far[metric] == pytest.approx(float(limit), abs=1e-3)
    assert scaling.limits.flops == 1


@pytest.mark.parametrize("kind", ["bottleneck", "basic", "mbconv", "separable", "convnext"])
def test_in_the_limit_a_block_scales_as_a_dense_convolution(kind: str) -> None:
    """The paper's asymptotic claim, for blocks whose 1x1 or dense convs outgrow all else (Dollár et al. 2021)."""
    for strategy in ("w", "dw", "dwr", "dWr"):
        assert block_scaling(block(kind), parse(strategy)).limits == derive(parse(strategy)).exponents


def test_flops_of_squeeze_excite_do_not_grow_with_resolution() -> None:
    with pytest.raises(InvalidInput, match="strategy r does not change the flops of se"):
        ct.derive("r", "se")
    assert ct.derive("dWr", "se").exponents.flops == 1


def test_a_tree_of_numbers_is_scaled_as_a_whole() -> None:
    tree = ct.Sequential(ct.Conv2d(64, 64, 3), ct.Repeat(ct.Conv2d(64, 64, 3, group_width=16), 3))
    found = ct.derive("dWr", tree, input=(64, 28, 28))
    assert found.block.complexity == tree.complexity(Shape(64, 28, 28))
    doubled = ct.Sequential(ct.Conv2d(128, 128, 3), ct.Repeat(ct.Conv2d(128, 128, 3, group_width=32), 6))
    grown = found.block.cost.map(lambda form: int(form.subs({d: 2, w: 2, g: 2, r: 28})))
    assert grown == doubled.complexity(Shape(128, 28, 28))


def test_a_tree_of_symbols_is_taken_as_it_is() -> None:
    found = ct.derive("dWr", ct.Repeat(ct.Conv2d(w, w, k, group_width=g), d))
    assert found.block.cost.flops == d * g * k**2 * r**2 * w


def test_a_strided_tree_says_what_the_side_is_a_multiple_of() -> None:
    tree = ct.Sequential(ct.Conv2d(8, 16, 3, stride=2), ct.Conv2d(16, 16, 3, stride=2))
    found = ct.derive("w", tree, input=(8, 32, 32)).block
    assert found.about.endswith("(r a multiple of 4)")
    assert found.complexity == tree.complexity(Shape(8, 32, 32))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ct.block("resnet"), "unknown block 'resnet': one of bottleneck"),
        (lambda: ct.block("convnext", se="1/4"), "the block convnext takes no se"),
        (lambda: ct.block("mbconv", group_width=8), "takes no group width"),
        (lambda: ct.block("mbconv", stride=2, resolution=57), "57 is no multiple of the stride 2"),
        (lambda: ct.block("bottleneck", ratio="1/3"), "makes no whole width of 64"),
        (lambda: ct.block("se", stride=2), "squeeze-excite has no stride"),
        (lambda: ct.derive("dWr", ct.Conv2d(8, 8, 3)), "takes its input as well"),
        (lambda: ct.derive("fast:alpha", "mbconv"), "give alpha a value"),
    ],
)
def test_what_is_no_block_is_refused(call, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        call()


def test_the_table_of_blocks_has_every_block() -> None:
    rows = block_table().rows
    assert {row["block"] for row in rows} == set(USUAL)
    assert all(row["flops"] == 1 for row in rows)


def test_the_steps_are_true() -> None:
    scaling = block_scaling(block("bottleneck", kernel=3), parse("dWr"))
    steps = block_steps(scaling)
    assert steps[0].equations[0][1] == scaling.block.cost.flops
    assert isinstance(ct.derive("dWr", ct.block("mbconv")).block, Block)
