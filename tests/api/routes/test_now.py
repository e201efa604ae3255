"""What is going on now, what changed since, and what comes next."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
import pytest

from myscheduler.adapters.store import Connection, Store
from myscheduler.core.history.execution import Status
from myscheduler.errors import StoreUnavailableError
from tests.support.api import JOBS, TOKYO, assert_problem, create, ok
from tests.support.parts import MovableClock, Parts, client, manifest, opened, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

T = TypeVar("T")
NOW, CHANGES, UPCOMING = "/api/v1/now", "/api/v1/changes", "/api/v1/upcoming"


async def now(api: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = await ok(api, "GET", NOW)
    return found


async def changes(api: httpx.AsyncClient, seq: str) -> dict[str, Any]:
    found: dict[str, Any] = await ok(api, "GET", CHANGES, params={"since": seq})
    return found


class TestNow:
    async def test_nothing_is_going_on(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await parts.sync()
        found = await now(api)
        assert found["jobs"] == {"total": 0, "paused": 0, "held": 0, "failing": 0}
        assert found["executions"] == {"in_flight": 0, "oldest": []}
        assert found["waiting"] == {"queued_runs": 0, "asked_runs": 0, "due": 0}
        assert found["failures"] == []
        assert found["incidents"] == {"open": 0, "newest": []}
        assert found["notifications"] == {"channels": 0, "failing": []}
        assert (found["source"]["condition"], found["source"]["problem_count"]) == ("Ready", 0)
        database = {"ok": True, "error": None, "error_coded": None, "well_at": ""}
        assert found["database"] | {"well_at": ""} == database
        assert datetime.fromisoformat(found["at"]).utcoffset() == TOKYO

    async def test_jobs_are_counted(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("held.yaml", manifest("held"))
        await parts.sync()
        parts.manifest("held.yaml", manifest("held", "unknown: 1\n"))
        await parts.sync()
        for job_id in ("a", "b", "c"):
            await create(api, job_id=job_id)
        await ok(api, "POST", f"{JOBS}/a/pause")
        await ok(api, "POST", f"{JOBS}/b/pause")
        await ok(api, "POST", f"{JOBS}/b/resume")
        found = await now(api)
        assert found["jobs"] == {"total": 4, "paused": 1, "held": 1, "failing": 0}
        assert (found["source"]["condition"], found["source"]["reason"]) == ("Stalled", "ProblemsInManifests")
        assert {one["type"]: one["status"] for one in found["source"]["conditions"]}["Stalled"]
        await ok(api, "DELETE", f"{JOBS}/a")
        assert (await now(api))["jobs"]["paused"] == 0

    async def test_failures(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/run", Answer(500, b""))
        await create(api, target_url=target.url("/run"))
        await now(api)
        triggered = await ok(api, "POST", f"{JOBS}/a/trigger")
        await parts.row_where("a", lambda row: row.status is Status.FAILED)
        found = await until(lambda: now(api), lambda found: found["jobs"]["failing"] == 1)
        assert [one["execution_id"] for one in found["failures"]] == [triggered["execution_id"]]
        assert found["failures"][0]["http_status_code"] == 500
        target.answers("/run", Answer(200, b""))
        await ok(api, "POST", f"{JOBS}/a/trigger")
        found = await until(lambda: now(api), lambda found: found["jobs"]["failing"] == 0)
        assert len(found["failures"]) == 1

    async def test_failing_jobs_are_known_after_a_restart(self, tmp_path: Any, target: Target) -> None:
        target.answers("/bad", Answer(500, b""))
        async with opened(tmp_path) as parts, client(parts) as api:
            parts.dispatcher.start()
            for job_id, path in (("bad", "/bad"), ("good", "/good"), ("mended", "/bad"), ("gone", "/bad")):
                await create(api, job_id=job_id, target_url=target.url(path))
                await ok(api, "POST", f"{JOBS}/{job_id}/trigger")
                await parts.row_where(job_id, lambda row: row.completed_at is not None)
        async with opened(tmp_path) as parts, client(parts) as api:
            parts.dispatcher.start()
            target.answers("/bad", Answer(200, b""))
            await ok(api, "POST", f"{JOBS}/mended/trigger")
            await parts.row_where("mended", lambda row: row.status is Status.COMPLETED)
            await until(lambda: now(api), lambda found: found["executions"]["in_flight"] == 0)
            await ok(api, "DELETE", f"{JOBS}/gone")
            assert (await now(api))["jobs"]["failing"] == 1

    async def test_executions_in_flight_and_waiting(self, api: httpx.AsyncClient, target: Target) -> None:
        target.answers("/run", Silence())
        await create(api, target_url=target.url("/run"), timeout_sec=30)
        first = await ok(api, "POST", f"{JOBS}/a/trigger")
        second = await ok(api, "POST", f"{JOBS}/a/trigger")
        found = await now(api)
        assert (first["status"], second["status"]) == ("triggered", "queued")
        assert (found["executions"]["in_flight"], found["waiting"]["queued_runs"]) == (1, 1)
        (one,) = found["executions"]["oldest"]
        assert (one["execution_id"], one["job_id"], one["kind"]) == (first["execution_id"], "a", "manual")
        assert one["host"] == f"127.0.0.1:{target.port}"

    async def test_due_slots_that_wait(self, tmp_path: Any, target: Target) -> None:
        target.answers("/run", Silence())
        async with opened(tmp_path, limit=1, drain_sec=0) as parts, client(parts) as api:
            parts.dispatcher.start()
            at = datetime.now(UTC) + timedelta(seconds=1)
            for job_id in ("a", "b", "c"):
                await create(api, job_id=job_id, target_url=target.url("/run"), run_at=at.isoformat())
            found = await until(lambda: now(api), lambda found: found["executions"]["in_flight"] == 1)
            found = await until(lambda: now(api), lambda found: found["waiting"]["due"] == 2)
            assert found["executions"]["in_flight"] == 1

    async def test_without_a_database(self, parts: Parts) -> None:
        parts.store_health.failed(StoreUnavailableError("the disk is full"))
        async with client(replace(parts, store=Gone()), token="s3cret") as api:  # others can't be checked
            api.headers["Authorization"] = "Bearer s3cret"
            found = await now(api)
        assert (found["failures"], found["incidents"], found["jobs"]["failing"]) == (None, None, None)
        assert (found["database"]["ok"], found["database"]["error"]) == (False, "the disk is full")


class Gone(Store):
    """A database that can't be read."""

    def __init__(self) -> None:
        """It has no engine and no threads."""

    async def read(self, query: Callable[[Connection], T]) -> T:  # noqa: ARG002
        raise StoreUnavailableError("it can't be read")


class TestChanges:
    async def test_jobs_and_executions(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        before = (await now(api))["seq"]
        await create(api, target_url=target.url())
        found = await changes(api, before)
        assert found | {"seq": ""} == {"seq": "", "reset": False, "jobs": ["a"], "executions": [], "source": False}
        run = await ok(api, "POST", f"{JOBS}/a/trigger")
        begun = await changes(api, found["seq"])
        assert (begun["jobs"], begun["executions"]) == (["a"], [run["execution_id"]])
        ended = await until(lambda: changes(api, begun["seq"]), lambda found: bool(found["executions"]))
        assert ended["executions"] == [run["execution_id"]]
        (row,) = await parts.rows("a")
        assert row.completed_at is not None  # stored before it is told
        assert (await changes(api, ended["seq"]))["jobs"] == []

    @pytest.mark.parametrize("act", ["pause", "trigger"])
    async def test_what_operators_do(self, api: httpx.AsyncClient, target: Target, act: str) -> None:
        target.answers("/", Silence())
        await create(api, target_url=target.url())
        await ok(api, "POST", f"{JOBS}/a/trigger")
        before = (await now(api))["seq"]
        await ok(api, "POST", f"{JOBS}/a/{act}")  # the second trigger is queued
        assert (await changes(api, before))["jobs"] == ["a"]

    async def test_a_deleted_job(self, api: httpx.AsyncClient) -> None:
        await create(api)
        before = (await now(api))["seq"]
        await ok(api, "DELETE", f"{JOBS}/a")
        assert (await changes(api, before))["jobs"] == ["a"]

    async def test_the_source(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("a.yaml", manifest("a"))
        await parts.sync()
        before = (await now(api))["seq"]
        await parts.sync()
        assert (await changes(api, before))["seq"] == before
        parts.manifest("a.yaml", manifest("a", "unknown: 1\n"))
        await parts.sync()
        held = await changes(api, before)
        assert (held["source"], held["jobs"]) == (True, ["a"])
        parts.manifest("a.yaml", manifest("a"))
        await parts.sync()
        assert (await changes(api, held["seq"]))["jobs"] == ["a"]

    async def test_a_number_of_another_process(self, api: httpx.AsyncClient) -> None:
        seq = (await now(api))["seq"]
        found = await changes(api, "abc-0")
        assert found == {"seq": seq, "reset": True, "jobs": [], "executions": [], "source": True}

    @pytest.mark.parametrize("seq", ["", "7", "-7", "abc-", "xyz-7", "abc-7-7", "ab²-7"])
    async def test_what_is_no_number(self, api: httpx.AsyncClient, seq: str) -> None:
        problem = assert_problem(await api.get(CHANGES, params={"since": seq}), 422)
        assert problem["errors"][0]["field"] == "since"

    async def test_it_has_to_be_given(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.get(CHANGES), 422)


class TestUpcoming:
    async def test_the_soonest_slots(self, api: httpx.AsyncClient) -> None:
        await create(api, job_id="hourly", cron="0 * * * *", name="Every hour", labels={"team": "a"})
        await create(api, job_id="paused", cron="* * * * *")
        await ok(api, "POST", f"{JOBS}/paused/pause")
        await create(api, job_id="abroad", cron="30 * * * *", timezone="Asia/Kolkata")
        found = await ok(api, "GET", UPCOMING, params={"limit": 4})
        assert (found["count"], found["complete"]) == (4, True)
        assert {one["job_id"] for one in found["upcoming"]} == {"hourly", "abroad"}
        slots = [datetime.fromisoformat(one["slot_utc"]) for one in found["upcoming"]]
        assert slots == sorted(slots)
        row = next(one for one in found["upcoming"] if one["job_id"] == "hourly")
        assert row | {"slot": "", "slot_utc": ""} == {
            "job_id": "hourly", "name": "Every hour", "slot": "", "slot_utc": "", "timezone": "Asia/Tokyo",
            "host": "example.com", "labels": {"team": "a"},
        }  # fmt: skip
        (abroad, *_) = (one for one in found["upcoming"] if one["job_id"] == "abroad")
        assert abroad["slot"].endswith(":30:00+05:30")
        assert datetime.fromisoformat(abroad["slot"]) == datetime.fromisoformat(abroad["slot_utc"])

    async def test_until(self, api: httpx.AsyncClient) -> None:
        await create(api, interval={"hours": 1})
        end = (datetime.now(UTC) + timedelta(hours=3, minutes=30)).isoformat()
        assert (await ok(api, "GET", UPCOMING, params={"until": end}))["count"] == 3

    async def test_a_job_is_listed_as_soon_as_it_is_created(self, api: httpx.AsyncClient) -> None:
        for number in range(5):
            await create(api, job_id=f"j{number}", interval={"minutes": 1 + number})
            found = await ok(api, "GET", UPCOMING, params={"limit": 1000, "until": _in(minutes=10)})
            assert f"j{number}" in {one["job_id"] for one in found["upcoming"]}
            await ok(api, "DELETE", f"{JOBS}/j{number}")
            assert (await ok(api, "GET", UPCOMING))["count"] == 0

    async def test_it_tells_what_really_runs(self, tmp_path: Any, target: Target) -> None:
        clock = MovableClock()
        async with opened(tmp_path, clock=clock, drain_sec=0) as parts, client(parts) as api:
            parts.dispatcher.start()
            await create(api, target_url=target.url(), interval={"seconds": 1})
            found = await ok(api, "GET", UPCOMING, params={"limit": 2})
            told = [datetime.fromisoformat(one["slot_utc"]) for one in found["upcoming"]]
            rows = await parts.rows_where("a", lambda rows: any(row.last_slot >= max(told) for row in rows))
            # slots that are due together run once: where no processor is free, a row covers several
            assert all(any(row.slot <= one <= row.last_slot for row in rows) for one in told)

    @pytest.mark.parametrize(
        "params",
        [{"limit": 0}, {"limit": 1001}, {"until": "soon"}, {"until": "2020-01-01T00:00:00Z"}, {"until": "1" * 65}],
    )
    async def test_what_is_refused(self, api: httpx.AsyncClient, params: dict[str, Any]) -> None:
        assert_problem(await api.get(UPCOMING, params=params), 422)


def _in(**distance: float) -> str:
    return (datetime.now(UTC) + timedelta(**distance)).isoformat()
