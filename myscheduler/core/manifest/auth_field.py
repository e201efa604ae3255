"""Turns the fields `auth` and `sign` into what they declare."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from myscheduler.core.calls.signatures import KeyFormError, key_of
from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.job.auth import KINDS, Auth, Sign, auth_from_json
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.secrets.references import MARK
from myscheduler.messages.message import said

_OF_SIGNATURES = ("webhook-id", "webhook-timestamp", "webhook-signature")


def auth_faults(fields: JobFields) -> Iterator[Complaint]:
    """What is wrong with `auth` and `sign`, and with headers beside them, beyond the shapes of the values."""
    if fields.auth is not None:
        given = list(fields.auth.model_dump(exclude_none=True))
        if len(given) != 1:
            yield Complaint(("auth",), "schedule", said("auth-forms", known=", ".join(KINDS)))
        yield from _beside(fields, ("authorization",), "auth")
        if fields.auth.basic is not None and ":" in fields.auth.basic.username:
            yield Complaint(("auth", "basic", "username"), "invalid-value", said("user-with-colon"))
        if fields.auth.oauth2 is not None:
            yield from _token_url_faults(fields.auth.oauth2.token_url)
    if fields.sign is not None:
        yield from _beside(fields, _OF_SIGNATURES, "sign")
        for index, key in enumerate(fields.sign.standard_webhooks):
            if MARK not in key:
                yield from _key_faults(("sign", "standard_webhooks", index), key)


def _beside(fields: JobFields, taken: tuple[str, ...], field: str) -> Iterator[Complaint]:
    for name in fields.headers or {}:
        if name.lower() in taken:
            yield Complaint(("headers", name), "schedule", said("header-of-field", field=field), at_key=True)


def _token_url_faults(url: str) -> Iterator[Complaint]:
    loc = ("auth", "oauth2", "token_url")
    if MARK in url:
        yield Complaint(loc, "secret-in-host", said("token-url-fixed"))
        return
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.username or parts.password or any(map(str.isspace, url)):
        yield Complaint(loc, "invalid-url", said("token-url-not-valid"))


def _key_faults(loc: Loc, key: str) -> Iterator[Complaint]:
    try:
        key_of(key)
    except KeyFormError:
        yield Complaint(loc, "invalid-value", said("signing-key-forms"))


def declared_auth(fields: JobFields) -> Auth | None:
    """How the call proves who makes it; `fields` have no fault."""
    return auth_from_json(fields.auth.model_dump(exclude_none=True)) if fields.auth else None


def declared_sign(fields: JobFields) -> Sign | None:
    """How the call is signed; `fields` have no fault."""
    return Sign(tuple(fields.sign.standard_webhooks)) if fields.sign else None


def token_url_of(fields: JobFields) -> str | None:
    return fields.auth.oauth2.token_url if fields.auth and fields.auth.oauth2 else None
