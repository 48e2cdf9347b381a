"""Layers and networks as real ``torch.nn`` modules, that train and infer: a reading of rows and composites."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields, is_dataclass
from functools import singledispatch
from types import NoneType
from typing import Any, cast

from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
from complexity_theory.graph.graph import Graph
from complexity_theory.graph.operations import Borrowing, Folded, Layer, Linear, Operation
from complexity_theory.graph.rows import Call, row
from complexity_theory.measurement import modules
from complexity_theory.measurement.modules import Function
from complexity_theory.networks.traced import Traced


def build(layer: Layer | Traced) -> nn.Module:
    """The layer or network as a module that maps batches (n, channels, height, width), initialised as in the papers.

    Submodules carry the names of the tree; a repeated part becomes separate copies, named 0, 1, .... A flat feature
    map (after ``Flatten`` or ``Linear``) is a tensor (n, w). Under ``with torch.device("meta")`` nothing is allocated.
    Raises InvalidInput for sizes that are not ints and for an operation without a row.

    >>> from complexity_theory.graph.operations import Activation, Conv2d
    >>> build(Sequential(conv=Conv2d(3, 8, 3), act=Activation("relu")))
    Sequential(
      (conv): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
      (act): ReLU()
    )
    """
    if isinstance(layer, Traced):
        layer = layer.tree
    _check_ints(layer, layer)
    return initialise(assemble(layer))


def initialise(module: nn.Module) -> nn.Module:
    """Sets all weights in place as the papers do and returns the module.

    Convolutions: normal of deviation sqrt(2 / fan-out), the fan-out being kernel elements x output channels (He et al.
    2015, as pycls has it); linear layers: normal of deviation 0.01; biases: 0; norms: scale 1, shift 0; layer scale:
    1e-6 (Liu et al. 2022).

    >>> initialise(nn.Linear(4, 2)).bias.tolist()
    [0.0, 0.0]
    """
    for part in module.modules():
        if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=0.01)
        elif hasattr(part, "reset_parameters"):
            cast(Any, part).reset_parameters()
        if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)) and part.bias is not None:
            nn.init.zeros_(part.bias)
    return module


def _check_ints(value: object, owner: object) -> None:
    if is_dataclass(value):
        for field in fields(value):
            _check_ints(getattr(value, field.name), value)
    elif isinstance(value, tuple):
        for item in value:
            _check_ints(item, owner)
    elif not isinstance(value, (int, float, str, NoneType)):
        raise InvalidInput(f"only a layer whose sizes are ints can be built, not {value} in {owner}")


def called(call: Call) -> nn.Module:
    """What a row says how to make, made: a class of ``torch.nn``, one of ``measurement.modules``, or a function.

    >>> called(Call("nn.Conv2d", (3, 8, 1)))
    Conv2d(3, 8, kernel_size=(1, 1), stride=(1, 1))
    """
    home, _, name = call.name.rpartition(".")
    if home == "nn":
        return getattr(nn, name)(*call.arguments, **call.settings)  # type: ignore[no-any-return]
    if not home:
        return getattr(modules, name)(*call.arguments, **call.settings)  # type: ignore[no-any-return]
    return Function(*call)


@singledispatch
def assemble(layer: Layer) -> nn.Module:
    """The module of a layer, with torch's own initialisation; an interpreter is registered for each composite."""
    raise InvalidInput(f"no interpreter builds a {type(layer).__name__}: add one with assemble.register")


@assemble.register
def _operation(operation: Operation) -> nn.Module:
    return called(row(operation).torch(operation))


@assemble.register
def _borrowing(layer: Borrowing) -> nn.Module:
    return assemble(layer.operation)


@assemble.register
def _folded(layer: Folded) -> nn.Module:
    return modules.Folded(assemble(layer.operation), layer.lead)


def _flatten_pooled(module: nn.Linear, inputs: tuple[Tensor]) -> Tensor:
    x = inputs[0]
    pooled = x.dim() == 4 and x.shape[1:] == (module.in_features, 1, 1) and module.in_features > 1
    return x.flatten(1) if pooled else x


@assemble.register
def _linear(layer: Linear) -> nn.Module:
    linear = _operation(layer)
    # A pooled map (n, w, 1, 1) is flat as well; a subclass would hide the layer from counters that go by exact type.
    linear.register_forward_pre_hook(_flatten_pooled)
    return linear


@assemble.register
def _sequential(layer: Sequential) -> nn.Module:
    return nn.Sequential(OrderedDict((name, assemble(part)) for name, part in layer.parts))


@assemble.register
def _repeat(layer: Repeat) -> nn.Module:
    return nn.Sequential(*(assemble(layer.part) for _ in range(layer.times)))


class ResidualModule(nn.Module):
    """``body(x) + shortcut(x)``; without a shortcut, ``body(x) + x``."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.sum = Function("torch.add", (), {})

    def forward(self, x: Tensor) -> Tensor:
        """The sum for a batch ``x``."""
        out = self.body(x)
        return self.sum(out, x if self.shortcut is None else self.shortcut(x))  # type: ignore[no-any-return]


@assemble.register
def _residual(layer: Residual) -> nn.Module:
    return ResidualModule(assemble(layer.body), None if layer.shortcut is None else assemble(layer.shortcut))


class GateModule(nn.Module):
    """``x * gate(x)``, one factor per channel."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate
        self.product = Function("torch.mul", (), {})

    def forward(self, x: Tensor) -> Tensor:
        """The product for a batch ``x``."""
        return self.product(x, self.gate(x))  # type: ignore[no-any-return]


@assemble.register
def _gate(layer: Gate) -> nn.Module:
    return GateModule(assemble(layer.body))


class GraphModule(nn.Module):
    """The nodes of a graph in their order, each on the values that it takes; the last to take one lets it go."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        last = {name: node.name for node in graph.nodes for name in node.inputs}
        leaving = {graph.output_name, *graph.more}
        self.done = {
            node.name: [name for name in dict.fromkeys(node.inputs) if last[name] == node.name and name not in leaving]
            for node in graph.nodes
        }
        self.nodes = nn.ModuleDict({_key(node.name): assemble(node.layer) for node in graph.nodes})

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        """What comes out for a batch of each input; a tuple where the graph has ``more`` outputs."""
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        for node in self.graph.nodes:
            found = self.nodes[_key(node.name)](*(values[name] for name in node.inputs))
            values[node.name] = found[0] if isinstance(found, tuple) else found  # recurrent layers give their states
            for name in self.done[node.name]:
                del values[name]
        found = tuple(values[name] for name in (self.graph.output_name, *self.graph.more))
        return found if self.graph.more else found[0]


def _key(name: str) -> str:
    """A name as a key of a ModuleDict, which allows no dots."""
    return name.replace(".", "/")


@assemble.register
def _graph(layer: Graph) -> nn.Module:
    return GraphModule(layer)
