"""The tables of a store, opening the file of one, and bringing an older one up to date. Reading leaves no trace."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from complexity_theory import zoo
from complexity_theory.core.errors import InvalidInput
from complexity_theory.core.text import short
from complexity_theory.measurement.jobs import Description, Job, NetworkSubject, Settings, job_key

APPLICATION = 0x63746D73  # "ctms", in the header of the file
SCHEMA = 2
PATIENCE = 5.0  # seconds to wait for another process that has locked the file, until that is said

TABLES = {
    "environments": "id TEXT PRIMARY KEY, description TEXT NOT NULL",
    "subjects": "id TEXT PRIMARY KEY, form TEXT NOT NULL, description TEXT NOT NULL",  # ``jobs.Description``
    "jobs": """
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        subject TEXT REFERENCES subjects (id),  -- NULL where nothing is known but what the job's description says
        description TEXT NOT NULL
    """,
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
    "claims": """
        job TEXT NOT NULL REFERENCES jobs (id),
        environment TEXT NOT NULL REFERENCES environments (id),
        number INTEGER NOT NULL,  -- of the round that its owner runs now
        owner TEXT NOT NULL,      -- ``claims.Owner`` as JSON
        until REAL NOT NULL,      -- when it has lapsed, whatever became of its owner: seconds since 1970
        PRIMARY KEY (job, environment, number)
    """,
}
FORMER = {1: {"environments", "jobs", "attempts"}}  # tables of older schemas

# What it raises to read a row that holds something else than a sweep stores.
_MISREAD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@contextmanager
def sound(path: str | Path) -> Iterator[None]:
    """What goes wrong with a file is InvalidInput, in one line."""
    try:
        yield
    except InvalidInput:
        raise
    except sqlite3.Error as error:
        raise InvalidInput(f"{path} cannot be used as a store of measurements: {_cause(error)}") from None
    except _MISREAD as error:
        raise _damaged(path, str(error) if type(error) is ValueError else "a row holds what no sweep stores") from None


def _damaged(path: str | Path, why: str) -> InvalidInput:
    remedy = "put a copy from before in its place, or measure into another file"
    return InvalidInput(f"{path} is damaged: {short(' '.join(why.split()), 300)}: {remedy}")


def _cause(error: sqlite3.Error) -> str:
    if is_locked(error):
        return "another process has locked it; try again when that has ended"
    return str(error)


def is_locked(error: sqlite3.Error) -> bool:
    """Whether it is another process that is in the way."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def check_file(path: str | Path) -> None:
    """Raises InvalidInput for what is there and no regular file, and for what SQLite takes for no file at all."""
    if str(path) in ("", ":memory:"):
        raise InvalidInput(f"a store is a file, not {str(path)!r}, of which nothing would be left")
    try:
        odd = Path(path).exists() and not Path(path).is_file()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no file can be named so"
        raise InvalidInput(f"{str(path)[:80]!r} is no store of measurements: {why}") from None
    if odd:
        raise InvalidInput(f"{path} is no store of measurements: it is no file")


def check_writable(path: str | Path) -> None:
    """Raises InvalidInput for a path at which no store can be or become; it changes nothing."""
    check_file(path)
    if Path(path).exists() and Path(path).stat().st_size:
        with reading(path):
            return
    if not Path(path).absolute().parent.is_dir():
        raise InvalidInput(f"{path} cannot be used as a store of measurements: there is no such folder")


def is_database(path: str | Path) -> bool:
    """Whether a regular file begins as those of SQLite do."""
    if not Path(path).is_file():
        return False
    try:
        with Path(path).open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None


def create(db: sqlite3.Connection) -> None:
    """Makes the tables of a store in an empty database, within a transaction."""
    for name, columns in TABLES.items():
        db.execute(f"CREATE TABLE {name} ({columns}) STRICT")
    db.execute(f"PRAGMA application_id = {APPLICATION}")
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def pragma(db: sqlite3.Connection, name: str) -> int:
    """The number that a pragma holds."""
    value: int = db.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def check(db: sqlite3.Connection, path: str | Path, *, empty: bool) -> None:
    """Raises InvalidInput for a database that is no store, is damaged or newer; ``empty``: or is yet to become one."""
    with sound(path):
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("BEGIN")  # one view of it all: another process may be about to make the tables
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        version, application = pragma(db, "user_version"), pragma(db, "application_id")
        finding = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        db.execute("COMMIT")
    if empty and not (tables or version or application):
        return
    if application != APPLICATION:
        raise InvalidInput(f"{path} is no store of measurements")
    if version > SCHEMA:
        raise InvalidInput(f"{path} has schema {version}, this version reads up to {SCHEMA}: upgrade complexity-theory")
    if version < 1:
        raise _damaged(path, f"it has schema {version}")
    if missing := FORMER.get(version, TABLES.keys()) - tables:
        raise _damaged(path, f"it has no table {', '.join(sorted(missing))}")
    if finding != "ok":
        raise _damaged(path, f"SQLite says {finding.removeprefix('*** in database main ***')}")


@contextmanager
def reading(path: str | Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads a store of any schema as one of this; nothing on the disk changes, whoever writes to it.

    Raises InvalidInput where there is none, where it is damaged, and where another process has it locked for long.
    """
    check_file(path)
    if not Path(path).exists():
        raise InvalidInput(f"no store at {path}: there is no such file")
    with _snapshot(Path(path)) as db, closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        check(db, path, empty=False)
        with sound(path):
            if pragma(db, "user_version") == SCHEMA:
                yield db
                return
            db.backup(memory)
            memory.execute("BEGIN")
            migrate(memory)
            memory.execute("COMMIT")
            yield memory


@contextmanager
def _snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a file as it is.

    A reader of a file that others write to needs their side files, and SQLite would make those that are missing: so it
    is told that a file without them does not change. Where it needs to write (what a killed process has left behind is
    to be sorted out), that happens to a copy.
    """
    with sound(path), tempfile.TemporaryDirectory(prefix="complexity-theory-") as folder:
        beside = [Path(f"{path}{suffix}") for suffix in ("-wal", "-shm", "-journal")]
        wal, shm, journal = (file.exists() and file.stat().st_size > 0 for file in beside)
        mode = "mode=ro" if (wal and shm) or journal else "mode=ro&immutable=1"
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=PATIENCE, isolation_level=None)
        try:
            if (wal and not shm) or not _readable(db):
                db.close()
                for file in (path, *beside[::2]):
                    if file.exists():
                        shutil.copy(file, folder)
                db = sqlite3.connect(Path(folder, path.name), isolation_level=None)
            yield db
        finally:
            db.close()


def _readable(db: sqlite3.Connection) -> bool:
    """Whether it can be read without a write; a lock and damage raise."""
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return False
        raise
    return True


def migrate(db: sqlite3.Connection) -> None:
    """Brings a store of schema 1 to this one, within a transaction: every row is kept.

    It held names and counts. A network that this version knows by that name, scaled to those very counts, is described
    from now on; of others the counts are all that is known, as they were then.
    """
    former = db.execute("SELECT id, description FROM jobs ORDER BY rowid").fetchall()
    db.execute("PRAGMA defer_foreign_keys = ON")
    for name in ("jobs", "attempts"):
        db.execute(f"ALTER TABLE {name} RENAME TO former_{name}")
    for name in TABLES.keys() - {"environments"}:
        db.execute(f"CREATE TABLE {name} ({TABLES[name]}) STRICT")
    now: dict[str, str] = {}
    for key, text in former:
        job, row = _of_schema_1(json.loads(text))
        described = None if job is None else job.subject.described
        if described is not None:
            add_subject(db, described)
        now[key] = key if (new := job_key(row)) in now.values() else new
        subject = None if described is None else described.id
        db.execute("INSERT INTO jobs VALUES (?, ?, ?, ?)", (now[key], row["kind"], subject, json.dumps(row)))
    for key, new in now.items():
        db.execute(
            "INSERT INTO attempts SELECT ?, environment, number, batch, status, reason, result "
            "FROM former_attempts WHERE job = ?",
            (new, key),
        )
    kept, all_ = (db.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("attempts", "former_attempts"))
    if kept != all_:
        raise ValueError("an attempt without its job")
    db.execute("DROP TABLE former_attempts")
    db.execute("DROP TABLE former_jobs")
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def _of_schema_1(row: dict[str, Any]) -> tuple[Job | None, dict[str, Any]]:
    """The job that a description of schema 1 stands for, None where it says too little, and its description now."""
    former = {"kind": row["kind"], "subject": None, **row}
    if row["kind"] != NetworkSubject.kind:
        return None, former
    former["base"] = None
    try:
        base = replace(zoo.network(row["network"]), resolution=row["base_resolution"])  # a name is never a path here
        settings = Settings(**{field.name: row[field.name] for field in fields(Settings)})
        job = Job(NetworkSubject(base, row["strategy"], row["factor"]), settings)
        same = all(job.description[name] == row[name] for name in ("network", "resolution", "flops", "params", "acts"))
    except InvalidInput:  # a name of a file, or a scaling that is done otherwise today
        return None, former
    return (job, job.description) if same else (None, former)


def add_subject(db: sqlite3.Connection, about: Description) -> None:
    """Keeps a description, once."""
    db.execute("INSERT OR IGNORE INTO subjects VALUES (?, ?, ?)", (about.id, about.form, about.text))
