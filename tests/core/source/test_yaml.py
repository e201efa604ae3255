"""YAML with addresses: what is refused, what to write instead, and where it stands."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.bounds import DEEPEST, MOST_IN_DOCUMENT, MOST_IN_FILE, TOO_LONG
from myscheduler.core.source.yaml import Document, YamlError, read_documents


def _read(text: str) -> Document:
    (document,) = read_documents(text)
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a: 1", {"a": 1}, id="int"),
        pytest.param("a: -1.5e+3", {"a": -1500.0}, id="float"),
        pytest.param("a: [0.5, 1., 2.5E-1]", {"a": [0.5, 1.0, 0.25]}, id="floats that every parser reads alike"),
        pytest.param("a: [1.2.3, 1e, e3, 0.5.1, 1-2]", {"a": ["1.2.3", "1e", "e3", "0.5.1", "1-2"]}, id="no numbers"),
        pytest.param("a: [true, False, null, ~, ]", {"a": [True, False, None, None]}, id="constants"),
        pytest.param("a:", {"a": None}, id="nothing"),
        pytest.param("a: '1'\nb: !!str 1", {"a": "1", "b": "1"}, id="marked text"),
        pytest.param("a: 2026-01-01T00:00:00Z", {"a": "2026-01-01T00:00:00Z"}, id="a time is text"),
        pytest.param("on: 1\n1: 2", {"on": 1, "1": 2}, id="keys are text"),
        pytest.param("a: 日本語 🗾", {"a": "日本語 🗾"}, id="Japanese"),
        pytest.param("a: |\n  0123\n  NO\n", {"a": "0123\nNO\n"}, id="block text holds no surprise"),
        pytest.param("a: &x {b: 1}\nc: {<<: *x, d: 2}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}, id="merge key"),
        pytest.param("<<: [{a: 1}, {a: 2, b: 2}]\nb: 3", {"a": 1, "b": 3}, id="earlier merges win, own keys most"),
        pytest.param("'<<': 1", {"<<": 1}, id="a quoted << is a key"),
        pytest.param(f"a: {'9' * 5000}", {"a": TOO_LONG}, id="a number nobody can mean stays a number, to be refused"),
    ],
)
def test_value(text: str, value: Any) -> None:
    document = _read(text)
    assert (document.value, document.complaints) == (value, ())


@pytest.mark.parametrize(
    ("text", "rule", "advice"),
    [
        pytest.param("a: NO", "yaml-surprise", 'write false, or "NO"', id="NO"),
        pytest.param("a: on", "yaml-surprise", 'write true, or "on"', id="on"),
        pytest.param("a: 0123", "yaml-surprise", 'in decimal, or "0123"', id="octal"),
        pytest.param("a: 0x1F", "yaml-surprise", "in decimal", id="hexadecimal"),
        pytest.param("a: 1_000", "yaml-surprise", "in decimal", id="underscore"),
        pytest.param("a: 1:30", "yaml-surprise", 'base-60 number to some YAML parsers: write "1:30"', id="base 60"),
        *(
            pytest.param(f"a: {number}", "yaml-surprise", f'in decimal, or "{number}"', id=number)
            for number in (
                "123456e7",
                "12e03",
                "1e3",
                "1E3",
                "-1e3",
                "1e+3",
                "1.5e3",
                ".5e3",
                "1_0.5",
                "1.0_5",
                "1_0e3",
                "09.5",
                "-09.5",
                "-.5",
                "+.5",
                "1_000.5",
            )
        ),
        pytest.param("a: .nan", "yaml-surprise", "does not exist in JSON", id="NaN"),
        pytest.param("a: !!binary aGk=", "yaml-tag", "remove it", id="tag"),
        pytest.param('a: !vault "x"', "yaml-tag", "not supported: remove it, or put", id="tag of quoted text"),
        pytest.param("a: !Ref {b: 1}", "yaml-tag", "not supported", id="tag of a mapping"),
        pytest.param("b: 1\na: 1\na: 2", "duplicate-key", "first on line 2", id="duplicate key"),
        pytest.param("<<: 1", "yaml-merge", "can merge mappings only", id="merge of a number"),
        pytest.param("? [1]\n: 2", "yaml-key", "must be text", id="list as a key"),
        pytest.param("&a [*a]", "yaml-bomb", "an alias that contains itself", id="self-alias"),
        pytest.param("&a {<<: *a}", "yaml-bomb", "an alias that contains itself", id="merge of itself"),
    ],
)
def test_complaint(text: str, rule: str, advice: str) -> None:
    (complaint,) = _read(text).complaints
    assert complaint.rule == rule
    assert advice in complaint.message


@pytest.mark.parametrize(
    "value",
    [
        {"a": "😀"},
        {"a😀": ["𝔘x😀😀", 1, -2.5, True, False, None, {}], "b": "\\ud83d\\ude00", "c": 'x"\\😀"'},
        ["\\\\ud83d😀", "日本 🗾\n\t"],
    ],
)
@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_what_json_libraries_write_is_read(value: Any, indent: int | str | None) -> None:
    """They escape a character beyond the first plane in two halves."""
    text = json.dumps(value, indent=indent)
    assert _read(text).value == json.loads(text) == value
    assert [one.value for one in read_documents(f"---\n{text}\n---\n{text}")] == [value, value]


def test_places_in_json_stay_where_they_are() -> None:
    text = '{"a\\ud83d\\ude00": "\\ud83d\\ude00\\ud83d\\ude00", "b": 1}'
    assert _read(text).position(("b",)) == (1, text.index("1}") + 1)


def test_bomb() -> None:
    levels = [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]" for n in range(8)]
    document = _read("\n".join(["a: &a [x]", *levels]))
    assert document.value is None
    assert [complaint.rule for complaint in document.complaints] == ["yaml-bomb"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(f"a: [{'a,' * MOST_IN_DOCUMENT}]", "holds more than 200,000 values in one document", id="a list"),
        pytest.param("a: 1\n" * MOST_IN_DOCUMENT, "holds more than 200,000 values in one document", id="a mapping"),
        pytest.param(
            "--- a\n" * (MOST_IN_FILE + 1), "holds more than 1,000,000 values: split the file", id="documents"
        ),
    ],
)
def test_more_than_is_composed(text: str, message: str) -> None:
    """Composed, each would take more than a gigabyte at the size that a file may have."""
    with pytest.raises(YamlError, match=message):
        read_documents(text)


def test_many_documents_that_hold_less_are_read() -> None:
    text = f"--- {{a: [{'1, ' * 100}]}}\n" * 2_000
    assert len(list(read_documents(text))) == 2_000


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        pytest.param("b: 1\na: */5 * * * *", "put the value into quotes, such as '*/5 * * * *'", (2, 4), id="star"),
        pytest.param("a:\n\tb: 1", "YAML doesn't allow tabs", (2, 1), id="tab"),
        pytest.param("a: b: c", "mapping values are not allowed", (1, 5), id="two colons"),
        pytest.param("a: *b", "undefined alias", (1, 4), id="alias"),
        pytest.param("名: 日本\na: x\x01", "doesn't allow (control characters", (2, 5), id="control character"),
        pytest.param("a: 1\n\0---\nb: 1", "doesn't allow", (2, 1), id="NUL hides nothing"),
        pytest.param("a: \ud800", "half of a surrogate pair", (1, 4), id="surrogate"),
        pytest.param('a: "\\ud800"', "holds half of a surrogate pair", (1, 7), id="escaped surrogate"),
        pytest.param(
            'a: "\\ud83d\\ude00"',
            "in two halves, as JSON escapes it: write the character itself, or \\U0001F600",
            (1, 7),
            id="a pair in YAML",
        ),
        pytest.param('{"a": "\\ud83d\\ude00", "b": "\\ude00"}', "half of a surrogate pair", (1, 31), id="and a half"),
    ],
)
def test_not_yaml(text: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(YamlError) as raised:
        read_documents(text)
    assert message in str(raised.value)
    assert (raised.value.line, raised.value.column) in {place, (place[0], place[1] + 1)}  # libyaml versions differ


@pytest.mark.parametrize(
    "start",
    [
        pytest.param("", id="plain"),
        pytest.param("\ufeff", id="byte order mark"),
        pytest.param("? a\n: ", id="complex key"),
        pytest.param("---\r", id="carriage return"),
        pytest.param("--- !!seq\u2028", id="line separator"),
    ],
)
@pytest.mark.parametrize("level", ["- ", "? ", "[", "{a: ", "- ? "])
def test_depth_ends_no_process(start: str, level: str) -> None:
    with pytest.raises(YamlError):
        list(read_documents(start + level * 50_000 + "x"))


def test_depth_by_indentation() -> None:
    def nested(levels: int) -> str:
        return "".join(f"{' ' * n}a:\n" for n in range(levels))

    assert not _read(nested(DEEPEST)).complaints
    with pytest.raises(YamlError, match="nested more than 100"):
        read_documents(nested(DEEPEST + 1))


@pytest.mark.parametrize(
    ("loc", "at_key", "place"),
    [
        pytest.param((), False, (2, 1), id="document"),
        pytest.param(("a",), False, (3, 3), id="value"),
        pytest.param(("a",), True, (2, 1), id="key"),
        pytest.param(("a", "b"), False, (3, 6), id="inner value"),
        pytest.param(("a", "l", 1), False, (4, 10), id="item"),
        pytest.param(("a", "c"), False, (3, 3), id="missing key: around it"),
        pytest.param(("d",), True, (6, 1), id="the last of duplicates"),
    ],
)
def test_position(loc: tuple[str | int, ...], at_key: bool, place: tuple[int, int]) -> None:
    assert _read("# c\na:\n  b: 1\n  l: [x, y]\nd: 1\nd: 2").position(loc, at_key=at_key) == place


def test_empty_documents_are_left_out() -> None:
    values = [document.value for document in read_documents("# only\n---\n---\na: 1\n---\nnull\n...\n---\nb")]
    assert values == [{"a": 1}, "b"]


_PIECES = st.sampled_from(
    [
        "a: ",
        "- ",
        "? ",
        "\n",
        "  ",
        "&a ",
        "*a",
        "<<: ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "|\n",
        "!!int ",
        "!x ",
        "---\n",
        "%",
        "\t",
        "\r",
        "\x00",
        "#",
        "1e999",
        "0x",
        "日本",
        "�",
    ]
)


@given(st.text() | st.lists(_PIECES, max_size=30).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        places = [document.position(("a", 0, "b")) for document in read_documents(text)]
    except YamlError as error:
        places = [(error.line, error.column)]
    assert all(line >= 1 and column >= 1 for line, column in places)
