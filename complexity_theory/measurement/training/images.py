"""Data sets: IDX files and a synthetic set made from a seed, whole in memory; folders of image files. No torch here."""

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
# Of a folder of image files: images to train on and to test on, in a folder for each class.
TRAIN, TESTS = "train", ("val", "test")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
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
class ImageSource:
    """Where a data set comes from: what jobs know of it. ``digest`` tells its content, ``folder`` where it lies."""

    name: str
    digest: str
    channels: int
    classes: int
    folder: str = ""


def find(data: str) -> ImageSource:
    """The source of ``synthetic``, of ``fashion-mnist``, or of a folder of IDX files or of images (``tree``).

    Raises InvalidInput, with the way to get it, for a data set that is not there, and for files that are no such thing.

    >>> find("synthetic").classes
    8
    """
    if data == SYNTHETIC:
        return ImageSource(SYNTHETIC, f"version {SYNTHETIC_VERSION}", 1, len(SYNTHETIC_CLASSES))
    folder = FASHION_FOLDER if data == FASHION else Path(data)
    if not folder.is_dir():
        hint = "apt-get install dataset-fashion-mnist, or give --data DIR" if data == FASHION else "a folder is needed"
        raise InvalidInput(f"no data set at {folder}: {hint} (--data synthetic needs none)")
    if (folder / TRAIN).is_dir():
        return _tree_source(folder)
    digest = hashlib.sha256()
    for part in PARTS:
        digest.update(_content(folder, part))
    images = load_idx(folder)
    name = FASHION if digest.hexdigest()[:16] == FASHION_DIGEST else folder.name
    return ImageSource(name, digest.hexdigest()[:16], images.train.shape[1], images.classes, str(folder))


def load_images(source: ImageSource) -> Images:
    """The images of a source that is held in memory."""
    return synthetic() if source.name == SYNTHETIC else load_idx(Path(source.folder))


@dataclass(frozen=True, slots=True)
class Tree:
    """The image files of a folder, in order of their paths, and the number of the class of each."""

    train: tuple[tuple[str, int], ...]
    test: tuple[tuple[str, int], ...]
    classes: tuple[str, ...]


@cache
def tree(folder: str) -> Tree:
    """The files of ``folder``/train/CLASS and ``folder``/val/CLASS (or test), as ImageNet is laid out.

    Raises InvalidInput where a part is missing or empty, and where the classes of the two differ.
    """
    path = Path(folder)
    test = next((path / name for name in TESTS if (path / name).is_dir()), None)
    if test is None:
        raise InvalidInput(f"{path} has images to train on, and none to test on: no folder {' or '.join(TESTS)}")
    classes = tuple(sorted(entry.name for entry in (path / TRAIN).iterdir() if entry.is_dir()))
    others = tuple(sorted(entry.name for entry in test.iterdir() if entry.is_dir()))
    if classes != others or len(classes) < 2:
        odd = sorted({*classes} ^ {*others}) or list(classes) or ["no class at all"]
        raise InvalidInput(
            f"{path / TRAIN} and {test} must have the same classes, two or more, not {', '.join(odd[:5])}"
        )
    parts = [_files(part, classes) for part in (path / TRAIN, test)]
    return Tree(parts[0], parts[1], classes)


def _files(part: Path, classes: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    found = [
        (str(file), number)
        for number, name in enumerate(classes)
        for file in sorted((part / name).rglob("*"))
        if file.suffix.lower() in SUFFIXES
    ]
    if not found:
        raise InvalidInput(f"{part} has no images ({', '.join(SUFFIXES)})")
    return tuple(found)


def _tree_source(folder: Path) -> ImageSource:
    """Its digest is that of the names of its files."""
    found = tree(str(folder))
    digest = hashlib.sha256()
    for file, _ in (*found.train, *found.test):
        digest.update(f"{Path(file).relative_to(folder)}\n".encode())
    return ImageSource(folder.name, digest.hexdigest()[:16], 3, len(found.classes), str(folder))


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
    raise InvalidInput(f"{folder} is no data set: it has no {part} (nor {part}.gz), and no folder {TRAIN} of classes")


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
SYNTHETIC_SIZES = (2400, 800)
SIDE = 28
# A class is a shape with a texture inside. Stripes of 2.3 pixels are all but gone where an image is halved.
SHAPES = ("disc", "frame")
TEXTURES = ((2.3, 0.0), (2.3, 90.0), (7.0, 0.0), (7.0, 90.0))  # period (pixels), direction (degrees)
SYNTHETIC_CLASSES = tuple((shape, texture) for shape in SHAPES for texture in TEXTURES)


def synthetic(seed: int = 0) -> Images:
    """Discs and square frames filled with stripes, fine or coarse, at any place and size, in noise.

    >>> images = synthetic()
    >>> images.train.shape, images.classes
    ((2400, 1, 28, 28), 8)
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
    far = np.maximum(dy, dx) / radius
    inside = np.where((shape == 0)[:, None, None], dy**2 + dx**2 < radius**2, (far > 0.45) & (far < 1))
    period, direction = np.array(TEXTURES)[texture].T[..., None, None]
    angle = np.deg2rad(direction + draw.normal(0, 12, (n, 1, 1)))
    wave = np.cos(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / period + draw.uniform(0, 6.3, (n, 1, 1)))
    contrast = draw.uniform(0.35, 1.0, (n, 1, 1))
    grey = 96 + inside * (32 + 80 * contrast * wave) + draw.normal(0, 40, (n, SIDE, SIDE))
    return np.clip(grey, 0, 255).astype(np.uint8)[:, None], labels
