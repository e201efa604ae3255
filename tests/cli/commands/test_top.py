"""`myscheduler top`, against an API in place of the service's, and in a real terminal."""

import json
import re
import signal
from collections.abc import Iterator

import click
import pytest
import respx

from myscheduler.cli.output.table import width
from tests.support.answers import NOW, SOON
from tests.support.commands import API, asked, help_of
from tests.support.golden import expect
from tests.support.screens import Screen
from tests.support.target import Answer, HangUp, Target

UPCOMING = {"upcoming": [SOON] * 10, "count": 10, "complete": True}


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API, assert_all_called=False) as router:
        router.get("/now").respond(json=NOW)
        router.get("/upcoming").respond(json=UPCOMING)
        yield router


def test_once(api: respx.MockRouter) -> None:
    result = asked("top", "--once", COLUMNS="100")
    assert result.exit_code == 0
    expect("top.txt", result.stdout)
    assert api.calls.last.request.url.params["limit"] == "10"


def test_json(api: respx.MockRouter) -> None:
    del api
    assert json.loads(asked("top", "--once", "--format", "json").stdout) == {"now": NOW, "upcoming": [SOON] * 10}


def test_an_idle_service_without_a_database(api: respx.MockRouter) -> None:
    idle = {
        "executions": {"in_flight": 0, "oldest": []},
        "failures": None,
        "jobs": NOW["jobs"] | {"failing": None},
        "database": NOW["database"] | {"ok": False, "error": "disk is full"},
    }
    api.get("/now").respond(json=NOW | idle)
    api.get("/upcoming").respond(json={"upcoming": []})
    shown = asked("top", "--once").stdout
    assert "Database    unavailable since 2026-11-30 09:00:00 +09:00: disk is full\n" in shown
    assert "10,001: ? failing" in shown
    assert "Running\nnone\n\nNext up\nnone\n\nNewest failures\nunknown: the database can't be read\n" in shown


def test_no_service() -> None:
    result = asked("top", "--server", "http://127.0.0.1:9")
    assert (result.exit_code, "is the service running there?" in result.stderr) == (1, True)


def test_help() -> None:
    expect("help-top.txt", help_of("top"))


@pytest.fixture
def server(target: Target) -> Target:
    target.answers("/api/v1/now", Answer(body=json.dumps(NOW).encode()))
    target.answers("/api/v1/upcoming", Answer(body=json.dumps(UPCOMING).encode()))
    return target


@pytest.mark.parametrize(("number", "told"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "end")])
def test_the_terminal_is_left_as_it_was(server: Target, number: int, told: str) -> None:
    with Screen("top", "--server", server.url("")) as screen:
        screen.until("Newest failures", 2)
        assert screen.end(number) == 0, told
        assert screen.modes == screen.before
    assert screen.text.startswith("\x1b[?1049h\x1b[?25l\x1b[H")
    assert screen.text.endswith("\x1b[?25h\x1b[?1049l")
    pictures = screen.text.split("\x1b[H")[1:]
    assert len(pictures) >= 2
    for line in pictures[0].removesuffix("\x1b[J").split("\r\n"):
        assert width(re.sub(r"\x1b\[K", "", click.unstyle(line))) <= 80
    assert pictures[0].count("\r\n") <= 23
    assert "日次 レポート" in pictures[0]
    assert "\x1b[2J" not in screen.text


def test_a_server_that_is_away_for_a_moment(server: Target) -> None:
    whole = Answer(body=json.dumps(NOW).encode())
    server.answers("/api/v1/now", whole, HangUp(), whole)
    with Screen("top", "--server", server.url("")) as screen:
        screen.until("Newest failures")
        screen.until("no answer from")
        screen.until("Newest failures", 2)
        assert screen.end(signal.SIGINT) == 0
