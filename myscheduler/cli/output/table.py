"""Tables of text that fit the terminal, also with characters that take two columns of it."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click

from myscheduler.core.findings.problem import printable

_GAP = 2
_NARROWEST = 8
"""No column is made narrower than this, in columns of the terminal."""
_INVISIBLE = frozenset({"Mn", "Me", "Cf"})
"""Categories of characters that take no column: they combine with the one before, or are not shown."""


class Cell(NamedTuple):
    """The text of a cell, which may contain anything, and its colour."""

    text: str
    colour: str | None = None


class Column(NamedTuple):
    """A column of a table; all have the same number of cells."""

    head: str
    cells: Sequence[Cell]
    is_elastic: bool = False
    """Whether its texts are cut before those of other columns are."""
    rank: int = 0
    """Where there is no room, columns are left out: the one with the highest rank first, those with 0 never."""


def width(text: str) -> int:
    """How many columns of a terminal a text without control characters takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in _INVISIBLE:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def fitted(text: str, columns: int) -> str:
    """The text, cut so that it takes at most so many columns; `…` is where it was cut."""
    if width(text) <= columns:
        return text
    kept, left = [], columns - 1
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + "…" * (columns > 0)


def terminal_width() -> int | None:
    """The columns of the terminal; `None` if the output goes elsewhere and `COLUMNS` does not say how wide it is."""
    if os.environ.get("COLUMNS", "").isdecimal() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def table(columns: Sequence[Column], room: int | None) -> Iterator[str]:
    """The lines of a table that takes at most `room` columns of the terminal, if that is given."""
    shown = [_printable(column) for column in columns]
    widths = [_widest(column) for column in shown]
    if room is not None:
        shown = _chosen(shown, room)
        widths = _narrowed([_widest(column) for column in shown], [column.is_elastic for column in shown], room)
    yield _line([Cell(column.head) for column in shown], widths, bold=True)
    for row in zip(*(column.cells for column in shown), strict=True):
        yield _line(row, widths)


def _printable(column: Column) -> Column:
    return column._replace(cells=[Cell(printable(cell.text), cell.colour) for cell in column.cells])


def _widest(column: Column) -> int:
    return max(width(column.head), *(width(cell.text) for cell in column.cells), 0)


def _chosen(columns: list[Column], room: int) -> list[Column]:
    """The columns for which there is room, if the elastic ones are cut as far as they may be."""
    least = sum(_least(column) for column in columns) + _GAP * (len(columns) - 1)
    highest = max(columns, key=lambda column: column.rank)
    if least <= room or not highest.rank:
        return columns
    return _chosen([column for column in columns if column is not highest], room)


def _least(column: Column) -> int:
    widest = _widest(column)
    return min(widest, _NARROWEST) if column.is_elastic else widest


def _line(row: Sequence[Cell], widths: Sequence[int], *, bold: bool = False) -> str:
    parts = []
    for cell, columns in zip(row, widths, strict=True):
        text = fitted(cell.text, columns)
        styled = click.style(text, fg=cell.colour, bold=bold or None) if cell.colour or bold else text
        parts.append(styled + " " * (columns - width(text)))
    return (" " * _GAP).join(parts).rstrip(" ")


def _narrowed(widths: Sequence[int], elastic: Sequence[bool], room: int) -> list[int]:
    """The widths, of which the largest elastic ones are reduced until all fit, then the largest of all."""
    left = room - _GAP * (len(widths) - 1)
    found = [min(one, max(left, _NARROWEST)) for one in widths]
    everywhere = [True] * len(found)
    for may_shrink in (elastic, everywhere):
        _shrink(found, may_shrink, sum(found) - left)
    return found


def _shrink(widths: list[int], may_shrink: Sequence[bool], excess: int) -> None:
    for _ in range(excess):
        allowed = [index for index, one in enumerate(widths) if may_shrink[index] and one > _NARROWEST]
        if not allowed:
            return
        widths[max(allowed, key=widths.__getitem__)] -= 1
