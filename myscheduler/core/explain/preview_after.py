"""The earliest times at which a job can run that runs after others, for reviewers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from myscheduler.core.chains.graph import Graph
from myscheduler.core.explain.earliest import ASSUMED, Earliest, begins, ways_to
from myscheduler.core.explain.job import describe_job
from myscheduler.core.explain.preview import Preview
from myscheduler.core.explain.schedule_parts import schedule_parts
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import JobSpec


@dataclass(frozen=True, slots=True)
class Root:
    """A job with which chains begin."""

    spec: JobSpec
    created_at: datetime
    is_paused: bool


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the jobs that run before others."""

    graph: Graph
    roots: Mapping[str, Root]
    """The jobs with which chains begin."""
    durations: Mapping[str, timedelta]
    """How long jobs take, as far as that is given or known from the history."""

    def duration_of(self, job_id: str) -> timedelta:
        return self.durations.get(job_id, ASSUMED)


def preview_after(
    spec: JobSpec, before: Before, *, zone: str, start: datetime, count: int, until: datetime | None = None
) -> Preview:
    """The first `count` times from `start` to `until` at which a job can run that runs after others.

    They are the earliest possible: each job takes as long as `before` says, and nothing stands against any of them.
    """
    own_zone = spec.timezone or zone
    ways = tuple(ways_to(before.graph, spec.job_id, before.duration_of))
    schedules = {
        way.root: compile_schedule(root.spec, zone=zone, created_at=root.created_at)
        for way in ways
        if (root := before.roots.get(way.root)) is not None
    }
    found = begins(spec, ways, schedules, start, count, until=until, zone=zone)
    fires = tuple(one.at for one in found if one.left_out is None)
    left_out = tuple((Unrun(Status.SKIPPED, one.left_out, one.at, one.at, 1), None) for one in found if one.left_out)
    on_paths = dict.fromkeys(job_id for one in found for job_id in one.path)
    durations = {job_id: before.duration_of(job_id) for job_id in on_paths}
    too_late = tuple(way.root for way in ways if way.is_too_late)
    paused = tuple(one for one in schedules if before.roots[one].is_paused)
    return Preview(
        job_id=spec.job_id,
        timezone=own_zone,
        words=describe_job(spec, zone=own_zone),
        parts=schedule_parts(spec, zone=own_zone),
        is_paused=bool(spec.paused),
        fires=fires,
        notes=(None,) * len(fires),
        left_out=left_out,
        earliest=Earliest(found, durations, too_late, paused),
    )
