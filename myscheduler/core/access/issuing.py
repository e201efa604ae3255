"""Makes a new API token from what its creator asks for."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from myscheduler.core.access.names import is_reserved
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import EVERYTHING, Scope, ScopeError, parse_scope
from myscheduler.core.access.tokens import ApiToken, TokenText, new_token
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.timestamps import parse_timestamp
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

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
        message = said("token-name-text", most=LONGEST_NAME)
        yield Complaint(("name",), "invalid-value", message)
    elif is_reserved(name) or name != name.strip() or masked_text(name) != name:
        yield Complaint(("name",), "invalid-value", said("token-name-reserved"))


def _role_complaints(role: Any) -> Iterator[Complaint]:
    if role not in list(Role):
        was = said("role-unknown", value=shown(role)) if isinstance(role, str) else said("role-missing")
        yield Complaint(("role",), "invalid-value", said("write-one-role", was=was, known=", ".join(Role)))


def _scope(written: Any, complaints: list[Complaint]) -> Scope:
    try:
        return parse_scope(written)
    except ScopeError as error:
        complaints.append(Complaint(("scope", *error.loc), "invalid-value", str(error)))
        return EVERYTHING


def _expiry(written: Any, clock: Clock, complaints: list[Complaint]) -> datetime | None:
    if written is None:
        return None
    message = said("token-end-form")
    try:
        expires_at = parse_timestamp(written, clock.zone) if isinstance(written, str) else None
    except ScheduleError:
        expires_at = None
    if expires_at is not None and expires_at > clock.now:
        return expires_at
    if expires_at is not None:
        message = said("in-the-past")
    complaints.append(Complaint(("expires_at",), "invalid-moment", message))
    return None
