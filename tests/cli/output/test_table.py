"""Tables fit the terminal, and count the columns that characters take."""

import unicodedata

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.cli.output.table import Cell, Column, fitted, table, terminal_width, width

_TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("あ漢ｱＡ한🚀é\u0301\u200b"), max_size=40
)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("日次レポート", 12),
        ("ｱｲｳ", 3),
        ("ＡＢＣ", 6),
        ("한국어", 6),
        ("🚀", 2),
        ("か\u3099", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("a\u200bb", 2),
        ("±§…", 3),
    ],
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "shown"),
    [
        ("日次レポート", 12, "日次レポート"),
        ("日次レポート", 11, "日次レポー…"),
        ("日次レポート", 10, "日次レポ…"),
        ("abcdef", 4, "abc…"),
        ("か\u3099き", 3, "か\u3099…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_a_long_text_is_cut(text: str, columns: int, shown: str) -> None:
    assert fitted(text, columns) == shown


@given(_TEXTS, st.integers(0, 60))
def test_a_cut_text_fits(text: str, columns: int) -> None:
    assert width(fitted(text, columns)) <= columns


def lines(*columns: Column, room: int | None = None) -> list[str]:
    return [click.unstyle(line) for line in table(columns, room)]


JOBS = Column("JOB", [Cell("日次 レポートの送信"), Cell("a")], is_elastic=True)
STATUS = Column("STATUS", [Cell("failed", "red"), Cell("completed", "green")])
WHY = Column("WHY", [Cell("connection to example.com:443 refused"), Cell("")], is_elastic=True, rank=1)


def test_columns_begin_below_each_other() -> None:
    assert lines(JOBS, STATUS, WHY) == [
        "JOB                  STATUS     WHY",
        "日次 レポートの送信  failed     connection to example.com:443 refused",
        "a                    completed",
    ]


def test_the_widest_texts_are_cut_first() -> None:
    assert lines(JOBS, STATUS, WHY, room=50) == [
        "JOB                 STATUS     WHY",
        "日次 レポートの送…  failed     connection to exam…",
        "a                   completed",
    ]


def test_a_column_is_left_out_before_others_are_unreadable() -> None:
    assert lines(JOBS, STATUS, WHY, room=25) == [
        "JOB             STATUS",
        "日次 レポート…  failed",
        "a               completed",
    ]


def test_without_rows_there_are_the_heads() -> None:
    empty = [column._replace(cells=[]) for column in (JOBS, STATUS)]
    assert lines(*empty, room=80) == ["JOB  STATUS"]


def test_control_characters_are_escaped_before_they_are_counted() -> None:
    (line,) = lines(Column("A", [Cell("a\x1b[2J\nb")]), Column("B", [Cell("c")]))[1:]
    assert line == r"a\x1b[2J\nb  c"


@given(st.lists(st.tuples(_TEXTS, _TEXTS, _TEXTS), max_size=4), st.integers(30, 120))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, str, str]], room: int) -> None:
    first, second, third = ([Cell(row[index]) for row in rows] for index in range(3))
    shown = lines(
        Column("FIRST", first, is_elastic=True), Column("SECOND", second), Column("THIRD", third, rank=1), room=room
    )
    assert max(map(width, shown)) <= room
    assert all(unicodedata.category(char) != "Cc" for line in shown for char in line)


@pytest.mark.parametrize(("variable", "columns"), [("120", 120), ("", None), ("wide", None)])
def test_the_width_of_the_output(monkeypatch: pytest.MonkeyPatch, variable: str, columns: int | None) -> None:
    monkeypatch.setenv("COLUMNS", variable)
    assert terminal_width() == columns
