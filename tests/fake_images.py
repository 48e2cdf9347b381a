"""Data sets of a few tiny images, as IDX files, and networks that are trained on them in moments."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from complexity_theory.measurement.jobs import Job
from complexity_theory.measurement.training.images import PARTS, find
from complexity_theory.measurement.training.recipe import Recipe
from complexity_theory.measurement.training.subject import TrainingSubject, job

NETWORK = """
family = "RegNetY"
stem = "cifar"
stem_width = 8
in_channels = 1
classes = 4
resolution = 8
dropout = 0.1
[[stages]]
block = "bottleneck"
depth = 1
width = 16
stride = 2
group_width = 8
se = "1/4"
"""
RECIPE = Recipe(
    name="tiny",
    epochs=4,
    batch=16,
    learning_rate=0.05,
    warmup_epochs=1.0,
    weight_decay=1e-3,
    label_smoothing=0.1,
    ema_epochs=1.0,
    shift=4,
    flip=True,
    crop=0.5,
)


def folder(path: Path, *, train: int = 96, test: int = 40, side: int = 8, classes: int = 4, seed: int = 0) -> Path:
    """A folder of IDX files, half of them compressed: a class is the quarter of the image that is bright."""
    draw = np.random.default_rng(seed)
    path.mkdir(exist_ok=True)
    half = side // 2
    for i, n in enumerate((train, test)):
        labels = (np.arange(n) % classes).astype(np.uint8)
        images = draw.integers(0, 128, (n, side, side)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label), 2)
            image[row * half : (row + 1) * half, column * half : (column + 1) * half] += 100
        write(path / PARTS[2 * i], images)
        write(path / f"{PARTS[2 * i + 1]}.gz", labels)
    return path


def write(path: Path, values: np.ndarray) -> None:
    """An IDX file."""
    content = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes() + values.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def network(path: Path) -> str:
    """The path of a network file."""
    path.write_text(NETWORK)
    return str(path)


def tiny(place: Path, checkpoints: Path | str = "", recipe: Recipe = RECIPE, seed: int = 0) -> Job:
    """A training run of a second on a CPU."""
    source = find(str(folder(place / "images")))
    name = network(place / "net.toml")
    return job(TrainingSubject(name, "base", 1.0, recipe, source, seed, str(checkpoints)), "cpu")
