"""Modules for what ``torch.nn`` has no class for; ``graph.rows`` names them beside torch's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each position."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (n, channels, height, width), normalised over the channels."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class InstanceNorm(nn.InstanceNorm2d):
    """Instance normalisation of feature maps of any rank."""

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (n, channels, ...), each channel of each image normalised."""
        return nn.functional.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


class Scale(nn.Module):
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


class Loose(nn.Module):
    """A loose parameter: what a forward adds, multiplies or concatenates without a layer; or a constant."""

    def __init__(self, dims: tuple[int, ...], learned: bool = True) -> None:
        super().__init__()
        empty = torch.empty(1, *dims)
        self.weight = nn.Parameter(empty) if learned else nn.Buffer(empty)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal of deviation 0.02, as vision transformers have it."""
        nn.init.normal_(self.weight, std=0.02)

    def forward(self) -> Tensor:
        """The parameter, with a batch of 1 before its sides."""
        return self.weight


class Regroup(nn.Module):
    """Neighbouring sides merged and split anew: for each group, how many are merged, and what they become."""

    def __init__(self, groups: tuple[tuple[int, tuple[int | None, ...]], ...]) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (n, sides), with other sides."""
        sizes, at = [x.shape[0]], 1
        for merged, parts in self.groups:
            whole = math.prod(x.shape[at : at + merged])
            known = math.prod(part for part in parts if part is not None)
            sizes.extend(whole // known if part is None else part for part in parts)
            at += merged
        return x.reshape(sizes)

    def extra_repr(self) -> str:
        """The groups."""
        return str(self.groups)


class Folded(nn.Module):
    """A module on each of the images that the first sides hold."""

    def __init__(self, each: nn.Module, lead: int) -> None:
        super().__init__()
        self.each, self.lead = each, lead

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (n, first sides, sides of an image)."""
        out = self.each(x.flatten(0, self.lead))
        return out.unflatten(0, x.shape[: self.lead + 1])  # type: ignore[no-any-return]


class Function(nn.Module):
    """A function of torch as a module: ``torch.add``, ``torch.cat``, ``nn.functional.pad``."""

    def __init__(self, name: str, arguments: tuple[Any, ...], settings: Mapping[str, Any]) -> None:
        super().__init__()
        self.name, self.arguments, self.settings = name, arguments, dict(settings)
        function: Any = torch
        for part in name.removeprefix("torch.").split("."):
            # Some elementwise functions are in torch.nn.functional alone.
            function = getattr(function, part, None) or getattr(torch.nn.functional, part)
        self.function: Callable[..., Tensor] = function

    def forward(self, *inputs: Tensor) -> Tensor:
        """The function of a batch of each input."""
        if self.name == "torch.cat":
            batch = max(x.shape[0] for x in inputs)  # what is learned has a batch of 1
            return torch.cat([x.expand(batch, *x.shape[1:]) for x in inputs], *self.arguments, **self.settings)
        if self.name in JOINS and len(inputs) > 1:
            found = inputs[0]
            for other in inputs[1:]:
                found = self.function(*_of_one_rank(found, other))
            return found
        return self.function(*inputs, *self.arguments, **self.settings)

    def extra_repr(self) -> str:
        """The call, as torch's own modules show theirs."""
        settings = [repr(value) for value in self.arguments] + [f"{k}={v!r}" for k, v in self.settings.items()]
        return ", ".join([self.name, *settings])


JOINS = ("torch.add", "torch.mul")


def _of_one_rank(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Two batches; one that is flat, a value for each channel, with sides of 1 behind (torch would align the last)."""
    rank = max(a.dim(), b.dim())
    return tuple(x.reshape(*x.shape, *(1,) * (rank - x.dim())) for x in (a, b))  # type: ignore[return-value]
