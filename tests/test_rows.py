"""Each operation against torch: shapes, parameters, multiply-adds; and its row, which a new operation must add."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.features import features
from complexity_theory.graph import operations as ops
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.conventions import CONVENTIONS, convention
from complexity_theory.graph.edges import Edges
from complexity_theory.graph.operations import ACTIVATIONS, Operation
from complexity_theory.graph.operations.base import ShapeKeeping
from complexity_theory.graph.operations.elementwise import MORE_ACTIVATIONS
from complexity_theory.graph.operations.pools import REDUCTIONS
from complexity_theory.graph.operations.products import GATES
from complexity_theory.graph.rows import ROWS, Call, Row
from complexity_theory.measurement.build import build
from tests.random_layers import examples

# One or more of each operation, with inputs that fit: no two sides alike, so that no swap goes unseen.
TOKENS, MAP, LINE, CUBE, HEADS = Shape(5, 12), Shape(12, 9, 7), Shape(12, 9), Shape(12, 4, 9, 7), Shape(2, 5, 4)
CASES: list[tuple[Operation, tuple[Shape, ...]]] = [
    (ops.Conv1d(12, 8, 3, stride=2, bias=True), (LINE,)),
    (ops.Conv1d(12, 24, 4, padding=1, dilation=2, group_width=3), (LINE,)),
    (ops.Conv2d(12, 8, (3, 1), stride=(2, 1)), (MAP,)),
    (ops.Conv3d(12, 8, (1, 3, 3), stride=(1, 2, 2), group_width=6, bias=True), (CUBE,)),
    (ops.ConvTranspose1d(12, 8, 4, stride=3, padding=1, output_padding=2, bias=True), (LINE,)),
    (ops.ConvTranspose2d(12, 8, (2, 3), stride=2, group_width=3, dilation=(1, 2)), (MAP,)),
    (ops.ConvTranspose3d(12, 4, 2, stride=2, bias=True), (CUBE,)),
    (ops.Folded(ops.Conv2d(12, 8, 3)), (Shape(5, 12, 9, 7),)),
    (ops.Borrowing(ops.Flatten()), (MAP,)),
    (ops.Folded(ops.MaxPool1d(2, 2), 2), (Shape(5, 3, 12, 9),)),
    (ops.Linear(12, 7), (TOKENS,)),
    (ops.Linear(12, 7, bias=False), (Shape(12, 1, 1),)),
    (ops.MatMul(), (HEADS, Shape(2, 4, 3))),
    (ops.Attention(), (HEADS, Shape(2, 6, 4), Shape(2, 6, 3))),
    (ops.Recurrent("lstm", 12, 5), (TOKENS,)),
    (ops.Recurrent("gru", 12, 5, layers=2, bidirectional=True), (TOKENS,)),
    (ops.Recurrent("rnn-relu", 12, 5, bias=False), (TOKENS,)),
    (ops.Embedding(30, 6), (Shape(5),)),
    (ops.Parameter(Shape(1, 12)), ()),
    (ops.Parameter(Shape(1, 12), learned=False), ()),
    (ops.BatchNorm1d(12), (LINE,)),
    (ops.BatchNorm2d(12, affine=False), (MAP,)),
    (ops.BatchNorm3d(12), (CUBE,)),
    (ops.InstanceNorm(12, affine=True), (MAP,)),
    (ops.GroupNorm(4, 12), (MAP,)),
    (ops.LayerNorm2d(12), (MAP,)),
    (ops.LayerNorm(Shape(12)), (TOKENS,)),
    (ops.LayerNorm(Shape(12), eps=1e-6), (TOKENS,)),
    (ops.LayerNorm(Shape(5, 12), bias=False), (TOKENS,)),
    (ops.RMSNorm(12), (TOKENS,)),
    (ops.LayerScale(12), (MAP,)),
    *((ops.Activation(kind), (MAP,)) for kind in (*ACTIVATIONS, *MORE_ACTIVATIONS)),
    (ops.PReLU(12), (MAP,)),
    (ops.Add(), (MAP, MAP)),
    (ops.Add(), (MAP, Shape(12), MAP)),
    (ops.Multiply(), (MAP, Shape(12, 1, 1))),
    (ops.Elementwise("exp"), (MAP,)),
    (ops.Elementwise("sub"), (MAP, MAP)),
    (ops.Softmax(), (HEADS,)),
    (ops.Softmax(0), (HEADS,)),
    (ops.Dropout(0.3), (MAP,)),
    (ops.MaxPool1d(2, 2), (LINE,)),
    (ops.MaxPool2d((3, 4), stride=2, padding=1, ceil=True), (MAP,)),
    (ops.MaxPool3d(2, 2), (CUBE,)),
    (ops.AvgPool1d(3, 2, padding=1), (LINE,)),
    (ops.AvgPool2d(3, stride=2), (MAP,)),
    (ops.AvgPool3d((1, 2, 3), 1), (CUBE,)),
    (ops.AdaptiveAvgPool2d((2, 3)), (MAP,)),
    (ops.AdaptiveMaxPool2d(2), (MAP,)),
    (ops.GlobalAvgPool2d(), (MAP,)),
    *((ops.Reduce(kind, (1, 2), keep=True), (MAP,)) for kind in REDUCTIONS if kind not in ("prod", "argmax")),
    (ops.Reduce("mean", (0,)), (MAP,)),
    (ops.Flatten(), (MAP,)),
    (ops.Flatten(1), (MAP,)),
    (ops.Reshape(Shape(4, 3, 63)), (MAP,)),
    (ops.Regroup(((1, (3, None)), (2, (None,)))), (MAP,)),
    (ops.Permute((1, 2, 0)), (MAP,)),
    (ops.Concat(), (MAP, Shape(3, 9, 7))),
    (ops.Concat(1), (MAP, Shape(12, 2, 7))),
    (ops.Slice(0, 3, 5), (MAP,)),
    (ops.Slice(-1, 1, 4), (MAP,)),
    (ops.Pad(((1, 2), (0, 3))), (MAP,)),
    (ops.Upsample(2), (MAP,)),
    (ops.Upsample(size=(11, 5), mode="bilinear"), (MAP,)),
    (ops.PixelShuffle(2), (MAP,)),
    (ops.PixelUnshuffle(3), (Shape(2, 9, 6),)),
    (ops.ChannelShuffle(3), (MAP,)),
]


def _inputs(operation: Operation, shapes: tuple[Shape, ...]) -> list[torch.Tensor]:
    if isinstance(operation, ops.Embedding):
        return [torch.zeros(1, *shapes[0].dims, dtype=torch.long)]
    return [torch.randn(1, *shape.dims) for shape in shapes]


def differences(operation: Operation, module: nn.Module, shapes: tuple[Shape, ...]) -> list[str]:
    """Where a real module and the operation disagree: what comes out, parameters, multiply-adds without biases."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        out = module.eval()(*_inputs(operation, shapes))
    out = out[0] if isinstance(out, tuple) else out
    params = sum(p.numel() for p in module.parameters())
    ours, found = operation.complexity(*shapes), []
    if Shape(*out.shape[1:]) != operation.output(*shapes):
        found.append(f"output {operation.output(*shapes)} is not {tuple(out.shape)}")
    if ours.params != params:
        found.append(f"params {ours.params} are not {params}")
    flops = convention("torch").total(operation, *shapes).flops
    # On the CPU torch counts nothing of recurrent layers and of attention.
    if not isinstance(operation, (ops.Recurrent, ops.Attention)) and flops != counter.get_total_flops():
        found.append(f"flops {flops} are not {counter.get_total_flops()}")
    return found


@pytest.mark.parametrize(("operation", "shapes"), CASES, ids=lambda value: str(value)[:60])
def test_an_operation_is_what_torch_does(operation: Operation, shapes: tuple[Shape, ...]) -> None:
    assert differences(operation, build(operation), shapes) == []


def test_the_comparison_can_fail() -> None:
    conv, other = ops.Conv1d(12, 8, 3), build(ops.Conv1d(12, 9, 3, bias=True))
    assert [line.split()[0] for line in differences(conv, other, (LINE,))] == ["output", "params", "flops"]


def _kinds() -> Iterator[type[Operation]]:
    for _, kind in inspect.getmembers(ops, inspect.isclass):
        if issubclass(kind, Operation) and hasattr(kind, "__final__"):
            yield kind


WRAPPING = (ops.Folded, ops.Borrowing)  # their rows are those of what they hold


def without_readings(kinds: list[type[Operation]]) -> list[str]:
    """What has no row, or no case among ``CASES``; what cannot be built has none."""
    cases = {type(operation) for operation, _ in CASES} | {ops.Other}
    return [kind.__name__ for kind in kinds if (kind not in ROWS and kind not in WRAPPING) or kind not in cases]


def test_every_operation_has_its_row_and_its_case() -> None:
    kinds = list(_kinds())
    assert len(kinds) >= 40
    assert without_readings(kinds) == []
    assert {*ROWS, *WRAPPING} == set(kinds)


@final
@dataclass(frozen=True, slots=True)
class Square(ShapeKeeping):
    """A new operation: x to the square, with a learned factor; here a flop for each element."""

    def cost(self, output: Shape, *shapes: Shape) -> Complexity:
        return Complexity(flops=output.elements, params=1)


def test_a_new_operation_is_its_class_and_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """With both, every reading has it; without the row, each of them says what is missing."""
    shape, tree = Shape(4, 3, 3), ops.Activation("relu")
    assert without_readings([Square]) == ["Square"]
    readings: list[Any] = [
        lambda: features(Square(), shape),
        lambda: Edges.of(Square(), shape).rows,
        lambda: build(Square()),
        *(lambda name=name: convention(name).total(Square(), shape) for name in CONVENTIONS),
    ]
    for read in readings:
        with pytest.raises(InvalidInput, match="nothing is known of the operation Square: add its row"):
            read()
    monkeypatch.setitem(ROWS, Square, Row(lambda _: Call("torch.square"), "elementwise", ("inputs",)))
    for read in readings:
        read()
    assert Square().complexity(shape) == Complexity(flops=36, params=1)
    assert features(Square(), shape).eager_traffic == features(tree, shape).eager_traffic == 72
    assert build(Square())(torch.full((1, 4), 3.0)).tolist() == [[9.0] * 4]


@examples(200)
@given(st.data())
def test_transposed_convolutions_are_torchs(data: st.DataObject) -> None:
    draw = data.draw
    groups, group_width, more = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    conv = ops.ConvTranspose2d(
        groups * group_width,
        groups * more,
        (draw(st.integers(1, 4)), draw(st.integers(1, 4))),
        stride=stride,
        output_padding=tuple(draw(st.integers(0, s - 1)) for s in stride),
        dilation=draw(st.integers(1, 2)),
        group_width=group_width,
        bias=draw(st.booleans()),
    )
    shape = Shape(groups * group_width, draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    assert differences(conv, build(conv), (shape,)) == []


@examples(100)
@given(st.sampled_from(sorted(GATES)), st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.booleans())
def test_recurrent_layers_have_torchs_params(kind: str, w_in: int, hidden: int, layers: int, both: bool) -> None:
    layer = ops.Recurrent(kind, w_in, hidden, layers, both)
    assert differences(layer, build(layer), (Shape(4, w_in),)) == []


@pytest.mark.parametrize(
    ("operation", "shapes", "says"),
    [
        (ops.Conv1d(3, 4, 3), (MAP,), "takes a feature map of channels x length, not 12x9x7"),
        (ops.Conv3d(12, 4, 3), (MAP,), "takes a feature map of channels x depth x height x width, not 12x9x7"),
        (ops.ConvTranspose2d(12, 4, 1, padding=9), (MAP,), "its padding takes all away"),
        (ops.MatMul(), (HEADS, HEADS), "a matrix product takes ... x n x k and ... x k x m, not 2x5x4 and 2x5x4"),
        (ops.MatMul(), (HEADS,), "takes 2 inputs, not 1"),
        (ops.Attention(), (HEADS, HEADS, Shape(2, 3, 4)), "not 2x5x4, 2x5x4 and 2x3x4"),
        (ops.Linear(12, 3), (Shape(5, 11),), "takes 12 channels, not 5x11"),
        (ops.LayerNorm(Shape(12)), (Shape(5, 11),), "a layer norm over 12 takes ... x 12, not 5x11"),
        (ops.Reshape(Shape(5)), (TOKENS,), "5x12 cannot be reshaped to 5: 60 elements"),
        (ops.Regroup(((1, (5, None)), (2, (None,)))), (MAP,), "5 does not divide 12"),
        (ops.Regroup(((2, (None,)),)), (MAP,), "takes an input of 2 sides, not 12x9x7"),
        (ops.Permute((1, 0)), (MAP,), "takes an input of 2 sides, not 12x9x7"),
        (ops.Concat(), (MAP, LINE), "12x9x7 and 12x9 do not match"),
        (ops.Slice(0, 10, 5), (MAP,), "ends beyond side 0 of 12x9x7"),
        (ops.PixelShuffle(5), (MAP,), "takes 25 c x height x width, not 12x9x7"),
        (ops.Add(), (), "takes one or more inputs, not 0"),
        (ops.Parameter(Shape(3)), (MAP,), "takes 0 inputs, not 1"),
    ],
)
def test_inputs_that_do_not_fit_are_told(operation: Operation, shapes: tuple[Shape, ...], says: str) -> None:
    with pytest.raises(InvalidInput) as error:
        operation.complexity(*shapes)
    assert says in str(error.value)


def test_what_is_known_by_its_shape_alone_is_counted_and_not_built() -> None:
    other = ops.Other("roll", MAP)
    assert other.complexity(MAP, TOKENS) == Complexity()
    assert other.output(TOKENS) == MAP
    with pytest.raises(InvalidInput, match="roll is known by its shape alone"):
        build(other)
