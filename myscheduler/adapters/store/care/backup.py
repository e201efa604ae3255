"""Backs up an SQLite database, also while a service writes to it. A backup is one consistent state, is checked, and
appears under its name only when it is complete.
"""

import os
import secrets
import shlex
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from myscheduler.adapters.store.care.inspection import CUT_OFF, Contents, damages_of, facts
from myscheduler.adapters.store.database import sqlite
from myscheduler.adapters.store.database.connections import shown
from myscheduler.adapters.store.database.errors import in_a_line
from myscheduler.adapters.store.database.reading import ask, parse_url, read
from myscheduler.adapters.store.database.version import SchemaVersion, VersionState, refusal, schema_version_of
from myscheduler.core.explain.sizes import shown_size
from myscheduler.errors import StoreError
from myscheduler.machine import private_files as private
from myscheduler.machine.causes import reason_of

PART = ".myscheduler-backup-"
"""The prefix of the name of an unfinished copy."""
STEP_PAGES = 256
"""Pages that are copied between two reports of the progress, at which signals are handled, too."""
RESERVE = 64 * 1024**2
"""Bytes that must stay free on the disk of the database: if the service can't record, it sends nothing."""

Report = Callable[[str], None]
"""Gets a text about the progress."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A finished backup."""

    size: int
    """Bytes."""
    schema: SchemaVersion
    contents: Contents


def back_up(url: str, file: Path, report: Report) -> Copy:
    """Copy the database to `file`, which only its owner can read, and which appears once it is complete.

    Raises `StoreError`, which says what prevents the backup; no file is left then.
    """
    source = _source(url, file)
    _refuse(file, sqlite.path_of(source))
    with _copied(source, file.parent, report) as (part, copy):
        _put(part, file)
    return copy


def stream(url: str, output: IO[bytes], report: Report) -> Copy:
    """Write the copy to `output`, after it was completed and checked in a temporary file: next to the database if there
    is room, else in TMPDIR. Raises as `back_up` does.
    """
    source = _source(url, None)
    path = sqlite.path_of(source)
    with _copied(source, _folder_for(path), report) as (part, copy), part.open("rb") as file:
        part.unlink()
        report("writing the copy")
        shutil.copyfileobj(file, output)
        output.flush()
    return copy


def _source(url: str, file: Path | None) -> sa.URL:
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        options = {name: value for name, value in parsed.query.items() if "password" not in name}
        named = sa.URL.create(
            "postgresql", parsed.username, host=parsed.host, port=parsed.port, database=parsed.database, query=options
        ).render_as_string()
        command = ["pg_dump", "--format=custom", *([f"--file={file}"] if file else []), named]
        raise StoreError(
            f"the database {shown(parsed)} is backed up with its own tool: {shlex.join(command)} "
            "(PGPASSWORD or ~/.pgpass provides the password)"
        )
    if sqlite.is_cut_off(sqlite.path_of(parsed)):
        raise _damaged(parsed, CUT_OFF)
    schema = read(parsed, schema_version_of)
    if schema.state is VersionState.FOREIGN:
        raise StoreError(f"the database {shown(parsed)} holds tables of another program, so it is not backed up")
    if schema.state is VersionState.UNFINISHED:
        raise StoreError(f"the database {shown(parsed)} {refusal(schema)}")
    if schema.state is VersionState.EMPTY:
        raise StoreError(f"the database {shown(parsed)} is empty, so there is nothing to back up: is it the right one?")
    return parsed


def _refuse(file: Path, source: Path) -> None:
    """Raises `StoreError` if no copy can be written to `file`."""
    try:
        own = {Path(f"{source.resolve()}{ending}") for ending in ("", "-wal", "-shm", "-journal", ".lock")}
        if file.resolve() in own:
            raise StoreError(f"{file} is a file of the database itself: choose another name for the backup")
        if file.is_symlink() or file.exists():
            raise _taken(file)
        if reason := _obstacle(file.parent, source):
            raise StoreError(f"{file.parent} {reason}")
    except OSError as error:
        raise StoreError(f"{file} can't be written as user {os.getuid()}: {reason_of(error)}") from error
    except RuntimeError as error:  # before Python 3.13
        raise StoreError(f"{file} is a symlink loop: choose another name for the backup") from error


def _obstacle(folder: Path, source: Path) -> str | None:
    """Why no copy can be made in that folder, and what to do; `None` if it can."""
    if not folder.is_dir():
        return "is not a folder: create it, or choose another"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"can't be written as user {os.getuid()}: allow it, or choose another folder"
    needed = source.stat().st_size + sqlite.log_size(source)
    is_beside = folder.stat().st_dev == source.stat().st_dev
    needed += RESERVE if is_beside else 0
    free = shutil.disk_usage(folder).free
    if needed > free:
        kept = f", {shown_size(RESERVE)} of them for the service" if is_beside else ""
        need = f"{shown_size(needed)} are needed{kept}"
        return f"has {shown_size(free)} free, and {need}: make room, or choose another folder"
    return None


def _folder_for(source: Path) -> Path:
    """A folder with room for a temporary copy. Raises `StoreError` if there is none."""
    reasons = []
    for find in (_beside, _temporary):
        folder = find(source)
        reason = _obstacle(folder, source)
        if reason is None:
            return folder
        reasons.append(f"{folder} {reason}")
    raise StoreError(
        f"there is no place for the temporary copy: {'; '.join(dict.fromkeys(reasons))} "
        "(TMPDIR can name another folder)"
    )


def _beside(source: Path) -> Path:
    return source.resolve().parent


def _temporary(_source: Path) -> Path:
    """Called last, because `gettempdir` tries folders by writing to them."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # its text says neither which user nor what to do
        return Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - only to be named


@contextmanager
def _copied(source: sa.URL, folder: Path, report: Report) -> Iterator[tuple[Path, Copy]]:
    """A complete, checked copy in the folder under a random name, which is removed afterwards."""
    part = folder / f"{PART}{secrets.token_hex(8)}.part"
    try:
        part.touch(mode=private.FILE_MODE, exist_ok=False)
        sqlite.look(source, lambda read_only: _fill(read_only, part, report))
        copy = _checked(source, part, report)
        _make_durable(part)
        yield part, copy
    except (sqlite3.Error, sa.exc.DBAPIError) as error:
        message = f"the database {shown(source)} can't be copied to {folder}, and nothing is left there"
        raise StoreError(f"{message}: {in_a_line(error)}") from error
    except OSError as error:
        if error.filename is None:  # an error of the caller's output
            raise
        raise StoreError(f"{folder} can't be written as user {os.getuid()}: {reason_of(error)}") from error
    finally:
        part.unlink(missing_ok=True)


def _checked(source: sa.URL, part: Path, report: Report) -> Copy:
    def inspect(copy: sa.Connection) -> tuple[SchemaVersion, Contents, tuple[str, ...]]:
        return *facts(copy), damages_of(copy, lambda: report("checking the copy"))

    schema, contents, damages = ask(sqlite.read_only(part, immutable="1"), inspect)
    if damages:
        raise _damaged(source, damages[0])
    return Copy(part.stat().st_size, schema, contents)


def _fill(url: sa.URL, part: Path, report: Report) -> None:
    """Copy page by page, in one transaction: all pages are of one state, and SQLite need not restart at each write."""
    os.truncate(part, 0)
    query = "&".join(f"{name}={value}" for name, value in url.query.items() if name != "uri")
    with (
        closing(sqlite3.connect(f"{url.database}?{query}", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        copy.execute("PRAGMA journal_mode = OFF")  # an unfinished copy is thrown away
        copy.execute("PRAGMA synchronous = OFF")
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # takes the lock

        def progressed(_status: int, remaining: int, total: int) -> None:
            report(f"{100 * (total - remaining) // max(total, 1)} % copied")

        source.backup(copy, pages=STEP_PAGES, progress=progressed)


def _put(part: Path, file: Path) -> None:
    try:
        os.link(part, file)  # unlike a rename, this never overwrites a file
    except FileExistsError as error:
        raise _taken(file) from error
    except OSError:  # a file system without hard links
        if file.exists():
            raise _taken(file) from None
        part.rename(file)
    _make_durable(file.parent)


def _make_durable(path: Path) -> None:
    """Sync a file, or the names in a folder, to the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _damaged(source: sa.URL, damage: str) -> StoreError:
    return StoreError(
        f"the database {shown(source)} is damaged, so it was not backed up: {damage}; "
        "stop the service and restore an earlier backup"
    )


def _taken(file: Path) -> StoreError:
    return StoreError(f"{file} already exists, and nothing is overwritten: move it away, or choose another name")
