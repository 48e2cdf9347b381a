"""Stores that several read and write: no traces of reading, locks, claims, what is removed or damaged."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from complexity_theory import cli, zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import schema
from complexity_theory.measurement import store as stores
from complexity_theory.measurement.claims import Owner
from complexity_theory.measurement.frame import EXPORTS, read
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import Job, NetworkSubject, Task
from complexity_theory.measurement.store import Store
from complexity_theory.measurement.studies import Study, expand
from complexity_theory.measurement.sweep import measure, run
from tests.fake_engine import PLACE, RULES, FakeEngine, Silent, jobs, measured
from tests.test_store_data import swept, timed

ROOT = Path(__file__).resolve().parents[1]
FORMER = Path(__file__).parent / "data" / "store_schema_1.sql"


def traces(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.iterdir()}


@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_reading_leaves_no_trace(tmp_path: Path, journal: str) -> None:
    path = tmp_path / "m.sqlite"
    swept(path, jobs(2))
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
    db.close()
    before = traces(tmp_path)
    assert len(read(path)) == 2
    assert len(stores.stored(path, "none")) == 0
    assert traces(tmp_path) == before
    plain = sqlite3.connect(f"file:{path}?mode=ro", uri=True)  # the way one would read at first
    plain.execute("SELECT * FROM jobs").fetchall()
    plain.close()
    assert (traces(tmp_path) == before) == (journal == "DELETE")


def test_a_store_in_a_folder_that_is_read_only_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    swept(path, jobs(2))
    path.chmod(0o444)
    tmp_path.chmod(0o555)  # which does not hold root back: the process becomes somebody else
    code = (
        "import os, sys; from complexity_theory.measurement.frame import read; read(sys.argv[1]); "
        "os.getuid() or os.setuid(65534); assert not os.access(os.path.dirname(sys.argv[1]), os.W_OK); "
        "print(len(read(sys.argv[1])))"
    )
    for parent in (tmp_path, *tmp_path.parents):  # others may look into the folders of a test
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    ended = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True)
    tmp_path.chmod(0o755)
    assert ended.stdout == "2\n", ended.stderr


def test_a_store_that_is_written_is_read_as_far_as_it_is(tmp_path: Path) -> None:
    path, (first, second) = tmp_path / "m.sqlite", jobs(2)
    swept(path, [first])
    writer = Store(path)
    run([second], writer, FakeEngine(timed), RULES, Silent(), place=PLACE)
    before = set(traces(tmp_path))
    assert len(read(path)) == 2
    assert set(traces(tmp_path)) == before == {"m.sqlite", "m.sqlite-wal", "m.sqlite-shm"}
    writer.close()


def test_a_store_that_a_killed_process_left_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    swept(path, jobs(1))
    code = (
        "import os, sys, sqlite3; db = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "db.execute('BEGIN'); db.execute('DELETE FROM claims'); "
        "db.execute(\"INSERT INTO environments VALUES ('x', '{}')\"); db.execute('COMMIT'); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    assert {"m.sqlite-wal", "m.sqlite-shm"} <= set(traces(tmp_path))
    (tmp_path / "m.sqlite-shm").unlink()
    before = traces(tmp_path)
    assert len(read(path)) == 1
    assert traces(tmp_path) == before


def test_a_locked_store_is_told_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "PATIENCE", 0.1)
    monkeypatch.setattr(stores, "TURNS", 2)
    path = tmp_path / "m.sqlite"
    swept(path, jobs(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("DELETE FROM claims")
    other.execute("PRAGMA cache_spill = 1")
    begun = time.monotonic()
    with pytest.raises(InvalidInput, match="another process has locked it; try again"):
        Store(path)
    other.execute("ROLLBACK")
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("DELETE FROM attempts")
    with pytest.raises(InvalidInput, match="another process has locked it; try again"):
        Store(path)
    assert time.monotonic() - begun < 5
    other.close()


# Writers side by side, and a file that goes away


def test_a_round_that_another_is_at_is_not_taken(tmp_path: Path) -> None:
    mine, theirs, task = Store(tmp_path / "m.sqlite"), Store(tmp_path / "m.sqlite"), next(iter(tasks(1)))
    place = mine.add_environment(PLACE)
    mine.add_jobs([task.job])
    assert mine.claim(task, place, 60)
    assert mine.claim(task, place, 60)
    assert not theirs.claim(task, place, 60)
    assert theirs.add(task, place, measured(task))  # whoever is first: a round is kept once
    assert not mine.claim(task, place, 60)
    later = replace(task, number=1)
    assert mine.claim(later, place, -1)  # lapsed
    assert theirs.claim(later, place, 60)
    theirs.close()
    assert mine.claim(later, place, 60)
    mine.close()


def tasks(n: int) -> list[Task]:
    return [Task(job=job, number=0, batch=1, device="cpu", threads=1) for job in jobs(n)]


def test_what_a_dead_process_was_at_is_free(tmp_path: Path) -> None:
    store, (task,) = Store(tmp_path / "m.sqlite"), tasks(1)
    place = store.add_environment(PLACE)
    store.add_jobs([task.job])
    here = Owner.here()
    with subprocess.Popen(["sleep", "60"]) as process:
        alive = replace(here, pid=process.pid, born=Owner.here().born)
        process.kill()
    dead = [alive, replace(here, born=here.born - 100)]
    elsewhere = replace(here, place="elsewhere", pid=1)
    for owner, free in (*((owner, True) for owner in dead), (elsewhere, False), (here, False)):
        with sqlite3.connect(tmp_path / "m.sqlite") as db:
            claim = (task.job.key, place, 0, owner.text, time.time() + 60)
            db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)", claim)
        db.close()
        assert store.claim(task, place, 60) == free
    store.close()


def test_two_sweeps_side_by_side_share_the_rounds(tmp_path: Path) -> None:
    path, planned, ran = tmp_path / "m.sqlite", jobs(14), list[tuple[str, int]]()
    counts = {}

    def sweep(name: str) -> None:
        def answer(task: Task) -> Outcome:
            ran.append((task.job.key, task.number))
            time.sleep(0.01)
            return measured(task)

        counts[name] = len(swept(path, planned, FakeEngine(answer)).ran)

    threads = [threading.Thread(target=sweep, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(ran) == Counter({(job.key, number): 1 for job in planned for number in (0, 1)})
    assert min(counts.values()) >= 5


def test_two_sweeps_without_claims_do_the_work_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "claim", lambda *_: True)
    with pytest.raises(AssertionError):
        test_two_sweeps_side_by_side_share_the_rounds(tmp_path)


def test_a_store_that_is_removed_is_noticed_and_what_it_held_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"

    def answer(task: Task) -> Outcome:
        if len(engine.ran) == 3:
            path.unlink()
        return measured(task)

    engine = FakeEngine(answer)
    with pytest.raises(InvalidInput, match=f"^{path} has been removed or replaced .*: all that it held is in ") as end:
        swept(path, jobs(9), engine)
    assert len(engine.ran) == 3
    rescued = Path(str(end.value).rpartition(" ")[2])
    assert rescued.parent == tmp_path
    assert len(read(rescued)) == 2
    assert not path.exists()


def test_a_store_that_is_replaced_is_noticed(tmp_path: Path) -> None:
    store, (task,) = Store(tmp_path / "m.sqlite"), tasks(1)
    place = store.add_environment(PLACE)
    (tmp_path / "other").write_text("another file")
    (tmp_path / "other").replace(tmp_path / "m.sqlite")
    with pytest.raises(InvalidInput, match="removed or replaced"):
        store.add_jobs([task.job])
    store.close()
    assert (tmp_path / "m.sqlite").read_text() == "another file"
    assert place


@pytest.mark.parametrize("path", [":memory:", ""])
def test_what_would_leave_nothing_is_no_store(path: str) -> None:
    with pytest.raises(InvalidInput, match="a store is a file"):
        measure(Study(tuple(jobs(1)), RULES), path, FakeEngine(), Silent())


def test_rounds_that_went_well_survive_a_retry(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    swept(path, jobs(2), FakeEngine(lambda task: Outcome("crashed", "why") if task.number else measured(task)))
    engine = FakeEngine()
    assert measure(Study(tuple(jobs(2)), RULES), path, engine, Silent(), retry=True)[0] == 2 + 4
    assert sorted(task.number for task in engine.ran if task.job in jobs(2)) == [1, 1]
    assert read(path)["rounds"].tolist() == [2, 2]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_a_store_says_is_no_formula_and_steers_nothing(tmp_path: Path, form: str) -> None:
    path, reason = tmp_path / "m.sqlite", "=HYPERLINK(0)\x1b[31m\x9b \ud7ff"
    base = replace(zoo.network("ResNet-18"), name="=1+1")
    swept(path, [Job(NetworkSubject(base))], FakeEngine(lambda task: Outcome("crashed", reason)))
    shown = EXPORTS[form](read(path))
    assert isinstance(shown, str)
    assert all(character.isprintable() or character == "\n" for character in shown)
    assert ("'=1+1" in shown) == (form == "csv")
    assert ("'=HYPERLINK" in shown) == (form == "csv")


BAD = [
    "UPDATE subjects SET description = '{}'",
    "UPDATE subjects SET description = '['",
    f"UPDATE subjects SET description = '{'[' * 100_000}'",
    "UPDATE subjects SET description = json_set(description, '$.stages', 3)",
    "UPDATE subjects SET description = json_set(description, '$.resolution', -1)",
    "UPDATE subjects SET form = 'poem'",
    "UPDATE jobs SET description = json_set(description, '$.network', json('[1]'))",
    "UPDATE jobs SET description = json_set(description, '$.factor', 'x')",
    "UPDATE jobs SET description = json_set(description, '$.batch', 'x')",
    "UPDATE jobs SET description = json_set(description, '$.mode', json('{}'))",
    "UPDATE jobs SET description = json_remove(description, '$.strategy')",
    "UPDATE environments SET description = json_set(description, '$.device_name', json('[1]'))",
    "UPDATE environments SET description = json_remove(description, '$.device_name')",
    "UPDATE attempts SET batch = -1",
    "UPDATE attempts SET status = 'fine'",
    "UPDATE attempts SET result = json_set(result, '$.samples', json('[1e-300]'))",
    'UPDATE attempts SET result = json_set(result, \'$.counts\', json(\'{"flops": -1, "params": 0, "acts": "x"}\'))',
    "UPDATE claims SET owner = 'x'",
    "DROP TABLE claims",
]


@pytest.mark.parametrize("statement", BAD, ids=lambda statement: statement[:80])
def test_a_damaged_or_foreign_row_is_told_in_a_line_by_whatever_reads_it(
    tmp_path: Path, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.sqlite"
    swept(path, expand({"networks": ["ResNet-18", "ResNet-34"], "strategies": "w", "factors": [1, 2]}))
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(statement)
    db.close()
    before = path.read_bytes()
    for arguments in (
        ["measure", "export", str(path)],
        ["measure", "exponents", str(path)],
        ["runtime", "correlate", str(path)],
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: ")]
        if ended.value.code:
            assert ended.value.code == 2
            assert len(said) == 1
            assert said[0].startswith(f"error: {path}") or said[0].startswith("error: no network is measured"), said
    assert path.read_bytes() == before
