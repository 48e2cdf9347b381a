"""Networks by a width, in the styles that people write; each with the sides of its inputs and what of it can move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

IMAGE = (3, 64, 64)
# By name: what makes it of a width, the width, its inputs, and the dimensions that move.
STYLES: dict[str, tuple[Callable[[int], nn.Module], int, tuple[tuple[int, ...], ...], set[str]]] = {}


def style(width: int, *inputs: tuple[int, ...], moves: str = "width resolution") -> Callable[[Any], Any]:
    """Adds a class to ``STYLES``."""

    def add(make: Any) -> Any:
        STYLES[make.__name__] = make, width, inputs or (IMAGE,), set(moves.split())
        return make

    return add


@style(32)
class DilatedPyramid(nn.Module):
    """Parallel dilations and a pooled branch that is drawn to their size."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, w, 3, 2, 1)
        self.branches = nn.ModuleList([nn.Conv2d(w, w // 2, 3, padding=d, dilation=d) for d in (2, 6)])
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(w, w // 2, 1))
        self.head = nn.Conv2d(w + w // 2, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        pooled = F.interpolate(self.pooled(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.head(torch.cat([*(branch(x) for branch in self.branches), pooled], 1))


@style(16, IMAGE, IMAGE)
class Siamese(nn.Module):
    """One encoder on two inputs."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, w, 3, 2, 1), nn.ReLU(), nn.Conv2d(w, 2 * w, 3, 2, 1))
        self.fc = nn.Linear(2 * w, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.fc((self.encoder(x) - self.encoder(y)).abs().mean((2, 3)))


@style(24)
class Functional(nn.Module):
    """Weights without layers."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.first, self.bias = nn.Parameter(torch.randn(w, 3, 3, 3)), nn.Parameter(torch.zeros(w))
        self.second, self.third = nn.Parameter(torch.randn(w, w, 3, 3)), nn.Parameter(torch.randn(7, w))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(x, self.first, self.bias, stride=2, padding=1))
        x = F.conv2d(x, self.second, padding=1) + x
        return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), self.third)


@style(32)
class TurnedDepthwise(nn.Module):
    """A transposed convolution of each channel by itself."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, w, 3, 2, 1)
        self.up = nn.ConvTranspose2d(w, w, 4, 2, 1, groups=w, bias=False)
        self.out = nn.Conv2d(w, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.up(self.down(x)))


@style(16)
class Experts(nn.Module):
    """A gate whose outputs are taken one by one: their number is no width."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.stem, self.gate, self.fc = nn.Conv2d(3, w, 3, 2, 1), nn.Linear(w, 3), nn.Linear(w, 5)
        self.experts = nn.ModuleList([nn.Conv2d(w, w, 3, padding=1) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        share = self.gate(x.mean((2, 3))).softmax(-1)
        y = torch.stack([share[:, i, None, None, None] * expert(x) for i, expert in enumerate(self.experts)]).sum(0)
        return self.fc(y.mean((2, 3)))


@style(32, (4, 64))
class RecurrentLine(nn.Module):
    """A recurrent layer of two layers and directions: one hidden width for all."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv1d(4, w, 5, 2, 2), nn.Linear(2 * w, 6)
        self.rnn = nn.LSTM(w, w, 2, batch_first=True, bidirectional=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(self.conv(x).transpose(1, 2))[0][:, -1])


@style(16, moves="resolution")
class RecurrentCell(nn.Module):
    """A cell, stepped by hand."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.conv, self.cell, self.fc = nn.Conv2d(3, w, 3, 4, 1), nn.GRUCell(w, w), nn.Linear(w, 5)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.conv(x).flatten(2)
        state = steps.new_zeros(steps.shape[0], steps.shape[1])
        for i in range(4):
            state = self.cell(steps[:, :, i], state)
        return self.fc(state)


@style(8, (1, 16, 16, 16))
class Volume(nn.Module):
    """Three sides: norms and pools of any rank."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv3d(1, w, 3, padding=1), nn.InstanceNorm3d(w, affine=True)
        self.down, self.up = nn.Conv3d(w, 2 * w, 2, 2), nn.ConvTranspose3d(2 * w, w, 2, 2)
        self.pool, self.out = nn.AdaptiveAvgPool3d(1), nn.Conv3d(2 * w, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.first(x)))
        return self.out(self.pool(torch.cat([x, self.up(self.down(x))], 1)))


@style(16, (1, 128))
class DilatedLine(nn.Module):
    """Gated convolutions along a line."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.stem, self.out, self.pool = nn.Conv1d(1, w, 1), nn.Conv1d(w, 9, 1), nn.AdaptiveAvgPool1d(1)
        self.gated = nn.ModuleList([nn.Conv1d(w, 2 * w, 3, dilation=2**k, padding=2**k) for k in range(3)])
        self.back = nn.ModuleList([nn.Conv1d(w, w, 1) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for gated, back in zip(self.gated, self.back, strict=True):
            a, b = gated(x).chunk(2, 1)
            x = x + back(torch.tanh(a) * torch.sigmoid(b))
        return self.pool(self.out(x))


@style(16)
class Unequal(nn.Module):
    """Branches of several widths beside each other, and the input itself."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, w, 1), nn.Conv2d(3, 3 * w, 3, padding=1), nn.Conv2d(3, w // 2, 1)
        self.out = nn.Conv2d(4 * w + w // 2 + 3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.cat([self.a(x), self.b(x), self.c(x), x], 1))


@style(32)
class NonLocal(nn.Module):
    """Products of maps over all places."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.stem, self.out, self.last = nn.Conv2d(3, w, 3, 4, 1), nn.Conv2d(w // 2, w, 1), nn.Conv2d(w, 2, 1)
        self.theta, self.phi, self.g = (nn.Conv2d(w, w // 2, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        theta, phi, g = (part(x).flatten(2) for part in (self.theta, self.phi, self.g))
        y = torch.bmm(F.softmax(torch.bmm(theta.transpose(1, 2), phi), -1), g.transpose(1, 2))
        return self.last(x + self.out(y.transpose(1, 2).reshape(x.shape[0], -1, *x.shape[2:])))


@style(16)
class Decoder(nn.Module):
    """Down by strides, up to the sizes of what is added: it needs inputs that halve."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, w, 3, 2, 1), nn.Conv2d(w, 2 * w, 3, 2, 1)
        self.up, self.out = nn.ConvTranspose2d(2 * w, w, 2, 2), nn.Conv2d(w, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        return self.out(F.relu(a + self.up(self.b(a))))


@style(32, moves="width")
class Mixer(nn.Module):
    """A layer over places: their number is the input's."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.stem, self.places, self.fc = nn.Conv2d(3, w, 8, 8), nn.Linear(64, 64), nn.Linear(w, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2)
        return self.fc((x + self.places(x)).mean(2))


@style(8, moves="depth width resolution")
class Branches(nn.Module):
    """Runs of blocks of several branches, one run directly after another that hands on as many."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, w, 3, 2, 1), nn.Conv2d(w, w, 3, 2, 1)
        self.two = nn.Sequential(*(Exchange(w) for _ in range(3)))
        self.three = nn.Sequential(*(Exchange(w, 5) for _ in range(2)))
        self.out = nn.Conv2d(2 * w, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        a, b = self.three(self.two([x, self.second(x)]))
        return self.out(torch.cat([a, F.interpolate(b, scale_factor=2.0)], 1))


class Exchange(nn.Module):
    """Two branches that exchange what they have."""

    def __init__(self, w: int, kernel: int = 3) -> None:
        super().__init__()
        self.a, self.b = (nn.Conv2d(w, w, kernel, padding=kernel // 2) for _ in range(2))
        self.down = nn.Conv2d(w, w, 3, 2, 1)

    def forward(self, x: list[Tensor]) -> list[Tensor]:
        a, b = torch.relu(self.a(x[0])), torch.relu(self.b(x[1]))
        return [a + F.interpolate(b, scale_factor=2.0), b + self.down(a)]


@style(16)
class Scored(nn.Module):
    """One part of three is a single channel, the score of a place: it is no width."""

    def __init__(self, w: int) -> None:
        super().__init__()
        self.stem, self.parts, self.out = nn.Conv2d(3, w, 3, 2, 1), nn.Conv2d(w, 1 + 2 * w, 1), nn.Conv2d(w, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        score, key, value = self.parts(self.stem(x)).split([1, self.out.in_channels, self.out.in_channels], 1)
        return self.out((score.softmax(-1) * key).sum((2, 3), keepdim=True) * value)


class WithAuxiliaryHead(nn.Module):
    """A head that runs in training alone."""

    def __init__(self, w: int = 16) -> None:
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, w, 3, 2, 1), nn.Linear(w, 5)
        self.aux = nn.Sequential(nn.Conv2d(w, w, 5), nn.BatchNorm2d(w), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.aux_fc = nn.Linear(w, 5)

    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        y = self.fc(x.mean((2, 3)))
        return (y, self.aux_fc(self.aux(x))) if self.training else y
