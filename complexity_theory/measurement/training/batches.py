"""Batches of a data set that lies on the device: order and augmentation follow from seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from complexity_theory.measurement.training.images import Bytes, Images
from complexity_theory.measurement.training.recipe import Recipe

CHUNK = 8192  # images that are prepared at once
REFERENCE = 28  # pixels of a side, by which ``shift`` of a recipe counts


@final
class Batches:
    """The images of a data set at one side, on a device: those to train on by epoch, those to test on in order."""

    def __init__(self, images: Images, side: int, recipe: Recipe, device: torch.device) -> None:
        self.recipe, self.device = recipe, device
        self.train, self.labels = _resized(images.train, side, device), _labels(images.train_labels, device)
        self.test, self.test_labels = _resized(images.test, side, device), _labels(images.test_labels, device)
        pixels = self.train.float()
        self._mean = pixels.mean((0, 2, 3), keepdim=True)
        self._scale = 1 / pixels.std((0, 2, 3), keepdim=True)

    @property
    def steps(self) -> int:
        """Batches of an epoch: what is left over is of another epoch, as its order is another."""
        return len(self.train) // self.recipe.batch

    @property
    def trained(self) -> int:
        """Images to train on."""
        return len(self.train)

    @property
    def tested(self) -> int:
        """Images to test on."""
        return len(self.test)

    def epoch(self, seed: int, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """The batches of an epoch, augmented: the same for the same seed and epoch, whatever went before."""
        draw = torch.Generator().manual_seed(seed * 100_003 + epoch)
        batch = self.recipe.batch
        order = torch.randperm(len(self.train), generator=draw)[: self.steps * batch].to(self.device)
        size = max(1, CHUNK // batch) * batch
        for begin in range(0, len(order), size):
            rows = order[begin : begin + size]
            x, y = self._augmented(self._normalised(self.train[rows]), draw), self.labels[rows]
            yield from _parts(batch, x, y)

    def tests(self, batch: int) -> Iterator[tuple[Tensor, ...]]:
        """The images to test on."""
        for x, y in _parts(batch, self.test, self.test_labels):
            yield self._normalised(x), y

    def _normalised(self, x: Tensor) -> Tensor:
        return (x.float() - self._mean) * self._scale

    def _augmented(self, x: Tensor, draw: torch.Generator) -> Tensor:
        n, side = len(x), x.shape[-1]
        if self.recipe.crop < 1:
            x = self._cropped(x, draw)
        reach = round(self.recipe.shift * side / REFERENCE)
        if not reach and not self.recipe.flip:
            return x
        moved = torch.randint(0, 2 * reach + 1, (2, n, 1), generator=draw)
        mirrored = torch.rand((n, 1), generator=draw) < (0.5 if self.recipe.flip else 0.0)
        along = torch.arange(side)
        rows, columns = moved[0] + along, moved[1] + torch.where(mirrored, side - 1 - along, along)
        rows, columns = rows.to(self.device), columns.to(self.device)
        x = functional.pad(x, (reach,) * 4)
        x = x.gather(2, rows[:, None, :, None].expand(-1, x.shape[1], -1, x.shape[3]))
        return x.gather(3, columns[:, None, None, :].expand(-1, x.shape[1], side, -1))

    def _cropped(self, x: Tensor, draw: torch.Generator) -> Tensor:
        """Crops of a random share of the area, at a random place, at the size that they are cut from."""
        n = len(x)
        share = torch.empty(n).uniform_(self.recipe.crop, 1.0, generator=draw).sqrt()
        place = torch.empty(n, 2).uniform_(-1.0, 1.0, generator=draw) * (1 - share)[:, None]
        theta = torch.zeros(n, 2, 3)
        theta[:, 0, 0] = theta[:, 1, 1] = share
        theta[:, :, 2] = place
        grid = functional.affine_grid(theta.to(self.device), list(x.shape), align_corners=False)
        return functional.grid_sample(x, grid, align_corners=False, padding_mode="reflection")


def _parts(size: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """So many rows of each tensor at a time."""
    for begin in range(0, len(tensors[0]), size):
        yield tuple(tensor[begin : begin + size] for tensor in tensors)


def _resized(images: Bytes, side: int, device: torch.device) -> Tensor:
    """Images (n, channels, side, side) as bytes on the device."""
    x = torch.tensor(images, device=device)
    if x.shape[-1] == side:
        return x
    parts = [
        functional.interpolate(part.float(), size=(side, side), mode="bilinear", antialias=True, align_corners=False)
        for (part,) in _parts(CHUNK, x)
    ]
    return torch.cat([part.round().clamp(0, 255).to(torch.uint8) for part in parts])


def _labels(labels: Bytes, device: torch.device) -> Tensor:
    return torch.tensor(labels, device=device).long()
