"""Which credentials each operation takes, and which role it needs: both from the table of operations."""

from typing import Any

from myscheduler.api.door.cookies import NAME, SECURE_NAME
from myscheduler.core.access.operations import OPERATIONS, Target

Schema = dict[str, Any]

TOKEN, JWT, COOKIE = "token", "jwt", "session"
SCHEMES: Schema = {
    TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token (`msk_…`), or the static token of the service.",
    },
    JWT: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A JSON web token of an issuer that `access.yaml` names, such as one of a Kubernetes service "
        "account.",
    },
    COOKIE: {
        "type": "apiKey",
        "in": "cookie",
        "name": SECURE_NAME,
        "description": f"The session that `create_session` begins. Without TLS, except on loopback, it is `{NAME}`.",
    },
}
_OF_SESSIONS: dict[str, list[dict[str, list[str]]]] = {"get_session": [{COOKIE: []}, {}]}
"""Operations with rules of their own; `{}` is for a service that needs no credentials."""
_WHERE = {
    Target.NOTHING: "",
    Target.JOB: " for the job",
    Target.INCIDENT: " for the job of the incident, or for all jobs if it has none",
    Target.EXECUTION: " for the job of the execution",
    Target.CHAIN: " for each job of the chain",
    Target.BODY: " for the job in the body, and for the one that it replaces",
    Target.SELECTION: ": jobs for which the caller lacks it are refused one by one",
    Target.EVERYTHING: " for all jobs",
}


def is_guarded(name: str) -> bool:
    """Whether the operation needs credentials, once there are any."""
    return name in OPERATIONS


def security(name: str) -> list[dict[str, list[str]]]:
    """The alternatives by which a caller is known; none for an operation that is open to everybody."""
    if is_guarded(name):
        return [{TOKEN: []}, {JWT: []}, {COOKIE: []}]
    return _OF_SESSIONS.get(name, [])


def needs(name: str) -> str:
    """The sentence about the role; empty for an operation that is open to everybody."""
    if not is_guarded(name):
        return ""
    operation = OPERATIONS[name]
    return f"Needs the role `{operation.role}`{_WHERE[operation.target]}."
