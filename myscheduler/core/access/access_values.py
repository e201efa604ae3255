"""The values of single fields in `access.yaml`. Each function parses one, and raises `FieldError` if it is wrong."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from myscheduler.core.access.allowed_hosts import is_loopback
from myscheduler.core.access.issuers import ALGORITHMS
from myscheduler.core.access.roles import Role
from myscheduler.core.access.tokens import is_hash, is_id
from myscheduler.core.bounds import LONGEST_RULED, LONGEST_URL
from myscheduler.core.calls.hosts import called_host
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import LONGEST_SHOWN, did_you_mean, shown
from myscheduler.core.schedule.timestamps import has_offset, parse_timestamp
from myscheduler.errors import ScheduleError

MOST_AUDIENCES = 20
EXAMPLES: Mapping[str, str] = {
    "name": "ci",
    "id": "abcdefghij234567, as `myscheduler token create --declare` prints it",
    "hash": "followed by the 64 digits that `myscheduler token create --declare` prints",
    "role": "viewer, operator, editor or admin",
    "issuer": "https://login.example.com",
    "audience": "myscheduler",
    "rules": "[{claim: groups, value: platform, role: operator}]",
    "claim": "groups",
    "value": "platform",
}
"""What to write for each field that an entry needs."""
_KUBERNETES = frozenset({"kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"})


class FieldError(Exception):
    """A value is invalid. `loc` is the path of the wrong part within it."""

    def __init__(self, message: str, *loc: str | int) -> None:
        super().__init__(message)
        self.loc = loc


def name(written: Any) -> str:
    text = _text(written, "ci")
    if not text.isprintable() or text != text.strip():
        raise FieldError("has to be printable, without spaces around it: it appears in the audit trail")
    return text


def token_id(written: Any) -> str:
    if not isinstance(written, str) or not is_id(written):
        raise FieldError(f"is not the id of a token (16 characters, a to z and 2 to 7): write id: {EXAMPLES['id']}")
    return written


def token_hash(written: Any) -> str:
    """The hash of a token's secret. Messages never show what was written: it may be the secret itself."""
    if not isinstance(written, str) or not is_hash(written):
        raise FieldError(
            "is not a SHA-256 (64 digits, 0 to 9 and a to f): write what `myscheduler token create --declare` prints, "
            "and never the token itself"
        )
    return written


def role(written: Any) -> Role:
    if not isinstance(written, str) or written not in list(Role):
        near = did_you_mean(written, map(str, Role)) if isinstance(written, str) else ""
        raise FieldError(f"{shown(written)} is not one of {', '.join(Role)}{near}")
    return Role(written)


def moment(written: Any) -> datetime:
    """An instant, in UTC. The offset is required: who reads the file should see when it is, whatever the zone."""
    try:
        if isinstance(written, str) and has_offset(written):
            return parse_timestamp(written, "UTC")
    except ScheduleError as error:
        raise FieldError(f"{shown(written)} is not a time: {_TIME}") from error
    raise FieldError(f"{shown(written)} is not a time with an offset: {_TIME}")


_TIME = "write one such as 2027-01-01T00:00:00+09:00"


def issuer_url(written: Any) -> str:
    text = url(written)
    parts = urlsplit(text)
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise FieldError(f"{shown(text)} has a query or a fragment, which an issuer has not: write it as `iss` has it")
    return text


def url(written: Any) -> str:
    text = _text(written, "https://login.example.com", LONGEST_URL)
    host = called_host(text)
    if host is None:
        raise FieldError(f"{shown(text)} is not a URL: write one such as https://login.example.com")
    if "@" in urlsplit(text).netloc:
        raise FieldError(f"{shown(text)} has a user in it, which is not sent: remove what is before the @")
    if not text.startswith("https://") and not (text.startswith("http://") and is_loopback(host.name)):
        raise FieldError(
            f"{shown(text)} is not https, so anyone on the way could write the keys that tokens are checked with: "
            "write https://"
        )
    return text


def audiences(written: Any) -> tuple[str, ...]:
    return _texts(written if isinstance(written, list) else [written], "myscheduler", MOST_AUDIENCES)


def algorithms(written: Any) -> tuple[str, ...]:
    texts = _texts(written, "RS256", len(ALGORITHMS))
    for place, text in enumerate(texts):
        if text not in ALGORITHMS:
            why = " (with it, everyone who can check a token could forge one)" if _is_forgeable(text) else ""
            raise FieldError(f"{shown(text)} is not one of {', '.join(ALGORITHMS)}{why}", place)
    return tuple(dict.fromkeys(texts))


def claim(written: Any) -> str:
    return _text(written, "groups")


def claim_value(written: Any) -> str:
    return _text(written, "platform")


def path(written: Any) -> str:
    text = _text(written, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
    if not text.startswith("/") or not text.isprintable():
        raise FieldError(f"{shown(text)} is not a whole path: write one that begins with /")
    return text


def bearer_fault(target: str) -> str:
    """Why a token of the machine may not be sent to this URL; empty if it may.

    Otherwise whoever may write the file could have any file of the machine sent to a server of their own.
    """
    host = called_host(target)
    if host is None or is_loopback(host.name) or host.name in _KUBERNETES:
        return ""
    return (
        "is sent to the API server of Kubernetes only: let issuer or jwks_url begin with "
        "https://kubernetes.default.svc, or leave bearer_file out"
    )


def unknown_key(written: str, known: Iterable[str]) -> str:
    """The message for a key that is not one of the known ones."""
    close = get_close_matches(written[:LONGEST_SHOWN], known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(known)}"
    return f"unknown key {key_shown(written)!r}: {hint}"


def _is_forgeable(algorithm: str) -> bool:
    return algorithm.upper().startswith("HS") or algorithm.lower() == "none"


def _text(written: Any, example: str, most: int = LONGEST_RULED, *loc: int) -> str:
    if not isinstance(written, str) or not written.strip():
        raise FieldError(f"has to be text, such as {example}: put it into quotes", *loc)
    if len(written) > most:
        raise FieldError(f"{shown(written)} is longer than {most:,} characters", *loc)
    return written


def _texts(written: Any, example: str, most: int) -> tuple[str, ...]:
    if not isinstance(written, list) or not 0 < len(written) <= most:
        raise FieldError(f"has to be a list of 1 to {most} texts, such as [{example}]")
    return tuple(_text(one, example, LONGEST_RULED, place) for place, one in enumerate(written))
