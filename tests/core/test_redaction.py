"""What targets make of a secret, and that nothing of it is left."""

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from myscheduler.core.redaction import REDACTED, Secret, redact, redact_start

VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
AROUND = st.text("ab %&\"'{}", max_size=12)

ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON, all characters": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps({"a": value})),
    "JSON of PHP": lambda value: json.dumps(value).replace("/", "\\/"),
    "JSON of Go": lambda value: (
        json.dumps(value, ensure_ascii=False)
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    ),
    "percent": lambda value: quote(value, safe=""),
    "percent, but slashes": quote,
    "percent, in small letters": lambda value: re.sub("%..", lambda hit: hit[0].lower(), quote(value, safe="")),
    "form": quote_plus,
    "HTML": html.escape,
    "HTML, but quotes": lambda value: html.escape(value, quote=False),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64, escaped": lambda value: quote(base64.b64encode(value.encode()).decode(), safe=""),
    "repr": repr,
}  # fmt: skip


@pytest.mark.parametrize("echo", list(ECHOES))
@given(value=VALUES, before=AROUND, behind=AROUND)
@example(value="p/w+d=<&'\">é", before="", behind="")
@example(value='a\\b"c', before="", behind="")
def test_no_encoding_is_left(echo: str, value: str, before: str, behind: str) -> None:
    told = ECHOES[echo](value).strip("\"'{}\\ :a")
    shown = redact(f"{before}{ECHOES[echo](value)}{behind}", [Secret.of("a", value)])
    assert REDACTED in shown
    assert told not in shown or told in f"{before}{REDACTED}{behind}"


LONG = "s3cr3t-Pa55w0rd/with+some=signs&more"


@pytest.mark.parametrize("user", ["", "u", "us", "use", "user"])
def test_basic_credentials_go_as_a_whole(user: str) -> None:
    token = base64.b64encode(f"{user}:{LONG}".encode()).decode()
    assert redact(f'{{"Authorization": "Basic {token}"}}', [Secret.of("a", LONG)]) == (
        f'{{"Authorization": "Basic {REDACTED}"}}'
    )


def test_the_text_around_stays() -> None:
    secrets = [Secret.of("a", "hunter2"), Secret.of("b", "hunter2-longer")]
    assert redact("x hunter2-longer y hunter2 z hunter22", secrets) == (
        f"x {REDACTED} y {REDACTED} z {REDACTED}2"
    )  # fmt: skip
    assert redact("nothing here", secrets) == "nothing here"


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        pytest.param("ab", "cab", f"c{REDACTED}", id="short ones go too"),
        pytest.param("aaa", "aaaaab", f"{REDACTED}b", id="overlapping ones"),
        pytest.param(" padded ", "(padded)", f"({REDACTED})", id="white space that a header loses"),
        pytest.param("line one!\nline two!", "- line two!\n", f"- {REDACTED}\n", id="a line of several"),
        pytest.param("é", '"\\u00E9"', f'"{REDACTED}"', id="escapes in large letters"),
        pytest.param("a<'b", "a&lt;&#39;b", "a&lt;&#39;b", id="not every mixture is known"),
    ],
)
def test_values(value: str, text: str, shown: str) -> None:
    assert redact(text, [Secret.of("a", value)]) == shown


@given(st.integers(0, 80), st.sampled_from([str, lambda value: base64.b64encode(f"u:{value}".encode()).decode()]))
def test_a_cut_leaves_nothing_of_it(cut: int, echo: Callable[[str], str]) -> None:
    secret = Secret.of("a", LONG)
    told = echo(LONG)
    shown = redact_start(f"before {told} behind", [secret], cut, whole=True)
    assert shown in {"before "[:cut], f"before {REDACTED}", f"before {REDACTED} behind"[: cut - len(told) + 10]}


@given(st.integers(1, len(LONG)))
def test_an_answer_that_breaks_off_leaves_nothing_of_it(count: int) -> None:
    secret = Secret.of("a", LONG)
    text = f"before {LONG[:count]}"
    assert redact_start(text, [secret], len(text), whole=False) == f"before {REDACTED}"
    assert redact_start(text, [secret], len(text), whole=True) == (f"before {REDACTED}" if count == len(LONG) else text)


def test_a_secret_of_the_largest_size_takes_no_time_that_matters() -> None:
    secret = Secret.of("a", "ab" * 32_000)
    assert redact_start("ab" * 2_000, [secret], 4_000, whole=False) == REDACTED


def test_it_does_not_tell_itself() -> None:
    assert LONG not in repr(Secret.of("a", LONG))
    assert repr(Secret.of("a", LONG)) == "Secret(name='a')"
