"""`/api/v1/tokens`: creating, listing and revoking, and what becomes of requests afterwards."""

import asyncio
import json
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.core.access.tokens import read_token
from tests.support.access import YESTERDAY, bearer, bearing, made
from tests.support.api import JOBS, JSON, assert_problem, body, ok
from tests.support.parts import MovableClock, Parts, client, opened

pytestmark = pytest.mark.anyio

TOKENS = "/api/v1/tokens"
NEW = {"name": "ci", "role": "operator"}


async def create(api: httpx.AsyncClient, headers: dict[str, str], **fields: Any) -> dict[str, Any]:
    answer = await api.post(TOKENS, json=NEW | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def entries(api: httpx.AsyncClient, headers: dict[str, str]) -> list[tuple[str, str]]:
    found = await ok(api, "GET", "/api/v1/audit", headers=headers)
    return [(one["action"], one["actor"]) for one in found["entries"]]


@pytest.fixture
async def admin(parts: Parts) -> dict[str, str]:
    return await bearer(parts, "admin", name="root")


@pytest.fixture
async def api(parts: Parts) -> Any:
    async with client(parts) as one:
        yield one


async def test_a_token_is_shown_once_and_works_until_it_is_revoked(
    api: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    scope = {"labels": {"team": ["billing"]}, "ids": ["b-*"]}
    new = await create(api, admin, scope=scope, expires_at="2099-01-01T00:00:00+09:00")
    token = new.pop("token")
    assert new == {
        "id": token.split("_")[1], "name": "ci", "role": "operator", "scope": scope, "created_at": new["created_at"],
        "created_by": "root", "expires_at": "2099-01-01T00:00:00+09:00", "last_used_at": None, "revoked_at": None,
    }  # fmt: skip
    await ok(api, "GET", JOBS, headers=bearing(token))
    listed = await ok(api, "GET", TOKENS, headers=admin)
    assert [one["name"] for one in listed["tokens"]] == ["ci", "root"]
    assert listed["tokens"][0].keys() == new.keys()
    assert datetime.fromisoformat(listed["tokens"][0]["last_used_at"]).utcoffset() == timedelta(hours=9)

    revoked = await ok(api, "DELETE", f"{TOKENS}/{new['id']}", headers=admin)
    assert revoked["revoked_at"] is not None
    assert_problem(await api.get(JOBS, headers=bearing(token)), 401)
    again = await ok(api, "DELETE", f"{TOKENS}/{new['id']}", headers=admin)
    assert again["revoked_at"] == revoked["revoked_at"]
    actions = [action for action, _ in await entries(api, admin)]
    assert (actions.count("token-created"), actions.count("token-revoked")) == (2, 1)


@pytest.mark.parametrize("by", ["id", "name", "token"])
async def test_a_revocation_counts_at_once(api: httpx.AsyncClient, admin: dict[str, str], by: str) -> None:
    new = await create(api, admin, name="日 次")
    await ok(api, "GET", JOBS, headers=bearing(new["token"]))
    await ok(api, "DELETE", f"{TOKENS}/{new[by]}", headers=admin)
    assert_problem(await api.get(JOBS, headers=bearing(new["token"])), 401)


async def test_the_last_revocation_does_not_open_the_api(tmp_path: Path) -> None:
    async with opened(tmp_path, drain_sec=0) as parts:
        async with client(parts) as api:
            new = await create(api, {}, role="admin")
            headers = bearing(new["token"])
            await ok(api, "DELETE", f"{TOKENS}/ci", headers=headers)
            assert_problem(await api.get(JOBS), 401)
            assert_problem(await api.get(JOBS, headers=headers), 401)
        async with client(parts) as restarted:
            assert_problem(await restarted.get(JOBS), 401)
            assert_problem(await restarted.post(TOKENS, json=NEW), 401)


async def test_the_first_token_closes_the_api(api: httpx.AsyncClient) -> None:
    await ok(api, "GET", JOBS)
    await create(api, {}, role="viewer")
    assert_problem(await api.get(JOBS), 401)


async def test_a_token_made_beside_the_service_counts_within_two_seconds(parts: Parts, api: httpx.AsyncClient) -> None:
    await ok(api, "GET", JOBS)
    token = await made(parts, "viewer")
    await ok(api, "GET", JOBS, headers=bearing(token))
    async with asyncio.timeout(2.5 * 4):  # slow machines
        while (await api.get(JOBS)).status_code != 401:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.05)


async def test_expired_and_wrong_tokens_get_the_same_answer(parts: Parts, api: httpx.AsyncClient) -> None:
    right = await made(parts, "admin")
    expired, unknown = await made(parts, "admin", expires_in=YESTERDAY), await _of_another_database(parts)
    wrong = right[:-1] + ("0" if right[-1] != "0" else "1")
    answers = [await api.get(JOBS, headers=bearing(text)) for text in (expired, unknown, wrong, "msk_", "x.y.z", "x")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text.replace(answer.json()["request_id"], "") for answer in answers}) == 1
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer error="invalid_token"'}
    await ok(api, "GET", JOBS, headers=bearing(right))


async def _of_another_database(parts: Parts) -> str:
    folder = parts.folder / "other"
    folder.mkdir()
    async with opened(folder, drain_sec=0) as others:
        return await made(others, "admin")


async def test_a_token_ends_at_its_time(tmp_path: Path) -> None:
    clock = MovableClock()
    async with opened(tmp_path, clock=clock, drain_sec=0) as parts, client(parts) as api:
        headers = bearing(await made(parts, "viewer", expires_in=timedelta(hours=1)))
        await ok(api, "GET", JOBS, headers=headers)
        clock.shift = timedelta(hours=1)
        assert_problem(await api.get(JOBS, headers=headers), 401)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"role": "root"}, "role", id="role"),
        pytest.param({"name": "\u0000"}, "name", id="name"),
        pytest.param({"scope": {"ids": ["\ud800"]}}, "scope.ids.0", id="half a character"),
        pytest.param({"scope": {"ids": []}}, "scope.ids", id="an empty scope"),
        pytest.param({"scope": {"labels": {"team": 7}}}, "scope.labels.team.0", id="a number"),
        pytest.param({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at", id="past"),
        pytest.param({"expires": "2099-01-01T00:00:00Z"}, "expires", id="typo"),
        pytest.param({"token": "msk_mine"}, "token", id="a token of one's own"),
    ],
)
async def test_mistakes_are_named(
    api: httpx.AsyncClient, admin: dict[str, str], fields: dict[str, Any], field: str
) -> None:
    answer = await api.post(TOKENS, content=json.dumps(NEW | fields), headers=admin | JSON)
    assert [one["field"] for one in assert_problem(answer, 422)["errors"]] == [field]


async def test_the_end_of_time_can_be_shown(api: httpx.AsyncClient, admin: dict[str, str]) -> None:
    answer = await api.post(TOKENS, json=NEW | {"expires_at": "9999-12-31T23:59:59Z"}, headers=admin)
    assert answer.status_code in {201, 422}
    await ok(api, "GET", TOKENS, headers=admin)


async def test_names_are_unique_also_of_revoked_tokens(api: httpx.AsyncClient, admin: dict[str, str]) -> None:
    await create(api, admin)
    assert "'ci'" in assert_problem(await api.post(TOKENS, json=NEW, headers=admin), 409)["detail"]
    await ok(api, "DELETE", f"{TOKENS}/ci", headers=admin)
    assert_problem(await api.post(TOKENS, json=NEW, headers=admin), 409)
    assert_problem(await api.delete(f"{TOKENS}/nobody", headers=admin), 404)


async def test_the_name_of_a_token_counts_in_the_audit_and_no_claim(parts: Parts, api: httpx.AsyncClient) -> None:
    headers = await bearer(parts, "editor", name="deploy") | {"X-Forwarded-User": "mallory"}
    await ok(api, "POST", JOBS, json=body(), headers=headers)
    await ok(api, "POST", f"{JOBS}/a/pause", json={"by": "mallory"}, headers=headers)
    actors = {actor for _, actor in await entries(api, headers)}
    assert actors == {"test", "deploy"}


async def test_no_token_is_kept_or_said_anywhere(
    parts: Parts, api: httpx.AsyncClient, admin: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    new = await create(api, admin)
    token = new["token"]
    secret = read_token(token)
    assert secret is not None
    wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
    said = [
        await api.get(JOBS, headers=bearing(token)),
        await api.get(JOBS, headers=bearing(wrong)),
        await api.get(JOBS, headers={"Authorization": f"Basic {token}"}),
        await api.post("/api/v1/session", json={"token": token}),
        await api.post("/api/v1/session", json={"token": wrong}),
        await api.post("/api/v1/session", json={"tokn": token}),
        await api.post(TOKENS, json=NEW | {"role": token}, headers=admin),
        await api.get(TOKENS, headers=admin),
        await api.delete(f"{TOKENS}/{wrong}", headers=admin),
        await api.delete(f"{TOKENS}/{token}", headers=admin),
        await api.delete(f"{TOKENS}/{token}", headers=admin),
        await api.get("/api/v1/audit", headers=admin),
    ]
    own = "\n".join(line.getMessage() for line in caplog.records if line.name.startswith("myscheduler"))
    texts = [own, *(answer.text + str(answer.headers) for answer in said)]
    assert [text for text in texts if secret.secret in text] == []
    files = b"".join(path.read_bytes() for path in parts.folder.glob("jobs.db*"))
    assert secret.secret.encode() not in files
    assert secret.hash.encode() in files


async def test_each_change_is_a_line_of_the_log(
    api: httpx.AsyncClient, admin: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    made_id = (await create(api, admin))["id"]
    for _ in range(2):  # the second one changes nothing
        await ok(api, "DELETE", f"{TOKENS}/ci", headers=admin)
    lines = [line for line in caplog.records if line.name == "myscheduler.service.access.token_book"]
    told = {"token": "ci", "token_id": made_id, "role": "operator", "by": "root"}
    assert [line.getMessage() for line in lines] == ["token created", "token revoked"]
    assert all(line.__dict__.items() >= told.items() for line in lines)
