"""A small detector backbone: group convolutions, squeeze-excite, concatenation, dilation."""

import torch
from torch import nn


def conv(w_in: int, w_out: int, kernel: int = 3, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(w_in, w_out, kernel, stride, padding, dilation, groups, bias=False), nn.BatchNorm2d(w_out), nn.SiLU()
    )


class Gate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.a = conv(width, width, 1)
        self.b = conv(width, width, groups=width // 16)
        self.gate = Gate(width)
        self.c = conv(width, width, 1)

    def forward(self, x):
        return x + self.c(self.gate(self.b(self.a(x))))


class Stage(nn.Module):
    def __init__(self, w_in: int, width: int, depth: int) -> None:
        super().__init__()
        self.down = conv(w_in, width, stride=2)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(depth)))

    def forward(self, x):
        return self.blocks(self.down(x))


class Context(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList([conv(width, width // 4, dilation=d) for d in (1, 2, 4)])
        self.out = conv(width + 3 * (width // 4), width, 1)

    def forward(self, x):
        return self.out(torch.cat([x, *(branch(x) for branch in self.branches)], 1))


class Backbone(nn.Module):
    def __init__(self, widths=(64, 128, 256), depths=(2, 4, 2)) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 32, stride=2), conv(32, widths[0], stride=2))
        pairs = zip((widths[0], *widths[:-1]), widths, depths, strict=True)
        self.stages = nn.ModuleList([Stage(w_in, width, depth) for w_in, width, depth in pairs])
        self.context = Context(widths[-1])

    def forward(self, x):
        x, maps = self.stem(x), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return [*maps[:-1], self.context(x)]


def make() -> nn.Module:
    return Backbone()
