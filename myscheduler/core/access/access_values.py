"""The values of single fields in `access.yaml`. Each function parses one, and raises `FieldError` if it is wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from myscheduler.core.access.allowed_hosts import is_loopback
from myscheduler.core.access.issuers import ALGORITHMS
from myscheduler.core.access.names import is_reserved
from myscheduler.core.access.roles import Role
from myscheduler.core.access.tokens import is_hash, is_id
from myscheduler.core.bounds import LONGEST_RULED, LONGEST_URL
from myscheduler.core.calls.hosts import called_host
from myscheduler.core.findings.problem import did_you_mean, shown
from myscheduler.core.schedule.timestamps import has_offset, parse_timestamp
from myscheduler.core.source.entries import FieldError
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

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


def name(written: Any) -> str:
    text = _text(written, "ci")
    if not text.isprintable() or text != text.strip():
        raise FieldError(said("needs-printable"))
    if is_reserved(text):
        raise FieldError(said("token-name-reserved"))
    return text


def token_id(written: Any) -> str:
    if not isinstance(written, str) or not is_id(written):
        raise FieldError(said("not-a-token-id", examples=EXAMPLES["id"]))
    return written


def token_hash(written: Any) -> str:
    """The hash of a token's secret. Messages never show what was written: it may be the secret itself."""
    if not isinstance(written, str) or not is_hash(written):
        raise FieldError(said("not-a-hash"))
    return written


def role(written: Any) -> Role:
    if not isinstance(written, str) or written not in list(Role):
        near = did_you_mean(written, map(str, Role)) if isinstance(written, str) else ""
        raise FieldError(said("not-a-role", value=shown(written), known=", ".join(Role), hint=near))
    return Role(written)


def moment(written: Any) -> datetime:
    """An instant, in UTC. The offset is required: who reads the file should see when it is, whatever the zone."""
    try:
        if isinstance(written, str) and has_offset(written):
            return parse_timestamp(written, "UTC")
    except ScheduleError as error:
        raise FieldError(said("not-a-moment", value=shown(written), form=_TIME)) from error
    raise FieldError(said("not-a-moment-with-offset", value=shown(written), form=_TIME))


_TIME = said("moment-form")


def issuer_url(written: Any) -> str:
    text = url(written)
    parts = urlsplit(text)
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise FieldError(said("issuer-with-query", value=shown(text)))
    return text


def url(written: Any) -> str:
    text = _text(written, "https://login.example.com", LONGEST_URL)
    host = called_host(text)
    if host is None:
        raise FieldError(said("issuer-not-a-url", value=shown(text)))
    if "@" in urlsplit(text).netloc:
        raise FieldError(said("issuer-with-user", value=shown(text)))
    if not text.startswith("https://") and not (text.startswith("http://") and is_loopback(host.name)):
        raise FieldError(said("issuer-not-https", value=shown(text)))
    return text


def audiences(written: Any) -> tuple[str, ...]:
    return _texts(written if isinstance(written, list) else [written], "myscheduler", MOST_AUDIENCES)


def algorithms(written: Any) -> tuple[str, ...]:
    texts = _texts(written, "RS256", len(ALGORITHMS))
    for place, text in enumerate(texts):
        if text not in ALGORITHMS:
            why = said("could-forge") if _is_forgeable(text) else ""
            raise FieldError(said("not-an-algorithm", value=shown(text), known=", ".join(ALGORITHMS), why=why), place)
    return tuple(dict.fromkeys(texts))


def claim(written: Any) -> str:
    return _text(written, "groups")


def claim_value(written: Any) -> str:
    return _text(written, "platform")


def path(written: Any) -> str:
    text = _text(written, "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
    if not text.startswith("/") or not text.isprintable():
        raise FieldError(said("not-a-whole-path", value=shown(text)))
    return text


def bearer_fault(target: str) -> str:
    """Why a token of the machine may not be sent to this URL; empty if it may.

    Otherwise whoever may write the file could have any file of the machine sent to a server of their own.
    """
    host = called_host(target)
    if host is None or is_loopback(host.name) or host.name in _KUBERNETES:
        return ""
    return said("bearer-file-elsewhere")


def _is_forgeable(algorithm: str) -> bool:
    return algorithm.upper().startswith("HS") or algorithm.lower() == "none"


def _text(written: Any, example: str, most: int = LONGEST_RULED, *loc: int) -> str:
    if not isinstance(written, str) or not written.strip():
        raise FieldError(said("needs-text-in-quotes", example=example), *loc)
    if len(written) > most:
        raise FieldError(said("value-longer", value=shown(written), most=most), *loc)
    return written


def _texts(written: Any, example: str, most: int) -> tuple[str, ...]:
    if not isinstance(written, list) or not 0 < len(written) <= most:
        raise FieldError(said("needs-texts", most=most, example=example))
    return tuple(_text(one, example, LONGEST_RULED, place) for place, one in enumerate(written))
