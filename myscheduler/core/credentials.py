"""Which values are credentials, by their names or by their looks, and how they are shown: not at all.

A reference, `${secret:NAME}`, is no literal credential: it may be shown, and belongs into a manifest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from myscheduler.core.job import JobSpec

MASK = "••••"
DEEPEST = 50
"""What is nested deeper in a body is not looked into, and not shown."""
Loc = tuple[str | int, ...]

_WORDS = frozenset({
    "apikey", "authorization", "cookie", "credential", "credentials", "passphrase", "passwd", "password", "passwort",
    "pwd", "secret", "sig", "signature", "token",
})  # fmt: skip
_PAIRS = frozenset({("access", "key"), ("api", "key"), ("auth", "key"), ("private", "key"), ("signing", "key")})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_REFERENCE = re.compile(r"(?<!\$)\$\{secret:[^}]*\}")
_SCHEME = re.compile(r"^\s*(basic|bearer|digest|token|apikey)\s+", re.IGNORECASE)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[abeprs]-[A-Za-z0-9-]{10,}"  # Slack
    r"|sk-[A-Za-z0-9_-]{16,}|(?:sk|rk)_live_[A-Za-z0-9]{16,}"  # OpenAI, Stripe
    r"|AIza[0-9A-Za-z_-]{30,}"  # Google
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # a JSON web token
    r"|T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}"  # the path of a Slack web hook
    r"|(?i:bearer|basic)[ ]+(?=[A-Za-z0-9._~+/-]*[0-9])[A-Za-z0-9._~+/=-]{8,}"
    r")"
    r"|-----BEGIN[A-Z ]* PRIVATE KEY-----(?s:.*?)(?:-----END[A-Z ]* PRIVATE KEY-----|\Z)"
)
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<userinfo>[^/?#\s]*)@")
_PARAMETER = re.compile(r"(?P<name>[A-Za-z0-9_.%\[\]-]+)(?P<is>=)(?P<value>[^&#\s\"'<>;]+)")
_MEMBER = re.compile(r"\"(?P<name>(?:[^\"\\]|\\.)*)\"(?P<is>\s*:\s*)\"(?P<value>(?:[^\"\\]|\\.)*)\"")


def is_credential_name(name: str) -> bool:
    """A header, parameter or key of that name holds a credential: `X-Api-Key`, `accessToken`, `db_password`."""
    words = [word.lower() for word in _WORD.findall(name)]
    return any(word in _WORDS for word in words) or any(pair in _PAIRS for pair in pairwise(words))


def literal_credentials(spec: JobSpec) -> Iterator[tuple[Loc, str]]:
    """Where the spec holds credentials that are written out, and what each is; never the value itself."""
    for name, value in spec.headers.items():
        if _masked_named(name, value) != value:
            yield ("headers", name), f"the header {name}"
    yield from ((("target_url",), what) for what in _in_url(spec.target_url))
    yield from _in_body(spec.body, ("body",))


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a spec, or a part of it, with each literal credential replaced by `MASK`."""
    return {name: _masked_field(name, value) for name, value in values.items()}


def masked_text(text: str) -> str:
    """A URL or any other text with what looks like a credential replaced by `MASK`."""
    text = _USERINFO.sub(lambda found: f"{found['scheme']}{_masked_userinfo(found['userinfo'])}@", text)
    text = _PARAMETER.sub(_masked_pair, text)
    text = _MEMBER.sub(_masked_member, text)
    return _SHAPES.sub(_masked_shape, text)


def _masked_field(name: str, value: Any) -> Any:
    if name == "headers" and isinstance(value, Mapping):
        return {header: _masked_named(header, text) for header, text in value.items()}
    if name == "body":
        return _masked_body(value)
    return masked_text(value) if name == "target_url" and isinstance(value, str) else value


def _masked_body(value: Any, name: str = "", depth: int = 0) -> Any:
    match value:
        case str():
            return _masked_named(name, value)
        case Mapping() | list() | tuple() if depth >= DEEPEST:
            return "…"
        case Mapping():
            return {key: _masked_body(one, str(key), depth + 1) for key, one in value.items()}
        case list() | tuple():
            return [_masked_body(one, name, depth + 1) for one in value]
        case _:
            return value


def _masked_named(name: str, value: str) -> str:
    return _without_literals(value) if _is_literal(name, value) else masked_text(value)


def _masked_userinfo(userinfo: str) -> str:
    user, colon, password = userinfo.partition(":")
    if not _REFERENCE.search(userinfo):
        return f"{user}:{MASK}" if colon else MASK
    split = re.split(r":(?![^{]*\})", userinfo, maxsplit=1)  # the colon of a reference parts nothing
    if len(split) == 1:
        return _without_literals(userinfo)
    user, password = split
    return f"{user if _REFERENCE.search(user) else masked_text(user)}:{_without_literals(password)}"


def _masked_pair(found: re.Match[str]) -> str:
    if not is_credential_name(unquote(found["name"])):
        return found[0]
    return f"{found['name']}{found['is']}{_without_literals(found['value'])}"


def _masked_member(found: re.Match[str]) -> str:
    if not is_credential_name(found["name"]):
        return found[0]
    return f'"{found["name"]}"{found["is"]}"{_without_literals(found["value"])}"'


def _masked_shape(found: re.Match[str]) -> str:
    scheme = _SCHEME.match(found[0])
    return f"{scheme[0]}{MASK}" if scheme else MASK


def _without_literals(value: str) -> str:
    """Only the scheme and the references stay readable."""
    scheme = _SCHEME.match(value)
    start = scheme[0] if scheme else ""
    rest = value[len(start) :]
    parts = _REFERENCE.split(rest)
    shown = [MASK if part.strip() else part for part in parts]
    references = [*_REFERENCE.findall(rest), ""]
    return start + "".join(part + reference for part, reference in zip(shown, references, strict=True))


def _is_literal(name: str, value: str) -> bool:
    """Under a credential's name: some of it is written out."""
    if not is_credential_name(name):
        return False
    return bool(_REFERENCE.sub("", _SCHEME.sub("", value)).strip(" :"))


def _in_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(_REFERENCE.sub("", url))
        user, password = parts.username, parts.password
    except ValueError:
        return
    if password:
        yield "the password in the URL"
    elif user and "@" in url and not _REFERENCE.search(url.split("@", maxsplit=1)[0]):
        yield "the user in the URL"
    for found in _PARAMETER.finditer(parts.query):
        if is_credential_name(unquote(found["name"])):
            yield f"the parameter {unquote(found['name'])} of the URL"
    if _SHAPES.search(parts.path):
        yield "a part of the URL's path"


def _in_body(value: Any, loc: Loc) -> Iterator[tuple[Loc, str]]:
    match value:
        case str() if value != _masked_body(value, str(loc[-1]) if len(loc) > 1 else ""):
            yield loc, f"{'.'.join(str(part) for part in loc)}"
        case _ if len(loc) > DEEPEST:
            return
        case Mapping():
            for key, one in value.items():
                yield from _in_body(one, (*loc, str(key)))
        case Sequence() if not isinstance(value, str):
            for place, one in enumerate(value):
                yield from _in_body(one, (*loc, place))
        case _:
            return
