"""Measurements in one SQLite file: committed one by one, keyed by what was measured and where. No torch here."""

from __future__ import annotations

import json
import math
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from complexity_theory.core.errors import InvalidInput
from complexity_theory.measurement import schema
from complexity_theory.measurement.claims import Owner
from complexity_theory.measurement.isolate import Outcome, Status
from complexity_theory.measurement.jobs import CeilingSubject, Job, Subject, Task, identity

if TYPE_CHECKING:
    pass

_ROUND = "job = ? AND environment = ? AND number = ?"
TURNS = 12  # times that a writer waits for its turn: a minute


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


class StoredRow(NamedTuple):
    """An attempt as it is stored, with its job, what was measured and where; descriptions and result are JSON."""

    job: str
    kind: str
    description: str
    form: str | None
    subject: str | None
    environment: str
    place: str
    batch: int
    status: str
    reason: str
    result: str


def timed_kinds() -> set[str]:
    """The kinds of subjects whose rounds are times."""
    return {kind.kind for kind in Subject.__subclasses__() if kind.timed}


def times(result: Mapping[str, Any], name: str = "samples") -> list[float]:
    """The seconds in the result of a round that went well. Raises one of the errors of a damaged row for others.

    >>> times({"samples": []})
    Traceback (most recent call last):
    ValueError: samples must be positive numbers, not []
    """
    seconds = [sample + 0.0 for sample in result[name]]
    if not (seconds and all(0 < time < math.inf for time in seconds)):
        raise ValueError(f"{name} must be positive numbers, not {seconds[:4]}")
    return seconds


class Store:
    """A file of measurements, opened for one sweep; several processes may hold the same file open.

    Each method is one transaction, on disk when it returns (SQLite's write-ahead log). A store of an older schema is
    brought up to date. Raises InvalidInput for a file that is no store, is damaged or of a newer schema, and where it
    cannot be written, also because it is gone.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = Store(Path(folder) / "m.sqlite")
    ...     found = store.attempts(store.add_environment({"device": "cpu"}))
    ...     store.close()
    >>> found
    {}
    """

    def __init__(self, path: str | Path) -> None:
        schema.check_file(path)
        self._path, self._owner = Path(path).absolute(), Owner.here()
        with schema.sound(path):
            self._db = sqlite3.connect(self._path, timeout=schema.PATIENCE, isolation_level=None)
        self._file = self._now()
        try:
            schema.check(self._db, path, empty=True)
            with self._transaction():
                version = schema.pragma(self._db, "user_version")
                if version == 0:
                    schema.create(self._db)
                elif version < schema.SCHEMA:
                    schema.migrate(self._db)
            with schema.sound(path):
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Closes the file, and leaves to others what was claimed and not run."""
        try:
            if self._now() == self._file:
                self._db.execute("DELETE FROM claims WHERE owner = ?", (self._owner.text,))
        except sqlite3.Error:  # a claim lapses with its owner
            pass
        finally:
            self._db.close()

    def _now(self) -> tuple[int, int] | None:
        """Which file lies at the path now."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; a writer waits here for its turn, and says so where that takes long."""
        with schema.sound(self._path):
            self._begin()
            try:
                if self._now() != self._file:
                    raise InvalidInput(self._gone())
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite itself has ended it where the disk is full
                    self._db.execute("ROLLBACK")
                raise

    def _begin(self) -> None:
        for waits in range(TURNS):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not schema.is_locked(error) or waits + 1 == TURNS:
                    raise
                print(f"waiting for {self._path}, which another process has locked", file=sys.stderr)

    def _gone(self) -> str:
        """What to say of a file that was removed; its content, still open here, is written beside it if it can be."""
        said = f"{self._path} has been removed or replaced while it was in use"
        rescued = self._path.with_name(f"{self._path.stem}-rescued-{self._owner.name[:8]}.sqlite")
        self._db.execute("ROLLBACK")
        try:
            with closing(sqlite3.connect(rescued)) as copy:
                self._db.backup(copy)
        except sqlite3.Error as error:
            return f"{said}, and what it held is lost: {error}"
        return f"{said}: all that it held is in {rescued}"

    def add_environment(self, description: Mapping[str, Any]) -> str:
        """Keeps an environment and returns its key."""
        key = identity(description)
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO environments VALUES (?, ?)", (key, json.dumps(description)))
        return key

    def add_jobs(self, jobs: Iterable[Job]) -> None:
        """Keeps what the jobs are, and what is measured in full; a frame has its rows in their order."""
        described = [(job, job.subject.described) for job in jobs]
        with self._transaction():
            for job, about in described:
                if about is not None:
                    schema.add_subject(self._db, about)
                row = (job.key, job.subject.kind, about and about.id, json.dumps(job.description))
                self._db.execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, ?)", row)

    def claim(self, task: Task, environment: str, seconds: float) -> bool:
        """Takes a task for this process for a time; False where it has been run, or another process is at it."""
        round_, now = (task.job.key, environment, task.number), time.time()
        with self._transaction():
            if self._db.execute(f"SELECT 1 FROM attempts WHERE {_ROUND}", round_).fetchone():
                return False
            other = self._db.execute(f"SELECT owner, until FROM claims WHERE {_ROUND}", round_).fetchone()
            if other and other[0] != self._owner.text and now < other[1] and Owner.of(other[0]).lives:
                return False
            claim = (*round_, self._owner.text, now + seconds)
            self._db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?)", claim)
        return True

    def add(self, task: Task, environment: str, outcome: Outcome) -> bool:
        """Keeps the outcome of a task of a job and in an environment that are kept, which nobody claims from then on.

        Returns False, and keeps nothing, where another process has stored this very round.
        """
        round_ = (task.job.key, environment, task.number)
        attempt = (*round_, task.batch, outcome.status, outcome.reason, json.dumps(outcome.result))
        with self._transaction():
            added = self._db.execute("INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?)", attempt)
            self._db.execute(f"DELETE FROM claims WHERE {_ROUND}", round_)
        return added.rowcount == 1

    def attempts(self, environment: str) -> dict[str, list[Attempt]]:
        """All attempts in an environment, in order, by the key of their job."""
        with schema.sound(self._path):
            return _attempts(self._db, environment)

    def forget_failures(self, jobs: list[Job], environment: str) -> None:
        """Removes the failures in which those of the jobs ended, so that they go on from what went well before."""
        stored = self.attempts(environment)
        failed = []
        for job in jobs:
            attempts = stored.get(job.key, [])
            while attempts and attempts[-1].status != "ok":
                failed.append((job.key, environment, attempts.pop().number))
        with self._transaction():
            self._db.executemany(f"DELETE FROM attempts WHERE {_ROUND}", failed)


def stored(path: str | Path, environment: str) -> dict[str, list[Attempt]]:
    """All attempts in an environment, in order, by the key of their job: read, and nothing written."""
    with schema.reading(path) as db:
        return _attempts(db, environment)


def _attempts(db: sqlite3.Connection, environment: str) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = {}
    kinds = timed_kinds()
    rows = db.execute(
        "SELECT job, kind, number, batch, status, reason, result FROM attempts LEFT JOIN jobs ON jobs.id = job "
        "WHERE environment = ? ORDER BY job, number",
        (environment,),
    )
    for job, kind, number, batch, status, reason, said in rows:
        result = json.loads(said)
        timed = status == "ok" and kind in kinds
        samples = times(result) if timed else []
        seconds = result["block"] * math.fsum(samples) if timed else 0.0
        found.setdefault(job, []).append(Attempt(number, batch, status, reason, samples, seconds))
    return found


def holds_only(path: str | Path, jobs: Iterable[Job]) -> bool:
    """Whether a file is a store of these jobs alone, and of ceilings. Raises InvalidInput for one that is damaged."""
    if not schema.is_database(path):
        return False
    known = {job.key for job in jobs}
    with schema.reading(path) as db:
        found = db.execute("SELECT id, kind FROM jobs").fetchall()
    return all(key in known or kind == CeilingSubject.kind for key, kind in found)


def rows(path: str | Path, kinds: Iterable[str]) -> list[StoredRow]:
    """What a store holds of jobs of these kinds, an attempt each, as it is stored. Raises InvalidInput as ``read``."""
    with schema.reading(path) as db:
        return rows_of(db, kinds)


def rows_of(db: sqlite3.Connection, kinds: Iterable[str]) -> list[StoredRow]:
    # Left joins: an attempt without its job or environment is damage, not to be passed over.
    found = db.execute(
        "SELECT job, jobs.kind, jobs.description, form, subjects.description, environment, environments.description, "
        "batch, status, reason, result FROM attempts LEFT JOIN jobs ON jobs.id = job "
        "LEFT JOIN subjects ON subjects.id = subject LEFT JOIN environments ON environments.id = environment "
        "ORDER BY environments.rowid, jobs.rowid, number"
    )
    wanted = {None, *kinds}
    return [StoredRow(*row) for row in found if row[1] in wanted]
