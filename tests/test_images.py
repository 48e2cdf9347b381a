"""Data sets: IDX files, folders of images, the synthetic set; recipes and studies as files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.training import images, recipe, study
from complexity_theory.measurement.training.batches import Batches
from complexity_theory.measurement.training.image_files import FileBatches
from complexity_theory.measurement.training.images import PARTS, find, load_images, synthetic, tree
from complexity_theory.measurement.training.subject import base
from tests.fake_images import RECIPE, folder, write

CPU = torch.device("cpu")


def test_idx_files_are_read_as_they_are_compressed_or_not(tmp_path: Path) -> None:
    source = find(str(folder(tmp_path / "mine")))
    found = load_images(source)
    assert (source.name, source.channels, source.classes) == ("mine", 1, 4)
    assert found.train.shape == (96, 1, 8, 8)
    assert found.test_labels.tolist() == [i % 4 for i in range(40)]
    assert found.train[0, 0, :4, :4].mean() > found.train[0, 0, 4:, 4:].mean() + 50


def test_the_same_images_are_the_same_data_wherever_they_lie(tmp_path: Path) -> None:
    digests = [find(str(folder(tmp_path / name, seed=seed))).digest for name, seed in (("a", 0), ("b", 0), ("c", 1))]
    assert digests[0] == digests[1] != digests[2]


def cut(path: Path) -> None:
    (path / PARTS[0]).write_bytes((path / PARTS[0]).read_bytes()[:-1])


def of_other_type(path: Path) -> None:
    (path / PARTS[0]).write_bytes(b"\0\0\x0d\x03" + (path / PARTS[0]).read_bytes()[4:])


def fewer_labels(path: Path) -> None:
    write(path / f"{PARTS[1]}.gz", np.zeros(95, np.uint8))


def no_labels(path: Path) -> None:
    (path / f"{PARTS[3]}.gz").unlink()


def no_gzip(path: Path) -> None:
    (path / f"{PARTS[1]}.gz").write_bytes(b"1f8b")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut, f"{PARTS[0]} is no IDX file of bytes in 3 dimensions"),
        (of_other_type, f"{PARTS[0]} is no IDX file"),
        (fewer_labels, "96 and 40 images, 95 and 40 labels"),
        (no_labels, f"it has no {PARTS[3]} (nor {PARTS[3]}.gz)"),
        (no_gzip, f"cannot read .*{PARTS[1]}.gz"),
    ],
)
def test_damaged_files_are_told_in_one_line(tmp_path: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(folder(tmp_path / "mine"))
    with pytest.raises(InvalidInput, match=said.replace("(", r"\(").replace(")", r"\)")) as refused:
        find(str(tmp_path / "mine"))
    assert "\n" not in str(refused.value)


def test_a_missing_data_set_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "FASHION_FOLDER", tmp_path / "absent")
    with pytest.raises(InvalidInput, match=r"^no data set at .*absent: apt-get install dataset-fashion-mnist, or give"):
        find("fashion-mnist")
    with pytest.raises(InvalidInput, match="no data set at elsewhere"):
        find("elsewhere")


def told_apart(images_of: list[np.ndarray]) -> float:
    """The share of images of two classes, of stripes across and along, that the direction of their spectrum tells."""
    right = []
    for direction, shown in enumerate(images_of):
        spectrum = np.abs(np.fft.fft2(shown - shown.mean((1, 2), keepdims=True))) ** 2
        y, x = np.meshgrid(*(np.fft.fftfreq(shown.shape[1]),) * 2, indexing="ij")
        across = spectrum * (x**2 - y**2) * (np.hypot(x, y) > 0.1)
        right.append((across.sum((1, 2)) > 0) == (direction == 0))
    return float(np.concatenate(right).mean())


def test_fine_classes_of_the_synthetic_set_show_at_full_resolution_only() -> None:
    found = synthetic()
    assert np.bincount(found.train_labels).tolist() == [300] * 8
    assert np.array_equal(synthetic(0).train, found.train)
    assert not np.array_equal(synthetic(1).train, found.train)
    for first in range(0, 8, 2):
        fine = images.SYNTHETIC_CLASSES[first][1][0] < 3
        full = [found.train[found.train_labels == first + i][:, 0].astype(float) for i in range(2)]
        half = [shown.reshape(-1, 14, 2, 14, 2).mean((2, 4)) for shown in full]
        assert told_apart(full if fine else half) > 0.9, first
        assert (told_apart(half) < 0.75) == fine, first


def test_batches_follow_from_seed_and_epoch_alone(tmp_path: Path) -> None:
    mine = load_images(find(str(folder(tmp_path / "mine"))))
    first, second = (Batches(mine, 8, RECIPE, CPU) for _ in range(2))
    list(second.epoch(0, 0))  # what went before is no matter
    for a, b in zip(first.epoch(3, 7), second.epoch(3, 7), strict=True):
        assert torch.equal(a[0], b[0])
        assert torch.equal(a[1], b[1])
    labels = [torch.cat([y for _, y in first.epoch(seed, epoch)]).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(each) for each in labels}) == 3
    assert first.steps == 6


def test_augmentation_moves_and_mirrors_and_nothing_else(tmp_path: Path) -> None:
    mine = load_images(find(str(folder(tmp_path / "mine"))))
    plain = replace(RECIPE, shift=0, flip=False, crop=1.0)
    still = {tuple(x.flatten().tolist()) for x, _ in Batches(mine, 8, plain, CPU).tests(1)}
    flipped = Batches(replace(mine, train=mine.test, train_labels=mine.test_labels), 8, replace(plain, flip=True), CPU)
    flipped._mean, flipped._scale = (getattr(Batches(mine, 8, plain, CPU), name) for name in ("_mean", "_scale"))
    rows = [row for x, _ in flipped.epoch(0, 0) for row in x]
    known = [tuple(row.flatten().tolist()) in still for row in rows]
    mirrored = [tuple(row.flip(-1).flatten().tolist()) in still for row in rows]
    assert all(a or b for a, b in zip(known, mirrored, strict=True))
    assert 5 < sum(known) < len(rows) - 5
    moved = Batches(mine, 8, replace(plain, shift=7), CPU)  # two pixels of eight
    x, _ = next(iter(moved.epoch(0, 0)))
    assert x.shape == (16, 1, 8, 8)
    assert (x == 0).any()


def test_images_take_the_side_of_the_network(tmp_path: Path) -> None:
    mine = load_images(find(str(folder(tmp_path / "mine"))))
    x, _ = next(iter(Batches(mine, 12, RECIPE, CPU).tests(5)))
    assert x.shape == (5, 1, 12, 12)
    bright = x[0, 0]
    assert bright[:6, :6].mean() > bright[6:, 6:].mean()


def picture_tree(path: Path, n: int = 6) -> Path:
    """Pictures of two classes, red and blue, of different sizes and modes."""
    for part in ("train", "val"):
        for name, colour in (("blue", (20, 40, 220)), ("red", (220, 40, 20))):
            place = path / part / name
            place.mkdir(parents=True)
            for i in range(n):
                picture = Image.new("RGB", (20 + 3 * i, 30 - 2 * i), colour)
                (picture.convert("P") if i % 3 == 0 else picture).save(place / f"{i}.png")
            (place / "notes.txt").write_text("no picture")
    return path


def test_a_folder_of_pictures_is_read_class_by_class(tmp_path: Path) -> None:
    source = find(str(picture_tree(tmp_path / "pets")))
    assert (source.name, source.channels, source.classes) == ("pets", 3, 2)
    batches = FileBatches(tree(source.folder), 16, replace(RECIPE, batch=4), CPU)
    assert (batches.steps, batches.trained, batches.tested) == (3, 12, 12)
    for x, y in [*batches.epoch(0, 0), *batches.tests(5)]:
        assert x.shape[1:] == (3, 16, 16)
        assert ((x[:, 0] > x[:, 2]).all((1, 2)) == (y == 1)).all()
    again = list(batches.epoch(1, 2))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(batches.epoch(1, 2), again, strict=True))


def test_folders_that_are_no_data_sets_are_told_in_one_line(tmp_path: Path) -> None:
    no_test = picture_tree(tmp_path / "a") / "val"
    no_test.rename(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="none to test on: no folder val or test"):
        find(str(tmp_path / "a"))
    other = picture_tree(tmp_path / "b") / "val" / "red"
    other.rename(other.with_name("green"))
    with pytest.raises(InvalidInput, match="must have the same classes, two or more, not green, red"):
        find(str(tmp_path / "b"))
    for file in (picture_tree(tmp_path / "c") / "train").rglob("*.png"):
        file.unlink()
    with pytest.raises(InvalidInput, match="train has no images"):
        find(str(tmp_path / "c"))
    broken = picture_tree(tmp_path / "d") / "val" / "red" / "1.png"
    broken.write_bytes(b"no picture")
    batches = FileBatches(tree(str(tmp_path / "d")), 16, replace(RECIPE, batch=4), CPU)
    with pytest.raises(InvalidInput, match=f"cannot read the image {broken}"):
        list(batches.tests(5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "epochs is missing"),
        ("epochs = 0", "epochs of a recipe must be at least 1, not 0"),
        ("epochs = 'many'", "epochs must be an integer, not 'many'"),
        ("epochs = 3\nlearning_rate = -1.0", "learning_rate of a recipe must be a number of at least 0, not -1.0"),
        ("epochs = 3\nmomentum = 1.0", "momentum of a recipe must be from 0 to below 1"),
        ("epochs = 3\nmomentum = 0.0", "nesterov of a recipe needs a momentum"),
        ("epochs = 3\ncrop = 0.0", "crop of a recipe"),
        ("epochs = 3\nflip = 1", "flip must be true or false, not 1"),
        ("epochs = 3\nprecision = 'fp8'", "unknown precision 'fp8'"),
        ("epochs = 3\nrate = 1.0", "unknown field 'rate'"),
        ("epochs = 3\nweight_decay_of = 1", "weight_decay_of must be named fields, not 1"),
        ("epochs = 3\nweight_decay_of = {RegNetX = -1}", "weight_decay_of.RegNetX"),
        ("epochs", "is no valid TOML"),
    ],
)
def test_bad_recipes_say_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=re.escape(said)):
        recipe.load_recipe(str(path))


@pytest.mark.parametrize("name", recipe.names())
def test_the_recipes_that_come_with_the_package_are_valid(name: str) -> None:
    found = recipe.load_recipe(name)
    rates = [found.rate(epoch / 10) for epoch in range(10 * found.epochs + 1)]
    assert max(rates) == found.rate(found.warmup_epochs)
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert found.decay("EfficientNet") == (1e-5 if name == "paper-100-epochs" else found.weight_decay)


CELLS = "[[cells]]\nnetworks = ['RegNetY-2MF']\nstrategies = ['w']\nfactors = [1, 4]\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seeds = 1", "mine.toml: recipe is missing"),
        (
            f"recipe = 'quick'\ndata = 'synthetic'\nseeds = 'x'\n{CELLS}",
            "seeds must be a whole number .*, not 'x'",
        ),
        (
            f"recipe = 'quick'\ndata = 'synthetic'\nseeds = 0\n{CELLS}",
            "seeds must be a whole number .*, not 0",
        ),
        (f"recipe = 'slow'\ndata = 'synthetic'\nseeds = 1\n{CELLS}", "unknown recipe 'slow': one of paper-100-epochs"),
        (
            "recipe = 'quick'\ndata = 'synthetic'\nseeds = 1\ncells = []",
            r"cells must be tables .*, not \[\]",
        ),
        (f"recipe = 'quick'\ndata = 'synthetic'\nseeds = 1\n{CELLS}more = 1", "cell 1: unknown field 'more'"),
        (f"recipe = 'quick'\ndata = 'synthetic'\nseeds = 1\n{CELLS.replace('4', '-4')}", "positive number, not -4"),
        ("recipe = 'quick'\ndata = 'synthetic'\nseeds = 1\n" + CELLS.replace("'w'", "'q'"), "'q'"),
    ],
)
def test_bad_studies_say_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        study.load_accuracy_study(str(path))


@pytest.mark.parametrize("name", study.names())
def test_the_cells_of_a_study_have_equal_flops_and_seeds_take_turns(name: str) -> None:
    found = study.load_accuracy_study(name, data="synthetic", seeds=2)
    jobs = found.jobs("cpu")
    assert len({job.key for job in jobs}) == len(jobs) == 2 * len(found.cells)
    assert [job.description["seed"] for job in jobs] == [0] * len(found.cells) + [1] * len(found.cells)
    flops: dict[tuple[str, float], list[int]] = {}
    for job in jobs:
        flops.setdefault((job.description["network"], job.description["factor"]), []).append(job.description["flops"])
    for (network, factor), each in flops.items():
        own = replace(base(network), classes=found.source.classes).complexity().flops
        assert each == pytest.approx([factor * own] * len(each), rel=0.011)
    assert len(found.timings("cpu").jobs) == len({job.subject.described.key for job in jobs})  # type: ignore[union-attr]


def test_a_key_tells_runs_apart_and_not_where_things_lie(tmp_path: Path) -> None:
    first = study.load_accuracy_study("quick").jobs("cpu", "here")
    assert [job.key for job in first] == [job.key for job in study.load_accuracy_study("quick").jobs("cpu", "there")]
    assert first[0].key != study.load_accuracy_study("quick", epochs=7).jobs("cpu")[0].key
    mine = str(folder(tmp_path / "mine", side=28))
    assert first[0].key != study.load_accuracy_study("quick", data=mine).jobs("cpu")[0].key
    assert study.load_accuracy_study("quick", epochs=1).recipe.warmup_epochs == 0.5
