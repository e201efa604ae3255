"""What targets make of a secret, and that nothing of it is left."""

import base64
import html
import json
import re
from collections.abc import Callable
from html.entities import codepoint2name
from urllib.parse import quote, quote_plus
from xml.etree.ElementTree import Element, tostring

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from myscheduler.core.secrets.redaction import REDACTED, Secret, redact, redact_start

VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
AROUND = st.text("ab %&\"'{}", max_size=12)


def in_html(value: str, *more: str) -> str:
    """`&` and `<` are escaped in all HTML; what else is, is given as the character and what is written for it."""
    return value.translate({ord(one[0]): one[1:] for one in ("&&amp;", "<&lt;", *more)})


def xml(value: str, *, is_text: bool, encoding: str = "unicode") -> str:
    """What a real writer makes of it, without the element around."""
    element = Element("a", {} if is_text else {"b": value})
    element.text = value if is_text else "c"
    written = tostring(element, encoding=encoding)
    text = written.decode().partition("?>\n")[2] or written.decode() if isinstance(written, bytes) else written
    return text.removeprefix("<a>").removesuffix("</a>") if is_text else text[len('<a b="') : -len('">c</a>')]


def narrow(value: str) -> str:
    return "latin-1" if max(value) <= "\xff" else "utf-8"


ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON, all characters": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value)),
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
    "HTML of Jinja and Go": lambda value: in_html(value, '"&#34;', "'&#39;", ">&gt;"),
    "HTML of Ruby": lambda value: in_html(value, '"&quot;', "'&#39;", ">&gt;"),
    "HTML of PHP": lambda value: in_html(value, '"&quot;', "'&#039;", ">&gt;"),
    "HTML of PHP, but single quotes": lambda value: in_html(value, '"&quot;', ">&gt;"),
    "HTML of PHP, with all names": lambda value: "".join(
        f"&{codepoint2name[ord(one)]};" if ord(one) in codepoint2name else one for one in value
    ).replace("'", "&#039;"),
    "HTML of Java": lambda value: in_html(value, '"&#034;', "'&#039;", ">&gt;"),
    "HTML of Mustache": lambda value: in_html(value, '"&quot;', "'&#39;", ">&gt;", "/&#x2F;", "`&#x60;", "=&#x3D;"),
    "HTML of Handlebars": lambda value: in_html(value, '"&quot;', "'&#x27;", ">&gt;", "`&#x60;", "=&#x3D;"),
    "HTML of OWASP": lambda value: in_html(value, '"&quot;', "'&#x27;", ">&gt;", "/&#x2F;"),
    "HTML of numbers": lambda value: "".join(
        one if one.isascii() and one.isalnum() else f"&#{ord(one)};" for one in value
    ),
    "XML": lambda value: in_html(value, '"&quot;', "'&apos;", ">&gt;"),
    "XML, but >": lambda value: in_html(value, '"&quot;', "'&apos;"),
    "XML, but > and quotes": in_html,
    "XML, text": lambda value: xml(value, is_text=True),
    "XML, attribute": lambda value: xml(value, is_text=False),
    "XML, in ASCII": lambda value: xml(value, is_text=True, encoding="ascii"),
    "XML, attribute in ASCII": lambda value: xml(value, is_text=False, encoding="ascii"),
    "XML, in hexadecimal": lambda value: "".join(
        one if one.isascii() else f"&#x{ord(one):X};" for one in in_html(value, ">&gt;")
    ),
    "HTML in JSON": lambda value: json.dumps(in_html(value, '"&#34;', "'&#39;", ">&gt;")),
    "HTML of PHP in JSON of PHP": lambda value: json.dumps(in_html(value, '"&quot;', "'&#039;", ">&gt;")).replace(
        "/", "\\/"
    ),
    "HTML in JSON of Go": lambda value: json.dumps(in_html(value, '"&#34;', "'&#39;", ">&gt;")).replace("&", "\\u0026"),
    "XML in JSON": lambda value: json.dumps(xml(value, is_text=True, encoding="ascii")),
    "JSON in HTML": lambda value: in_html(json.dumps(value), '"&#34;', "'&#39;", ">&gt;"),
    "JSON in HTML, all characters": lambda value: html.escape(json.dumps(value, ensure_ascii=False)),
    "JSON in XML": lambda value: in_html(json.dumps(value), ">&gt;"),
    "form in HTML": lambda value: in_html(quote(value, safe="!'()*"), '"&#34;', "'&#39;"),
    "repr in HTML": lambda value: in_html(repr(value), '"&#34;', "'&#39;", ">&gt;"),
    "percent of JSON": lambda value: quote(json.dumps(value), safe=""),
    "percent of JSON, all characters": lambda value: quote(json.dumps(value, ensure_ascii=False)),
    "form of JSON": lambda value: quote_plus(json.dumps(value, ensure_ascii=False)),
    "base64 of Latin-1": lambda value: base64.b64encode(value.encode(narrow(value))).decode(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64, escaped": lambda value: quote(base64.b64encode(value.encode()).decode(), safe=""),
    "repr": repr,
}  # fmt: skip


@given(value=VALUES, before=AROUND, behind=AROUND)
@example(value="p/w+d=<&'\">é", before="", behind="")
@example(value='a\\b"c', before="", behind="")
@example(value="Pass'word&\"12345", before="", behind="")
@example(value="ä<€\"'>&/`=+ 😀", before="", behind="")
def test_no_encoding_is_left(value: str, before: str, behind: str) -> None:
    secret = Secret.of("a", value)  # finding its forms takes longest, so each value is tried in all the encodings
    quotes = 2 * len("&quot;")  # no writer puts more around it, so all else would be left of the value
    for name, echo in ECHOES.items():
        told = echo(value).strip("\"'{}\\ :a")
        shown = redact(f"{before}{echo(value)}{behind}", [secret])
        assert REDACTED in shown, name
        assert len(shown.replace(REDACTED, "")) <= len(before + behind) + quotes, name
        assert told not in shown or told in f"{before}{REDACTED}{behind}", name


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
        pytest.param("Pass'word&\"1", "Pass&#39;word&amp;&#34;1", REDACTED, id="HTML of Jinja"),
        pytest.param("a'b", "a&#X27;b &#x27;", "a&#X27;b &#x27;", id="not every spelling is known"),
        pytest.param("a<''b", "a&lt;&#39;&apos;b", "a&lt;&#39;&apos;b", id="nor every mixture"),
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


@pytest.mark.parametrize("echo", [str, json.dumps, html.escape, quote])
def test_utf8_that_was_read_as_latin_1_is_found(echo: Callable[[str], str]) -> None:
    """As most servers read headers."""
    secret = Secret.of("KEY", "pässword-日本")
    misread = secret.value.encode().decode("latin-1")
    assert redact(f"X: {echo(misread)}.", [secret]).replace('"', "") == f"X: {REDACTED}."
