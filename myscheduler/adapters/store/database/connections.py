"""The connections to a database: several that read, and the single one that writes."""

from dataclasses import dataclass

import sqlalchemy as sa

from myscheduler.errors import StoreUnavailableError

READERS = 4
"""The number of connections for reading; further reads wait for a free one."""


@dataclass(frozen=True, slots=True)
class Engines:
    """SQLAlchemy's engines for one database."""

    reader: sa.Engine
    writer: sa.Engine
    """Has a single connection, so writes run one after another."""

    def dispose(self) -> None:
        self.reader.dispose()
        self.writer.dispose()


class InUseError(StoreUnavailableError):
    """Another service is using the database."""

    def __init__(self, database: str) -> None:
        super().__init__(f"another myscheduler is using the database {database}")


def shown(url: sa.URL) -> str:
    """The URL for messages: without the password, and without options, which may contain it too."""
    return url.set(query={}).render_as_string(hide_password=True)
