"""Compares a database's revision with this version of myscheduler, by SQL that works on databases of any version."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from myscheduler import __version__
from myscheduler.adapters.store.migrations import HEAD, REVISIONS
from myscheduler.adapters.store.tables import metadata, upgrades
from myscheduler.errors import StoreError

_OF_OURS = re.compile(r"\d{4}", re.ASCII)
"""The form of our revisions; those of other programs with Alembic are twelve hexadecimal digits."""
UNFINISHED = "unfinished-copy-"
"""What stands before the revision while another database is copied into this one: so no version starts on it, not even
one that knows nothing of copies.
"""


class VersionState(StrEnum):
    """The revision of a database, relative to the one that this version needs."""

    EMPTY = "empty"
    """It has no tables of myscheduler yet."""
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"
    FOREIGN = "foreign"
    """It belongs to another program."""
    UNFINISHED = "unfinished"
    """Another database is being copied into it, and not all of that is here."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The version of myscheduler that upgraded a database to its revision, and the time."""

    version: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """The revision of a database and how it relates to this version."""

    state: VersionState
    revision: str | None = None
    origin: Origin | None = None
    """`None` if the database does not record it: it is recorded since revision 0005."""


def schema_version_of(connection: sa.Connection) -> SchemaVersion:
    """Find the revision of a database. Reads only what every later version keeps as it is, or checks it first."""
    names = set(sa.inspect(connection).get_table_names())
    revision = _revision(connection) if "alembic_version" in names else None
    if revision is None:
        return SchemaVersion(VersionState.FOREIGN if _is_in_the_way(connection, names) else VersionState.EMPTY)
    if revision.startswith(UNFINISHED):
        return SchemaVersion(VersionState.UNFINISHED, revision.removeprefix(UNFINISHED))
    if revision not in REVISIONS and not _OF_OURS.fullmatch(revision):
        return SchemaVersion(VersionState.FOREIGN, revision)
    known = VersionState.CURRENT if revision == HEAD else VersionState.OLDER
    origin = _origin(connection, revision) if upgrades.name in names else None
    return SchemaVersion(known if revision in REVISIONS else VersionState.NEWER, revision, origin)


def refuse_others(database: str, schema: SchemaVersion) -> None:
    """Raises `StoreError` if this version must not use the database; the message says what the operator can do."""
    if reason := refusal(schema):
        raise StoreError(f"the database {database} {reason}")


def refusal(schema: SchemaVersion) -> str | None:
    """Why this version must not use the database, and what to do, as a text to follow its name; `None` if it may."""
    if schema.state is VersionState.FOREIGN:
        return "holds tables of another program: give myscheduler a database of its own"
    if schema.state is VersionState.UNFINISHED:
        return "holds an unfinished copy of another database: run the same `myscheduler db copy` again, which goes on"
    if schema.state is not VersionState.NEWER:
        return None
    origin = schema.origin
    who = f"myscheduler {origin.version} on {origin.at:%Y-%m-%d %H:%M} UTC" if origin else "a newer myscheduler"
    which = f"myscheduler {origin.version} or newer" if origin else "the version that ran before, or newer"
    return (
        f"was brought to revision {schema.revision} by {who}, and this is myscheduler {__version__}, "
        f"which knows revisions up to {HEAD}: run {which}, or restore the backup that was made before the upgrade"
    )


def _revision(connection: sa.Connection) -> str | None:
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _is_in_the_way(connection: sa.Connection, names: set[str]) -> bool:
    """Whether tables of other programs prevent the use. A PostgreSQL schema may be shared while no table's name is
    taken; an SQLite file belongs to one program.
    """
    taken = names - {"alembic_version"}
    return bool(taken if connection.dialect.name == "sqlite" else taken & set(metadata.tables))


def _origin(connection: sa.Connection, revision: str) -> Origin | None:
    columns = {one["name"] for one in sa.inspect(connection).get_columns(upgrades.name)}
    if not {one.name for one in upgrades.columns} <= columns:
        return None
    row = connection.execute(sa.select(upgrades).where(upgrades.c.revision == revision)).first()
    return Origin(row.version, row.upgraded_at) if row else None
