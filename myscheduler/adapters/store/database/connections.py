"""The two ways to a database: many connections that read, and the one that writes."""

from dataclasses import dataclass

import sqlalchemy as sa

from myscheduler.errors import StoreUnavailableError

READERS = 4
"""Connections for reading; more wait for each other."""


@dataclass(frozen=True, slots=True)
class Engines:
    reader: sa.Engine
    writer: sa.Engine
    """Of one connection: all writes go over it, one after the other."""

    def dispose(self) -> None:
        self.reader.dispose()
        self.writer.dispose()


class InUseError(StoreUnavailableError):
    """Another service holds the database."""

    def __init__(self, database: str) -> None:
        super().__init__(f"another myscheduler is using the database {database}")


def shown(url: sa.URL) -> str:
    """The URL for people: without the password, which may stand among the options too."""
    return url.set(query={}).render_as_string(hide_password=True)
