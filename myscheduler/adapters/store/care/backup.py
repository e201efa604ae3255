"""A copy of an SQLite database while a service writes to it: of one state, checked, and whole or not there."""

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
from myscheduler.adapters.store.database.version import Stand, Standing, stand_of
from myscheduler.core.explain.sizes import shown_size
from myscheduler.errors import StoreError
from myscheduler.machine import private_files as private
from myscheduler.machine.causes import reason_of

PART = ".myscheduler-backup-"
"""How the name of a copy begins that is not finished."""
STEP_PAGES = 256
"""Copied between two reports of the progress, and two chances for a signal."""
RESERVE = 64 * 1024**2
"""Bytes that have to stay free beside the database: without room to record, the service would send nothing."""

Tell = Callable[[str], None]
"""Is told how far it is."""


@dataclass(frozen=True, slots=True)
class Copy:
    size: int
    stand: Stand
    contents: Contents


def back_up(url: str, file: Path, tell: Tell) -> Copy:
    """Copy the database to `file`, which only its owner can read, and which is there once it is whole.

    Raises `StoreError` that says what is in the way; then nothing is left.
    """
    source = _source(url, file)
    _refuse(file, sqlite.path_of(source))
    with _copied(source, file.parent, tell) as (part, copy):
        _put(part, file)
    return copy


def stream(url: str, output: IO[bytes], tell: Tell) -> Copy:
    """Write the copy to `output`, after it was finished and checked in a file: beside the database, else in TMPDIR.

    Raises as `back_up` does.
    """
    source = _source(url, None)
    path = sqlite.path_of(source)
    with _copied(source, _folder_for(path), tell) as (part, copy), part.open("rb") as file:
        part.unlink()
        tell("writing the copy")
        shutil.copyfileobj(file, output)
        output.flush()
    return copy


def _source(url: str, file: Path | None) -> sa.URL:
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        told = {name: value for name, value in parsed.query.items() if "password" not in name}
        named = sa.URL.create(
            "postgresql", parsed.username, host=parsed.host, port=parsed.port, database=parsed.database, query=told
        ).render_as_string()
        command = ["pg_dump", "--format=custom", *([f"--file={file}"] if file else []), named]
        raise StoreError(
            f"the database {shown(parsed)} is backed up with its own tool: {shlex.join(command)} "
            "(PGPASSWORD or ~/.pgpass tells it the password)"
        )
    if sqlite.is_cut_off(sqlite.path_of(parsed)):
        raise _damaged(parsed, CUT_OFF)
    stand = read(parsed, stand_of)
    if stand.standing is Standing.FOREIGN:
        raise StoreError(f"the database {shown(parsed)} holds tables of another program, so it is not backed up")
    if stand.standing is Standing.EMPTY:
        raise StoreError(f"the database {shown(parsed)} is empty, so there is nothing to back up: is it the right one?")
    return parsed


def _refuse(file: Path, source: Path) -> None:
    """Raises `StoreError` where no copy can be put."""
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
        raise StoreError(f"{file} is a link in a circle: choose another name for the backup") from error


def _obstacle(folder: Path, source: Path) -> str | None:
    """Why no copy can be made in that folder, and what to do."""
    if not folder.is_dir():
        return "is no folder: make it, or choose another"
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
    reasons = []
    for find in (_beside, _temporary):
        folder = find(source)
        reason = _obstacle(folder, source)
        if reason is None:
            return folder
        reasons.append(f"{folder} {reason}")
    raise StoreError(
        f"there is no place for the copy before it is written out: {'; '.join(dict.fromkeys(reasons))} "
        "(TMPDIR names one)"
    )


def _beside(source: Path) -> Path:
    return source.resolve().parent


def _temporary(_source: Path) -> Path:
    """Asked last, as the answer is found by writing."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:  # what it says names neither the user nor what to do
        return Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - only to be named


@contextmanager
def _copied(source: sa.URL, folder: Path, tell: Tell) -> Iterator[tuple[Path, Copy]]:
    """A finished, checked copy in the folder under a name of its own, which is gone afterwards."""
    part = folder / f"{PART}{secrets.token_hex(8)}.part"
    try:
        part.touch(mode=private.FILE_MODE, exist_ok=False)
        sqlite.look(source, lambda door: _fill(door, part, tell))
        copy = _checked(source, part, tell)
        _make_durable(part)
        yield part, copy
    except (sqlite3.Error, sa.exc.DBAPIError) as error:
        message = f"the database {shown(source)} can't be copied to {folder}, and nothing is left there"
        raise StoreError(f"{message}: {in_a_line(error)}") from error
    except OSError as error:
        if error.filename is None:  # of the caller's own output
            raise
        raise StoreError(f"{folder} can't be written as user {os.getuid()}: {reason_of(error)}") from error
    finally:
        part.unlink(missing_ok=True)


def _checked(source: sa.URL, part: Path, tell: Tell) -> Copy:
    def look(copy: sa.Connection) -> tuple[Stand, Contents, tuple[str, ...]]:
        return *facts(copy), damages_of(copy, lambda: tell("checking the copy"))

    stand, contents, damages = ask(sqlite.read_only(part, immutable="1"), look)
    if damages:
        raise _damaged(source, damages[0])
    return Copy(part.stat().st_size, stand, contents)


def _fill(door: sa.URL, part: Path, tell: Tell) -> None:
    """Copy page by page. The transaction keeps to one state, and keeps SQLite from beginning anew at each write."""
    os.truncate(part, 0)
    query = "&".join(f"{name}={value}" for name, value in door.query.items() if name != "uri")
    with (
        closing(sqlite3.connect(f"{door.database}?{query}", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        copy.execute("PRAGMA journal_mode = OFF")  # it is thrown away when it isn't finished
        copy.execute("PRAGMA synchronous = OFF")
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()  # which takes the lock

        def report(_status: int, remaining: int, total: int) -> None:
            tell(f"{100 * (total - remaining) // max(total, 1)} % copied")

        source.backup(copy, pages=STEP_PAGES, progress=report)


def _put(part: Path, file: Path) -> None:
    try:
        os.link(part, file)  # unlike a rename, it overwrites nothing
    except FileExistsError as error:
        raise _taken(file) from error
    except OSError:  # a file system without such links
        if file.exists():
            raise _taken(file) from None
        part.rename(file)
    _make_durable(file.parent)


def _make_durable(path: Path) -> None:
    """The file, or the names in the folder, outlast a power cut."""
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
    return StoreError(f"{file} is there already, and nothing is overwritten: move it away, or choose another name")
