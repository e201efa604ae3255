"""No value of a secret is left anywhere. A real service sends canaries in every way to a target that repeats all.

Then all that the service wrote, printed and answered is searched. A marker that is no secret is sent the same way: it
has to be found in each of these places, or the search would prove nothing.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest

from tests.support.service import Service
from tests.support.target import Echo, Received, Silence, Target, closed_port

FROM_FILE = 'c4naryF/ile+Xq7"Zk&=%v\\J2 ümW9'
FROM_ENVIRONMENT = "c4naryE;nv:b8TdR/+Hs5@Lp?0gKy"
LINES = "c4naryL1ne-Wm3Bt\nc4naryL2ne-Vx6Dz"
BROKEN = b"c4naryBr0ken-\xff-Jc5Ns9Qh"
LARGE = "c4naryL4rge-Pf2Gw8" * 8_000
MARKER = "m4rker-Yj7Ue1"
WINDOW = 8
"""So many characters of a secret, or of its encodings, are a trace of it."""

SECRETS = {"from-file": FROM_FILE, "from-env": FROM_ENVIRONMENT}
CUT = 4096


def _in_header(value: str) -> str:
    """As the target reads it, and as many servers do."""
    return value.encode().decode("latin-1")


def encodings(value: str) -> Iterator[str]:
    """Made here and not by the code that is tested."""
    yield value
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(json.dumps(value)))
    yield from (quote(value), quote(value, safe=""), quote_plus(value))
    yield "".join(letter if letter.isascii() else quote(letter) for letter in value)
    misread = _in_header(value)
    yield from (misread, json.dumps(misread)[1:-1], json.dumps(json.dumps(misread)))
    for before in ("", "u", "us", "user:"):
        yield base64.b64encode((before + value).encode()).decode()[len(before) * 4 // 3 + 2 : -4]


def traces() -> frozenset[bytes]:
    values = [*SECRETS.values(), *LINES.splitlines(), LARGE[:40], *BROKEN.decode("latin-1").split("\xff")]
    texts = {text for value in values for text in encodings(value)}
    found = {text[start : start + WINDOW].encode() for text in texts for start in range(len(text) - WINDOW + 1)}
    return frozenset(found)


TRACES = traces()


def found_in(data: bytes) -> set[bytes]:
    """The traces of secrets in there."""
    return {
        data[start : start + WINDOW]
        for start in range(len(data) - WINDOW + 1)
        if data[start : start + WINDOW] in TRACES
    }


@pytest.fixture
def target() -> Iterator[Target]:
    with Target(default=Echo()) as running:
        yield running


def manifests(target: Target) -> dict[str, dict[str, Any]]:
    """Jobs by their ids: every place, every way to fail, for both kinds of secrets."""
    jobs: dict[str, dict[str, Any]] = {}
    for name in SECRETS:
        ref = f"${{secret:{name}}}"

        def add(what: str, path: str = "/", user: str = "", *, name: str = name, **fields: Any) -> None:
            url = target.url(path)
            job = {"target_url": url.replace("://", f"://{user}@") if user else url} | fields
            job["headers"] = {"X-Marker": MARKER} | job.get("headers", {})
            jobs[f"{MARKER} {what} {name}"] = {"interval": {"hours": 1}, "timeout_sec": 5} | job

        add("header", headers={"Authorization": f"Bearer {ref}"})
        add("path", f"/in/{ref}/path")
        add("query", f"/?a={ref}&b=1")
        for user in ("u", "us", "user"):
            add(f"password of {user}", user=f"{user}:{ref}")
        add("user", user=f"{ref}:{ref}")
        add("JSON", method="POST", body={"a": {"b": [f"x {ref}"]}})
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            add(kind.rpartition("/")[2], method="POST", headers={"Content-Type": kind}, body=f"a={ref}&b=1")
        everywhere: dict[str, Any] = {
            "headers": {"Authorization": ref, "X-Two": f"{ref}{ref}"},
            "method": "POST",
            "body": [ref],
        }
        for before in range(CUT - 400, CUT, 23):
            add(f"cut {before}", f"/cut{before}?{ref}", **everywhere)
        for what in ("500", "302", "reset", "stall", "garbled", "silent"):
            path = f"/{what}-{name}" if what in {"reset", "stall"} else f"/{what}"
            add(what, f"{path}?{ref}", timeout_sec=1, max_retries=1, retry_backoff_sec=0.01, **everywhere)
        add("no host", target_url=f"http://u:{ref}@no-such-host.invalid/{ref}", **everywhere)
        add("no port", target_url=f"http://u:{ref}@127.0.0.1:{closed_port()}/{ref}", **everywhere)
        add("no TLS", target_url=target.url(f"/{ref}").replace("http:", "https:"), timeout_sec=1, **everywhere)
    for name in ("lines", "broken", "large", "nowhere"):
        add(f"bad {name}", headers={"Authorization": f"${{secret:{name}}}"})
    add("lines in JSON", method="POST", body="${secret:lines}")
    return jobs


def teach(target: Target) -> None:
    for before in range(CUT - 400, CUT, 23):
        target.answers(f"/cut{before}", Echo(before=before))
    target.answers("/500", Echo(500))
    target.answers("/302", Echo(302))
    for name, value in SECRETS.items():
        begun = f": {value[:14]}".encode()
        target.answers(f"/reset-{name}", Echo(until=begun))
        target.answers(f"/stall-{name}", Echo(until=begun, stalls=True))
    target.answers("/garbled", Echo(head=b"HTTP/1.1 "))
    target.answers("/silent", Silence())


def prepare(folder: Path) -> dict[str, str]:
    """The secrets in their places; returns the settings of the service."""
    files = folder / "outside" / "secrets"
    files.mkdir(parents=True)
    (files / "from-file").write_text(FROM_FILE + "\n", encoding="utf-8")
    (files / "lines").write_text(LINES, encoding="utf-8")
    (files / "broken").write_bytes(BROKEN)
    (files / "large").write_text(LARGE, encoding="utf-8")
    return {
        "LOG_LEVEL": "debug",
        "MYSCHEDULER_SECRETS_DIR": str(files),
        "MYSCHEDULER_SECRET_FROM_ENV": FROM_ENVIRONMENT,
    }


def test_no_trace_of_a_secret_is_left(tmp_path: Path, target: Target, capfd: pytest.CaptureFixture[str]) -> None:
    settings = prepare(tmp_path)
    teach(target)
    jobs = manifests(target)
    work = tmp_path / "work"
    (work / "jobs.d").mkdir(parents=True)
    answers: dict[str, bytes] = {}

    with Service(work, **settings) as service:
        documents = [json.dumps({"job_id": job_id} | fields) for job_id, fields in jobs.items()]
        service.write("all.yaml", "\n---\n".join(documents))
        service.write("policy.yaml", json.dumps({"api_secrets": [{"secrets": ["from-file"], "hosts": ["127.0.0.1"]}]}))
        answers["apply"] = service.post("/api/v1/sync").content
        assert service.sync()["problems"] == []
        answers |= ask_for_too_much(service)
        jobs |= ask_for_what_is_granted(service, target)
        for job_id in jobs:
            service.trigger(job_id)
        service.until(lambda: all(is_over(service, job_id) for job_id in jobs), within=60)
        answers |= read_everything(service, jobs)
        outcomes = {job_id: service.executions(job_id)[0] for job_id in jobs}

        stalls = f"{MARKER} silent from-file"
        service.trigger(stalls)
        service.until(lambda: service.executions(stalls)[0]["status"] == "running")
        service.kill()
        log = service.text
        files = written(work, "killed")
    with Service(work, **settings) as service:
        answers |= {f"again {path}": data for path, data in read_everything(service, jobs).items()}
        assert service.terminate() == 0
        log += service.text
    out, err = capfd.readouterr()

    judge_outcomes(outcomes)
    judge_requests(target.requests)
    files |= written(work, "stopped")
    places = files | answers | {"log": log.encode(), "stdout": (out + err).encode()}
    assert {place: found for place, data in places.items() if (found := found_in(data))} == {}

    # what is no secret is found in each kind of place
    assert {path for path, data in files.items() if MARKER.encode() in data} >= {
        "killed data/jobs.db-wal",
        "stopped data/jobs.db",
    }
    assert log.count(MARKER) > len(jobs)
    silent = {place.removeprefix("again ") for place, data in answers.items() if MARKER.encode() not in data}
    assert silent - {"apply"} == {
        "refused", "in host", "/openapi.json", "/health", "/api/v1/sync", "/api/v1/sync/files",
    }  # fmt: skip
    # and the search finds secrets
    assert all(found_in(data) for data in (FROM_FILE.encode(), FROM_ENVIRONMENT.encode(), LINES.encode(), BROKEN))


def written(folder: Path, when: str) -> dict[str, bytes]:
    """Every file below the folder."""
    return {f"{when} {path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_over(service: Service, job_id: str) -> bool:
    rows = service.executions(job_id)
    return bool(rows) and rows[0]["status"] != "running"


def ask_for_what_is_granted(service: Service, target: Target) -> dict[str, dict[str, Any]]:
    """A job of the API may use the secret that the policy grants, on the host that it names."""
    job_id = f"{MARKER} granted from-file"
    fields = {"interval": {"hours": 1}, "target_url": target.url("/"), "headers": {"A": "${secret:from-file}"}}
    service.create(job_id=job_id, **fields)
    return {job_id: fields}


def ask_for_too_much(service: Service) -> dict[str, bytes]:
    """A caller of the API would like to have secrets sent to his own host, or one that is not granted at all."""
    body = {
        "job_id": f"{MARKER} thief",
        "interval": {"hours": 1},
        "target_url": "http://thief.test/${secret:from-file}",
    }
    answer = service.post("/api/v1/jobs", json=body | {"headers": {"A": "${secret:from-env}"}})
    assert answer.status_code == 422
    rules = [one["rule"] for one in answer.json()["errors"]]
    assert rules == ["secret-not-allowed", "secret-not-allowed"]
    host = service.post("/api/v1/jobs", json=body | {"target_url": "http://${secret:from-env}/"})
    assert host.status_code == 422
    return {"refused": answer.content, "in host": host.content}


def read_everything(service: Service, jobs: dict[str, dict[str, Any]]) -> dict[str, bytes]:
    paths = [
        "/api/v1/jobs",
        "/api/v1/jobs/executions/recent?limit=1000",
        "/api/v1/preview",
        "/api/v1/sync",
        "/api/v1/sync/files",
        "/api/v1/specs",
        "/api/v1/audit?limit=1000",
        "/openapi.json",
        "/health",
    ]
    for job_id in jobs:
        at = service.executions(job_id)[0]["scheduled_at"]
        below = f"/api/v1/jobs/{quote(job_id)}"
        paths += [below, f"{below}/executions", f"{below}/why?at={quote(at)}"]
    return {path: service.get(path).content for path in paths}


def judge_outcomes(outcomes: dict[str, dict[str, Any]]) -> None:
    """Each job met the fate that it was made for, and answers were kept, without the secrets."""

    def of(what: str, name: str = "from-file") -> dict[str, Any]:
        return outcomes[f"{MARKER} {what} {name}"]

    for name in SECRETS:
        for what in ("header", "path", "query", "password of u", "password of user", "user", "JSON", "plain"):
            row = of(what, name)
            assert (row["status"], row["http_status_code"]) == ("completed", 200)
            assert "[redacted]" in row["response"]
            assert MARKER in row["response"]
        assert "[redacted]" in of("granted")["response"]
        assert (of("500", name)["status"], of("500", name)["attempts"]) == ("failed", 2)
        assert "[redacted]" in of("500", name)["response"]
        assert of("302", name)["error_message"] == "answered 302; redirects are not followed"
        assert of("no host", name)["error_message"].startswith("host name no-such-host.invalid ")
        assert "refused" in of("no port", name)["error_message"]
        assert "no complete answer within 1 s" in of("no TLS", name)["error_message"]
        assert "did not answer in HTTP" in of("garbled", name)["error_message"]
        assert "no complete answer within 1 s" in of("silent", name)["error_message"]
    assert "broke off its answer" in of("reset")["note"]
    assert of("stall")["error_message"] == "no complete answer within 1 s (status 200, then it stalled)"
    assert "header Authorization has a line break" in of("bad lines", "from-env")["error_message"]
    reasons = {name: of(f"bad {name}", "from-env")["reason"] for name in ("broken", "large", "nowhere")}
    assert reasons == {"broken": "secret-unusable", "large": "secret-unusable", "nowhere": "secret-missing"}
    assert "'nowhere'" in of("bad nowhere", "from-env")["error_message"]


def judge_requests(requests: list[Received]) -> None:
    """The target got the right values: the jobs did use their secrets."""
    assert requests
    for name, value in SECRETS.items():
        got = {_what(one): one for one in requests if _name(one) == name}
        assert (got["header"].header("Authorization") or "") == f"Bearer {_in_header(value)}"
        assert unquote(got["path"].target) == f"/in/{value}/path"
        assert unquote(got["query"].target) == f"/?a={value}&b=1"
        credentials = (got["password of user"].header("Authorization") or "").removeprefix("Basic ")
        assert base64.b64decode(credentials).decode() == f"user:{value}"
        assert json.loads(got["JSON"].body) == {"a": {"b": [f"x {value}"]}}
        assert got["plain"].body.decode() == f"a={value}&b=1"
        form = got["x-www-form-urlencoded"].body.decode()
        assert unquote_plus(form.removeprefix("a=").removesuffix("&b=1")) == value
        assert sum(_what(one).startswith("cut") for one in requests) == 2 * len(range(CUT - 400, CUT, 23))
    assert json.loads(next(one for one in requests if _what(one) == "lines in JSON").body) == LINES
    assert next(one for one in requests if _what(one) == "granted").header("A") == _in_header(FROM_FILE)


def _what(request: Received) -> str:
    return (request.header("X-MyScheduler-Job-Id") or "").removeprefix(f"{MARKER} ").rpartition(" ")[0]


def _name(request: Received) -> str:
    return (request.header("X-MyScheduler-Job-Id") or "").rpartition(" ")[2]
