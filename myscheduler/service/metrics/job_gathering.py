"""Gathers what the metrics of jobs say, and has it written."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from myscheduler.core.explain.upcoming import KnownRuns, Planned
from myscheduler.core.history.execution import Cause, Execution
from myscheduler.core.incidents.past import Past
from myscheduler.core.job.job import Job
from myscheduler.core.notifications.notifications_file import Notifications
from myscheduler.core.schedule.slots import Schedule
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.dispatch.tallies import JobTally
from myscheduler.service.metrics.deadlines import Awaited, Deadlines, running
from myscheduler.service.metrics.job_histories import JobHistories
from myscheduler.service.metrics.job_lines import JobFacts, pieces


@dataclass(frozen=True, slots=True)
class Gathered:
    """All jobs at one moment, to be written in a thread."""

    jobs: Sequence[tuple[Job, Schedule, datetime]]
    """With their schedules and cursors."""
    firsts: Iterator[Planned]
    in_progress: Sequence[Execution]
    """A chain of which something is in progress is one of the job that it began with."""
    tallies: Mapping[str, JobTally]


class JobGathering:
    """The present values of `families.OF_JOBS`, for the jobs that exist."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        histories: JobHistories,
        labels: Mapping[str, str],
        rules: Callable[[], Notifications],
        *,
        now: Callable[[], datetime],
    ) -> None:
        """`labels` are the labels of jobs that `job_info` has, with their names there; `rules` say when a job is
        late.
        """
        self._dispatcher = dispatcher
        self._histories = histories
        self._labels = labels
        self._rules = rules
        self._now = now
        self._known = KnownRuns()
        self._deadlines = Deadlines()

    async def gather(self) -> Gathered:
        """Called on the event loop, which it hardly holds. Raises `StoreUnavailableError` at the first call, if the
        results before the start can't be read.
        """
        tallies = self._dispatcher.tallies
        await tallies.load([job.job_id for job, _ in self._dispatcher.jobs()])
        firsts = await self._dispatcher.planned()
        jobs = self._dispatcher.cursors()
        self._histories.want([job for job, _, _ in jobs], tallies.jobs)
        flying = [one.execution for one in self._dispatcher.flights if one.finish is None]
        chain_ids = {one.chain_id for one in flying if one.cause is Cause.CHAIN}
        begun = await self._histories.first_executions(chain_ids) if chain_ids else []
        in_progress = [*(one for one in flying if one.cause is not Cause.CHAIN), *begun]
        return Gathered(jobs, firsts, in_progress, tallies.jobs)

    def write(self, gathered: Gathered, *, is_openmetrics: bool) -> list[bytes]:
        """The text in pieces. Takes long, so it belongs into a thread; only one at a time."""
        self._known.limit()
        runs = {planned.job.job_id: self._known.first_from(planned) for planned in gathered.firsts}
        deadlines = self._deadlines.of(self._awaited(gathered), self._rules(), now=self._now())
        known = self._histories.known
        found = [
            JobFacts(
                job,
                runs.get(job.job_id),
                deadlines.get(job.job_id),
                gathered.tallies.get(job.job_id),
                one.budget_of(job) if (one := known.get(job.job_id)) else None,
            )
            for job, _, _ in gathered.jobs
        ]
        found.sort(key=lambda one: one.job.job_id)
        return list(pieces(found, self._labels, is_openmetrics=is_openmetrics))

    def _awaited(self, gathered: Gathered) -> Iterator[Awaited]:
        """The jobs whose history was read: those of which nothing is known can't be late yet."""
        in_progress: dict[str, list[Past]] = defaultdict(list)
        for execution in gathered.in_progress:
            in_progress[execution.job_id].append(running(execution))
        for job, schedule, cursor in gathered.jobs:
            known = self._histories.known.get(job.job_id)
            if known is not None and known.created_at == job.created_at:
                missed = known.missed_now(gathered.tallies.get(job.job_id))
                rows = (*in_progress.get(job.job_id, ()), *([missed] if missed else ()))
                present = job if job.cursor == cursor else replace(job, cursor=cursor)
                yield Awaited(present, schedule, known.usual, rows, known.longest)
