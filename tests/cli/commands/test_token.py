"""`myscheduler token`, as operators see it: on the database, with or without a service beside it."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from myscheduler.cli import main
from myscheduler.core.access.tokens import read_token
from tests.support.access import bearing
from tests.support.databases import make_newer, url
from tests.support.golden import expect
from tests.support.postgres import Database
from tests.support.service import Service

ANY_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00")


def token(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(
        main, ["token", *arguments], prog_name="myscheduler", env={"LOGNAME": "ada"} | (env or {})
    )


def create(*arguments: str) -> str:
    result = token("create", *arguments)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout.strip()


def listed() -> dict[str, dict[str, Any]]:
    result = token("list", "--format", "json")
    assert result.exit_code == 0, result.output
    return {one["name"]: one for one in json.loads(result.stdout)["tokens"]}


@pytest.mark.parametrize("command", ["", "create", "list", "revoke"])
def test_help(command: str) -> None:
    result = token(*command.split(), "--help")
    assert result.exit_code == 0
    expect(f"token-{command or 'group'}-help.txt", result.stdout)


def test_from_the_first_token_to_its_revocation() -> None:
    assert "there are no tokens" not in token("list").stdout  # there is no database yet, which is said instead
    text = create("grafana", "--role", "viewer")
    given = read_token(text)
    assert given is not None
    assert stat.S_IMODE(Path("data/jobs.db").stat().st_mode) == 0o600
    one = listed()["grafana"]
    assert (one["id"], one["role"], one["scope"], one["created_by"]) == (given.token_id, "viewer", {}, "cli:ada")
    assert (one["expires_at"], one["last_used_at"], one["revoked_at"]) == (None, None, None)
    assert token("revoke", "grafana").stdout == f"revoked: grafana ({given.token_id})\n"
    assert token("revoke", given.token_id).stdout == f"was revoked before: grafana ({given.token_id})\n"
    assert token("revoke", text).exit_code == 0
    assert listed()["grafana"]["revoked_at"] is not None
    assert given.secret not in token("list").output + token("list", "--format", "json").output


def test_the_list_as_text() -> None:
    create("ci", "--role", "operator", "--label", "team=日次", "--id", "b-*", "--expires", "2099-04-01")
    create("root", "--role", "admin")
    token("revoke", "root")
    text = re.sub(r"^[a-z2-7]{16}", "ID", token("list").stdout, flags=re.MULTILINE)
    assert ANY_TIME.sub("TIME", text) == (
        'ID  ci  operator  {"labels": {"team": ["日次"]}, "ids": ["b-*"]}  expires TIME\n'
        "ID  root  admin  all jobs  revoked TIME\n"
    )


def test_a_scope_of_several_labels_and_ids() -> None:
    create(
        "ci",
        "--role",
        "editor",
        "--label",
        "team=a",
        "--label",
        "team=b=c",
        "--label",
        "env=p",
        "--id",
        "x",
        "--id",
        "y",
    )
    assert listed()["ci"]["scope"] == {"labels": {"team": ["a", "b=c"], "env": ["p"]}, "ids": ["x", "y"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["x"], "Missing option '--role'", id="no role"),
        pytest.param(["x", "--role", "root"], "'root' is not one of", id="no such role"),
        pytest.param(["", "--role", "viewer"], "name: has to be text", id="no name"),
        pytest.param(["a\x1b[2J", "--role", "viewer"], "name: has to be text", id="a name that controls terminals"),
        pytest.param(["x", "--role", "viewer", "--label", "team"], "'team' is not KEY=VALUE", id="a label alone"),
        pytest.param(["x", "--role", "viewer", "--label", "team="], "scope.labels.team", id="an empty label"),
        pytest.param(["x", "--role", "viewer", "--id", ""], "scope.ids", id="an empty id"),
        pytest.param(["x", "--role", "viewer", "--expires", "2001-01-01"], "is in the past", id="past"),
        pytest.param(["x", "--role", "viewer", "--expires", "soon"], "soon", id="no time"),
    ],
)
def test_mistakes_are_usage_errors(arguments: list[str], said: str) -> None:
    result = token("create", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not Path("data").exists()


def test_names_are_unique_and_known() -> None:
    create("ci", "--role", "viewer")
    again = token("create", "ci", "--role", "viewer")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "there is or was a token named 'ci'" in again.stderr
    unknown = token("revoke", "nobody")
    assert unknown.exit_code == 1
    assert "there is no API token 'nobody'" in unknown.stderr


def test_a_declared_token_is_not_stored() -> None:
    result = token("create", "deploy", "--role", "editor", "--id", "d-*", "--expires", "2099-01-01", "--declare")
    assert result.exit_code == 0
    (entry,) = yaml.safe_load(result.stdout)
    text = result.stderr.strip().rpartition(" ")[2]
    given = read_token(text)
    assert given is not None
    assert given.secret not in result.stdout
    assert (entry["name"], entry["id"], entry["hash"]) == ("deploy", given.token_id, given.hash)
    assert (entry["role"], entry["scope"]) == ("editor", {"ids": ["d-*"]})
    assert str(entry["expires"]).startswith("2098-12-31")
    assert not Path("data").exists()


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    create("ci", "--role", "viewer")
    make_newer(tmp_path / "data/jobs.db")
    for arguments in (["create", "x", "--role", "viewer"], ["list"], ["revoke", "ci"]):
        result = token(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "myscheduler" in result.stderr


@pytest.mark.parametrize("name", ["", "\x1b[2J", "a" * 1_000, "日本"])
def test_whatever_the_user_is_called(name: str) -> None:
    result = token("create", "x", "--role", "viewer", env={"LOGNAME": name})
    assert result.exit_code == 0
    by = listed()["x"]["created_by"]
    assert by.startswith("cli")
    assert by.isprintable()
    assert len(by) <= 255


def test_on_postgresql(postgres: Database) -> None:
    empty = token("create", "ci", "--role", "viewer", "--database-url", postgres.url)
    assert (empty.exit_code, "`myscheduler db upgrade`" in empty.stderr) == (1, True)
    assert CliRunner().invoke(main, ["db", "upgrade", "--database-url", postgres.url]).exit_code == 0
    create("ci", "--role", "viewer", "--database-url", postgres.url)
    create("root", "--role", "admin", "--database-url", postgres.url)
    assert token("create", "ci", "--role", "viewer", "--database-url", postgres.url).exit_code == 1
    assert token("revoke", "ci", "--database-url", postgres.url).exit_code == 0
    found = json.loads(token("list", "--format", "json", "--database-url", postgres.url).stdout)["tokens"]
    assert [(one["name"], one["revoked_at"] is None) for one in found] == [("ci", False), ("root", True)]


def test_beside_a_running_service(tmp_path: Path) -> None:
    with Service(tmp_path) as service:
        assert service.get("/api/v1/jobs").status_code == 200
        database = url(tmp_path / "data/jobs.db")
        text = create("ops", "--role", "admin", "--database-url", database)
        service.until(lambda: service.get("/api/v1/jobs").status_code == 401)
        headers = bearing(text)
        found = service.get("/api/v1/audit?action=token-created", headers=headers).json()["entries"]
        assert [(one["actor"], one["detail"]["token"]) for one in found] == [("cli:ada", "ops")]
        assert token("revoke", "ops", "--database-url", database).exit_code == 0
        service.until(lambda: service.get("/api/v1/jobs", headers=headers).status_code == 401)
        secret = read_token(text)
        assert secret is not None
        assert secret.secret not in service.text
