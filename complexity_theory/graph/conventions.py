"""What other counters count, as rules over the leaves of a tree: why two tools disagree about the same network.

Every rule starts from the leaf's own cost or from the elements that go in and out. The totals equal those of the tools
themselves, run on the module that ``measurement.build`` makes of the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, cast

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import Size
from complexity_theory.graph.complexity import Complexity, Shape
from complexity_theory.graph.compose import Visit, walk
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
)

# What is counted of one leaf.
Rule: TypeAlias = Callable[[Visit], Size]
Rules: TypeAlias = Mapping[type[Layer], Rule]


@dataclass(frozen=True, slots=True)
class Convention:
    """A way to count: its name, one line on what it counts, and a rule for the flops and the acts of each kind of leaf.

    Params are the same in all. Acts are pycls's where the tool counts none.
    """

    name: str
    counts: str
    flops: Rules
    acts: Rules

    def cost(self, visit: Visit) -> Complexity:
        """The cost of one copy of a visited leaf (``compose.walk``). Raises InvalidInput for a leaf without a rule."""
        params = visit.layer.complexity(visit.shape).params
        return Complexity(self._rule(self.flops, visit)(visit), params, self._rule(self.acts, visit)(visit))

    def total(self, layer: Layer, shape: Shape) -> Complexity:
        """The cost of a tree on an input of ``shape``: the sum of its leaves, each as often as it stands in the tree.

        >>> convention("torch").total(Conv2d(3, 8, 3, bias=True), Shape(3, 4, 4)).flops  # 2 per multiply-add, no bias
        6912
        """
        total = Complexity()
        for visit in walk(layer, shape):
            total = total + visit.times * self.cost(visit)
        return total

    def _rule(self, rules: Rules, visit: Visit) -> Rule:
        try:
            return rules[type(visit.layer)]
        except KeyError:
            kind = type(visit.layer).__name__
            raise InvalidInput(f"the convention {self.name} has no rule for a {kind}: none counts as zero") from None


def _nothing(visit: Visit) -> Size:
    return 0


def _elements_in(visit: Visit) -> Size:
    return visit.shape.elements


def _elements_out(visit: Visit) -> Size:
    return visit.output.elements


def _params(visit: Visit) -> Size:
    return visit.layer.complexity(visit.shape).params


def _multiply_adds_and_bias(visit: Visit) -> Size:
    return visit.layer.complexity(visit.shape).flops


def _multiply_adds(visit: Visit) -> Size:
    bias = int(cast("Conv2d | Linear", visit.layer).bias)
    return _multiply_adds_and_bias(visit) - bias * _elements_out(visit)


def _times(factor: int, rule: Rule) -> Rule:
    return lambda visit: factor * rule(visit)


def _each(rule: Rule, *kinds: type[Layer]) -> dict[type[Layer], Rule]:
    return dict.fromkeys(kinds, rule)


def _ptflops_activation(visit: Visit) -> Size:
    """Elements for each time that ptflops sees the activation: as a module, as a function, or both."""
    seen = {"relu": 2, "gelu": 2, "relu6": 1, "silu": 1}.get(cast(Activation, visit.layer).kind, 0)
    return seen * _elements_out(visit)


def _thop_adaptive(visit: Visit) -> Size:
    """An addition for each element of an output's window, and a division."""
    return _elements_in(visit) + _elements_out(visit)


_WEIGHTED = (Conv2d, Linear)
_NORMS = (BatchNorm2d, LayerNorm2d, LayerScale)
_WINDOWS = (MaxPool2d, AvgPool2d)
_ADAPTIVE = (GlobalAvgPool2d, AdaptiveAvgPool2d)
_REST = (Flatten, Dropout)

_PYCLS_ACTS = _each(_elements_out, *_WEIGHTED, *_WINDOWS) | _each(_nothing, *_NORMS, *_ADAPTIVE, *_REST, Activation)

_CONVENTIONS = (
    Convention(
        "pycls",
        "multiply-adds of convolutions and linear layers, and one per output with a bias; acts with pooling windows",
        flops=_each(_multiply_adds_and_bias, *_WEIGHTED)
        | _each(_nothing, *_NORMS, *_WINDOWS, *_ADAPTIVE, *_REST, Activation),
        acts=_PYCLS_ACTS,
    ),
    Convention(
        "fvcore",
        "multiply-adds without biases; 2 per element of a batch norm, 5 of a layer norm, 1 per input of a global "
        "pooling; acts of convolutions and linear layers alone (fvcore 0.1.5)",
        flops=_each(_multiply_adds, *_WEIGHTED)
        | {BatchNorm2d: _times(2, _elements_in), LayerNorm2d: _times(5, _elements_in)}
        | _each(_elements_in, *_ADAPTIVE)
        | _each(_nothing, LayerScale, *_WINDOWS, *_REST, Activation),
        acts=_PYCLS_ACTS | _each(_nothing, *_WINDOWS),
    ),
    Convention(
        "torch",
        "2 per multiply-add of convolutions and linear layers, without biases (torch.utils.flop_counter)",
        flops=_each(_times(2, _multiply_adds), *_WEIGHTED)
        | _each(_nothing, *_NORMS, *_WINDOWS, *_ADAPTIVE, *_REST, Activation),
        acts=_PYCLS_ACTS,
    ),
    Convention(
        "ptflops",
        "multiply-adds with biases; 2 per element of a batch norm and per input of a pooling; 1 or 2 per element of a "
        "ReLU, ReLU6, GELU or SiLU, which it sees as a module, as a function or as both (ptflops 0.7.5, pytorch)",
        flops=_each(_multiply_adds_and_bias, *_WEIGHTED)
        | {BatchNorm2d: _times(2, _elements_in), Activation: _ptflops_activation}
        | _each(_times(2, _elements_in), *_WINDOWS, *_ADAPTIVE)
        | _each(_nothing, LayerNorm2d, LayerScale, *_REST),
        acts=_PYCLS_ACTS,
    ),
    Convention(
        "torchinfo",
        "multiply-adds with biases, and one per parameter of a norm (torchinfo 1.8)",
        flops=_each(_multiply_adds_and_bias, *_WEIGHTED)
        | _each(_params, *_NORMS)
        | _each(_nothing, *_WINDOWS, *_ADAPTIVE, *_REST, Activation),
        acts=_PYCLS_ACTS,
    ),
    Convention(
        "thop",
        "multiply-adds without biases; 4 per element of a batch norm, 1 per output of an average pooling, 1 per input "
        "and output of a global pooling (thop 0.1.1)",
        flops=_each(_multiply_adds, *_WEIGHTED)
        | {BatchNorm2d: _times(4, _elements_in), AvgPool2d: _elements_out}
        | _each(_thop_adaptive, *_ADAPTIVE)
        | _each(_nothing, LayerNorm2d, LayerScale, MaxPool2d, *_REST, Activation),
        acts=_PYCLS_ACTS,
    ),
)
CONVENTIONS: Mapping[str, Convention] = MappingProxyType({c.name: c for c in _CONVENTIONS})


def convention(name: str) -> Convention:
    """The convention of a name: pycls (the default everywhere), fvcore, torch, ptflops, torchinfo, thop.

    Raises InvalidInput for others.

    >>> from complexity_theory.zoo import network
    >>> resnet = network("ResNet-50")
    >>> convention("fvcore").total(resnet.tree, resnet.input())
    Complexity(flops=4111512576, params=25557032, acts=11114984)
    """
    if name not in CONVENTIONS:
        raise InvalidInput(f"unknown convention {name!r}: one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]
