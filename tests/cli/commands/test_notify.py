"""`myscheduler notify`: which jobs would tell whom, and a test through a running service."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.files import write
from tests.support.golden import expect
from tests.support.parts import manifest
from tests.support.service import Service
from tests.support.target import Answer, Target

FILE = """\
channels:
  ops: {kind: slack, url: "${secret:ops-slack}"}
  mail: {kind: email, host: mail.example.com, from: a@example.com, to: b@example.com}
routes:
  - {match: {labels: {team: billing}}, channels: [ops, mail], failures: 3, of: 10}
default: {channels: [mail], remind: PT12H}
"""
JOBS = {
    "a": "labels: {team: billing}\n",
    "b": "notify: {late_after: PT5M, after_failures: 2, remind: false}\n",
    "c": "notify: false\n",
    "d": "notify: {late_after: false, channels: [ops]}\n",
    "e": "",
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["notify", *arguments], prog_name="myscheduler")


@pytest.fixture
def jobs() -> None:
    write("jobs.d/notifications.yaml", FILE)
    for job_id, lines in JOBS.items():
        write(f"jobs.d/team/{job_id}.yaml", manifest(job_id) + lines)


@pytest.mark.usefixtures("jobs")
def test_whom_the_jobs_would_tell() -> None:
    result = run("preview")
    assert result.exit_code == 0
    expect("notify-preview.txt", result.stdout)
    assert run("preview", "jobs.d/team").stdout == result.stdout
    told = {one["job_id"]: one for one in json.loads(run("preview", "--format", "json").stdout)["jobs"]}
    assert told["a"] == {
        "job_id": "a", "channels": ["ops", "mail"], "after_failures": None, "failures": 3, "of": 10, "late": True,
        "late_after_sec": None, "remind_sec": 43_200,
    }  # fmt: skip
    assert told["b"] == {
        "job_id": "b", "channels": ["mail"], "after_failures": 2, "failures": None, "of": None, "late": True,
        "late_after_sec": 300, "remind_sec": None,
    }  # fmt: skip
    assert (told["c"]["channels"], told["d"]["late"]) == ([], False)


@pytest.mark.usefixtures("jobs")
def test_only_some_jobs() -> None:
    result = run("preview", "--job", "b", "--job", "c")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["b", "c"]
    unknown = run("preview", "--job", "x")
    assert (unknown.exit_code, "no valid job has the id 'x'" in unknown.output) == (1, True)


@pytest.mark.usefixtures("jobs")
def test_a_broken_file_is_told() -> None:
    write("jobs.d/notifications.yaml", FILE.replace("slack", "slak"))
    result = run("preview")
    assert (result.exit_code, "did you mean 'slack'?" in result.stderr) == (1, True)


def test_a_test_through_a_service(target: Target, tmp_path: Path) -> None:
    write("jobs.d/notifications.yaml", FILE)
    with Service(tmp_path, MYSCHEDULER_SECRET_OPS_SLACK=target.url("/hook")) as service:
        good = run("test", "--channel", "ops", "--server", service.url)
        assert (good.exit_code, good.output) == (0, "ops: delivered\n")
        target.answers("/hook", Answer(403, b"invalid_token"))
        bad = run("test", "--channel", "ops", "--server", service.url)
        assert (bad.exit_code, "invalid_token" in bad.output) == (1, True)
        found = json.loads(run("test", "--channel", "ops", "--server", service.url, "--format", "json").output)
        assert (found["delivered"], found["permanent"]) == (False, True)
        unknown = run("test", "--channel", "opps", "--server", service.url)
        assert (unknown.exit_code, "did you mean 'ops'?" in unknown.output) == (1, True)
    assert json.loads(target.requests[0].body)["text"].startswith("✅")
