"""Recognises credentials, by the name or by the form of a value, and masks them in all texts that are shown.

A reference, `${secret:NAME}`, is not a credential: it belongs in a manifest and may be shown.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import unquote_plus

from myscheduler.core.bounds import LONGEST_FIELD
from myscheduler.core.caching import cached

MASK = "••••"
LONGEST_KEY = 60
"""The most characters of a key that a message shows."""
LOOKED_AT = 1_000
"""How many characters of a text are searched for credentials, if fewer are shown: it takes long in a huge text."""

_ENDINGS = (
    "accesskey", "apikey", "authorization", "cookie", "credential", "jwt", "passcode", "passphrase", "passwd",
    "password", "passwort", "privatekey", "pwd", "secret", "secretkey", "signature", "token",
)  # fmt: skip
"""A name is that of a credential if one of its words ends like this: `accesstoken`, `X-Client-Secret`, `passwords`."""
_LAST_WORDS = frozenset({"auth", "bearer", "pass", "psk", "pw", "sig"})
_KEYS = frozenset({
    "access", "account", "api", "auth", "encryption", "functions", "master", "private", "secret", "shared", "signing",
    "subscription", "webhook",
})  # fmt: skip
"""Words that make the name of a credential when `key` follows them; `Idempotency-Key` or `sort_key` are not."""
_JAPANESE = ("パスワード", "トークン", "秘密", "暗証")
_ABOUT = frozenset({
    "age", "alg", "algorithm", "at", "budget", "consent", "count", "description", "enabled", "endpoint", "exp",
    "expiration", "expires", "expiry", "field", "file", "format", "header", "headers", "hint", "in", "input", "kind",
    "label", "length", "limit", "method", "name", "param", "path", "policy", "prefix", "required", "reset", "status",
    "ttl", "type", "uri", "url", "usage", "version",
})  # fmt: skip
"""A name that ends with one of these words is about a credential, but holds none: `token_url`, `password_policy`."""
_POSITIONS = frozenset({
    "continuation", "cursor", "max", "min", "next", "page", "pagination", "prev", "previous", "total",
})  # fmt: skip
"""A name that begins with one of these words is a position in a list, or a number: `next_page_token`, `max_tokens`."""
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
REFERENCE = re.compile(r"(?<!\$)\$\{secret:[^{}\s]{1,300}\}")
_SCHEME = re.compile(r"^\s*(basic|bearer|digest|token|apikey)\s+", re.IGNORECASE)
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[a-z]-[A-Za-z0-9-]{8,}"  # Slack
    r"|sk-(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{16,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"  # OpenAI, Stripe
    r"|whs(?:ec|k)_[A-Za-z0-9+/=_-]{16,}"  # Standard Webhooks
    r"|AIza[0-9A-Za-z_-]{30,}|ya29\.[A-Za-z0-9_.-]{16,}"  # Google
    r"|SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}"  # SendGrid
    r"|msk_[a-z2-7]{16}_[A-Za-z0-9_-]{16,}"  # MyScheduler
    r"|npm_[A-Za-z0-9]{30,}|pypi-Ag[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{24,}"  # registries
    r"|eyJ(?:[A-Za-z0-9_-]{8,300}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*)?"  # a JSON web token
    r"|T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{16,}"  # the paths of web hooks: Slack, Discord, Telegram
    r"|(?<=/api/webhooks/)[0-9]+/[A-Za-z0-9_-]{16,}"
    r"|(?<=/ping/)[A-Za-z0-9_-]{16,}"  # of ours, and of Healthchecks
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
# A match that begins at each of these places ends soon: searching to the end of the text from each of them would take
# quadratic time. The beginning alone counts as a match, as Python's `re` holds the GIL until it finds one.
_KEY_ENDS = re.compile(r"[:\uff1a\s]")
_MEMBER = re.compile(
    r"\"(?:(?P<name>(?:[^\"\\]++|\\.){0,20}+)\"(?P<is>\s*+:\s*+)\"(?P<value>[^\"\\]*+(?:\\.[^\"\\]*+)*+)\")?"
)


def is_credential_name(name: str) -> bool:
    """Whether a header, parameter or key of that name is a credential: `X-Api-Key`, `accessToken`, `db_password`."""
    return _is_credential_name(name[-LOOKED_AT:])  # keeps the keys of the cache short


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
    """The words of a name in lower case, whatever its notation: `api_key` and `apiKey` have the same words."""
    return tuple(word.lower() for word in _WORD.findall(name))


def masked_text(text: str) -> str:
    """A URL or any other text, with everything that looks like a credential replaced by `MASK`."""
    if "@" in text:  # a cheap check first: thousands of texts are masked, and most hold no credential
        text = _USERINFO.sub(_masked_login, text)
    if "=" in text:
        text = PARAMETER.sub(_masked_pair, text)
    if '"' in text:
        text = _MEMBER.sub(_masked_member, text)
    return _SHAPES.sub(_masked_shape, text)


def key_shown(key: str) -> str:
    """The key as messages and field names show it: up to the first colon or white space, shortened and masked.

    If the space after the colon is missing, or the colon is a full-width one, YAML reads the value as part of the key.
    """
    name = _KEY_ENDS.split(key, maxsplit=1)[0]
    text = masked_text(name[:LOOKED_AT])
    return text if name == key and len(text) <= LONGEST_KEY else f"{text[:LONGEST_KEY]}…"


def field_of(loc: Iterable[str | int]) -> str:
    """The dotted name (`cron.hour`) of the field that the keys and indexes lead to, shortened if it is long."""
    name = ".".join(key_shown(part) if isinstance(part, str) else str(part) for part in loc)
    return name if len(name) <= LONGEST_FIELD else f"{name[: LONGEST_FIELD - 1]}…"


def _masked_userinfo(userinfo: str) -> str:
    user, colon, password = userinfo.partition(":")
    if not REFERENCE.search(userinfo):
        return f"{user}:{MASK}" if password else f"{MASK}{colon}"
    split = re.split(r"(?<!\$\{secret):", userinfo, maxsplit=1)  # not at the colon within a reference
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
    """The value with only its scheme (such as `Bearer`) and its references unmasked."""
    scheme = _SCHEME.match(value)
    start = scheme[0] if scheme else ""
    rest = value[len(start) :]
    parts = REFERENCE.split(rest)
    shown = [MASK if part.strip() else part for part in parts]
    references = [*REFERENCE.findall(rest), ""]
    return start + "".join(part + reference for part, reference in zip(shown, references, strict=True))
