"""Figures: drawn from their data alone, the same each time, and honest about where the data come from."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from complexity_theory.core.errors import InvalidInput
from complexity_theory.figures import registry, style
from complexity_theory.figures.catalogue import FIGURES, find
from complexity_theory.figures.data import from_csv, to_csv
from complexity_theory.figures.registry import CHECKOUT, Origin, Sources, Spec

NAMES = sorted(FIGURES)
COMMITTED = CHECKOUT


def committed(name: str) -> str:
    """The CSV of a figure as it is committed."""
    return registry.data_path(COMMITTED, name).read_text(encoding="utf-8")


# One of each way of drawing.
DRAWN_TWICE = sorted({spec.draw: name for name, spec in FIGURES.items()}.values())


@pytest.mark.parametrize("name", DRAWN_TWICE)
def test_a_figure_draws_the_same_bytes_twice(name: str) -> None:
    first, second = (style.svg(registry.figure(FIGURES[name], from_csv(committed(name)))) for _ in "ab")
    assert first == second
    assert b"<dc:date>" not in first


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_a_file_tells_the_day(name: str) -> None:
    assert b"<dc:date>" not in (COMMITTED / f"{name}.svg").read_bytes()


def test_a_png_is_the_same_twice_and_tells_of_this_package_alone() -> None:
    first, second = (style.png(registry.figure(FIGURES["exponents"], from_csv(committed("exponents")))) for _ in "ab")
    assert first == second
    assert first.count(b"tEXt") == 1
    assert b"Software\0Made by complexity-theory" in first


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_committed_in_all_its_files(name: str) -> None:
    assert registry.data_path(COMMITTED, name).exists()
    assert (COMMITTED / f"{name}.svg").exists()
    assert (COMMITTED / f"{name}.png").exists()


def test_the_page_shows_every_figure() -> None:
    page = (COMMITTED / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"!\[(\w+)\]\(\1\.svg\)", page) == list(FIGURES)


def _same(text: str, other: str) -> bool:
    """Whether two CSV texts hold the same data, floats to five digits: their last may differ between machines."""
    left, right = from_csv(text), from_csv(other)
    try:
        pd.testing.assert_frame_equal(left, right, rtol=1e-5)
    except AssertionError:
        return False
    return left.attrs == right.attrs


@pytest.mark.parametrize("name", [name for name in NAMES if FIGURES[name].origin is Origin.package])
def test_the_committed_data_are_what_the_package_derives_now(name: str) -> None:
    assert _same(to_csv(FIGURES[name].derive()), committed(name))


def test_the_comparison_of_data_can_fail() -> None:
    text = committed("exponents")
    assert _same(text, text)
    assert not _same(text, text.replace("3/5", "2/3"))


@pytest.mark.parametrize("name", NAMES)
def test_a_caption_names_its_source_and_device(name: str) -> None:
    frame = from_csv(committed(name))
    caption = registry.caption(FIGURES[name], frame)
    assert frame.attrs["source"] in caption
    assert frame.attrs.get("device", "") in caption
    assert "{" not in caption


def test_an_unknown_figure_is_told_with_the_names() -> None:
    with pytest.raises(InvalidInput, match="unknown figure 'nonsense': one of exponents, "):
        find(["nonsense"])


def test_a_figure_without_data_is_left_out(tmp_path: Path) -> None:
    spec = Spec("never", "", lambda tables: pd.DataFrame(), lambda frame: style.new(1), Origin.tables)
    assert registry.make(spec, tmp_path, Sources()) is None
    assert list(tmp_path.iterdir()) == []


def test_data_come_back_as_they_were_written() -> None:
    frame = pd.DataFrame({"name": ["a", None], "s": [1.5, 2.0]})
    frame.attrs["source"] = "a study: of two"
    again = from_csv(to_csv(frame))
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs == frame.attrs
