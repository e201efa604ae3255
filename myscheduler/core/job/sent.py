"""What a job sends: the fields whose texts may hold references to secrets, or credentials that are written out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from myscheduler.core.findings.problem import Loc
from myscheduler.core.job.auth import OAuth2, auth_from_json, auth_to_json, sign_from_json, sign_to_json
from myscheduler.core.job.payload import pairs_from_json, pairs_to_json, payload_from_json, payload_to_json
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


def with_sent(spec: JobSpec, sent: Mapping[str, Any]) -> JobSpec:
    """The spec with these fields in place of its own; the inverse of `sent_fields`."""
    headers = {name: value if isinstance(value, str) else tuple(value) for name, value in sent["headers"].items()}
    return replace(
        spec,
        target_url=sent["target_url"],
        headers=headers,
        body=sent["body"],
        query=pairs_from_json(sent.get("query", {})),
        payload=payload_from_json(sent),
        auth=auth_from_json(sent["auth"]) if "auth" in sent else None,
        sign=sign_from_json(sent["sign"]) if "sign" in sent else None,
    )


def called_urls(spec: JobSpec) -> list[tuple[Loc, str]]:
    """The URLs that a call of the job may go to, each with the place where it is written."""
    urls: list[tuple[Loc, str]] = [(("target_url",), spec.target_url)]
    if isinstance(spec.auth, OAuth2):
        urls.append((("auth", "oauth2", "token_url"), spec.auth.token_url))
    return urls
