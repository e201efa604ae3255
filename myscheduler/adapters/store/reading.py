"""Looking into a database beside the service that owns it, or while none does; nothing is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from myscheduler.adapters.store.connections import shown
from myscheduler.adapters.store.engine import parse_url, stored_revision
from myscheduler.adapters.store.migrations import HEAD
from myscheduler.adapters.store.trouble import in_a_line
from myscheduler.errors import StoreError


@contextmanager
def open_reader(url: str) -> Iterator[sa.Connection]:
    """A connection that reads one state of the database. Raises `StoreError` when there is none of this version."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        parsed = _read_only(parsed)
    engine = sa.create_engine(parsed, hide_parameters=True, poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            _check_version(connection, shown(parsed))
            yield connection
    except sa.exc.DBAPIError as error:
        raise StoreError(f"DATABASE_URL names {shown(parsed)}, which can't be read: {in_a_line(error)}") from error
    finally:
        engine.dispose()


def _read_only(url: sa.URL) -> sa.URL:
    path = Path(url.database or "")
    if not path.is_file():
        raise StoreError(f"DATABASE_URL names {path}, where there is no database: correct the path, or use --server")
    return url.set(database=path.resolve().as_uri(), query={"uri": "true", "mode": "ro"})


def _check_version(connection: sa.Connection, database: str) -> None:
    found = stored_revision(connection)
    if found != HEAD:
        state = "holds no jobs yet" if found is None else "comes from another version of myscheduler"
        raise StoreError(f"the database {database} {state}: start this version's `myscheduler serve` on it once")
