"""What a job sends: the fields whose texts may hold references to secrets, or credentials that are written out."""

from typing import Any

from myscheduler.core.findings.problem import Loc
from myscheduler.core.job.auth import OAuth2, auth_to_json, sign_to_json
from myscheduler.core.job.payload import pairs_to_json, payload_to_json
from myscheduler.core.job.spec import JobSpec

SENT = ("target_url", "query", "headers", "body", "form", "text", "base64", "multipart", "auth", "sign")
"""Their names in a manifest, in its order."""


def sent_fields(spec: JobSpec) -> dict[str, Any]:
    """The fields as a manifest writes them, without those of `sent_beside` that the job does not have."""
    headers = {name: value if isinstance(value, str) else list(value) for name, value in spec.headers.items()}
    return {"target_url": spec.target_url, "headers": headers, "body": spec.body} | sent_beside(spec)


def sent_beside(spec: JobSpec) -> dict[str, Any]:
    """Those beside URL, headers and body, as far as the job has them."""
    written: dict[str, Any] = {}
    if spec.query:
        written["query"] = pairs_to_json(spec.query)
    if spec.payload is not None:
        written |= payload_to_json(spec.payload)
    if spec.auth is not None:
        written["auth"] = auth_to_json(spec.auth)
    if spec.sign is not None:
        written["sign"] = sign_to_json(spec.sign)
    return written


def called_urls(spec: JobSpec) -> list[tuple[Loc, str]]:
    """The URLs that a call of the job may go to, each with the place where it is written."""
    urls: list[tuple[Loc, str]] = [(("target_url",), spec.target_url)]
    if isinstance(spec.auth, OAuth2):
        urls.append((("auth", "oauth2", "token_url"), spec.auth.token_url))
    return urls
