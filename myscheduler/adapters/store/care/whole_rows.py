"""Reads and writes whole tables as the drivers see them, in the same form for SQLite and PostgreSQL."""

from collections.abc import Generator, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any, TypeAlias

import sqlalchemy as sa

from myscheduler.core.findings.problem import printable
from myscheduler.errors import StoreError

Row: TypeAlias = tuple[Any, ...]

BATCH_ROWS = 2_000
"""The most rows that are written, and committed, together."""
BATCH_CHARACTERS = 4 * 1024**2
"""About the most text of a batch; a row that is longer is one by itself."""
_FETCHED = 250
"""Rows that are fetched at once: a job or a file may fill megabytes."""
_SIZE = 16
"""Bytes of a digest."""
_LONGEST_KEY = 100


class Digest:
    """The number of rows, and a sum over them that does not depend on their order: servers sort texts differently."""

    def __init__(self, rows: int = 0, total: int = 0) -> None:
        self.rows = rows
        self.total = total

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and (self.rows, self.total) == (other.rows, other.total)

    __hash__ = None  # type: ignore[assignment] # it changes

    @property
    def text(self) -> str:
        """The sum as hexadecimal digits."""
        return f"{self.total:0{2 * _SIZE}x}"

    def add(self, row: Row) -> int:
        """Add a row; returns about how many characters it has."""
        written = repr(row).encode("utf-8", "surrogatepass")
        one = int.from_bytes(blake2b(written, digest_size=_SIZE).digest())
        self.rows, self.total = self.rows + 1, (self.total + one) % (1 << 8 * _SIZE)
        return len(written)


def count_of(connection: sa.Connection, table: sa.Table) -> int:
    found: int = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    return found


def rows_of(connection: sa.Connection, table: sa.Table) -> Generator[Row]:
    """All rows, by their key, without reading them into memory at once. Booleans are 0 and 1, times microseconds.

    To be closed: a server keeps a cursor until then.
    """
    columns = [
        sa.cast(sa.column(column.name), sa.Integer) if isinstance(column.type, sa.Boolean) else sa.column(column.name)
        for column in table.columns
    ]
    query = sa.select(*columns).select_from(sa.table(table.name)).order_by(*(sa.column(name) for name in _key(table)))
    with connection.execute(query, execution_options={"yield_per": _FETCHED}) as found:
        for row in found:
            yield tuple(row)


def batches(rows: Iterator[Row], digest: Digest) -> Iterator[list[Row]]:
    """The rows in groups of bounded size, each added to the digest before it is given."""
    while True:
        batch: list[Row] = []
        size = 0
        for row in islice(rows, BATCH_ROWS):
            size += digest.add(row)
            batch.append(row)
            if size > BATCH_CHARACTERS:
                break
        if not batch:
            return
        yield batch


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Write the rows. Raises `StoreError` for a value that not both kinds of databases can hold."""
    _refuse_unfit(table, rows)
    quoted = connection.dialect.identifier_preparer.quote
    names = ", ".join(quoted(column.name) for column in table.columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" for _ in table.columns)
        connection.exec_driver_sql(f"INSERT INTO {quoted(table.name)} ({names}) VALUES ({places})", list(rows))  # noqa: S608 - our own names
        return
    from psycopg import Error  # noqa: PLC0415 - only who uses PostgreSQL has it

    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {quoted(table.name)} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    except Error as error:  # past SQLAlchemy, which has no COPY
        raise sa.exc.OperationalError("COPY", None, error) from error


def _key(table: sa.Table) -> list[str]:
    return [column.name for column in table.primary_key]


def _refuse_unfit(table: sa.Table, rows: Sequence[Row]) -> None:
    for place, column in enumerate(table.columns):
        if _fault(column.type, [row[place] for row in rows]) is None:
            continue
        for row in rows:
            if fault := _fault(column.type, [row[place]]):
                key = ", ".join(str(row[table.columns.keys().index(name)])[:_LONGEST_KEY] for name in _key(table))
                raise StoreError(
                    f"a row of the table {table.name} can't be copied: {column.name} of {printable(key)} {fault}; "
                    "correct it in the source, and run this again"
                )


def _fault(kind: sa.types.TypeEngine[Any], values: Sequence[Any]) -> str | None:
    """Why a column of this type can't hold one of the values, to follow its name."""
    given = [value for value in values if value is not None]
    if not given:
        return None
    return _fault_of_texts(kind.length, given) if isinstance(kind, sa.String) else _fault_of_numbers(kind, given)


def _fault_of_texts(longest: int | None, given: Sequence[Any]) -> str | None:
    if set(map(type, given)) != {str}:
        return "is not a text"
    joined = "".join(given)
    if "\0" in joined:
        return "has a NUL character, which PostgreSQL can't hold"
    try:
        joined.encode()
    except UnicodeEncodeError:
        return "is no UTF-8"
    if longest is not None and max(map(len, given)) > longest:
        return f"is longer than {longest} characters"
    return None


def _fault_of_numbers(kind: sa.types.TypeEngine[Any], given: Sequence[Any]) -> str | None:
    if set(map(type, given)) != {int}:
        return "is not a whole number"
    is_small = isinstance(kind, (sa.Integer, sa.Boolean)) and not isinstance(kind, sa.BigInteger)
    limit = 1 << (31 if is_small else 63)
    return None if -limit <= min(given) <= max(given) < limit else f"is beyond {limit - 1:,}"
