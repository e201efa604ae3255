"""`myscheduler incidents`, against an API in place of the service's."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import respx

from tests.support.commands import API, asked
from tests.support.golden import expect

ID = "019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f"


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API) as router:
        yield router


def incident(**fields: Any) -> dict[str, Any]:
    return {
        "incident_id": ID,
        "job_id": "daily-report",
        "target": None,
        "host": None,
        "kind": "failing",
        "open": True,
        "began_at": "2026-11-30T09:00:02+09:00",
        "noticed_at": "2026-11-30T09:00:03+09:00",
        "expires_at": None,
        "ended_at": None,
        "end_reason": None,
        "failures": 3,
        "error_message": "answered 503",
        "first_execution_id": "019ae0c4-0000-7c3a-9d5e-2f6b8c1d4e7f",
        "last_execution_id": "019ae0c4-1111-7c3a-9d5e-2f6b8c1d4e7f",
        "revision": "git:2222222222222222222222222222222222222222",
        "good_revision": "git:1111111111111111111111111111111111111111",
        "acknowledged": None,
    } | fields


def test_the_table(api: respx.MockRouter) -> None:
    shown = [
        incident(),
        incident(kind="late", failures=0, error_message=None, job_id="backup"),
        incident(acknowledged={"by": "ada", "at": "2026-11-30T09:10:00+09:00", "until": None}),
        incident(open=False, ended_at="2026-11-30T10:00:02+09:00", end_reason="recovered"),
        incident(kind="circuit", job_id=None, target="billing", failures=5),
        incident(
            kind="certificate", job_id=None, host="api.example.com", failures=0, error_message=None,
            expires_at="2026-12-14T09:00:02+09:00",
        ),
    ]  # fmt: skip
    api.get("/incidents").respond(json={"incidents": shown, "next_cursor": "c1"})
    result = asked("incidents", "list", "--limit", "6", COLUMNS="130")
    assert result.exit_code == 0
    expect("incidents.txt", result.stdout)


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        pytest.param((), [("open", "true")], id="only open ones"),
        pytest.param(("--all",), [], id="all"),
        pytest.param(
            ("--job", "a", "--job", "b", "--kind", "late", "--label", "team=x"),
            [("job_id", "a"), ("job_id", "b"), ("kind", "late"), ("label", "team=x"), ("open", "true")],
            id="filters",
        ),
    ],
)
def test_filters_are_those_of_the_api(
    api: respx.MockRouter, options: tuple[str, ...], sent: list[tuple[str, str]]
) -> None:
    route = api.get("/incidents").respond(json={"incidents": [], "next_cursor": None})
    assert asked("incidents", "list", *options).exit_code == 0
    found = route.calls.last.request.url.params.multi_items()
    assert sorted(one for one in found if one[0] != "limit") == sent


def test_one_with_the_commit_and_whom_it_was_told(api: respx.MockRouter) -> None:
    change = {
        "file": "team/daily.yaml",
        "commit": "2222222222222222222222222222222222222222",
        "author": "Ada",
        "at": "2026-11-30T08:55:00+09:00",
        "subject": "Call the new host",
        "lines": ["-target_url: https://old.example.com/", "+target_url: https://new.example.com/"],
    }
    told = {
        "channel": "chat",
        "kind": "began",
        "at": "2026-11-30T09:00:03+09:00",
        "state": "waiting",
        "attempts": 2,
        "next_at": "2026-11-30T09:01:00+09:00",
        "error": "HTTP 503",
        "settled_at": None,
    }
    api.get(f"/incidents/{ID}").respond(json=incident(change=change, deliveries=[told]))
    result = asked("incidents", "show", ID)
    assert result.exit_code == 0
    expect("incidents-show.txt", result.stdout)


def test_one_of_a_target(api: respx.MockRouter) -> None:
    one = incident(kind="circuit", job_id=None, target="billing", first_execution_id=None, last_execution_id=None)
    api.get(f"/incidents/{ID}").respond(json=one | {"change": None, "deliveries": []})
    result = asked("incidents", "show", ID)
    assert result.exit_code == 0
    assert "target" in result.stdout
    assert "billing" in result.stdout
    assert "job" not in result.stdout
    answer = {"incident_id": ID, "job_id": None, "target": "billing", "host": None, "status": "acknowledged"}
    api.post(f"/incidents/{ID}/acknowledge").respond(json=answer)
    assert asked("incidents", "ack", ID).stdout == "billing: acknowledged\n"


def test_one_of_which_little_is_known(api: respx.MockRouter) -> None:
    api.get(f"/incidents/{ID}").respond(json=incident(change=None, deliveries=[], revision=None, good_revision=None))
    result = asked("incidents", "show", ID)
    assert result.exit_code == 0
    assert "changed in" not in result.stdout
    assert "revision" not in result.stdout


@pytest.mark.parametrize(
    ("options", "act", "body"),
    [
        pytest.param((), "acknowledge", {}, id="until it ends"),
        pytest.param(
            ("--until", "2026-12-01T09:00", "--by", "ada"), "acknowledge", {"until": "2026-12-01T09:00", "by": "ada"},
            id="until a time",
        ),
        pytest.param(("--undo", "--by", "ada"), "unacknowledge", {"by": "ada"}, id="undone"),
    ],
)  # fmt: skip
def test_taking_care(api: respx.MockRouter, options: tuple[str, ...], act: str, body: dict[str, str]) -> None:
    answer = {"incident_id": ID, "job_id": "daily-report", "target": None, "host": None, "status": "acknowledged"}
    route = api.post(f"/incidents/{ID}/{act}").respond(json=answer)
    result = asked("incidents", "ack", ID, *options)
    assert (result.exit_code, result.stdout) == (0, "daily-report: acknowledged\n")
    assert json.loads(route.calls.last.request.content or b"{}") == body


def test_undo_has_no_end() -> None:
    result = asked("incidents", "ack", ID, "--undo", "--until", "2026-12-01T09:00")
    assert (result.exit_code, "exclude each other" in result.stderr) == (2, True)
