"""`/preview` of jobs that run after others, over the real parts: the history says how long others take."""

from datetime import timedelta

import pytest

from tests.support.parts import Parts, client, is_over
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio


async def test_a_job_that_runs_after_others(parts: Parts, target: Target) -> None:
    target.answers("/a", Answer(delay=1.2))
    await parts.create("a", cron="0 9 * * *", timezone="Asia/Tokyo", target_url=target.url("/a"))
    await parts.create("b", after=[{"job": "a"}], target_url=target.url("/b"))
    await parts.create("c", after=[{"job": "b"}], timezone="UTC")
    await parts.dispatcher.trigger("a", by="me", is_alone=True)
    (row,) = await parts.rows_where("a", lambda rows: any(map(is_over, rows)))
    assert row.started_at is not None
    assert row.completed_at is not None
    took = row.completed_at - row.started_at
    async with client(parts) as http:
        asked = {"from": "2099-04-01T00:00:00+09:00", "count": "1"}
        answer = await http.get("/api/v1/preview", params=asked | {"job_id": "c"})
        assert answer.status_code == 200, answer.text
        (job,) = answer.json()["jobs"]
        everything = (await http.get("/api/v1/preview", params=asked)).json()["jobs"]
    assert job["earliest"]["durations_sec"] == {"a": took.total_seconds(), "b": 0.5}
    assert took >= timedelta(seconds=1.2)
    (at,) = job["fire_times"]
    assert at.startswith("2099-04-01T00:00:01.")
    assert at.endswith("+00:00")
    assert job["earliest"]["times"] == [{"at": at, "slot": "2099-04-01T00:00:00+00:00", "path": ["a", "b"]}]
    assert job == everything[2]
    assert "earliest" not in everything[0]


async def test_a_root_that_is_paused(parts: Parts) -> None:
    await parts.create("a", cron="0 9 * * *")
    await parts.create("b", after=[{"job": "a"}])
    await parts.catalog.pause("a", by="me")
    async with client(parts) as http:
        (job,) = (await http.get("/api/v1/preview", params={"job_id": "b", "count": "2"})).json()["jobs"]
    assert (job["paused"], job["earliest"]["paused"], len(job["fire_times"])) == (False, ["a"], 2)
