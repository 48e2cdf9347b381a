"""Small modules in the styles that people write, each with the shapes of its inputs (without the batch)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

WILD: dict[str, tuple[Callable[[], nn.Module], list[tuple[int, ...]]]] = {}
IMAGE = (3, 16, 12)


def wild(*shapes: tuple[int, ...]) -> Callable[[Any], Any]:
    """Adds a class, or a function that makes a module, to ``WILD`` under its name."""

    def add(make: Any) -> Any:
        WILD[make.__name__] = make, list(shapes or [IMAGE])
        return make

    return add


def functional(forward: Callable[..., Any]) -> Any:
    """A class of modules with the layers ``a`` (3 to 8), ``b`` (8 to 8) and ``fc`` and this forward."""

    class Functional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Conv2d(3, 8, 3, padding=1, stride=2)
            self.b = nn.Conv2d(8, 8, 3, padding=1, bias=False)
            self.fc = nn.Linear(8, 10)

        def forward(self, x: Tensor) -> Any:
            return forward(self, x)

    Functional.__name__ = forward.__name__
    return Functional


def cbr(i: int, o: int, k: int = 3, s: int = 1, g: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU(inplace=True))


# Function calls.


@wild()
@functional
def conv_by_function(self: Any, x: Tensor) -> Tensor:
    y = F.conv2d(x, self.a.weight, stride=2, padding=1)
    return F.linear(y.mean((2, 3)), self.fc.weight, self.fc.bias)


@wild()
@functional
def cosine_head(self: Any, x: Tensor) -> Tensor:
    y = self.b(F.relu(self.a(x))).mean((2, 3))
    return 10 * F.linear(F.normalize(y), F.normalize(self.fc.weight))


@wild()
@functional
def linear_by_matmul(self: Any, x: Tensor) -> Tensor:
    return self.a(x).mean((2, 3)) @ self.fc.weight.t() + self.fc.bias


@wild()
@functional
def linear_by_addmm(self: Any, x: Tensor) -> Tensor:
    return torch.addmm(self.fc.bias, self.a(x).mean((2, 3)), self.fc.weight.t())


@wild()
@functional
def linear_by_einsum(self: Any, x: Tensor) -> Tensor:
    return torch.einsum("nchw,oc->nohw", self.a(x), self.fc.weight)


@wild()
@functional
def gram_matrix(self: Any, x: Tensor) -> Tensor:
    y = self.a(x).flatten(2)
    return torch.bmm(y, y.transpose(1, 2))


@wild()
@functional
def pools_by_function(self: Any, x: Tensor) -> Tensor:
    y = F.max_pool2d(self.a(x), 2)
    y = F.avg_pool2d(F.pad(y, (1, 1)), 2, stride=1)
    return F.adaptive_avg_pool2d(y, 1)


@wild()
@functional
def same_padding_by_name(self: Any, x: Tensor) -> Tensor:
    return F.conv2d(F.conv2d(x, self.a.weight, padding="same"), self.b.weight, self.a.bias, padding="valid")


@wild()
@functional
def standardised_weights(self: Any, x: Tensor) -> Tensor:
    w = self.a.weight
    w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-5)
    return F.conv2d(x, w, self.a.bias, padding=1)


@wild()
@functional
def dynamic_weights(self: Any, x: Tensor) -> Tensor:
    y = self.a(x)
    w = y.mean((2, 3)).view(1, 8, 1, 1) * self.b.weight
    return F.conv2d(y, w, padding=1)


@wild()
@functional
def depthwise_by_function(self: Any, x: Tensor) -> Tensor:
    return F.conv2d(self.a(x), self.b.weight[:, :1], padding=1, groups=8)


@wild()
@functional
def fixed_blur(self: Any, x: Tensor) -> Tensor:
    kernel = torch.ones(8, 1, 2, 2, device=x.device) / 4
    return F.conv2d(self.a(x), kernel, stride=2, groups=8)


@wild()
@functional
def unfold_and_multiply(self: Any, x: Tensor) -> Tensor:
    columns = F.unfold(self.a(x), 3, padding=1)
    return F.fold(self.b.weight.view(8, -1) @ columns, (8, 6), 1)


@wild()
@functional
def forward_called_directly(self: Any, x: Tensor) -> Tensor:
    return self.b.forward(self.a.forward(x))


@wild()
@functional
def in_place(self: Any, x: Tensor) -> Tensor:
    y = self.a(x)
    y += 1
    y.relu_().mul_(2)
    y[:, :4] = self.b(y)[:, :4]
    return y


# Sharing.


@wild()
def shared_module() -> nn.Module:
    conv = nn.Conv2d(8, 8, 3, padding=1)
    return nn.Sequential(nn.Conv2d(3, 8, 1), conv, nn.ReLU(), conv)


@wild()
def shared_norm() -> nn.Module:
    norm = nn.BatchNorm2d(8)
    return nn.Sequential(nn.Conv2d(3, 8, 1), norm, nn.Conv2d(8, 8, 3), norm)


@wild((8,))
def tied_linears() -> nn.Module:
    a, b = nn.Linear(8, 8), nn.Linear(8, 8, bias=False)
    b.weight = a.weight
    return nn.Sequential(a, nn.Tanh(), b)


@wild()
@functional
def recurrent_conv(self: Any, x: Tensor) -> Tensor:
    y = self.a(x)
    for _ in range(3):
        y = F.relu(self.b(y)) + y
    return y


@wild()
class OneModuleTwoNames(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = self.first
        self.all = nn.ModuleList([self.first])

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x)) + self.all[0](x)


@wild()
class ParameterOfAnother(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.back = nn.ConvTranspose2d(4, 3, 3, bias=False)
        self.back.weight = self.conv.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.back(self.conv(x))


# Containers of all kinds.


@wild()
class PlainList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.layers = [nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = F.gelu(layer(x))
        return x


@wild()
class Dicts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(OrderedDict(deep=cbr(3, 8), wide=cbr(3, 4, k=1)))
        self.scales = nn.ParameterDict({"deep": nn.Parameter(torch.ones(1)), "wide": nn.Parameter(torch.ones(1))})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {name: part(x) * self.scales[name] for name, part in self.parts.items()}


@wild()
class Lists(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([cbr(3 + 4 * i, 4) for i in range(3)])
        self.weights = nn.ParameterList([nn.Parameter(torch.ones(4, 1, 1)) for _ in range(3)])

    def forward(self, x: Tensor) -> list[Tensor]:
        outs = []
        for conv, weight in zip(self.convs, self.weights, strict=True):
            outs.append(conv(x) * weight)
            x = torch.cat([x, outs[-1]], 1)
        return outs


@wild()
@functional
def tuple_output(self: Any, x: Tensor) -> tuple[Tensor, tuple[Tensor, None]]:
    y = self.a(x)
    return y, (self.b(y), None)


@dataclass
class Result:
    logits: Tensor
    features: list[Tensor]


@wild()
@functional
def dataclass_output(self: Any, x: Tensor) -> Result:
    y = self.a(x)
    return Result(self.fc(y.mean((2, 3))), [y, self.b(y)])


@wild()
@functional
def unused_layers(self: Any, x: Tensor) -> Tensor:
    return self.a(x)


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 3), nn.Linear(5, 4)

    def forward(self, image: Tensor, extra: Tensor) -> Tensor:
        return self.left(image) * self.right(extra)[:, :, None, None]


WILD["two_inputs"] = Two, [IMAGE, (5,)]


class TrunkAndHead(nn.Module):
    """Calls a submodule with keywords, and a method of it."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.head = nn.Conv2d(3, 4, 3), Two()
        self.head.left = nn.Conv2d(4, 4, 1)

    def forward(self, image: Tensor, extra: Tensor) -> Tensor:
        return self.head(extra=extra, image=self.trunk(image))


WILD["keywords"] = TrunkAndHead, [IMAGE, (5,)]


# What does not run on the meta device.


@wild()
@functional
def makes_cpu_tensors(self: Any, x: Tensor) -> Tensor:
    rates = [r.item() for r in torch.linspace(0, 1, 3)]
    return self.b(self.a(x)) * rates[1]


@wild()
@functional
def cpu_tensor_by_device(self: Any, x: Tensor) -> Tensor:
    y = self.a(x)
    return y + torch.arange(8, dtype=y.dtype, device="cpu").view(1, 8, 1, 1)


@wild()
class HoldsPlainTensor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean, self.held = torch.rand(1, 3, 1, 1), {"std": [torch.ones(3, 1, 1)]}
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv((x - self.mean) / self.held["std"][0])


@wild()
@functional
def branches_on_data(self: Any, x: Tensor) -> Tensor:
    y = self.a(x)
    return self.b(y) if x.sum() >= 0 else y


@wild()
@functional
def numpy_inside(self: Any, x: Tensor) -> Tensor:
    y = self.b(self.a(x))
    return y * float(y.detach().cpu().numpy().shape[1])


@wild()
@functional
def boolean_mask(self: Any, x: Tensor) -> Tensor:
    return self.fc(self.a(x).mean((2, 3))[x.flatten(1).sum(1) >= 0])


@wild()
class NonLeafTensor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.cached = [self.conv.weight.sum() * 2]  # has a graph: deepcopy alone refuses it

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * self.cached[0]


@wild()
class Caches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.cache = nn.Conv2d(3, 4, 3), {}

    def forward(self, x: Tensor) -> Tensor:
        if x.shape not in self.cache:
            self.cache[x.shape] = self.conv(x)
        return self.cache[x.shape]
