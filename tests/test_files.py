"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from complexity_theory.core import files
from complexity_theory.core.errors import InvalidInput


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    files.write(path, "größer")
    files.write(path, b"twice")
    assert path.read_bytes() == b"twice"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write(path, "old")

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InvalidInput, match=r"a\.txt: No space left"):
        files.write(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="Is a directory"):
        files.write(tmp_path, "text")


def test_a_device_is_written_to_and_stays_one() -> None:
    files.write(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(InvalidInput, match="cannot write /dev/full: No space left"):
        files.write(Path("/dev/full"), "text")
    assert Path("/dev/full").is_char_device()
