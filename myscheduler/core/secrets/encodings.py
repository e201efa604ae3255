"""The encodings in which a target may return a text that it received: JSON, HTML, URLs, forms and base64.

Encoders differ in what they escape, but each one treats a whole text in the same way. So the text is encoded once as
each known encoder does it, not in every combination of escapes.
"""

import base64
import json
import re
from collections.abc import Iterator
from html.entities import codepoint2name
from itertools import product
from urllib.parse import quote, quote_plus

CORE = 4
"""The fewest characters of base64 that are recognised as a part of the text."""
NESTED_LENGTH = 4_096
"""The longest text, in characters, for which nested encodings are listed: they take a hundred times its memory."""

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
"""The ASCII characters that each encoder of HTML or XML escapes."""


def forms_of(value: str) -> set[str]:
    """The text in all its encodings, and those of its UTF-8 read as Latin-1, as many servers read a header."""
    if value.isascii():
        return _forms(value)
    return _forms(value) | _forms(value.encode().decode("latin-1"))


def _forms(value: str) -> set[str]:
    plain = {value, value.strip(), value.replace("\n", "\r\n"), repr(value)[1:-1]}
    plain |= {line.strip() for line in value.splitlines() if len(line.strip()) >= 8}
    encoded = {form for data in _bytes_of(value) for form in _base64_forms(data)}
    once = plain | encoded | _url_forms(value) | {quote(one, safe="") for one in encoded}
    found = once | {form for one in once for form in (*_json_forms(one), *_html_forms(one))}
    found |= {form for one in _json_forms(value) for form in _json_forms(one)}  # a JSON body echoed as a JSON string
    if len(value) <= NESTED_LENGTH:
        found |= {form for one in _html_forms(value) for form in _plain_json(one)}
        found |= {form for one in _plain_json(value) for form in (*_html_forms(one), *_url_forms(one))}
    return {form for one in found for form in (one, _other_case(one))} - {""}


def cores_of(value: str) -> set[str]:
    """The base64 of the text within a longer one: the characters that depend on the text alone.

    There is one for each of the three offsets at which the text may begin in a group of three bytes.
    """
    cores = set()
    for data, shift in product(_bytes_of(value), range(3)):
        start, end = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
        cores |= {one[start:end] for one in _base64_forms(b"\0" * shift + data)}
    cores |= {form for core in cores for form in (core.replace("/", "\\/"), quote(core, safe=""))}
    return {core for core in cores if len(core) >= CORE}


def _bytes_of(value: str) -> Iterator[bytes]:
    """The text in UTF-8 and, if possible, in Latin-1, in which some clients send user and password."""
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
    """The text as common JSON encoders write it: some escape slashes, or characters special in HTML, or non-ASCII."""
    plain = _plain_json(text)
    for_html = {_escaped(one, letters) for one in _dumped(text) for letters in ("<>&'", "<>&'+", "<>&'+`")}
    quotes = {one.replace('\\"', "\\u0022") for one in plain | for_html}
    return plain | for_html | quotes


def _plain_json(text: str) -> set[str]:
    """The text as the most common JSON encoders write it."""
    dumped = _dumped(text)
    return dumped | {_escaped(one, "<>&") for one in dumped} | {one.replace("/", "\\/") for one in dumped}


def _dumped(text: str) -> set[str]:
    return {json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True)}


def _escaped(text: str, letters: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" if letter in letters else letter for letter in text)


def _html_forms(text: str) -> set[str]:
    """The text as common encoders of HTML and XML write it: some write non-ASCII letters as numbers or names."""
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
    """The text with the hexadecimal digits of its escapes in the other case."""
    return _ESCAPE.sub(lambda found: found[1] + found[2].swapcase(), text)
