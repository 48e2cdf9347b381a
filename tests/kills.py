"""``python -m tests.kills --n 200``: sweeps that are killed, share a store and meet full disks lose and double nothing.

CI runs a small seeded sample (``tests/test_kills.py``).
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from complexity_theory.measurement.frame import read
from tests.fake_engine import RULES, jobs

ROOT = Path(__file__).resolve().parents[1]
JOBS = 60  # of a sweep: 120 rounds


class Lost(AssertionError):  # noqa: N818
    """Something was lost, doubled or left behind."""


def sweeping(store: Path, log: Path, name: str = "Store", **more: object) -> subprocess.Popen[bytes]:
    """A sweep in a process of its own, which notes in ``log`` each round that it begins, and each that it has kept."""
    arguments = [sys.executable, "-m", "tests.fake_engine", str(store), str(log), str(JOBS), name]
    return subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, **more)  # type: ignore[call-overload,no-any-return]


def kept(store: Path) -> Counter[tuple[str, int]]:
    """The rounds in a store, whose file must be sound."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as db:
        if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise Lost("the file is damaged")
        found = db.execute("SELECT job, number FROM attempts").fetchall()
        orphans = db.execute("SELECT count(*) FROM attempts WHERE job NOT IN (SELECT id FROM jobs)").fetchone()[0]
    db.close()
    if orphans:
        raise Lost(f"{orphans} rounds without their jobs")
    return Counter(found)


def noted(log: Path) -> Counter[str]:
    """How often each line is in the log."""
    return Counter(log.read_text().splitlines() if log.exists() else [])


def check_whole(store: Path) -> None:
    """Every round is there, once, and the frame is sound."""
    wanted = Counter({(job.key, number): 1 for job in jobs(JOBS) for number in range(RULES.rounds)})
    if (found := kept(store)) != wanted:
        raise Lost(f"{len(wanted - found)} rounds lost, {len(found - wanted)} doubled")
    frame = read(store)
    if frame["rounds"].tolist() != [RULES.rounds] * JOBS or set(frame["status"]) != {"ok"}:
        raise Lost("the frame is not whole")


def kill(store: Path, log: Path, wait: float, name: str = "Store") -> None:
    """One sweep, killed after a time; what it said it had kept must be there."""
    begun = sum(noted(log).values())
    process = sweeping(store, log, name)
    assert process.stderr is not None
    while sum(noted(log).values()) == begun and process.poll() is None:
        time.sleep(0.002)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    said = {line.removeprefix("kept ") for line in noted(log) if line.startswith("kept ")}
    there = {f"{job} {number}" for job, number in kept(store)} if store.exists() else set()
    if lost := said - there:
        raise Lost(f"{len(lost)} rounds that were kept are lost")


def kills(folder: Path, draw: random.Random, n: int, name: str = "Store") -> None:
    """``n`` kills, of as many stores as that takes; then each store is gone on with to its end."""
    number = done = 0
    while done < n:
        store, log = folder / f"{number}.sqlite", folder / f"{number}.log"
        for _ in range(min(4, n - done)):
            kill(store, log, draw.uniform(0, 0.15), name)
            done += 1
        end(store, log)
        check_whole(store)
        again = sum(count - 1 for line, count in noted(log).items() if line.startswith("begun "))
        if again > 4:
            raise Lost(f"{again} rounds were run again after 4 kills")
        number += 1


def end(store: Path, log: Path) -> None:
    """Goes on with a sweep to its end."""
    process = sweeping(store, log)
    _, said = process.communicate()
    if process.returncode:
        raise Lost(f"a sweep that goes on ends with {process.returncode}: {said.decode()[-500:]}")


def writers(folder: Path, n: int) -> None:
    """``n`` sweeps side by side with one store: each round is run once."""
    store, log = folder / "shared.sqlite", folder / "shared.log"
    processes = [sweeping(store, log) for _ in range(n)]
    for process in processes:
        _, said = process.communicate()
        if process.returncode:
            raise Lost(f"a writer ends with {process.returncode}: {said.decode()[-500:]}")
    check_whole(store)
    begun = {line: count for line, count in noted(log).items() if line.startswith("begun ")}
    if doubled := {line for line, count in begun.items() if count > 1}:
        raise Lost(f"{len(doubled)} rounds were run by two writers")


def killed_writers(folder: Path, draw: random.Random) -> None:
    """Two sweeps side by side, of which one is killed: the other runs what that was at, and no more twice."""
    store, log = folder / "two.sqlite", folder / "two.log"
    first, second = sweeping(store, log), sweeping(store, log)
    while sum(noted(log).values()) < 10:
        time.sleep(0.005)
    time.sleep(draw.uniform(0, 0.1))
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second.communicate()
    check_whole(store)
    again = sum(count - 1 for line, count in noted(log).items() if line.startswith("begun "))
    if again > 1:
        raise Lost(f"{again} rounds were run twice")


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A disk of its own, small; None where this process may not mount one."""
    place = folder / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True)
    try:
        yield place
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", place], check=True)


def full_disk(folder: Path, size: int) -> bool:
    """A sweep whose disk (or, where none may be mounted, whose file) fills up: it ends in a line, its rounds are there.

    Returns whether the disk was indeed too small.
    """
    with small_disk(folder, size) as disk:
        store, log = disk / "m.sqlite", folder / "full.log"
        limited: dict[str, Callable[[], None]] = {} if os.path.ismount(disk) else {"preexec_fn": _limit(size)}
        process = sweeping(store, log, **limited)
        _, said = process.communicate()
        if process.returncode and (b"InvalidInput" not in said or (b"full" not in said and b"disk I/O" not in said)):
            raise Lost(f"a full disk is not told: {said.decode()[-500:]}")
        kept_then = {line.removeprefix("kept ") for line in noted(log) if line.startswith("kept ")}
        if lost := kept_then - {f"{job} {number}" for job, number in kept(store)}:
            raise Lost(f"{len(lost)} rounds are lost with a full disk")
        return process.returncode != 0


def _limit(size: int) -> Callable[[], None]:
    import resource

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def main() -> None:
    """The long run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200, help="kills")
    parser.add_argument("--disks", type=int, default=10, help="full disks")
    parser.add_argument("--writers", type=int, default=4, help="side by side")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kills(folder, draw, given.n)
        print(f"{given.n} kills: 0 lost, 0 doubled, 0 orphans")
        writers(folder, given.writers)
        killed_writers(folder, draw)
        print(f"{given.writers} writers: each round once")
        full = 0
        for i in range(given.disks):
            (folder / f"disk{i}").mkdir()
            full += full_disk(folder / f"disk{i}", draw.randrange(150_000, 320_000))
        print(f"{full} full disks: 0 lost")


if __name__ == "__main__":
    main()
