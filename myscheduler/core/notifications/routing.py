"""Whom a job tells, and from when on: what the job says, over the first route that covers it, over the default.

Incidents of shared targets and hosts concern many jobs, so they are told to the channels of the default.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta

from myscheduler.core.incidents.thresholds import USUAL as USUAL_THRESHOLDS
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.job.notify import USUAL, Never, Notify
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.notifications.channels import Channel
from myscheduler.core.notifications.notifications_file import Notifications


def notify_of(spec: JobSpec, rules: Notifications) -> Notify:
    """All that applies to the job."""
    return over(spec.notify, route_of(spec.job_id, spec.labels, rules))


def route_of(job_id: str, labels: Mapping[str, str], rules: Notifications) -> Notify:
    """What the first route says that covers the job, over the default."""
    found = next((one.notify for one in rules.routes if one.scope.covers(job_id, labels)), USUAL)
    return over(found, rules.default)


def channels_of(spec: JobSpec, rules: Notifications) -> tuple[Channel, ...]:
    """The channels that are told of the job's incidents; none if it is told to nobody.

    A job that is kept at its last good spec may name channels that are gone. If it has no other, those of its route are
    told, so that nobody is left in the dark.
    """
    notify = notify_of(spec, rules)
    if not notify.is_on:
        return ()
    found = _known(notify, rules)
    return found or _known(route_of(spec.job_id, spec.labels, rules), rules)


def thresholds_of(spec: JobSpec, rules: Notifications) -> Thresholds:
    """When an incident of the job begins, and how often it is repeated."""
    return _thresholds(notify_of(spec, rules))


def usual_channels(rules: Notifications) -> tuple[Channel, ...]:
    """The channels of the default; none if nobody is told by default."""
    return _known(rules.default, rules) if rules.default.is_on else ()


def usual_thresholds(rules: Notifications) -> Thresholds:
    """What the default says."""
    return _thresholds(rules.default)


def over(upper: Notify, lower: Notify) -> Notify:
    """`upper`, with what it leaves open taken from `lower`. The two ways to count failures replace each other."""
    if not upper.is_on:
        return upper
    if upper.failures is not None:
        lower = replace(lower, after_failures=None)
    if upper.after_failures is not None:
        lower = replace(lower, failures=None, of=None)
    left_open = {one.name for one in fields(Notify) if getattr(upper, one.name) is None}
    return replace(upper, **{name: getattr(lower, name) for name in left_open})


def _known(notify: Notify, rules: Notifications) -> tuple[Channel, ...]:
    return tuple(rules.channels[name] for name in notify.channels or () if name in rules.channels)


def _thresholds(notify: Notify) -> Thresholds:
    return Thresholds(
        after_failures=notify.after_failures or USUAL_THRESHOLDS.after_failures,
        failures=notify.failures,
        of=notify.of,
        late_after=notify.late_after or None,
        is_late_watched=notify.late_after is not False,
        remind=_remind(notify.remind),
    )


def _remind(written: timedelta | Never | None) -> timedelta | None:
    if written is None:
        return USUAL_THRESHOLDS.remind
    return written or None
