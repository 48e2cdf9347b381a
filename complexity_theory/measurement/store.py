"""Measurements in one SQLite file: committed one by one, keyed by what was measured and where. No torch here."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from complexity_theory.algebra import InvalidInput
from complexity_theory.measurement.isolate import Outcome, Status
from complexity_theory.measurement.jobs import Job, Task, identity

if TYPE_CHECKING:
    import pandas as pd

APPLICATION = 0x63746D73  # "ctms", in the header of the file
SCHEMA = 1

_TABLES = (
    "CREATE TABLE environments (id TEXT PRIMARY KEY, description TEXT NOT NULL) STRICT",
    "CREATE TABLE jobs (id TEXT PRIMARY KEY, description TEXT NOT NULL) STRICT",
    """
    CREATE TABLE attempts (
        job TEXT NOT NULL REFERENCES jobs (id),
        environment TEXT NOT NULL REFERENCES environments (id),
        number INTEGER NOT NULL,  -- of the attempt at this job in this environment, from 0
        batch INTEGER NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        result TEXT NOT NULL,     -- JSON: samples in seconds, counts, conditions and the rest of what the worker said
        PRIMARY KEY (job, environment, number)
    ) STRICT
    """,
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One round of a job, as stored."""

    number: int
    batch: int
    status: Status
    reason: str
    result: dict[str, Any]

    @property
    def samples(self) -> list[float]:
        """Seconds per call; none where the round failed."""
        return list(self.result.get("samples", ()))


class Store:
    """A file of measurements, opened for one sweep; several processes may hold the same file open.

    Each method is one transaction, on disk when it returns (SQLite's write-ahead log). Raises InvalidInput for a file
    that is no store, or one of a newer schema.

    >>> store = Store(":memory:")
    >>> place = store.add_environment({"device": "cpu"})
    >>> store.attempts(place)
    {}
    """

    def __init__(self, path: str | Path) -> None:
        self._db = _open(path)
        self._db.execute("PRAGMA journal_mode = WAL")
        with self._transaction():
            if _pragma(self._db, "user_version") == 0:
                for statement in _TABLES:
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA application_id = {APPLICATION}")
                self._db.execute(f"PRAGMA user_version = {SCHEMA}")

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; a writer waits here for its turn."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def add_environment(self, description: Mapping[str, Any]) -> str:
        """Keeps an environment and returns its key."""
        key = identity(description)
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO environments VALUES (?, ?)", (key, json.dumps(description)))
        return key

    def add_jobs(self, jobs: Iterable[Job]) -> None:
        """Keeps what the jobs are; a frame has its rows in their order."""
        described = [(job.key, json.dumps(job.description)) for job in jobs]
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO jobs VALUES (?, ?)", described)

    def add(self, task: Task, environment: str, outcome: Outcome) -> bool:
        """Keeps the outcome of a task of a job and in an environment that are kept.

        Returns False, and keeps nothing, where another process has stored this very round.
        """
        result = json.dumps(outcome.result)
        attempt = (task.job.key, environment, task.number, task.batch, outcome.status, outcome.reason, result)
        with self._transaction():
            added = self._db.execute("INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)", attempt)
        return added.rowcount == 1

    def attempts(self, environment: str) -> dict[str, list[Attempt]]:
        """All attempts in an environment, in order, by the key of their job."""
        found: dict[str, list[Attempt]] = {}
        columns = "job, number, batch, status, reason, result"
        rows = self._db.execute(
            f"SELECT {columns} FROM attempts WHERE environment = ? ORDER BY job, number", (environment,)
        )
        for job, number, batch, status, reason, result in rows:
            found.setdefault(job, []).append(Attempt(number, batch, status, reason, json.loads(result)))
        return found

    def forget_failures(self, jobs: list[Job], environment: str) -> None:
        """Removes what is stored of those of the jobs that ended in failure, so that they run again."""
        stored = self.attempts(environment)
        failed = [job.key for job in jobs if job.key in stored and stored[job.key][-1].status != "ok"]
        with self._transaction():
            self._db.executemany(
                "DELETE FROM attempts WHERE job = ? AND environment = ?", [(key, environment) for key in failed]
            )


def _open(path: str | Path) -> sqlite3.Connection:
    try:
        db = sqlite3.connect(path, timeout=60.0, isolation_level=None)
        db.execute("PRAGMA foreign_keys = ON")
        version, application = _pragma(db, "user_version"), _pragma(db, "application_id")
    except sqlite3.Error as error:
        raise InvalidInput(f"{path} cannot be opened as a store of measurements: {error}") from None
    if application != APPLICATION and (version or db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]):
        raise InvalidInput(f"{path} is an SQLite file, but no store of measurements")
    if version > SCHEMA:
        raise InvalidInput(f"{path} has schema {version}, this version reads up to {SCHEMA}: upgrade complexity-theory")
    return db


def _pragma(db: sqlite3.Connection, name: str) -> int:
    value: int = db.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def read(path: str | Path) -> pd.DataFrame:
    """A frame of what a store holds, one row per job and environment; failed jobs have a status and a reason.

    What was measured: ``kind`` (network, layer, module), ``network`` (its name), ``family``, ``strategy``, ``factor``,
    ``resolution``, ``batch``, ``dtype``, ``layout``, ``mode``, ``execution``; ``flops`` (multiply-adds), ``params``,
    ``acts`` (elements) of one image, equal to the counts of the module timed.
    Times in seconds per call: ``median``, ``p25``, ``p75``, ``n``, ``noisy``, ``samples`` (a list), ``device_median``;
    ``seconds_per_image``; ``share_forward``, ``share_backward``, ``share_optimizer`` of a step; ``peak_memory`` in
    bytes. ``roofline``: the least time that the device's two ceilings allow, over the median. Where: ``device``,
    ``device_name``, ``torch`` and the other fields of the environment; ``load`` of the host and, as JSON, the
    ``conditions`` of each round. Raises InvalidInput for a file that is no store.
    """
    from complexity_theory.measurement.frame import Row, to_frame

    if not Path(path).exists():
        raise InvalidInput(f"no store at {path}")
    db = _open(path)
    try:
        rows = db.execute(
            "SELECT job, jobs.description, environment, environments.description, batch, status, reason, result "
            "FROM attempts JOIN jobs ON jobs.id = job JOIN environments ON environments.id = environment "
            "ORDER BY environments.rowid, jobs.rowid, number"
        ).fetchall()
    finally:
        db.close()
    return to_frame([Row(*row) for row in rows])


# Writers of a frame, to a file or, but for Parquet, a stream.
EXPORTS: dict[str, Callable[[pd.DataFrame, Any], None]] = {
    "csv": lambda frame, target: frame.to_csv(target, index=False),
    "jsonl": lambda frame, target: frame.to_json(target, orient="records", lines=True),
    "parquet": lambda frame, target: frame.to_parquet(target, index=False),
}
