"""`/preview`, `/jobs/{id}/why` and the limits of a job, over the real parts."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.api.routes import preview
from tests.support.api import JOBS
from tests.support.parts import Parts, client, opened, soon

pytestmark = pytest.mark.anyio

LIMITED = {
    "job_id": "limited",
    "cron": "0 9 1 * *",
    "target_url": "http://127.0.0.1:9/",
    "start_at": "2026-04-01T00:00",
    "end_at": "2099-04-01T00:00:00Z",
    "blackout": [
        {"from": "2026-08-10T00:00", "to": "2026-08-17T00:00"},
        {"cron": "0 22 * * *", "duration": {"hours": 8}},
    ],
    "calendar": {"country": "JP", "closed": ["12-29/01-03"], "only": "business_days", "shift": "next"},
    "jitter_sec": 90,
}


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path) as running:
        yield running


async def ok(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_limits_are_kept_and_returned(api: httpx.AsyncClient) -> None:
    await ok(await api.post(JOBS, json=LIMITED))
    detail = await ok(await api.get(f"{JOBS}/limited"))
    assert detail["start_at"] == "2026-04-01T00:00:00+09:00"
    assert detail["end_at"] == "2099-04-01T09:00:00+09:00"
    assert detail["blackout"] == [
        {"from": "2026-08-10T00:00:00+09:00", "to": "2026-08-17T00:00:00+09:00"},
        {"cron": {"minute": "0", "hour": "22", "day": "*", "month": "*", "day_of_week": "*"}, "duration": {"hours": 8}},
    ]
    assert detail["calendar"] == LIMITED["calendar"]
    assert detail["jitter_sec"] == 90
    plain = await ok(await api.post(JOBS, json={"job_id": "plain", **soon(3_600), "target_url": "http://127.0.0.1:9/"}))
    detail = await ok(await api.get(f"{JOBS}/{plain['job_id']}"))
    assert [detail[name] for name in ("start_at", "end_at", "blackout", "calendar", "jitter_sec")] == [
        None, None, [], None, 0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"calendar": {"name": "office", "only": "business_days"}}, "calendar.name", "'office' is not known"),
        ({"blackout": [{"cron": "0 1 * * *"}]}, "blackout.0", "`cron` and `duration`"),
        ({"jitter_sec": "90"}, "jitter_sec", "has to be a whole number, not the text '90'"),
    ],
)
async def test_wrong_limits_are_422(api: httpx.AsyncClient, fields: dict[str, Any], field: str, message: str) -> None:
    answer = await api.post(JOBS, json=LIMITED | fields)
    assert answer.status_code == 422
    assert [(one["field"], message in one["message"]) for one in answer.json()["errors"]] == [(field, True)]


async def test_a_calendar_of_the_source_has_its_name_in_the_api_too(api: httpx.AsyncClient, parts: Parts) -> None:
    """Its days are those of the moment at which the job is made."""
    named = {"name": "office", "only": "business_days"}
    body = LIMITED | {"blackout": [], "calendar": named}
    refused = await api.post(JOBS, json=body)
    assert refused.status_code == 422
    assert [(one["field"], one["rule"]) for one in refused.json()["errors"]] == [("calendar.name", "unknown-calendar")]
    parts.manifest("calendars.yaml", "office: {country: JP, closed: [12-29/01-03]}\n")
    await parts.sync()
    await ok(await api.post(JOBS, json=body))
    calendar = (await ok(await api.get(f"{JOBS}/limited")))["calendar"]
    assert calendar == named | {"country": "JP", "closed": ["12-29/01-03"]}
    parts.manifest("calendars.yaml", "office: {country: JP}\n")
    await parts.sync()
    assert (await ok(await api.get(f"{JOBS}/limited")))["calendar"] == calendar
    await ok(await api.put(f"{JOBS}/limited", json=body))
    assert "closed" not in (await ok(await api.get(f"{JOBS}/limited")))["calendar"]


async def test_a_job_hears_of_all_that_is_wrong_with_it_at_once(api: httpx.AsyncClient) -> None:
    body = {
        "job_id": "a",
        "target_url": "http://127.0.0.1:9/${secret:none}",
        "run_at": "2020-01-01T00:00Z",
        "adopt": True,
    }
    errors = (await api.post(JOBS, json=body)).json()["errors"]
    assert {one["rule"] for one in errors} == {"secret-not-allowed", "run-at-past", "manifests-only"}


async def test_a_window_that_is_over_is_422(api: httpx.AsyncClient) -> None:
    answer = await api.post(JOBS, json=LIMITED | {"end_at": "2026-05-01T00:00"})
    assert answer.status_code == 422
    assert "is in the past" in answer.text


async def test_preview(api: httpx.AsyncClient) -> None:
    await ok(await api.post(JOBS, json=LIMITED))
    await ok(await api.post(JOBS, json={"job_id": "日次", "cron": "0 9 * * *", "target_url": "http://127.0.0.1:9/"}))
    await ok(await api.post(f"{JOBS}/日次/pause"))
    both = await ok(await api.get("/api/v1/preview", params={"from": "2026-12-15T00:00", "count": 2}))
    assert [(one["job_id"], one["paused"], len(one["fire_times"])) for one in both["jobs"]] == [
        ("limited", False, 2),
        ("日次", True, 2),
    ]
    assert both["jobs"][0]["fire_times"][0].startswith("2027-01-04T09:0")
    one = await ok(
        await api.get(
            "/api/v1/preview", params={"job_id": "日次", "from": "2000-01-01T00:01Z", "until": "2000-01-01T00:02Z"}
        )
    )
    assert [(job["job_id"], job["fire_times"]) for job in one["jobs"]] == [("日次", [])]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"job_id": "nobody"}, 404),
        ({"from": "soon"}, 422),
        ({"until": "2026-03-08T02:30:00+99:00"}, 422),
        ({"count": "0"}, 422),
        ({"from": "2026-12-01T00:00", "until": "2026-11-01T00:00"}, 422),
        ({"count": "1001"}, 422),
    ],
)
async def test_wrong_previews(api: httpx.AsyncClient, params: dict[str, str], status: int) -> None:
    answer = await api.get("/api/v1/preview", params=params)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


async def test_too_much_at_once_is_422(api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "MOST", 5)
    for job_id in ("a", "b"):
        await ok(
            await api.post(JOBS, json={"job_id": job_id, "cron": "0 9 * * *", "target_url": "http://127.0.0.1:9/"})
        )
    assert len((await ok(await api.get("/api/v1/preview", params={"count": 2})))["jobs"]) == 2
    answer = await api.get("/api/v1/preview", params={"count": 3})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "2 jobs times 3 is more than 5: lower count, or name jobs by job_id"
    await ok(await api.get("/api/v1/preview", params={"count": 3, "job_id": "a"}))


async def test_why(api: httpx.AsyncClient, parts: Parts) -> None:
    created = await ok(
        await api.post(JOBS, json={"job_id": "a b", "cron": "* * * * *", "target_url": "http://127.0.0.1:9/"})
    )
    await ok(await api.post(f"{JOBS}/a b/pause", json={"by": "Ada"}))
    parts.clock.shift = timedelta(minutes=3)
    await ok(await api.post(f"{JOBS}/a b/resume"))
    now = parts.clock()
    asked = (now - timedelta(minutes=1)).isoformat(timespec="minutes")
    found = await ok(await api.get(f"{JOBS}/a b/why", params={"at": asked}))
    assert created["job_id"] == found["job_id"] == "a b"
    assert [(one["status"], one["reason"]) for one in found["slots"]] == [("skipped", "paused")]
    assert "were skipped: the job was paused." in found["answer"]
    unescaped = await ok(await api.get(f"{JOBS}/a b/why?at={asked}"))  # the plus sign arrives as a space
    assert unescaped == found
    await ok(await api.delete(f"{JOBS}/a b"))
    removed = await ok(await api.get(f"{JOBS}/a b/why", params={"at": asked}))
    assert removed["answer"].endswith("The job has been deleted since.")
    assert removed["next_run"] is None


@pytest.mark.parametrize(
    ("job_id", "params", "status"),
    [("nobody", {"at": "2026-01-01T00:00Z"}, 404), ("a", {"at": "soon"}, 422)],
)
async def test_wrong_whys(api: httpx.AsyncClient, job_id: str, params: dict[str, str], status: int) -> None:
    await ok(await api.post(JOBS, json={"job_id": "a", "cron": "0 9 * * *", "target_url": "http://127.0.0.1:9/"}))
    answer = await api.get(f"{JOBS}/{job_id}/why", params=params)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)


async def test_both_want_the_token(parts: Parts) -> None:
    async with client(parts, token="secret") as guarded:
        for path in ("/api/v1/preview", f"{JOBS}/a/why?at=2026-01-01T00:00Z"):
            assert (await guarded.get(path)).status_code == 401
