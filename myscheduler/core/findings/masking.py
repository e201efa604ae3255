"""Which values are credentials, by their names or by their looks, and how they are shown: not at all.

A reference, `${secret:NAME}`, is no literal credential: it may be shown, and belongs into a manifest.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote_plus, urlsplit

from myscheduler.core.caching import cached
from myscheduler.core.header_values import texts_of

if TYPE_CHECKING:  # messages about jobs are masked here, so this can't need jobs
    from myscheduler.core.job.spec import JobSpec

from myscheduler.core.bounds import LONGEST_FIELD

MASK = "••••"
DEEPEST = 50
"""What is nested deeper in a body is not looked into, and not shown."""
LONGEST_KEY = 60
"""Characters of a key in a message."""
LOOKED_AT = 1_000
"""Characters of a text of which less is shown: looking for credentials takes long in what has no end."""
Loc = tuple[str | int, ...]

_ENDINGS = (
    "accesskey", "apikey", "authorization", "cookie", "credential", "jwt", "passcode", "passphrase", "passwd",
    "password", "passwort", "privatekey", "pwd", "secret", "secretkey", "signature", "token",
)  # fmt: skip
"""A word that ends like this makes a name that of a credential: `accesstoken`, `X-Client-Secret`, `passwords`."""
_LAST_WORDS = frozenset({"auth", "bearer", "pass", "psk", "pw", "sig"})
_KEYS = frozenset({
    "access", "account", "api", "auth", "encryption", "functions", "master", "private", "secret", "shared", "signing",
    "subscription", "webhook",
})  # fmt: skip
"""What stands before `key` in the name of a credential; `Idempotency-Key` or `sort_key` are none."""
_JAPANESE = ("パスワード", "トークン", "秘密", "暗証")
_ABOUT = frozenset({
    "age", "alg", "algorithm", "at", "budget", "consent", "count", "description", "enabled", "endpoint", "exp",
    "expiration", "expires", "expiry", "field", "file", "format", "header", "headers", "hint", "in", "input", "kind",
    "label", "length", "limit", "method", "name", "param", "path", "policy", "prefix", "required", "reset", "status",
    "ttl", "type", "uri", "url", "usage", "version",
})  # fmt: skip
"""A name that ends so says something about a credential: `token_url`, `password_policy`."""
_POSITIONS = frozenset({
    "continuation", "cursor", "max", "min", "next", "page", "pagination", "prev", "previous", "total",
})  # fmt: skip
"""A name that begins so is a place in a list, or a number: `next_page_token`, `max_tokens`."""
_SPOKEN = ("passcode", "passwd", "password", "passwort", "pwd", "secret")
"""Credentials that may be numbers; `tokens: 5` is a count."""
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_REFERENCE = re.compile(r"(?<!\$)\$\{secret:[^{}\s]{1,300}\}")
_HIDDEN = re.compile(r"(?:(?:[A-Za-z][\w.-]{0,30}(?:\s+|[=:]))*\"?(?<!\$)\$\{secret:[^{}\s]{1,300}\}\"?[\s:;,&]*)+")
"""References, and words before them such as a scheme or the name of a cookie."""
_SCHEME = re.compile(r"^\s*(basic|bearer|digest|token|apikey)\s+", re.IGNORECASE)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[a-z]-[A-Za-z0-9-]{8,}"  # Slack
    r"|sk-(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{16,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"  # OpenAI, Stripe
    r"|whsec_[A-Za-z0-9+/=_-]{16,}"  # Standard Webhooks
    r"|AIza[0-9A-Za-z_-]{30,}|ya29\.[A-Za-z0-9_.-]{16,}"  # Google
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}"  # SendGrid
    r"|npm_[A-Za-z0-9]{30,}|pypi-Ag[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{24,}"  # registries
    r"|eyJ(?:[A-Za-z0-9_-]{8,300}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*)?"  # a JSON web token
    r"|T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}"  # the paths of web hooks: Slack, Discord, Telegram
    r"|(?<=/api/webhooks/)[0-9]+/[A-Za-z0-9_-]{16,}"
    r"|(?<=api\.telegram\.org/)bot[0-9]+:[A-Za-z0-9_-]{16,}"
    r"|(?i:bearer|basic)[ ]+(?=[A-Za-z0-9._~+/-]*[0-9])[A-Za-z0-9._~+/=-]{8,}"
    r")"
    r"|-----BEGIN[A-Z ]* PRIVATE KEY-----(?s:.*?)(?:-----END[A-Z ]* PRIVATE KEY-----|\Z)"
)
_WHOLE = re.compile(r"\s*(?:Bearer|Basic)\s+\S+\s*", re.IGNORECASE)
"""As a header's value a credential, whatever the header's name."""
_USERINFO = re.compile(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)"
    r"(?:(?P<userinfo>[^/?#\s]*|[^/?#\s@:]+:(?!\d+(?:[/?#\s]|$))[^\s@]{1,200}+)@)?"  # / or # may be in the password
)
_PARAMETER = re.compile(
    r"(?<![A-Za-z0-9_.%\[\]-])(?P<name>[A-Za-z0-9_.%\[\]-]+)(?P<is>=)"
    r"(?P<value>(?:\$\{secret:[^{}\s]{1,300}\})+(?=[&#\s;,'\"<>]|$)|[^&\s\"<>]+)"
)
# What begins at each of these places ends soon, as looking on to the end of the text from all of them would take for
# ever. And the beginning alone counts as found: Python's `re` lets no other thread run until something is.
_KEY_ENDS = re.compile(r"[:\s]")
_MEMBER = re.compile(
    r"\"(?:(?P<name>(?:[^\"\\]++|\\.){0,20}+)\"(?P<is>\s*+:\s*+)\"(?P<value>[^\"\\]*+(?:\\.[^\"\\]*+)*+)\")?"
)


def is_credential_name(name: str) -> bool:
    """A header, parameter or key of that name holds a credential: `X-Api-Key`, `accessToken`, `db_password`."""
    return _is_credential_name(name[-LOOKED_AT:])  # what is remembered is short


@cached(4_096)
def _is_credential_name(name: str) -> bool:
    if name.lower().startswith("x-myscheduler-"):
        return False
    words = _words(name)
    if words and (words[-1] in _ABOUT or words[0] in _POSITIONS):
        return False
    if any(word.removesuffix("s").endswith(_ENDINGS) for word in words) or any(part in name for part in _JAPANESE):
        return True
    return bool(words) and (
        words[-1] in _LAST_WORDS
        or any(first in _KEYS and second in {"key", "keys"} for first, second in pairwise(words))
    )


def _words(name: str) -> tuple[str, ...]:
    """`X-Api-Key`, `api_key` and `apiKey` are made of the same words."""
    return tuple(word.lower() for word in _WORD.findall(name))


def literal_credentials(spec: "JobSpec") -> Iterator[tuple[Loc, str]]:
    """Where the spec holds credentials that are written out, and what each is; never the value itself."""
    for loc, text in texts_of(spec.headers):
        if _masked_header(str(loc[0]), text) != text:
            yield ("headers", *loc), f"the header {key_shown(str(loc[0]))}"
    yield from ((("target_url",), what) for what in _in_url(spec.target_url))
    yield from _in_body(spec.body, ("body",), "")
    for name, value in spec.labels.items():
        if masked_text(value) != value:
            yield ("labels", name), f"the label {key_shown(name)}"


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON of a spec, or a part of it, with each literal credential replaced by `MASK`."""
    return {name: _masked_field(name, value) for name, value in values.items()}


def masked_text(text: str) -> str:
    """A URL or any other text with what looks like a credential replaced by `MASK`."""
    if "@" in text:  # most texts hold no credential, and thousands are looked at
        text = _USERINFO.sub(_masked_login, text)
    if "=" in text:
        text = _PARAMETER.sub(_masked_pair, text)
    if '"' in text:
        text = _MEMBER.sub(_masked_member, text)
    return _SHAPES.sub(_masked_shape, text)


def key_shown(key: str) -> str:
    """The key as messages and field names repeat it: up to the first colon or white space, and cut where it is long.

    Where the space behind a colon was forgotten, YAML takes the value for a part of the key.
    """
    name = _KEY_ENDS.split(key, maxsplit=1)[0]
    text = masked_text(name[:LOOKED_AT])
    return text if name == key and len(text) <= LONGEST_KEY else f"{text[:LONGEST_KEY]}…"


def field_of(loc: Iterable[str | int]) -> str:
    """The dotted name of the field that the keys and places lead to, cut where it is long."""
    name = ".".join(key_shown(part) if isinstance(part, str) else str(part) for part in loc)
    return name if len(name) <= LONGEST_FIELD else f"{name[: LONGEST_FIELD - 1]}…"


def _masked_field(name: str, value: Any) -> Any:
    match name, value:
        case "headers", Mapping():
            return {header: _masked_headers(header, texts) for header, texts in value.items()}
        case "labels", Mapping():  # words for people: `secret: none` hides nothing
            return {label: masked_text(text) for label, text in value.items()}
        case "body", _:
            return _masked_body(value, "", 0)
        case "target_url" | "name", str():
            return masked_text(value)
        case _:
            return value


def _masked_headers(name: str, value: Any) -> Any:
    """Several values of one header are a list."""
    return _masked_header(name, value) if isinstance(value, str) else [_masked_header(name, one) for one in value]


def _masked_header(name: str, value: str) -> str:
    if _WHOLE.fullmatch(value) and not _HIDDEN.fullmatch(value.strip()):
        return _without_literals(value)
    return _masked_named(name, value)


def _masked_body(value: Any, name: str, depth: int) -> Any:
    """`name` is the one that the value is judged by."""
    match value:
        case str():
            return _masked_named(name, value)
        case Mapping() | list() | tuple() if depth >= DEEPEST:
            return "…"
        case Mapping():
            return {key: _masked_body(part, under, depth + 1) for key, part, under in _parts(value, name)}
        case list() | tuple():
            return [_masked_body(one, name, depth + 1) for one in value]
        case _:
            return MASK if _is_spoken(name, value) else value


def _parts(values: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any, str]]:
    """Keys and values, with the names that these are judged by: a credential's name counts for all that is below it."""
    for key, part in values.items():
        other = values.get("name", values.get("key")) if key == "value" else None  # {name: password, value: …}
        named = other if isinstance(other, str) else key
        if isinstance(part, Mapping) and _words(named)[-1:] == ("auth",):
            named = name  # how to log in, with names of its own
        yield key, part, name if is_credential_name(name) and not is_credential_name(named) else named


def _is_spoken(name: str, value: Any) -> bool:
    """A number that is a credential; `true` and nothing never are."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_credential_name(name):
        return False
    return any(word.removesuffix("s").endswith(_SPOKEN) for word in _words(name))


def _masked_named(name: str, value: str) -> str:
    return _without_literals(value) if _is_literal(name, value) else masked_text(value)


def _masked_userinfo(userinfo: str) -> str:
    user, colon, password = userinfo.partition(":")
    if not _REFERENCE.search(userinfo):
        return f"{user}:{MASK}" if password else f"{MASK}{colon}"
    split = re.split(r"(?<!\$\{secret):", userinfo, maxsplit=1)  # the colon of a reference parts nothing
    if len(split) == 1:
        return _without_literals(userinfo)
    user, password = split
    return f"{user if _REFERENCE.search(user) else masked_text(user)}:{_without_literals(password)}"


def _masked_login(found: re.Match[str]) -> str:
    if found["userinfo"] is None:
        return found[0]
    return f"{found['scheme']}{_masked_userinfo(found['userinfo'])}@"


def _masked_pair(found: re.Match[str]) -> str:
    if not is_credential_name(unquote_plus(found["name"])):
        return found[0]
    return f"{found['name']}{found['is']}{_without_literals(found['value'])}"


def _masked_member(found: re.Match[str]) -> str:
    if found["name"] is None or not is_credential_name(found["name"]):
        return found[0]
    return f'"{found["name"]}"{found["is"]}"{_without_literals(found["value"])}"'


def _masked_shape(found: re.Match[str]) -> str:
    if found[0] == "eyJ":
        return found[0]
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
    return bool(value.strip()) and not _HIDDEN.fullmatch(value.strip())


def _in_url(url: str) -> Iterator[str]:
    if masked_text(url) == url:
        return
    parts = urlsplit(_REFERENCE.sub("", url))
    is_named = False
    for what in _named_in_url(url, parts):
        is_named = True
        yield what
    if not is_named:
        yield "a part of the URL"


def _named_in_url(url: str, parts: SplitResult) -> Iterator[str]:
    """`parts` are those of the URL without its references."""
    if parts.password:
        yield "the password in the URL"
    elif parts.username and not _REFERENCE.search(url.split("@", maxsplit=1)[0]):
        yield "the user in the URL"
    for found in _PARAMETER.finditer(parts.query):
        if is_credential_name(unquote_plus(found["name"])):
            yield f"the parameter {unquote_plus(found['name'])} of the URL"


def _in_body(value: Any, loc: Loc, name: str) -> Iterator[tuple[Loc, str]]:
    match value:
        case Mapping() | list() | tuple() if len(loc) > DEEPEST:
            return
        case Mapping():
            for key, part, under in _parts(value, name):
                yield from _in_body(part, (*loc, key), under)
        case list() | tuple():
            for place, one in enumerate(value):
                yield from _in_body(one, (*loc, place), name)
        case _ if value != _masked_body(value, name, 0):
            yield loc, field_of(loc)
