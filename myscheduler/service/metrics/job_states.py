"""Which jobs run, are paused or have completed, and when each runs next, as far as the armed jobs say it."""

from collections import Counter
from collections.abc import Iterable, Mapping

from myscheduler.core.explain.upcoming import Planned
from myscheduler.core.job.job import Job, JobState, Owner


def state_counts(jobs: Iterable[tuple[Job, str]], firsts: Iterable[Planned]) -> Mapping[tuple[Owner, JobState], int]:
    """The number of jobs by owner and state; `firsts` are the next slots, of the jobs that have one."""
    counts = Counter({(owner, state): 0 for owner in Owner for state in JobState})
    going_on = {planned.job.job_id for planned in firsts}
    for job, _ in jobs:
        counts[job.owner, _state(job, has_slot=job.job_id in going_on)] += 1
    return counts


def _state(job: Job, *, has_slot: bool) -> JobState:
    if not has_slot:
        return JobState.COMPLETED
    return JobState.PAUSED if job.is_paused else JobState.RUNNING
