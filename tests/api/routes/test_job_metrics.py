"""By when each job should have run, and what is left of its error budget, as Prometheus is told."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from myscheduler.core.history.execution import Record, Status
from tests.support.metrics import Scraped, scrape
from tests.support.parts import MovableClock, client, is_over, opened, received, soon, spec, started, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DEADLINE = "job_deadline_timestamp_seconds"
NOTIFICATIONS = """\
channels:
  chat: {kind: slack, url: "${secret:slack}"}
routes:
  - match: {labels: {team: patient}}
    channels: [chat]
    late_after: PT2H
  - match: {labels: {team: careless}}
    channels: [chat]
    late_after: false
default: {channels: [chat]}
"""


async def scraped(api: httpx.AsyncClient, job_id: str, name: str, **labels: str) -> Scraped:
    """The metrics of jobs, as soon as the job has that one: its history is read beside the scrapes."""
    return await until(
        lambda: scrape(api, "/metrics/jobs"), lambda one: one.value(name, job_id=job_id, **labels) is not None
    )


async def deadline(api: httpx.AsyncClient, job_id: str = "a") -> float | None:
    return (await scraped(api, job_id, DEADLINE)).value(DEADLINE, job_id=job_id)


def at(moment: datetime | None) -> float:
    assert moment
    return moment.timestamp()


class TestDeadline:
    async def test_it_is_the_next_run_and_its_grace(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as parts, client(parts) as api:
            job = await parts.create("a", timeout_sec=100)
            assert await deadline(api) == at(job.next_slot) + 100  # it may take as long as its timeout

    async def test_the_usual_duration_counts_once_there_is_one(self, tmp_path: Path) -> None:
        with Target() as target:
            async with started(tmp_path) as parts, client(parts) as api:
                job = await parts.create("a", target_url=target.url(), timeout_sec=500)
                await parts.dispatcher.trigger("a", by="me")
                await parts.row_where("a", is_over)
                assert await deadline(api) == at(job.next_slot) + 60

    async def test_what_notifications_say_applies(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as parts, client(parts) as api:
            for team in ("patient", "careless", "usual"):
                await parts.create(team, labels={"team": team}, interval={"hours": 5})
            parts.manifest("notifications.yaml", NOTIFICATIONS)
            await parts.sync()
            found = await scraped(api, "patient", DEADLINE)
            found = await scraped(api, "usual", DEADLINE)
            patient = (await parts.jobs())["patient"]
        assert found.value(DEADLINE, job_id="patient") == at(patient.next_slot) + 7_200
        assert found.value(DEADLINE, job_id="careless") is None

    async def test_a_job_that_does_not_run_has_none(self, tmp_path: Path) -> None:
        soon = datetime.now(UTC) + HOUR
        async with opened(tmp_path) as parts, client(parts) as api:
            for job_id in ("runs", "paused", "resumes"):
                await parts.create(job_id, interval={"minutes": 1}, timeout_sec=1)
            await parts.catalog.pause("paused", by="me")
            await parts.catalog.pause("resumes", by="me", until=soon)
            over = await parts.create("over", run_at=(datetime.now(UTC) + MINUTE).isoformat())
            await parts.catalog.pause("over", by="me", until=soon)
            found = await scraped(api, "runs", DEADLINE)
            found = await scraped(api, "resumes", DEADLINE)
        assert over.next_slot
        assert {dict(labels)["job_id"] for labels in found.samples(DEADLINE)} == {"runs", "resumes"}
        assert at(soon) < (found.value(DEADLINE, job_id="resumes") or 0) <= at(soon) + 120

    async def test_a_slot_that_is_not_decided_keeps_it(self, tmp_path: Path) -> None:
        """The dispatcher does not run, as if it hung."""
        slot = datetime.now(UTC) - 3 * MINUTE
        async with opened(tmp_path, clock=MovableClock(-HOUR)) as parts, client(parts) as api:
            await parts.create("a", run_at=slot.isoformat())
            parts.clock.shift = timedelta()
            assert await deadline(api) == at(slot) + 60
            parts.dispatcher.start()
            await parts.row_where("a", is_over)
            await until(lambda: scrape(api, "/metrics/jobs"), lambda one: one.value(DEADLINE, job_id="a") is None)

    async def test_a_call_that_does_not_end_keeps_it(self, tmp_path: Path) -> None:
        with Target() as target:
            target.answers("/", Silence())
            async with started(tmp_path) as parts, client(parts) as api:
                slot = datetime.now(UTC) + timedelta(seconds=0.5)
                await parts.create("a", target_url=target.url(), run_at=slot.isoformat(), timeout_sec=300)
                await received(target, 1)
                assert await deadline(api) == at(slot) + 300

    async def test_a_chain_in_progress_keeps_that_of_its_first_job(self, tmp_path: Path) -> None:
        with Target() as target:
            target.answers("/b", Silence())
            async with started(tmp_path) as parts, client(parts) as api:
                first = await parts.create("a", target_url=target.url("/a"), timeout_sec=100, **soon(0.3))
                await parts.create("b", target_url=target.url("/b"), timeout_sec=200, after=[{"job": "a"}])
                await parts.row_where("b", lambda row: row.started_at is not None)
                slot = (await parts.rows("a"))[0].slot
                found = await until(
                    lambda: scrape(api, "/metrics/jobs"),
                    lambda one: one.value(DEADLINE, job_id="a") == at(slot) + 300,
                )
                assert found.value(DEADLINE, job_id="b") is None, "that of the chain covers it"
                assert first.next_slot == slot

    async def test_a_slot_that_was_missed_keeps_it_until_the_job_runs(self, tmp_path: Path) -> None:
        slot = datetime.now(UTC) - HOUR
        often = {"interval": {"hours": 3}, "anchor": (slot - 3 * HOUR).isoformat(), "misfire_grace_time": 60}
        with Target() as target:
            async with opened(tmp_path, clock=MovableClock(-2 * HOUR)) as parts:
                await parts.create("a", target_url=target.url(), **often)
            async with started(tmp_path) as parts, client(parts) as api:
                await parts.row_where("a", lambda row: row.status is Status.MISSED)
                await until(partial(deadline, api), lambda found: found == at(slot) + 60)
                await parts.dispatcher.trigger("a", by="me")
                await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
                await until(partial(deadline, api), lambda found: found == at(slot) + 3 * 3_600 + 60)

    async def test_another_job_with_the_id_of_a_deleted_one_begins_anew(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as parts, client(parts) as api:
            await parts.create("a", timeout_sec=100)
            await deadline(api)
            await parts.catalog.delete("a")
            assert (await scrape(api, "/metrics/jobs")).series() == set()
            job = await parts.create("a", timeout_sec=200)
            assert await deadline(api) == at(job.next_slot) + 200


def _are_over(rows: list[Record], count: int) -> bool:
    return sum(map(is_over, rows)) == count


class TestObjective:
    async def test_the_budget_and_its_burn_rates_are_those_of_the_statistics(self, tmp_path: Path) -> None:
        with Target() as target:
            target.answers("/", Answer(status=500))
            async with started(tmp_path) as parts, client(parts) as api:
                await parts.create("plain", target_url=target.url())
                await parts.create("a", target_url=target.url(), interval={"seconds": 1}, slo={"success": 75})
                await scraped(api, "a", "job_slo_budget_left_ratio")
                await parts.rows_where("a", lambda rows: sum(map(is_over, rows)) >= 2)
                await parts.catalog.pause("a", by="me")
                await until(lambda: scrape(api), lambda one: not one.samples("executions_in_flight"))
                found = await until(
                    lambda: scrape(api, "/metrics/jobs"),
                    lambda one: one.value("job_slo_budget_left_ratio", job_id="a") == -3,
                )
                stats = (await api.get("/api/v1/jobs/a/stats")).json()["slo"]
        assert stats["budget_left"] == -3
        rates = {window: found.value("job_slo_burn_rate", job_id="a", window=window) for window in ("1/720", "1/10")}
        assert rates == {"1/720": 4, "1/10": 4}
        assert [one["rate"] for one in stats["burn"]] == [4, 4, 4]
        assert {dict(labels)["job_id"] for labels in found.samples("job_slo_budget_left_ratio")} == {"a"}

    async def test_in_chains_what_ran_counts_and_what_was_skipped_does_not(self, tmp_path: Path) -> None:
        with Target() as target:
            target.answers("/a", Answer(), Answer(status=500), Answer())
            target.answers("/b", Answer(), Answer(status=500))
            async with started(tmp_path) as parts, client(parts) as api:
                await parts.create("a", target_url=target.url("/a"))
                await parts.create("b", target_url=target.url("/b"), after=[{"job": "a"}], slo={"success": 75})
                await parts.create("c", target_url=target.url("/c"), after=[{"job": "b"}], slo={"success": 75})
                for count in (1, 2, 3):
                    await parts.dispatcher.trigger("a", by="me")
                    await parts.rows_where("c", partial(_are_over, count=count))
                stats = {one: (await api.get(f"/api/v1/jobs/{one}/stats")).json() for one in "bc"}
                found = await scraped(api, "b", "job_slo_budget_left_ratio")
        assert (stats["b"]["success_rate"], stats["c"]["success_rate"]) == (0.5, 1.0), "runs 1 and 3, and run 1"
        assert (stats["b"]["slo"]["budget_left"], stats["c"]["slo"]["budget_left"]) == (-1, 1)
        results = {
            one: found.value("job_executions_total", job_id="c", result=one)
            for one in ("success", "failure", "not_run")
        }
        assert results == {"success": 1, "failure": 0, "not_run": 2}

    async def test_without_a_due_run_the_budget_is_whole_and_nothing_burns(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as parts, client(parts) as api:
            await parts.create("a", slo={"success": 99.5})
            found = await scraped(api, "a", "job_slo_budget_left_ratio")
        assert found.value("job_slo_budget_left_ratio", job_id="a") == 1
        assert found.samples("job_slo_burn_rate") == {}

    async def test_an_objective_that_is_added_or_removed_is_noticed(self, tmp_path: Path) -> None:
        async with opened(tmp_path) as parts, client(parts) as api:
            await parts.create("a")
            await deadline(api)
            await parts.catalog.create(spec("a", slo={"success": 99.5}), replace_existing=True)
            await scraped(api, "a", "job_slo_budget_left_ratio")
            await parts.catalog.create(spec("a"), replace_existing=True)
            assert (await scrape(api, "/metrics/jobs")).samples("job_slo_budget_left_ratio") == {}
