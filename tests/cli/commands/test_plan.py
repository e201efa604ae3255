"""`myscheduler plan` as reviewers and pipelines see it: against a database, and against a running service."""

import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from myscheduler.core.bounds import MOST_IN_REPORT
from tests.support.golden import expect
from tests.support.parts import Parts, opened
from tests.support.service import Service

pytestmark = pytest.mark.anyio

NOW = "2026-10-23T12:00:00+09:00"
URL = "http://127.0.0.1:9/x"
BEFORE = {
    "report.yaml": f"""\
job_id: 日次レポート
cron: "30 10 * * mon-fri"
target_url: {URL}
headers: {{Accept: text/csv}}
---
job_id: moved
cron: "0 1 * * *"
target_url: {URL}
""",
    "berlin.yaml": f'job_id: berlin\ncron: "30 2 * * *"\ntimezone: Europe/Berlin\ntarget_url: {URL}\n',
    "old.yaml": f'job_id: old\ncron: "*/5 * * * *"\ntarget_url: {URL}\n',
    "breaks.yaml": f'job_id: breaks\ncron: "0 4 * * *"\ntarget_url: {URL}\n',
}
AFTER = {
    "report.yaml": f"""\
job_id: 日次レポート
cron: "30 11 * * *"
target_url: {URL}
method: POST
body: {{行: ["<b>", "`x`", "a|b"]}}
""",
    "team/moved.yaml": f'job_id: moved\ncron: "0 1 * * *"\ntarget_url: {URL}\n',
    "berlin.yaml": f'job_id: berlin\ncron: "30 2 * * *"\ntimezone: Europe/Berlin\ntarget_url: {URL}\nmax_retries: 2\n',
    "breaks.yaml": f'job_id: breaks\ncron: "0 4 * * * *"\ntarget_url: {URL}\n',
    "new.yaml": f"job_id: new\ninterval: PT6H\ntarget_url: {URL}\nlabels: {{team: 経理}}\npaused: true\n",
    "adopted.yaml": f'job_id: adopted\nadopt: true\ncron: "0 5 * * *"\ntarget_url: {URL}\n',
    "taken.yaml": f'job_id: taken\ncron: "0 5 * * *"\ntarget_url: {URL}\n',
}


def write(folder: Path, files: dict[str, str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def plan(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["plan", "--now", NOW, *arguments], input=stdin, prog_name="myscheduler")


@pytest.fixture
async def applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parts]:
    """BEFORE is applied, two jobs are the API's, and the test stands in the folder."""
    monkeypatch.chdir(tmp_path)
    async with opened(tmp_path) as parts:
        write(parts.jobs_dir, BEFORE)
        await parts.sync()
        for job_id in ("adopted", "taken"):
            await parts.create(job_id, cron="0 5 * * *", target_url=URL)
        await parts.catalog.pause("adopted", by="Ada")
        yield parts


DATABASE = ("--database-url", "sqlite:///jobs.db")


@pytest.mark.parametrize(
    ("output", "ending"),
    [
        pytest.param("text", "txt", id="text"),
        pytest.param("json", "json", id="json"),
        pytest.param("markdown", "md", id="markdown"),
    ],
)
async def test_every_kind_of_change(applied: Parts, output: str, ending: str) -> None:
    write(applied.jobs_dir, AFTER)
    result = plan(*DATABASE, "--format", output)
    assert result.exit_code == 1, "two manifests have problems"
    expect(f"plan.{ending}", result.stdout)


async def test_what_is_planned_is_what_is_applied(applied: Parts) -> None:
    write(applied.jobs_dir, AFTER)
    changes = json.loads(plan(*DATABASE, "--format", "json").stdout)["changes"]
    planned = {action: [one["job_id"] for one in changes if one["action"] == action] for action in _ACTIONS}
    state = await applied.sync()
    assert planned == {
        "create": list(state.created),
        "update": list(state.updated),
        "delete": list(state.deleted),
        "held": sorted(state.held),
        "conflict": ["taken"],
    }
    again = json.loads(plan(*DATABASE, "--format", "json").stdout)["changes"]
    assert {change["action"] for change in again} == {"held", "conflict"}


_ACTIONS = ("create", "update", "delete", "held", "conflict")


async def test_no_more_problems_are_told_than_a_report_holds(applied: Parts) -> None:
    write(applied.jobs_dir, BEFORE | {f"x{number}.yaml": "job_id: [\n" for number in range(MOST_IN_REPORT + 200)})
    lines = plan(*DATABASE).stderr.splitlines()
    assert len(lines) == MOST_IN_REPORT
    assert "and 201 more problems, here and in other files" in lines[-1]
    assert len(json.loads(plan(*DATABASE, "--format", "json").stdout)["problems"]) == MOST_IN_REPORT


@pytest.mark.parametrize(
    ("files", "arguments", "code"),
    [
        pytest.param(BEFORE, (), 0, id="no change"),
        pytest.param(BEFORE, ("--detailed-exitcode",), 0, id="no change, in detail"),
        pytest.param(BEFORE | {"old.yaml": "# gone\n"}, (), 0, id="a change"),
        pytest.param(BEFORE | {"old.yaml": "# gone\n"}, ("--detailed-exitcode",), 2, id="a change, in detail"),
        pytest.param(BEFORE | {"old.yaml": ": :\n"}, ("--detailed-exitcode",), 1, id="a broken file"),
        pytest.param({}, ("--detailed-exitcode",), 2, id="a blocked deletion"),
    ],
)
async def test_exit_code(applied: Parts, files: dict[str, str], arguments: tuple[str, ...], code: int) -> None:
    write(applied.jobs_dir, files)
    applied.jobs_dir.mkdir(exist_ok=True)
    result = plan(*DATABASE, *arguments, "jobs.d")
    assert result.exit_code == code, result.output


async def test_a_broken_file_holds_its_jobs_and_deletes_none(applied: Parts) -> None:
    write(applied.jobs_dir, BEFORE | {"old.yaml": ": :\n"})
    (change,) = json.loads(plan(*DATABASE, "--format", "json", "jobs.d").stdout)["changes"]
    assert (change["action"], change["job_id"], change["path"]) == ("held", "old", "old.yaml")


async def test_broken_standard_input_may_mean_any_job_so_all_are_held(applied: Parts) -> None:
    assert applied.jobs_dir.is_dir()
    result = plan(*DATABASE, "--format", "json", "-", stdin=": :\n")
    assert {change["action"] for change in json.loads(result.stdout)["changes"]} == {"held"}


async def test_a_protected_job_blocks_the_whole_deletion(applied: Parts) -> None:
    write(applied.jobs_dir, BEFORE | {"old.yaml": BEFORE["old.yaml"] + "protect: true\n"})
    await applied.sync()
    write(applied.jobs_dir, {name: text for name, text in BEFORE.items() if name not in {"old.yaml", "berlin.yaml"}})
    result = plan(*DATABASE, "jobs.d")
    state = await applied.sync()
    assert state.blocked is not None
    assert state.deleted == ()
    assert (
        f"'old' would be deleted, and says protect: true. Nothing is deleted until it is approved: "
        f"myscheduler sync --approve {state.blocked.digest}" in result.stdout
    )
    assert {"old", "berlin"} <= (await applied.jobs()).keys()


@pytest.mark.parametrize("paths", [("jobs.d",), (), ("jobs.d/sub", "jobs.d/berlin.yaml", "jobs.d/report.yaml"), (".",)])
async def test_what_is_held_does_not_depend_on_how_paths_are_written(
    applied: Parts, paths: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    nested = {name: text for name, text in BEFORE.items() if name not in {"old.yaml", "breaks.yaml"}}
    write(applied.jobs_dir, nested | {"sub/old.yaml": BEFORE["old.yaml"]})
    blocked = (await applied.sync()).blocked
    assert blocked is None
    write(applied.jobs_dir, nested | {"sub/old.yaml": ": :\n"})
    if paths == (".",):
        monkeypatch.chdir(applied.jobs_dir)
    database = ("--database-url", f"sqlite:///{applied.folder / 'jobs.db'}")
    changes = json.loads(plan(*database, "--format", "json", *paths).stdout)["changes"]
    assert [(one["action"], one["job_id"]) for one in changes] == [("held", "old")]


async def test_a_pause_in_a_manifest_is_a_change_in_time(applied: Parts) -> None:
    write(applied.jobs_dir, BEFORE | {"old.yaml": BEFORE["old.yaml"] + "paused: true\n"})
    (change,) = json.loads(plan(*DATABASE, "--format", "json").stdout)["changes"]
    assert (change["before"]["starts_per_day"], change["after"]["starts_per_day"]) == (288, 0)
    await applied.sync()
    write(applied.jobs_dir, BEFORE)
    result = plan(*DATABASE)
    assert "paused until now: it runs again" in result.stdout
    assert "starts a day of these jobs: 0 → 288" in result.stdout


async def test_what_a_list_of_cron_and_the_calendar_say(applied: Parts) -> None:
    """Words say it of a job that is made; a change is told by its fields, and respelling is none."""
    crons = 'job_id: several\ncron: ["0 9 * * *", "0 12 * * sat"]\n'
    wall = 'job_id: wall\ninterval: P1M\nclock: wall\nanchor: "2026-01-31T09:00+09:00"\n'
    url = f"target_url: {URL}\n"
    write(applied.jobs_dir, BEFORE | {"a.yaml": crons + url, "b.yaml": wall + url})
    told = plan(*DATABASE).stdout
    assert "at 09:00, every day; and at 12:00, only on Saturday" in told
    assert "every month on day 31 or the last day of a shorter month at 09:00" in told
    assert "cron:" not in told
    assert "clock:" not in told
    await applied.sync()
    respelled = crons.replace('"0 9 * * *", "0 12 * * sat"', '"00 12 * * 6", "0 9 * * *"')
    yearly = wall.replace("P1M", "P1Y").replace("2026-01-31T09:00+09:00", "2026-01-31T00:00Z")
    write(applied.jobs_dir, BEFORE | {"a.yaml": respelled + url, "b.yaml": yearly + url})
    told = plan(*DATABASE).stdout
    assert "several" not in told
    assert "interval.years" in told


async def test_no_text_of_a_manifest_reaches_the_terminal_as_a_command(applied: Parts) -> None:
    nasty = 'body: {"a\\e[2K\\nPlan: no changes": "\\u202e"}\n'
    write(applied.jobs_dir, BEFORE | {"old.yaml": BEFORE["old.yaml"] + nasty})
    for output in ("text", "markdown"):
        told = plan(*DATABASE, "--format", output).stdout
        assert all(char.isprintable() or char == "\n" for char in told)
        assert "\nPlan: no changes" not in told
        assert r"body.a\x1b[2K\nPlan: no changes" in told


async def test_ids_that_look_alike_are_told(applied: Parts) -> None:
    """Among manifests, and beside a job of the API; not beside one that goes."""
    lines = "cron: '0 4 * * *'\ntarget_url: http://127.0.0.1:9/x\n"
    write(
        applied.jobs_dir, {"a.yaml": "---\n".join(f"job_id: {one}\n{lines}" for one in ("Taken", "new", "ｎew", "OLD"))}
    )
    result = plan(*DATABASE, "jobs.d")
    told = [line.partition(", but is another")[0] for line in result.stderr.splitlines()]
    assert told == [
        "jobs.d/a.yaml:1:1: warning: job_id: 'Taken' looks like 'taken' (created through the API)",
        "jobs.d/a.yaml:5:1: warning: job_id: 'new' looks like 'ｎew' (jobs.d/a.yaml:9)",
        "jobs.d/a.yaml:9:1: warning: job_id: 'ｎew' looks like 'new' (jobs.d/a.yaml:5)",
    ]
    assert result.exit_code == 0


async def test_a_broken_policy_is_said_to_leave_doubts(applied: Parts) -> None:
    write(applied.jobs_dir, BEFORE | {"policy.yaml": "max_retries: [\n"})
    for output in ("text", "markdown"):
        result = plan(*DATABASE, "--format", output)
        assert result.exit_code == 1
        assert "the service keeps its last valid rules" in result.stdout


async def test_a_broken_access_file_is_said_to_change_no_rights(applied: Parts) -> None:
    write(applied.jobs_dir, BEFORE | {"access.yaml": "token: []\n"})
    for output in ("text", "markdown"):
        result = plan(*DATABASE, "--format", output)
        assert result.exit_code == 1
        assert "has errors: the service keeps its last valid tokens and issuers" in result.stdout
        assert "keeps its last valid rules" not in result.stdout


async def test_a_broken_notifications_file_is_said_to_change_nobody(applied: Parts) -> None:
    write(applied.jobs_dir, BEFORE | {"notifications.yaml": "channels: []\n"})
    result = plan(*DATABASE)
    assert result.exit_code == 1
    assert "has errors: the service keeps its last valid channels and routes" in result.stdout


async def test_a_job_that_tells_others_is_a_change(applied: Parts) -> None:
    told = BEFORE["old.yaml"] + "notify: {channels: [ops], remind: PT12H}\n"
    channels = "channels: {ops: {kind: slack, url: '${secret:ops}'}}\ndefault: {channels: [ops]}\n"
    write(applied.jobs_dir, BEFORE | {"old.yaml": told, "notifications.yaml": channels})
    (changed,) = (one for one in json.loads(plan(*DATABASE, "--format", "json").stdout)["changes"] if one["fields"])
    assert [(one["field"], one["after"]) for one in changed["fields"]] == [
        ("notify.channels", ["ops"]),
        ("notify.remind", "PT12H"),
    ]


async def test_a_comment_of_a_large_change_fits_on_github(applied: Parts) -> None:
    many = {f"{n}.yaml": f'job_id: "{n}"\ncron: "0 1 * * *"\ntarget_url: {URL}\n' for n in range(500)}
    write(applied.jobs_dir, BEFORE | many)
    told = plan(*DATABASE, "--format", "markdown").stdout
    assert len(told) < 65_536
    assert re.search(r"^… and [1-9]\d* more$", told, re.MULTILINE)
    assert re.search(r"^\| … \| [1-9]\d* more \|", told, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("nowhere",), 2, id="a path"),
        pytest.param(("--detailed-exitcode", "nowhere"), 1, id="a path, in detail"),
        pytest.param(("--detailed-exitcode", "--what"), 1, id="an option, in detail"),
        pytest.param((*DATABASE, "--server", "http://127.0.0.1:9", "."), 2, id="both"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], code: int) -> None:
    assert plan(*arguments).exit_code == code


@pytest.mark.parametrize("command", ["plan", "sync", "export"])
def test_no_password_of_a_server_is_shown(command: str) -> None:
    url = "http://ada:c4nary-pa55@127.0.0.1:9"
    result = CliRunner().invoke(main, [command, "--server", url], prog_name="myscheduler")
    assert result.exit_code != 0
    assert "c4nary" not in result.output


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("sqlite:///nowhere.db", "where there is no database", id="no file"),
        pytest.param("sqlite:///empty.db", "holds no jobs yet", id="empty"),
        pytest.param("sqlite:///text.db", "can't be read", id="no database"),
        pytest.param("mysql://x/y", "can't use", id="of another kind"),
    ],
)
def test_a_database_that_can_not_be_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "empty.db").touch()
    (tmp_path / "text.db").write_text("no database" * 1_000, encoding="utf-8")
    result = plan("--database-url", url)
    assert result.exit_code == 1
    assert message in result.output
    assert not (tmp_path / "nowhere.db").exists()


def test_a_running_service_is_asked(tmp_path: Path) -> None:
    with Service(tmp_path, TZ="Asia/Tokyo") as service:
        write(service.jobs_dir, BEFORE)
        service.post("/api/v1/sync", json={})
        asked = ("--server", service.url, "--format", "json", "--timezone", "UTC", str(service.jobs_dir))
        assert json.loads(plan(*asked).stdout)["unchanged"] == 5
        write(service.jobs_dir, BEFORE | {"old.yaml": BEFORE["old.yaml"].replace("*/5 *", "0 9")})
        (change,) = json.loads(plan(*asked).stdout)["changes"]
    assert change["after"]["timezone"] == "Asia/Tokyo", "the server's zone holds"
    assert change["after"]["fire_times"][0] == "2026-10-24T09:00:00+09:00"
    result = plan("--server", service.url, str(service.jobs_dir))
    assert result.exit_code == 1
    assert "is the service running there?" in result.output
