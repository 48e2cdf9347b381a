"""Laws of every reading of a walk: what equals what, whatever parts are called and however they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import NAMES, features, rooflines
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
from complexity_theory.graph.edges import Edges
from complexity_theory.graph.graph import Graph, Node
from complexity_theory.graph.memory import kept
from complexity_theory.graph.operations import Activation, Add, BatchNorm2d, Conv2d, Layer, Linear, Multiply
from complexity_theory.graph.walk import walk
from tests.random_layers import SHAPE, examples, keeping_trees, trees_on_shapes


def readings(layer: Layer, *shapes: Shape) -> dict[str, Any]:
    """All that is read of a layer's work, as numbers."""
    found = asdict(features(layer, *shapes))
    roofs = rooflines(layer, shapes[0], 4, [1.0, 64.0])
    rounded = {name: round(float(value), 6) for name, value in found.items()}
    return {**rounded, "kept": kept(layer, *shapes), "roofline": [float(f"{roof:.9g}") for roof in roofs]}


@st.composite
def keeping(draw: Any) -> tuple[Layer, Shape]:
    shape = draw(SHAPE)
    return draw(keeping_trees(shape, 2)), shape


@examples(300)
@given(keeping(), st.integers(0, 5))
def test_repeated_parts_are_as_many_copies(drawn: tuple[Layer, Shape], n: int) -> None:
    part, shape = drawn
    assert readings(Repeat(part, n), shape) == readings(Sequential(*[part] * n), shape)
    inside = Sequential(Conv2d(shape.channels, shape.channels, 1), Repeat(part, n), BatchNorm2d(shape.channels))
    copies = Sequential(Conv2d(shape.channels, shape.channels, 1), *[part] * n, BatchNorm2d(shape.channels))
    assert readings(inside, shape) == readings(copies, shape)
    assert readings(Residual(Repeat(part, n)), shape) == readings(Residual(Sequential(*[part] * n)), shape)


@examples(100)
@given(keeping(), keeping(), st.integers(0, 4))
def test_nested_repeats_are_as_many_copies(drawn: tuple[Layer, Shape], other: tuple[Layer, Shape], n: int) -> None:
    part, shape = drawn
    nested = Repeat(Sequential(part, Repeat(part, n)), 3)
    assert readings(nested, shape) == readings(Sequential(*[part] * (3 * (n + 1))), shape)


@examples(150)
@given(keeping(), keeping())
def test_a_part_repeated_never_is_not_there(drawn: tuple[Layer, Shape], other: tuple[Layer, Shape]) -> None:
    part, shape = drawn
    conv = Conv2d(shape.channels, 3, 3)
    assert readings(Sequential(Repeat(part, 0), conv), shape) == readings(conv, shape)


@examples(100)
@given(keeping(), st.lists(st.integers(0, 4), min_size=2, max_size=5))
def test_arrays_of_copies_are_read_elementwise(drawn: tuple[Layer, Shape], times: list[int]) -> None:
    part, shape = drawn
    conv = Conv2d(shape.channels, shape.channels, 1)
    many = features(Sequential(conv, Repeat(part, np.array(times)), Activation()), shape)
    for i, n in enumerate(times):
        one = features(Sequential(conv, Repeat(part, n), Activation()), shape)
        for name in NAMES:
            assert np.broadcast_to(getattr(many, name), len(times))[i] == pytest.approx(getattr(one, name)), name


def renamed(layer: Layer, names: Iterator[str]) -> Layer:
    """The same tree with other names of its parts."""
    if isinstance(layer, Sequential):
        return Sequential(**{next(names): renamed(part, names) for _, part in layer.parts})
    if isinstance(layer, Repeat):
        return Repeat(renamed(layer.part, names), layer.times)
    if isinstance(layer, Residual):
        return Residual(renamed(layer.body, names), layer.shortcut and renamed(layer.shortcut, names))
    return Gate(renamed(layer.body, names)) if isinstance(layer, Gate) else layer


@examples(150)
@given(trees_on_shapes())
def test_names_say_nothing(drawn: tuple[Layer, Shape]) -> None:
    tree, shape = drawn
    names = (f"{('gate', 'body', 'each', 'shortcut')[i % 4]}{'' if i < 4 else i}" for i in range(10**6))
    assert readings(renamed(tree, names), shape) == readings(tree, shape)


def as_graph(layer: Layer) -> Graph:
    """The same tree as one flat graph."""
    nodes: list[Node] = []

    def add(part: Layer, *inputs: str) -> str:
        if isinstance(part, Sequential):
            [value] = inputs
            for _, inner in part.parts:
                value = add(inner, value)
            return value
        if isinstance(part, Repeat):
            [value] = inputs
            for _ in range(part.times):
                value = add(part.part, value)
            return value
        if isinstance(part, Residual):
            body, beside = add(part.body, *inputs), inputs[0]
            return add(Add(), body, add(part.shortcut, *inputs) if part.shortcut else beside)
        if isinstance(part, Gate):
            return add(Multiply(), inputs[0], add(part.body, *inputs))
        nodes.append(Node(f"n{len(nodes)}", part, inputs))
        return nodes[-1].name

    output = add(layer, "x")
    return Graph(tuple(nodes), output=output)


@examples(150)
@given(trees_on_shapes())
def test_a_tree_is_the_graph_of_its_operations(drawn: tuple[Layer, Shape]) -> None:
    tree, shape = drawn
    graph = as_graph(tree)
    assert graph.complexity(shape) == tree.complexity(shape)
    assert graph.output(shape) == tree.output(shape)
    assert readings(graph, shape) == readings(tree, shape)


@examples(150)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.integers(1, 9),
    st.booleans(),
)
def test_a_group_convolution_of_one_group_is_dense(w_in: int, w_out: int, k: int, side: int, bias: bool) -> None:
    dense = Conv2d(w_in, w_out, k, bias=bias)
    shape = Shape(w_in, side, side + 2)
    assert readings(replace(dense, group_width=w_in), shape) == readings(dense, shape)


def test_the_laws_can_fail() -> None:
    """Each reading tells a layer from another that has a convolution, a norm or a copy more."""
    shape, conv = Shape(8, 4, 4), Conv2d(8, 8, 3)
    plain = readings(conv, shape)
    for other in (Sequential(conv, BatchNorm2d(8)), Repeat(conv, 2), Residual(conv), replace(conv, group_width=4)):
        assert readings(other, shape) != plain


def test_a_walk_with_ends_joins_copies_by_one_value() -> None:
    edges = Edges.of(Repeat(Residual(Conv2d(8, 8, 3)), 6), Shape(8, 4, 4))
    assert [visit.times for visit in edges.visits] == [1, 1, 4, 4, 1, 1]
    handed_on = edges.visits[1].output.id
    assert edges.times(handed_on) == 5
    assert edges.makers[handed_on] == (1, 3)
    assert edges.takers[handed_on] == (2, 3, 4, 5)
    assert edges.takers[edges.output.id] == ()


def test_arrays_of_copies_without_one_structure_are_refused_by_a_walk_with_ends() -> None:
    tree = Repeat(Conv2d(8, 8, 3), np.array([0, 1, 4]))
    with pytest.raises(InvalidInput, match="0 to 4 copies differ in structure"):
        list(walk(tree, Shape(8, 4, 4), ends=True))
    assert [visit.times.tolist() for visit in walk(tree, Shape(8, 4, 4))] == [[0, 1, 4]]


@pytest.mark.parametrize(
    ("nodes", "output", "says"),
    [
        ((Node("a", Activation(), ("y",)),), "a", "node 'a' of a graph takes 'y', which is no node before it"),
        ((Node("a", Activation(), ("x",)), Node("a", Activation(), ("x",))), "a", "are named 'a'"),
        ((Node("a", Activation(), ("x",)),), "b", "'b', which comes out of a graph, is none of its nodes"),
        ((Node("a", "relu", ("x",)),), "a", "a graph is made of Nodes of layers"),  # type: ignore[arg-type]
    ],
)
def test_graphs_of_bad_names_are_refused(nodes: tuple[Node, ...], output: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Graph(nodes, output=output)


def test_a_graph_says_in_which_node_shapes_do_not_fit() -> None:
    graph = Graph((Node("stem", Conv2d(3, 8, 3), ("x",)), Node("fc", Linear(9, 2), ("stem",))), output="fc")
    with pytest.raises(InvalidInput, match=r"^fc: .*takes a flat input, not 8x4x4"):
        graph.output(Shape(3, 4, 4))
