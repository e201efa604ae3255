"""Imports schedules of EventBridge Scheduler, and rules of EventBridge with a schedule, as the AWS CLI prints them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from myscheduler.core.crontab.collecting import Imported
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.findings.problem import Loc
from myscheduler.core.imports.event_targets import Arn, Destinations, call_of
from myscheduler.core.imports.exports import Export, Fields, Item, items_in, name_of, number_of, part, text_of, title_of
from myscheduler.core.imports.times import FROM_CREATION, aws_schedule
from myscheduler.core.manifest.retry_fields import LONGEST_TOTAL, MOST_ATTEMPTS
from myscheduler.core.source.yaml import Document

_LISTS = ("Schedules", "Rules", "ApiDestinations", "Connections")
_NO_EXPRESSION = (
    "has no ScheduleExpression: list-schedules leaves it out, so export each schedule by `aws scheduler get-schedule`"
)
_UNKNOWN = "is nothing that is known here: a schedule, a rule with its targets, an API destination or a connection"
_WINDOW = "the flexible time window became jitter_sec: the delay of a job within it is always the same"
_MOST_RETRIES = f"at most {MOST_ATTEMPTS - 1} retries are made (MaximumRetryAttempts)"


@dataclass(slots=True)
class _Found:
    """What an export has."""

    schedules: list[Item] = field(default_factory=list)
    rules: list[tuple[Item, list[Item]]] = field(default_factory=list)
    """Each with its targets."""
    destinations: Destinations = field(default_factory=Destinations)


def import_eventbridge(text: str, *, path: str, zone: str) -> Imported:
    """Turn each schedule, and each target of a scheduled rule, into a manifest.

    `path` is the name of the file in findings, `zone` that of the service.
    """
    export = Export.of(path, zone)
    found = _Found()
    for document in export.documents(text):
        _collect(export, found, document, document.value, ())
    for item in found.schedules:
        export.take(item, partial(_import_schedule, export, item, found.destinations))
    for rule, targets in found.rules:
        export.take(rule, partial(_import_rule, export, rule, targets, found.destinations))
    return export.imported()


def _collect(export: Export, found: _Found, document: Document, value: Any, loc: Loc) -> None:
    """Sort what is in the value."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            _collect(export, found, document, one, (*loc, index))
    elif isinstance(value, Mapping) and (names := [name for name in _LISTS if isinstance(value.get(name), list)]):
        for name in names:
            _collect(export, found, document, value[name], (*loc, name))
    elif isinstance(value, Mapping):
        _sort(export, found, Item(value, document.position(loc)), _targets_of(document, value, loc))
    else:
        export.refuse(Item({}, document.position(loc)), _UNKNOWN)


def _targets_of(document: Document, value: Mapping[str, Any], loc: Loc) -> list[Item]:
    return [*items_in(document, value.get("Targets"), (*loc, "Targets"))]


def _sort(export: Export, found: _Found, item: Item, targets: list[Item]) -> None:
    if "Target" in item.value:
        found.schedules.append(item)
    elif "EventPattern" in item.value or "ScheduleExpression" in item.value:
        found.rules.append((item, targets))
    elif targets and found.rules:  # what list-targets-by-rule prints doesn't name the rule
        found.rules[-1][1].extend(targets)
    elif targets:
        export.refuse(item, "targets have to follow their rule (describe-rule)")
    elif not found.destinations.add(item.value):
        export.refuse(item, _UNKNOWN)


# --- schedules ---


def _import_schedule(export: Export, item: Item, destinations: Destinations) -> None:
    schedule = item.value
    name = text_of(schedule, "Name")
    if schedule.get("ScheduleExpression") is None:
        raise NotTakenOver(_NO_EXPRESSION)
    timing = aws_schedule(text_of(schedule, "ScheduleExpression"))
    target = part(schedule, "Target")
    call = call_of(export, item, target, Arn.of(text_of(schedule, "Arn", "arn:aws:scheduler:::")), destinations)
    window = part(schedule, "FlexibleTimeWindow")
    minutes = number_of(window, "MaximumWindowInMinutes", 0) if window.get("Mode") == "FLEXIBLE" else 0
    if minutes:
        export.warn_once(
            item, "the flexible time window became jitter_sec: the delay of a job in it is always the same"
        )
    if target.get("DeadLetterConfig"):
        export.warn(item, "no dead-letter queue is used: the history has what failed (DeadLetterConfig)")
    group = text_of(schedule, "GroupName", "default")
    fields: Fields = {
        "name": title_of(text_of(schedule, "Description", "")),
        "timezone": text_of(schedule, "ScheduleExpressionTimezone", "UTC"),
        "jitter_sec": 60 * minutes if minutes else None,
        "paused": True if schedule.get("State") == "DISABLED" else None,
        "labels": {"group": group} if group != "default" else None,
        **timing,
        **_bounds(export, item, timing),
        **_retries(export, item, part(target, "RetryPolicy")),
    }
    export.write(item, fields, call, named=name_of(name, fallback="schedule"))


def _bounds(export: Export, item: Item, timing: Fields) -> Fields:
    """`StartDate` and `EndDate`; an interval is counted from the beginning."""
    start, end = (_moment(item.value, name) for name in ("StartDate", "EndDate"))
    found: Fields = {} if "run_at" in timing else {"end_at": _written(end)} if end else {}
    if "interval" not in timing:
        return found | ({"start_at": _written(start)} if start and "run_at" not in timing else {})
    if start is None:
        export.warn(item, FROM_CREATION)
        return found
    ((unit, number),) = timing["interval"].items()
    return found | {"anchor": _written(start - timedelta(**{unit: number}))}


def _moment(schedule: Mapping[str, Any], name: str) -> datetime | None:
    """A time as the AWS CLI prints it: ISO 8601, or seconds since 1970."""
    written = text_of(schedule, name, "")
    if not written:
        return None
    try:
        found = (
            datetime.fromisoformat(written) if "-" in written else datetime.fromtimestamp(float(written)).astimezone()
        )
    except (ValueError, OverflowError, OSError):
        raise NotTakenOver(f"its {name} is not a time") from None
    if found.tzinfo is None:
        raise NotTakenOver(f"its {name} has no offset")
    return found


def _written(moment: datetime) -> str:
    return moment.isoformat()


def _retries(export: Export, item: Item, policy: Mapping[str, Any]) -> Fields:
    attempts, age = (
        number_of(policy, "MaximumRetryAttempts", 185),
        number_of(policy, "MaximumEventAgeInSeconds", 86_400),
    )
    if not attempts:
        return {}
    if attempts > MOST_ATTEMPTS - 1:
        export.warn_once(item, _MOST_RETRIES)
    total = min(max(age or 1, 1), LONGEST_TOTAL)
    retry: Fields = {"statuses": [401, 407, 409, 429, "500-599"], "max_total_sec": total, "jitter": "full"}
    return {"max_retries": min(attempts, MOST_ATTEMPTS - 1), "retry": retry}


# --- rules ---


def _import_rule(export: Export, item: Item, targets: list[Item], destinations: Destinations) -> None:
    rule = item.value
    name = text_of(rule, "Name")
    if not text_of(rule, "ScheduleExpression", ""):
        raise NotTakenOver("reacts to events (EventPattern), which a schedule can't express")
    if not targets:
        raise NotTakenOver("has no targets: add what `aws events list-targets-by-rule` prints behind it")
    timing = aws_schedule(text_of(rule, "ScheduleExpression"))
    arn = Arn.of(text_of(rule, "Arn", "arn:aws:events:::"))
    if "interval" in timing:
        export.warn(item, FROM_CREATION)
    for target in targets:
        call = call_of(export, target, target.value, arn, destinations)
        named = name if len(targets) == 1 else f"{name}-{text_of(target.value, 'Id', 'target')}"
        fields: Fields = {
            "name": title_of(text_of(rule, "Description", "")),
            "timezone": "UTC",
            "paused": True if text_of(rule, "State", "").startswith("DISABLED") else None,
            **timing,
            **_retries(export, target, part(target.value, "RetryPolicy")),
        }
        export.write(target, fields, call, named=name_of(re.sub(r"\s+", "-", named), fallback="rule"))
