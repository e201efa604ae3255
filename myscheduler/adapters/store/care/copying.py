"""Copies a whole database into another one, of the same or the other kind.

Until everything is there and was compared, a mark in the target keeps services from starting on it. Each batch is
committed with the number of rows so far, so a copy that was stopped goes on; what it finds there is compared first with
what the source has now.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import sqlalchemy as sa

from myscheduler.adapters.store.care.inspection import CUT_OFF, damages_of
from myscheduler.adapters.store.care.whole_rows import Digest, Row, batches, count_of, insert, rows_of
from myscheduler.adapters.store.database import postgresql, sqlite
from myscheduler.adapters.store.database.connections import Engines, shown
from myscheduler.adapters.store.database.errors import in_a_line
from myscheduler.adapters.store.database.holding import Held, held, identity_of
from myscheduler.adapters.store.database.opening import open_prepared
from myscheduler.adapters.store.database.reading import ask, parse_url, read
from myscheduler.adapters.store.database.upgrade import upgrade
from myscheduler.adapters.store.database.version import (
    UNFINISHED,
    SchemaVersion,
    VersionState,
    refuse_others,
    schema_version_of,
)
from myscheduler.adapters.store.migrations import HEAD
from myscheduler.adapters.store.tables import metadata, upgrades
from myscheduler.errors import StoreError, StoreUnavailableError

Report = Callable[[str], None]
"""Gets a text about the progress, before each batch."""

_marks = sa.Table(
    # one row for each table that was begun; the table is there until the copy is finished
    "unfinished_copy",
    sa.MetaData(),
    sa.Column("name", sa.String(63), primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(32), nullable=False),
)
_version = sa.table("alembic_version", sa.column("version_num"))
_AGAIN = "nothing that was copied is lost: run the same command again, which goes on"
_OVER = "with --start-over, what was copied is removed, and everything is copied again"


@dataclass(frozen=True, slots=True)
class Copied:
    """A finished copy."""

    source: str
    """The URL without the password."""
    target: str
    tables: Mapping[str, Digest]
    """Of all tables, those without rows too."""
    found: int
    """Rows that an earlier run had copied."""

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.tables.values())


def copy(source_url: str, target_url: str, report: Report, *, starts_over: bool) -> Copied:
    """Copy everything from one database to the other, which has to be empty, or has an unfinished copy of this source.

    Raises `StoreError`, which says what prevents it, and what was not copied yet is copied by a second call.
    `starts_over` removes an unfinished copy first.
    """
    with ExitStack() as stack:
        with _named("SOURCE_URL"):
            source = parse_url(source_url)
            identity = identity_of(source)
        with _named("TARGET_URL"):
            target = parse_url(target_url)
            if identity is not None and identity == identity_of(target):
                raise StoreError(f"{shown(source)} and {shown(target)} are the same database: name two")
        with _named("SOURCE_URL"):
            holding = stack.enter_context(held(source))
            _check_source(source, holding)
        with _named("TARGET_URL"):
            _refuse_used(target)
            _refuse_damages(source, holding, report)
            engines, marks = stack.enter_context(
                open_prepared(target, lambda connection: _begin(target, connection, starts_over=starts_over))
            )
        run = _Run(source, target, holding, engines, marks, report)
        return Copied(shown(source), shown(target), run.work(), sum(one.rows for one in marks.values()))


@contextmanager
def _named(argument: str) -> Iterator[None]:
    """Let errors about a URL name the argument instead of the setting."""
    try:
        yield
    except StoreError as error:
        text = str(error).replace(", or give this one a DATABASE_URL of its own", " first")
        raise StoreError(text.replace("DATABASE_URL", argument)) from error


def _check_source(url: sa.URL, holding: Held) -> None:
    with _failing(url, "read"):
        schema = schema_version_of(holding.connection)
    refuse_others(shown(url), schema)
    if schema.state is VersionState.EMPTY:
        raise StoreError(f"the database {shown(url)} is empty, so there is nothing to copy: the source is named first")
    if schema.state is VersionState.OLDER:
        raise StoreError(
            f"the database {shown(url)} comes from an older myscheduler: "
            "run this version's `myscheduler db upgrade` on it first"
        )


def _refuse_damages(url: sa.URL, holding: Held, report: Report) -> None:
    """An index that lost entries hides rows."""
    if url.get_backend_name() != "sqlite":
        return
    with _failing(url, "read"):
        damages = ask(holding.url, lambda connection: damages_of(connection, lambda: report("checking the source")))
    if sqlite.is_cut_off(sqlite.path_of(url)):
        damages = (CUT_OFF, *damages)
    if damages:
        raise StoreError(f"the database {shown(url)} is damaged, so it is not copied: {damages[0]}; restore a backup")


def _refuse_used(url: sa.URL) -> None:
    """Raises `StoreError` at once for a target that can't be taken; it is looked at again under the lock."""
    if url.get_backend_name() == "sqlite":
        if not sqlite.exists(url):
            return
        is_in_use = sqlite.is_in_use(sqlite.path_of(url))
    else:
        is_in_use = read(url, postgresql.is_in_use)
    # no service uses an unfinished copy: if its lock is held, then perhaps by a copy that is just being killed
    if is_in_use and read(url, schema_version_of).state is not VersionState.UNFINISHED:
        raise StoreError(f"another myscheduler is using the database {shown(url)}: stop it, or name another target")
    read(url, lambda connection: _look(url, connection))


def _look(url: sa.URL, connection: sa.Connection) -> SchemaVersion:
    """The state of the target. Raises `StoreError` if it has anything but an unfinished copy."""
    schema = schema_version_of(connection)
    if schema.state is VersionState.UNFINISHED:
        return schema
    refuse_others(shown(url), schema)
    there = set(sa.inspect(connection).get_table_names())
    names = [one.name for one in metadata.sorted_tables if one.name in there and one is not upgrades]
    if full := [
        name for name in names if connection.execute(sa.select(1).select_from(sa.table(name)).limit(1)).first()
    ]:
        raise StoreError(
            f"the database {shown(url)} holds data already (in {', '.join(full)}), and nothing is overwritten: name an "
            "empty database as the target (a finished copy needs nothing more: `myscheduler db check`)"
        )
    return schema


def _begin(url: sa.URL, connection: sa.Connection, *, starts_over: bool) -> dict[str, Digest]:
    """Mark the target and give it its tables; or find out what an earlier run has copied. One transaction."""
    schema = _look(url, connection)
    if schema.state is VersionState.UNFINISHED and not starts_over:
        if schema.revision != HEAD:
            raise StoreError(
                f"the database {shown(url)} holds an unfinished copy of revision {schema.revision}, and this version "
                f"of myscheduler has revision {HEAD}: {_OVER}"
            )
        return {one.name: Digest(one.rows, int(one.digest, 16)) for one in connection.execute(sa.select(_marks))}
    if schema.state is VersionState.UNFINISHED:
        metadata.drop_all(connection)
        _marks.drop(connection)
        connection.execute(sa.delete(_version))
    if schema.state is not VersionState.CURRENT:
        upgrade(connection, datetime.now(UTC))
    connection.execute(sa.delete(upgrades))  # those of the source come instead
    _marks.create(connection)
    connection.execute(sa.update(_version).values(version_num=UNFINISHED + HEAD))
    return {}


@dataclass(frozen=True, slots=True)
class _Run:
    """One attempt to copy what is missing."""

    source: sa.URL
    target: sa.URL
    holding: Held
    engines: Engines
    marks: Mapping[str, Digest]
    report: Report

    def work(self) -> dict[str, Digest]:
        """Copy, compare, and remove the mark."""
        tables = metadata.sorted_tables
        with _failing(self.source, "read"):
            counts = [count_of(self.holding.connection, table) for table in tables]
        steps = _Steps(2 * sum(counts), self.report)  # all rows are copied, and then read again
        copied = {table.name: self._copy(table, steps) for table in tables}
        self._compare(tables, copied, steps)
        self.holding.check()
        with _failing(self.target, "written"), self.engines.writer.begin() as connection:
            _marks.drop(connection)
            connection.execute(sa.update(_version).values(version_num=HEAD))
            if connection.dialect.name == "postgresql":  # else it plans by guesses until the server looks by itself
                for table in tables:
                    connection.exec_driver_sql(f"ANALYZE {connection.dialect.identifier_preparer.quote(table.name)}")
        return copied

    def _copy(self, table: sa.Table, steps: "_Steps") -> Digest:
        """Copy what is missing of a table; returns the digest of all its rows in the source."""
        mark, digest = self.marks.get(table.name, Digest()), Digest()
        with closing(rows_of(self.holding.connection, table)) as rows:
            with _failing(self.source, "read"):
                for known in batches(islice(rows, mark.rows), digest):
                    steps.took(table, len(known))
            if digest != mark:
                raise StoreError(
                    f"the database {shown(self.target)} holds an unfinished copy of another source, or "
                    f"{shown(self.source)} has changed since: the table {table.name} differs from what was copied; "
                    f"{_OVER}"
                )
            found = batches(rows, digest)
            while batch := self._next(found):
                self._write(table, batch, digest)
                steps.took(table, len(batch))
        return digest

    def _next(self, found: Iterator[list[Row]]) -> list[Row]:
        with _failing(self.source, "read"):
            return next(found, [])

    def _write(self, table: sa.Table, batch: Sequence[Row], digest: Digest) -> None:
        with _failing(self.target, "written"), self.engines.writer.begin() as connection:
            insert(connection, table, batch)
            connection.execute(sa.delete(_marks).where(_marks.c.name == table.name))
            connection.execute(sa.insert(_marks).values(name=table.name, rows=digest.rows, digest=digest.text))

    def _compare(self, tables: Sequence[sa.Table], copied: Mapping[str, Digest], steps: "_Steps") -> None:
        """Raises `StoreError` if the target has other rows than were read."""
        for table in tables:
            found, expected = Digest(), copied[table.name]
            with (
                _failing(self.target, "read"),
                self.engines.reader.begin() as connection,
                closing(rows_of(connection, table)) as rows,
            ):
                for batch in batches(rows, found):
                    steps.took(table, len(batch))
            if found != expected:
                raise StoreError(
                    f"the copy of the table {table.name} is not equal to it: {found.rows:,} rows with the digest "
                    f"{found.text}, and the source has {expected.rows:,} with {expected.text}; {_OVER}"
                )


class _Steps:
    """How far it is."""

    def __init__(self, total: int, report: Report) -> None:
        self._total = total
        self._report = report
        self._done = 0

    def took(self, table: sa.Table, rows: int) -> None:
        self._done += rows
        self._report(f"{100 * self._done // self._total} % ({table.name})")


@contextmanager
def _failing(url: sa.URL, way: str) -> Iterator[None]:
    """Raises what the drivers say as `StoreError`, with the name of the database."""
    try:
        yield
    except StoreUnavailableError as error:
        raise StoreError(f"{error}; {_AGAIN}") from error
    except sa.exc.SQLAlchemyError as error:
        raise StoreError(f"the database {shown(url)} can't be {way}: {in_a_line(error)}; {_AGAIN}") from error
