"""Which jobs run, are paused or have completed, and when each runs next, as far as the armed jobs say it."""

from collections import Counter
from collections.abc import Iterable, Mapping

from myscheduler.core.explain.upcoming import Planned
from myscheduler.core.job.job import Job, JobState, Owner, state_of


def state_counts(jobs: Iterable[tuple[Job, str]], firsts: Iterable[Planned]) -> Mapping[tuple[Owner, JobState], int]:
    """The number of jobs by owner and state; `firsts` are the next slots, of the jobs that have one."""
    counts = Counter({(owner, state): 0 for owner in Owner for state in JobState})
    going_on = {planned.job.job_id for planned in firsts}
    for job, _ in jobs:
        has_slot = job.job_id in going_on
        counts[job.owner, state_of(job.spec.schedule_type, has_slot=has_slot, is_paused=job.is_paused)] += 1
    return counts
