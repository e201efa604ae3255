"""What a page of the list of jobs is asked for with: filters, an order, and the place where the page before ended."""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.shapes.jobs import JobSummary
from myscheduler.core.findings.problem import Complaint, did_you_mean, shown
from myscheduler.core.job.job import JobState
from myscheduler.core.job.selection import HIDDEN, LabelFilter, is_hidden
from myscheduler.messages.message import said

MOST_FILTERS = 20
"""The most labels that a page is filtered by."""
MOST_IDS = 200
"""The most jobs that a page names."""
FIELDS = tuple(JobSummary.__annotations__)


class Sort(StrEnum):
    ID = "id"
    NEXT_RUN = "next_run"
    LAST_RUN = "last_run"
    FAILING_SINCE = "failing_since"
    ID_DESCENDING = "-id"
    NEXT_RUN_DESCENDING = "-next_run"
    LAST_RUN_DESCENDING = "-last_run"
    FAILING_SINCE_DESCENDING = "-failing_since"

    @property
    def key(self) -> str:
        return self.value.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.value.startswith("-")


class LastResult(StrEnum):
    """How the last execution ended: `none` while it is running, and for a job that has not sent a request."""

    SUCCESS = "success"
    FAILURE = "failure"
    NONE = "none"


class ScheduleType(StrEnum):
    CRON = "cron"
    INTERVAL = "interval"
    DATE = "date"


class Place(NamedTuple):
    """The place of a job in an order: a job without a time comes last, and jobs with the same time are sorted by id."""

    is_last: bool
    number: int
    """Of the time, negative in descending order."""
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """The jobs that match all filters, in an order, from a place on. A filter that is `None` matches all."""

    ids: Sequence[str] | None = None
    owner: str | None = None
    status: JobState | None = None
    labels: Sequence[LabelFilter] = ()
    schedule_type: ScheduleType | None = None
    host: str | None = None
    last_result: LastResult | None = None
    held: bool | None = None
    failing: bool | None = None
    paused: bool | None = None
    text: str | None = None
    """As `folded` returns it."""
    sort: Sort = Sort.ID
    after: Place | None = None
    """The place of the last job of the page before."""
    limit: int

    @property
    def is_plain(self) -> bool:
        """Whether there is no filter, except of ids, and the jobs are sorted by id."""
        filters = (
            self.owner, self.status, self.schedule_type, self.host, self.last_result,
            self.held, self.failing, self.paused, self.text,
        )  # fmt: skip
        return self.sort.key == Sort.ID and not self.labels and all(one is None for one in filters)


def read_labels(texts: Sequence[str]) -> list[LabelFilter]:
    """Raises `InvalidInputError` for too many, and for a text that is neither `key=value` nor `key`."""
    if len(texts) > MOST_FILTERS:
        message = said("too-many-labels", count=len(texts), most=MOST_FILTERS)
        raise InvalidInputError([Complaint(("label",), "too-many", message)])
    found = [LabelFilter.parse(text) for text in texts]
    if bad := [text for text, label in zip(texts, found, strict=True) if label is None]:
        message = said("not-a-label-filter", value=shown(bad[0]))
        raise InvalidInputError([Complaint(("label",), "invalid-value", message)])
    if any(label is not None and label.value is not None and is_hidden(label.value) for label in found):
        raise InvalidInputError([Complaint(("label",), "invalid-value", HIDDEN)])
    return [label for label in found if label is not None]


def read_names(text: str | None) -> list[str] | None:
    """The fields of a summary in a list with commas. Raises `InvalidInputError` for a name that is none."""
    if text is None:
        return None
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or said("fields-are", known=", ".join(FIELDS))
            message = said("unknown-field", name=shown(name), hint=hint)
            raise InvalidInputError([Complaint(("fields",), "unknown-field", message)])
    return names


_REFUSED = re.compile("[\x00\ud800-\udfff]")
"""What no id has, and what no database takes: NUL, and halves of surrogate pairs."""


def write_cursor(sort: Sort, place: Place) -> str:
    """The place as a text for a URL; it names the order, because it has a meaning in this one only."""
    text = json.dumps([sort.value, *place], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def read_cursor(text: str | None, sort: Sort) -> Place | None:
    """Raises `InvalidInputError` for a text that `write_cursor` did not write for this order."""
    if text is None:
        return None
    match _decoded(text):
        case [str(written), bool(is_last), int(number), str(job_id)] if not _REFUSED.search(job_id):
            if written == sort:
                return Place(is_last, number, job_id)
            message = said("cursor-of-other-sort", sort=written)
        case _:
            message = said("not-a-cursor")
    raise InvalidInputError([Complaint(("cursor",), "invalid-cursor", message)])


def _decoded(text: str) -> Any:
    try:
        return json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        return None
