"""What a page of another site tries through the browser of somebody who can reach the service.

Raw requests over a real process, with the headers that Chromium 150 sends, in its order.
"""

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from myscheduler.cli import main
from tests.support.patience import PATIENCE
from tests.support.service import COMMAND, Service, environment

BODY = json.dumps({"job_id": "evil", "target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}})
COMMON = {
    "Connection": "keep-alive",
    "sec-ch-ua-platform": '"Linux"',
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150 Safari/537.36",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "en-US,en;q=0.9",
}
FORM = {
    "Cache-Control": "max-age=0",
    "Origin": "http://evil.example",
    "Content-Type": "text/plain",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-User": "?1",
    "Sec-Fetch-Dest": "document",
    "Referer": "http://evil.example/",
}
FIELDS = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain;charset=UTF-8"}
EVIL = {"Origin": "http://evil.example"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"}
FETCH = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("browser")
    (folder / "jobs.d").mkdir()
    with Service(folder) as running:
        running.create(job_id="mine", target_url="http://127.0.0.1:9/", cron="@daily")
        yield running


def ask(
    service: Service, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[int, dict[str, str], str]:
    """`Host` is where the service is, unless the headers say otherwise."""
    place = urlsplit(service.url).netloc
    connection = http.client.HTTPConnection(place, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        content = None if body is None else body.encode()
        length = {} if content is None else {"Content-Length": str(len(content))}
        for name, value in ({"Host": place} | COMMON | length | headers).items():
            connection.putheader(name, value.replace("SELF", place))
        connection.endheaders(content)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, told, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        pytest.param("POST", "/api/v1/jobs", FORM, BODY, 403, id="a form of text/plain"),
        pytest.param(
            "POST", "/api/v1/jobs", FORM | FIELDS, "a=b", 403, id="a form"
        ),
        pytest.param(
            "POST", "/api/v1/jobs/mine/trigger", FORM | FIELDS, "", 403,
            id="a form without fields",
        ),
        pytest.param("POST", "/api/v1/sync", FORM | {"Sec-Fetch-Site": "same-site"}, "", 403, id="another port"),
        pytest.param(
            "POST", "/api/v1/jobs", FETCH | TEXT | EVIL,
            BODY, 403, id="fetch without CORS",
        ),
        pytest.param("POST", "/api/v1/jobs", FETCH | EVIL, BODY, 403, id="fetch of a blob"),
        pytest.param(
            "POST", "/api/v1/jobs/mine/pause", EVIL | TEXT, "{}", 403,
            id="over plain HTTP in a LAN, without Sec-Fetch",
        ),
        pytest.param("POST", "/api/v1/jobs", FORM | {"Origin": "null"}, BODY, 403, id="a file, a sandboxed frame"),
        pytest.param(
            "POST", "/api/v1/jobs", {"Origin": "null"} | TEXT, BODY, 403, id="a file, without Sec-Fetch"
        ),
        pytest.param(
            "PUT", "/api/v1/jobs/mine", FETCH | {"Origin": "http://evil.example", "Content-Type": "application/json"},
            BODY, 403, id="with a preflight that was skipped",
        ),
        pytest.param("DELETE", "/api/v1/jobs/mine", FETCH | EVIL, None, 403, id="delete"),
        pytest.param(
            "GET", "/api/v1/jobs", {"Host": "evil.example:8003", "Sec-Fetch-Site": "same-origin"}, None, 421,
            id="rebinding: reads",
        ),
        pytest.param(
            "POST", "/api/v1/jobs",
            {"Host": "evil.example:8003", "Origin": "http://evil.example:8003", "Content-Type": "application/json"},
            BODY, 421, id="rebinding: writes",
        ),
        pytest.param("GET", "/health", {"Host": "evil.example"}, None, 421, id="rebinding: is it there"),
        pytest.param("GET", "/docs", {"Host": "evil.example"}, None, 421, id="rebinding: the page"),
        pytest.param("GET", "/openapi.json", {"Host": "evil.example"}, None, 421, id="rebinding: the contract"),
        pytest.param("GET", "/nowhere", {"Host": "evil.example"}, None, 421, id="rebinding: what is not there"),
        pytest.param("OPTIONS", "/api/v1/jobs", {"Host": "evil.example"}, None, 421, id="rebinding: a preflight"),
    ],
)  # fmt: skip
def test_an_attack(
    service: Service, method: str, path: str, headers: dict[str, str], body: str | None, status: int
) -> None:
    before = service.get("/api/v1/audit").json()
    answered, told, text = ask(service, method, path, headers, body)
    assert answered == status, text
    assert told["content-type"] == "application/problem+json"
    assert [name for name in told if name.startswith("access-control-")] == []
    assert "mine" not in text.replace(path, "")
    assert service.get("/api/v1/audit").json() == before
    assert service.executions("mine") == []


def test_a_preflight_of_another_site_is_not_granted(service: Service) -> None:
    asked = {
        "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type",
        "Access-Control-Request-Private-Network": "true", "Origin": "http://evil.example", "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty", "Referer": "http://evil.example/",
    }  # fmt: skip
    _, told, _ = ask(service, "OPTIONS", "/api/v1/jobs", asked)
    assert [name for name in told if name.startswith("access-control-")] == []


def test_an_answer_to_another_site_can_be_read_by_nobody(service: Service) -> None:
    """A GET changes nothing, so it is answered; the browser keeps the answer from the page, and from its process."""
    status, told, _ = ask(service, "GET", "/api/v1/jobs", FETCH | EVIL)
    assert status == 200
    assert "access-control-allow-origin" not in told
    assert (told["cross-origin-resource-policy"], told["x-content-type-options"]) == ("same-origin", "nosniff")


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        pytest.param(
            "POST", "/api/v1/jobs/mine/pause",
            {"Origin": "http://SELF", "Content-Type": "application/json", "Sec-Fetch-Site": "same-origin",
             "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Referer": "http://SELF/docs"},
            "{}", id="the page /docs",
        ),
        pytest.param("POST", "/api/v1/jobs/mine/resume", {"Origin": "http://SELF"}, "", id="the page over plain HTTP"),
        pytest.param(
            "GET", "/docs", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1"}, None,
            id="the address bar",
        ),
        pytest.param(
            "GET", "/docs", LINK, None,
            id="a link of another site",
        ),
        pytest.param("POST", "/api/v1/jobs/mine/pause", {}, "", id="curl -X POST"),
        pytest.param("POST", "/api/v1/jobs/mine/resume", {"Content-Type": "application/json"}, "{}", id="CommonUI"),
        pytest.param("GET", "/health/live", {"Host": "localhost"}, None, id="the health check of the image"),
    ],
)  # fmt: skip
def test_what_has_to_go_on(service: Service, method: str, path: str, headers: dict[str, str], body: str | None) -> None:
    status, _, text = ask(service, method, path, headers, body)
    assert status == 200, text


def test_each_refusal_is_logged_with_its_reason(service: Service) -> None:
    ask(service, "GET", "/api/v1/jobs", {"Host": "rebound.example"})
    line = service.wait_for_log(lambda line: "rebound.example" in line["message"])
    assert line["level"] == "WARNING"
    assert "from 127.0.0.1 with 421" in line["message"]
    assert "MYSCHEDULER_ALLOWED_HOSTS" in line["message"]


@pytest.mark.parametrize("lines", ["", "Host: localhost\r\nHost: localhost\r\n", "Host:\r\n"])
def test_a_request_without_one_host(service: Service, lines: str) -> None:
    place = urlsplit(service.url)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE) as connection:
        connection.sendall(f"GET /health HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
        assert connection.makefile("rb").readline().split()[1] == b"400"


# --- names and tokens -------------------------------------------------------------------------------------------------


def test_on_every_address_with_names_and_a_token_from_a_file(tmp_path: Path) -> None:
    told = {
        "MYSCHEDULER_HOST": "0.0.0.0",
        "MYSCHEDULER_ALLOWED_HOSTS": "demo, *.internal",
        "MYSCHEDULER_API_TOKEN": " s3cret\n",
    }
    with Service(tmp_path, **told) as service:
        for host, status in (
            ("demo:8003", 200),
            ("a.internal", 200),
            ("10.1.2.3:8003", 200),  # as the kubelet does
            (f"{socket.gethostname()}:8003", 200),
            ("evil.example", 421),
            ("internal", 421),
        ):
            assert ask(service, "GET", "/health/live", {"Host": host})[0] == status, host
        assert service.get("/api/v1/jobs", headers={"Authorization": "Bearer s3cret"}).status_code == 200
        assert service.get("/api/v1/jobs", headers={"Authorization": "Bearer no"}).status_code == 401
        line = service.wait_for_log(lambda line: line["logger"] == "myscheduler.api.door.authentication")
        assert line["message"] == "refused GET /api/v1/jobs from 127.0.0.1 with 401: a wrong API token"
        assert "s3cret" not in service.text
        assert "THE API IS OPEN" not in service.text


@pytest.mark.parametrize(("host", "is_warned"), [("0.0.0.0", True), ("127.0.0.1", False), ("localhost", False)])
def test_an_open_api_is_warned_of_in_capitals(tmp_path: Path, host: str, is_warned: bool) -> None:
    with Service(tmp_path, MYSCHEDULER_HOST=host, MYSCHEDULER_INSECURE="true") as service:
        warned = [line for line in service.log if "THE API IS OPEN" in line["message"]]
        assert [line["level"] for line in warned] == ["WARNING"] * is_warned


def test_an_open_api_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment(MYSCHEDULER_HOST="0.0.0.0"), capture_output=True, text=True, check=False,
        timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 2
    for way in ("MYSCHEDULER_API_TOKEN", "myscheduler token create", "127.0.0.1", "--insecure"):
        assert way in done.stderr


def test_a_token_of_the_database_is_enough(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/data/jobs.db"
    told = ["token", "create", "ada", "--role", "admin", "--database-url", database]
    made = CliRunner().invoke(main, told, prog_name="myscheduler")
    assert made.exit_code == 0, made.output
    with Service(tmp_path, MYSCHEDULER_HOST="0.0.0.0", DATABASE_URL=database) as service:
        assert service.get("/api/v1/jobs").status_code == 401
        token = made.stdout.strip()
        assert service.get("/api/v1/tokens", headers={"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize(
    ("trusted", "address", "actor"),
    [pytest.param("", "127.0.0.1", "api", id="no-proxy"), pytest.param("127.0.0.1", "192.0.2.77", "ada", id="proxy")],
)
def test_what_a_proxy_says_of_its_caller(tmp_path: Path, trusted: str, address: str, actor: str) -> None:
    said = {"X-Forwarded-For": "198.51.100.1, 192.0.2.77", "X-Forwarded-User": "ada"}
    right = {"Authorization": "Bearer s3cret"}
    with Service(tmp_path, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_TRUSTED_PROXIES=trusted) as service:
        service.get("/api/v1/jobs", headers=said)
        line = service.wait_for_log(lambda line: line["logger"] == "myscheduler.api.door.authentication")
        assert f" from {address} with 401" in line["message"]
        body = {"job_id": "a", "target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}}
        assert service.post("/api/v1/jobs", json=body, headers=said | right).status_code == 200
        (entry,) = service.get("/api/v1/audit?job_id=a", headers=right).json()["entries"]
        assert entry["actor"] == actor


def test_nobody_writes_himself_another_address(tmp_path: Path) -> None:
    with Service(tmp_path, MYSCHEDULER_API_TOKEN="s3cret") as service:
        service.get("/api/v1/jobs", headers={"X-Forwarded-For": "192.0.2.77"})
        line = service.wait_for_log(lambda line: line["logger"] == "myscheduler.api.door.authentication")
        assert "from 127.0.0.1 " in line["message"]
        assert "192.0.2.77" not in service.text
