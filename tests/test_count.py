"""Our counts against real PyTorch modules: random layers, random trees, every network; and the counter itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
import torch
from hypothesis import given
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Residual, Sequential
from complexity_theory.graph.operations import BatchNorm2d, Conv2d, Layer, Linear
from complexity_theory.measurement.build import assemble, build
from complexity_theory.measurement.count import breakdown, count
from complexity_theory.networks.spec import Network
from complexity_theory.zoo import families, names, network
from complexity_theory.zoo.published import published
from tests.random_layers import MORE, examples, layers_on_shapes, trees_on_shapes


def module_output(module: nn.Module, shape: Shape) -> Shape:
    """The shape that comes out of the module itself, for an input of ``shape``."""
    device = next(module.parameters(), torch.empty(())).device
    with torch.no_grad():
        out = module.eval()(torch.zeros(1, shape.channels, shape.height, shape.width, device=device))
    return Shape(*out.shape[1:])


def differences(layer: Layer, module: nn.Module, shape: Shape) -> list[str]:
    """Where the module and our counts of the layer disagree, in the four numbers that must be the same."""
    ours = {**layer.complexity(shape).as_dict(), "output": layer.output(shape)}
    real = {**count(module, shape).as_dict(), "output": module_output(module, shape)}
    return [f"{name}: {ours[name]} is not {real[name]} of PyTorch" for name in ours if ours[name] != real[name]]


@examples(2000)
@given(layers_on_shapes())
def test_random_layers_cost_what_torch_layers_cost(drawn: tuple[Layer, Shape]) -> None:
    layer, shape = drawn
    with torch.device("meta"):
        assert differences(layer, assemble(layer), shape) == []


@examples(500)
@given(trees_on_shapes())
def test_random_trees_cost_what_torch_modules_cost(drawn: tuple[Layer, Shape]) -> None:
    tree, shape = drawn
    with torch.device("meta"):
        assert differences(tree, assemble(tree), shape) == []


@examples(200)
@given(layers_on_shapes())
def test_real_tensors_give_the_same_counts(drawn: tuple[Layer, Shape]) -> None:
    layer, shape = drawn
    module = build(layer)
    assert count(module, shape, device="cpu") == count(module, shape) == layer.complexity(shape)
    assert module_output(module, shape) == layer.output(shape)


IN_FULL = {row.network for row in published()}


def shallow(net: Network) -> Network:
    """The network with at most two blocks a stage: all its distinct blocks, quick to build."""
    return net if MORE > 1 else replace(net, stages=tuple(replace(s, depth=min(s.depth, 2)) for s in net.stages))


@pytest.mark.parametrize("family", families())
def test_every_network_costs_what_its_module_costs(family: str) -> None:
    """At two resolutions; in full those whose counts pycls publishes, with two blocks a stage the others."""
    for name in names(family):
        net = network(name) if name in IN_FULL else shallow(network(name))
        with torch.device("meta"):
            module = assemble(net.tree)
        for resolution in (net.resolution, 97):
            assert count(module, net.input(resolution)) == net.complexity(resolution), name


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        (Conv2d(6, 9, 3, bias=True), ["flops", "params"]),
        (Conv2d(6, 9, (3, 1)), ["flops", "params"]),
        (Conv2d(6, 9, 3, stride=(2, 1)), ["flops", "acts", "output"]),
        (Sequential(Conv2d(6, 9, 3), BatchNorm2d(9)), ["params"]),
    ],
)
def test_the_comparison_sees_a_planted_error(planted: Layer, seen: list[str]) -> None:
    found = differences(planted, build(Conv2d(6, 9, 3)), Shape(6, 8, 5))
    assert [line.split(":")[0] for line in found] == seen


def test_flops_of_torchs_own_counter_are_proved_symbolically() -> None:
    """torch.utils.flop_counter.conv_flop_count takes symbols: no difference is left for any conv on any input."""
    letters = "w_out g groups h w k_h k_w s_h s_w p_h p_w d_h d_w"
    w_out, g, groups, h, w, *window = sympy.symbols(letters, positive=True, integer=True)
    k, s, p, d = (tuple(window[i : i + 2]) for i in (0, 2, 4, 6))
    shape = Shape(g * groups, h, w)
    conv = Conv2d(g * groups, groups * w_out, k, stride=s, padding=p, dilation=d, group_width=g)
    out = conv.output(shape)
    torchs = conv_flop_count([1, shape.channels, h, w], [out.channels, g, *k], [1, out.channels, out.height, out.width])
    assert sympy.expand(2 * conv.complexity(shape).flops - torchs) == 0
    assert sympy.expand(2 * conv.complexity(shape).flops - torchs * d[0]) != 0  # the comparison can fail


def test_a_shared_module_counts_its_flops_twice_and_its_params_once() -> None:
    conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    once, shape = Conv2d(4, 4, 3).complexity(Shape(4, 5, 6)), Shape(4, 5, 6)
    twice = nn.Sequential(conv, nn.ReLU(), conv)
    assert count(twice, shape) == Complexity(2 * once.flops, once.params, 2 * once.acts)
    assert [(row.name, row.calls) for row in breakdown(twice, shape)] == [("0", 2), ("1", 1)]


def test_tied_weights_count_once() -> None:
    first, second = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
    second.weight = first.weight
    counted = count(nn.Sequential(first, second), Shape(4, 5, 5))
    assert counted.params == 4 * 4 * 9 + 4 + 4
    assert counted.flops == 2 * (4 * 9 + 1) * 4 * 25


def test_a_module_that_is_not_called_has_params_and_no_flops() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x

    assert count(Unused(), Shape(3, 4, 4)) == Complexity(params=12)
    assert breakdown(Unused(), Shape(3, 4, 4))[0].output is None


def test_the_breakdown_adds_up_and_names_the_modules_of_the_tree() -> None:
    net = network("ResNet-18")
    with torch.device("meta"):
        module = assemble(net.tree)
    rows = breakdown(module, net.input())
    total = sum((row.complexity for row in rows), Complexity())
    assert total == net.complexity()
    conv = next(row for row in rows if row.kind == "Conv2d")
    assert conv.name.startswith("stem.")
    assert conv.output == (64, 112, 112)
    assert conv.complexity == Conv2d(3, 64, 7, stride=2).complexity(net.input())
    assert isinstance(module.get_submodule(conv.name), nn.Conv2d)


def test_flops_are_half_of_flop_counter_mode_without_biases() -> None:
    tree = Sequential(Residual(Conv2d(6, 6, 3)), Conv2d(6, 4, 1, bias=True))
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        assemble(tree)(torch.zeros(1, 6, 5, 7))
    assert counter.get_total_flops() == 2 * (tree.complexity(Shape(6, 5, 7)).flops - 4 * 5 * 7)


def test_a_linear_layer_counts_in_half_precision_too() -> None:
    assert count(build(Linear(8, 3)).half(), Shape(8, 1, 1)) == Linear(8, 3).complexity(Shape(8, 1, 1))
