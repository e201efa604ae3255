"""`myscheduler executions`, against an API in place of the service's."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from tests.support.answers import EXECUTION_ID, execution
from tests.support.commands import API, asked, help_of
from tests.support.golden import expect

OTHER_ID = EXECUTION_ID.replace("019", "020")
ATTEMPTS = [
    {
        "number": 1,
        "started_at": "2026-11-30T09:00:00.012345+09:00",
        "duration_ms": 60_000,
        "http_status_code": None,
        "failure": "timeout",
        "error": "no complete answer within 60 s",
    },
    {
        "number": 2,
        "started_at": "2026-11-30T09:01:05+09:00",
        "duration_ms": None,
        "http_status_code": 503,
        "failure": "http-error",
        "error": "answered 503",
    },
]


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API) as router:
        yield router


@pytest.mark.parametrize("columns", ["80", "130"])
def test_the_table(api: respx.MockRouter, columns: str) -> None:
    shown = [
        execution(),
        execution(status="completed", error_message=None, execution_time_ms=480, http_status_code=200, job_id="a"),
        execution(
            status="skipped", reason="paused", slot_count=1_200, error_message=None, execution_time_ms=None,
            http_status_code=None, started_at=None, completed_at=None,
        ),
    ]  # fmt: skip
    api.get("/executions").respond(json={"executions": shown, "next_cursor": "c1"})
    result = asked("executions", "list", "--limit", "3", COLUMNS=columns)
    assert result.exit_code == 0
    expect(f"executions-{columns}.txt", result.stdout)


def test_filters_are_those_of_the_api(api: respx.MockRouter) -> None:
    route = api.get("/executions").respond(json={"executions": [], "next_cursor": None})
    result = asked(
        "executions", "list", "--job", "日次", "--job", "a", "--status", "failed", "--status", "missed", "--reason",
        "overlap", "--kind", "manual", "--cause", "catch_up", "--label", "team=billing", "--host", "example.com",
        "--from", "2026-11-01T00:00", "--until", "2026-12-01T00:00", "--min-duration-ms", "1000",
        "--min-lateness-ms", "2000", "--cursor", "c1",
    )  # fmt: skip
    assert result.exit_code == 0
    assert sorted(route.calls.last.request.url.params.multi_items()) == [
        ("cause", "catch_up"), ("cursor", "c1"), ("from", "2026-11-01T00:00"), ("host", "example.com"),
        ("job_id", "a"), ("job_id", "日次"), ("kind", "manual"), ("label", "team=billing"), ("limit", "50"),
        ("min_duration_ms", "1000"), ("min_lateness_ms", "2000"), ("reason", "overlap"), ("status", "failed"),
        ("status", "missed"), ("until", "2026-12-01T00:00"),
    ]  # fmt: skip


def test_short_pages_are_put_together(api: respx.MockRouter) -> None:
    pages: dict[str | None, dict[str, Any]] = {
        None: {"executions": [execution(job_id="a")], "count": 1, "next_cursor": "c1"},
        "c1": {"executions": [], "count": 0, "next_cursor": "c2"},
        "c2": {"executions": [execution(job_id="b")], "count": 1, "next_cursor": "c3"},
    }
    route = api.get("/executions").mock(
        side_effect=lambda asks: respx.MockResponse(json=pages[asks.url.params.get("cursor")])
    )
    result = asked("executions", "list", "--status", "failed", "--limit", "2", "--format", "json")
    answer = json.loads(result.stdout)
    assert [one["job_id"] for one in answer["executions"]] == ["a", "b"]
    assert (answer["count"], answer["next_cursor"]) == (2, "c3")
    assert [asks.request.url.params["limit"] for asks in route.calls] == ["2", "1", "1"]


def test_a_search_without_end_stops(api: respx.MockRouter) -> None:
    route = api.get("/executions").respond(json={"executions": [], "next_cursor": "c"})
    result = asked("executions", "list", "--status", "failed")
    assert result.stdout.splitlines()[-1] == "more: --cursor c"
    assert route.call_count == 21


def test_show(api: respx.MockRouter) -> None:
    found = execution(attempts_detail=ATTEMPTS, rerun_of=OTHER_ID, response="第一行\n\x1b[2Jsecond")
    api.get(f"/executions/{EXECUTION_ID}").respond(json=found)
    expect("executions-show.txt", asked("executions", "show", EXECUTION_ID, COLUMNS="100").stdout)
    assert json.loads(asked("executions", "show", EXECUTION_ID, "--format", "json").stdout) == found


def test_one_that_there_is_not(api: respx.MockRouter) -> None:
    api.get("/executions/..").respond(404, json={"detail": "there is no execution '..'"})
    api.get("/executions/%2E%2E").respond(404, json={"detail": "there is no execution '..'"})
    result = asked("executions", "show", "..")
    assert (result.exit_code, "answered 404: there is no execution '..'" in result.stderr) == (1, True)


def test_cancel(api: respx.MockRouter) -> None:
    answer = {"execution_id": EXECUTION_ID, "job_id": "a", "status": "cancelled"}
    route = api.post(f"/executions/{EXECUTION_ID}/cancel").respond(json=answer)
    assert asked("executions", "cancel", EXECUTION_ID, "--reason", "r", "--by", "Ada").stdout == (
        f"{EXECUTION_ID}: cancelled\n"
    )
    assert json.loads(route.calls.last.request.content) == {"reason": "r", "by": "Ada"}
    assert json.loads(asked("executions", "cancel", EXECUTION_ID, "--format", "json").stdout) == answer


@pytest.mark.parametrize(
    ("ends", "code"),
    [({"status": "completed"}, 0), ({"status": "failed"}, 1), ({"status": "interrupted", "reason": "cancelled"}, 1)],
    ids=["completed", "failed", "interrupted"],
)
def test_rerun_waits_while_the_run_is_queued_and_in_progress(
    api: respx.MockRouter, ends: dict[str, str], code: int
) -> None:
    answer = {"job_id": "a", "status": "queued", "execution_id": OTHER_ID, "rerun_of": EXECUTION_ID}
    route = api.post(f"/executions/{EXECUTION_ID}/rerun").respond(json=answer)
    api.get("/jobs/a/executions").respond(json={"job_id": "a", "executions": [execution()], "count": 1})
    states = [
        respx.MockResponse(404, json={"detail": "it is queued"}),
        respx.MockResponse(json=execution(status="running")),
        respx.MockResponse(json=execution(**ends)),
    ]
    looks = api.get(f"/executions/{OTHER_ID}").mock(side_effect=states)
    result = asked("executions", "rerun", EXECUTION_ID, "--wait", "--overlap", "allow")
    assert result.exit_code == code
    assert result.stdout.startswith(f"a: queued, execution {OTHER_ID}\n{ends['status']} after 2 min 5 s")
    assert looks.call_count == 3
    assert json.loads(route.calls.last.request.content) == {"overlap": "allow"}
    assert json.loads(asked("executions", "rerun", EXECUTION_ID, "--format", "json").stdout) == answer


@pytest.fixture
def rerun(api: respx.MockRouter) -> respx.MockRouter:
    api.post("/executions/a/rerun").respond(json={"job_id": "a", "status": "triggered", "execution_id": "b"})
    return api


def test_a_refusal_ends_the_waiting(rerun: respx.MockRouter) -> None:
    rerun.get("/executions/b").respond(403, json={"detail": "not yours"})
    result = asked("executions", "rerun", "a", "--wait")
    assert (result.exit_code, "answered 403: not yours" in result.stderr) == (1, True)


def test_a_server_that_is_away_is_waited_for(rerun: respx.MockRouter) -> None:
    states: list[httpx.Response | Exception] = [
        httpx.ConnectError("gone"),
        respx.MockResponse(503, json={"detail": "the database is away"}),
        respx.MockResponse(json=execution(status="completed")),
    ]
    rerun.get("/executions/b").mock(side_effect=states)
    assert asked("executions", "rerun", "a", "--wait").exit_code == 0
    rerun.get("/executions/b").mock(side_effect=httpx.ConnectError("gone"))
    late = asked("executions", "rerun", "a", "--wait", "--timeout", "0.1")
    assert (late.exit_code, "is the service running there?" in late.stderr) == (1, True)


def test_help() -> None:
    leaves = ("list", "show", "rerun", "cancel")
    expect("help-executions.txt", "\n".join(help_of("executions", *leaf) for leaf in ([], *([one] for one in leaves))))
