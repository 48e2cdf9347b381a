"""The leaves: three readings of one formula that agree, and refusals where PyTorch refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import pair
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.operations import (
    Activation,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    LayerNorm2d,
    LayerScale,
    Linear,
    MaxPool2d,
    Recurrent,
    Reduce,
)
from tests.random_layers import SHAPE, examples, layers_on_shapes

Lift = Callable[[int], Any]


def lifted(layer: Layer, shape: Shape, size: Lift, window: Lift) -> tuple[Layer, Shape]:
    """The layer and its input with every size read otherwise: widths and sides by ``size``, windows by ``window``."""

    def sides(value: Any) -> Any:
        return tuple(window(side) for side in pair(value))

    height, width = size(shape.height), size(shape.width)
    match layer:
        case Conv2d():
            g = None if layer.group_width is None else size(layer.group_width)
            groups = size(layer.groups)
            w_in = size(layer.w_in) if g is None else g * groups
            w_out = size(layer.w_out) if g is None else groups * size(layer.w_out // layer.groups)
            windows = {name: sides(getattr(layer, name)) for name in ("kernel", "stride", "dilation")}
            padding = None if layer.padding is None else sides(layer.padding)
            new = Conv2d(w_in, w_out, **windows, padding=padding, group_width=g, bias=layer.bias)
            return new, Shape(w_in, height, width)
        case Linear():
            w_in = size(layer.w_in)
            return Linear(w_in, size(layer.w_out), layer.bias), Shape(w_in, 1, 1)
        case BatchNorm2d() | LayerNorm2d() | LayerScale():
            channels = size(layer.width)
            return type(layer)(channels), Shape(channels, height, width)
        case MaxPool2d() | AvgPool2d():
            windows = {name: sides(getattr(layer, name)) for name in ("kernel", "stride", "padding")}
            if layer.ceil:  # whether its last window starts behind the input must be told, so the windows stay ints
                return layer, Shape(size(shape.channels), height, width)
            return replace(layer, **windows), Shape(size(shape.channels), height, width)
        case AdaptiveAvgPool2d():
            return AdaptiveAvgPool2d(size(layer.size)), Shape(size(shape.channels), height, width)
        case _:
            return layer, Shape(size(shape.channels), height, width)


@examples(150)
@given(layers_on_shapes())
def test_symbols_give_the_counts_of_the_numbers_put_in_for_them(drawn: tuple[Layer, Shape]) -> None:
    values: dict[sympy.Symbol, int] = {}

    def symbol(value: int) -> Any:
        if value == 0:
            return 0
        fresh = sympy.Symbol(f"x{len(values)}", positive=True, integer=True)
        values[fresh] = value
        return fresh

    layer, shape = drawn
    symbolic, symbolic_shape = lifted(layer, shape, symbol, symbol)
    assert symbolic.complexity(symbolic_shape).map(lambda x: sympy.sympify(x).subs(values)) == layer.complexity(shape)
    out = symbolic.output(symbolic_shape)
    sides = [sympy.sympify(side).subs(values) for side in out.dims]
    assert Shape(*map(int, sides)) == layer.output(shape)


@examples(300)
@given(layers_on_shapes())
def test_arrays_give_the_counts_of_their_elements(drawn: tuple[Layer, Shape]) -> None:
    factors = np.array([1, 2, 5])
    arrays, array_shape = lifted(*drawn, lambda size: size * factors, lambda size: np.full(3, size))
    counted = {name: np.broadcast_to(value, 3) for name, value in arrays.complexity(array_shape).as_dict().items()}
    for i, factor in enumerate(factors.tolist()):
        layer, shape = lifted(*drawn, lambda size, factor=factor: size * factor, lambda size: size)  # type: ignore[misc]
        assert Complexity(**{name: int(values[i]) for name, values in counted.items()}) == layer.complexity(shape)


def test_the_lift_keeps_the_layer_where_nothing_is_lifted() -> None:
    for layer in (Conv2d(8, 12, (3, 5), stride=2, group_width=2, bias=True), MaxPool2d(3, stride=2, padding=1)):
        shape = Shape(8, 9, 11)
        again, same_shape = lifted(layer, shape, lambda size: size, lambda size: size)
        assert same_shape == shape
        assert again.complexity(shape) == layer.complexity(shape)


def test_closed_forms_of_a_convolution() -> None:
    w, g, r, k = sympy.symbols("w g r k", positive=True, integer=True)
    dense = Conv2d(w, w, k).complexity(Shape(w, r, r))
    assert dense == Complexity(k**2 * w**2 * r**2, k**2 * w**2, w * r**2)
    group = Conv2d(w, w, k, group_width=g).complexity(Shape(w, r, r))
    assert group == Complexity(k**2 * w * g * r**2, k**2 * w * g, w * r**2)
    depthwise = Conv2d(w, w, k, group_width=1).complexity(Shape(w, r, r))
    assert depthwise == Complexity(k**2 * w * r**2, k**2 * w, w * r**2)
    n = sympy.Symbol("n", positive=True, integer=True)
    assert Conv2d(3, 8, 3, stride=2).output(Shape(3, 32 * n, 32 * n)) == Shape(8, 16 * n, 16 * n)


def refusal(make: Callable[[], Any], *errors: type[Exception]) -> bool:
    """Whether something is refused with one of these errors; any other goes through."""
    try:
        make()
    except errors:
        return True
    return False


WINDOW = st.tuples(st.integers(1, 7), st.integers(1, 7))
SMALL_SHAPE = st.builds(Shape, st.integers(1, 6), st.integers(1, 8), st.integers(1, 8))


@examples(500)
@given(SMALL_SHAPE, st.data())
def test_convolutions_are_refused_exactly_where_pytorch_refuses(shape: Shape, data: st.DataObject) -> None:
    w_in = data.draw(st.just(shape.channels) | st.integers(1, 6))
    g = data.draw(st.sampled_from([g for g in range(1, w_in + 1) if w_in % g == 0]))
    w_out, kernel = data.draw(st.integers(1, 8)), data.draw(WINDOW)
    stride, padding, dilation = (data.draw(st.integers(least, 3)) for least in (1, 0, 1))

    def ours() -> Shape:
        return Conv2d(w_in, w_out, kernel, stride, padding, dilation, group_width=g).output(shape)

    def torchs() -> torch.Tensor:
        conv = nn.Conv2d(w_in, w_out, kernel, stride, padding, dilation, groups=w_in // g)
        return conv(torch.zeros(1, shape.channels, shape.height, shape.width))

    assert refusal(ours, InvalidInput) == refusal(torchs, ValueError, RuntimeError)


@examples(300)
@given(SMALL_SHAPE, WINDOW, st.integers(1, 3), st.integers(0, 4), st.booleans())
def test_pools_are_refused_exactly_where_pytorch_refuses(
    shape: Shape, kernel: tuple[int, int], stride: int, padding: int, largest: bool
) -> None:
    kind, real = (MaxPool2d, nn.MaxPool2d) if largest else (AvgPool2d, nn.AvgPool2d)
    x = torch.zeros(1, shape.channels, shape.height, shape.width)
    refused = refusal(lambda: real(kernel, stride, padding)(x), RuntimeError)
    assert refusal(lambda: kind(kernel, stride, padding).output(shape), InvalidInput) == refused


@examples(100)
@given(SHAPE, st.integers(1, 24))
def test_other_widths_than_a_layers_own_are_refused(shape: Shape, width: int) -> None:
    for layer in (BatchNorm2d(width), LayerNorm2d(width), LayerScale(width), Conv2d(width, 8, 1)):
        for ask in (layer.output, layer.complexity):
            assert refusal(lambda ask=ask: ask(shape), InvalidInput) == (width != shape.channels)  # type: ignore[misc]


INT32 = np.array([8, 16], dtype=np.int32)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Conv2d(10, 20, 3, group_width=4), "group_width 4 does not divide the input width 10"),
        (lambda: Conv2d(8, 9, 3, group_width=4), "2 groups do not divide the output width 9"),
        (
            lambda: Conv2d(np.array([8, 10]), 8, 3, group_width=4),
            "4 does not divide the input width [ 8 10]",
        ),
        (lambda: Conv2d(0, 8, 3), "w_in must be at least 1, not 0"),
        (lambda: Conv2d(8, -8, 3), "w_out must be at least 1, not -8"),
        (lambda: Conv2d(8, 8, 0), "kernel must be at least 1, not 0"),
        (lambda: Conv2d(8, 8, 3, stride=(1, 0)), "stride must be at least 1, not 0"),
        (lambda: Conv2d(8, 8, 3, dilation=0), "dilation must be at least 1, not 0"),
        (lambda: Conv2d(8, 8, 3, padding=-1), "padding must be at least 0, not -1"),
        (lambda: Conv2d(8, 8, 3, group_width=0), "group_width must be at least 1, not 0"),
        (lambda: Conv2d(8, 8, 4), "even kernel 4 at dilation 1 has no symmetric default: give padding"),
        (lambda: Conv2d(8, 8, (3, 2)), "even kernel 2"),
        (lambda: Conv2d(8.0, 8, 3), "w_in must be an int, a sympy expression or an int64 array, not 8.0 (float)"),
        (lambda: Conv2d(True, 8, 3), "not True (bool)"),
        (lambda: Conv2d(8, 8, 3.0), "kernel must be an int, a sympy expression or an int64 array, not 3.0 (float)"),
        (lambda: Conv2d(8, 8, [3, 3]), "kernel must be an int"),
        (lambda: Conv2d(8, 8, (3, 3, 3)), "kernel must be one size or a (height, width) pair, not (3, 3, 3)"),
        (lambda: Conv2d(INT32, 8, 3), "(int32)"),
        (lambda: Shape(INT32, 8, 8), "(int32)"),
        (lambda: BatchNorm2d(0), "width must be at least 1, not 0"),
        (lambda: LayerNorm2d(0), "width must be at least 1, not 0"),
        (lambda: LayerScale(-2), "width must be at least 1, not -2"),
        (lambda: Linear(0, 3), "w_in must be at least 1, not 0"),
        (lambda: Linear(3, 0), "w_out must be at least 1, not 0"),
        (lambda: MaxPool2d(3, stride=0), "stride must be at least 1, not 0"),
        (lambda: MaxPool2d(3, stride=2, padding=2), "padding 2 is more than half the pooling kernel 3"),
        (lambda: AvgPool2d(0, stride=1), "kernel must be at least 1, not 0"),
        (lambda: AdaptiveAvgPool2d(0), "size must be at least 1, not 0"),
        (lambda: Activation("swish"), "unknown activation 'swish': one of relu, relu6, silu"),
        (lambda: Activation(np.array([1, 2])), "unknown activation array([1, 2]): one of relu"),
        (lambda: Reduce(np.array([1, 2]), (0,)), "unknown reduction array([1, 2]): one of "),
        (lambda: Recurrent(np.array([1, 2]), 8, 8), "unknown recurrent layer array([1, 2]): one of lstm"),
        (lambda: Conv2d(8, 8, 3, bias=2), "bias must be True or False, not 2"),
        (lambda: Linear(8, 8, bias=1), "bias must be True or False, not 1"),
        (lambda: MaxPool2d(2, stride=2, ceil=1), "ceil must be True or False, not 1"),
        (lambda: Conv2d(np.array([8, 9]), np.array([8, 9, 10]), 3).complexity(Shape(np.array([8, 9]), 4, 4)), "length"),
        (lambda: Dropout("0.5"), "a dropout probability lies in 0..1, not '0.5'"),
        (lambda: Dropout(10**400), "a dropout probability lies in 0..1"),
        (lambda: Dropout(1.5), "a dropout probability lies in 0..1, not 1.5"),
        (lambda: Dropout(float("nan")), "not nan"),
    ],
)
def test_what_does_not_fit_raises_at_construction_with_the_values(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(InvalidInput) as error:
        make()
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("layer", "shape", "says"),
    [
        (Conv2d(8, 8, 3), Shape(4, 9, 9), "takes 8 channels, not 4"),
        (Conv2d(8, 8, 5, padding=0), Shape(8, 9, 4), "a kernel of 5 (dilation 1) is larger than its padded input"),
        (
            Conv2d(8, 8, 3, padding=1, dilation=4),
            Shape(8, 6, 9),
            "a kernel of 3 (dilation 4) is larger than its padded",
        ),
        (Conv2d(8, 8, 5, padding=0), Shape(8, np.array([9, 4]), 9), "larger than its padded input: [9 4]"),
        (MaxPool2d(3, stride=1), Shape(8, 2, 9), "a kernel of 3 (dilation 1) is larger than its padded input: 2"),
        (Linear(8, 3), Shape(8, 2, 1), "takes a flat input, not 8x2x1: put a Flatten or GlobalAvgPool2d before it"),
        (Linear(8, 3), Shape(7, 1, 1), "takes 8 channels, not 7"),
        (BatchNorm2d(8), Shape(7, 4, 4), "takes 8 channels, not 7"),
    ],
)
def test_an_input_that_does_not_fit_raises_with_the_values(layer: Layer, shape: Shape, says: str) -> None:
    for ask in (layer.output, layer.complexity):
        with pytest.raises(InvalidInput) as error:
            ask(shape)
        assert says in str(error.value)


@pytest.mark.parametrize(
    "layer",
    [Conv2d(3, 3, 3), Linear(3, 3), BatchNorm2d(3), MaxPool2d(2, 2), Activation(), Flatten(), AdaptiveAvgPool2d(3)],
    ids=str,
)
def test_an_input_that_is_no_shape_is_told(layer: Layer) -> None:
    for wrong in (3, (3, 8, 8), None):
        with pytest.raises(InvalidInput, match=r"a layer takes a Shape, as Shape\(channels, height, width\), not"):
            layer.output(wrong)  # type: ignore[arg-type]


@examples(100)
@given(st.integers(0, 31), st.integers(0, 31), st.integers(0, 31))
def test_counts_by_arrays_are_exact_or_refused(a: int, b: int, c: int) -> None:
    def cost(w_in: Any, w_out: Any, side: Any) -> Complexity:
        return Conv2d(w_in, w_out, 3, bias=True).complexity(Shape(w_in, side, side))

    exact = cost(2**a, 2**b, 2**c)
    arrays = (np.array([1, 2**power]) for power in (a, b, c))
    if max(exact.as_dict().values()) < 2**63:
        assert {name: int(count[1]) for name, count in cost(*arrays).as_dict().items()} == exact.as_dict()
    else:
        with pytest.raises(InvalidInput, match="count by ints"):
            cost(*arrays)


@pytest.mark.parametrize(
    "layer", [Activation("gelu"), Dropout(0.1), GlobalAvgPool2d(), Flatten(), AdaptiveAvgPool2d(3)], ids=str
)
def test_free_layers_cost_nothing(layer: Layer) -> None:
    assert layer.complexity(Shape(6, 7, 8)) == Complexity()


def test_layers_are_values() -> None:
    assert Conv2d(3, 8, 3) == Conv2d(3, 8, 3)
    assert len({Conv2d(3, 8, 3), Conv2d(3, 8, 3), Conv2d(3, 8, 3, bias=True)}) == 2
    with pytest.raises(AttributeError):
        Conv2d(3, 8, 3).w_in = 4  # type: ignore[misc]
