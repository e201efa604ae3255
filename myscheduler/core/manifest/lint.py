"""Warnings about valid manifests that may not mean what their authors think.

Only `validate` reports them, not the reconciler: most of them depend on the current time, and a file with problems has
no cached outline, so that a service with thousands of such manifests would parse them all at each start.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice, pairwise
from typing import Any

from myscheduler.core.calls.body import form_fields
from myscheduler.core.calls.retry import longest_run
from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.header_values import FORM, PARTS, charset, content_type, is_json, media_type
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import DeclaredCron, JobSpec, crons_of
from myscheduler.core.manifest.declared import DeclaredJob, Written
from myscheduler.core.manifest.past import past_field
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.cron import Cron, WallInterval
from myscheduler.core.schedule.exclusions import next_run, runs_after
from myscheduler.core.schedule.expression import DAY, CronExpression
from myscheduler.core.schedule.slots import TICK, Adjusted, Interval, Never, Once, Schedule
from myscheduler.core.schedule.strides import shortest_step
from myscheduler.core.schedule.zones import first_showing, local_time, to_instant
from myscheduler.messages.message import said

NEAR_SLOTS = 48
"""Slots searched for the shortest distance between two of them: two days of an hourly job."""
SHOWN_DAYS = 5
"""Days that a message about `day` and `day_of_week` names."""


def lint(jobs: Iterable[DeclaredJob], *, clock: Clock) -> Iterator[Problem]:
    """All warnings about the jobs as of `now`; `zone` is the service's. Jobs without a spec (outlines) are skipped."""
    for job in jobs:
        if job.spec is not None and job.written is not None:
            for field, (line, column), rule, message in _about(job.spec, job.written, clock):
                yield Problem(job.path, line, column, field, rule, message, Severity.WARNING, job.job_id)


_Warning = tuple[str, tuple[int, int], str, str]
"""The field, its line and column, the rule, and the message."""


def _about(spec: JobSpec, written: Written, clock: Clock) -> Iterator[_Warning]:
    for name, line, column, what in written.credentials:
        credential = said("credential-written-out", what=None if what == name else what)
        yield name, (line, column), "literal-credential", credential
    for name, rule, message in _about_body(spec):
        yield name, written.body_at if name == "body" else written.headers_at, rule, message
    if past := past_field(spec, clock=clock):
        field, rule = past
        message = said("run-at-past")
        yield field, written.schedule_at, rule, message
        return
    if not written.says_day_match and (doubt := _both_days(spec, clock)):
        yield "cron", written.schedule_at, "both-day-fields", doubt
    if spec.max_retries and not written.says_overlap and (doubt := _outlasting(spec, clock)):
        yield "max_retries", written.retries_at, "retries-outlast-period", doubt


def _about_body(spec: JobSpec) -> Iterator[tuple[str, str, str]]:
    """The field, the rule and the message, if the body may not be sent the way its author thinks."""
    sent_as = content_type(spec.headers)
    if isinstance(spec.body, str) and is_json(sent_as) and _is_json_text(spec.body):
        what = said("content-type-says-json") if sent_as else said("body-sent-as-json")
        message = said("json-in-text", what=what)
        yield "body", "json-in-text", message
    if sent_as is None or spec.body is None:
        return
    if media_type(sent_as) == FORM and not isinstance(spec.body, str):
        as_form = form_fields(spec.body) is not None
        message = said("body-sent-as-form") if as_form else said("form-sent-as-json")
        yield "body", "form-body", message
    if media_type(sent_as) == PARTS and not isinstance(spec.body, str):
        message = said("parts-sent-as-json", content_type=PARTS)
        yield "body", "form-body", message
    if (named := charset(sent_as)) not in {None, "utf-8", "utf8"} and not (
        named == "us-ascii" and _is_ascii(spec.body)
    ):
        message = said("charset-not-sent")
        yield "headers", "body-charset", message


def _is_json_text(text: str) -> bool:
    """Whether it is a JSON object, list or string. A number doesn't count: it may well be meant as text."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_ascii(body: Any) -> bool:
    return body.isascii() if isinstance(body, str) else json.dumps(body, ensure_ascii=False).isascii()


def _both_days(spec: JobSpec, clock: Clock) -> str | None:
    """The message about a cron expression that restricts both `day` and `day_of_week`, or `None`."""
    doubts = (_doubt(replace(spec, schedule=one), one, clock) for one in crons_of(spec.schedule))
    return next((doubt for doubt in doubts if doubt), None)


def _doubt(spec: JobSpec, cron: DeclaredCron, clock: Clock) -> str | None:
    texts = dict(cron.fields)
    day, weekday = texts.get("day", "*"), texts.get("day_of_week", "*")
    if "*" in {day, weekday}:
        return None
    own_zone = spec.timezone or clock.zone
    days = _days(compile_schedule(spec, zone=clock.zone, created_at=clock.now), own_zone, clock.now)
    shown = ", ".join(f"{one:%a %Y-%m-%d}" for one in islice(days, SHOWN_DAYS))
    if day.startswith("*") or weekday.startswith("*"):
        rule, meant = said("must-both-match"), said("write-match-all")
    else:
        rule = said("are-alternatives")
        meant = said("write-match-any")
    return said("both-days", day=day, weekday=weekday, rule=rule, next=shown, own_zone=own_zone, advice=meant)


def _days(schedule: Schedule, zone: str, now: datetime) -> Iterator[datetime]:
    """The first run after `now` of each local day that has one, as local times."""
    run = next_run(schedule, now)
    while run is not None:
        local = local_time(run, zone)
        yield local
        tomorrow = (local.date().toordinal() + 1) * DAY
        run = next_run(schedule, to_instant(first_showing(zone, tomorrow)) - TICK)


def _outlasting(spec: JobSpec, clock: Clock) -> str | None:
    """The message if an execution with all its retries may last so long that a later slot can't run on time."""
    longest = longest_run(spec)
    schedule = compile_schedule(spec, zone=clock.zone, created_at=clock.now)
    period = _period(schedule, clock.now, longest / spec.max_instances)
    if period is None:
        return None
    attempts = said("attempts-of", count=spec.max_retries + 1, timeout_sec=spec.timeout_sec)
    many = said("and-many-at-once", max_instances=spec.max_instances) if spec.max_instances > 1 else ""
    return said("attempts-outlast", attempts=attempts, length=timedelta(seconds=longest), period=period, many=many)


def _period(schedule: Schedule, now: datetime, limit: float) -> timedelta | None:
    """The shortest distance between two of the next runs if it is less than `limit` seconds, else `None`."""
    rhythm = schedule.rhythm if isinstance(schedule, Adjusted) else schedule
    if isinstance(rhythm, Once | Never):
        return None
    if isinstance(rhythm, Interval):
        return rhythm.every if rhythm.every.total_seconds() < limit else None
    if isinstance(rhythm, WallInterval):
        step = shortest_step(rhythm.expression)
        return timedelta(seconds=step) if step is not None and step < limit else None
    if isinstance(rhythm, Cron) and _least(rhythm.expression) >= limit:
        return None
    runs = islice(runs_after(schedule, now), NEAR_SLOTS)
    shortest = min((after - before for before, after in pairwise(runs)), default=None)
    return shortest if shortest is not None and shortest.total_seconds() < limit else None


def _least(expression: CronExpression) -> int:
    """A lower bound for the seconds between two times of the expression, without clock changes and without a search."""
    for values, unit, around in (
        (expression.seconds, 1, 60),
        (expression.minutes, 60, 60),
        (expression.hours, 3600, 24),
    ):
        if len(values) > 1:
            return unit * min(after - before for before, after in pairwise([*values, values[0] + around]))
    return DAY
