"""Batches of image files that no memory holds: read by torch's DataLoader, each by a draw of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, TypeAlias, final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.training.images import Tree
from complexity_theory.measurement.training.recipe import Recipe

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom

# Of ImageNet's pixels, channel by channel, as torchvision's and timm's networks take them.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ASPECTS = (3 / 4, 4 / 3)  # of random crops
BORDER = 0.875  # share of an image's shorter side that a test sees
TRIES = 10  # to fit a random crop into an image
READERS = 8  # processes that read files for a GPU


@final
class Files(Dataset[tuple[Tensor, int]]):
    """Image files as bytes (3, side, side), with the number of their class; ``seed`` None: as tests see them."""

    def __init__(
        self, files: tuple[tuple[str, int], ...], side: int, recipe: Recipe, seed: tuple[int, int] | None
    ) -> None:
        self.files, self.side, self.recipe, self.seed = files, side, recipe, seed

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        from PIL import Image

        file, label = self.files[index]
        try:
            with Image.open(file) as opened:
                image = opened.convert("RGB")
        except OSError as error:
            raise InvalidInput(f"cannot read the image {file}: {error}") from None
        draw = None if self.seed is None else np.random.default_rng((*self.seed, index))
        box = _centre(image.size) if draw is None else _random_box(image.size, self.recipe.crop, draw)
        image = image.resize((self.side, self.side), Image.Resampling.BICUBIC, box=box)
        if draw is not None and self.recipe.flip and draw.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1), label


def _centre(size: tuple[int, int]) -> Box:
    """The square in the middle of an image."""
    side = BORDER * min(size)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    return left, top, left + side, top + side


def _random_box(size: tuple[int, int], least: float, draw: np.random.Generator) -> Box:
    """A part of an image of at least a share of its area (Szegedy et al. 2015); the middle where none fits."""
    for _ in range(TRIES if least < 1 else 0):
        area = size[0] * size[1] * draw.uniform(least, 1)
        aspect = float(np.exp(draw.uniform(*np.log(ASPECTS))))
        width, height = float(np.sqrt(area * aspect)), float(np.sqrt(area / aspect))
        if width <= size[0] and height <= size[1]:
            left, top = draw.uniform(0, size[0] - width), draw.uniform(0, size[1] - height)
            return left, top, left + width, top + height
    return _centre(size)


@final
class FileBatches:
    """The images of a folder on a device, batch by batch; the same for the same seed and epoch, as ``Batches`` are."""

    def __init__(self, files: Tree, side: int, recipe: Recipe, device: torch.device) -> None:
        self.files, self.side, self.recipe, self.device = files, side, recipe, device
        self._mean = torch.tensor(MEAN, device=device)[None, :, None, None] * 255
        self._scale = 1 / (torch.tensor(STD, device=device)[None, :, None, None] * 255)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return len(self.files.train) // self.recipe.batch

    @property
    def trained(self) -> int:
        """Images to train on."""
        return len(self.files.train)

    @property
    def tested(self) -> int:
        """Images to test on."""
        return len(self.files.test)

    def epoch(self, seed: int, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """The batches of an epoch, augmented."""
        draw = torch.Generator().manual_seed(seed * 100_003 + epoch)
        order = torch.randperm(len(self.files.train), generator=draw).tolist()
        files = Files(self.files.train, self.side, self.recipe, (seed, epoch))
        yield from self._read(files, batch_size=self.recipe.batch, sampler=order, drop_last=True)

    def tests(self, batch: int) -> Iterator[tuple[Tensor, ...]]:
        """The images to test on."""
        yield from self._read(Files(self.files.test, self.side, self.recipe, None), batch_size=batch)

    def _read(self, files: Files, **how: Any) -> Iterator[tuple[Tensor, ...]]:
        on_gpu = self.device.type == "cuda"
        readers = min(READERS, os.cpu_count() or 1) if on_gpu else 0
        for x, y in DataLoader(files, num_workers=readers, pin_memory=on_gpu, **how):
            images = x.to(self.device, non_blocking=True).float()
            yield (images - self._mean) * self._scale, y.to(self.device, non_blocking=True)
