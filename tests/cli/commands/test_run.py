"""`myscheduler run`: a call from the laptop, by the code of the service."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.target import Answer, Target

SECRETS = {"MYSCHEDULER_SECRET_KEY": "hunter'2", "MYSCHEDULER_SECRET_TOKEN": "t0ken"}
REPORT = """
job_id: 日次
target: reports
path: /run?a=1
method: POST
headers: {X-Key: "k ${secret:key}"}
query: {day: "{{ scheduled_at | date('%Y') }}", who: "it's"}
body: {text: "日 ${secret:key}"}
interval: PT1H
extract: {rows: /rows}
"""
LOAD = """
job_id: load
after: [{job: 日次}]
target_url: "https://api.example.com/load?rows={{ after['日次'].rows }}"
"""


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        yield running


@pytest.fixture(autouse=True)
def _source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MYSCHEDULER_VAR_SET", "before")  # what the command sets is undone with it
    folder = tmp_path / "jobs.d"
    folder.mkdir()
    (folder / "report.yaml").write_text(REPORT, encoding="utf-8")
    (folder / "targets.yaml").write_text(
        "reports: {base_url: 'http://{{ vars.host }}', auth: {bearer: {token: '${secret:token}'}}}", encoding="utf-8"
    )
    (folder / "vars.yaml").write_text("host: reports.invalid\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["run", *arguments])


def host(target: Target) -> str:
    return f"--var=host=127.0.0.1:{target.port}"


def test_the_call_is_made_and_shown_without_secrets(target: Target) -> None:
    target.answers("/run", Answer(200, b"got hunter'2 and t0ken"))
    result = run("jobs.d", host(target))
    (got,) = target.requests
    assert (result.exit_code, got.method, got.target.partition("?")[0]) == (0, "POST", "/run")
    assert got.header("Authorization") == "Bearer t0ken"
    assert json.loads(got.body) == {"text": "日 hunter'2"}
    assert "hunter'2" not in result.output
    assert "X-Key: k ${secret:key}" in result.output
    assert "got [redacted] and [redacted]" in result.output
    assert f"connected to: 127.0.0.1:{target.port}" in result.output
    assert "first byte after " in result.output


@pytest.mark.parametrize("answer", [Answer(500), Answer(404)])
def test_a_call_that_fails(target: Target, answer: Answer) -> None:
    target.answers("/run", answer)
    result = run("jobs.d", host(target), "--format", "json")
    shown: dict[str, Any] = json.loads(result.output)
    assert (result.exit_code, shown["response"]["http_status"]) == (1, answer.status)
    assert shown["response"]["failure"] == "http_error"
    assert len(target.requests) == 1  # it is not retried


def test_without_a_secret_nothing_is_sent(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MYSCHEDULER_SECRET_KEY")
    result = run("jobs.d", host(target), "--secrets-dir", "none")
    assert (result.exit_code, target.requests) == (1, [])
    assert "secret 'key' is missing" in result.output


def test_only_shown(target: Target) -> None:
    result = run("jobs.d", host(target), "--dry-run")
    assert (result.exit_code, target.requests) == (0, [])
    assert result.output.startswith(f"POST http://127.0.0.1:{target.port}/run?a=1&day=2")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_the_same(target: Target) -> None:
    command = run("jobs.d", host(target), "--curl").output
    assert "hunter" not in command
    assert run("jobs.d", host(target)).exit_code == 0
    subprocess.run(["sh", "-c", command], check=True, capture_output=True, timeout=60)
    ours, curls = target.requests
    for name in ("Content-Type", "X-Key", "Authorization"):
        assert curls.header(name) == ours.header(name)
    assert (curls.method, curls.target, curls.body) == (ours.method, ours.target, ours.body)


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("jobs.d", "--job", "other"), 1, "no valid job 'other' is declared there"),
        (("jobs.d", "--var", "host"), 2, "'host' is not NAME=VALUE"),
        (("none.d",), 2, "none.d"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], code: int, expected: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, expected in result.output) == (code, True)


def test_several_jobs_and_none_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "jobs.d" / "other.yaml").write_text("job_id: other\ntarget_url: http://x\ninterval: PT1H\n")
    result = run("jobs.d")
    assert (result.exit_code, "there are 2 valid jobs: name one by --job" in result.output) == (2, True)
    assert run("jobs.d", "--job", "other", "--dry-run").exit_code == 0


def test_a_job_that_needs_what_another_hands_on(tmp_path: Path) -> None:
    (tmp_path / "jobs.d" / "load.yaml").write_text(LOAD, encoding="utf-8")
    result = run("jobs.d", "--job", "load", "--curl")
    expected = (
        "Error: what '日次' hands on as 'rows' is known only where the service runs the chain: trigger the job there"
    )
    assert (result.exit_code, result.stderr.strip()) == (1, expected)


def test_a_job_that_makes_no_call(tmp_path: Path) -> None:
    ping = f"job_id: backup\ncron: '0 2 * * *'\nping: {{key_sha256: '{'a' * 64}'}}\n"
    (tmp_path / "ping.yaml").write_text(ping)
    result = run("ping.yaml")
    assert (result.exit_code, "backup makes no call" in result.output) == (2, True)
