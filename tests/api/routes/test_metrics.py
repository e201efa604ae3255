"""The metrics say what happened, in both formats, to those who may read."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from myscheduler.api.door.authentication import Access, Credentials
from myscheduler.core.access.roles import Role
from myscheduler.core.calls.trace import trace_id_of
from myscheduler.core.history.execution import Status
from myscheduler.core.metrics import families
from tests.support.metrics import MISSING, PROMTOOL, Scraped, complaints, scrape
from tests.support.parts import client, is_over, opened, started, until
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

ODD = 'quote " slash \\ 日本'
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason=MISSING)


def test_every_family_has_a_name_of_its_own_and_a_help() -> None:
    every = (*families.OF_SERVICE, *families.OF_JOBS)
    assert len({one.name for one in every}) == len(every)
    assert all(one.help.endswith(".") and "\n" not in one.help for one in every)


@pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])
async def test_both_parsers_read_all_families_with_their_labels(tmp_path: Path, openmetrics: bool) -> None:
    async with started(tmp_path) as parts, client(parts, metric_labels={"team": "label_team"}) as api:
        await parts.create(ODD, labels={"team": 'a\\b"c'}, run_at="2999-01-01T00:00:00Z")
        await parts.dispatcher.trigger(ODD, by="me")
        await parts.row_where(ODD, is_over)
        await parts.sync()
        service = await until(
            lambda: scrape(api, openmetrics=openmetrics), lambda one: "execution_duration_seconds_count" in one.text
        )
        jobs = await scrape(api, "/metrics/jobs", openmetrics=openmetrics)
    assert service.is_openmetrics == jobs.is_openmetrics == openmetrics
    for scraped, known in ((service, families.OF_SERVICE), (jobs, families.OF_JOBS)):
        by_name = {one.name: one for one in known}
        for family in scraped.families:
            name = family.name.removesuffix("_info") if not openmetrics else family.name
            assert family.documentation == by_name[name].help
            for sample in family.samples:
                assert set(sample.labels) - {"le", "label_team"} == set(by_name[name].labels), sample
        assert {one.name.removesuffix("_info") for one in scraped.families} == by_name.keys()
    assert jobs.value("job_info", job_id=ODD, owner="api", label_team='a\\b"c') == 1


@needs_promtool
async def test_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    async with started(tmp_path) as parts, client(parts) as api:
        await parts.create(ODD)
        await parts.dispatcher.trigger(ODD, by="me")
        await parts.row_where(ODD, is_over)
        for path in ("/metrics", "/metrics/jobs"):
            assert complaints((await scrape(api, path)).text) == ""


async def test_what_happened_is_counted(tmp_path: Path) -> None:
    with Target() as target:
        target.answers("/bad", Answer(status=500))
        async with started(tmp_path) as parts, client(parts) as api:
            await parts.create("good", target_url=target.url())
            await parts.create("bad", target_url=target.url("/bad"), max_retries=1, retry_backoff_sec=0.01)
            await parts.create("idle")
            for _ in range(2):
                for job_id in ("good", "bad"):
                    await parts.dispatcher.trigger(job_id, by="me")
                await parts.rows_where("bad", lambda rows: all(map(is_over, rows)))
                await parts.rows_where("good", lambda rows: all(map(is_over, rows)))
            jobs = await until(
                lambda: scrape(api, "/metrics/jobs"),
                lambda one: one.value("job_executions_total", job_id="bad", result="failure") == 2,
            )
            service = await scrape(api, openmetrics=True)
            rows = {job_id: await parts.rows(job_id) for job_id in ("good", "bad")}
    assert service.value("executions_total", status="completed", cause="api", reason="") == 2
    assert service.value("executions_total", status="failed", cause="api", reason="") == 2
    assert service.value("attempts_total", outcome="success") == 2
    assert service.value("attempts_total", outcome="http_error") == 4
    assert service.value("execution_duration_seconds_count", status="failed") == 2
    assert service.value("start_delay_seconds_count", cause="api") == 4
    assert service.value("jobs", owner="api", state="running") == 3
    assert service.value("database_up") == 1
    assert service.samples("heartbeat_last_success_timestamp_seconds") == {}
    ids = {trace_id_of(row.execution_id) for history in rows.values() for row in history}
    exemplars = {*service.exemplars()}
    assert {name for name, _ in exemplars} == {
        "myscheduler_execution_duration_seconds_bucket",
        "myscheduler_start_delay_seconds_bucket",
    }
    assert {trace_id for _, trace_id in exemplars} <= ids

    assert jobs.value("job_consecutive_failures", job_id="bad") == 2
    assert jobs.value("job_consecutive_failures", job_id="good") == 0
    assert jobs.value("job_consecutive_failures", job_id="idle") == 0
    for job_id, name in (("good", "success"), ("bad", "failure")):
        row = rows[job_id][-1]
        assert row.started_at
        assert row.completed_at
        assert jobs.value(f"job_last_{name}_timestamp_seconds", job_id=job_id) == row.completed_at.timestamp()
        took = (row.completed_at - row.started_at).total_seconds()
        assert jobs.value("job_last_duration_seconds", job_id=job_id) == pytest.approx(took)
    assert jobs.value("job_last_success_timestamp_seconds", job_id="idle") is None


async def test_results_before_a_start_are_known_after_it(tmp_path: Path) -> None:
    with Target() as target:
        async with started(tmp_path) as parts:
            await parts.create("a", target_url=target.url())
            for status in (200, 500, 500):
                target.answers("/", Answer(status=status))
                await parts.dispatcher.trigger("a", by="me")
                rows = await parts.rows_where("a", lambda rows: all(map(is_over, rows)))
        async with opened(tmp_path) as parts, client(parts) as api:
            jobs = await scrape(api, "/metrics/jobs")
    assert [row.status for row in rows] == [Status.COMPLETED, Status.FAILED, Status.FAILED]
    success, failure = rows[0].completed_at, rows[2].completed_at
    assert success
    assert failure
    assert jobs.value("job_consecutive_failures", job_id="a") == 2
    assert jobs.value("job_last_success_timestamp_seconds", job_id="a") == success.timestamp()
    assert jobs.value("job_last_failure_timestamp_seconds", job_id="a") == failure.timestamp()
    assert jobs.value("job_executions_total", job_id="a", result="failure") == 0  # a counter begins with the process


async def test_a_removed_job_vanishes_and_another_with_its_id_begins_anew(tmp_path: Path) -> None:
    async with started(tmp_path) as parts, client(parts) as api:
        await parts.create("a")
        await parts.create("b")
        await parts.dispatcher.trigger("a", by="me")
        await parts.row_where("a", is_over)
        await until(
            lambda: scrape(api, "/metrics/jobs"), lambda one: one.value("job_consecutive_failures", job_id="a") == 1
        )
        await parts.catalog.delete("a")
        gone = await scrape(api, "/metrics/jobs")
        await parts.create("a")
        anew = await scrape(api, "/metrics/jobs")
    assert {dict(labels)["job_id"] for _, labels in gone.series()} == {"b"}
    assert anew.value("job_consecutive_failures", job_id="a") == 0
    assert anew.value("job_last_failure_timestamp_seconds", job_id="a") is None


async def test_executions_add_no_series(tmp_path: Path) -> None:
    async with started(tmp_path) as parts, client(parts) as api:
        await parts.create("a")

        async def run(times: int) -> tuple[set[Any], set[Any]]:
            for _ in range(times):
                await parts.dispatcher.trigger("a", by="me")
                await parts.rows_where("a", lambda rows: all(map(is_over, rows)))
            await until(lambda: scrape(api), lambda one: not one.samples("executions_in_flight"))
            await until(
                lambda: scrape(api, "/metrics/jobs"), lambda one: bool(one.samples("job_deadline_timestamp_seconds"))
            )
            found = [await scrape(api), await scrape(api, "/metrics/jobs")]
            return found[0].series(), found[1].series()

        assert await run(1) == await run(20)


async def test_pauses_and_next_runs(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts, client(parts) as api:
        plain = await parts.create("plain")
        await parts.create("paused")
        await parts.catalog.pause("paused", by="me")
        await parts.create("over", run_at="2999-01-01T00:00:00Z")
        jobs = await until(
            lambda: scrape(api, "/metrics/jobs"), lambda one: len(one.samples("job_next_run_timestamp_seconds")) == 2
        )
        service = await scrape(api)
    assert plain.next_slot
    assert jobs.value("job_next_run_timestamp_seconds", job_id="plain") == plain.next_slot.timestamp()
    assert jobs.value("job_next_run_timestamp_seconds", job_id="paused") is None
    assert jobs.value("job_paused", job_id="paused") == 1
    assert jobs.value("job_paused", job_id="plain") == 0
    assert service.value("jobs", owner="api", state="paused") == 1
    assert service.value("jobs", owner="api", state="running") == 2


async def test_the_source_is_measured(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts, client(parts) as api:
        assert (await scrape(api)).value("source_ready") == 0
        parts.manifest("a.yaml", "job_id: a\ntarget_url: http://127.0.0.1:9/\ncron: '0 9 * * *'\n")
        state = await parts.sync()
        good = await scrape(api)
        parts.manifest("a.yaml", "job_id: a\ntarget_url: http://127.0.0.1:9/\ncron: nonsense\n")
        await parts.sync()
        bad = await scrape(api)
    assert state.applied_at
    assert good.value("source_ready") == 1
    assert good.value("source_last_applied_timestamp_seconds") == state.applied_at.timestamp()
    assert good.value("reconcile_duration_seconds_count", result="Applied") == 1
    assert bad.value("source_ready") == 0
    assert bad.value("jobs_held") == 1
    assert bad.value("source_problems") == 1
    assert bad.value("reconcile_duration_seconds_count", result="ProblemsInManifests") == 1


async def test_a_full_database_is_measured(tmp_path: Path) -> None:
    async with started(tmp_path) as parts, client(parts) as api:
        await parts.create("a", interval={"seconds": 1})
        parts.fill()
        broken = await until(lambda: scrape(api), lambda one: one.value("database_up") == 0)
        parts.make_room()
        well = await until(lambda: scrape(api), lambda one: one.value("database_up") == 1)
    assert (broken.value("database_errors_total", kind="full") or 0) > 0
    assert (well.value("database_commit_duration_seconds_count") or 0) > 0


async def test_clock_jumps_are_counted(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts, client(parts) as api:
        for hours in (1, -2):
            parts.clock.shift += timedelta(hours=hours)
            await parts.timekeeper.look()
        found = await scrape(api)
    assert found.value("clock_jumps_total", direction="forward") == 1
    assert found.value("clock_jumps_total", direction="back") == 1


async def test_a_viewer_may_read_and_nobody_else(tmp_path: Path) -> None:
    access = Access(Credentials("secret-token-of-a-viewer", Role.VIEWER))
    async with opened(tmp_path) as parts, client(parts, access=access) as api:
        refused = [(await api.get(path)).status_code for path in ("/metrics", "/metrics/jobs")]
        api.headers["Authorization"] = "Bearer secret-token-of-a-viewer"
        found = await scrape(api)
        await scrape(api, "/metrics/jobs")
    assert refused == [401, 401]
    assert found.value("auth_failures_total", kind="no-token") == 2
    assert found.value("auth_failures_total", kind="token") == 0


async def test_credentials_of_jobs_are_in_no_label(tmp_path: Path) -> None:
    secret = "Us3r-inf0-pw"
    async with started(tmp_path) as parts, client(parts, metric_labels={"note": "label_note"}) as api:
        url, note = f"http://ada:{secret}@127.0.0.1:9/?api_key={secret}", f"password={secret}"
        await parts.create("a", target_url=url, labels={"note": note}, headers={"X-Api-Key": secret})
        await parts.dispatcher.trigger("a", by="me")
        await parts.row_where("a", is_over)
        found = [await scrape(api), await scrape(api, "/metrics/jobs")]
    assert "label_note" in found[1].text
    assert not [one for one in found if secret in one.text]


async def test_what_waits_for_pings_is_no_call_in_flight(tmp_path: Path) -> None:
    async with started(tmp_path) as parts, client(parts) as api:
        await parts.create("a", target_url=None, ping={"key_sha256": "0" * 64}, interval={"seconds": 1})
        await parts.row_where("a", lambda row: row.status is Status.RUNNING)
        assert (await scrape(api)).samples("executions_in_flight") == {}


async def test_due_slots_that_wait_are_counted_by_why(tmp_path: Path) -> None:
    with Target() as target:
        target.answers("/slow", Answer(delay=3600))
        async with started(tmp_path, limit=2, limit_per_host=1) as parts, client(parts) as api:
            await parts.create("first", target_url=target.url("/slow"), interval={"seconds": 1}, overlap="queue")
            await until(lambda: scrape(api), lambda one: sum(one.samples("executions_in_flight").values()) == 1)
            await parts.create("second", target_url=target.url("/slow"), interval={"seconds": 1})
            found = await until(
                lambda: scrape(api),
                lambda one: (
                    (one.value("executions_waiting", reason="permit") or 0) >= 1
                    and (one.value("executions_waiting", reason="overlap") or 0) >= 1
                ),
            )
            await asyncio.sleep(0.05)
            later: Scraped = await scrape(api)
    assert list(found.samples("executions_in_flight").values()) == [1]
    before, after = (one.value("execution_oldest_waiting_seconds") for one in (found, later))
    assert after is not None
    assert after > 0
    assert before is not None
