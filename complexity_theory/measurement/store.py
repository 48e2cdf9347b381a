"""Measurements in one SQLite file: committed one by one, keyed by what was measured and where. No torch here."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement.isolate import Outcome, Status
from complexity_theory.measurement.jobs import Job, Task, identity

if TYPE_CHECKING:
    import pandas as pd

APPLICATION = 0x63746D73  # "ctms", in the header of the file
SCHEMA = 1

_TABLES = {
    "environments": "id TEXT PRIMARY KEY, description TEXT NOT NULL",
    "jobs": "id TEXT PRIMARY KEY, description TEXT NOT NULL",
    "attempts": """
        job TEXT NOT NULL REFERENCES jobs (id),
        environment TEXT NOT NULL REFERENCES environments (id),
        number INTEGER NOT NULL,  -- of the attempt at this job in this environment, from 0
        batch INTEGER NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        result TEXT NOT NULL,     -- JSON: samples in seconds, counts, conditions and the rest of what the worker said
        PRIMARY KEY (job, environment, number)
    """,
}

# What it raises to read a row that holds something else than a sweep stores.
_MISREAD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One round of a job, as stored.

    ``samples``: seconds per call, none where the round failed; ``seconds``: how long it was sampled.
    """

    number: int
    batch: int
    status: Status
    reason: str
    samples: list[float]
    seconds: float


def times(result: Mapping[str, Any], name: str = "samples") -> list[float]:
    """The seconds in the result of a round that went well. Raises one of the errors of a damaged row for others.

    >>> times({"samples": []})
    Traceback (most recent call last):
    ValueError: samples must be finite numbers, not []
    """
    seconds = [sample + 0.0 for sample in result[name]]
    if not (seconds and all(map(math.isfinite, seconds))):
        raise ValueError(f"{name} must be finite numbers, not {seconds}")
    return seconds


class Store:
    """A file of measurements, opened for one sweep; several processes may hold the same file open.

    Each method is one transaction, on disk when it returns (SQLite's write-ahead log). Raises InvalidInput for a file
    that is no store, is damaged or of a newer schema, and where it cannot be written.

    >>> store = Store(":memory:")
    >>> place = store.add_environment({"device": "cpu"})
    >>> store.attempts(place)
    {}
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._db = _open(path, empty=True)
        try:
            with _sound(path):
                self._db.execute("PRAGMA journal_mode = WAL")
            with self._transaction():
                if _pragma(self._db, "user_version") == 0:
                    for name, columns in _TABLES.items():
                        self._db.execute(f"CREATE TABLE {name} ({columns}) STRICT")
                    self._db.execute(f"PRAGMA application_id = {APPLICATION}")
                    self._db.execute(f"PRAGMA user_version = {SCHEMA}")
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; a writer waits here for its turn."""
        with _sound(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite itself has ended it where the disk is full
                    self._db.execute("ROLLBACK")
                raise

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
        with _sound(self._path):
            rows = self._db.execute(
                f"SELECT {columns} FROM attempts WHERE environment = ? ORDER BY job, number", (environment,)
            )
            for job, number, batch, status, reason, text in rows:
                result = json.loads(text)
                samples = times(result) if status == "ok" else []
                seconds = result["block"] * math.fsum(samples) if samples else 0.0
                found.setdefault(job, []).append(Attempt(number, batch, status, reason, samples, seconds))
        return found

    def forget_failures(self, jobs: list[Job], environment: str) -> None:
        """Removes what is stored of those of the jobs that ended in failure, so that they run again."""
        stored = self.attempts(environment)
        failed = [job.key for job in jobs if job.key in stored and stored[job.key][-1].status != "ok"]
        with self._transaction():
            self._db.executemany(
                "DELETE FROM attempts WHERE job = ? AND environment = ?", [(key, environment) for key in failed]
            )


@contextmanager
def _sound(path: str | Path) -> Iterator[None]:
    """What goes wrong with a file is InvalidInput, in one line."""
    try:
        yield
    except sqlite3.Error as error:
        raise InvalidInput(f"{path} cannot be used as a store of measurements: {error}") from None
    except _MISREAD as error:
        raise InvalidInput(f"{path} is damaged: {' '.join(f'{type(error).__name__}: {error}'.split())}") from None


def _open(path: str | Path, *, empty: bool) -> sqlite3.Connection:
    """A connection to a store; ``empty``: or to a file that is to become one."""
    if Path(path).exists() and not Path(path).is_file():
        raise InvalidInput(f"{path} is no store of measurements: it is no file")
    with _sound(path):
        db = sqlite3.connect(path, timeout=60.0, isolation_level=None)
    try:
        _check(db, path, empty=empty)
    except BaseException:
        db.close()
        raise
    return db


def _check(db: sqlite3.Connection, path: str | Path, *, empty: bool) -> None:
    with _sound(path):
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN")  # one view of it all: another process may be about to make the tables
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        version, application = _pragma(db, "user_version"), _pragma(db, "application_id")
        finding = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        db.execute("COMMIT")
    if empty and not (tables or version or application):
        return
    if application != APPLICATION:
        raise InvalidInput(f"{path} is no store of measurements")
    if version > SCHEMA:
        raise InvalidInput(f"{path} has schema {version}, this version reads up to {SCHEMA}: upgrade complexity-theory")
    if version < 1:
        raise InvalidInput(f"{path} is damaged: it has schema {version}")
    if missing := _TABLES.keys() - tables:
        raise InvalidInput(f"{path} is damaged: it has no table {', '.join(sorted(missing))}")
    if finding != "ok":
        raise InvalidInput(f"{path} is damaged: {' '.join(finding.split())}")


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
    ``conditions`` of each round. Raises InvalidInput for a file that is no store, or is damaged.
    """
    from complexity_theory.measurement.frame import Row, to_frame

    if not Path(path).exists():
        raise InvalidInput(f"no store at {path}")
    # Left joins: an attempt without its job or environment is damage, not to be passed over.
    with closing(_open(path, empty=False)) as db, _sound(path):
        rows = db.execute(
            "SELECT job, jobs.description, environment, environments.description, batch, status, reason, result "
            "FROM attempts LEFT JOIN jobs ON jobs.id = job LEFT JOIN environments ON environments.id = environment "
            "ORDER BY environments.rowid, jobs.rowid, number"
        ).fetchall()
        return to_frame([Row(*row) for row in rows])


# A frame as the content of a file.
EXPORTS: dict[str, Callable[[pd.DataFrame], str | bytes]] = {
    "csv": lambda frame: frame.to_csv(index=False),
    "jsonl": lambda frame: frame.to_json(orient="records", lines=True),
    "parquet": lambda frame: frame.to_parquet(index=False),
}
