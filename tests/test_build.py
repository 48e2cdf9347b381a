"""Trees as modules: an interpreter for every layer, the right function, initialisation as in the papers, training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import pytest
import sympy
import torch
from torch import nn
from torch.nn import functional

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
from complexity_theory.graph.operations import (
    ACTIVATIONS,
    Activation,
    AvgPool2d,
    BatchNorm2d,
    Borrowing,
    Conv2d,
    Flatten,
    Folded,
    GlobalAvgPool2d,
    Layer,
    LayerNorm2d,
    LayerScale,
    Linear,
    MaxPool2d,
    Operation,
)
from complexity_theory.graph.rows import ROWS
from complexity_theory.measurement.build import assemble, build, initialise
from complexity_theory.zoo import network
from tests.random_layers import concrete_layers


def without_interpreter(kinds: Iterable[type[Layer]]) -> list[str]:
    """The kinds of layer that nothing builds: operations without a row, composites without an interpreter."""
    return [
        kind.__name__
        for kind in kinds
        if (kind not in ROWS if issubclass(kind, Operation) else assemble.dispatch(kind) is assemble.dispatch(object))
    ]


class Unbuilt(Layer):
    """A layer without an interpreter."""

    def output(self, shape: Shape) -> Shape:
        return shape

    def complexity(self, shape: Shape) -> Complexity:
        return Complexity()


def test_every_layer_has_an_interpreter() -> None:
    kinds = [kind for kind in concrete_layers() if kind not in (Borrowing, Folded)]  # built as what they hold
    assert {Conv2d, Linear, Sequential, Residual, Gate, Repeat} <= set(kinds)
    assert without_interpreter(kinds) == []
    assert without_interpreter([*kinds, Unbuilt]) == ["Unbuilt"]  # the check can fail
    with pytest.raises(InvalidInput, match="no interpreter builds a Unbuilt"):
        assemble(Unbuilt())


def test_submodules_carry_the_names_of_the_tree() -> None:
    tree = Sequential(stem=Conv2d(3, 8, 3), rest=Repeat(Residual(Conv2d(8, 8, 3)), 3), head=Sequential(Linear(8, 2)))
    names = [name for name, module in build(tree).named_modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    assert names == ["stem", "rest.0.body", "rest.1.body", "rest.2.body", "head.0"]


def test_repeated_parts_are_separate_copies() -> None:
    module = build(Repeat(Conv2d(4, 4, 3), 3))
    assert len({id(weight) for weight in module.parameters()}) == 3
    assert not torch.equal(module[0].weight, module[1].weight)


def test_no_copy_is_the_identity() -> None:
    x = torch.randn(2, 4, 5, 6)
    assert torch.equal(build(Repeat(Conv2d(4, 4, 3), 0))(x), x)


def test_residual_and_gate_add_and_multiply() -> None:
    x = torch.randn(2, 8, 5, 7)
    residual = build(Residual(Conv2d(8, 8, 3)))
    assert torch.equal(residual(x), residual.body(x) + x)
    projected = build(Residual(Conv2d(8, 4, 3, stride=2), Conv2d(8, 4, 1, stride=2)))
    assert torch.equal(projected(x), projected.body(x) + projected.shortcut(x))
    gate = build(Gate(Sequential(GlobalAvgPool2d(), Conv2d(8, 8, 1), Activation("sigmoid"))))
    assert torch.equal(gate(x), x * gate.gate(x))


def test_flat_and_map_meet_without_broadcasting_over_the_batch() -> None:
    x = torch.randn(3, 8, 4, 4)
    gate = build(Gate(Sequential(GlobalAvgPool2d(), Flatten(), Linear(8, 8), Activation("sigmoid"))))
    assert torch.equal(gate(x), x * gate.gate(x)[:, :, None, None])
    pooled = x.mean((2, 3), keepdim=True)
    residual = build(Residual(Linear(8, 8)))
    assert torch.equal(residual(pooled), residual.body(pooled)[:, :, None, None] + pooled)
    mixed = build(Residual(Conv2d(8, 8, 1), Linear(8, 8)))
    assert mixed(pooled).shape == (3, 8, 1, 1)


def test_norms_and_pools_compute_what_they_say() -> None:
    x = torch.randn(2, 6, 5, 7)
    over_channels = build(LayerNorm2d(6))(x)
    torch.testing.assert_close(over_channels.mean(1), torch.zeros(2, 5, 7), atol=1e-6, rtol=0)
    torch.testing.assert_close(over_channels.var(1, correction=0), torch.ones(2, 5, 7), atol=1e-3, rtol=0)
    torch.testing.assert_close(build(LayerScale(6))(x), x * 1e-6)
    windows = functional.unfold(functional.pad(x, (1, 1, 1, 1)), 3, stride=2).unflatten(1, (6, 9))
    torch.testing.assert_close(build(AvgPool2d(3, stride=2, padding=1))(x).flatten(2), windows.mean(2))
    assert torch.equal(build(MaxPool2d(2, stride=1))(x), functional.max_pool2d(x, 2, 1))
    torch.testing.assert_close(build(GlobalAvgPool2d())(x)[..., 0, 0], x.mean((2, 3)))


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_are_torchs_of_the_same_name_and_leave_their_input(kind: str) -> None:
    x = torch.linspace(-8, 8, 101)
    before = x.clone()
    expected = (
        torch.sigmoid(x) if kind == "sigmoid" else torch.tanh(x) if kind == "tanh" else getattr(functional, kind)(x)
    )
    torch.testing.assert_close(build(Activation(kind))(x), expected)
    assert torch.equal(x, before)


def test_initialisation_is_that_of_the_papers() -> None:
    torch.manual_seed(0)
    tree = Sequential(
        conv=Conv2d(64, 128, 3, bias=True),
        depthwise=Conv2d(128, 128, 5, group_width=1),
        bn=BatchNorm2d(128),
        norm=LayerNorm2d(128),
        pool=GlobalAvgPool2d(),
        fc=Linear(128, 500),
    )
    module = build(tree)
    for conv, fan_out in ((module.conv, 9 * 128), (module.depthwise, 25 * 128)):
        assert float(conv.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan_out), rel=0.05)
        assert abs(float(conv.weight.detach().mean())) < 0.01
    assert float(module.fc.weight.detach().std()) == pytest.approx(0.01, rel=0.05)
    for bias in (module.conv.bias, module.fc.bias, module.bn.bias, module.norm.bias):
        assert not bias.any()
    for scale in (module.bn.weight, module.norm.weight):
        assert bool((scale == 1).all())
    module.bn.running_mean += 1
    assert not initialise(module).bn.running_mean.any()


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d(sympy.Symbol("w", positive=True, integer=True), 8, 3),
        Conv2d(3, 8, 3, stride=(1, sympy.Symbol("t", positive=True, integer=True))),
        Repeat(Conv2d(8, 8, 3), sympy.Symbol("d", positive=True, integer=True)),
        Sequential(Activation(), Residual(Linear(8, sympy.Symbol("w", positive=True, integer=True)))),
    ],
)
def test_symbolic_sizes_are_refused(layer: Layer) -> None:
    with pytest.raises(InvalidInput, match=r"only a layer whose sizes are ints can be built, not [wtd] in "):
        build(layer)


def test_on_the_meta_device_nothing_is_allocated() -> None:
    with torch.device("meta"):
        module = build(network("RegNetY-32GF").tree)
    assert {tensor.device.type for tensor in module.state_dict().values()} == {"meta"}


SAMPLE = ("RegNetY-200MF", "RegNetZ-500MF", "EfficientNet-B0", "ResNet-18", "MobileNetV2")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: on tensors this small, more of them only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", SAMPLE)
def test_networks_train_and_infer(name: str) -> None:
    torch.manual_seed(0)
    module = build(network(name).tree)
    x, labels = torch.randn(4, 3, 64, 64), torch.tensor([0, 1, 2, 3])

    def loss() -> torch.Tensor:
        torch.manual_seed(1)  # the same units are dropped each time
        return functional.cross_entropy(module(x), labels)

    before = loss()
    assert float(before.detach()) == pytest.approx(math.log(1000), rel=0.1)  # at the start all classes are alike
    before.backward()
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    assert len(gradients) == len(list(module.parameters()))
    slope = sum(float(gradient.square().sum()) for gradient in gradients)
    torch.optim.SGD(module.parameters(), lr=0.01 / slope).step()
    with torch.no_grad():  # a small step lowers the loss by what the gradient says: 0.01
        assert float(before - loss()) == pytest.approx(0.01, rel=0.1)
        module.eval()
        assert module(x).shape == (4, 1000)
        assert torch.equal(module(x), module(x))
