"""`myscheduler targets`, against an API in place of the service's."""

import json
from typing import Any

import respx

from tests.support.commands import API, asked
from tests.support.golden import expect


def target(name: str, **fields: Any) -> dict[str, Any]:
    limits = {"concurrency": None, "rate": None, "breaker": None} | fields.pop("limits", {})
    return {
        "name": name,
        "base_url": f"https://{name}.example.com",
        "jobs": 2,
        "limits": limits,
        "in_flight": 0,
        "waiting": 0,
        "circuit": None,
        "open_until": None,
        "not_before": None,
        "failures": 0,
    } | fields


@respx.mock(base_url=API)
def test_the_table_and_the_answer_as_it_is(respx_mock: respx.MockRouter) -> None:
    rate = {"calls": 100, "per": "PT1M", "burst": 1}
    answer = {
        "targets": [
            target("billing", limits={"concurrency": 2, "rate": rate}, in_flight=2, waiting=1_200, circuit="closed"),
            target("mail", circuit="open", open_until="2026-12-01T09:00:30+09:00", failures=5),
            target("search", not_before="2026-12-01T09:10:00+09:00", jobs=0),
        ]
    }
    respx_mock.get("/targets").respond(json=answer)
    shown = asked("targets", "list", COLUMNS="130")
    assert shown.exit_code == 0
    expect("targets.txt", shown.stdout)
    assert json.loads(asked("targets", "list", "--format", "json").stdout) == answer


@respx.mock(base_url=API)
def test_a_service_that_can_not_be_reached(respx_mock: respx.MockRouter) -> None:
    respx_mock.get("/targets").respond(503, json={"title": "down", "detail": "the database is down", "status": 503})
    result = asked("targets", "list")
    assert (result.exit_code, "the database is down" in result.stderr) == (1, True)
