"""Brings stored jobs in line with the clock and the time zone data, inside a transaction."""

from dataclasses import replace

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import unrun as unrun_rows
from myscheduler.core.dispatch.admission import ON_TIME
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle import transitions as lifecycle
from myscheduler.core.schedule.calendars import closed_bits
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.slots import Adjusted, next_after


def refreshed(connection: Connection, clock: Clock) -> list[Job]:
    """All jobs, with their next slots computed anew: the service's zone or the time zone data may have changed."""
    jobs = job_rows.all_jobs(connection)
    stale = []
    for place, job in enumerate(jobs):
        schedule = compile_schedule(job.spec, zone=clock.zone, created_at=job.created_at)
        next_slot = next_after(schedule, job.cursor)
        if isinstance(schedule, Adjusted) and schedule.days:
            closed_bits(schedule.days, clock.now.year)  # holidays take a second to load: now, before jobs are due
        if next_slot != job.next_slot:
            jobs[place] = replace(job, next_slot=next_slot)
            stale.append(jobs[place])
    job_rows.update_jobs(connection, stale)
    return jobs


def realigned(connection: Connection, clock: Clock, limit: int) -> list[Job]:
    """Realign up to `limit` jobs that are ahead of the clock, and return them.

    A job that is ahead by less than `ON_TIME` is left alone: the clock reaches it soon.
    """
    jobs = []
    for job in job_rows.beyond(connection, clock.now + ON_TIME, limit):
        row_id, recorded = unrun_rows.last_unrun(connection, job.job_id, clock.now)
        reopened = lifecycle.realign(job, recorded, clock=clock)
        unrun_rows.forget_unrun(connection, job.job_id, clock.now)
        if reopened.recorded != recorded:
            unrun_rows.shorten(connection, row_id, reopened.recorded)
        jobs.append(reopened.turn.job)
    job_rows.update_jobs(connection, jobs)
    return jobs
