"""`/api/v1/session`: signing in, the cookie, and when a session ends."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.api.door.authentication import TRIES, Access, Credentials
from myscheduler.api.routes.session import LARGEST_BODY
from myscheduler.app import _access
from myscheduler.core.access.clients import ClientRules, Networks
from myscheduler.core.access.principal import Binding, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.sessions import LIFETIME, Session, SessionKey
from myscheduler.settings import Settings
from tests.support.access import bearer, made
from tests.support.api import JOBS, assert_problem, ok
from tests.support.parts import MovableClock, Parts, client, opened

pytestmark = pytest.mark.anyio

SESSION, TOKENS = "/api/v1/session", "/api/v1/tokens"
LOOPBACK_COOKIE, PLAIN_COOKIE = "__Host-myscheduler_session", "myscheduler_session"
PROXIED = ClientRules(trusted_proxies=Networks.of("127.0.0.1"))


@pytest.fixture
async def api(parts: Parts) -> Any:
    async with client(parts) as one:
        yield one


async def sign_in(api: httpx.AsyncClient, token: str, **headers: str) -> str:
    """The value of the cookie, which the client then doesn't keep."""
    answer = await api.post(SESSION, json={"token": token}, headers=headers)
    assert answer.status_code == 200, answer.text
    api.cookies.clear()
    return str(answer.headers["set-cookie"]).partition(";")[0]


class TestCookie:
    @pytest.mark.parametrize(
        ("rules", "headers", "name", "is_secure"),
        [
            pytest.param(ClientRules(), {}, LOOPBACK_COOKIE, True, id="loopback"),
            pytest.param(ClientRules(), {"Host": "localhost:8003"}, LOOPBACK_COOKIE, True, id="localhost"),
            pytest.param(ClientRules(), {"Host": "[::1]:8003"}, LOOPBACK_COOKIE, True, id="IPv6"),
            pytest.param(ClientRules(), {"Host": "jobs.example"}, PLAIN_COOKIE, False, id="plain"),
            pytest.param(ClientRules(), {"Host": "10.0.0.1"}, PLAIN_COOKIE, False, id="address"),
            pytest.param(
                PROXIED,
                {"Host": "jobs.example", "X-Forwarded-Proto": "https"},
                LOOPBACK_COOKIE,
                True,
                id="a proxy's TLS",
            ),
            pytest.param(
                PROXIED, {"Host": "jobs.example", "X-Forwarded-Proto": "http"}, PLAIN_COOKIE, False, id="a proxy's HTTP"
            ),
            pytest.param(PROXIED, {"Host": "jobs.example"}, PLAIN_COOKIE, False, id="a proxy that says nothing"),
            pytest.param(
                ClientRules(), {"Host": "jobs.example", "X-Forwarded-Proto": "https"}, PLAIN_COOKIE, False, id="a claim"
            ),
        ],
    )
    async def test_attributes(
        self, parts: Parts, rules: ClientRules, headers: dict[str, str], name: str, is_secure: bool
    ) -> None:
        access = Access(Credentials("s3cret"), clients=rules)
        async with client(parts, access=access, hosts="jobs.example, 10.0.0.1") as api:
            answer = await api.post(SESSION, json={"token": "s3cret"}, headers=headers)
            value, *attributes = answer.headers["set-cookie"].split("; ")
            assert value.startswith(f"{name}=")
            expected = {"HttpOnly", "Max-Age=43200", "Path=/", "SameSite=strict"}
            assert set(attributes) == (expected | {"Secure"} if is_secure else expected)
            ended = await api.delete(SESSION, headers=headers)
            assert ended.status_code == 204
            assert ended.headers["set-cookie"].startswith(f'{name}=""; ')
            assert "Max-Age=0" in ended.headers["set-cookie"]


class TestSession:
    async def test_it_stands_for_the_token(self, parts: Parts, api: httpx.AsyncClient) -> None:
        scope = {"labels": {"team": ["billing"]}}
        cookie = await sign_in(api, await made(parts, "operator", scope, name="ada"))
        view = await ok(api, "GET", SESSION, headers={"Cookie": cookie})
        assert (view["name"], view["bindings"]) == ("ada", [{"role": "operator", "scope": scope}])
        await ok(api, "GET", JOBS, headers={"Cookie": cookie})
        await parts.create("a", labels={"team": "billing"})
        await parts.create("b")
        await ok(api, "POST", f"{JOBS}/a/pause", headers={"Cookie": cookie})
        assert_problem(await api.post(f"{JOBS}/b/pause", headers={"Cookie": cookie}), 403)
        entry = (await ok(api, "GET", "/api/v1/audit?action=paused", headers={"Cookie": cookie}))["entries"][0]
        assert entry["actor"] == "ada"

    async def test_it_ends_with_the_token(self, parts: Parts, api: httpx.AsyncClient) -> None:
        admin = await bearer(parts, "admin")
        cookie = {"Cookie": await sign_in(api, await made(parts, "viewer", name="ada"))}
        await ok(api, "DELETE", f"{TOKENS}/ada", headers=admin)
        assert_problem(await api.get(JOBS, headers=cookie), 401)
        assert_problem(await api.get(SESSION, headers=cookie), 401)

    async def test_it_ends_after_its_time_and_when_the_token_expires(self, tmp_path: Path) -> None:
        clock = MovableClock()
        async with opened(tmp_path, clock=clock, drain_sec=0) as parts, client(parts) as api:
            short = await sign_in(api, await made(parts, "viewer", expires_in=timedelta(hours=1)))
            long = await sign_in(api, await made(parts, "viewer"))
            clock.shift = timedelta(hours=1)
            assert_problem(await api.get(JOBS, headers={"Cookie": short}), 401)
            await ok(api, "GET", JOBS, headers={"Cookie": long})
            clock.shift = LIFETIME
            assert_problem(await api.get(JOBS, headers={"Cookie": long}), 401)

    async def test_another_process_refuses_it_unless_it_has_the_secret(self, parts: Parts) -> None:
        token = await made(parts, "viewer")
        key = SessionKey(b"kept")
        async with (
            client(parts, access=Access(sessions=key)) as api,
            client(parts, access=Access(sessions=key)) as same,
        ):
            cookie = {"Cookie": await sign_in(api, token)}
            await ok(same, "GET", JOBS, headers=cookie)
        async with client(parts) as other:
            assert_problem(await other.get(JOBS, headers=cookie), 401)

    @pytest.mark.parametrize("value", ["", "x", "x.y", "a" * 5_000, '"', "é"])
    async def test_garbage_is_no_session(self, parts: Parts, api: httpx.AsyncClient, value: str) -> None:
        await made(parts, "viewer")
        cookie = (b"Cookie", f"{LOOPBACK_COOKIE}={value}".encode("latin-1"))
        assert_problem(await api.get(JOBS, headers=[cookie]), 401)

    async def test_the_cookie_of_an_insecure_connection_is_none_of_a_secure_one(
        self, parts: Parts, api: httpx.AsyncClient
    ) -> None:
        cookie = await sign_in(api, await made(parts, "viewer"))
        assert_problem(await api.get(JOBS, headers={"Cookie": cookie.removeprefix("__Host-")}), 401)

    async def test_a_token_beside_it_counts(self, parts: Parts, api: httpx.AsyncClient) -> None:
        cookie = {"Cookie": await sign_in(api, await made(parts, "admin"))}
        assert_problem(await api.get(JOBS, headers=cookie | {"Authorization": "Bearer x"}), 401)
        assert_problem(await api.get(TOKENS, headers=cookie | await bearer(parts, "viewer")), 403)

    async def test_a_page_of_another_site_can_not_use_it(self, parts: Parts, api: httpx.AsyncClient) -> None:
        await parts.create("a")
        cookie = {"Cookie": await sign_in(api, await made(parts, "admin"))}
        for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil"}):
            assert_problem(await api.delete(f"{JOBS}/a", headers=cookie | foreign), 403)
            assert_problem(await api.post(SESSION, json={"token": "x"}, headers=foreign), 403)
        assert "a" in await parts.jobs()

    async def test_an_open_api_wants_none(self, api: httpx.AsyncClient) -> None:
        view = await ok(api, "GET", SESSION)
        assert (view["bindings"], view["expires_at"]) == ([{"role": "admin", "scope": {}}], None)
        await ok(api, "GET", JOBS, headers={"Cookie": f"{LOOPBACK_COOKIE}=old.session"})
        await ok(api, "GET", JOBS, headers={"Authorization": "Basic cHJveHk6cGFzcw=="})


class TestSigningIn:
    @pytest.mark.parametrize("token", ["", " ", "s3cre", "s3cret2", "msk_x", "a.b.c", "\ud800", "日本"])
    async def test_a_wrong_token(self, parts: Parts, token: str, caplog: pytest.LogCaptureFixture) -> None:
        async with client(parts, token="s3cret") as api:
            content = b'{"token": "\\ud800"}' if token == "\ud800" else None
            more: dict[str, Any] = {"content": content} if content else {"json": {"token": token}}
            answer = await api.post(SESSION, headers={"Content-Type": "application/json"}, **more)
            assert_problem(answer, 401)
            assert "set-cookie" not in answer.headers
        assert "a wrong token for a session" in caplog.text

    async def test_the_static_token(self, parts: Parts) -> None:
        for token in ("s3cret", "schlüssel-日本"):
            async with client(parts, token=token) as api:
                cookie = {"Cookie": await sign_in(api, token)}
                view = await ok(api, "GET", SESSION, headers=cookie)
                assert (view["name"], view["bindings"]) == ("api", [{"role": "editor", "scope": {}}])
                await ok(api, "GET", JOBS, headers={"Authorization": f"Bearer {token}".encode()})

    async def test_guessing_is_slowed_down_and_the_right_token_is_not(self, parts: Parts) -> None:
        async with client(parts, token="s3cret") as api:
            many = [await api.post(SESSION, json={"token": "gu3ss"}) for _ in range(TRIES + 40)]
            assert [answer.status_code for answer in many[:TRIES]] == [401] * TRIES
            assert any("retry-after" in answer.headers for answer in many)
            await sign_in(api, "s3cret")

    async def test_nobody_may_send_much(self, parts: Parts) -> None:
        async def chunks() -> Any:
            yield b'{"token": "x"}'

        async with client(parts, token="s3cret") as api:
            large = await api.post(SESSION, json={"token": "a" * LARGEST_BODY})
            assert_problem(large, 413)
            json = {"Content-Type": "application/json"}
            assert_problem(await api.post(SESSION, content=chunks(), headers=json), 413)
            assert_problem(await api.post(SESSION), 401)
            assert_problem(await api.post(SESSION, json={"token": ["x"]}), 422)
            assert_problem(await api.post(f"{SESSION}?token=s3cret"), 422)


class TestTheKey:
    """Whoever has the static token of an editor must not be able to sign the session of an admin."""

    FORGED = Session(Principal("x", (Binding(Role.ADMIN),), Origin.JWT), MovableClock()() + LIFETIME)

    @pytest.mark.parametrize("secret", [None, "of the server"])
    async def test_the_static_token_signs_nothing(self, parts: Parts, secret: str | None) -> None:
        access = _access(Settings(api_token="s3cret", session_secret=secret), is_reachable=False)
        async with client(parts, access=access) as api:
            for guess in (b"s3cret", b"", b"\neditor\ns3cret", b"None\neditor\ns3cret"):
                cookie = f"{LOOPBACK_COOKIE}={SessionKey(guess).sign(self.FORGED, 'n')}"
                assert_problem(await api.get(JOBS, headers={"Cookie": cookie}), 401)

    @pytest.mark.parametrize(
        "changed", [{"api_token": "other"}, {"session_secret": "other"}, {"api_token_role": "viewer"}], ids=str
    )
    async def test_rotation_ends_sessions(self, parts: Parts, changed: dict[str, Any]) -> None:
        before = Settings(api_token="s3cret", session_secret="kept")
        for settings, status in ((before, 200), (replace(before, **changed), 401)):
            async with client(parts, access=_access(before, is_reachable=False)) as api:
                cookie = {"Cookie": await sign_in(api, "s3cret")}
            async with client(parts, access=_access(settings, is_reachable=False)) as api:
                assert (await api.get(JOBS, headers=cookie)).status_code == status
