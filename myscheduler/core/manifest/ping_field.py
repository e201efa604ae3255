"""Turns the field `ping` into what it declares, and checks that a job either calls a URL or expects pings."""

import re
from collections.abc import Iterator
from datetime import timedelta

from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.job.ping import USUAL_GRACE, Ping
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.ping_fields import PingFields
from myscheduler.core.schedule.timestamps import parse_duration
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

SHORTEST_GRACE, LONGEST_GRACE = timedelta(seconds=1), timedelta(days=31)
OF_CALLS = (
    "target_url", "target", "path", "query", "method", "headers", "body", "form", "text", "base64", "multipart",
    "auth", "sign", "timeout_sec", "max_retries", "retry_backoff_sec", "retry", "expect", "extract",
    "connect_timeout_sec", "follow_redirects", "tls", "proxy", "keep_response", "misfire_grace_time", "coalesce",
    "catchup", "max_instances", "overlap", "on_interrupt",
)  # fmt: skip
"""Fields that a job with `ping` does not have: they are about calls, and about when these are sent."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def ping_faults(fields: JobFields, misshapen: set[Loc]) -> Iterator[Complaint]:
    """What is wrong with `ping`, and with what stands beside it, beyond the shapes of the values."""
    if fields.ping is None:
        if fields.target_url is None and not misshapen & {("target_url",), ("target",), ("ping",)}:
            yield Complaint(("target_url",), "missing-field", said("is-missing"))
        return
    for name in OF_CALLS:
        if getattr(fields, name) is not None:
            yield Complaint((name,), "schedule", said("not-with-ping"), at_key=True)
    if not _DIGEST.fullmatch(fields.ping.key_sha256):
        yield Complaint(("ping", "key_sha256"), "invalid-value", said("ping-key-digest"))
    if fields.ping.grace is not None:
        yield from _grace_faults(fields.ping.grace)


def _grace_faults(written: str) -> Iterator[Complaint]:
    try:
        grace = _length(written)
    except ScheduleError as error:
        yield Complaint(("ping", "grace"), "invalid-value", str(error))
        return
    if not SHORTEST_GRACE <= grace <= LONGEST_GRACE:
        yield Complaint(("ping", "grace"), "invalid-value", said("ping-grace-length"))


def declared_ping(fields: PingFields) -> Ping:
    """What is expected; for a grace with a fault, with the usual one."""
    try:
        grace = _length(fields.grace) if fields.grace else USUAL_GRACE
    except ScheduleError:
        grace = USUAL_GRACE
    return Ping(fields.key_sha256, grace)


def _length(text: str) -> timedelta:
    """Raises `ScheduleError` for what is no duration."""
    return timedelta(**dict(parse_duration(text)))
