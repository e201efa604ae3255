"""What commands say about a policy, as people and pipelines see it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.files import write
from tests.support.golden import expect
from tests.support.parts import opened

NOW = "2026-11-24T15:00:00Z"
POLICY = """\
require_labels:
  team: [billing, ops]
  runbook:
allow_hosts: [api.example.com, "*.internal.example.com"]
allow_methods: [POST]
min_interval_sec: 60
max_retries: 3
secrets_by_reference: true
max_starts_per_minute_per_host: 2
"""
GOOD = """\
job_id: {id}
cron: "0 2 * * *"
target_url: https://API.example.com:443/{id}
method: POST
labels: {{team: ops, runbook: https://wiki.example.com/{id}}}
"""
BAD = """\
job_id: everything
cron: "*/10 * * * * *"
seconds: true
target_url: https://api.example.com@evil.test/
method: GET
max_retries: 4
headers: {Authorization: Bearer abc123def}
labels: {team: sales}
colour: red
---
job_id: nothing
run_at: "2027-01-01T00:00:00"
target_url: https://x.internal.example.com/
"""


def run(command: str, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [command, *arguments], input=stdin, prog_name="myscheduler")


def validate(*arguments: str, stdin: str | None = None) -> Result:
    return run("validate", "--now", NOW, *arguments, stdin=stdin)


def good(*ids: str) -> str:
    return "---\n".join(GOOD.format(id=one) for one in ids)


def found(result: Result) -> list[tuple[str, str]]:
    return [(one["path"], one["rule"]) for one in json.loads(result.stdout)["problems"]]


def test_every_broken_rule_with_its_place() -> None:
    write("jobs.d/policy.yaml", POLICY)
    write("jobs.d/bad.yaml", BAD)
    write("jobs.d/team/good.yaml", good("a", "b", "c"))
    result = validate("jobs.d")
    assert result.exit_code == 1
    expect("policy.txt", result.stdout)


def test_a_policy_that_is_kept_says_nothing() -> None:
    write("jobs.d/policy.yaml", POLICY)
    write("jobs.d/good.yaml", good("a", "b"))
    result = validate("jobs.d")
    assert (result.exit_code, result.stdout) == (0, "2 jobs, no problems\n")


def test_a_broken_policy_is_a_problem() -> None:
    write("jobs.d/policy.yaml", "allow_host: [a.test]\n")
    write("jobs.d/good.yaml", good("a"))
    result = validate("jobs.d")
    line = "jobs.d/policy.yaml:1:1: error: allow_host: unknown key 'allow_host': did you mean 'allow_hosts'?"
    assert (result.exit_code, result.stdout) == (1, f"{line} [unknown-key]\n1 job, 1 error\n")


def test_a_file_or_folder_of_a_source_keeps_its_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    write("jobs.d/policy.yaml", "max_retries: 0\n")
    write("jobs.d/team/a.yaml", good("a") + "max_retries: 1\n")
    for path in ("jobs.d", "jobs.d/team", "jobs.d/team/a.yaml"):
        assert found(validate("--format", "json", path)) == [("jobs.d/team/a.yaml", "policy-retries")]
    monkeypatch.chdir("jobs.d/team")
    told = validate("a.yaml").stdout
    assert "more than the 0 that ../policy.yaml:1 allows" in told
    write(".git/HEAD", "")
    assert validate("a.yaml").exit_code == 0


def test_a_policy_that_leads_nowhere_is_not_missed() -> None:
    write("jobs.d/a.yaml", good("a"))
    Path("jobs.d/policy.yaml").symlink_to("gone")
    for path in ("jobs.d", "jobs.d/a.yaml"):
        assert found(validate("--format", "json", path)) == [("jobs.d/policy.yaml", "unreadable")]


def test_a_policy_by_itself_declares_nothing() -> None:
    write("policy.yaml", POLICY)
    result = validate("policy.yaml")
    assert (result.exit_code, result.stdout) == (0, "0 jobs, no problems\n")
    write("policy.yaml", "max_retries: x\n")
    assert validate("policy.yaml").exit_code == 1


def test_a_config_map_brings_its_policy() -> None:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jobs}\ndata:\n"
    rules = "  policy.yaml: |\n    max_retries: 1\n    max_starts_per_minute_per_host: 1\n"
    jobs = (good("a") + "max_retries: 2\n---\n" + good("b", "c")).replace("\n", "\n    ")
    result = validate("-", stdin=f"{head}{rules}  jobs.yaml: |\n    {jobs}\n")
    lines = result.stdout.splitlines()
    assert [line.split(":")[1] for line in lines[:-1]] == ["14", "17", "23"]
    assert "2 is more than the 1 that <stdin>:6 allows" in lines[0]
    assert "one of 2 starts on api.example.com" in lines[1]
    assert "the 1 that <stdin>:7 allows" in lines[2]
    broken = validate("-", stdin=f"{head}{rules.replace('retries', 'retires')}  jobs.yaml: |\n    {jobs}\n")
    assert "<stdin>:6:5: error: max_retires: unknown key 'max_retires': did you mean 'max_retries'?" in broken.stdout


def test_a_link_local_target() -> None:
    write("jobs.d/a.yaml", "job_id: a\ncron: '@daily'\ntarget_url: http://0xA9FEA9FE/latest/meta-data\n")
    result = validate("jobs.d")
    message = (
        "169.254.169.254 is a link-local address (cloud metadata), which no job may call unless policy.yaml allows it: "
        "call another host, or have it added there, as allow_link_local: [169.254.169.254]"
    )
    line = f"jobs.d/a.yaml:3:13: error: target_url: {message} [policy-link-local]"
    assert (result.exit_code, result.stdout) == (1, f"{line}\n0 jobs, 1 error\n")
    write("jobs.d/policy.yaml", "allow_link_local: [169.254.169.254]\n")
    assert validate("jobs.d").exit_code == 0


def test_a_config_map_allows_no_link_local_target_in_a_source() -> None:
    """On standard input its policy is that of the source which it becomes."""
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jobs}\ndata:\n"
    rules = "  policy.yaml: |\n    allow_link_local: true\n"
    jobs = "  jobs.yaml: |\n    job_id: a\n    cron: '@daily'\n    target_url: http://169.254.169.254/\n"
    assert validate("-", stdin=head + rules + jobs).exit_code == 0
    assert validate("-", stdin=head + jobs).exit_code == 1
    write("jobs.d/jobs.yaml", head + rules + jobs)
    assert found(validate("--format", "json", "jobs.d")) == [("jobs.d/jobs.yaml", "policy-link-local")]
    write("jobs.d/policy.yaml", "max_retries: 1\n")
    assert found(validate("--format", "json", "jobs.d")) == [("jobs.d/jobs.yaml", "policy-link-local")]
    write("jobs.d/policy.yaml", "allow_link_local: true\n")
    assert validate("jobs.d").exit_code == 0


@pytest.mark.anyio
async def test_a_plan_holds_what_would_start_with_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(tmp_path) as parts:
        parts.manifest("good.yaml", good("a", "b", "c"))
        await parts.sync()
    write("jobs.d/policy.yaml", POLICY)
    arguments = ("--database-url", "sqlite:///jobs.db", "--format", "json", "jobs.d")
    assert (run("plan", *arguments).exit_code, found(run("plan", *arguments))) == (0, [])
    write("jobs.d/more.yaml", good("d", "e").replace('"0 2', '"0 3', 1))
    result = run("plan", *arguments)
    assert (result.exit_code, found(result)) == (1, [("jobs.d/more.yaml", "policy-starts")])
    assert [(one["action"], one["job_id"]) for one in json.loads(result.stdout)["changes"]] == [("create", "d")]


def test_other_commands_leave_out_what_breaks_the_policy() -> None:
    write("jobs.d/policy.yaml", POLICY)
    write("jobs.d/bad.yaml", BAD)
    write("jobs.d/good.yaml", good("a"))
    result = run("preview", "--from", NOW, "--count", "1", "jobs.d")
    assert result.exit_code == 1
    assert "policy-host" in result.stderr
    assert "everything" not in result.stdout
    assert "a: at 02:00" in result.stdout
