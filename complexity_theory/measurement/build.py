"""Trees of layers as real ``torch.nn`` modules, that train and infer: the interpreter of every leaf and combinator."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields, is_dataclass
from functools import singledispatch
from types import NoneType

import torch
from torch import Tensor, nn

from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.sizes import pair
from complexity_theory.graph.compose import Gate, Repeat, Residual, Sequential
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


def build(layer: Layer) -> nn.Module:
    """The layer or network as a module that maps batches (n, channels, height, width), initialised as in the papers.

    Submodules carry the names of the tree; a repeated part becomes separate copies, named 0, 1, .... A flat feature
    map (w x 1 x 1, after ``Flatten`` or ``Linear``) is a tensor (n, w). Under ``with torch.device("meta")`` nothing is
    allocated. Raises InvalidInput for sizes that are not ints and for a layer without an interpreter.

    >>> from complexity_theory.graph.operations import Activation, Conv2d
    >>> build(Sequential(conv=Conv2d(3, 8, 3), act=Activation("relu")))
    Sequential(
      (conv): Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
      (act): ReLU()
    )
    """
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
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=0.01)
        elif isinstance(part, (nn.BatchNorm2d, nn.LayerNorm, ScaleModule)):
            part.reset_parameters()
        if isinstance(part, (nn.Conv2d, nn.Linear)) and part.bias is not None:
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


@singledispatch
def assemble(layer: Layer) -> nn.Module:
    """The module of a layer, with torch's own initialisation; one interpreter is registered for each kind of layer."""
    raise InvalidInput(f"no interpreter builds a {type(layer).__name__}: add one with assemble.register")


@assemble.register
def _conv(layer: Conv2d) -> nn.Module:
    kernel, dilation = pair(layer.kernel), pair(layer.dilation)
    if layer.padding is None:
        padding = tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    else:
        padding = pair(layer.padding)
    return nn.Conv2d(
        layer.w_in,
        layer.w_out,
        kernel,
        stride=pair(layer.stride),
        padding=padding,
        dilation=dilation,
        groups=layer.groups,
        bias=layer.bias,
    )


def _flatten_input(module: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    return inputs[0].flatten(1)


@assemble.register
def _linear(layer: Linear) -> nn.Module:
    linear = nn.Linear(layer.w_in, layer.w_out, bias=layer.bias)
    # A pooled map (n, w, 1, 1) is flat as well; a subclass would hide the layer from counters that go by exact type.
    linear.register_forward_pre_hook(_flatten_input)
    return linear


@assemble.register
def _batch_norm(layer: BatchNorm2d) -> nn.Module:
    return nn.BatchNorm2d(layer.width)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each position."""

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (n, channels, height, width), normalised over the channels."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


@assemble.register
def _layer_norm(layer: LayerNorm2d) -> nn.Module:
    return ChannelNorm(layer.width, eps=1e-6)


class ScaleModule(nn.Module):
    """A learned factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Factors of 1e-6, so that a residual block starts as the identity."""
        nn.init.constant_(self.weight, 1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (n, channels, height, width), times its factors."""
        return x * self.weight[:, None, None]


@assemble.register
def _layer_scale(layer: LayerScale) -> nn.Module:
    return ScaleModule(layer.width)


@assemble.register
def _max_pool(layer: MaxPool2d) -> nn.Module:
    return nn.MaxPool2d(pair(layer.kernel), pair(layer.stride), pair(layer.padding), ceil_mode=layer.ceil)


@assemble.register
def _avg_pool(layer: AvgPool2d) -> nn.Module:
    return nn.AvgPool2d(pair(layer.kernel), pair(layer.stride), pair(layer.padding), ceil_mode=layer.ceil)


@assemble.register
def _global_avg_pool(layer: GlobalAvgPool2d) -> nn.Module:
    return nn.AdaptiveAvgPool2d(1)


@assemble.register
def _adaptive_avg_pool(layer: AdaptiveAvgPool2d) -> nn.Module:
    return nn.AdaptiveAvgPool2d(layer.size)


@assemble.register
def _flatten(layer: Flatten) -> nn.Module:
    return nn.Flatten()


# Not in place: the input of an activation may be needed beside it, as by the shortcut of a residual block.
_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "sigmoid": nn.Sigmoid,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "tanh": nn.Tanh,
}


@assemble.register
def _activation(layer: Activation) -> nn.Module:
    return _ACTIVATIONS[layer.kind]()


@assemble.register
def _dropout(layer: Dropout) -> nn.Module:
    return nn.Dropout(layer.p)


@assemble.register
def _sequential(layer: Sequential) -> nn.Module:
    return nn.Sequential(OrderedDict((name, assemble(part)) for name, part in layer.parts))


@assemble.register
def _repeat(layer: Repeat) -> nn.Module:
    return nn.Sequential(*(assemble(layer.part) for _ in range(layer.times)))


def _beside(x: Tensor, other: Tensor) -> Tensor:
    """``x``; where it is flat and the other a map, as a map of 1 x 1 (broadcasting would pair batch with channels)."""
    return x[:, :, None, None] if x.dim() < other.dim() else x


class ResidualModule(nn.Module):
    """``body(x) + shortcut(x)``; without a shortcut, ``body(x) + x``."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """The sum for a batch ``x``."""
        out = self.body(x)
        beside = x if self.shortcut is None else self.shortcut(x)
        return _beside(out, beside) + _beside(beside, out)


@assemble.register
def _residual(layer: Residual) -> nn.Module:
    return ResidualModule(assemble(layer.body), None if layer.shortcut is None else assemble(layer.shortcut))


class GateModule(nn.Module):
    """``x * gate(x)``, one factor per channel."""

    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        """The product for a batch ``x``."""
        factors = self.gate(x)
        return x * _beside(factors, x)


@assemble.register
def _gate(layer: Gate) -> nn.Module:
    return GateModule(assemble(layer.body))
