"""Values as YAML text: read again they are the same, by this reader and by those of YAML 1.1."""

from textwrap import dedent
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.source.yaml import read_documents
from myscheduler.core.source.yaml_writing import to_yaml
from tests.support.declared import BODIES, TEXTS


def _read(text: str) -> Any:
    (document,) = read_documents(text)
    assert document.complaints == ()
    return document.value


@given(st.dictionaries(TEXTS, BODIES, min_size=1, max_size=4))
def test_what_is_written_is_read_again(values: dict[str, Any]) -> None:
    written = to_yaml(values)
    assert _read(written) == values
    assert yaml.safe_load(written) == values
    assert _read(f"# above\n---\n{written}") == values


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param({"a": "日次 レポート"}, "a: 日次 レポート\n", id="Japanese"),
        pytest.param({"a": "no", "on": "0123"}, "a: 'no'\n'on': '0123'\n", id="booleans and octals"),
        pytest.param({"a": ["1:30", "1e5", "y", "08"]}, "a:\n  - '1:30'\n  - '1e5'\n  - 'y'\n  - '08'\n", id="list"),
        pytest.param({"a": "2026-01-01"}, "a: '2026-01-01'\n", id="date"),
        pytest.param({"a": "5 4 * * *"}, "a: '5 4 * * *'\n", id="cron"),
        pytest.param({"a": {"b": {}, "c": []}}, "a:\n  b: {}\n  c: []\n", id="empty"),
        pytest.param({"a": "x\n  y\n"}, "a: |\n  x\n    y\n", id="lines"),
        pytest.param({"a": "x\ny"}, "a: |-\n  x\n  y\n", id="lines without an end"),
        pytest.param({"a": "x\r\ny"}, 'a: "x\\r\\ny"\n', id="other breaks"),
        pytest.param({"a": "word " * 60}, f"a: '{'word ' * 60}'\n", id="long text stays in a line"),
        pytest.param({"a": 1e-07, "b": 1e20, "c": -0.5}, "a: 1.0e-07\nb: 1.0e+20\nc: -0.5\n", id="numbers"),
    ],
)  # fmt: skip
def test_form(values: dict[str, Any], text: str) -> None:
    assert to_yaml(values) == text


def test_what_stands_twice_is_written_twice() -> None:
    shared = {"x": 1}
    assert to_yaml({"a": shared, "b": shared}) == dedent("""\
        a:
          x: 1
        b:
          x: 1
        """)
