"""`/api/v1/session`: signing in, the cookie, and when a session ends."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.adapters.http.jwks import open_key_sets
from myscheduler.adapters.store.rows import sessions as session_rows
from myscheduler.adapters.store.tables import EPOCH
from myscheduler.api.door.authentication import TRIES, Access, Credentials, Declarations
from myscheduler.api.routes.session import LARGEST_BODY
from myscheduler.app import _access
from myscheduler.core.access.access_file import NO_ACCESS, AccessRules, read_access
from myscheduler.core.access.clients import ClientRules, Networks
from myscheduler.core.access.operations import OPERATIONS
from myscheduler.core.access.principal import Binding, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import parse_scope
from myscheduler.core.access.sessions import JWT_LIFETIME, LIFETIME, Session, SessionKey
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.service.access import session_book
from myscheduler.service.access.jwt_verifier import JwtVerifier
from myscheduler.settings import Settings
from tests.support.access import bearer, bearing, made
from tests.support.api import JOBS, assert_problem, ok
from tests.support.issuers import AT, AUDIENCE, IssuerServer
from tests.support.parts import MovableClock, Parts, client, opened
from tests.support.target import Target

pytestmark = pytest.mark.anyio

SESSION, TOKENS = "/api/v1/session", "/api/v1/tokens"
LOOPBACK_COOKIE, PLAIN_COOKIE = "__Host-myscheduler_session", "myscheduler_session"
NOW = datetime.now(UTC)
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

    async def test_behind_a_prefix_it_is_sent_to_that_path_only(self, parts: Parts) -> None:
        async with client(parts, token="s3cret", root_path="/team/jobs") as api:
            answer = await api.post(f"/team/jobs{SESSION}", json={"token": "s3cret"})
            name, attributes = answer.headers["set-cookie"].split("=", 1)
            assert name == "__Secure-myscheduler_session"
            assert "; Path=/team/jobs;" in attributes
            assert "; Secure" in attributes
            cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
            assert (await ok(api, "GET", f"/team/jobs{SESSION}", headers=cookie))["kind"] == "session"
            ended = await api.delete(f"/team/jobs{SESSION}")
            assert "; Path=/team/jobs;" in ended.headers["set-cookie"]


class TestWhoAsks:
    async def test_nobody_known(self, parts: Parts) -> None:
        async with client(parts, token="s3cret") as api:
            view = await ok(api, "GET", SESSION)
            assert view.pop("operations")["pause_job"] == "operator"
            assert view == {"credentials": True, "bindings": []} | dict.fromkeys(
                ("kind", "name", "role", "scope", "expires_at")
            )
            over = await ok(api, "GET", SESSION, headers={"Cookie": f"{LOOPBACK_COOKIE}=x.y"})
            assert over["role"] is None
            assert_problem(await api.get(SESSION, headers={"Authorization": "Bearer wrong"}), 401)

    async def test_everybody_where_nothing_is_needed(self, api: httpx.AsyncClient) -> None:
        view = await ok(api, "GET", SESSION)
        assert (view["credentials"], view["kind"], view["role"], view["scope"]) == (False, "open", "admin", None)

    async def test_a_token(self, parts: Parts, api: httpx.AsyncClient) -> None:
        scope = {"labels": {"team": ["billing"]}}
        token = await made(parts, "operator", scope, name="ada")
        view = await ok(api, "GET", SESSION, headers=bearing(token))
        told = (view["credentials"], view["kind"], view["name"], view["role"], view["scope"])
        assert told == (True, "token", "ada", "operator", scope)

    async def test_the_static_token_and_its_session(self, parts: Parts) -> None:
        async with client(parts, token="s3cret") as api:
            view = await ok(api, "GET", SESSION, headers=bearing("s3cret"))
            assert (view["kind"], view["role"], view["expires_at"]) == ("static", "editor", None)
            cookie = await sign_in(api, "s3cret")
            view = await ok(api, "GET", SESSION, headers={"Cookie": cookie})
            assert (view["kind"], view["role"], view["scope"]) == ("session", "editor", None)
            assert view["expires_at"] is not None

    async def test_every_operation_has_its_role(self, api: httpx.AsyncClient) -> None:
        operations = (await ok(api, "GET", SESSION))["operations"]
        assert operations == {name: operation.role for name, operation in OPERATIONS.items()}

    def test_the_strongest_role(self) -> None:
        some = parse_scope({"ids": ["a"]})
        for bindings, strongest in (
            ((), None),
            ((Binding(Role.VIEWER), Binding(Role.EDITOR, some)), Binding(Role.EDITOR, some)),
            ((Binding(Role.EDITOR, some), Binding(Role.EDITOR)), Binding(Role.EDITOR)),
        ):
            assert Principal("x", bindings, Origin.JWT).strongest == strongest


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
        assert (await ok(api, "GET", SESSION, headers=cookie))["role"] is None

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

    async def test_a_second_cookie_makes_it_unknown(self, parts: Parts, api: httpx.AsyncClient) -> None:
        """Another host of the domain may set one of the same name, for a session of its own."""
        mine, other = [await sign_in(api, await made(parts, "viewer")) for _ in range(2)]
        for headers in ([("Cookie", f"{mine}; {other}")], [("Cookie", mine), ("Cookie", other)]):
            assert_problem(await api.get(JOBS, headers=headers), 401)

    @pytest.mark.parametrize("space", ["\xa0", "\x85", "\x1f"])
    async def test_a_name_that_browsers_do_not_guard(self, parts: Parts, api: httpx.AsyncClient, space: str) -> None:
        cookie = space + await sign_in(api, await made(parts, "viewer"))
        assert_problem(await api.get(JOBS, headers=[(b"Cookie", cookie.encode("latin-1"))]), 401)

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


class TestEnding:
    async def test_a_copy_of_the_cookie_ends_too_also_after_a_restart(self, parts: Parts) -> None:
        access = Access(Credentials("s3cret"), sessions=SessionKey(b"kept"))
        async with client(parts, access=access) as api:
            cookie = {"Cookie": await sign_in(api, "s3cret")}
            other = {"Cookie": await sign_in(api, "s3cret")}
            await ok(api, "GET", JOBS, headers=cookie)
            assert (await api.delete(SESSION, headers=cookie)).status_code == 204
            assert_problem(await api.get(JOBS, headers=cookie), 401)
            assert (await ok(api, "GET", SESSION, headers=cookie))["role"] is None
            await ok(api, "GET", JOBS, headers=other)
            assert (await api.delete(SESSION, headers=cookie)).status_code == 204
        async with client(parts, access=access) as api:
            assert_problem(await api.get(JOBS, headers=cookie), 401)
            await ok(api, "GET", JOBS, headers=other)

    async def test_those_that_are_over_are_forgotten(self, tmp_path: Path) -> None:
        clock = MovableClock()
        async with opened(tmp_path, clock=clock, drain_sec=0) as parts, client(parts, token="s3cret") as api:
            for _ in range(3):
                cookie = {"Cookie": await sign_in(api, "s3cret")}
                await api.delete(SESSION, headers=cookie)
                clock.shift += LIFETIME
            assert len(await parts.store.read(partial(session_rows.ended, now=EPOCH))) == 1

    async def test_too_many_end_all_that_began_before(
        self, parts: Parts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(session_book, "MOST", 2)
        access = Access(Credentials("s3cret"), sessions=SessionKey(b"kept"))
        async with client(parts, access=access) as api:
            cookies = [{"Cookie": await sign_in(api, "s3cret")} for _ in range(4)]
            for cookie in cookies[:3]:
                await api.delete(SESSION, headers=cookie)
            for cookie in cookies:
                assert_problem(await api.get(JOBS, headers=cookie), 401)
            assert "all sessions end" in caplog.text
            parts.clock.shift = timedelta(seconds=1)
            cookies.append({"Cookie": await sign_in(api, "s3cret")})
            await ok(api, "GET", JOBS, headers=cookies[-1])
        async with client(parts, access=access) as api:
            assert [(await api.get(JOBS, headers=one)).status_code for one in cookies] == [401] * 4 + [200]

    async def test_a_database_that_can_not_be_written(self, parts: Parts) -> None:
        async with client(parts, token="s3cret") as api:
            cookie = {"Cookie": await sign_in(api, "s3cret")}
            parts.fill()
            answers = [await api.delete(SESSION, headers=cookie) for _ in range(1)]
            parts.make_room()
            assert {answer.status_code for answer in answers} <= {204, 503}
            assert_problem(await api.get(JOBS, headers=cookie), 401)

    async def test_who_signed_in_and_out_is_recorded(self, parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        async with client(parts) as api:
            token = await made(parts, "viewer", name="ada")
            cookie = await sign_in(api, token)
            await api.delete(SESSION, headers={"Cookie": cookie})
            entries = (await ok(api, "GET", "/api/v1/audit", headers=await bearer(parts, "viewer")))["entries"]
        found = [(one["actor"], one["action"]) for one in entries if one["action"].startswith("session-")]
        assert found == [("ada", "session-ended"), ("ada", "session-begun")]
        lines = [one for one in caplog.records if one.getMessage() in {"session begun", "session ended"}]
        assert [one.__dict__["by"] for one in lines] == ["ada", "ada"]
        value = cookie.partition("=")[2]
        assert not any(value in str(one) or token in str(one) for one in [*entries, *(r.__dict__ for r in lines)])


class TestJwt:
    """The session of a JWT: what it may do is what the present rules say of the claims that it had."""

    @pytest.fixture
    async def site(self, tmp_path: Path) -> AsyncIterator["Site"]:
        clock = MovableClock()
        clock.shift = datetime.fromtimestamp(AT, UTC) - datetime.now(UTC)
        with Target() as target:
            server = IssuerServer(target)
            async with open_key_sets() as keys, opened(tmp_path, clock=clock, drain_sec=0) as parts:
                site = Site(server, parts)
                declared = Declarations(lambda: site.rules, JwtVerifier(keys), now=clock)
                async with client(parts, access=Access(declared=declared)) as api:
                    site.api = api
                    yield site

    async def test_it_ends_with_the_token(self, site: "Site") -> None:
        site.declare("{claim: groups, value: ops, role: viewer}")
        cookie = await site.sign_in(exp=AT + 600)
        assert (await site.status(cookie)) == 200
        site.parts.clock.shift += timedelta(seconds=601)
        assert (await site.status(cookie)) == 401

    async def test_it_ends_after_an_hour(self, site: "Site") -> None:
        site.declare("{claim: groups, value: ops, role: viewer}")
        cookie = await site.sign_in(exp=AT + 86_400)
        site.parts.clock.shift += JWT_LIFETIME + timedelta(seconds=1)
        assert (await site.status(cookie)) == 401

    async def test_one_that_expired_within_the_leeway_begins_none(self, site: "Site") -> None:
        site.declare("{claim: groups, value: ops, role: viewer}")
        answer = await site.api.post(SESSION, json={"token": site.server.token(exp=AT - 5)})
        assert_problem(answer, 401)

    @pytest.mark.parametrize(
        ("after", "role"),
        [
            pytest.param("{claim: groups, value: ops, role: viewer}", "viewer", id="less"),
            pytest.param("{claim: groups, value: o*, role: admin}", "admin", id="more"),
            pytest.param("{claim: groups, value: others, role: editor}", None, id="of others"),
            pytest.param("{claim: sub, value: tanaka, role: editor}", None, id="by a claim that was not kept"),
        ],
    )
    async def test_its_rights_follow_the_file(self, site: "Site", after: str, role: str | None) -> None:
        site.declare("{claim: groups, value: ops, role: editor, scope: {ids: [a-*]}}")
        cookie = await site.sign_in()
        view = await ok(site.api, "GET", SESSION, headers=cookie)
        assert view["bindings"] == [{"role": "editor", "scope": {"ids": ["a-*"]}}]
        site.declare(after)
        if role is None:
            assert (await site.status(cookie)) == 401
        else:
            view = await ok(site.api, "GET", SESSION, headers=cookie)
            assert view["bindings"] == [{"role": role, "scope": {}}]

    async def test_signing_out_without_rights_ends_it_for_good(self, site: "Site") -> None:
        """Rights may be taken away for a while, such as by a mistake in the file."""
        rule = "{claim: groups, value: ops, role: viewer}"
        site.declare(rule)
        cookie = await site.sign_in()
        site.declare("{claim: groups, value: others, role: viewer}")
        assert (await site.api.delete(SESSION, headers=cookie)).status_code == 204
        site.declare(rule)
        assert (await site.status(cookie)) == 401

    async def test_another_audience_and_no_issuer(self, site: "Site") -> None:
        rule = "{claim: groups, value: ops, role: viewer}"
        site.declare(rule)
        cookie = await site.sign_in()
        site.declare(rule, audience="other")
        assert (await site.status(cookie)) == 401
        site.rules = read_access(SourceFile.of("access.yaml", b"{}"))
        assert (await site.status(cookie)) == 401
        site.declare(rule)
        assert (await site.status(cookie)) == 200

    async def test_many_groups_need_no_large_cookie(self, site: "Site") -> None:
        site.declare("{claim: groups, value: ops, role: viewer}")
        cookie = await site.sign_in(groups=["ops", *(f"group-{number}-of-many" for number in range(400))])
        assert len(cookie["Cookie"]) < 500


@dataclass
class Site:
    server: IssuerServer
    parts: Parts
    rules: AccessRules = NO_ACCESS
    api: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    def declare(self, rule: str, audience: str = AUDIENCE) -> None:
        """Put an `access.yaml` with this rule in force."""
        text = f"oidc: [{{issuer: '{self.server.url}', audience: {audience}, rules: [{rule}]}}]"
        self.rules = read_access(SourceFile.of("access.yaml", text.encode()))
        assert not self.rules.problems

    async def sign_in(self, **claims: Any) -> dict[str, str]:
        return {"Cookie": await sign_in(self.api, self.server.token(**claims))}

    async def status(self, cookie: dict[str, str]) -> int:
        return (await self.api.get(JOBS, headers=cookie)).status_code


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

    FORGED = Session(Principal("api", (), Origin.STATIC_TOKEN), NOW + LIFETIME, NOW, "n")

    @pytest.mark.parametrize("secret", [None, "of the server"])
    async def test_the_static_token_signs_nothing(self, parts: Parts, secret: str | None) -> None:
        access = _access(Settings(api_token="s3cret", session_secret=secret), is_reachable=False)
        async with client(parts, access=access) as api:
            for guess in (b"s3cret", b"", b"\neditor\ns3cret", b"None\neditor\ns3cret"):
                cookie = f"{LOOPBACK_COOKIE}={SessionKey(guess).sign(self.FORGED)}"
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
