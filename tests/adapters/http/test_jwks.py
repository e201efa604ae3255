"""The keys of an issuer, from a real server that is rotated, slow, down or hostile; over a clock that the test sets."""

import asyncio
import base64
import gzip
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.http import issuer_documents
from myscheduler.adapters.http.issuer_documents import SIZE_LIMIT, FetchError, fetch_keys
from myscheduler.adapters.http.jwks import AGAIN_SEC, FIRST_AGAIN_SEC, FRESH_SEC, LOG_SEC, KeySets, open_key_sets
from tests.support.issuers import DISCOVERY, JWKS, Clock, IssuerServer, ec_key, ed_key, json_answer, many, rsa_key
from tests.support.target import AUTHORITY, Answer, HangUp, Raw, Reply, Silence, Target, closed_port

pytestmark = pytest.mark.anyio


@pytest.fixture
def server() -> Iterator[IssuerServer]:
    with Target() as target:
        yield IssuerServer(target)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def sets(clock: Clock) -> AsyncIterator[KeySets]:
    async with open_key_sets(clock) as opened:
        yield opened


async def test_keys_are_found_by_the_discovery_and_kept(server: IssuerServer, sets: KeySets) -> None:
    for _ in range(3):
        (key,) = await sets.find(server.issuer(), "ec")
        assert key.makes("ES256")
    assert [one.target for one in server.target.requests] == [DISCOVERY, JWKS]
    headers = {name.lower(): value for name, value in server.target.requests[0].headers}
    assert headers["user-agent"].startswith("myscheduler/")
    assert "authorization" not in headers


async def test_a_jwks_url_that_is_given_needs_no_discovery(server: IssuerServer, sets: KeySets) -> None:
    assert await sets.find(server.issuer(url="https://other.example", jwks_url=server.url + JWKS), "ec")
    assert [one.target for one in server.target.requests] == [JWKS]


async def test_a_path_and_a_slash_at_the_end_belong_to_the_issuer(sets: KeySets) -> None:
    with Target() as target:
        url = target.url("/realms/one/")
        target.answers("/realms/one" + DISCOVERY, json_answer({"issuer": url, "jwks_uri": target.url(JWKS)}))
        target.answers(JWKS, json_answer({"keys": [ec_key().jwk]}))
        assert await sets.find(IssuerServer(target).issuer(url=url), "ec")


async def test_an_unknown_key_is_looked_for_at_most_every_30_s(
    server: IssuerServer, sets: KeySets, clock: Clock
) -> None:
    issuer = server.issuer()
    assert await sets.find(issuer, "ec")
    server.publish(ec_key("new"))
    for number in range(50):
        assert not await sets.find(issuer, f"made-up-{number}")
    assert server.fetches == 1
    clock.now += AGAIN_SEC
    assert await sets.find(issuer, "new")
    assert not await sets.find(issuer, "ec")
    assert server.fetches == 2


async def test_many_callers_wait_for_one_fetch(server: IssuerServer, sets: KeySets) -> None:
    server.answers(json_answer({"keys": [ec_key().jwk]}, delay=0.2))
    found = await asyncio.gather(*(sets.find(server.issuer(), "ec") for _ in range(100)))
    assert all(found)
    assert server.fetches == 1


async def test_a_caller_who_leaves_does_not_end_the_fetch_of_the_others(server: IssuerServer, sets: KeySets) -> None:
    server.answers(json_answer({"keys": [ec_key().jwk]}, delay=0.2))
    first, second = (asyncio.create_task(sets.find(server.issuer(), "ec")) for _ in range(2))
    await asyncio.to_thread(server.target.wait_for, 2)
    first.cancel()
    assert await second
    assert server.fetches == 1


async def test_withdrawn_keys_stop_counting_within_an_hour(server: IssuerServer, sets: KeySets, clock: Clock) -> None:
    issuer = server.issuer()
    await sets.find(issuer, "ec")
    server.publish(ec_key("new"))
    clock.now += FRESH_SEC - 1
    assert await sets.find(issuer, "ec")
    clock.now += 1
    assert not await sets.find(issuer, "ec")


BAD: list[Any] = [
    pytest.param(Answer(500), id="500"),
    pytest.param(Answer(204, b""), id="204"),
    pytest.param(HangUp(), id="hangs up"),
    pytest.param(HangUp(reset=True), id="resets"),
    pytest.param(Raw(b"no HTTP at all\r\n\r\n"), id="no HTTP"),
    pytest.param(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"), id="broken off"),
    pytest.param(Answer(body=b"<html>login</html>"), id="HTML"),
    pytest.param(Answer(body=b""), id="empty"),
    pytest.param(Answer(body=b"null"), id="null"),
    pytest.param(Answer(body=b'{"keys": {}}'), id="no list"),
    pytest.param(Answer(body=b'{"keys": []}'), id="no keys"),
    pytest.param(Answer(body=b'{"keys": [null, 1, "", [], {}]}'), id="no objects"),
    pytest.param(Answer(body=b"[" * 100_000), id="100,000 levels"),
    pytest.param(Answer(body=b'{"keys": [' + b"9" * 5_000 + b"]}"), id="number of 5,000 digits"),
    pytest.param(Answer(body=b" " * (SIZE_LIMIT + 1)), id="256 KiB of blanks"),
    pytest.param(Answer(body=b" " * 65_536, repeat=2_000), id="128 MiB"),
    pytest.param(json_answer({"keys": [key.jwk for key in many(101)]}), id="101 keys"),
    pytest.param(
        Answer(body=gzip.compress(b" " * 100_000_000), headers=(("Content-Encoding", "gzip"),)), id="gzip bomb"
    ),
    pytest.param(Answer(302, headers=(("Location", "http://169.254.169.254/"),)), id="redirect to another host"),
    pytest.param(Answer(302, headers=(("Location", f"http://127.0.0.1:{closed_port()}/"),)), id="to another port"),
    pytest.param(Answer(302, headers=(("Location", "file:///etc/passwd"),)), id="redirect to a file"),
    pytest.param(Answer(302, headers=(("Location", "http://[::1"),)), id="redirect to nonsense"),
    pytest.param(Answer(302, headers=(("Location", JWKS),)), id="redirects for ever"),
]


@pytest.mark.parametrize("reply", BAD)
async def test_the_last_good_keys_stay_whatever_an_issuer_answers(
    reply: Reply, server: IssuerServer, sets: KeySets, clock: Clock
) -> None:
    issuer = server.issuer()
    assert await sets.find(issuer, "ec")
    server.answers(reply)
    for _ in range(3):
        clock.now += FRESH_SEC
        assert await sets.find(issuer, "ec")
        assert not await sets.find(issuer, "other")
    server.publish(ec_key("other"))
    clock.now += FRESH_SEC
    assert await sets.find(issuer, "other")


@pytest.mark.parametrize("reply", BAD)
async def test_what_went_wrong_is_said_in_one_line(reply: Reply, server: IssuerServer) -> None:
    server.answers(reply)
    with pytest.raises(FetchError) as raised:
        await fetch_keys(server.issuer())
    assert 5 < len(str(raised.value)) < 400
    assert str(raised.value).isprintable()


async def test_an_issuer_that_is_down_at_the_start_is_tried_again_soon(clock: Clock, sets: KeySets) -> None:
    with Target() as target:
        server = IssuerServer(target)
        server.answers(Answer(503), json_answer({"keys": [ec_key().jwk]}))
        assert not await sets.find(server.issuer(), "ec")
        clock.now += FIRST_AGAIN_SEC - 1
        assert not await sets.find(server.issuer(), "ec")
        clock.now += 1
        assert await sets.find(server.issuer(), "ec")


async def test_an_issuer_that_nobody_runs(sets: KeySets, caplog: pytest.LogCaptureFixture) -> None:
    with Target() as target:
        server = IssuerServer(target)
    assert not await sets.find(server.issuer(), "ec")
    (line,) = caplog.messages
    assert "its tokens are refused until they can be" in line


async def test_a_slow_issuer_delays_no_caller_with_a_known_key_twice(
    server: IssuerServer, sets: KeySets, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = server.issuer()
    await sets.find(issuer, "ec")
    server.answers(Silence())
    monkeypatch.setattr(issuer_documents, "TIMEOUT_SEC", 0.2)
    clock.now += FRESH_SEC
    assert await sets.find(issuer, "ec")  # waits
    monkeypatch.setattr(issuer_documents, "TIMEOUT_SEC", 1_000)
    clock.now += FRESH_SEC
    assert await sets.find(issuer, "ec")  # would wait for a quarter of an hour


@pytest.mark.parametrize(
    "reply", [Silence(), Answer(delay=60), Answer(body=b" " * 1_000, drip=0.01)], ids=["silent", "late", "drips"]
)
async def test_a_fetch_ends_by_its_time_limit(
    reply: Reply, server: IssuerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer_documents, "TIMEOUT_SEC", 0.3)
    server.answers(reply)
    with pytest.raises(FetchError, match="no complete answer within"):
        await fetch_keys(server.issuer())


async def test_one_line_a_minute_says_what_fails(
    server: IssuerServer, sets: KeySets, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "myscheduler")
    server.answers(Answer(503))
    for _ in range(int(3 * LOG_SEC / FIRST_AGAIN_SEC)):
        await sets.find(server.issuer(), "ec")
        clock.now += FIRST_AGAIN_SEC
    assert len(caplog.messages) == 3
    assert all("answered 503" in line for line in caplog.messages)
    server.publish(ec_key())
    await sets.find(server.issuer(), "ec")
    assert caplog.messages[3:] == [f"the keys of the issuer {server.url} are fetched again"]


DISCOVERIES = [
    pytest.param({"issuer": "https://other.example"}, "its 'issuer' is another", id="another issuer"),
    pytest.param({"issuer": None}, "its 'issuer' is another", id="no issuer"),
    pytest.param({"jwks_uri": None}, "it has no 'jwks_uri'", id="no jwks_uri"),
    pytest.param({"jwks_uri": 7}, "it has no 'jwks_uri'", id="number"),
    pytest.param({"jwks_uri": "http://issuer.example/jwks"}, "is not https", id="http elsewhere"),
    pytest.param({"jwks_uri": "http://169.254.169.254/latest"}, "is not https", id="metadata"),
    pytest.param({"jwks_uri": "file:///etc/passwd"}, "is not an http or https URL", id="file"),
    pytest.param({"jwks_uri": "/jwks"}, "is not an http or https URL", id="relative"),
    pytest.param({"jwks_uri": "https://me:hidden@issuer.example/"}, "is not an http or https URL", id="user"),
    pytest.param({"jwks_uri": "https://issuer.example\\@127.0.0.1/"}, "is not an http or https URL", id="two hosts"),
]


@pytest.mark.parametrize(("changed", "why"), DISCOVERIES)
async def test_a_discovery_that_is_not_followed(changed: dict[str, Any], why: str, server: IssuerServer) -> None:
    server.publish(*server.keys, **changed)
    with pytest.raises(FetchError, match=why) as raised:
        await fetch_keys(server.issuer())
    assert server.fetches == 0
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://issuer.example", "ftp://127.0.0.1", "issuer", "", "http://[::1", "https://"])
async def test_an_issuer_is_at_https_or_on_loopback(url: str, server: IssuerServer) -> None:
    for issuer in (server.issuer(url=url), server.issuer(jwks_url=url or "x")):
        with pytest.raises(FetchError):
            await fetch_keys(issuer)
    assert not server.target.requests


async def test_redirects_on_the_same_host_are_followed(server: IssuerServer) -> None:
    server.answers(Answer(301, headers=(("Location", "/moved"),)))
    server.target.answers("/moved", json_answer({"keys": [ec_key().jwk]}))
    assert await fetch_keys(server.issuer())


# --- as Kubernetes serves them ------------------------------------------------------------------------------------


def _jwt(text: str = "pod") -> str:
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in ("{}", text, "sign"))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[IssuerServer]:
    """Over TLS, with a certificate that only `ca.crt` proves; `token` is what it asks for."""
    (tmp_path / "ca.crt").write_text(f"# 認証局\n{AUTHORITY}", "utf-8")
    (tmp_path / "token").write_text(_jwt() + "\n")
    with Target(tls=True) as target:
        yield IssuerServer(target, [rsa_key()])


async def test_the_authority_of_the_cluster_and_the_token_of_the_pod(cluster: IssuerServer, tmp_path: Path) -> None:
    issuer = cluster.issuer(ca_file=str(tmp_path / "ca.crt"), bearer_file=str(tmp_path / "token"))
    assert "rsa" in await fetch_keys(issuer)
    (tmp_path / "token").write_text(_jwt("the next one"))
    assert "rsa" in await fetch_keys(issuer)
    sent = [one.header("Authorization") for one in cluster.target.requests]
    assert sent == [f"Bearer {_jwt()}"] * 2 + [f"Bearer {_jwt('the next one')}"] * 2


async def test_without_the_authority_nothing_is_asked(cluster: IssuerServer) -> None:
    with pytest.raises(FetchError, match="certificate verify failed"):
        await fetch_keys(cluster.issuer())
    assert not cluster.target.requests


async def test_the_token_goes_to_no_other_host(cluster: IssuerServer, tmp_path: Path) -> None:
    with Target(tls=True) as other:
        other.answers(JWKS, json_answer({"keys": [ed_key().jwk]}))
        cluster.publish(jwks_uri=other.url(JWKS))
        issuer = cluster.issuer(ca_file=str(tmp_path / "ca.crt"), bearer_file=str(tmp_path / "token"))
        assert "ed" in await fetch_keys(issuer)
        assert [one.header("Authorization") for one in other.requests] == [None]


@pytest.mark.parametrize("content", ["", "s3cret-of-another-service", _jwt() + "\n" + _jwt(), "秘密", None])
async def test_a_file_that_holds_no_jwt_is_not_sent(content: str | None, cluster: IssuerServer, tmp_path: Path) -> None:
    file = tmp_path / "other"
    if content is not None:
        file.write_text(content)
    with pytest.raises(FetchError) as raised:
        await fetch_keys(cluster.issuer(ca_file=str(tmp_path / "ca.crt"), bearer_file=str(file)))
    assert not content or content not in str(raised.value)
    assert not cluster.target.requests


@pytest.mark.parametrize("content", ["", "our certificates", AUTHORITY[:200], None])
async def test_an_authority_that_can_not_be_read(content: str | None, cluster: IssuerServer, tmp_path: Path) -> None:
    file = tmp_path / "other.crt"
    if content is not None:
        file.write_text(content)
    with pytest.raises(FetchError, match=r"other\.crt"):
        await fetch_keys(cluster.issuer(ca_file=str(file)))


async def test_a_pipe_is_not_waited_for(cluster: IssuerServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FetchError, match="is not a file"):
        await fetch_keys(cluster.issuer(ca_file=str(tmp_path / "pipe")))
