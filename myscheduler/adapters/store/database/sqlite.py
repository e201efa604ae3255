"""Connections to an SQLite file, and the lock that gives one service sole use of it."""

import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import sqlalchemy as sa

from myscheduler.adapters.store.database import exposure
from myscheduler.adapters.store.database.connections import READERS, Engines
from myscheduler.errors import StoreError, StoreUnavailableError
from myscheduler.machine import private_files as private
from myscheduler.machine.causes import reason_of

LOOK_SEC = 1.0
"""How long a start waits for the lock; `is_in_use` takes it for an instant."""

PAGE_BYTES = 1024
"""The pages of new databases. Each page that a transaction changes is written to the log as a whole, and an execution
changes few bytes of several pages: with a quarter of SQLite's default, less than half is written.
"""
LOG_BYTES = 16 * 1024**2
"""The log is copied into the database when it is this large, so that a page that changed often is copied once."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def path_of(url: sa.URL) -> Path:
    """The path of the database file. Raises `StoreError` if the URL names no file."""
    if url.database in {None, "", ":memory:"}:
        raise StoreError(
            "DATABASE_URL names no file: jobs have to survive a restart, so write sqlite:///./data/jobs.db"
        )
    if str(url.database).startswith("file:"):
        raise StoreError("DATABASE_URL names a file by a URI of SQLite: write a path, as in sqlite:///./data/jobs.db")
    path = Path(str(url.database))
    try:
        path.resolve()
    except RuntimeError as error:  # before Python 3.13
        raise StoreError(f"DATABASE_URL names {path}, which is a symlink loop: correct the link") from error
    return path


@contextmanager
def opened(url: sa.URL, prepare: Callable[[sa.Engine], object]) -> Iterator[Engines]:
    """Connections to the file, after `prepare` was called with the engine of the writer."""
    path = path_of(url)
    with _sole_use(path):
        engines = Engines(reader=_engine(url, READERS, "BEGIN"), writer=_engine(url, 1, "BEGIN IMMEDIATE"))
        try:
            prepare(engines.writer)
            _watch_file(engines, path)
            yield engines
        finally:
            engines.dispose()


@contextmanager
def _sole_use(path: Path) -> Iterator[None]:
    """Hold the lock of a database that is to be written."""
    with locked(path):
        with _refusing(path):
            _check_writable(path.resolve())
            if not path.is_dir():  # SQLite reports that itself
                private.make_file(path.resolve())  # SQLite would use mode 0644, also for its write-ahead log
        if path.is_file() and (warning := exposure.warning_of(path.resolve())):
            log.warning("%s", warning)
        yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a database: if two services used one, each would treat the other's running executions as
    interrupted by a crash.
    """
    with _refusing(path):
        private.make_folder(path.parent)
        lock = open(_lock_of(path), "a+", encoding="ascii", opener=private.opener)  # noqa: SIM115
    with lock:
        deadline = time.monotonic() + LOOK_SEC
        while not _flock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise StoreError(
                    f"another myscheduler is using the database {path}: "
                    "stop it, or give this one a DATABASE_URL of its own"
                )
            time.sleep(0.05)
        yield


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"DATABASE_URL names {path}, which can't be written as user {os.getuid()}: {_place_of(error)}"
        raise StoreError(message) from error


def _check_writable(database: Path) -> None:
    """Raises `OSError` if the database can't be written: SQLite reports that only at the first write, without the file
    and the user.
    """
    for file in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        if file.is_file():
            file.open("r+b").close()
    if not os.access(database.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(database.parent))


def _place_of(error: OSError) -> str:
    """What went wrong, and where: the file, or the folder in which it can't be created; with its owner."""
    file = Path(str(error.filename))
    place = file if os.path.lexists(file) else file.parent
    try:
        owner = f" of user {place.stat().st_uid}"
    except OSError:  # not even that is allowed
        owner = ""
    return f"{reason_of(error)} ({place}{owner})"


def is_in_use(path: Path) -> bool | None:
    """Whether a service is using the file; `None` if its lock can't be read."""
    try:
        with _lock_of(path).open(encoding="ascii") as lock:
            return not _flock(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False
    except OSError:
        return None


def _lock_of(path: Path) -> Path:
    """The lock file of a database; the same for a link to it."""
    return Path(f"{path.resolve()}.lock")


def _flock(lock: IO[str], kind: int) -> bool:
    """Take the lock, unless another process holds it; returns whether it was taken. Closing the file releases it."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def look(url: sa.URL, work: Callable[[sa.URL], T]) -> T:
    """The result of `work`, which gets a URL that opens the database for reading only.

    If the file has no write-ahead log or journal in use, it is opened as immutable: so SQLite makes no files next to
    it, and needs only permission to read. If the file changes meanwhile, `work` is run again without that option.
    """
    path = path_of(url)
    before = trace_of(path)
    real = path.resolve()
    if before.log_size and not Path(f"{real}-shm").exists() and not os.access(real.parent, os.W_OK):
        raise StoreError(
            f"DATABASE_URL names {path}, whose write-ahead log can be read only if its folder can be written, and "
            f"user {os.getuid()} can't: copy {path.name} and {path.name}-wal to a folder of your own"
        )
    if before.is_complete:
        try:
            found = work(read_only(path, immutable="1"))
        except Exception:
            if _trace(path) == before:
                raise
        else:
            if _trace(path) == before:
                return found
    return work(read_only(path))


class Trace(NamedTuple):
    """The state of the files of a database; it differs after a write."""

    identity: tuple[int, int] | None
    size: int
    changed_ns: int
    log_size: int
    has_journal: bool
    """A program is changing the file without the write-ahead log, or crashed while it did."""

    @property
    def is_complete(self) -> bool:
        """Whether the file has everything, so that it can be opened as immutable while nothing changes it."""
        return not self.log_size and not self.has_journal


def trace_of(path: Path) -> Trace:
    """The state of the files of a database. Raises `StoreError` if there is none, or it can't be read."""
    try:
        found = _trace(path)
    except FileNotFoundError as error:
        message = f"DATABASE_URL names {path}, where there is no database: correct the path"
        raise StoreError(message) from error
    except OSError as error:
        message = f"DATABASE_URL names {path}, which can't be read as user {os.getuid()}: {reason_of(error)}"
        raise StoreError(message) from error
    if not path.is_file():
        raise StoreError(f"DATABASE_URL names {path}, which is not a file: correct the path")
    return found


def _trace(path: Path) -> Trace:
    status = path.stat()
    has_journal = Path(f"{path.resolve()}-journal").exists()
    return Trace(_identity(path), status.st_size, status.st_mtime_ns, log_size(path), has_journal)


def log_size(path: Path) -> int:
    """Bytes of the write-ahead log; 0 if there is none."""
    try:
        return Path(f"{path.resolve()}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def is_cut_off(path: Path) -> bool:
    """Whether the last page is incomplete; SQLite reads the missing bytes as zeros."""
    if log_size(path):
        return False  # a full disk can stop SQLite within a page that is still in the log
    try:
        with path.open("rb") as file:
            header = file.read(18)
        written = int.from_bytes(header[16:18], "big")  # https://www.sqlite.org/fileformat.html, 1.3.2
        page = 65_536 if written == 1 else written
        return header.startswith(b"SQLite format 3\0") and page > 0 and path.stat().st_size % page != 0
    except OSError:
        return False  # reported when the file is opened


def exists(url: sa.URL) -> bool:
    """Whether the file exists; false also if that can't be determined, which is reported when it is opened."""
    try:
        return path_of(url).is_file()
    except OSError:
        return False


def read_only(path: Path, **more: str) -> sa.URL:
    """A URL that opens the file for reading only, with `more` options of SQLite's URIs."""
    query = {"uri": "true", "mode": "ro", **more}
    return sa.URL.create("sqlite", database=path.resolve().as_uri(), query=query)


def _engine(url: sa.URL, connections: int, begin: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,  # each connection fills a cache of 2 MiB, so use as few as needed
        hide_parameters=True,  # specs may hold secrets, and errors are logged
        connect_args={"check_same_thread": False},
    )

    def begin_transaction(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", begin_transaction)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late; the engine begins them
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # an existing database keeps its own
    (mode,) = cursor.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        file = cursor.execute("PRAGMA database_list").fetchone()[2]
        raise StoreError(
            f"SQLite can't use a write-ahead log for the database {file} (its journal mode stays {mode}), as on some "
            "network file systems: put it on a local disk, or use PostgreSQL"
        )
    cursor.execute("PRAGMA synchronous = FULL")  # a claim has to survive a power cut before its request leaves
    (page_bytes,) = cursor.execute("PRAGMA page_size").fetchone()
    cursor.execute(f"PRAGMA wal_autocheckpoint = {LOG_BYTES // page_bytes}")
    cursor.execute("PRAGMA busy_timeout = 5000")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.close()


def _watch_file(engines: Engines, path: Path) -> None:
    """Check at each transaction that the file is still there: SQLite goes on writing to a removed file, and all of that
    would be lost when the process ends.
    """
    identity = _identity(path)

    def check(_connection: sa.Connection) -> None:
        if _identity(path) != identity:
            message = f"the database {path} was removed or replaced: put that file back, or restart with another"
            raise StoreUnavailableError(message)

    for engine in (engines.reader, engines.writer):
        sa.event.listen(engine, "begin", check, insert=True)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
