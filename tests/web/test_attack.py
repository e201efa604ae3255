"""A page of another origin, in the browser of somebody who reaches the service: it changes and learns nothing.

The page is served on another port (same site, another origin) and under another name (another site).
"""

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.support.browser import Pages
from tests.support.service import Service

PAGE = b"""<!doctype html><title>evil</title>
<iframe name="into" src="about:blank"></iframe>
<form method="post" target="into" enctype="text/plain"><input name="a"></form>"""
TOLD = {"MYSCHEDULER_API_TOKEN": "s3cret", "MYSCHEDULER_API_TOKEN_ROLE": "admin"}
BODY = '{"job_id": "evil", "target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}}'
SEND = """async ([url, method, body, mode, type]) => {
  const headers = type ? { "Content-Type": type } : {};
  try {
    const answer = await fetch(url, { method, body, mode, headers, credentials: "include" });
    return [answer.type, answer.status, await answer.text()];
  } catch (error) {
    return ["refused", 0, ""];
  }
}"""
POST = """async ([url, name, value]) => {
  const form = document.querySelector("form");
  form.action = url;
  form.elements[0].name = name;
  form.elements[0].value = value;
  const done = new Promise((resolve) => document.querySelector("iframe").addEventListener("load", resolve));
  form.submit();
  await done;
}"""
FRAME = """async (url) => {
  const frame = document.createElement("iframe");
  const done = new Promise((resolve) => frame.addEventListener("load", resolve));
  frame.src = url;
  document.body.append(frame);
  await done;
  try {
    return frame.contentDocument?.documentElement?.dataset?.root === undefined ? "nothing" : "readable";
  } catch {
    return "nothing";
  }
}"""
LOAD = """(url) => new Promise((resolve) => {
  const script = document.createElement("script");
  script.addEventListener("load", () => resolve("loaded"));
  script.addEventListener("error", () => resolve("refused"));
  script.src = url;
  document.head.append(script);
})"""
OPEN = """async (url) => {
  const opened = window.open(url);
  for (let round = 0; round < 600 && opened !== null && !opened.closed; round++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return opened === null || opened.closed ? "cut off" : "held";
}"""


class _Evil(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def evil() -> Iterator[int]:
    """The port of the other origin, which answers under every name of this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Evil) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def service(start: Callable[..., Service]) -> Service:
    running = start(has_jobs=False, **TOLD)
    running.authorize("s3cret")
    running.create(job_id="mine", target_url="http://127.0.0.1:9/", cron="@daily")
    return running


@pytest.fixture(params=["127.0.0.1", "localhost"], ids=["another port", "another site"])
def attack(request: pytest.FixtureRequest, pages: Pages, service: Service, evil: int) -> Page:
    """The page, in a browser that has a session of an admin."""
    pages.allow("Failed to load resource|CORS|frame-ancestors|X-Frame-Options|Refused|violates|blocked")
    page = pages.blank(service=service)
    pages.sign_in(page, "s3cret", service=service)
    page.goto("/docs")
    assert page.evaluate(SEND, ["/api/v1/jobs", "GET", None, "cors", None])[1] == 200  # the session works
    page.goto(f"http://{request.param}:{evil}/")
    return page


def test_it_changes_nothing(attack: Page, service: Service) -> None:
    before = service.get("/api/v1/audit").json()
    api = f"{service.url}/api/v1"
    for url, method, body, mode, kind in (
        (f"{api}/jobs", "POST", BODY, "no-cors", None),
        (f"{api}/jobs", "POST", BODY, "no-cors", "text/plain"),
        (f"{api}/jobs", "POST", BODY, "cors", "application/json"),
        (f"{api}/jobs/mine/trigger", "POST", None, "no-cors", None),
        (f"{api}/jobs/mine/pause", "POST", None, "cors", None),
        (f"{api}/jobs/mine", "DELETE", None, "cors", None),
        (f"{api}/sync", "POST", None, "no-cors", None),
        (f"{api}/session", "POST", '{"token": "s3cret"}', "no-cors", None),
    ):
        kind_of_answer, status, text = attack.evaluate(SEND, [url, method, body, mode, kind])
        assert (kind_of_answer in {"opaque", "refused"}, status, text) == (True, 0, ""), url
    attack.evaluate(POST, [f"{api}/jobs", BODY[:-1] + ', "a": "', '"}'])
    attack.evaluate(POST, [f"{api}/jobs/mine/trigger", "a", "b"])
    assert service.get("/api/v1/audit").json() == before
    assert [job["job_id"] for job in service.get("/api/v1/jobs").json()["jobs"]] == ["mine"]
    assert service.executions("mine") == []


def test_it_learns_nothing(attack: Page, service: Service) -> None:
    for path in ("/api/v1/jobs", "/api/v1/session", "/ui/", "/health", "/openapi.json"):
        for mode in ("cors", "no-cors"):
            _, status, text = attack.evaluate(SEND, [f"{service.url}{path}", "GET", None, mode, None])
            assert (status, text) == (0, ""), path
    assert attack.evaluate(LOAD, f"{service.url}/api/v1/jobs") == "refused"


def test_it_frames_nothing(attack: Page, service: Service) -> None:
    for path in ("/ui/", "/ui/jobs", "/docs", "/api/v1/jobs"):
        assert attack.evaluate(FRAME, f"{service.url}{path}") == "nothing"
    texts = [frame.evaluate("() => document.documentElement.innerText") for frame in attack.frames[1:]]
    assert not any("mine" in text or "MyScheduler" in text for text in texts)


def test_it_holds_no_window(attack: Page, service: Service) -> None:
    assert attack.evaluate(OPEN, f"{service.url}/ui/") == "cut off"


@pytest.mark.parametrize("path", ["/ui/", "/ui/s/x/app.js", "/api/v1/jobs", "/health"])
def test_a_name_that_was_rebound(pages: Pages, service: Service, path: str) -> None:
    """The browser believes that evil.localhost is the page's own host, and its address is that of the service."""
    pages.allow("Failed to load resource")
    port = urlsplit(service.url).port
    page = pages.blank(service=service)
    answer = page.goto(f"http://127.0.0.1:{port}/health")
    assert answer is not None
    assert answer.status == 200
    refused = service.get(path, headers={"Host": f"evil.example:{port}", "Sec-Fetch-Site": "same-origin"})
    assert refused.status_code == 421
    assert "mine" not in refused.text
