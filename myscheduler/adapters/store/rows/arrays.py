"""Inserts and updates of many rows by one statement of PostgreSQL: each column of the rows is one parameter, an array.

With `executemany`, driver and server handle each row as a statement of its own, which takes both twice as long.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler


def over_arrays(statement: sa.Insert | sa.Update, compiled: SQLCompiler, names: Sequence[str]) -> sa.Insert | sa.Update:
    """The insert or update of rows whose values are in arrays; `compiled` is the one of a single row.

    An update must get each row of the table once: of two changes of a row, PostgreSQL would make any one.
    """
    given = given_in_arrays({name: _plain(compiled.binds[name].type) for name in names})
    if isinstance(statement, sa.Insert):
        return statement.from_select(list(names), sa.select(*given.c))

    def column_of(part: Any, **_: Any) -> Any:
        return given.c[part.key] if _is_parameter(part, names) else None

    by_key = [expecting_one(given.c[name]) for name in keys_of(statement, names)]
    # its overloads know expressions only
    replaced: sa.Update = visitors.replacement_traverse(statement, {}, column_of)  # type: ignore[call-overload]
    return replaced.where(*by_key)


def given_in_arrays(kinds: Mapping[str, Any]) -> sa.TableValuedAlias:
    """A table of rows whose columns are parameters, each the result of `as_array` with elements of that type."""
    # without a type, else they are cast to texts first
    parameters = [sa.bindparam(name, type_=sa.types.NullType()) for name in kinds]
    arrays = [sa.cast(one, sa.ARRAY(kind)) for one, kind in zip(parameters, kinds.values(), strict=True)]
    columns = [sa.column(name, kind) for name, kind in kinds.items()]
    return sa.func.unnest(*arrays).table_valued(*columns).render_derived()


def expecting_one(key: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """A condition for joins by a key that is given in an array: true, but PostgreSQL expects it of few rows.

    It keeps the plan of a statement, and takes it for granted that ten rows are given. If it was made while the table
    was small, it reads all of the table, also once there are a million rows. A single row is looked up by its key.
    """
    return sa.func.coalesce(key, key) == key


def keys_of(statement: sa.Insert | sa.Update, names: Collection[str]) -> list[str]:
    """The parameters that say which row an update changes."""
    condition = getattr(statement, "whereclause", None)
    parts: Iterable[Any] = () if condition is None else visitors.iterate(condition)
    return [part.key for part in parts if _is_parameter(part, names)]


def as_array(values: Sequence[Any]) -> str:
    """Texts, whole numbers or booleans, and `None`, as PostgreSQL reads an array."""
    first = values[0]
    if values.count(first) < len(values):
        return "{" + ",".join([_element(value) for value in values]) + "}"
    # the shortest way to say that all are null: the shorter arrays are filled up with nulls
    return "{}" if first is None else "{" + ",".join([_element(first)] * len(values)) + "}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "NULL" if value is None else str(value)


def _plain(kind: Any) -> Any:
    """The type of the elements: without a length, as the column has it, and without a conversion, which is done."""
    stored = kind.impl if isinstance(kind, sa.types.TypeDecorator) else kind
    return sa.Text() if isinstance(stored, sa.String) else stored


def _is_parameter(part: Any, names: Collection[str]) -> bool:
    return isinstance(part, sa.BindParameter) and part.key in names
