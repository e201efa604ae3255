"""Whether the limits of a job leave out a moment, as they leave out slots."""

from dataclasses import replace
from datetime import datetime, timedelta

from myscheduler.core.job.limits import NO_LIMITS, limited
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.exclusions import exclusion_at
from myscheduler.core.schedule.slots import Adjusted, Interval

_SECOND = timedelta(seconds=1)


def left_out_at(spec: JobSpec, now: datetime, *, zone: str) -> Reason | None:
    """Why a job that is started by the end of another does not run now; `None` if it does. `zone` is the service's."""
    if spec.limits == NO_LIMITS:
        return None
    second = now.replace(microsecond=0)
    limits = replace(spec.limits, jitter_sec=0)
    schedule = limited(Interval(_SECOND, second - _SECOND), limits, job_id=spec.job_id, zone=spec.timezone or zone)
    if isinstance(schedule, Adjusted) and not schedule.start <= now < schedule.end:
        return Reason.EXPIRED
    return exclusion_at(schedule, second)
