"""Files are read within bounds, and written whole or not at all."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from complexity_theory.core import files
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.limits import LIMITS, Limit


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


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path: Path, mask: int, mode: int) -> None:
    old = os.umask(mask)
    try:
        files.write(tmp_path / "a.txt", "text")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.sh"
    path.write_text("old")
    path.chmod(0o750)
    files.write(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o750


def test_a_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    target, link, dangling = tmp_path / "kept" / "a.txt", tmp_path / "link", tmp_path / "dangling"
    files.write(target, "old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "kept" / "b.txt")
    for path in (link, dangling):
        files.write(path, "new")
        assert path.is_symlink()
        assert path.resolve().read_text() == "new"
    assert target.read_text() == "new"
    (tmp_path / "round").symlink_to(tmp_path / "round")
    with pytest.raises(InvalidInput, match=r"cannot write .*round: "):
        files.write(tmp_path / "round", "text")


def test_new_folders_go_where_nothing_could_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InvalidInput, match="No space left"):
        files.write(tmp_path / "new" / "newer" / "a.txt", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_is_open_is_written_to() -> None:
    """As ``-o /dev/stdout`` in a pipe: the link leads to a name that no folder holds."""
    source, sink = os.pipe()
    files.write(Path(f"/dev/fd/{sink}"), "text")
    os.close(sink)
    with os.fdopen(source) as read:
        assert read.read() == "text"


def test_what_is_read_is_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("größer")
    assert files.read_text(path) == "größer"
    path.write_bytes(b"ab\xff")
    with pytest.raises(InvalidInput, match=r"a\.txt is no text in UTF-8: byte 2"):
        files.read_text(path)
    os.mkfifo(tmp_path / "pipe")
    for other in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(InvalidInput, match=r"is no regular file|Is a directory"):
            files.read(other)
    for none in (tmp_path / "none", Path("a\0b")):
        with pytest.raises(InvalidInput, match="cannot read"):
            files.read(none)


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to("target.txt")
    files.write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        files.write(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == mode


def test_a_refusal_leaves_no_new_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(InvalidInput, match="No space left"):
        files.write(tmp_path / "a" / "b" / "c.txt", "text")
    assert not any(tmp_path.iterdir())


def test_what_is_not_marked_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    files.write(path, f"<!-- {files.MADE} -->", mark=files.MADE)
    files.write(path, f"<!-- {files.MADE} --> anew", mark=files.MADE)
    assert path.read_text().endswith("anew")
    path.write_text("my own words")
    with pytest.raises(InvalidInput, match="was not written by this command"):
        files.write(path, files.MADE, mark=files.MADE)
    assert path.read_text() == "my own words"


def odd(folder: Path, kind: str) -> Path:
    """Something else than a regular file."""
    path = folder / "odd"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "folder":
        path.mkdir()
    return {"device": Path("/dev/zero"), "long": folder / ("x" * 5000), "zero": Path("a\0b")}.get(kind, path)


@pytest.mark.parametrize("kind", ["pipe", "loop", "folder", "device", "long", "zero", "absent"])
def test_what_is_no_regular_file_is_not_read_and_not_waited_for(tmp_path: Path, kind: str) -> None:
    path, begun = odd(tmp_path, kind), time.monotonic()
    for reads in (files.read, files.read_text, files.check_regular):
        with pytest.raises(InvalidInput) as refused:
            reads(path)
        assert len(str(refused.value)) < 300
        assert "\n" not in str(refused.value)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("kind", ["pipe", "loop", "folder", "long", "zero"])
def test_what_is_no_regular_file_is_not_waited_for_by_a_writer(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InvalidInput, match="cannot write"):
        files.write(odd(tmp_path, kind), "text")


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 11)
    monkeypatch.setattr(files, "LIMITS", {**LIMITS, "bytes of a file": Limit(0, 10)})
    with pytest.raises(InvalidInput, match="has more than 10 bytes of a file"):
        files.read(path)


def test_text_is_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfgr\xc3\xbcn")
    assert files.read_text(path) == "grün"
    path.write_bytes(b"gr\xfcn")
    with pytest.raises(InvalidInput, match="no text in UTF-8: byte 2"):
        files.read_text(path)
