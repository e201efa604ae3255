"""Calls that prove who makes them, against servers that check it."""

import asyncio
import hashlib
import hmac
import json
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest

from myscheduler.adapters.http.sender import open_sender
from myscheduler.adapters.identity.identity import Identity
from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.source.attached import AttachedFiles
from myscheduler.core.calls.hosts import parse_host_pattern
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.job.auth import OAuth2
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.policy.grants import Grants
from myscheduler.core.policy.guard import Guard
from myscheduler.core.policy.policy import Policy
from myscheduler.service.dispatch.caller import LocalCaller
from myscheduler.service.dispatch.preparing import Preparing
from tests.service.dispatch.test_caller import execution
from tests.support.parts import job
from tests.support.target import Answer, Target
from tests.support.token_server import CLIENT, PASSWORD, TokenServer

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Caller:
    """A caller whose clock is moved by hand."""

    def __init__(self, caller: LocalCaller, identity: Identity) -> None:
        self._caller = caller
        self._identity = identity

    async def call(self, one: Job) -> Outcome:
        return await self._caller.call(one, execution(one), 1)

    def expire(self) -> None:
        """As if a day had gone by for the tokens."""
        before = self._identity._kept._clock
        self._identity._kept._clock = lambda: before() + 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "password").write_text(PASSWORD)
    return tmp_path


@asynccontextmanager
async def caller_under(guard: Guard, folder: Path, metadata_host: str) -> AsyncIterator[Caller]:
    async with open_sender(connections=0, connections_per_host=0, guard=lambda: guard) as sender:
        identity = Identity(
            sender, user_agent="myscheduler/test", cluster_tokens=folder / "tokens", metadata_host=metadata_host
        )
        preparing = Preparing(
            Secrets(folder / "secrets", {}),
            AttachedFiles(folder / "jobs.d"),
            identity,
            grants=Grants,
            now=lambda: NOW,
        )
        yield Caller(LocalCaller(sender, preparing, user_agent="myscheduler/test"), identity)


@pytest.fixture
async def caller(folder: Path, server: TokenServer) -> AsyncIterator[Caller]:
    async with caller_under(Guard(), folder, server.host) as opened:
        yield opened


@pytest.fixture
def server() -> Any:
    with TokenServer() as running:
        yield running


def calling(url: str, auth: Mapping[str, Any], **more: Any) -> Job:
    return replace(job("a", NOW, target_url=url, auth=auth, **more), owner=Owner.MANIFEST)


def oauth2(server: TokenServer, **more: str) -> dict[str, Any]:
    return {
        "oauth2": {
            "token_url": server.url("/token"),
            "client_id": CLIENT,
            "client_secret": "${secret:password}",
            **more,
        }
    }


async def test_user_and_password(caller: Caller) -> None:
    with Target() as target:
        await caller.call(calling(target.url(), {"basic": {"username": "太郎", "password": "${secret:password}"}}))
        (got,) = target.requests
    scheme, _, credentials = (got.header("Authorization") or "").partition(" ")
    assert (scheme, b64decode(credentials).decode()) == ("Basic", f"太郎:{PASSWORD}")


async def test_a_token_that_does_not_expire(caller: Caller) -> None:
    with Target() as target:
        await caller.call(calling(target.url(), {"bearer": {"token": "${secret:password}"}}))
        (got,) = target.requests
    assert (got.header("Authorization") or "").encode("latin-1").decode() == f"Bearer {PASSWORD}"


@pytest.mark.parametrize("token_endpoint_auth_method", ["client_secret_basic", "client_secret_post"])
async def test_client_credentials(caller: Caller, server: TokenServer, token_endpoint_auth_method: str) -> None:
    one = calling(
        server.url("/api"),
        oauth2(server, token_endpoint_auth_method=token_endpoint_auth_method, scope="a b", audience="https://x"),
    )
    outcomes = [await caller.call(one) for _ in range(3)]
    assert [outcome.http_status for outcome in outcomes] == [200, 200, 200]
    assert server.issued == 1  # it is kept
    assert (server.asked[0]["scope"], server.asked[0]["audience"]) == ("a b", "https://x")
    assert ("client_secret" in server.asked[0]) is (token_endpoint_auth_method == "client_secret_post")
    assert outcomes[0].excerpt == "got Bearer [redacted]"


async def test_many_calls_wait_for_one_token(caller: Caller, server: TokenServer) -> None:
    jobs = [calling(server.url("/api"), oauth2(server)) for _ in range(20)]
    outcomes = await asyncio.gather(*map(caller.call, jobs))
    assert {outcome.http_status for outcome in outcomes} == {200}
    assert server.issued == 1


async def test_a_token_is_for_what_it_was_asked_for(caller: Caller, server: TokenServer) -> None:
    await caller.call(calling(server.url("/api"), oauth2(server, scope="a")))
    await caller.call(calling(server.url("/api"), oauth2(server, scope="b")))
    assert [one["scope"] for one in server.asked] == ["a", "b"]


async def test_an_expired_token_is_fetched_anew(caller: Caller, server: TokenServer) -> None:
    one = calling(server.url("/api"), oauth2(server))
    await caller.call(one)
    caller.expire()
    outcome = await caller.call(one)
    assert (outcome.http_status, server.issued, server.calls) == (200, 2, [200, 200])


async def test_a_refused_token_is_replaced_once(caller: Caller, server: TokenServer) -> None:
    one = calling(server.url("/api"), oauth2(server))
    await caller.call(one)
    server.issued += 1  # the server has forgotten the first one
    outcome = await caller.call(one)
    assert (outcome.http_status, server.calls) == (200, [200, 401, 200])


async def test_a_new_token_that_is_refused_is_no_reason_to_ask_again(caller: Caller, server: TokenServer) -> None:
    with Target() as target:
        target.answers("/", Answer(401))
        outcome = await caller.call(calling(target.url(), oauth2(server)))
        assert len(target.requests) == 1
    assert (outcome.http_status, server.issued) == (401, 1)


@pytest.mark.parametrize(
    ("refusal", "is_unreached"),
    [
        pytest.param((400, {}), False, id="refused"),
        pytest.param((429, {"Retry-After": "7"}), True, id="too many"),
        pytest.param((503, {}), True, id="out of order"),
    ],
)
async def test_without_a_token_nothing_is_sent(
    caller: Caller, server: TokenServer, refusal: tuple[int, dict[str, str]], is_unreached: bool
) -> None:
    server.refuses = refusal
    outcome = await caller.call(calling(server.url("/api"), oauth2(server)))
    assert (outcome.failure, outcome.is_unreached) == (Failure.AUTH_FAILED, is_unreached)
    assert outcome.error == f"no token for this call: the token endpoint answered {refusal[0]}"
    assert outcome.retry_after == refusal[1].get("Retry-After")
    assert server.calls == []
    server.refuses = None
    assert (await caller.call(calling(server.url("/api"), oauth2(server)))).http_status == 200  # failures are not kept


async def test_a_token_endpoint_that_is_not_there(caller: Caller, server: TokenServer) -> None:
    auth = oauth2(server)
    auth["oauth2"]["token_url"] = "http://127.0.0.1:1/token"
    outcome = await caller.call(calling(server.url("/api"), auth))
    assert outcome.failure is Failure.AUTH_FAILED
    assert outcome.error == "no token for this call: the token endpoint connection to 127.0.0.1:1 refused"
    assert outcome.is_unreached


async def test_a_token_endpoint_is_not_reached_where_a_target_would_not_be(caller: Caller, server: TokenServer) -> None:
    one = calling(server.url("/api"), oauth2(server))
    spec = one.spec
    assert isinstance(spec.auth, OAuth2)
    moved = replace(spec.auth, token_url="http://169.254.169.254/token")
    outcome = await caller.call(replace(one, spec=replace(spec, auth=moved)))
    assert (outcome.failure, outcome.is_unreached) == (Failure.AUTH_FAILED, False)
    assert "link-local" in (outcome.error or "")


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"access_token": 5}', b'{"access_token": "a\\nb"}', b"{" * 9])
async def test_an_answer_without_a_token(caller: Caller, server: TokenServer, answer: bytes) -> None:
    with Target() as target:
        target.answers("/", Answer(200, answer))
        auth = oauth2(server)
        auth["oauth2"]["token_url"] = target.url()
        outcome = await caller.call(calling(server.url("/api"), auth))
    assert outcome.failure is Failure.AUTH_FAILED
    assert outcome.error == "the token endpoint answered without access_token in JSON"


async def test_the_timeout_of_the_job_includes_its_token(caller: Caller, server: TokenServer) -> None:
    with Target() as target:
        target.answers("/", Answer(delay=60))
        auth = oauth2(server)
        auth["oauth2"]["token_url"] = target.url()
        outcome = await caller.call(calling(server.url("/api"), auth, timeout_sec=0.3))
    assert (outcome.failure, outcome.error) == (Failure.AUTH_FAILED, "no token for this call within 0.3 s")


async def test_a_long_token_is_removed_from_what_comes_back(caller: Caller, server: TokenServer) -> None:
    server.padding = "x" * 6_000  # as tokens with many groups are: longer than the excerpt
    outcome = await caller.call(calling(server.url("/api"), oauth2(server)))
    assert outcome.http_status == 200
    assert outcome.excerpt == "got Bearer [redacted]"


async def test_google_by_the_metadata_server(caller: Caller, server: TokenServer) -> None:
    outcome = await caller.call(calling(server.url("/api"), {"gcp_access_token": {"scopes": ["s1", "s2"]}}))
    assert (outcome.http_status, server.asked) == (200, [{"scopes": "s1,s2"}])
    outcome = await caller.call(calling(server.url("/api"), {"gcp_id_token": {"audience": "https://run/x?y=1"}}))
    assert server.asked[1:] == [{"audience": "https://run/x?y=1", "format": "full"}]


async def test_google_by_the_key_of_a_service_account(caller: Caller, server: TokenServer, folder: Path) -> None:
    (folder / "secrets" / "gcp-key").write_text(server.account_key)
    auth = {"audience": "https://run.example.com", "key": "${secret:gcp-key}"}
    outcome = await caller.call(calling(server.url("/api"), {"gcp_id_token": auth}))
    assert (outcome.http_status, server.asked[0]["target_audience"]) == (200, "https://run.example.com")
    outcome = await caller.call(calling(server.url("/api"), {"gcp_access_token": {"key": "${secret:gcp-key}"}}))
    assert outcome.http_status == 200
    assert server.asked[1]["scope"] == "https://www.googleapis.com/auth/cloud-platform"


@pytest.mark.parametrize("key", ["no JSON", "{}", '{"client_email": "a", "private_key": "b", "token_uri": "http://c"}'])
async def test_a_key_that_is_none_is_not_shown(caller: Caller, server: TokenServer, folder: Path, key: str) -> None:
    (folder / "secrets" / "gcp-key").write_text(key)
    outcome = await caller.call(calling(server.url("/api"), {"gcp_access_token": {"key": "${secret:gcp-key}"}}))
    assert outcome.failure is Failure.AUTH_FAILED
    assert outcome.error == "the key is no JSON key of a Google service account"


def _cluster_token(audience: Any, expires: float) -> str:
    claims = urlsafe_b64encode(json.dumps({"aud": audience, "exp": expires}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{claims}.c2ln"


async def test_a_token_of_the_cluster(caller: Caller, folder: Path) -> None:
    soon = datetime.now(UTC).timestamp() + 3000
    tokens = folder / "tokens"
    one = {"kubernetes": {"audience": "billing"}}
    with Target() as target:
        missing = await caller.call(calling(target.url(), one))
        assert missing.failure is Failure.AUTH_FAILED
        assert "is not readable" in (missing.error or "")
        tokens.mkdir()
        (tokens / "other").write_text(_cluster_token(["other"], soon))
        (tokens / "old").write_text(_cluster_token(["billing"], soon - 4000))
        (tokens / "none").write_text("no token")
        missing = await caller.call(calling(target.url(), one))
        assert missing.error == (
            f"no valid token for the audience 'billing' in {tokens}: mount a projected token for it there"
        )
        (tokens / "billing").write_text(_cluster_token(["billing"], soon))
        await caller.call(calling(target.url(), one))
        (tokens / "billing").write_text(_cluster_token("billing", soon + 1))  # as the kubelet does
        caller.expire()
        await caller.call(calling(target.url(), one))
        sent = [got.header("Authorization") for got in target.requests]
    assert sent == [f"Bearer {_cluster_token(['billing'], soon)}", f"Bearer {_cluster_token('billing', soon + 1)}"]


async def test_a_signature_of_aws(caller: Caller, folder: Path) -> None:
    (folder / "secrets" / "aws").write_text("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    auth = {
        "aws_sigv4": {
            "service": "execute-api",
            "region": "ap-northeast-1",
            "access_key_id": "AKIDEXAMPLE",
            "secret_access_key": "${secret:aws}",
            "session_token": "session",
        }
    }
    with Target() as target:
        await caller.call(
            calling(
                target.url("/日次/a%20b?z=1&a=x%20y&a="),
                auth,
                method="POST",
                body={"a": "日"},
                headers={"X-A": " b  c "},
            )
        )
        (got,) = target.requests
    authorization = got.header("Authorization") or ""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/(\d{8})/ap-northeast-1/execute-api/aws4_request, "
        r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
        authorization,
    )
    assert found is not None, authorization
    day, names, signature = found.groups()
    assert {"host", "x-amz-date", "x-amz-security-token", "content-type", "x-a", "idempotency-key"} <= set(
        names.split(";")
    )
    assert got.header("X-Amz-Security-Token") == "session"
    assert signature == _aws_signature(got, names, day, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def _aws_signature(got: Any, names: str, day: str, key: str) -> str:
    """As the server computes it (AWS General Reference, "Create a signed AWS API request")."""
    path, _, query = got.target.partition("?")
    pairs = sorted((quote(a, safe="-_.~"), quote(b, safe="-_.~")) for a, b in parse_qsl(query, keep_blank_values=True))
    headers = "".join(f"{name}:{' '.join((got.header(name) or '').split())}\n" for name in names.split(";"))
    canonical = "\n".join(
        [
            got.method,
            quote(path, safe="/-_.~"),
            "&".join(f"{a}={b}" for a, b in pairs),
            headers,
            names,
            hashlib.sha256(got.body).hexdigest(),
        ]
    )
    moment = got.header("X-Amz-Date")
    scope = f"{day}/ap-northeast-1/execute-api/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    step = f"AWS4{key}".encode()
    for part in (day, "ap-northeast-1", "execute-api", "aws4_request"):
        step = hmac.digest(step, part.encode(), "sha256")
    return hmac.new(step, text.encode(), "sha256").hexdigest()


async def test_a_job_of_the_api_gets_no_token_from_inside_the_network(folder: Path, server: TokenServer) -> None:
    with Target() as target:
        host = f"127.0.0.1:{target.port}"
        guard = Guard(Policy(api_private_hosts=((host, parse_host_pattern(host)),)))
        async with caller_under(guard, folder, server.host) as caller:
            of_manifest = calling(target.url(), oauth2(server, client_secret=PASSWORD))
            assert (await caller.call(of_manifest)).http_status == 200
            outcome = await caller.call(replace(of_manifest, owner=Owner.API))  # the kept token is not its own
    assert (outcome.failure, outcome.is_unreached) == (Failure.AUTH_FAILED, False)
    assert outcome.error is not None
    assert "127.0.0.1 is not a public address" in outcome.error
    assert (server.issued, len(target.requests)) == (1, 1)


async def test_only_the_metadata_server_of_this_machine_may_be_link_local(folder: Path, server: TokenServer) -> None:
    host = "[fe80::1]"  # without its zone, nothing is sent to it
    refused = "fe80::1 is a link-local address (cloud metadata)"
    with Target() as target:
        async with caller_under(Guard(), folder, host) as caller:
            of_machine = calling(target.url(), {"gcp_id_token": {"audience": "a"}}, timeout_sec=1)
            tried = await caller.call(of_machine)
            asks = calling(target.url(), oauth2(server))
            assert isinstance(asks.spec.auth, OAuth2)
            at_endpoint = replace(asks.spec, auth=replace(asks.spec.auth, token_url=f"http://{host}/token"))
            at_target = replace(of_machine.spec, target_url=f"http://{host}/", auth=None)
            others = [await caller.call(replace(asks, spec=spec)) for spec in (at_endpoint, at_target)]
    assert (tried.failure, tried.is_unreached) == (Failure.AUTH_FAILED, True)
    assert refused not in (tried.error or "")
    assert all(refused in (one.error or "") for one in others)
    assert target.requests == []
