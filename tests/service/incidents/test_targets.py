"""Open circuits and certificates that expire, from the failed call to the message, over real HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from myscheduler.core.calls.certificates import Certificates
from myscheduler.core.history.execution import Status
from myscheduler.core.incidents.incident import EndReason
from myscheduler.core.reason import Reason
from myscheduler.service.incidents.acknowledging import acknowledge
from myscheduler.service.incidents.targets import TargetWatch
from tests.service.incidents.conftest import Watch, watch
from tests.support.channels import CHAT, Chat, People, told
from tests.support.parts import is_over, manifest, started
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

HALF_A_MINUTE, MINUTE, DAY = timedelta(seconds=31), timedelta(minutes=1), timedelta(days=1)
HOST = "api.example.com"
BREAKER = "breaker: {failures: 2}"


class Watched:
    """Parts with a target `billing` that the job `a` calls, and a watch of which nothing runs by itself."""

    def __init__(self, jobs: Watch) -> None:
        self.jobs = jobs
        self.parts = jobs.parts
        self.certificates = Certificates()
        parts = jobs.parts
        self.watch = TargetWatch(
            parts.store,
            parts.dispatcher.changes,
            jobs.people,
            self.certificates,
            pressures=lambda: parts.dispatcher.targets.pressures(parts.reconciler.targets.rules.known),
            jobs=parts.dispatcher.jobs,
            now=parts.clock,
            tell=jobs.deliverer.wake,
        )

    async def declare(self, limits: str | None = BREAKER) -> None:
        entry = "{}" if limits is None else f"billing: {{base_url: '{self.jobs.target.url()}', {limits}}}"
        self.parts.manifest("targets.yaml", entry)
        text = manifest("a", "path: /a\ntarget: billing\n")
        lines = (line for line in text.splitlines() if "target_url" not in line)
        self.parts.manifest("a.yaml", "\n".join(lines) if limits is not None else manifest("a"))
        await self.parts.sync()

    async def run(self, *statuses: int) -> None:
        """Run the job by hand, once for each status that its target answers."""
        for status in statuses:
            self.jobs.target.answers("/a", Answer(status))
            run = await self.parts.dispatcher.trigger("a", by="me")
            await self.parts.row_where("a", lambda row: row.execution_id == run.execution_id and is_over(row))  # noqa: B023

    async def look(self, after: timedelta = timedelta()) -> None:
        self.parts.clock.shift += after
        await self.watch.look()
        await self.jobs.look()

    async def of_targets(self) -> list[tuple[str, EndReason | None]]:
        """The incidents that are of no job, oldest first, and how they ended."""
        return [(one.subject, one.end_reason) for one in await self.jobs.incidents() if one.job_id is None]


@pytest.fixture
async def watched(tmp_path: Path, target: Target, people: People) -> AsyncIterator[Watched]:
    people.expect(after_failures=1_000, is_late_watched=False)  # only targets are told of
    async with started(tmp_path) as parts:
        one = Watched(watch(parts, target, people))
        await one.declare()
        yield one


async def test_an_open_circuit_is_told_once_and_so_is_the_recovery(watched: Watched, target: Target) -> None:
    await watched.run(503, 503)
    for _ in range(3):
        await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "billing")]]
    (one,) = await watched.jobs.incidents()
    assert (one.job_id, one.target, one.failures, one.error) == (None, "billing", 2, "answered 503")
    await watched.run(500)  # half-open, and it opens again
    await watched.look(HALF_A_MINUTE)
    await watched.run(200)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "billing")], [("recovered", "billing")]]
    assert await watched.of_targets() == [("billing", EndReason.RECOVERED)]


async def test_it_is_reminded_of_each_day_unless_somebody_takes_care(watched: Watched, target: Target) -> None:
    await watched.run(503, 503)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    await watched.look(DAY + MINUTE)
    await watched.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "billing")], [("reminder", "billing")]]
    (one,) = await watched.jobs.incidents()
    await acknowledge(watched.parts.store, one.incident_id, by="ann", until=None, at=watched.parts.clock())
    await watched.look(DAY + MINUTE)
    await watched.look(HALF_A_MINUTE)
    assert len(told(target)) == 2


async def test_slots_that_an_open_circuit_skips_are_no_trouble_of_their_jobs(watched: Watched) -> None:
    await watched.run(503, 503)
    watched.jobs.people.expect(after_failures=1, is_late_watched=True)
    watched.parts.manifest("b.yaml", "job_id: b\ntarget: billing\ninterval: {seconds: 1}\n")
    await watched.parts.sync()
    rows = await watched.parts.rows_where("b", bool)
    assert {(row.status, row.reason) for row in rows} == {(Status.SKIPPED, Reason.CIRCUIT_OPEN)}
    await watched.look()
    assert [one.subject for one in await watched.jobs.incidents() if one.subject != "a"] == ["billing"]


async def test_after_a_restart_it_goes_on_until_the_target_works(
    watched: Watched, target: Target, people: People
) -> None:
    await watched.run(503, 503)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    again = Watched(watch(watched.parts, target, people))  # knows nothing of what was before
    watched.parts.dispatcher.limit({})
    watched.parts.dispatcher.limit(watched.parts.reconciler.targets.rules.limits)  # as at a start: closed
    await again.look(HALF_A_MINUTE)
    assert await again.of_targets() == [("billing", None)]
    await again.run(503)
    await again.look(HALF_A_MINUTE)
    assert await again.of_targets() == [("billing", None)]
    await again.run(503)
    await again.look(HALF_A_MINUTE)
    assert await again.of_targets() == [("billing", None)]  # it is open again: the same incident
    await again.run(200)
    await again.look()
    await again.look(HALF_A_MINUTE)
    assert told(target) == [[("began", "billing")], [("recovered", "billing")]]


@pytest.mark.parametrize(("limits", "why"), [(None, EndReason.REMOVED), ("concurrency: 2", EndReason.UNWATCHED)])
async def test_a_target_that_is_no_longer_watched_ends_it_without_a_recovery(
    watched: Watched, target: Target, limits: str | None, why: EndReason
) -> None:
    await watched.run(503, 503)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    await watched.declare(limits)
    await watched.look(HALF_A_MINUTE)
    await watched.look(HALF_A_MINUTE)
    assert await watched.of_targets() == [("billing", why)]
    assert told(target) == [[("began", "billing")]]


async def test_a_job_with_the_name_of_the_target_has_nothing_to_do_with_it(watched: Watched, target: Target) -> None:
    await watched.parts.create("billing", target_url=target.url("/a"), run_at="2099-01-01T00:00:00Z")
    await watched.run(503, 503)
    await watched.look()
    (one,) = await watched.jobs.incidents()
    assert (one.job_id, one.target) == (None, "billing")
    await watched.look(MINUTE)
    assert await watched.of_targets() == [("billing", None)]


async def test_a_channel_that_is_new_is_told_of_what_is_open(watched: Watched, target: Target) -> None:
    await watched.run(503, 503)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    people = watched.jobs.people
    people.channels.append(Chat("other", target.url("/other")))
    people.edition = "2"
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    assert (told(target), told(target, "/other")) == ([[("began", "billing")]], [[("began", "billing")]])


async def test_a_certificate_that_expires_is_told_once_and_so_is_the_new_one(watched: Watched, target: Target) -> None:
    now = watched.parts.clock()
    watched.certificates.seen(HOST, now + 20 * DAY)
    await watched.look()
    assert await watched.of_targets() == []
    watched.certificates.seen(HOST, now + 10 * DAY)
    await watched.look()
    await watched.look(HALF_A_MINUTE)
    (one,) = await watched.jobs.incidents()
    assert (one.job_id, one.host) == (None, HOST)
    assert one.expires_at is not None
    assert abs(one.expires_at - (now + 10 * DAY)) < timedelta(seconds=1)
    watched.certificates.seen(HOST, now + 90 * DAY)
    await watched.look(HALF_A_MINUTE)
    assert told(target, CHAT) == [[("began", HOST)]]  # another server may still have the old one
    await watched.look(DAY + MINUTE)
    await watched.look(HALF_A_MINUTE)
    assert told(target)[-1] == [("recovered", HOST)]
    assert await watched.of_targets() == [(HOST, EndReason.RECOVERED)]


async def test_two_servers_behind_one_name_do_not_flap(watched: Watched, target: Target) -> None:
    now = watched.parts.clock()
    for _ in range(5):
        for days in (10, 90):
            watched.certificates.seen(HOST, now + days * DAY)
            await watched.look(HALF_A_MINUTE)
    assert await watched.of_targets() == [(HOST, None)]
    assert told(target) == [[("began", HOST)]]


async def test_one_that_was_not_seen_since_a_restart_goes_on(watched: Watched, target: Target, people: People) -> None:
    now = watched.parts.clock()
    watched.certificates.seen(HOST, now + 10 * DAY)
    await watched.look()
    again = Watched(watch(watched.parts, target, people))
    await again.look(MINUTE)
    await again.look(MINUTE)
    assert await again.of_targets() == [(HOST, None)]
    again.certificates.seen(HOST, now + 90 * DAY)
    await again.look()
    assert await again.of_targets() == [(HOST, EndReason.RECOVERED)]
