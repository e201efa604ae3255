"""The token: the right one always comes in, wrong ones are slowed down, and the log stays small."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from myscheduler.adapters.store.rows import tokens as token_rows
from myscheduler.api.door.authentication import AUDITS, TRIES, Access, Credentials
from myscheduler.api.door.trickle import Bucket, Trickle
from myscheduler.core.access.clients import ClientRules, Networks
from myscheduler.core.access.roles import Role
from myscheduler.core.access.tokens import TokenText, read_token
from myscheduler.errors import TooManyTokensError
from myscheduler.service.access.token_book import FRESH_SEC, TokenBook, revoke_token
from tests.support.access import made
from tests.support.api import JOBS, JSON, assert_problem, body, ok
from tests.support.databases import change
from tests.support.parts import BEHIND_PROXY, Parts, client, opened

pytestmark = pytest.mark.anyio

RIGHT = {"Authorization": "Bearer s3cret"}
WRONG = {"Authorization": "Bearer gu3ssed"}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(tmp_path, drain_sec=0) as parts, client(parts, token="s3cret") as one:
        yield one


async def test_guessing_is_slowed_down_and_the_right_token_is_not(
    api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [await api.get(JOBS, headers=WRONG) for _ in range(TRIES + 40)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:TRIES] == [401] * TRIES
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await api.get(JOBS, headers=RIGHT)).status_code == 200
    lines = [record for record in caplog.records if record.name == "myscheduler.api.door.authentication"]
    assert 0 < len(lines) < 40
    first = lines[0].getMessage()
    assert (lines[0].levelno, first) == (
        logging.WARNING, f"refused GET {JOBS} from 127.0.0.1 with 401: a wrong API token"
    )  # fmt: skip
    assert "3cret" not in caplog.text
    assert "gu3ssed" not in caplog.text


async def test_a_missing_token_is_said_so(api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    assert (await api.delete(f"{JOBS}/a")).status_code == 401
    assert f"refused DELETE {JOBS}/a from 127.0.0.1 with 401: no API token" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        pytest.param("GET", f"{JOBS}?limt=1", {}, id="parameter"),
        pytest.param("GET", f"{JOBS}/executions/recent?limit=x", {}, id="value"),
        pytest.param("POST", JOBS, {"json": []}, id="body"),
        pytest.param("GET", f"{JOBS}/TYPO/executions", {}, id="job"),
    ],
)
async def test_nothing_is_judged_without_it(
    api: httpx.AsyncClient, method: str, path: str, more: dict[str, object]
) -> None:
    assert (await api.request(method, path, **more)).status_code == 401  # type: ignore[arg-type]


async def test_methods_are_told_without_it(api: httpx.AsyncClient) -> None:
    assert (await api.options(JOBS)).status_code == 204
    assert (await api.patch(JOBS)).status_code == 405
    assert (await api.head(JOBS)).status_code == 401


def test_a_bucket_fills_again() -> None:
    bucket = Bucket(2, 10.0, 0.0)
    assert [bucket.take(0), bucket.take(0), bucket.take(0)] == [0, 0, 10]
    assert bucket.take(4) == pytest.approx(6)
    assert (bucket.take(10), bucket.take(10)) == (0, 10)
    assert [bucket.take(1000), bucket.take(1000), bucket.take(1000)] == [0, 0, 10]


def test_the_log_tells_what_it_left_out(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    told = Trickle(2, 10.0, clock=lambda: now[0])
    for number in range(5):
        told.warn(logging.getLogger("t"), "number %d%s", number)
    now[0] = 10
    told.warn(logging.getLogger("t"), "number %d%s", 5)
    assert [record.getMessage() for record in caplog.records] == [
        "number 0", "number 1", "number 5 (and 3 more such requests since the last line)",
    ]  # fmt: skip


class TestToken:
    async def test_everything_but_health_wants_it(self, parts: Parts) -> None:
        async with client(parts, token="s3cret") as api:
            for path in (
                JOBS,
                f"{JOBS}/",
                f"{JOBS}/a",
                f"{JOBS}/executions/recent",
                "/api/v1/sync",
                "/api/v1/audit",
                "/api/v1/specs",
            ):
                response = await api.get(path)
                assert_problem(response, 401)
                assert response.headers["www-authenticate"] == "Bearer"
            assert_problem(await api.post(JOBS, json=body()), 401)
            assert_problem(await api.post(JOBS, content=b"{", headers=JSON), 401)
            for path in ("/health", "/health/"):
                await ok(api, "GET", path)

    @pytest.mark.parametrize("value", ["s3cret", "Bearer", "Bearer ", "Bearer s3cre", "Basic s3cret", "Bearer s3cret2"])
    async def test_a_wrong_one(self, parts: Parts, value: str) -> None:
        async with client(parts, token="s3cret") as api:
            assert_problem(await api.get(JOBS, headers={"Authorization": value}), 401)

    @pytest.mark.parametrize("value", ["Bearer s3cret", "bearer s3cret"])
    async def test_the_right_one(self, parts: Parts, value: str) -> None:
        async with client(parts, token="s3cret") as api:
            await ok(api, "GET", JOBS, headers={"Authorization": value})

    @pytest.mark.parametrize("values", [("Bearer s3cret", "Bearer x"), ("Bearer s3cret", "Bearer s3cret")])
    async def test_two(self, parts: Parts, values: tuple[str, str]) -> None:
        """A proxy may have checked the other one."""
        async with client(parts, token="s3cret") as api:
            headers = [("Authorization", value) for value in values]
            assert_problem(await api.get(JOBS, headers=headers), 401)


class TestRefusals:
    """Wrong tries are audited, without the credentials, and nobody can fill the audit log with them."""

    async def test_one_entry_stands_for_many(self, parts: Parts) -> None:
        async with client(parts, token="s3cret") as api:
            for _ in range(5):
                await api.get(JOBS, headers=WRONG)
            found = await ok(api, "GET", "/api/v1/audit?action=access-refused", headers=RIGHT)
        (entry,) = found["entries"]
        assert (entry["actor"], entry["job_id"], entry["detail"]) == (
            "127.0.0.1", None, {"refused": "a wrong API token"},
        )  # fmt: skip

    async def test_the_address_behind_a_trusted_proxy_is_named(
        self, parts: Parts, caplog: pytest.LogCaptureFixture
    ) -> None:
        access = Access(Credentials("s3cret"), clients=BEHIND_PROXY.clients)
        async with client(parts, access=access) as api:
            await api.get(JOBS, headers=WRONG | {"X-Forwarded-For": "1.2.3.4, 203.0.113.7"})
            found = await ok(api, "GET", "/api/v1/audit", headers=RIGHT)
        assert [entry["actor"] for entry in found["entries"]] == ["203.0.113.7"]
        assert "from 203.0.113.7 with 401" in caplog.text

    async def test_callers_behind_a_proxy_have_tries_of_their_own(self, parts: Parts) -> None:
        access = Access(Credentials("s3cret"), clients=BEHIND_PROXY.clients)
        async with client(parts, access=access) as api:
            many = [await api.get(JOBS, headers=WRONG | {"X-Forwarded-For": "203.0.113.7"}) for _ in range(TRIES + 30)]
            assert 429 in {answer.status_code for answer in many}
            assert (await api.get(JOBS, headers=WRONG | {"X-Forwarded-For": "203.0.113.8"})).status_code == 401

    async def test_a_network_of_addresses_can_not_fill_the_audit_log(self, parts: Parts) -> None:
        access = Access(Credentials("s3cret"), clients=BEHIND_PROXY.clients)
        async with client(parts, access=access) as api:
            for number in range(20):
                await api.get(JOBS, headers={"X-Forwarded-For": f"2001:db8::{number:x}"})
            for number in range(AUDITS + 20):
                await api.get(JOBS, headers={"X-Forwarded-For": f"2001:db8:{number:x}::1"})
            found = await ok(api, "GET", "/api/v1/audit?limit=1000", headers=RIGHT)
        assert AUDITS <= found["count"] < AUDITS + 10

    @pytest.mark.parametrize(("rules", "status"), [("", 200), ("127.0.0.0/8", 200), ("10.0.0.0/8", 403), ("::1", 403)])
    async def test_addresses_that_may_not_call(self, parts: Parts, rules: str, status: int) -> None:
        access = Access(clients=ClientRules(allowed=Networks.of(rules)))
        async with client(parts, access=access) as api:
            assert (await api.get(JOBS)).status_code == status
            assert (await api.get("/docs")).status_code == status
            assert (await api.get("/health/ready")).status_code == 200
            assert (await api.get("/healthy")).status_code == (404 if status == 200 else status)

    @pytest.mark.parametrize(
        ("forwarded", "status"), [("10.1.2.3", 200), ("203.0.113.7", 403), ("10.1.2.3, 203.0.113.7", 403), ("x", 403)]
    )
    async def test_the_address_behind_the_proxy_counts(self, parts: Parts, forwarded: str, status: int) -> None:
        rules = ClientRules(trusted_proxies=Networks.of("127.0.0.1"), allowed=Networks.of("10.0.0.0/8"))
        async with client(parts, access=Access(clients=rules)) as api:
            assert (await api.get(JOBS, headers={"X-Forwarded-For": forwarded})).status_code == status

    async def test_a_user_is_forwarded_by_trusted_proxies_only(self, parts: Parts) -> None:
        user = {"X-Forwarded-User": "ada"}
        for number, (access, actor) in enumerate(((BEHIND_PROXY, "ada"), (Access(), "api"))):
            async with client(parts, access=access) as api:
                await ok(api, "POST", JOBS, json=body(job_id=f"j{number}"), headers=user)
                found = await ok(api, "GET", f"/api/v1/audit?job_id=j{number}")
            assert [entry["actor"] for entry in found["entries"]] == [actor]


class TestOpen:
    async def test_without_credentials_none_are_looked_at(self, parts: Parts) -> None:
        async with client(parts) as open_api:
            for header in ("Bearer x", "Basic cHJveHk6cGFzcw==", "", "Bearer msk_x"):
                await ok(open_api, "GET", JOBS, headers={"Authorization": header})

    async def test_insecure_is_open_whatever_tokens_there_are(self, parts: Parts) -> None:
        await made(parts, "viewer")
        async with client(parts, access=Access(Credentials(is_reachable=True))) as api:
            assert (await api.get(JOBS)).status_code == 401, "credentials that were taken away don't open the API"
        async with client(parts, access=Access(Credentials("s3cret", is_insecure=True))) as api:
            await ok(api, "POST", JOBS, json=body(), headers=WRONG)

    async def test_without_the_database_nothing_is_open(self, parts: Parts) -> None:
        async with client(parts) as api:
            change(parts.folder / "jobs.db", "ALTER TABLE tokens RENAME TO gone")
            assert (await api.get(JOBS)).status_code in {500, 503}

    @pytest.mark.parametrize("role", Role)
    async def test_the_role_of_the_static_token(self, parts: Parts, role: Role) -> None:
        async with client(parts, access=Access(Credentials("s3cret", role))) as api:
            found = {name: (await api.request(*asked, headers=RIGHT)).status_code for name, asked in ASKED.items()}
        assert [name for name, status in found.items() if status != 403] == list(ASKED)[: list(Role).index(role) + 1]


ASKED = {
    Role.VIEWER: ("GET", JOBS),
    Role.OPERATOR: ("POST", f"{JOBS}/a/pause"),
    Role.EDITOR: ("GET", "/api/v1/specs"),
    Role.ADMIN: ("GET", "/api/v1/tokens"),
}


class TestTokenBook:
    async def test_a_use_is_recorded_roughly_and_once(self, parts: Parts) -> None:
        token = read_token(await made(parts, "viewer"))
        assert token is not None
        book = TokenBook(parts.store, now=parts.clock)
        await asyncio.gather(*(book.principal_of(token) for _ in range(20)))
        (first,) = await book.all()
        assert first.last_used_at is not None
        for minutes, is_recorded in ((9, False), (10, True)):
            parts.clock.shift = timedelta(minutes=minutes)
            await book.principal_of(token)
            ((now),) = await book.all()
            assert (now.last_used_at != first.last_used_at) is is_recorded

    async def test_a_wrong_secret_records_no_use(self, parts: Parts) -> None:
        token = read_token(await made(parts, "viewer"))
        assert token is not None
        book = TokenBook(parts.store, now=parts.clock)
        assert await book.principal_of(TokenText(token.token_id, "A" * 43)) is None
        assert [one.last_used_at for one in await book.all()] == [None]

    async def test_what_is_changed_beside_it_counts_after_two_seconds(self, parts: Parts) -> None:
        token, at = read_token(await made(parts, "viewer")), [0.0]
        assert token is not None
        book = TokenBook(parts.store, now=parts.clock, monotonic=lambda: at[0])
        assert await book.principal_of(token) is not None
        assert await book.principal_of(token) is not None  # the first use was recorded, so it is read again
        await parts.store.write(partial(revoke_token, which=token.token_id, by="cli", at=parts.clock()))
        assert await book.principal_of(token) is not None
        at[0] = FRESH_SEC
        assert await book.principal_of(token) is None

    async def test_there_can_not_be_too_many(self, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(token_rows, "MOST_TOKENS", 1)
        await made(parts, "viewer")
        with pytest.raises(TooManyTokensError, match="there are 1 API tokens"):
            await made(parts, "viewer")
