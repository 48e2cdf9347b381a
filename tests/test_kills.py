"""A sample of ``python -m tests.kills``; each check is shown to fail where the protection is removed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests import kills


def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    kills.kills(tmp_path, random.Random(1), 4)


def test_writers_side_by_side_run_each_round_once(tmp_path: Path) -> None:
    kills.writers(tmp_path, 3)


def test_what_a_killed_writer_was_at_is_run_by_the_other(tmp_path: Path) -> None:
    kills.killed_writers(tmp_path, random.Random(2))


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    assert kills.full_disk(tmp_path, 200_000)


def test_the_checks_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(kills.Lost, match="are lost"):
        kills.kill(tmp_path / "late.sqlite", tmp_path / "late.log", 0.2, "LateStore")
    sweeping = kills.sweeping
    monkeypatch.setattr(kills, "sweeping", lambda store, log: sweeping(store, log, "Greedy"))
    with pytest.raises(kills.Lost, match="run by two writers"):
        kills.writers(tmp_path, 2)
