"""What other counters count: equal to the counters themselves, on networks, on random trees, and on recorded totals."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
import torch
import torchinfo
from hypothesis import given
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.complexity import Shape
from complexity_theory.graph.conventions import convention
from complexity_theory.graph.operations import BatchNorm2d, Conv2d, Layer
from complexity_theory.measurement.build import build
from complexity_theory.zoo import names, network
from tests.random_layers import examples, trees_on_shapes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of their imports
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
    from ptflops import get_model_complexity_info

# Small ones of each kind of block, stem and head; between them they hold every kind of leaf.
NETWORKS = (
    "ResNet-18",
    "RegNetY-200MF",
    "EfficientNet-B0",
    "MobileNetV2",
    "MobileNetV3-Small",
    "ConvNeXt-Atto",
)
RESOLUTION = 64  # quick to run; nothing here depends on it

# Flops of ResNet-50, EfficientNet-B0, RegNetY-4.0GF at 224 x 224, as the tools themselves gave them when run once.
RECORDED = {
    "pycls": (4_089_185_256, 385_825_092, 3_973_301_344),
    "fvcore": (4_111_512_576, 401_659_392, 4_000_907_200),
    "torch": (8_178_368_512, 771_629_504, 7_946_576_896),
    "torchinfo": (4_089_238_376, 385_867_108, 3_973_363_616),
    "thop": (4_133_742_592, 415_145_024, 4_025_466_624),
    # RegNetY-4.0GF was recorded as 4,015,561,112 on another module, whose ReLUs ptflops saw once and not twice
    "ptflops": (4_132_436_968, 410_196_896, 4_027_131_984),
}
# thop 0.1.1.post2209072238, run once on the modules of `build` (it is no dependency: it is not maintained)
THOP = {
    "ResNet-18": 1_824_033_792,
    "RegNetZ-500MF": 532_442_464,
    "MobileNetV2": 327_550_720,
    "ResNeXt-50-32x4d": 4_288_184_320,
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: on tensors this small, more of them only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Real(NamedTuple):
    """What a tool says: flops, and where it counts them params and acts."""

    flops: int
    params: int | None = None
    acts: int | None = None


def _fvcore(module: nn.Module, x: torch.Tensor) -> Real:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch.jit.trace
        counters = [kind(module, x) for kind in (FlopCountAnalysis, ActivationCountAnalysis)]
        totals = [c.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total() for c in counters]
    return Real(totals[0], None, totals[1])


def _torch(module: nn.Module, x: torch.Tensor) -> Real:
    with FlopCounterMode(display=False) as counter:
        module(x)
    return Real(counter.get_total_flops())


def _ptflops(module: nn.Module, x: torch.Tensor) -> Real:
    found = get_model_complexity_info(module, tuple(x.shape[1:]), as_strings=False, print_per_layer_stat=False)
    return Real(*found)


def _torchinfo(module: nn.Module, x: torch.Tensor) -> Real:
    found = torchinfo.summary(module, input_data=x, verbose=0)
    return Real(found.total_mult_adds, found.total_params)


TOOLS: dict[str, Callable[[nn.Module, torch.Tensor], Real]] = {
    "fvcore": _fvcore,
    "torch": _torch,
    "ptflops": _ptflops,
    "torchinfo": _torchinfo,
}


def disagreements(layer: Layer, shape: Shape, tool: str, rule: str | None = None) -> list[str]:
    """Where a tool, run on the real module, and our rule for it differ in what the tool counts."""
    with torch.no_grad():
        real = TOOLS[tool](build(layer).eval(), torch.zeros(1, shape.channels, shape.height, shape.width))
    ours = convention(rule or tool).total(layer, shape).as_dict()
    return [
        f"{metric}: {tool} counts {counted}, we {ours[metric]}"
        for metric, counted in real._asdict().items()
        if counted is not None and counted != ours[metric]
    ]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", NETWORKS)
def test_totals_of_networks_are_those_of_the_tool(name: str, tool: str) -> None:
    net = network(name)
    assert disagreements(net.tree, net.input(RESOLUTION), tool) == []


@pytest.mark.parametrize("tool", TOOLS)
def test_totals_of_random_trees_are_those_of_the_tool(tool: str) -> None:
    @examples(25)
    @given(trees_on_shapes())
    def check(drawn: tuple[Layer, Shape]) -> None:
        assert disagreements(*drawn, tool) == []

    check()


def test_the_comparison_can_fail() -> None:
    tree, shape = Conv2d(3, 8, 3, bias=True), Shape(3, 9, 7)
    assert disagreements(tree, shape, "fvcore", "pycls") == ["flops: fvcore counts 13608, we 14112"]
    assert disagreements(network("ResNet-18").tree, Shape(3, 64, 64), "fvcore", "torchinfo") != []
    assert disagreements(BatchNorm2d(3), shape, "torchinfo", "pycls") == ["flops: torchinfo counts 6, we 0"]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_totals(name: str) -> None:
    networks = [network(n) for n in ("ResNet-50", "EfficientNet-B0", "RegNetY-4.0GF")]
    totals = [convention(name).total(net.tree, net.input()).flops for net in networks]
    assert tuple(totals) == RECORDED[name]


def test_thops_totals() -> None:
    nets = {name: network(name) for name in THOP}
    assert {name: convention("thop").total(net.tree, net.input()).flops for name, net in nets.items()} == THOP


def test_fvcore_leaves_the_max_pool_out_of_the_acts() -> None:
    net = network("ResNet-50")
    assert convention("pycls").total(net.tree, net.input()).acts == 11_315_688
    assert convention("fvcore").total(net.tree, net.input()).acts == 11_114_984


def test_pycls_is_the_convention_of_the_layers_themselves() -> None:
    for net in map(network, names()):
        assert convention("pycls").total(net.tree, net.input()) == net.complexity()


def test_an_unknown_convention_is_told_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="unknown convention 'flops': one of pycls, fvcore, torch"):
        convention("flops")
