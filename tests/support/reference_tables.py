"""The tables of a page in which readers look things up, and where a translation of the page has other ones.

    assert list(differences(english_text, japanese_text)) == []

A table is one of reference if each row begins with something that no language changes (code, or a number), or if it has
a column of defaults or of limits. What is compared is the code and the numbers in the first column and in that of
defaults or limits, and there also whether a value is required, or there is none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

VALUES = frozenset({"default", "at most", "既定値", "上限"})
"""Heads of the columns whose values are compared."""
_SAME = {"必須": "required", "なし": "none"}
_CODE = r"`[^`]+`"
_TABLE = re.compile(r"^\|.*\n\|(?:-+\|)+\n(?:\|.*\n?)+", re.MULTILINE)
_FACT = re.compile(rf"{_CODE}|\d(?:[\d,]*\d)?")
_VALUE = re.compile(rf"{_FACT.pattern}|\b(?:required|none)\b|必須|なし")
_CELL = re.compile(rf"(?:{_CODE}|[^|`])+")


@dataclass(frozen=True)
class Row:
    key: tuple[str, ...]
    """Code and numbers of its first cell."""
    value: tuple[str, ...]
    """Those of the column of defaults or limits; empty where the table has none."""


@dataclass(frozen=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    has_values: bool


def reference_tables(text: str) -> list[Table]:
    tables = [_table(found[0].splitlines()) for found in _TABLE.finditer(text)]
    return [table for table in tables if table.has_values or all(row.key for row in table.rows)]


def differences(original: str, translation: str) -> Iterator[str]:
    """Each difference, with the number of the table, its head in the original, and the row."""
    pairs = zip_longest(reference_tables(original), reference_tables(translation))
    for number, (one, other) in enumerate(pairs, start=1):
        if one is not None and other is not None:
            where = f"table {number} ({' | '.join(one.head)})"
            yield from (f"{where}, row {difference}" for difference in _between_rows(one, other))
        elif one is not None:
            yield f"table {number} ({' | '.join(one.head)}) is missing"
        elif other is not None:
            yield f"table {number} ({' | '.join(other.head)}) is not in the original"


def _between_rows(one: Table, other: Table) -> Iterator[str]:
    """Only the first row that is another one: those after it would be told too, each beside a wrong one."""
    for number, (row, translated) in enumerate(zip_longest(one.rows, other.rows), start=1):
        if row is None or translated is None or row.key != translated.key:
            yield f"{number} is {_told(row)} in the original, and {_told(translated)} in the translation"
            return
        if row.value != translated.value:
            values = " and ".join(" ".join(each.value) or "nothing" for each in (row, translated))
            yield f"{number}, {_told(row)}, has other values: {values}"


def _told(row: Row | None) -> str:
    return "missing" if row is None else " ".join(row.key) or "one without code"


def _table(lines: list[str]) -> Table:
    head = tuple(_cells(lines[0]))
    column = next((place for place, name in enumerate(head) if name in VALUES), None)
    rows = [_cells(line) for line in lines[2:]]
    return Table(
        head,
        tuple(Row(_facts(row[0]), () if column is None else _values(row[column])) for row in rows),
        column is not None,
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELL.findall(line.strip().strip("|"))]


def _facts(cell: str) -> tuple[str, ...]:
    return tuple(_FACT.findall(re.sub(r"\]\([^)]*\)", "]", cell)))


def _values(cell: str) -> tuple[str, ...]:
    return tuple(_SAME.get(word, word) for word in _VALUE.findall(cell))
