"""The ways in which a target may write a text that it was sent: what JSON, HTML, URLs, forms and base64 make of it.

Each writer escapes a little otherwise, and all places of a text in the same way. So there is a list of writers, not one
of every mixture.
"""

import base64
import json
import re
from collections.abc import Iterator
from html.entities import codepoint2name
from itertools import product
from urllib.parse import quote, quote_plus

CORE = 4
"""Characters of base64 from which on a piece counts as one of the text."""
NESTED_LENGTH = 4_096
"""Characters of a text up to which its encodings within each other are listed: they take memory by the hundred."""

_ESCAPE = re.compile(r"(%|\\u|&#x)((?<=%)[0-9A-F]{2}|(?<=u)[0-9a-f]{4}|(?<=x)[0-9A-Fa-f]+)")

_BRACKETS = {"&": "&amp;", "<": "&lt;"}
_PYTHON, _RUBY, _GO, _PHP, _JAVA, *_XML = (
    _BRACKETS | {">": "&gt;", '"': double, "'": single}
    for double, single in (
        ("&quot;", "&#x27;"),
        ("&quot;", "&#39;"),
        ("&#34;", "&#39;"),
        ("&quot;", "&#039;"),
        ("&#034;", "&#039;"),
        ("&quot;", "&apos;"),
        ("&quot;", "'"),
        ('"', "'"),
    )
)
_HTML: tuple[dict[int, str], ...] = tuple(
    str.maketrans(style)
    for style in (
        *(_PYTHON, _RUBY, _GO, _PHP, _JAVA, *_XML),
        *(one | {">": ">"} for one in _XML),
        _GO | {"+": "&#43;"},
        _RUBY | {"/": "&#x2F;", "`": "&#x60;", "=": "&#x3D;"},  # Mustache
        _PYTHON | {"`": "&#x60;", "=": "&#x3D;"},  # Handlebars
        _PYTHON | {"`": "&#x60;"},  # Underscore
        _PYTHON | {"/": "&#x2F;"},  # as OWASP advises
        {"'": "&#39;"},  # JSON in an attribute
    )
)
"""What each writer of HTML or XML makes of ASCII."""


def forms_of(value: str) -> set[str]:
    """The text in its encodings, and those of what many servers see in a header: its UTF-8 read as Latin-1."""
    if value.isascii():
        return _forms(value)
    return _forms(value) | _forms(value.encode().decode("latin-1"))


def _forms(value: str) -> set[str]:
    plain = {value, value.strip(), value.replace("\n", "\r\n"), repr(value)[1:-1]}
    plain |= {line.strip() for line in value.splitlines() if len(line.strip()) >= 8}
    encoded = {form for data in _bytes_of(value) for form in _base64_forms(data)}
    once = plain | encoded | _url_forms(value) | {quote(one, safe="") for one in encoded}
    found = once | {form for one in once for form in (*_json_forms(one), *_html_forms(one))}
    found |= {form for one in _json_forms(value) for form in _json_forms(one)}  # a body that is echoed as text in JSON
    if len(value) <= NESTED_LENGTH:
        found |= {form for one in _html_forms(value) for form in _plain_json(one)}
        found |= {form for one in _plain_json(value) for form in (*_html_forms(one), *_url_forms(one))}
    return {form for one in found for form in (one, _other_case(one))} - {""}


def cores_of(value: str) -> set[str]:
    """The characters of base64 that the text alone determines, for each of the three places where it may begin."""
    cores = set()
    for data, shift in product(_bytes_of(value), range(3)):
        start, end = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
        cores |= {one[start:end] for one in _base64_forms(b"\0" * shift + data)}
    cores |= {form for core in cores for form in (core.replace("/", "\\/"), quote(core, safe=""))}
    return {core for core in cores if len(core) >= CORE}


def _bytes_of(value: str) -> Iterator[bytes]:
    """User and password are sent in UTF-8, or by older clients in Latin-1."""
    yield value.encode()
    if not value.isascii() and max(value) <= "\xff":
        yield value.encode("latin-1")


def _base64_forms(data: bytes) -> set[str]:
    return {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}


def _url_forms(text: str) -> set[str]:
    return {
        *(quote(text, safe=safe) for safe in ("", "/", "!'()*", "/:@!$&'()*+,;=-._~")),
        "".join(letter if letter.isascii() else quote(letter) for letter in text),
        quote_plus(text),
    }


def _json_forms(text: str) -> set[str]:
    """As the usual writers of JSON do it: some escape slashes, or what has a meaning in HTML, or all but ASCII."""
    plain = _plain_json(text)
    for_html = {_escaped(one, letters) for one in _dumped(text) for letters in ("<>&'", "<>&'+", "<>&'+`")}
    quotes = {one.replace('\\"', "\\u0022") for one in plain | for_html}
    return plain | for_html | quotes


def _plain_json(text: str) -> set[str]:
    """As the writers that are most in use do it."""
    dumped = _dumped(text)
    return dumped | {_escaped(one, "<>&") for one in dumped} | {one.replace("/", "\\/") for one in dumped}


def _dumped(text: str) -> set[str]:
    return {json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True)}


def _escaped(text: str, letters: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" if letter in letters else letter for letter in text)


def _html_forms(text: str) -> set[str]:
    """As the usual writers of HTML and XML do it: some write letters beyond ASCII by their numbers or names."""
    beyond = {ord(letter) for letter in text if not letter.isascii()}
    signs = {ord(letter) for letter in text if letter.isascii() and not letter.isalnum()}
    ways = (_decimal, _hexadecimal, _named) if beyond else ()
    letters = [{}, *({code: way(code) for code in beyond} for way in ways)]
    careful = [{code: way(code) for code in beyond | signs} for way in (_decimal, _hexadecimal)]
    return {text.translate(style) for style in (*(one | more for one, more in product(_HTML, letters)), *careful)}


def _decimal(code: int) -> str:
    return f"&#{code};"


def _hexadecimal(code: int) -> str:
    return f"&#x{code:x};"


def _named(code: int) -> str:
    return f"&{codepoint2name[code]};" if code in codepoint2name else chr(code)


def _other_case(text: str) -> str:
    """With the hexadecimal digits of its escapes in the other case."""
    return _ESCAPE.sub(lambda found: found[1] + found[2].swapcase(), text)
