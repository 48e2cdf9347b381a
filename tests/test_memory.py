"""Memory: what a backward pass keeps and what lives at once, to the byte of what torch holds of the real modules.

``THOROUGH=1 python -m pytest tests/test_memory.py`` compares every network of the zoo instead of a sample.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from torch import Tensor, nn

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.devices.memory import OPTIMIZERS, inference, memory, training
from complexity_theory.devices.profile import load_profile
from complexity_theory.graph import operations as ops
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.compose import Repeat, Residual, Sequential
from complexity_theory.graph.graph import Graph, Node
from complexity_theory.graph.memory import kept, peak
from complexity_theory.graph.operations import Activation, BatchNorm2d, Conv2d, Layer
from complexity_theory.graph.operations.elementwise import MORE_ACTIVATIONS
from complexity_theory.graph.walk import walk
from complexity_theory.measurement.build import build
from tests.live_tensors import peak_bytes, saved_bytes
from tests.random_layers import examples, trees_on_shapes

# Each kind of operation of the zoo stands in one of them.
SAMPLE = (
    *("ResNet-50", "ResNetV2-50-D", "SE-ResNet-18", "RegNetY-400MF", "RegNetZ-500MF", "EfficientNet-B0"),
    *("EfficientNet-Lite0", "MobileNetV3-Small-0.5", "VGG-11", "ConvNeXt-Atto"),
)
SIZES = ((64, 64), (96, 64))
BATCH = 2
NETWORKS = zoo.names() if os.environ.get("THOROUGH") else SAMPLE


def batch_of(*shapes: Shape) -> list[Tensor]:
    return [torch.rand(BATCH, *shape.dims) for shape in shapes]


def module_of(layer: Layer) -> nn.Module:
    """The real module, with whatever weights: initialising those of a VGG takes a second."""
    with torch.device("meta"):
        module = build(layer)
    return module.to_empty(device="cpu")


def differences(layer: Layer, *shapes: Shape) -> dict[str, tuple[int, int]]:
    """Where our bytes and torch's differ: (ours, torch's)."""
    module = module_of(layer)
    pairs = {
        "kept": (kept(layer, *shapes).bytes(BATCH), saved_bytes(module, *batch_of(*shapes))),
        "peak": (peak(layer, *shapes, batch=BATCH), peak_bytes(module, *batch_of(*shapes))),
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_hold_what_torch_holds(name: str, size: tuple[int, int]) -> None:
    assert differences(zoo.network(name).tree, Shape(3, *size)) == {}


def kinds(names: tuple[str, ...]) -> set[tuple[str, str]]:
    visits = (visit for name in names for visit in walk(zoo.network(name).tree, zoo.network(name).input()))
    return {(type(visit.operation).__name__, getattr(visit.operation, "kind", "")) for visit in visits}


def test_the_sample_holds_each_kind_of_operation() -> None:
    firsts = tuple(name for family in zoo.families() for name in zoo.names(family)[:1])
    assert kinds(zoo.names() if os.environ.get("THOROUGH") else firsts) <= kinds(SAMPLE)


@examples(60)
@given(trees_on_shapes())
def test_random_trees_hold_what_torch_holds(drawn: tuple[Layer, Shape]) -> None:
    tree, shape = drawn
    assume(not flattened_while_permuted(tree, shape))
    assert differences(tree, shape) == {}


def flattened_while_permuted(tree: Layer, shape: Shape) -> bool:
    """Whether a channel norm, which puts channels last in memory, is before a flatten of more than one position."""
    normed = False
    for visit in walk(tree, shape):
        normed |= isinstance(visit.operation, ops.LayerNorm2d)
        of = visit.inputs[0].shape
        if normed and isinstance(visit.operation, ops.Flatten) and of.rank == 3 and 1 < of.channels < of.elements:
            return True
    return False


def test_of_permuted_values_torch_makes_a_copy_that_is_not_told() -> None:
    tree = Sequential(ops.LayerNorm2d(2), Conv2d(2, 4, (2, 1), padding=0), ops.Flatten())
    assert flattened_while_permuted(tree, Shape(2, 5, 1))
    assert differences(tree, Shape(2, 5, 1)) == {"peak": (288, 336)}


MAP = Shape(8, 6, 4)
FUNCTIONS = (
    *("exp", "log", "sqrt", "rsqrt", "abs", "neg", "sin", "cos", "tan", "tanh", "sigmoid", "erf", "square", "log1p"),
    *("reciprocal", "expm1", "sign", "floor", "round", "clone", "relu", "logit", "sinh", "acosh", "lgamma"),
)
ONE_INPUT = [
    *(Activation(kind) for kind in (*ops.ACTIVATIONS, *MORE_ACTIVATIONS)),
    *(ops.Elementwise(kind) for kind in FUNCTIONS),
    *(kind(8, affine=affine) for kind in (BatchNorm2d, ops.InstanceNorm) for affine in (True, False)),
    *(ops.GroupNorm(2, 8), ops.GroupNorm(8, 8, affine=False), ops.LayerNorm2d(8), ops.RMSNorm(4), ops.LayerScale(8)),
    *(ops.LayerNorm(Shape(4)), ops.LayerNorm(Shape(6, 4), bias=False), ops.LayerNorm(Shape(4), affine=False)),
    *(ops.PReLU(8), ops.PReLU(), ops.Softmax(), ops.Softmax(0), ops.Dropout(0.0), ops.Dropout(0.3), ops.Dropout(1.0)),
    *(ops.MaxPool2d(3, 2, 1), ops.AvgPool2d(2, 2), ops.GlobalAvgPool2d(), ops.AdaptiveAvgPool2d(1)),
    *(ops.AdaptiveAvgPool2d((1, 1)), ops.AdaptiveAvgPool2d(3), ops.AdaptiveMaxPool2d((3, 2))),
    *(Conv2d(8, 4, 3, bias=True), Conv2d(8, 8, 3, group_width=1), ops.ConvTranspose2d(8, 4, 2, 2)),
    *(ops.Flatten(), ops.Flatten(1), ops.Permute((1, 2, 0)), ops.Reshape(Shape(24, 8)), ops.Slice(0, 2, 4)),
    *(ops.Pad(((1, 2), (0, 1)), mode) for mode in ("constant", "reflect", "replicate", "circular")),
    *(ops.Upsample(2, mode=mode) for mode in ("nearest", "bilinear", "bicubic")),
    *(ops.PixelShuffle(2), ops.PixelUnshuffle(2), ops.ChannelShuffle(2)),
    *(ops.Reduce(kind, (1, 2)) for kind in ("mean", "sum", "amax", "amin", "std", "var", "norm")),
]


@pytest.mark.parametrize("operation", ONE_INPUT, ids=str)
def test_operations_keep_what_torch_keeps(operation: ops.Operation) -> None:
    """Between convolutions, which keep their inputs: what the operation keeps of its own, or shares with them."""
    after = Conv2d(operation.output(MAP).channels, 3, 1) if operation.output(MAP).rank == 3 else None
    tree = Sequential(Conv2d(3, 8, 1), operation, after)
    shape = Shape(3, 6, 4)
    module = build(tree)
    assert kept(tree, shape).bytes(BATCH) == saved_bytes(module, *batch_of(shape))


def joined(operation: ops.Operation, *shapes: Shape, plain: tuple[int, ...] = ()) -> tuple[Layer, list[Shape]]:
    """An operation of several inputs, each behind a layer with params but those that are ``plain``."""
    names = [f"x{i}" for i in range(len(shapes))]
    made = [Node(f"y{i}", ops.Linear(shape.dims[-1], shape.dims[-1]), (f"x{i}",)) for i, shape in enumerate(shapes)]
    taken = tuple(f"x{i}" if i in plain else f"y{i}" for i in range(len(shapes)))
    nodes = [node for i, node in enumerate(made) if i not in plain]
    return Graph((*nodes, Node("out", operation, taken)), output="out", inputs=tuple(names)), list(shapes)


HEADS = Shape(4, 10, 8)
SEVERAL = [
    *(joined(kind(), MAP, MAP) for kind in (ops.Add, ops.Multiply, ops.Concat)),
    *(joined(kind(), MAP, MAP, MAP) for kind in (ops.Add, ops.Multiply, ops.Concat)),
    *(joined(ops.Elementwise(kind), MAP, MAP) for kind in ("sub", "div", "maximum", "minimum", "pow", "atan2")),
    *(joined(kind(), MAP, MAP, plain=(i,)) for kind in (ops.Multiply, ops.Add) for i in (0, 1)),
    *(joined(ops.Elementwise("div"), MAP, MAP, plain=(i,)) for i in (0, 1)),
    joined(ops.Multiply(), MAP, MAP, plain=(0, 1)),
    joined(ops.MatMul(), Shape(4, 5, 6), Shape(4, 6, 7)),
    joined(ops.Attention(), HEADS, HEADS, HEADS),
    joined(ops.Attention(), HEADS, Shape(4, 12, 8), Shape(4, 12, 8)),
    joined(ops.Attention(), HEADS, Shape(4, 12, 8), Shape(4, 12, 5)),
    joined(ops.Attention(), Shape(10, 8), Shape(10, 8), Shape(10, 8)),
]


@pytest.mark.parametrize(("layer", "shapes"), SEVERAL, ids=lambda value: "" if isinstance(value, list) else None)
def test_operations_of_several_inputs_keep_what_their_gradients_need(layer: Layer, shapes: list[Shape]) -> None:
    assert kept(layer, *shapes).bytes(BATCH) == saved_bytes(build(layer), *batch_of(*shapes))


@pytest.mark.parametrize(
    ("operation", "shape"),
    [
        *((ops.MaxPool1d(2, 2), Shape(8, 6)), (ops.AvgPool1d(2, 2), Shape(8, 6)), (ops.Conv1d(8, 4, 3), Shape(8, 6))),
        *((ops.MaxPool3d(2, 2), Shape(8, 4, 6, 2)), (ops.AvgPool3d(2, 2), Shape(8, 4, 6, 2))),
        *((ops.BatchNorm1d(8), Shape(8)), (ops.BatchNorm3d(8), Shape(8, 2, 3, 4)), (ops.Linear(8, 5), Shape(7, 8))),
    ],
    ids=str,
)
def test_operations_of_other_ranks_keep_what_torch_keeps(operation: ops.Operation, shape: Shape) -> None:
    tree = Sequential(ops.PReLU(), operation)  # behind a param, so that a gradient flows
    assert kept(tree, shape).bytes(BATCH) == saved_bytes(build(tree), *batch_of(shape))


def test_indices_into_a_table_are_int64() -> None:
    table = ops.Embedding(10, 4)
    assert kept(table, Shape(7)).bytes(BATCH) == saved_bytes(build(table), torch.randint(0, 5, (BATCH, 7))) == 8 * 14


@pytest.mark.parametrize("kind", ["gru", "rnn-tanh", "rnn-relu", "lstm"])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_recurrent_layers_keep_what_torch_keeps(kind: str, layers: int, bidirectional: bool, steps: int) -> None:
    layer, shape = ops.Recurrent(kind, 5, 4, layers, bidirectional, bias=layers < 3), Shape(steps, 5)
    told, held = kept(layer, shape).bytes(BATCH), saved_bytes(build(layer), *batch_of(shape))
    assert told < held if kind == "lstm" else told == held  # an LSTM has a workspace beside


def test_a_recurrent_layer_keeps_its_input_beside_what_is_kept_of_it() -> None:
    tree, shape = Sequential(ops.Linear(6, 5), Activation("relu"), ops.Recurrent("gru", 5, 4)), Shape(7, 6)
    assert kept(tree, shape).bytes(BATCH) == saved_bytes(build(tree), *batch_of(shape))


def test_the_comparison_can_fail() -> None:
    """An operation that torch does not run, or a tensor that it keeps beside, is told."""
    shape = Shape(8, 6, 4)
    module = build(Sequential(Conv2d(8, 8, 1), Activation("silu")))
    wrong = Sequential(Conv2d(8, 8, 1), Activation("relu"), Activation("relu"))
    assert kept(wrong, shape).bytes(BATCH) != saved_bytes(module, *batch_of(shape))
    wrong = Sequential(Conv2d(8, 8, 1), Residual(Sequential(Activation("silu"), Activation("relu"))))
    assert peak(wrong, shape, batch=BATCH) != peak_bytes(module, *batch_of(shape))


def test_an_unknown_function_is_no_guess() -> None:
    tree = Sequential(Conv2d(8, 8, 1), ops.Elementwise("frac"))
    with pytest.raises(InvalidInput, match="keeps of the elementwise function 'frac' is not known"):
        kept(tree, MAP)


def test_resnet_50_at_batch_2() -> None:
    """Residuals and what callers hold are alive: 9.4 MiB, not the 4 MiB of the largest layer's input and output."""
    network = zoo.network("ResNet-50")
    assert peak(network.tree, network.input(128), batch=2) == 9.375 * 2**20


def test_a_graph_lets_values_go_but_keeps_those_that_leave() -> None:
    conv = Conv2d(8, 8, 1)
    nodes = tuple(Node(f"n{i}", conv, (f"n{i - 1}" if i else "x",)) for i in range(6))
    chain, tapped = Graph(nodes, output="n5"), Graph(nodes, output="n5", more=("n0", "n2"))
    assert differences(chain, MAP) == differences(tapped, MAP) == {}
    one = 4 * BATCH * MAP.elements
    assert (peak(chain, MAP, batch=BATCH), peak(tapped, MAP, batch=BATCH)) == (3 * one, 5 * one)


def test_a_composite_holds_what_it_was_given() -> None:
    """A value that went into a stage lives until the stage is through, as its caller holds it."""
    conv = Conv2d(8, 8, 1)
    flat, nested = Sequential(conv, conv, conv, conv), Sequential(conv, Sequential(conv, Sequential(conv, conv)))
    assert differences(flat, MAP) == differences(nested, MAP) == {}
    one = 4 * BATCH * MAP.elements
    assert (peak(flat, MAP, batch=BATCH), peak(nested, MAP, batch=BATCH)) == (3 * one, 5 * one)


@pytest.mark.parametrize("name", ["RegNetY-400MF", "MobileNetV2", "ConvNeXt-Atto"])
def test_populations_are_read_elementwise(name: str) -> None:
    base = zoo.network(name)
    depth, width, side = np.array([1, 2, 1, 3]), np.array([1, 1, 2, 3]), np.array([2, 3, 4, 2])
    many = base.scaled(depth=depth, width=width)
    found = kept(many.tree, many.input(32 * side)).bytes(BATCH)
    most = peak(many.tree, many.input(32 * side), batch=BATCH)
    for i, (d, w, n) in enumerate(zip(depth.tolist(), width.tolist(), side.tolist(), strict=True)):
        one = base.scaled(depth=d, width=w)
        assert found[i] == kept(one.tree, one.input(32 * n)).bytes(BATCH)
        assert most[i] == peak(one.tree, one.input(32 * n), batch=BATCH)


@pytest.mark.parametrize("times", [[0, 1, 2, 5], [3, 4], [0, 0]])
def test_populations_of_any_number_of_copies(times: list[int]) -> None:
    part = Residual(Sequential(Conv2d(8, 16, 1), BatchNorm2d(16), Activation("silu"), Conv2d(16, 8, 1)))

    def tree(n: Any) -> Layer:
        return Sequential(Conv2d(8, 8, 1), Repeat(part, n), Activation("relu"))

    many = np.broadcast_to(kept(tree(np.array(times)), MAP).bytes(BATCH), len(times))
    most = np.broadcast_to(peak(tree(np.array(times)), MAP, batch=BATCH), len(times))
    assert many.tolist() == [kept(tree(n), MAP).bytes(BATCH) for n in times]
    assert most.tolist() == [peak(tree(n), MAP, batch=BATCH) for n in times]


@pytest.mark.parametrize("name", ["EfficientNet-B0", "ConvNeXt-Atto"])
def test_weights_and_buffers_are_those_of_the_module(name: str) -> None:
    network = zoo.network(name)
    module = module_of(network.tree)
    held = sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
    for found in (training(network.tree, network.input(), batch=1), inference(network.tree, network.input(), batch=1)):
        assert found.weights == held


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sgd", lambda params: torch.optim.SGD(params, 0.1)),
        ("momentum", lambda params: torch.optim.SGD(params, 0.1, momentum=0.9)),
        ("adam", lambda params: torch.optim.Adam(params)),
    ],
)
def test_gradients_and_states_are_those_of_the_optimizer(name: str, make: Any) -> None:
    tree, shape = Sequential(Conv2d(3, 8, 3, bias=True), BatchNorm2d(8)), Shape(3, 6, 6)
    module = build(tree)
    optimizer = make(module.parameters())
    module(*batch_of(shape)).sum().backward()
    optimizer.step()
    states = [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
    found = training(tree, shape, batch=BATCH, optimizer=name)
    assert found.gradients == sum(param.grad.nbytes for param in module.parameters() if param.grad is not None)
    assert found.optimizer == sum(value.nbytes for value in states if value.dim())  # Adam counts its steps beside
    assert found.total == found.weights + found.gradients + found.optimizer + found.activations


def test_half_precision_halves_values_and_no_statistics() -> None:
    network = zoo.network("EfficientNet-B0")
    elements = kept(network.tree, network.input())
    full, half = (training(network.tree, network.input(), batch=4, precision=name) for name in ("fp32", "amp"))
    assert full.activations - half.activations == 4 * (2 * elements.values + 3 * elements.masks)
    assert half.weights - full.weights == 2 * network.complexity().params
    assert half.gradients == full.gradients


def test_a_profile_says_mode_and_precision() -> None:
    network = zoo.network("ResNet-50")
    tree, shape = network.tree, network.input()
    assert memory(network, 64, load_profile("v100-training")) == training(tree, shape, batch=64)
    assert memory(network, 8, load_profile("v100-inference")) == inference(tree, shape, batch=8)
    amp = load_profile("rtx3090-training-nchw")
    assert memory(network, 8, amp, optimizer="adam") == training(
        tree, shape, batch=8, precision="amp", optimizer="adam"
    )


def test_memory_of_many_variants_at_once() -> None:
    base = zoo.network("EfficientNet-B0")
    found = memory(base.scaled(width=np.array([1, 2, 3])), 64, load_profile("v100-training"))
    for i, width in enumerate((1, 2, 3)):
        assert found.total[i] == memory(base.scaled(width=width), 64, load_profile("v100-training")).total


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"optimizer": "lion"}, "unknown optimizer 'lion': one of sgd, momentum, adam"),
        ({"precision": "fp8"}, "unknown precision 'fp8': one of fp32, tf32, amp, fp16, bf16"),
        ({"batch": 0}, "batch must be at least 1"),
    ],
)
def test_what_is_not_known_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        training(Conv2d(3, 8, 3), Shape(3, 8, 8), **{"batch": 1, **settings})
    assert set(OPTIMIZERS) == {"sgd", "momentum", "adam"}
