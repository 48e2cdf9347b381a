"""More networks in odd styles: what runs in training alone, once for each image, without shifts, on nothing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.odd_modules import ODD, cbr, odd

__all__ = ["ODD", "AuxiliaryHead"]


@odd()
class AuxiliaryHead(nn.Module):
    """A head that runs in training alone, as Inception has one, in a Sequential without a name."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem, self.body, self.fc = cbr(3, 16, s=2), cbr(16, 32, s=2), nn.Linear(32, classes)
        pooled = nn.AdaptiveAvgPool2d(1)
        self.auxiliary = nn.Sequential(pooled, cbr(16, 24, 1), nn.Flatten(), nn.Linear(24, 48), nn.Linear(48, classes))

    def forward(self, x: Tensor) -> Any:
        x = self.stem(x)
        side = self.auxiliary(x) if self.training else None
        out = self.fc(self.body(x).mean((2, 3)))
        return out if side is None else (out, side)


@odd()
class OnceForEachImage(nn.Module):
    """A table of sines, projected once and repeated for each image (XCiT)."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.project, self.head = nn.Conv2d(3, 32, 8, 8), nn.Conv2d(8, 32, 1), nn.Conv2d(32, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        rows = torch.arange(x.shape[2], device=x.device).view(1, 1, -1, 1).expand(1, 8, -1, x.shape[3])
        return self.head(x + self.project(rows.sin()).repeat(x.shape[0], 1, 1, 1))


class ScaledNorm(nn.GroupNorm):
    """A group norm that scales and does not shift (PoolFormer v2's)."""

    def __init__(self, groups: int, width: int) -> None:
        super().__init__(groups, width)
        self.bias = None


@odd()
def norms_without_shifts() -> nn.Module:
    """Blocks with such norms."""
    blocks = [nn.Sequential(ScaledNorm(1, 16), cbr(16, 16), ScaledNorm(4, 16)) for _ in range(3)]
    return nn.Sequential(nn.Conv2d(3, 16, 4, 4), *blocks, nn.Conv2d(16, 5, 1))


@odd()
class EmptySlices(nn.Module):
    """A mask of regions, some of which are empty where the window is as large as the map (Swin's)."""

    def __init__(self) -> None:
        super().__init__()
        self.patches, self.head = nn.Conv2d(3, 16, 8, 8), nn.Conv2d(16, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x)
        mask, window = x.new_zeros(x.shape[-2:]), x.shape[-2]
        for k, rows in enumerate((slice(0, -window), slice(-window, -2), slice(-2, None))):
            mask[rows] = k
        return self.head(x + mask)
