"""The combinators: the laws they keep, symbolic and array multiplicities, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
from complexity_theory.graph.operations import Activation, BatchNorm2d, Conv2d, Flatten, GlobalAvgPool2d, Layer, Linear
from complexity_theory.graph.walk import counted, walk
from tests.random_layers import SHAPE, examples, keeping_trees, trees_on_shapes

D, N = sympy.symbols("d n", positive=True, integer=True)


@st.composite
def kept(draw: Any) -> tuple[Layer, Shape]:
    """A tree that keeps the shape of its input, and an input."""
    shape = draw(SHAPE)
    return draw(keeping_trees(shape, 2)), shape


@examples(150)
@given(kept(), st.integers(0, 5))
def test_repeat_is_that_many_copies_in_a_row(drawn: tuple[Layer, Shape], n: int) -> None:
    part, shape = drawn
    copies = Sequential(*[part] * n)
    assert Repeat(part, n).complexity(shape) == copies.complexity(shape) == n * part.complexity(shape)
    assert Repeat(part, n).output(shape) == copies.output(shape) == shape


@examples(100)
@given(kept(), st.integers(1, 5))
def test_a_symbolic_repeat_is_every_repeat(drawn: tuple[Layer, Shape], n: int) -> None:
    part, shape = drawn
    symbolic = Repeat(part, D).complexity(shape).map(lambda x: sympy.sympify(x).subs(D, n))
    assert symbolic == Repeat(part, n).complexity(shape)
    arrays = Repeat(part, np.array([0, n])).complexity(shape).as_dict()
    for metric, number in Repeat(part, n).complexity(shape).as_dict().items():
        assert np.broadcast_to(arrays[metric], 2).tolist() == [0, number]


@examples(100)
@given(kept(), kept(), st.integers(1, 3))
def test_first_and_rest_is_repeat(first: tuple[Layer, Shape], second: tuple[Layer, Shape], n: int) -> None:
    part, shape = first
    assert Sequential(part, Repeat(part, n - 1)).complexity(shape) == Repeat(part, n).complexity(shape)
    nested = Repeat(Repeat(part, n), 2).complexity(shape)
    assert nested == Repeat(part, 2 * n).complexity(shape)


@examples(150)
@given(kept(), st.data())
def test_sequential_is_associative(drawn: tuple[Layer, Shape], data: st.DataObject) -> None:
    a, shape = drawn
    b, c = data.draw(keeping_trees(shape, 1)), data.draw(keeping_trees(shape, 1))
    flat = Sequential(a, b, c)
    for nested in (Sequential(Sequential(a, b), c), Sequential(a, Sequential(b, c)), Sequential(x=a, y=b, z=c)):
        assert nested.complexity(shape) == flat.complexity(shape)
        assert nested.output(shape) == flat.output(shape)
    assert flat.complexity(shape) == a.complexity(shape) + b.complexity(shape) + c.complexity(shape)


@examples(100)
@given(trees_on_shapes())
def test_a_walk_meets_every_leaf_with_its_shapes(drawn: tuple[Layer, Shape]) -> None:
    tree, shape = drawn
    visits = list(walk(tree, shape))
    total = sum((v.times * v.operation.complexity(*(x.shape for x in v.inputs)) for v in visits), Complexity())
    assert counted(tree, shape) == (total, tree.output(shape))  # which takes down no visits
    assert all(v.operation.output(*(x.shape for x in v.inputs)) == v.output.shape for v in visits)
    assert len({v.path for v in visits}) == len(visits)


def test_a_part_that_is_none_is_left_out() -> None:
    assert Sequential(None, a=Activation(), b=None).parts == (("a", Activation()),)
    assert Sequential().complexity(Shape(3, 4, 5)) == Complexity()
    assert Sequential().output(Shape(3, 4, 5)) == Shape(3, 4, 5)


def test_residual_and_gate_cost_what_their_parts_cost() -> None:
    shape, conv, projection = Shape(8, 6, 5), Conv2d(8, 4, 3, stride=2), Conv2d(8, 4, 1, stride=2)
    residual = Residual(conv, projection)
    assert residual.complexity(shape) == conv.complexity(shape) + projection.complexity(shape)
    assert residual.output(shape) == Shape(4, 3, 3)
    assert Residual(Activation()).complexity(shape) == Complexity()
    gate = Gate(Sequential(GlobalAvgPool2d(), Linear(8, 8)))
    assert gate.complexity(shape) == Linear(8, 8).complexity(Shape(8, 1, 1))
    assert gate.output(shape) == shape


def test_a_stack_of_symbolic_depth_and_size() -> None:
    w = sympy.Symbol("w", positive=True, integer=True)
    block = Sequential(conv=Conv2d(w, w, 3), bn=BatchNorm2d(w), act=Activation())
    cost = Repeat(Residual(block), D).complexity(Shape(w, N, N)).map(sympy.expand)
    assert cost == Complexity(9 * D * N**2 * w**2, 9 * D * w**2 + 2 * D * w, D * N**2 * w)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Sequential(Conv2d(3, 8, 3), Conv2d(9, 4, 3)), "takes 9 channels, not 8"),
        (lambda: Sequential(Conv2d(3, 8, 3), Activation(), BatchNorm2d(9)), "takes 9 channels, not 8"),
        (lambda: Sequential(Conv2d(3, 8, 3), Residual(Conv2d(9, 9, 3))), "takes 9 channels, not 8"),
        (lambda: Sequential(Conv2d(3, 8, 3), Repeat(BatchNorm2d(9), 2)), "takes 9 channels, not 8"),
        (lambda: Sequential(Conv2d(3, 8, 3), Gate(Linear(9, 9))), "takes 9 channels, not 8"),
        (lambda: Sequential(Conv2d(3, 2 * N, 3), BatchNorm2d(2 * N + 1)), "takes 2*n + 1 channels, not 2*n"),
        (lambda: Residual(Conv2d(8, 4, 3), Conv2d(8, 6, 1)), "Residual: 4 and 6 channels do not match"),
        (lambda: Residual(Conv2d(8, 6, 3)), "takes 8 channels, not 6"),
        (lambda: Gate(Sequential(GlobalAvgPool2d(), Conv2d(8, 6, 1))), "takes 8 channels, not 6"),
        (lambda: Repeat(Sequential(Conv2d(8, 6, 3), BatchNorm2d(6)), 2), "takes 8 channels, not 6"),
        (lambda: Repeat(Conv2d(8, 8, 3), -1), "times must be at least 0, not -1"),
        (lambda: Repeat(Activation(), 2.0), "times must be an int, a sympy expression or an int64 array, not 2.0"),
        (lambda: Repeat(Activation(), np.array([1, 2], dtype=np.int32)), "(int32)"),
        (lambda: Repeat(Activation(), True), "not True (bool)"),
        (lambda: Sequential(conv="conv"), "part 'conv' of a Sequential must be a layer, not 'conv'"),
        (lambda: Residual(1), "the body of a Residual must be a layer, not 1"),  # type: ignore[arg-type]
        (lambda: Residual(Activation(), 1), "the shortcut of a Residual must be a layer, not 1"),  # type: ignore[arg-type]
        (lambda: Gate(None), "the body of a Gate must be a layer, not None"),  # type: ignore[arg-type]
        (lambda: Repeat("conv", 2), "what a Repeat repeats must be a layer, not 'conv'"),  # type: ignore[arg-type]
        (lambda: Sequential(Activation), "must be a layer, not <class"),
    ],
)
def test_parts_that_do_not_match_raise_at_construction(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(InvalidInput) as error:
        make()
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        (Residual(Conv2d(8, 8, 3, stride=2)), "Residual: 8x2x3 and 8x4x6 do not match"),
        (Residual(Conv2d(8, 8, 3), Conv2d(8, 8, 1, stride=2)), "Residual: 8x4x6 and 8x2x3 do not match"),
        (Repeat(Conv2d(8, 8, 3, stride=2), 2), "a part can be repeated only if it keeps the shape"),
        (Gate(Activation()), "one factor per channel: 8x4x6 and 8x1x1 do not match"),
        (Sequential(Flatten(), Linear(8, 3)), "takes 8 channels, not 192"),
        (Sequential(Conv2d(3, 8, 3)), "takes 3 channels, not 8"),
    ],
)
def test_shapes_that_do_not_match_raise_with_both(tree: Layer, says: str) -> None:
    for ask in (tree.output, tree.complexity):
        with pytest.raises(InvalidInput) as error:
            ask(Shape(8, 4, 6))
        assert says in str(error.value)


def test_totals_by_arrays_are_refused_where_they_would_wrap() -> None:
    shape = Shape(8, 4, 4)
    with pytest.raises(InvalidInput, match="count by ints"):
        Repeat(Conv2d(8, 8, 3), np.array([2**60])).complexity(shape)
    with pytest.raises(InvalidInput, match="count by ints"):
        Repeat(Repeat(Conv2d(8, 8, 3), np.array([2**30])), np.array([2**30])).complexity(shape)
    once = Repeat(Repeat(Conv2d(8, 8, 3), np.array([2**31])), np.array([2**18]))
    assert once.complexity(shape).flops.tolist() == [2**49 * 9216]
    with pytest.raises(InvalidInput, match="count by ints"):
        Sequential(once, once).complexity(shape)
