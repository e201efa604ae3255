"""The REST API page: its table names every operation, and its commands do what stands below them."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from anyio import to_thread

from myscheduler.api.errors import TYPES
from myscheduler.core.access.operations import OPERATIONS
from tests.support.access import BASE, routes_of
from tests.support.checkout import ROOT
from tests.support.page import (
    Example,
    Request,
    Run,
    differences,
    examples_of,
    introduced,
    parsed,
    run,
    slug,
    table_in,
    with_table,
)

PAGE = ROOT / "docs/rest-api.md"
JAPANESE = ROOT / "docs/ja/rest-api.md"
"""Its examples are those of the English page, as `tests/test_japanese_docs.py` says."""
INTRODUCTION = re.compile(r"\*\*`([A-Z]+) (/[^`]*)`\*\*")
"""Where the page introduces an operation: its method and its path in bold."""
MARK = "operations"
MET = {401, 403, 404, 409, 412, 422, 429}
"""Statuses of errors that readers meet."""

pytestmark = pytest.mark.anyio


class Named(NamedTuple):
    """An operation of the OpenAPI document."""

    method: str
    path: str


def page() -> str:
    return PAGE.read_text("utf-8")


def short(path: str) -> str:
    """A path as the page writes it."""
    return path.removeprefix(BASE)


def introductions(text: str) -> list[tuple[Named, str]]:
    """The operations in the order of a page, each with the heading above."""
    return [(Named(*groups), heading) for groups, heading in introduced(INTRODUCTION, text)]


async def documented(api: httpx.AsyncClient) -> dict[Named, str]:
    """The operations of the OpenAPI document with what they do."""
    paths = (await api.get("/openapi.json")).json()["paths"]
    return {
        Named(method.upper(), short(path)): in_short(operation["description"])
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def in_short(description: str) -> str:
    """The description up to the first end of a clause."""
    return re.split(r"(?<=[\w`)])[.:;](?:\s|$)", " ".join(description.split()))[0]


def table(head: str, text: str, told: dict[Named, str], roles: dict[Named, str]) -> str:
    rows = [
        f"| {one.method} | [`{one.path}`](#{slug(heading)}) | {roles.get(one, '–')} | {told.get(one, '?')} |\n"
        for one, heading in introductions(text)
    ]
    return f"\n| {head} |\n|---|---|---|---|\n" + "".join(rows) + "\n"


def roles_of(api: httpx.AsyncClient) -> dict[Named, str]:
    return {
        Named(route.method, short(route.path)): OPERATIONS[route.operation].role.value
        for route in routes_of(api)
        if route.operation in OPERATIONS
    }


async def test_the_table_names_every_operation_once(api: httpx.AsyncClient) -> None:
    """`GOLDEN=write` writes it into the page."""
    told = await documented(api)
    written = table("method | path | role | what it does", page(), told, roles_of(api))
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(with_table(MARK, page(), written), encoding="utf-8")
    assert sorted(one for one, _ in introductions(page())) == sorted(told)
    assert table_in(MARK, page()) == written


JAPANESE_ROW = re.compile(r"^\| ([A-Z]+) \| \[`([^`]+)`\]\([^)]*\) \| \S+ \| (.+) \|$", re.MULTILINE)


async def test_the_table_in_japanese_names_the_same_operations(api: httpx.AsyncClient) -> None:
    """`GOLDEN=write` writes it into the page. It keeps what is said in Japanese, and shows what isn't in English."""
    text = JAPANESE.read_text("utf-8")
    said = {Named(method, path): what for method, path, what in JAPANESE_ROW.findall(table_in(MARK, text))}
    written = table("メソッド | パス | ロール | 内容", text, await documented(api) | said, roles_of(api))
    if os.environ.get("GOLDEN") == "write":
        JAPANESE.write_text(with_table(MARK, text, written), encoding="utf-8")
    assert [one for one, _ in introductions(text)] == [one for one, _ in introductions(page())]
    assert table_in(MARK, text) == written
    assert [one for one, what in said.items() if what.isascii()] == []


async def test_every_operation_has_an_example_and_every_example_does_what_stands_below_it(
    api: httpx.AsyncClient, tmp_path: Path
) -> None:
    operations = list(await documented(api))
    examples = examples_of(page())
    runs = await to_thread.run_sync(run, examples, tmp_path)
    assert "\n\n".join(fault for one in runs for fault in one.faults()) == ""
    sent = {(operation_of(request, operations), one.example.section) for one in runs for request in one.requests}
    assert {request for one in runs for request in one.requests if operation_of(request, operations) is None} == set()
    assert [one for one, heading in introductions(page()) if (one, heading) not in sent] == []
    shown = {int(status) for one in examples for status in re.findall(r"^HTTP/1.1 (\d+)", one.shown)}
    assert shown >= MET


def operation_of(request: Request, operations: Sequence[Named]) -> Named | None:
    """The operation that a request calls: of several, the one with the fewest parameters."""
    method = "GET" if request.method == "HEAD" else request.method
    found = [one for one in operations if one.method == method and fits(one.path, short(request.path))]
    return min(found, key=lambda one: one.path.count("{"), default=None)


def fits(template: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path) is not None


@pytest.mark.parametrize("where", [PAGE, JAPANESE], ids=["en", "ja"])
async def test_every_type_of_an_error_is_explained(where: Path) -> None:
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \| .+ \|$", where.read_text("utf-8"), re.MULTILINE)
    assert {int(status): word for status, word in rows} == {status: kind for status, (kind, _) in TYPES.items()}


# --- whether the checks notice what is wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        pytest.param('{"a": 1, …}', {"a": 1, "b": 2}, id="further members"),
        pytest.param('{"a": 1}', {"a": 1, "b": 2}, id="new members"),
        pytest.param('{"a": …, "b": {…}}', {"a": None, "b": {"c": 1}}, id="values"),
        pytest.param('[…, {"a": 2}, …]', [{"a": 1}, {"a": 2}, {"a": 3}], id="elements"),
        pytest.param('[{"a": 1}, …]', [{"a": 1}], id="no further elements"),
        pytest.param('{"a": "the … cat [,…"}', {"a": "the black cat [,x"}, id="part of a text"),
        pytest.param('"2026-11-30T09:40:02+09:00"', "2027-01-02T03:04:05.678+09:00", id="time"),
        pytest.param('"msk_…"', "msk_abc_d-f", id="token"),
    ],
)
async def test_what_may_differ(shown: str, real: Any) -> None:
    assert list(differences(parsed(shown), real)) == []


@pytest.mark.parametrize(
    ("shown", "real"),
    [
        pytest.param('{"a": 1, …}', {"b": 1}, id="missing member"),
        pytest.param('{"a": {"b": 1}}', {"a": {"b": 2}}, id="other number"),
        pytest.param('{"a": true}', {"a": 1}, id="other type"),
        pytest.param('{"a": null}', {"a": "x"}, id="not null"),
        pytest.param('{"a": {…}}', {"a": None}, id="not an object"),
        pytest.param('{"a": […]}', {"a": {}}, id="not a list"),
        pytest.param("[1, 2]", [1, 2, 3], id="one element more"),
        pytest.param("[2, 1, …]", [1, 2], id="other order"),
        pytest.param('"the … cat"', "the black dog", id="other text"),
        pytest.param('"2099-11-30T09:40:02+09:00"', "2099-11-30T09:40:03+09:00", id="fixed time"),
        pytest.param('"2026-11-30T09:40:02+09:00"', "soon", id="not a time"),
    ],
)
async def test_what_is_noticed(shown: str, real: Any) -> None:
    assert list(differences(parsed(shown), real)) != []


@pytest.mark.parametrize(
    ("kind", "shown", "printed", "status"),
    [
        pytest.param("json", '{"a": 1}', '{"status": 404}', 404, id="an error in place of the answer"),
        pytest.param("", "", '{"a": 1}', 200, id="nothing is shown"),
        pytest.param("", "", "", 503, id="an error that is not printed"),
        pytest.param("http", "HTTP/1.1 409 Conflict\n", "HTTP/1.1 404 Not Found\r\n\r\n", 404, id="other status"),
        pytest.param("http", "HTTP/1.1 200 OK\nlink: …\n", "HTTP/1.1 200 OK\r\n\r\n", 200, id="missing header"),
        pytest.param("text", "a\nb\n", "a\n", 200, id="missing line"),
    ],
)
async def test_examples_that_do_something_else_are_noticed(kind: str, shown: str, printed: str, status: int) -> None:
    example = Example("Jobs", "curl -s $api/jobs\n", kind, shown)
    assert list(Run(example, printed, (Request(status, "GET", "/api/v1/jobs"),)).faults()) != []


async def test_operations_are_told_apart_by_their_paths() -> None:
    one, many = Named("POST", "/jobs/{job_id}/pause"), Named("POST", "/jobs/bulk/pause")
    sent = [f"{BASE}/jobs/a/pause", f"{BASE}/jobs/bulk/pause", f"{BASE}/jobs/a/b/pause", f"{BASE}/jobs"]
    assert [operation_of(Request(200, "POST", path), [one, many]) for path in sent] == [one, many, None, None]
