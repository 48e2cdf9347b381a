"""Whole networks in styles of their own, each with the input that it is traced at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

ODD: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {}


def odd(*sides: int) -> Callable[[Any], Any]:
    """Adds a class, or a function that makes a module, to ``ODD``."""

    def add(make: Any) -> Any:
        ODD[make.__name__] = make, sides or (3, 64, 96)
        return make

    return add


def cbr(i: int, o: int, k: int = 3, s: int = 1, g: int = 1, d: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(i, o, k, s, d * (k // 2), dilation=d, groups=g, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(o), nn.ReLU(inplace=True))


@odd()
class SharedAcrossStages(nn.Module):
    """One block runs at three resolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.block, self.fc = cbr(3, 16, s=2), cbr(16, 16), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(3):
            x = F.max_pool2d(self.block(x), 2)
        return self.fc(x.mean((-2, -1)))


@odd()
class FunctionsAlone(nn.Module):
    """Weights in a ParameterDict, no layer."""

    def __init__(self) -> None:
        super().__init__()
        sizes = {"a": (16, 3, 3, 3), "b": (16, 1, 3, 3), "c": (32, 16, 1, 1), "d": (10, 32)}
        self.weights = nn.ParameterDict({name: nn.Parameter(torch.randn(size)) for name, size in sizes.items()})
        self.bias = nn.Parameter(torch.zeros(10))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(x, self.weights["a"], stride=2, padding=1))
        x = F.conv2d(x, self.weights["b"], padding=1, groups=x.shape[1])
        x = F.silu(F.conv2d(x, self.weights["c"]))
        return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), self.weights["d"], self.bias)


@odd()
class DictsOut(nn.Module):
    """Several heads, told by name."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(cbr(3, 16, s=2), cbr(16, 32, s=2), cbr(32, 32))
        self.heads = nn.ModuleDict({"boxes": nn.Conv2d(32, 4, 1), "scores": nn.Conv2d(32, 7, 1)})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.body(x)
        return {name: head(x) for name, head in self.heads.items()} | {"features": x}


@odd()
class ZippedLists(nn.Module):
    """Layers in parallel lists."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [16, 24, 40]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, 2, 1) for i, o in zip([3, *sizes], sizes, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for o in sizes)
        self.sides = nn.ModuleList(nn.Conv2d(o, 8, 1) for o in sizes)

    def forward(self, x: Tensor) -> list[Tensor]:
        outs = []
        for conv, norm, side in zip(self.convs, self.norms, self.sides, strict=True):
            x = F.relu(norm(conv(x)))
            outs.append(side(x))
        return outs


@odd()
class EinsumAttention(nn.Module):
    """Channels that attend to each other, by einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.q, self.k = cbr(3, 24, s=4), nn.Conv2d(24, 24, 1), nn.Conv2d(24, 24, 1)
        self.out = nn.Conv2d(24, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        scores = torch.einsum("bchw,bdhw->bcd", self.q(x), self.k(x)).softmax(-1)
        return self.out(torch.einsum("bcd,bdhw->bchw", scores, x) + x)


@odd()
def grouped_and_transposed() -> nn.Module:
    """Group convolutions down, a transposed and a transposed depthwise one up."""
    return nn.Sequential(
        cbr(3, 32, s=2),
        cbr(32, 32, g=4),
        cbr(32, 64, s=2, g=4),
        nn.ConvTranspose2d(64, 32, 2, 2),
        nn.ConvTranspose2d(32, 32, 4, 2, 1, groups=32),
        nn.Conv2d(32, 2, 1),
    )


@odd(2, 512)
def line() -> nn.Module:
    """In one dimension, with a transposed convolution."""
    return nn.Sequential(
        nn.Conv1d(2, 16, 7, 2, 3),
        nn.GroupNorm(4, 16),
        nn.GELU(),
        nn.Conv1d(16, 32, 3, 2, 1, groups=2),
        nn.ConvTranspose1d(32, 16, 4, 4),
        nn.AvgPool1d(2),
        nn.Conv1d(16, 1, 1),
    )


@odd(1, 8, 32, 32)
def clip() -> nn.Module:
    """In three dimensions."""
    return nn.Sequential(
        nn.Conv3d(1, 8, (1, 7, 7), (1, 2, 2), (0, 3, 3)),
        nn.BatchNorm3d(8),
        nn.Conv3d(8, 16, (3, 1, 1), padding=(1, 0, 0)),
        nn.ReLU(),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
        nn.Linear(16, 6),
    )


@odd()
def pixel_shuffle() -> nn.Module:
    """Space to depth and back."""
    return nn.Sequential(
        nn.PixelUnshuffle(2), cbr(12, 24), cbr(24, 24), nn.Conv2d(24, 12, 3, padding=1), nn.PixelShuffle(2)
    )


class Shuffled(nn.Module):
    """A block of ShuffleNet v2: half of the channels go by, then channels are shuffled by views."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.branch = nn.Sequential(cbr(half, half, 1), cbr(half, half, g=half), cbr(half, half, 1))

    def forward(self, x: Tensor) -> Tensor:
        a, b = x.chunk(2, 1)
        x = torch.cat([a, self.branch(b)], 1)
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


@odd()
def channel_shuffle() -> nn.Module:
    """Such blocks in a row."""
    return nn.Sequential(cbr(3, 24, s=2), *(Shuffled(24) for _ in range(3)), nn.Conv2d(24, 4, 1))


class Cbam(nn.Module):
    """Attention over channels and over places (Woo et al. 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = cbr(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, width // 4), nn.ReLU(), nn.Linear(width // 4, width))
        self.place = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        gate = torch.sigmoid(self.mlp(y.mean((2, 3))) + self.mlp(y.amax((2, 3))))
        y = y * gate[:, :, None, None]
        place = torch.cat([y.mean(1, keepdim=True), y.max(1, keepdim=True).values], 1)
        return x + y * torch.sigmoid(self.place(place))


@odd()
def cbam() -> nn.Module:
    """Three blocks, a head."""
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    return nn.Sequential(cbr(3, 16, s=2), *(Cbam(16) for _ in range(3)), head)


@odd()
class Pyramid(nn.Module):
    """A backbone of three stages with a feature pyramid and heads that all levels share."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList([cbr(3, 16, s=4), cbr(16, 32, s=2), cbr(32, 64, s=2)])
        self.lateral = nn.ModuleList(nn.Conv2d(i, 24, 1) for i in (16, 32, 64))
        self.smooth, self.head = nn.Conv2d(24, 24, 3, padding=1), nn.Conv2d(24, 9, 3, padding=1)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = []
        for stage in self.stages:
            levels.append(x := stage(x))
        tops = [conv(level) for conv, level in zip(self.lateral, levels, strict=True)]
        for i in (1, 0):
            tops[i] = tops[i] + F.interpolate(tops[i + 1], size=tops[i].shape[-2:], mode="nearest")
        return [self.head(self.smooth(top)) for top in tops]


@odd()
class Aspp(nn.Module):
    """Dilated branches and one of the whole image, concatenated (DeepLab)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(cbr(3, 32, s=2), cbr(32, 48, s=2))
        self.branches = nn.ModuleList([cbr(48, 16, 1), *(cbr(48, 16, d=d) for d in (2, 4, 6))])
        self.image = nn.Sequential(nn.AdaptiveAvgPool2d(1), cbr(48, 16, 1))
        self.project, self.head = cbr(80, 32, 1), nn.Conv2d(32, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        x = self.body(x)
        image = F.interpolate(self.image(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        x = self.project(torch.cat([*(branch(x) for branch in self.branches), image], 1))
        return F.interpolate(self.head(x), size=size, mode="bilinear", align_corners=False)


@odd()
class Unet(nn.Module):
    """Three levels down and up, by recursion."""

    def __init__(self, i: int = 3, width: int = 8, levels: int = 3) -> None:
        super().__init__()
        self.enter, self.leave = cbr(i, width), cbr(2 * width, width)
        self.below = Unet(width, 2 * width, levels - 1) if levels > 1 else cbr(width, 2 * width)
        self.up = nn.ConvTranspose2d(2 * width, width, 2, 2)
        self.head = nn.Conv2d(width, 2, 1) if i == 3 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        y = self.up(self.below(F.max_pool2d(x, 2)))
        return self.head(self.leave(torch.cat((x, y), dim=1)))


@odd()
class Dense(nn.Module):
    """Each layer sees all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = cbr(3, 16, s=2)
        self.layers = nn.ModuleList(cbr(16 + 12 * i, 12) for i in range(4))
        self.fc = nn.Linear(16 + 48, 10)

    def forward(self, x: Tensor) -> Tensor:
        features = [self.stem(x)]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return self.fc(torch.cat(features, 1).mean((2, 3)))


@odd()
class ReadByGru(nn.Module):
    """Columns of features, read in order by a bidirectional GRU and then an LSTM (text recognition)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(cbr(3, 16, s=2), cbr(16, 32, s=2))
        self.gru = nn.GRU(32, 24, bidirectional=True, batch_first=True)
        self.lstm, self.fc = nn.LSTM(48, 20, batch_first=True), nn.Linear(20, 30)

    def forward(self, x: Tensor) -> Tensor:
        columns = self.body(x).mean(2).transpose(1, 2)
        return self.fc(self.lstm(self.gru(columns)[0])[0])


@odd()
class BranchesOnData(nn.Module):
    """One of two branches, by what is in the image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.small, self.large = cbr(3, 8), cbr(8, 8, 1), cbr(8, 8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.large(x) if bool(x.mean() > 1e9) else self.small(x)


class Attended(nn.Module):
    """A layer of a transformer, written out."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(y.transpose(1, 2).reshape(b, n, c))
        return x + self.mlp(x)


@odd()
class Positions(nn.Module):
    """Patches with learned positions, resampled where the input is another, and a class token for each image."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 32, 16, 16)
        self.positions, self.token = nn.Parameter(torch.randn(1, 32, 4, 6)), nn.Parameter(torch.randn(1, 1, 32))
        self.blocks, self.head = nn.Sequential(*(Attended(32) for _ in range(3))), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        x = x + F.interpolate(self.positions, size=x.shape[-2:], mode="bicubic", align_corners=False)
        x = torch.cat([self.token.repeat(x.shape[0], 1, 1), x.flatten(2).transpose(1, 2)], 1)
        return self.head(self.blocks(x)[:, 0])


@odd()
class Windows(nn.Module):
    """Attention within windows of 4 x 4, shifted by a roll."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 32, 4, 4), nn.Linear(32, 10)
        self.blocks = nn.ModuleList(Attended(32) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        for i, block in enumerate(self.blocks):
            x = torch.roll(x, (-2 * i, -2 * i), (1, 2))
            y = x.view(b, h // 4, 4, w // 4, 4, c).transpose(2, 3).reshape(-1, 16, c)
            y = block(y).view(b, h // 4, w // 4, 4, 4, c).transpose(2, 3)
            x = torch.roll(y.reshape(b, h, w, c), (2 * i, 2 * i), (1, 2))
        return self.head(x.mean((1, 2)))
