"""What commands say about `access.yaml`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.files import write
from tests.support.golden import expect
from tests.support.parts import manifest

HASH = "0f" * 32
GOOD = f"tokens: [{{name: ci, id: abcdefghij234567, hash: {HASH}, role: operator}}]\n"
BAD = f"""\
tokens:
  - name: ci
    id: abcdefghij234567
    hash: msk_abcdefghij234567_{"x" * 43}01234567
    role: operater
  - {{name: ci, id: zzzzzzzzzz777777, hash: {HASH}, role: viewer, expire: 2027-01-01T00:00:00Z}}
oidc:
  - issuer: http://login.example.com
    algorithms: [RS256, HS256]
    rules:
      - {{claim: groups, value: 7, role: admin, scope: {{label: {{team: ops}}}}}}
"""


def validate(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments], input=stdin, prog_name="myscheduler")


def rules(result: Result) -> list[tuple[str, str]]:
    return [(one["path"], one["rule"]) for one in json.loads(result.stdout)["problems"]]


@pytest.mark.parametrize("arguments", [(), ("--strict",)])
def test_every_problem_with_its_place(arguments: tuple[str, ...]) -> None:
    write("jobs.d/access.yaml", BAD)
    write("jobs.d/a.yaml", manifest("a"))
    result = validate(*arguments, "jobs.d")
    assert (result.exit_code, "x" * 16 in result.stdout) == (1, False)
    expect("access.txt", result.stdout)


def test_a_file_without_problems_is_not_told_about() -> None:
    write("jobs.d/access.yaml", GOOD)
    write("jobs.d/a.yaml", manifest("a"))
    for paths in (("jobs.d",), ("jobs.d/a.yaml", "jobs.d/access.yaml")):
        result = validate("--strict", *paths)
        assert (result.exit_code, result.stdout) == (0, "1 job, no problems\n")


def test_it_is_checked_where_it_is_named_and_not_beside_other_files() -> None:
    write("jobs.d/team/a.yaml", manifest("a"))
    write("jobs.d/access.yaml", BAD)
    assert validate("jobs.d/access.yaml").exit_code == 1
    for path in ("jobs.d/team", "jobs.d/team/a.yaml"):  # no job depends on it
        assert validate(path).exit_code == 0


def test_one_that_leads_nowhere_is_not_missed() -> None:
    Path("jobs.d").mkdir()
    Path("jobs.d/access.yaml").symlink_to("gone")
    assert rules(validate("--format", "json", "jobs.d")) == [("jobs.d/access.yaml", "unreadable")]


def test_in_a_config_map_it_is_checked_too() -> None:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jobs}\ndata:\n"
    text = BAD.replace("\n", "\n    ")
    result = validate("-", stdin=f"{head}  access.yaml: |\n    {text}\n")
    assert result.exit_code == 1
    assert "<stdin>:9:15: error: holds the whole token msk_abcdefghij234567_••••" in result.stdout
