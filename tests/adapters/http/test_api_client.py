"""The client of the API: what it sends, what it makes of answers, and what it says when there is none."""

from collections.abc import Iterator

import httpx
import pytest
import respx

from myscheduler import __version__
from myscheduler.adapters.http.api_client import Client
from myscheduler.errors import ServerError
from tests.support.target import Answer, HangUp, Raw, Reply, Silence, Target

BASE = "http://scheduler.example.com"
PROBLEM = {"type": "about:blank", "title": "Invalid input", "status": 422, "detail": "a: is bad; b: is missing"}


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=f"{BASE}/api/v1") as router:
        yield router


def failure(url: str, *, timeout_sec: float = 30) -> str:
    """What is said of a GET of `/sync`."""
    with pytest.raises(ServerError) as caught, Client(url, timeout_sec=timeout_sec) as client:
        client.get("sync")
    return str(caught.value)


@pytest.mark.parametrize(
    ("segment", "sent"),
    [
        ("a", "a"),
        ("日次 集計", "%E6%97%A5%E6%AC%A1%20%E9%9B%86%E8%A8%88"),
        ("a/b", "a%2Fb"),
        ("a?b#c%2F", "a%3Fb%23c%252F"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("a..b", "a..b"),
    ],
)
def test_segments_of_a_path_may_be_any_text(segment: str, sent: str) -> None:
    with Target() as target, Client(target.url("/")) as client:
        target.default = Answer(body=b"{}")
        assert client.get("jobs", segment, "why") == {}
        assert target.requests[0].target == f"/api/v1/jobs/{sent}/why"


def test_an_empty_segment_is_refused() -> None:
    """`/jobs/` is the list of all jobs."""
    with Target() as target, Client(target.url("/")) as client:
        with pytest.raises(ServerError, match="an empty id names nothing"):
            client.get("jobs", "")
        assert target.requests == []


def test_what_is_sent() -> None:
    with Target() as target, Client(target.url(""), "秘密") as client:
        target.default = Answer(body=b'{"a": "\xe3\x81\x82"}')
        assert client.get("jobs", params=[("label", "a=b c"), ("label", "d&e")]) == {"a": "あ"}
        client.post("jobs", "a", "pause", body={"reason": "倉庫"})
        client.delete("jobs", "a")
        get, post, delete = target.requests
    assert get.target in {"/api/v1/jobs?label=a%3Db+c&label=d%26e", "/api/v1/jobs?label=a%3Db%20c&label=d%26e"}
    assert get.header("Authorization") == "Bearer 秘密".encode().decode("latin-1")
    assert get.header("User-Agent") == f"myscheduler/{__version__}"
    assert (post.method, post.header("Content-Type")) == ("POST", "application/json")
    assert post.body.decode() == '{"reason":"倉庫"}'
    assert (delete.method, delete.body) == ("DELETE", b"")
    assert {one.connection for one in (get, post, delete)} == {1}


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Target() as target, Client(target.url("")) as client:
        target.default = Answer(body=b"{}")
        assert client.get("sync") == {}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(HangUp(), "closed the connection without an answer): is the service running", id="hang-up"),
        pytest.param(HangUp(reset=True), " was reset): is the service running there?", id="reset"),
        pytest.param(Raw(b"220 mail ready\r\n\r\n"), "did not answer in valid HTTP", id="another protocol"),
        pytest.param(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), "broke off its answer", id="broken off"),
        pytest.param(
            Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), "broke off its", id="chunks"
        ),
        pytest.param(Answer(headers=(("Content-Encoding", "gzip"),), body=b"{}"), "malformed one", id="no gzip"),
        pytest.param(Answer(body=b"<html>"), "answers, but not like MyScheduler: does --server name", id="HTML"),
        pytest.param(Answer(502, body=b"<html>"), "answers, but not like MyScheduler", id="HTML of a gateway"),
        pytest.param(Answer(body=b'"\xff"'), "answers, but not like MyScheduler", id="no UTF-8"),
        pytest.param(Answer(500, body=b"[]"), "answered 500: no reason given", id="no problem"),
        pytest.param(Answer(404, body=b'{"detail": "there is no job"}'), "answered 404: there is no job", id="problem"),
        pytest.param(
            Answer(401, body=b'{"detail": "no"}'),
            "answered 401: no; set MYSCHEDULER_API_TOKEN to the server's token",
            id="token",
        ),
        pytest.param(Answer(301, headers=(("Location", "/api/v1/sync"),)), "redirects without end", id="circle"),
    ],
)
def test_answers_that_are_none(reply: Reply, said: str) -> None:
    with Target() as target:
        target.default = reply
        message = failure(target.url(""))
        assert said in message
        assert target.url("") in message


def test_no_server() -> None:
    assert failure("http://127.0.0.1:9") == (
        "no answer from http://127.0.0.1:9 (connection to 127.0.0.1:9 refused): is the service running there? Use "
        "--server or MYSCHEDULER_BASE_URL to name another"
    )


@pytest.mark.parametrize(
    "reply", [Silence(), Answer(body=b"{}" * 50, drip=0.05)], ids=["silence", "a byte now and then"]
)
def test_an_answer_has_a_time_limit_as_a_whole(reply: Reply) -> None:
    with Target() as target:
        target.default = reply
        assert "(timeout after 0.3 s)" in failure(target.url(""), timeout_sec=0.3)


@pytest.mark.parametrize(
    "url", ["scheduler", "ftp://x", "http://", "http://[::", "http://x:port", "http://a b", "http://x:99999999", "//x"]
)
def test_no_url(url: str) -> None:
    assert failure(url) == f"{url.rstrip('/')!r} is not a URL: write one such as http://127.0.0.1:8003"


def test_a_user_in_the_url() -> None:
    told = "contains a user: write the URL without one, and set MYSCHEDULER_API_TOKEN to the token"
    assert failure("http://ada:c4nary@127.0.0.1:9") == f"http://ada:••••@127.0.0.1:9 {told}"


def test_addresses_are_named_with_their_port() -> None:
    assert "(connection to [::1]:9 refused)" in failure("http://[::1]:9")
    with respx.mock:
        respx.get("https://x/api/v1/sync").mock(side_effect=httpx.ConnectError("gone"))
        assert "(the connection to x:443 was lost)" in failure("https://x/")


def test_mistakes_are_listed(api: respx.MockRouter) -> None:
    errors = [{"field": "a", "rule": "r", "message": "is bad"}, {"field": "", "rule": "r", "message": "2 more"}]
    api.post("/jobs").respond(422, json=PROBLEM | {"errors": errors})
    with Client(BASE) as client, pytest.raises(ServerError) as caught:
        client.post("jobs", body={})
    assert str(caught.value) == f"{BASE} answered 422: 2 problems"
    assert caught.value.faults == ("a: is bad", "2 more")
    assert caught.value.status == 422


@pytest.mark.parametrize("errors", [None, [], "a", [1], {"a": 1}, [{"field": "a", "message": "is bad"}]])
def test_otherwise_the_detail_is_shown(api: respx.MockRouter, errors: object) -> None:
    api.get("/sync").respond(422, json=PROBLEM | {"errors": errors})
    assert failure(BASE) == f"{BASE} answered 422: a: is bad; b: is missing"


def test_a_get_follows_redirects_and_keeps_the_token_at_home(api: respx.MockRouter) -> None:
    api.get("/sync").respond(302, headers={"Location": "http://other.example.com/x"})
    with respx.mock:
        other = respx.get("http://other.example.com/x").respond(json={"a": 1})
        with Client(BASE, "t0ken") as client:
            assert client.get("sync") == {"a": 1}
    assert "Authorization" not in other.calls.last.request.headers


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_what_changes_something_is_not_sent_elsewhere(api: respx.MockRouter, status: int) -> None:
    location = "https://user:c4nary@scheduler.example.com/api/v1/jobs/a"
    api.delete("/jobs/a").respond(status, headers={"Location": location})
    with Client(BASE) as client, pytest.raises(ServerError, match=f"answered {status}: use --server with") as caught:
        client.delete("jobs", "a")
    assert "c4nary" not in str(caught.value)


def test_any_status_of_success_will_do(api: respx.MockRouter) -> None:
    api.post("/executions/a/rerun").mock(httpx.Response(202, json={"status": "queued"}))
    with Client(BASE) as client:
        assert client.post("executions", "a", "rerun", body={}) == {"status": "queued"}
