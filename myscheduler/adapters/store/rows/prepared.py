"""Statements that run for many rows with each transaction: their SQL and their conversions are made once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

Rows = Sequence[Mapping[str, Any]]
Convert = Callable[[Any], Any]


class PreparedStatement:
    """An insert or update of many rows by `executemany`.

    SQLAlchemy makes an object for each execution and looks for the conversion of each value, which takes longer than
    the database. Here, its compiled statement and its conversions are kept, for each kind of database.
    """

    def __init__(self, make: Callable[[sa.Connection], Any]) -> None:
        """`make` returns the statement for the database of a connection."""
        self._make = make
        self._compiled: dict[tuple[str, tuple[str, ...]], _Compiled] = {}

    def execute(self, connection: sa.Connection, rows: Rows) -> int:
        """Execute the statement for all rows, which have the same keys. Returns how many rows it changed."""
        names = tuple(rows[0])
        key = connection.dialect.name, names
        found = self._compiled.get(key)
        if found is None:
            compiled = self._make(connection).compile(dialect=connection.dialect, column_keys=list(names))
            found = self._compiled[key] = _Compiled(compiled, names)
        return connection.exec_driver_sql(found.sql, found.values(rows)).rowcount


class _Compiled:
    def __init__(self, compiled: SQLCompiler, names: tuple[str, ...]) -> None:
        self.sql = str(compiled)
        self._places = None if compiled.positiontup is None else list(compiled.positiontup)
        # there is no public way to get them; a test compares what is stored
        conversions = cast("Mapping[str, Convert]", compiled._bind_processors)  # noqa: SLF001
        self._converted = [(name, conversions[name]) for name in names if name in conversions]
        self._constants = {
            name: conversions[name](value) if name in conversions else value
            for name, value in compiled.params.items()
            if name not in names
        }

    def values(self, rows: Rows) -> list[Any]:
        """The rows as the driver takes them: by place or by name."""
        return [self._of(row) for row in rows]

    def _of(self, row: Mapping[str, Any]) -> Any:
        values = {**self._constants, **row}
        for name, convert in self._converted:
            values[name] = convert(values[name])
        places = self._places
        return values if places is None else tuple([values[name] for name in places])
