"""No command hands text to the terminal that the terminal would obey, whoever wrote it and wherever it stands."""

import json
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import respx
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.cli import main
from myscheduler.cli.output.terminal import json_text
from myscheduler.cli.reports import FORMATS
from myscheduler.core.manifest.writing import document
from myscheduler.core.source.yaml import read_documents
from tests.support.answers import NOW, SOON, execution
from tests.support.commands import API, SERVER, every_command
from tests.support.service import Service

OBEYED = "\x1b]0;owned\x07\x1b[8m\x9b2J\x85\u2028\u202e\u2066\u200b\x7f\U000e0041\r"
"""A title, hidden text, a cleared screen (C1), ends of lines, overrides of direction, what nobody sees."""
UNSEEN = "\u202e\u2066\u200b\U000e0041"
"""Of these, what may stand in a name, a header, a URL."""
_OWN_STYLE = re.compile(r"\x1b\[(?:[0-7]|[39][0-7]|9[0-7])(?:;[0-9]+)*m")


def _job(job_id: str, **more: Any) -> str:
    fields = {
        "job_id": job_id,
        "name": f"n{UNSEEN}",
        "cron": "0 9 * * *",
        "target_url": f"http://127.0.0.1:9/{UNSEEN}",
        "headers": {"X-A": f"h{UNSEEN}", "Authorization": f"Bearer 7fQ2mLx9Kp4vTz{UNSEEN}"},
        "body": {f"k{OBEYED}": [f"b{OBEYED}", f"lines\n{OBEYED}\n"]},
        "labels": {f"l{OBEYED}": f"v{OBEYED}"},
    }
    return yaml.safe_dump(fields | more)


FILES = {
    "good.yaml": _job("日次 レポート"),
    f"odd{OBEYED}.yaml": _job("odd", max_retries=OBEYED),
    "more.yaml": _job("more", calendar={"name": f"c{OBEYED}", "skip": "holidays"}),
    "unknown.yaml": _job("unknown", **{f"u{OBEYED}": 1, "timezone": f"z{OBEYED}", "method": f"m{OBEYED}"}),
    "id.yaml": _job(f"i{OBEYED}", cron={f"f{OBEYED}": OBEYED}),
    "interval.yaml": _job("interval", cron=None, interval=f"PT1H{OBEYED}"),
    "moment.yaml": _job("moment", cron=None, run_at=f"2027-01-01{OBEYED}"),
    "broken.yaml": f"job_id: broken\nname: [{OBEYED}\n",
    "calendars.yaml": yaml.safe_dump({f"c{OBEYED}": {"country": "JP"}, f"d{OBEYED}": {"country": OBEYED}}),
}
CRONTAB = f"# c{OBEYED[:-1]}\n0 9 * * * curl -H 'X-A: h{UNSEEN}' http://127.0.0.1:9/{UNSEEN}\n0 9 * * * {OBEYED[:-1]}\n"


@pytest.fixture(autouse=True)
def _source(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    for name, text in FILES.items():
        (tmp_path / "jobs.d" / name).write_text(text, encoding="utf-8")
    (tmp_path / "crontab").write_text(CRONTAB, encoding="utf-8")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("obeyed")
    (folder / "jobs.d").mkdir()
    for name in ("good.yaml", "unknown.yaml"):
        (folder / "jobs.d" / name).write_text(FILES[name], encoding="utf-8")
    with Service(folder) as running:
        api = yaml.safe_load(_job("of-api"))
        assert running.post("/api/v1/jobs", json=api).status_code == 200
        running.until(lambda: running.get("/api/v1/jobs/日次 レポート").status_code == 200)
        for job_id in ("of-api", "日次 レポート"):
            paused = {"by": f"Ada{UNSEEN}", "reason": f"r{OBEYED}"}
            assert running.post(f"/api/v1/jobs/{job_id}/pause", json=paused).status_code == 200
        yield running


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments), color=True)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    for text in (result.stdout, result.stderr):
        assert "\x1b[8m" not in text
        left = _OWN_STYLE.sub("", text)
        obeyed = {
            char for char in left if not char.isprintable() and char != "\n" and unicodedata.category(char) != "Zs"
        }
        assert obeyed == set(), left
    return result


@pytest.mark.parametrize("output", FORMATS)
def test_validate(output: str) -> None:
    result = run("validate", "--format", output, "jobs.d")
    assert result.exit_code == 1
    if output in {"json", "sarif"}:
        assert "\\u001b" in result.stdout
        json.loads(result.stdout)
    if output == "junit":
        names = {suite.get("name") for suite in ET.fromstring(result.stdout).iter("testsuite")}  # noqa: S314 - our own
        assert any("\u202e" in str(name) for name in names)


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("command", ["preview", "forecast", "simulate"])
def test_commands_on_manifests(command: str, output: str) -> None:
    span = ["--from", "2027-01-01T00:00:00Z", "--to", "2027-01-02T00:00:00Z"] if command == "simulate" else []
    result = run(command, *span, "--format", output, "jobs.d")
    assert "日次 レポート" in result.stdout
    assert result.exit_code == 1


def test_import_crontab() -> None:
    result = run("import-crontab", "crontab")
    assert "\\u202E" in result.stdout
    assert result.exit_code == 1


_CONTAINER = {"name": "a", "image": "curl", "args": ["-d", f"b{OBEYED}", f"http://127.0.0.1:9/{UNSEEN}"]}
_TARGET = {"Arn": f"arn:aws:lambda:r:1:function:{UNSEEN}", "Input": json.dumps({f"k{OBEYED}": OBEYED})}
EXPORTS = {
    "gcp-scheduler": [
        {"name": f"n/{UNSEEN}", "schedule": "@daily", "httpTarget": {"uri": f"http://127.0.0.1:9/{UNSEEN}"}},
        {"name": OBEYED, "schedule": OBEYED, "httpTarget": {"uri": OBEYED}},
    ],
    "kubernetes-cronjob": {
        "kind": "CronJob",
        "metadata": {"name": f"n{UNSEEN}", "labels": {f"l{OBEYED}": f"v{OBEYED}"}},
        "spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": {"spec": {"containers": [_CONTAINER]}}}}},
    },
    "eventbridge": [
        {"Name": f"n{UNSEEN}", "ScheduleExpression": "rate(1 day)", "Target": _TARGET, "GroupName": f"g{UNSEEN}"},
        {"Name": OBEYED, "ScheduleExpression": OBEYED, "Target": {"Arn": OBEYED}},
    ],
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_import(kind: str) -> None:
    Path("export").write_text(json.dumps(EXPORTS[kind]), encoding="utf-8")
    result = run("import", kind, "export")
    assert "job_id: " in result.stdout
    assert "\\u202E" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["plan", "jobs.d"], id="plan"),
        pytest.param(["plan", "--format", "json", "jobs.d"], id="plan as JSON"),
        pytest.param(["plan", "--format", "markdown", "jobs.d"], id="plan as Markdown"),
        pytest.param(["preview"], id="preview"),
        pytest.param(["preview", "--format", "json"], id="preview as JSON"),
        pytest.param(["export"], id="export"),
        pytest.param(["export", "of-api", f"j{OBEYED}"], id="export of a job that is none"),
        pytest.param(["why", "of-api", "2027-01-01T09:00"], id="why"),
        pytest.param(["why", "of-api", "2027-01-01T09:00", "--format", "json"], id="why as JSON"),
        pytest.param(["why", f"j{OBEYED}", "2027-01-01T09:00"], id="why of a job that is none"),
        pytest.param(["why", "of-api", f"t{OBEYED}"], id="why at no time"),
        pytest.param(["sync"], id="sync"),
        pytest.param(["sync", "--format", "json"], id="sync as JSON"),
        pytest.param(["jobs", "list"], id="jobs"),
        pytest.param(["jobs", "list", "--format", "json"], id="jobs as JSON"),
        pytest.param(["jobs", "list", "--q", f"q{OBEYED}"], id="jobs with a text"),
        pytest.param(["jobs", "show", "of-api"], id="job"),
        pytest.param(["jobs", "show", "of-api", "--format", "json"], id="job as JSON"),
        pytest.param(["jobs", "show", f"j{OBEYED}"], id="a job that is none"),
        pytest.param(["jobs", "pause", f"j{OBEYED}", "--reason", f"r{OBEYED}"], id="pause of a job that is none"),
        pytest.param(["jobs", "pause", "of-api", "--until", f"t{OBEYED}"], id="pause until no time"),
        pytest.param(["jobs", "resume", f"j{OBEYED}"], id="resume of a job that is none"),
        pytest.param(["jobs", "trigger", "of-api", "--wait", "--by", f"b{OBEYED}"], id="trigger"),
        pytest.param(["jobs", "delete", f"j{OBEYED}", "--yes"], id="deleting a job that is none"),
        pytest.param(["jobs", "delete", f"j{OBEYED}"], id="deleting a job that is none after a question"),
        pytest.param(["executions", "list", "--job", f"j{OBEYED}"], id="executions of a job that is none"),
        pytest.param(["executions", "show", f"e{OBEYED}"], id="an execution that is none"),
    ],
)
def test_commands_that_ask_a_service(service: Service, arguments: list[str]) -> None:
    assert run(*arguments, "--server", service.url).output


def test_sync_status(service: Service) -> None:
    assert "unknown-key" in run("sync", "status", "--server", service.url).output


ODD = {"job_id": f"j{OBEYED}", "host": f"h{OBEYED}", "timezone": f"z{OBEYED}", "name": f"n{OBEYED}"}
"""Texts of a server that is not ours, or has been made to say this."""


@pytest.fixture
def odd_api() -> Iterator[respx.MockRouter]:
    attempt = {"number": OBEYED, "started_at": NOW["at"], "failure": f"f{OBEYED}", "error": f"e{OBEYED}"}
    row = execution(
        **ODD, status=f"s{OBEYED}", error_message=f"e{OBEYED}", response=f"r\n{OBEYED}", kind=OBEYED,
        requested_by=OBEYED, revision=OBEYED, rerun_of=OBEYED, http_status_code=OBEYED, execution_id=f"i{OBEYED}",
        source={"file": OBEYED, "line": OBEYED},
    )  # fmt: skip
    flight = row | ODD | {"attempt": OBEYED}
    now = NOW | {
        "executions": {"in_flight": 1, "oldest": [flight]},
        "failures": [row],
        "source": {"condition": f"c{OBEYED}", "message": f"m{OBEYED}"},
        "database": {"ok": False, "error": f"e{OBEYED}", "well_at": NOW["at"]},
    }
    answer = {"job_id": f"j{OBEYED}", "status": f"s{OBEYED}", "execution_id": f"e{OBEYED}", "waits_for": [OBEYED]}
    delivery = {
        "at": NOW["at"], "attempts": 1, "channel": f"c{OBEYED}", "kind": f"k{OBEYED}", "state": f"s{OBEYED}",
        "error": f"e{OBEYED}",
    }  # fmt: skip
    incident = {
        "incident_id": f"i{OBEYED}", "job_id": f"j{OBEYED}", "target": None, "host": None, "expires_at": None,
        "kind": f"k{OBEYED}", "open": True, "failures": 1,
        "began_at": NOW["at"], "noticed_at": NOW["at"], "ended_at": None, "end_reason": f"r{OBEYED}",
        "error_message": f"e{OBEYED}", "first_execution_id": f"f{OBEYED}", "last_execution_id": f"l{OBEYED}",
        "revision": f"r{OBEYED}", "good_revision": f"g{OBEYED}", "change": None, "deliveries": [delivery],
        "acknowledged": {"by": f"a{OBEYED}", "at": NOW["at"], "until": None},
    }  # fmt: skip
    target = {
        "name": f"t{UNSEEN}", "base_url": f"u{OBEYED}", "jobs": 1, "in_flight": 0, "waiting": 0,
        "circuit": "closed", "open_until": None, "not_before": NOW["at"], "failures": 0,
        "limits": {"concurrency": 1, "rate": {"calls": 1, "per": f"p{OBEYED}", "burst": 1}, "breaker": None},
    }  # fmt: skip
    with respx.mock(base_url=API, assert_all_called=False) as api:
        api.get("/targets").respond(json={"targets": [target]})
        api.get("/incidents").respond(json={"incidents": [incident], "next_cursor": f"c{OBEYED}"})
        api.get("/incidents/i").respond(json=incident)
        api.post("/incidents/i/acknowledge").respond(json={"status": f"s{OBEYED}"} | incident)
        api.get("/executions").respond(json={"executions": [row], "next_cursor": f"c{OBEYED}"})
        api.get("/executions/e").respond(json=row | {"attempts_detail": [attempt]})
        api.post("/jobs/j/trigger").respond(json=answer)
        api.post(path__regex="/executions/e/.*").respond(json=answer)
        api.get("/now").respond(json=now)
        api.get("/upcoming").respond(json={"upcoming": [SOON | ODD]})
        yield api


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(
    "command",
    [
        "executions list",
        "executions show e",
        "executions rerun e",
        "executions cancel e",
        "incidents list",
        "incidents show i",
        "incidents ack i",
        "jobs trigger j",
        "targets list",
        "top --once",
    ],
)
def test_commands_that_show_answers(odd_api: respx.MockRouter, command: str, output: str) -> None:
    del odd_api
    result = run(*command.split(), "--server", SERVER, "--format", output)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "\\u202e" in result.stdout


def test_what_a_channel_answered() -> None:
    tried = {"channel": f"c{OBEYED}", "delivered": False, "error": f"e{OBEYED}", "permanent": True}
    with respx.mock(base_url=API) as api:
        api.post("/notifications/test").respond(json=tried)
        result = run("notify", "test", "--channel", "c", "--server", SERVER)
    assert result.exit_code == 1
    assert "\\u202e" in result.output


def test_a_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / f"x{OBEYED}"))
    assert run("jobs", "list", "--profile", f"p{OBEYED}").exit_code == 2
    config = tmp_path / f"x{OBEYED}" / "myscheduler" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[profiles.a]\nserver = "http://127.0.0.1:9"\ntoken = "t"\n', encoding="utf-8")
    assert run("jobs", "list", "--profile", f"p{OBEYED}").exit_code == 2
    config.chmod(0o644)
    assert "has a token and can be read by other users" in run("jobs", "list", "--profile", "a").stderr


def test_what_is_exported_reads_back_the_same(service: Service) -> None:
    (read,) = read_documents(run("export", "--server", service.url).stdout)
    wanted = yaml.safe_load(_job("of-api"))
    assert {name: read.value[name] for name in ("name", "headers", "body", "labels")} == {
        name: wanted[name] for name in ("name", "headers", "body", "labels")
    }


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([f"c{OBEYED}"], id="command"),
        pytest.param([f"--o{OBEYED}"], id="option of all"),
        pytest.param(["validate", f"--o{OBEYED}"], id="option"),
        pytest.param(["validate", f"p{OBEYED}"], id="path"),
        pytest.param(["validate", "--format", f"f{OBEYED}"], id="choice"),
        pytest.param(["validate", "--exclude", f"[{OBEYED}"], id="pattern"),
        pytest.param(["preview", "--timezone", f"z{OBEYED}"], id="zone"),
        pytest.param(["preview", "--count", f"1{OBEYED}"], id="number"),
        pytest.param(["sync", "--server", f"http://127.0.0.1:9/{OBEYED}"], id="server"),
        pytest.param(["sync", "--server", f"http://[{OBEYED}"], id="server with half an address"),
        pytest.param(["plan", "--database-url", f"sqlite:///{OBEYED}.db"], id="database"),
        pytest.param(["db", "check", "--database-url", f"sqlite:///{OBEYED}.db"], id="database to check"),
        pytest.param(["db", "check", "--format", "json", "--database-url", f"sqlite:///{OBEYED}.db"], id="the same"),
        pytest.param(["token", "create", f"n{OBEYED}", "--role", "viewer"], id="name of a token"),
        pytest.param(["token", "create", "n", "--role", f"r{OBEYED}"], id="role"),
        pytest.param(["token", "create", "n", "--role", "viewer", "--label", f"l{OBEYED}"], id="label"),
        pytest.param(["token", "create", "n", "--role", "viewer", "--id", f"i{OBEYED}"], id="id of a scope"),
        pytest.param(["token", "create", "n", "--role", "viewer", "--expires", f"t{OBEYED}"], id="end of a token"),
        pytest.param(["token", "revoke", f"n{OBEYED}"], id="token that is none"),
        pytest.param(["token", "list", "--database-url", f"sqlite:///{OBEYED}.db"], id="database of tokens"),
        pytest.param(["notify", "preview", f"no{OBEYED}"], id="folder of jobs that tell"),
        pytest.param(["forecast", "--svg", f"no{OBEYED}/x.svg", "jobs.d/good.yaml"], id="picture"),
        pytest.param(["import-crontab", "--output", f"crontab/{OBEYED}", "crontab"], id="folder"),
    ],
)
def test_arguments(arguments: list[str]) -> None:
    assert run(*arguments).exit_code in {1, 2}


def test_no_command_is_left_out() -> None:
    # the first two print our own text, the last one logs (tests/test_log.py)
    on_nothing_of_others = {"completion", "schema", "serve"}
    on_manifests = {"validate", "preview", "run", "forecast", "simulate", "graph", "import", "import-crontab"}
    on_a_service = {
        "plan",
        "export",
        "why",
        "sync",
        "db",
        "token",
        "jobs",
        "executions",
        "incidents",
        "targets",
        "chains",
        "top",
    }
    on_both = {"notify"}
    assert on_manifests | on_a_service | on_both | on_nothing_of_others == set(every_command())


JOB = {"job_id": "a", "target_url": "http://127.0.0.1:9/"}
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(OBEYED + "\n\t "), max_size=6)


def _is_shown(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or unicodedata.category(char) == "Zs"


@given(st.dictionaries(_TEXTS, _TEXTS | st.lists(_TEXTS, max_size=2), max_size=3), _TEXTS)
def test_yaml_and_json_read_back_the_same(values: dict[str, Any], comment: str) -> None:
    text = document(JOB | {"body": values}, [comment])
    (read,) = read_documents(text)
    assert read.value == JOB | {"body": values}
    assert all(map(_is_shown, text))
    assert json.loads(json_text(values)) == values
    assert all(map(_is_shown, json_text(values)))
