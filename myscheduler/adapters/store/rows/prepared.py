"""Statements that run for many rows with each transaction: their SQL and their conversions are made once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

from myscheduler.adapters.store.rows.arrays import as_array, expecting_one, given_in_arrays, keys_of, over_arrays
from myscheduler.adapters.store.rows.jobs import chunks, id_lists

Row = Mapping[str, Any]
Rows = Sequence[Row]
Convert = Callable[[Any], Any]


class PreparedStatement:
    """An insert or update of many rows: by `executemany` in SQLite, and by statements over arrays in PostgreSQL.

    SQLAlchemy makes an object for each execution and looks for the conversion of each value, which takes longer than
    the database. Here, its compiled statement and its conversions are kept, for each kind of database.
    """

    def __init__(self, make: Callable[[sa.Connection], Any]) -> None:
        """`make` returns the statement for the database of a connection."""
        self._make = make
        self._compiled: dict[tuple[str, tuple[str, ...]], _OneByOne] = {}

    def execute(self, connection: sa.Connection, rows: Rows) -> int:
        """Execute the statement for all rows, which have the same keys. Returns how many rows it changed."""
        names = tuple(rows[0])
        key = connection.dialect.name, names
        found = self._compiled.get(key)
        if found is None:
            found = self._compiled[key] = self._compile(connection, names)
        return found.execute(connection, rows)

    def _compile(self, connection: sa.Connection, names: tuple[str, ...]) -> "_OneByOne":
        statement = self._make(connection)
        compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
        if connection.dialect.name != "postgresql":
            return _OneByOne(compiled, names)
        of_arrays = over_arrays(statement, compiled, names).compile(dialect=connection.dialect)
        return _ByArrays(compiled, names, of_arrays, keys_of(statement, names))


class PreparedQuery:
    """A query for rows with some keys."""

    def __init__(self, query: sa.Select[Any], *, key: sa.Column[str]) -> None:
        self._by_lists = query.where(key.in_(sa.bindparam("keys", expanding=True)))
        given = given_in_arrays({"keys": sa.Text()}).c["keys"]
        self._by_array = query.where(key == given, expecting_one(given))
        self._compiled: tuple[str, list[tuple[int, Convert]]] | None = None

    def rows(self, connection: sa.Connection, keys: Sequence[str]) -> Sequence[Sequence[Any]]:
        """The rows, in any order. Each of the keys must be given once."""
        if not keys:
            return []
        if connection.dialect.name != "postgresql":
            return [row for some in id_lists(keys) for row in connection.execute(self._by_lists, {"keys": some}).all()]
        if self._compiled is None:
            columns = enumerate(self._by_array.selected_columns)
            conversions = [(place, one.type.result_processor(connection.dialect, None)) for place, one in columns]
            sql = str(self._by_array.compile(dialect=connection.dialect))
            self._compiled = sql, [(place, one) for place, one in conversions if one is not None]
        sql, converted = self._compiled
        found = [list(row) for row in connection.exec_driver_sql(sql, {"keys": as_array(keys)}).all()]
        for row in found:
            for place, convert in converted:
                row[place] = convert(row[place])
        return found


class _OneByOne:
    def __init__(self, compiled: SQLCompiler, names: tuple[str, ...]) -> None:
        self._sql = str(compiled)
        self._places = None if compiled.positiontup is None else list(compiled.positiontup)
        conversions = _conversions(compiled)
        self._converted = [(name, conversions[name]) for name in names if name in conversions]
        self._constants = _constants(compiled, names)

    def execute(self, connection: sa.Connection, rows: Rows) -> int:
        return connection.exec_driver_sql(self._sql, [self._of(row) for row in rows]).rowcount

    def _of(self, row: Row) -> Any:
        """The values as the driver takes them: by place or by name."""
        values = {**self._constants, **row}
        for name, convert in self._converted:
            values[name] = convert(values[name])
        places = self._places
        return values if places is None else tuple([values[name] for name in places])


class _ByArrays(_OneByOne):
    def __init__(
        self, compiled: SQLCompiler, names: tuple[str, ...], of_arrays: SQLCompiler, keys: Sequence[str]
    ) -> None:
        super().__init__(compiled, names)
        self._sql_of_arrays = str(of_arrays)
        self._constants_of_arrays = _constants(of_arrays, names)
        conversions = _conversions(compiled)
        self._columns = [(name, conversions.get(name)) for name in names]
        self._keys = keys

    def execute(self, connection: sa.Connection, rows: Rows) -> int:
        return sum(self._execute_some(connection, some) for some in chunks(rows))

    def _execute_some(self, connection: sa.Connection, rows: Rows) -> int:
        if len(rows) == 1:
            return connection.exec_driver_sql(self._sql, self._of(rows[0])).rowcount
        if any(len({row[key] for row in rows}) < len(rows) for key in self._keys):
            return super().execute(connection, rows)  # a row that is changed twice
        return connection.exec_driver_sql(self._sql_of_arrays, self._arrays_of(rows)).rowcount

    def _arrays_of(self, rows: Rows) -> Row:
        values = dict(self._constants_of_arrays)
        for name, convert in self._columns:
            column = [row[name] for row in rows]
            values[name] = as_array(column if convert is None else [convert(value) for value in column])
        return values


def _conversions(compiled: SQLCompiler) -> Mapping[str, Convert]:
    # there is no public way to get them; a test compares what is stored
    return cast("Mapping[str, Convert]", compiled._bind_processors)  # noqa: SLF001


def _constants(compiled: SQLCompiler, names: Sequence[str]) -> Row:
    conversions = _conversions(compiled)
    return {
        name: conversions[name](value) if name in conversions else value
        for name, value in compiled.params.items()
        if name not in names
    }
