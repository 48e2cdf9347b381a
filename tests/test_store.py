"""What is stored stays stored: kills, two writers, versions, and the frame."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from complexity_theory.core import files
from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.frame import EXPORTS, read
from complexity_theory.measurement.isolate import Outcome
from complexity_theory.measurement.jobs import BYTES, Job, LayerSubject, Settings, Task, ceilings
from complexity_theory.measurement.schema import SCHEMA
from complexity_theory.measurement.store import Store
from tests.fake_engine import PLACE, FakeEngine, jobs, measured


def task(job: Job, number: int = 0, batch: int | None = None) -> Task:
    return Task(job=job, number=number, batch=batch or job.settings.batch, device="cpu", threads=1)


def test_a_round_is_stored_once(tmp_path: Path) -> None:
    store, first = Store(tmp_path / "m.sqlite"), task(jobs(1)[0])
    place = store.add_environment(PLACE)
    store.add_jobs([first.job])
    assert store.add(first, place, measured(first, [1.0]))
    assert not store.add(first, place, measured(first, [2.0]))
    assert store.attempts(place)[first.job.key][0].samples == [1.0]
    store.close()
    assert read(tmp_path / "m.sqlite")["median"].tolist() == [1.0]


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    db.close()
    for opens in (Store, read):
        with pytest.raises(InvalidInput, match=f"schema {SCHEMA + 1}.*upgrade"):
            opens(path)


def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    text, other = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("not a database, but long enough to be taken for one" * 100)
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    before = text.read_bytes(), other.read_bytes()
    for path in (text, other):
        with pytest.raises(InvalidInput, match=path.name):
            Store(path)
    assert (text.read_bytes(), other.read_bytes()) == before
    with pytest.raises(InvalidInput, match="no store"):
        read(tmp_path / "absent.sqlite")
    assert not (tmp_path / "absent.sqlite").exists()
    with pytest.raises(InvalidInput, match="cannot be used"):
        Store(tmp_path / "absent" / "m.sqlite")


def test_no_file_at_all_is_refused_and_left_alone(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/null")):
        for opens in (Store, read):
            with pytest.raises(InvalidInput, match="it is no file"):
                opens(path)
    assert not any(tmp_path.iterdir())


def test_an_empty_file_is_no_store_to_read_but_becomes_one_to_write(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    path.touch()
    with pytest.raises(InvalidInput, match=f"{path} is no store"):
        read(path)
    assert path.read_bytes() == b""
    Store(path).close()
    assert len(read(path)) == 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DROP TABLE jobs", "no table jobs"),
        ("DROP TABLE attempts", "no table attempts"),
        ("PRAGMA user_version = 0", "schema 0"),
        ("PRAGMA user_version = -1", "schema -1"),
        ("PRAGMA application_id = 7", "no store"),
    ],
)
def test_a_damaged_schema_is_told_in_one_line(tmp_path: Path, statement: str, said: str) -> None:
    damaged(tmp_path / "m.sqlite", statement)
    for opens in (Store, read):
        with pytest.raises(InvalidInput, match=f"^{tmp_path}/m.sqlite is .*{said}"):
            opens(tmp_path / "m.sqlite")


@pytest.mark.parametrize("page", range(1, 7))
def test_an_overwritten_page_is_told_in_one_line(tmp_path: Path, page: int) -> None:
    path = tmp_path / "m.sqlite"
    filled(path)
    content = bytearray(path.read_bytes())
    content[page * 4096 : (page + 1) * 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    for opens in (Store, read):
        with pytest.raises(InvalidInput, match=f"^{path} .*") as refused:
            opens(path)
        assert "\n" not in str(refused.value)


def set_to(name: str, value: object) -> str:
    """SQL that changes a field in the result of each attempt that went well."""
    return f"UPDATE attempts SET result = json_set(result, '$.{name}', json('{json.dumps(value)}')) WHERE status = 'ok'"


RESULTS = [
    "UPDATE attempts SET result = '{'",
    "UPDATE attempts SET result = '[]'",
    f"UPDATE attempts SET result = '{'[' * 100_000}'",
    *(set_to("samples", value) for value in (["a"], [], [[1.0]], [None], 3, {"a": 1}, [-1.0], [0])),
    "UPDATE attempts SET result = replace(result, '\"samples\": [', '\"samples\": [NaN, ')",
]
DESCRIPTIONS = [
    "UPDATE environments SET description = '[]'",
    "UPDATE environments SET description = ''",
    "UPDATE jobs SET description = '3'",
    'UPDATE jobs SET description = \'{"flops": "many", "dtype": []}\'',
    "DELETE FROM jobs",
    *(set_to(name, 3) for name in ("counts", "conditions", "shares", "device_samples")),
]


@pytest.mark.parametrize("statement", [*RESULTS, *DESCRIPTIONS], ids=lambda statement: statement[:90])
def test_rows_that_cannot_be_understood_are_damage(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "m.sqlite"
    place = damaged(path, statement)
    with pytest.raises(InvalidInput, match=f"^{path} is damaged: ") as refused:
        read(path)
    assert "\n" not in str(refused.value)
    if statement in RESULTS:
        store = Store(path)
        with pytest.raises(InvalidInput, match=f"^{path} is damaged: "):
            store.attempts(place)
        store.close()


def test_what_sqlite_refuses_in_use_is_told_in_one_line(tmp_path: Path) -> None:
    store = Store(tmp_path / "m.sqlite")
    damaged(tmp_path / "m.sqlite", "DROP TABLE environments")
    with pytest.raises(InvalidInput, match="cannot be used as a store of measurements: no such table"):
        store.add_environment({})
    store.close()


def damaged(path: Path, statement: str) -> str:
    """A store that another program has changed, and the key of its environment."""
    filled(path)
    with sqlite3.connect(path) as db:
        place = db.execute("SELECT id FROM environments").fetchone()[0]
        db.execute(statement)
    db.close()
    return str(place)


def filled(path: Path) -> list[Job]:
    """A store with ceilings, a quiet job, a noisy one, one with a searched batch and one that failed."""
    store = Store(path)
    place = store.add_environment(PLACE)
    layer = LayerSubject(width=64, kernel=3, group_width=None, resolution=56)
    quiet, noisy, searched, failed = (Job(layer, Settings(batch=b, search=b == 16)) for b in (1, 2, 16, 4))
    matmul, copy = ceilings("cpu", "fp32")
    store.add_jobs([quiet, noisy, searched, failed, matmul, copy])
    for job, samples in ((matmul, [0.1]), (copy, [0.01]), (quiet, [1.0, 1.0, 1.05]), (noisy, [1.0, 2.0, 3.0])):
        store.add(task(job), place, measured(task(job), samples))
    store.add(task(quiet, 1), place, measured(task(quiet, 1), [1.0, 1.2]))
    store.add(task(searched), place, Outcome("oom", "OutOfMemoryError: none left"))
    store.add(task(searched, 1, batch=8), place, measured(task(searched), [4.0]))
    store.add(task(failed), place, Outcome("crashed", "the worker died of signal SIGSEGV"))
    store.close()
    return [quiet, noisy, searched, failed]


def test_the_frame_has_a_row_per_job(tmp_path: Path) -> None:
    quiet, *_ = filled(tmp_path / "m.sqlite")
    frame = read(tmp_path / "m.sqlite")
    assert frame["batch"].tolist() == [1, 2, 8, 4]
    assert frame["status"].tolist() == ["ok", "ok", "ok", "crashed"]
    assert frame["reason"].tolist()[3] == "the worker died of signal SIGSEGV"
    assert frame["n"].tolist() == [5, 3, 1, 0]
    assert frame["noisy"].tolist()[:3] == [False, True, True]
    assert frame["samples"][0] == [1.0, 1.0, 1.05, 1.0, 1.2]
    assert frame["rounds"].tolist()[:3] == [2, 1, 1]
    assert frame["seconds_per_image"].tolist()[:3] == [1.0, 1.0, 0.5]
    assert (frame["flops"] == quiet.description["flops"]).all()
    assert (frame["device_name"] == "fake").all()
    assert frame.loc[0, "median"] == 1.0


def test_the_share_of_the_roofline(tmp_path: Path) -> None:
    quiet, *_ = filled(tmp_path / "m.sqlite")
    frame = read(tmp_path / "m.sqlite")
    peak_flops, peak_bandwidth = 2048**3 / 0.1, 2 * 8192**2 * BYTES["fp32"] / 0.01
    costs = quiet.description
    least = max(costs["flops"] / peak_flops, 4 * (costs["params"] + 2 * costs["acts"]) / peak_bandwidth)
    assert frame["roofline"][0] == pytest.approx(least / 1.0)
    assert frame["peak_flops"].tolist() == pytest.approx([peak_flops] * 4)
    assert frame["roofline"].isna().tolist() == [False, False, False, True]


def test_a_frame_without_ceilings_has_no_roofline(tmp_path: Path) -> None:
    store, first = Store(tmp_path / "m.sqlite"), task(jobs(1)[0])
    store.add_jobs([first.job])
    store.add(first, store.add_environment(PLACE), measured(first))
    store.close()
    assert read(tmp_path / "m.sqlite")["roofline"].isna().all()


def test_an_empty_store_is_an_empty_frame(tmp_path: Path) -> None:
    Store(tmp_path / "m.sqlite").close()
    assert len(read(tmp_path / "m.sqlite")) == 0


@pytest.mark.parametrize("form", EXPORTS)
def test_exports_hold_every_row_and_sample(tmp_path: Path, form: str) -> None:
    filled(tmp_path / "m.sqlite")
    frame, path = read(tmp_path / "m.sqlite"), tmp_path / f"m.{form}"
    files.write(path, EXPORTS[form](frame))
    back = {
        "csv": pd.read_csv,
        "jsonl": lambda path: pd.read_json(path, lines=True),
        "parquet": pd.read_parquet,
    }[form](path)
    samples = back["samples"].map(json.loads, na_action="ignore") if form == "csv" else back["samples"]
    assert [list(s) for s in samples[:3]] == frame["samples"].tolist()[:3]
    assert back["status"].tolist() == frame["status"].tolist()
    assert back["median"].tolist()[:3] == frame["median"].tolist()[:3]


def test_an_engine_that_answers_is_all_a_sweep_needs() -> None:
    assert FakeEngine().describe() == PLACE
