"""Turns the field `retry` into the policy that it declares."""

from collections.abc import Iterator, Sequence
from typing import Any

from myscheduler.core.findings.problem import Complaint, Loc, Severity, shown
from myscheduler.core.job.retry import Retry
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.retry_fields import RetryFields
from myscheduler.core.statuses import read_status, read_statuses
from myscheduler.messages.message import said


def retry_faults(fields: JobFields) -> Iterator[Complaint]:
    """What is wrong with `retry` beyond the shapes of its values."""
    retry = fields.retry
    if retry is None:
        return
    yield from status_faults(("retry", "statuses"), retry.statuses or ())
    if retry.max_attempts is not None and fields.max_retries is not None:
        yield Complaint(("retry", "max_attempts"), "schedule", said("attempts-twice"), at_key=True)
    if max_retries(fields) == 0:
        yield Complaint(("retry",), "no-effect", said("retry-without-attempts"), Severity.WARNING, at_key=True)


def status_faults(loc: Loc, written: Sequence[Any]) -> Iterator[Complaint]:
    """What is wrong with the entries of a list of statuses."""
    for number, one in enumerate(written):
        if read_status(one) is None:
            value = shown(one) if isinstance(one, str) else str(one)[:20]
            yield Complaint((*loc, number), "invalid-value", said("not-a-status", value=value))


def max_retries(fields: JobFields) -> int:
    """The spec's `max_retries`, which `retry.max_attempts` says in another way."""
    if fields.retry is not None and fields.retry.max_attempts is not None:
        return fields.retry.max_attempts - 1
    return fields.max_retries or 0


def declared_retry(fields: RetryFields) -> Retry:
    given = fields.model_dump(exclude_none=True, exclude={"max_attempts"})
    if "statuses" in given:
        given["statuses"] = read_statuses(given["statuses"])
    if "on" in given:
        given["on"] = tuple(dict.fromkeys(given["on"]))
    return Retry(**given)
