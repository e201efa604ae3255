"""What commands say about `notifications.yaml`, and about jobs that name its channels."""

import json

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.files import write
from tests.support.golden import expect
from tests.support.parts import manifest

GOOD = "channels: {ops: {kind: slack, url: '${secret:ops}'}}\ndefault: {channels: [ops]}\n"
BAD = """\
channels:
  ops:
    kind: slack
    url: https://hooks.slack.com/services/T0/B0/hunter2
  mail: {kind: email, host: smtp.example.com, from: a@example.com, to: nobody, password: hunter2}
  pager: {kind: pager}
routes:
  - match: {label: {team: billing}}
    channels: [opps]
    after_failures: 3
    failures: 3
    of: 10
"""


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=stdin, prog_name="myscheduler")


def rules(result: Result) -> list[tuple[str, str]]:
    return [(one["path"], one["rule"]) for one in json.loads(result.stdout)["problems"]]


def test_every_problem_with_its_place() -> None:
    write("jobs.d/notifications.yaml", BAD)
    write("jobs.d/a.yaml", manifest("a"))
    result = run("validate", "jobs.d")
    assert (result.exit_code, "hunter2" in result.stdout) == (1, False)
    expect("notifications.txt", result.stdout)


def test_jobs_name_its_channels() -> None:
    write("jobs.d/notifications.yaml", GOOD)
    write("jobs.d/team/a.yaml", manifest("a") + "notify: {channels: [ops]}\n")
    write("jobs.d/team/b.yaml", manifest("b") + "notify: {channels: [opps]}\n")
    for paths in ([], ["jobs.d"], ["jobs.d/team"], ["jobs.d/team/a.yaml", "jobs.d/team/b.yaml"]):
        result = run("validate", "--format", "json", *paths)
        assert rules(result) == [("jobs.d/team/b.yaml", "unknown-channel")], paths


def test_a_config_map_has_channels_of_its_own() -> None:
    files = {"notifications.yaml": GOOD, "a.yaml": manifest("a") + "notify: {channels: [opps]}\n"}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "jobs"}, "data": files}
    result = run("validate", "--format", "json", "-", stdin=json.dumps(config))
    assert rules(result) == [("<stdin>", "unknown-channel")]


@pytest.mark.parametrize("path", ["jobs.d/Notifications.yml", "jobs.d/team/notifications.yaml"])
def test_a_mistyped_name_is_one_problem(path: str) -> None:
    write(path, GOOD)
    result = run("validate", "jobs.d")
    assert (result.exit_code, result.stdout.count("error")) == (1, 2)
    assert "did you mean notifications.yaml at the root?" in result.stdout
