"""Connections to a PostgreSQL database, and its lock."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.database.connections import READERS, Engines, InUseError, shown

LOCK = 0x4D595343
"""First half of the advisory lock's key (`classid` in `pg_locks`), "MYSC"; a hash of the schema is the second half."""

_NOTICE_DEATH = {  # defaults: parameters in the URL override them
    "connect_timeout": "5",
    "keepalives_idle": "4",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": "10000",
}
_SESSION = {
    "tcp_keepalives_idle": "4",  # seconds; the server releases the lock of a dead service within eight
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "30s",
}
_READER = _SESSION | {
    "default_transaction_isolation": "repeatable read",  # all statements of a query see the same state
    "default_transaction_read_only": "on",
}
_WRITER = _SESSION | {
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",  # a claim has to survive a crash before its request leaves
}
_WAS_USED = "was used"
_TRY_LOCK = "SELECT pg_try_advisory_lock(%s, hashtext(coalesce(current_schema(), '')))"

_HOLDERS = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = :lock AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND objid::bigint = hashtext(coalesce(current_schema(), ''))::bigint & 4294967295
"""


def is_in_use(connection: sa.Connection) -> bool:
    """Whether a service is using the database. Does not take the lock."""
    return bool(connection.execute(sa.text(_HOLDERS), {"lock": LOCK}).scalar())


@contextmanager
def opened(url: sa.URL, prepare: Callable[[sa.Engine], object]) -> Iterator[Engines]:
    """Connections to the database, after `prepare` was called with the engine of the writer.

    The writer's connection holds an advisory lock as long as it exists: if two services used one database, each would
    treat the other's running executions as interrupted by a crash. When the connection is opened, also again later, it
    raises `InUseError` if another service holds the lock.
    """

    def prepare_writer(connection: Any) -> None:
        take_lock(url, connection)
        configure(_WRITER, connection)

    engines = Engines(_engine(url, READERS, partial(configure, _READER)), _engine(url, 1, prepare_writer))
    try:
        prepare(engines.writer)
        yield engines
    finally:
        engines.dispose()


def take_lock(url: sa.URL, connection: Any) -> None:
    """Take the lock for a connection of the driver, which holds it until it is closed. Raises `InUseError`."""
    if not connection.execute(_TRY_LOCK, [LOCK]).fetchone()[0]:
        raise InUseError(shown(url))


def configure(settings: Mapping[str, str], connection: Any) -> None:
    """Set parameters of the server for a connection of the driver."""
    connection.cursor().executemany("SELECT set_config(%s, %s, false)", list(settings.items()))


def watched(url: sa.URL) -> sa.URL:
    """The URL with options by which a lost connection is noticed."""
    return url.set(query=_NOTICE_DEATH | dict(url.query))


def _engine(url: sa.URL, connections: int, prepare: Callable[[Any], None]) -> sa.Engine:
    engine = sa.create_engine(
        watched(url),
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # specs may hold secrets, and errors are logged
    )

    def prepare_or_close(connection: Any, _record: Any) -> None:
        try:
            prepare(connection)
            connection.commit()
        except BaseException:
            connection.close()  # the pool drops connections that could not be prepared
            raise

    def begin(connection: Any, record: Any, _taken: Any) -> None:
        try:
            _begin(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # the pool connects again, once: a new connection that is lost at once says so itself
            if _WAS_USED in record.info and engine.dialect.is_disconnect(error, connection, None):
                raise sa.exc.InvalidatePoolError from error
            raise
        record.info[_WAS_USED] = True

    sa.event.listen(engine, "connect", prepare_or_close)
    sa.event.listen(engine, "checkout", begin)
    return engine


def _begin(connection: Any) -> None:
    """Begin a transaction, which also shows whether the connection is still there: the driver would do so later, and
    wait for an answer once more.
    """
    import psycopg  # noqa: PLC0415 - not needed with SQLite

    result = connection.pgconn.exec_(b"BEGIN")
    if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result, encoding=connection.info.encoding)
