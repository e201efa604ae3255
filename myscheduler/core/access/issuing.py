"""Makes a new API token from what its creator asks for."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import EVERYTHING, Scope, ScopeError, parse_scope
from myscheduler.core.access.tokens import ApiToken, TokenText, new_token
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.errors import ScheduleError

LONGEST_NAME = 100


def issue(
    asked: Mapping[str, Any], random: bytes, clock: Clock, *, by: str
) -> tuple[TokenText, ApiToken] | list[Complaint]:
    """The new token and what is stored of it, or all mistakes in what was asked for.

    `asked` has `name` and `role`, and may have `scope` and `expires_at`; `random` are random bytes as `new_token`
    needs them. Local times are in the clock's zone.
    """
    complaints = [*_name_complaints(asked.get("name")), *_role_complaints(asked.get("role"))]
    scope, expires_at = _scope(asked.get("scope"), complaints), _expiry(asked.get("expires_at"), clock, complaints)
    if complaints:
        return complaints
    text = new_token(random)
    binding = Binding(Role(asked["role"]), scope)
    return text, ApiToken(text.token_id, asked["name"], text.hash, binding, clock.now, by, expires_at)


def _name_complaints(name: Any) -> Iterator[Complaint]:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        message = f"has to be text of 1 to {LONGEST_NAME} printable characters that says who uses the token"
        yield Complaint(("name",), "invalid-value", message)


def _role_complaints(role: Any) -> Iterator[Complaint]:
    if role not in list(Role):
        was = f"{shown(role)} is not a role" if isinstance(role, str) else "is missing"
        yield Complaint(("role",), "invalid-value", f"{was}: write one of {', '.join(Role)}")


def _scope(written: Any, complaints: list[Complaint]) -> Scope:
    try:
        return parse_scope(written)
    except ScopeError as error:
        complaints.append(Complaint(("scope", *error.loc), "invalid-value", str(error)))
        return EVERYTHING


def _expiry(written: Any, clock: Clock, complaints: list[Complaint]) -> datetime | None:
    if written is None:
        return None
    message = "has to be RFC 3339, such as 2027-04-01T09:00:00+09:00"
    try:
        expires_at = parse_timestamp(written, clock.zone) if isinstance(written, str) else None
    except ScheduleError:
        expires_at = None
    if expires_at is not None and expires_at > clock.now:
        return expires_at
    if expires_at is not None:
        message = "is in the past: write a later time"
    complaints.append(Complaint(("expires_at",), "invalid-value", message))
    return None
