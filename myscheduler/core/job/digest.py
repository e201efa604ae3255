"""Digests of specs, which show whether the meaning of a job has changed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, assert_never

from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.codec import schedule_to_json, to_json
from myscheduler.core.job.crons import cron_meaning, distinct_crons
from myscheduler.core.job.limits import FIELDS as LIMIT_FIELDS
from myscheduler.core.job.limits import limits_to_json
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredDate,
    DeclaredInterval,
    DeclaredWallInterval,
    JobSpec,
)


def schedule_digest(spec: JobSpec) -> str:
    """A digest of when the job runs: schedule, limits and time zone. Two spellings of one schedule have the same."""
    meaning = schedule_to_json(spec.schedule)
    match spec.schedule:
        case DeclaredCron(fields, day_match):
            meaning.pop("day_match", None)
            meaning["cron"] = cron_meaning(fields, day_match)
        case DeclaredCrons():
            meaning.pop("day_match", None)
            first, *others = (cron_meaning(one.fields, one.day_match) for one in distinct_crons(spec.schedule))
            meaning["cron"] = [first, *others] if others else first
        case DeclaredInterval():
            meaning["interval"] = spec.schedule.every.total_seconds()
        case DeclaredWallInterval():
            meaning["interval"] = {"months": spec.schedule.months, "days": spec.schedule.days}
        case DeclaredDate() | DeclaredAfter():
            pass
        case _:
            assert_never(spec.schedule)
    return _fingerprint(meaning | limits_to_json(spec.limits) | {"timezone": spec.timezone})


def digest(spec: JobSpec) -> str:
    """A digest of the whole spec. Specs with the same digest mean the same, so one needs no update to the other."""
    meaning = to_json(spec)
    for name in (*_SCHEDULE_FIELDS, *LIMIT_FIELDS):
        meaning.pop(name, None)
    return _fingerprint(meaning | {"schedule": schedule_digest(spec)})


def _fingerprint(meaning: Mapping[str, Any]) -> str:
    return hashlib.sha256(_CANONICAL.encode(meaning).encode()).hexdigest()[:16]


_SCHEDULE_FIELDS = ("cron", "day_match", "dst", "interval", "anchor", "clock", "run_at", "fold", "timezone",
    "after", "join", "when", "if_skipped",
)  # fmt: skip

_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=True, separators=(",", ":"))
