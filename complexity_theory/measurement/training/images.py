"""Data sets of small images, whole in memory: IDX files, and a synthetic set made from a seed. No torch here."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from complexity_theory.core.errors import InvalidInput

Bytes: TypeAlias = NDArray[np.uint8]

SYNTHETIC = "synthetic"
FASHION = "fashion-mnist"
# Where Debian's package puts it.
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
PARTS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True, eq=False)
class Images:
    """A data set: images (n, channels, side, side) and labels (n), to train on and to test on."""

    train: Bytes
    train_labels: Bytes
    test: Bytes
    test_labels: Bytes
    classes: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where a data set comes from: what jobs know of it. ``digest`` tells its content, ``folder`` where it lies."""

    name: str
    digest: str
    channels: int
    classes: int
    folder: str = ""


def find(data: str) -> Source:
    """The source of ``synthetic``, of ``fashion-mnist`` or of a folder of IDX files.

    Raises InvalidInput, with the way to get it, for a data set that is not there, and for files that are no such thing.

    >>> find("synthetic").classes
    8
    """
    if data == SYNTHETIC:
        return Source(SYNTHETIC, f"version {SYNTHETIC_VERSION}", 1, len(SYNTHETIC_CLASSES))
    folder = FASHION_FOLDER if data == FASHION else Path(data)
    if not folder.is_dir():
        hint = "apt-get install dataset-fashion-mnist, or give --data DIR" if data == FASHION else "a folder is needed"
        raise InvalidInput(f"no data set at {folder}: {hint} (--data synthetic needs none)")
    digest = hashlib.sha256()
    for part in PARTS:
        digest.update(_content(folder, part))
    images = load_idx(folder)
    name = FASHION if digest.hexdigest()[:16] == FASHION_DIGEST else folder.name
    return Source(name, digest.hexdigest()[:16], images.train.shape[1], images.classes, str(folder))


def load(source: Source) -> Images:
    """The images of a source."""
    return synthetic() if source.name == SYNTHETIC else load_idx(Path(source.folder))


@cache
def _content(folder: Path, part: str) -> bytes:
    for path in (folder / part, folder / f"{part}.gz"):
        try:
            content = path.read_bytes()
            return gzip.decompress(content) if path.suffix == ".gz" else content
        except FileNotFoundError:
            continue
        except (OSError, EOFError) as error:
            raise InvalidInput(f"cannot read {path}: {error}") from None
    raise InvalidInput(f"{folder} is no data set: it has no {part} (nor {part}.gz)")


def _idx(folder: Path, part: str, dimensions: int) -> Bytes:
    """An IDX file of bytes: two zeros, the type (8), the number of dimensions, their sizes (big-endian), the data."""
    content = _content(folder, part)
    sizes = np.frombuffer(content[4 : 4 + 4 * dimensions], ">u4").tolist()
    begin = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) - begin != int(np.prod(sizes, dtype=object)):
        raise InvalidInput(f"{folder / part} is no IDX file of bytes in {dimensions} dimensions")
    return np.frombuffer(content, np.uint8, offset=begin).reshape(sizes)


def load_idx(folder: Path) -> Images:
    """The four IDX files of MNIST and its kin in a folder, compressed or not. Raises InvalidInput for others."""
    train, labels, test, test_labels = (
        _idx(folder, part, dimensions) for part, dimensions in zip(PARTS, (3, 1, 3, 1), strict=True)
    )
    if len(train) != len(labels) or len(test) != len(test_labels) or not (len(train) and len(test)):
        raise InvalidInput(
            f"{folder} has {len(train)} and {len(test)} images, {len(labels)} and {len(test_labels)} labels"
        )
    return Images(train[:, None], labels, test[:, None], test_labels, int(max(labels.max(), test_labels.max())) + 1)


FASHION_DIGEST = "14410854cf7a2894"  # of the content of its four files, in the order of ``PARTS``
SYNTHETIC_VERSION = 1
SYNTHETIC_SIZES = (4000, 1000)
SIDE = 28
# A class is a shape with a texture inside. Textures of a period of 3 pixels or less show at fine resolution only.
SHAPES = ("disc", "square")
TEXTURES = ((3.0, 0.0), (3.0, 90.0), (7.0, 0.0), (7.0, 90.0))  # period (pixels), direction (degrees)
SYNTHETIC_CLASSES = tuple((shape, texture) for shape in SHAPES for texture in TEXTURES)


def synthetic(seed: int = 0) -> Images:
    """Discs and squares filled with stripes, fine or coarse, at any place and size, in noise.

    >>> images = synthetic()
    >>> images.train.shape, images.classes
    ((4000, 1, 28, 28), 8)
    """
    draw = np.random.default_rng(seed)
    parts = [_drawn(n, draw) for n in SYNTHETIC_SIZES]
    (train, labels), (test, test_labels) = parts
    return Images(train, labels, test, test_labels, len(SYNTHETIC_CLASSES))


def _drawn(n: int, draw: np.random.Generator) -> tuple[Bytes, Bytes]:
    labels = (np.arange(n) % len(SYNTHETIC_CLASSES)).astype(np.uint8)
    draw.shuffle(labels)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)[:, None]
    radius = draw.uniform(6, 10, (n, 1, 1))
    cy, cx = draw.uniform(radius, SIDE - radius), draw.uniform(radius, SIDE - radius)
    dy, dx = np.abs(y - cy), np.abs(x - cx)
    shape, texture = np.divmod(labels, len(TEXTURES))
    inside = np.where((shape == 0)[:, None, None], dy**2 + dx**2 < radius**2, np.maximum(dy, dx) < 0.9 * radius)
    period, direction = np.array(TEXTURES)[texture].T[..., None, None]
    angle = np.deg2rad(direction + draw.normal(0, 12, (n, 1, 1)))
    wave = np.cos(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / period + draw.uniform(0, 6.3, (n, 1, 1)))
    contrast = draw.uniform(0.35, 1.0, (n, 1, 1))
    grey = 96 + inside * (32 + 80 * contrast * wave) + draw.normal(0, 40, (n, SIDE, SIDE))
    return np.clip(grey, 0, 255).astype(np.uint8)[:, None], labels
