"""Which values are credentials, by their names or by their looks, and how they are shown: not at all.

A reference, `${secret:NAME}`, is no literal credential: it may be shown, and belongs into a manifest.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import unquote_plus

from myscheduler.core.bounds import LONGEST_FIELD
from myscheduler.core.caching import cached

MASK = "••••"
LONGEST_KEY = 60
"""Characters of a key in a message."""
LOOKED_AT = 1_000
"""Characters of a text of which less is shown: looking for credentials takes long in what has no end."""

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
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
REFERENCE = re.compile(r"(?<!\$)\$\{secret:[^{}\s]{1,300}\}")
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
_USERINFO = re.compile(
    r"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)"
    r"(?:(?P<userinfo>[^/?#\s]*|[^/?#\s@:]+:(?!\d+(?:[/?#\s]|$))[^\s@]{1,200}+)@)?"  # / or # may be in the password
)
PARAMETER = re.compile(
    r"(?<![A-Za-z0-9_.%\[\]-])(?P<name>[A-Za-z0-9_.%\[\]-]+)(?P<is>=)"
    r"(?P<value>(?:\$\{secret:[^{}\s]{1,300}\})+(?=[&#\s;,'\"<>]|$)|[^&\s\"<>]+)"
)
# What begins at each of these places ends soon, as looking on to the end of the text from all of them would take for
# ever. And the beginning alone counts as found: Python's `re` lets no other thread run until something is.
_KEY_ENDS = re.compile(r"[:\uff1a\s]")
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
    words = words_of(name)
    if words and (words[-1] in _ABOUT or words[0] in _POSITIONS):
        return False
    if any(word.removesuffix("s").endswith(_ENDINGS) for word in words) or any(part in name for part in _JAPANESE):
        return True
    return bool(words) and (
        words[-1] in _LAST_WORDS
        or any(first in _KEYS and second in {"key", "keys"} for first, second in pairwise(words))
    )


def words_of(name: str) -> tuple[str, ...]:
    """`X-Api-Key`, `api_key` and `apiKey` are made of the same words."""
    return tuple(word.lower() for word in _WORD.findall(name))


def masked_text(text: str) -> str:
    """A URL or any other text with what looks like a credential replaced by `MASK`."""
    if "@" in text:  # most texts hold no credential, and thousands are looked at
        text = _USERINFO.sub(_masked_login, text)
    if "=" in text:
        text = PARAMETER.sub(_masked_pair, text)
    if '"' in text:
        text = _MEMBER.sub(_masked_member, text)
    return _SHAPES.sub(_masked_shape, text)


def key_shown(key: str) -> str:
    """The key as messages and field names repeat it: up to the first colon or white space, and cut where it is long.

    Where the space behind the colon was forgotten, or the colon is a full-width one, YAML takes the value for a part of
    the key.
    """
    name = _KEY_ENDS.split(key, maxsplit=1)[0]
    text = masked_text(name[:LOOKED_AT])
    return text if name == key and len(text) <= LONGEST_KEY else f"{text[:LONGEST_KEY]}…"


def field_of(loc: Iterable[str | int]) -> str:
    """The dotted name of the field that the keys and places lead to, cut where it is long."""
    name = ".".join(key_shown(part) if isinstance(part, str) else str(part) for part in loc)
    return name if len(name) <= LONGEST_FIELD else f"{name[: LONGEST_FIELD - 1]}…"


def _masked_userinfo(userinfo: str) -> str:
    user, colon, password = userinfo.partition(":")
    if not REFERENCE.search(userinfo):
        return f"{user}:{MASK}" if password else f"{MASK}{colon}"
    split = re.split(r"(?<!\$\{secret):", userinfo, maxsplit=1)  # the colon of a reference parts nothing
    if len(split) == 1:
        return without_literals(userinfo)
    user, password = split
    return f"{user if REFERENCE.search(user) else masked_text(user)}:{without_literals(password)}"


def _masked_login(found: re.Match[str]) -> str:
    if found["userinfo"] is None:
        return found[0]
    return f"{found['scheme']}{_masked_userinfo(found['userinfo'])}@"


def _masked_pair(found: re.Match[str]) -> str:
    if not is_credential_name(unquote_plus(found["name"])):
        return found[0]
    return f"{found['name']}{found['is']}{without_literals(found['value'])}"


def _masked_member(found: re.Match[str]) -> str:
    if found["name"] is None or not is_credential_name(found["name"]):
        return found[0]
    return f'"{found["name"]}"{found["is"]}"{without_literals(found["value"])}"'


def _masked_shape(found: re.Match[str]) -> str:
    if found[0] == "eyJ":
        return found[0]
    scheme = _SCHEME.match(found[0])
    return f"{scheme[0]}{MASK}" if scheme else MASK


def without_literals(value: str) -> str:
    """Only the scheme and the references stay readable."""
    scheme = _SCHEME.match(value)
    start = scheme[0] if scheme else ""
    rest = value[len(start) :]
    parts = REFERENCE.split(rest)
    shown = [MASK if part.strip() else part for part in parts]
    references = [*REFERENCE.findall(rest), ""]
    return start + "".join(part + reference for part, reference in zip(shown, references, strict=True))
