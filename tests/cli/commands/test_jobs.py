"""`myscheduler jobs` against a real service; parameters that are only passed on, against an API in its place."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import respx
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.answers import EXECUTION_ID, job
from tests.support.commands import API, asked, call, help_of
from tests.support.golden import expect
from tests.support.service import Service, manifest
from tests.support.target import Answer, Target


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target() as running:
        running.answers("/fails", Answer(404))
        running.answers("/slow", Answer(delay=3))
        yield running


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, target: Target) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("jobs")
    (folder / "jobs.d").mkdir()
    more = ("name: 月末の請求", "labels: {team: billing}")
    text = manifest("日次 レポート", target.url("/ok"), 'cron: "0 9 * * *"', *more)
    (folder / "jobs.d" / "daily.yaml").write_text(text, encoding="utf-8")
    with Service(folder, TZ="Asia/Tokyo") as running:
        for job_id in ("fails", "slow"):
            running.create(job_id=job_id, interval={"hours": 1}, target_url=target.url(f"/{job_id}"))
        running.until(lambda: running.get("/api/v1/jobs/日次 レポート").status_code == 200)
        yield running


def jobs(service: Service, *arguments: str, **env: str) -> Result:
    return call("jobs", *arguments, MYSCHEDULER_BASE_URL=service.url, **env)


@pytest.mark.parametrize(
    ("job_id", "told", "code"),
    [("日次 レポート", "completed after ", 0), ("fails", "failed after ", 1)],
    ids=["completed", "failed"],
)
def test_trigger_waits_for_the_end_and_exits_by_the_result(service: Service, job_id: str, told: str, code: int) -> None:
    result = jobs(service, "trigger", job_id, "--wait", "--by", "Ada")
    assert result.exit_code == code, result.output
    first, second = result.stdout.splitlines()
    assert first.startswith(f"{job_id}: triggered, execution ")
    assert second.startswith(told)
    assert service.executions(job_id)[0]["requested_by"] == "Ada"


def test_trigger_says_when_it_does_not_wait_any_longer(service: Service) -> None:
    result = jobs(service, "trigger", "slow", "--wait", "--timeout", "0.2")
    assert result.exit_code == 3
    assert "is still running or queued" in result.stderr
    queued = jobs(service, "trigger", "slow", "--wait", "--format", "json")
    assert queued.exit_code == 0
    assert json.loads(queued.stdout)["status"] == "completed"
    beside = jobs(service, "trigger", "slow", "--overlap", "allow", "--format", "json")
    assert json.loads(beside.stdout)["status"] == "triggered"


def test_list_and_show(service: Service) -> None:
    assert jobs(service, "trigger", "日次 レポート", "--wait").exit_code == 0
    assert jobs(service, "trigger", "fails", "--wait").exit_code == 1
    listed = jobs(service, "list", COLUMNS="90")
    assert listed.exit_code == 0
    assert [line.split("  ")[0] for line in listed.stdout.splitlines()] == ["JOB", "fails", "slow", "日次 レポート"]
    found = service.get("/api/v1/jobs").json()
    assert json.loads(jobs(service, "list", "--format", "json").stdout) == found

    shown = jobs(service, "show", "日次 レポート")
    assert shown.exit_code == 0
    for text in ("日次 レポート: 月末の請求\n", "status      running\n", "team=billing\n", "manifest, daily.yaml:1\n"):
        assert text in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith("20")
    as_json = json.loads(jobs(service, "show", "日次 レポート", "--format", "json").stdout)
    assert as_json["job_id"] == "日次 レポート"


def test_pause_and_resume(service: Service) -> None:
    given = ("--reason", "倉庫の保守", "--until", "2099-01-01T00:00", "--by", "Ada")
    assert jobs(service, "pause", "slow", *given).stdout == "slow: paused\n"
    pause = service.job("slow")["pause"]
    assert (pause["by"], pause["reason"], pause["until"]) == ("Ada", "倉庫の保守", "2099-01-01T00:00:00+09:00")
    shown = jobs(service, "show", "slow").stdout
    assert "paused by   Ada\n" in shown
    assert "until       2099-01-01 00:00:00 +09:00\n" in shown
    assert json.loads(jobs(service, "resume", "slow", "--catchup", "last", "--format", "json").stdout) == {
        "job_id": "slow",
        "status": "resumed",
    }
    assert service.job("slow")["pause"] is None


def test_delete_asks_first(service: Service, target: Target) -> None:
    service.create(job_id="trial", interval={"hours": 1}, target_url=target.url())
    env = {"MYSCHEDULER_BASE_URL": service.url}
    refused = CliRunner().invoke(main, ["jobs", "delete", "trial"], env=env, input="n\n")
    assert refused.exit_code == 1
    assert service.job("trial")
    agreed = CliRunner().invoke(main, ["jobs", "delete", "trial", "--by", "Ada"], env=env, input="y\n")
    assert (agreed.exit_code, agreed.stdout) == (0, "trial: deleted\n")
    entry = service.request("GET", "/api/v1/audit?job_id=trial").json()["entries"][0]
    assert (entry["action"], entry["actor"]) == ("deleted", "Ada")
    again = jobs(service, "delete", "trial", "--yes")
    assert (again.exit_code, "there is no job 'trial'" in again.stderr) == (1, True)
    of_git = jobs(service, "delete", "日次 レポート", "--yes")
    assert (of_git.exit_code, "daily.yaml" in of_git.stderr) == (1, True)


def test_each_mistake_stands_in_a_line(service: Service) -> None:
    one = jobs(service, "pause", "slow", "--until", "yesterday")
    assert one.stderr.count("\n") == 1
    assert "answered 422: until: 'yesterday' is not a timestamp" in one.stderr
    with respx.mock(base_url=API) as api:
        errors = [{"field": name, "message": "is \x1b[2J bad"} for name in ("reason", "until")]
        api.get("/jobs/a/effects").respond(json={"notes": []})
        api.post("/jobs/a/pause").respond(422, json={"detail": "…", "errors": errors})
        several = asked("jobs", "pause", "a")
    assert several.stderr.splitlines() == [
        "Error: http://scheduler.example.com answered 422: 2 problems",
        r"  reason: is \x1b[2J bad",
        r"  until: is \x1b[2J bad",
    ]


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=API) as router:
        yield router


def test_filters_are_those_of_the_api(api: respx.MockRouter) -> None:
    route = api.get("/jobs").respond(json={"jobs": [], "next_cursor": None})
    result = asked(
        "jobs", "list", "--owner", "api", "--status", "paused", "--label", "team=a b", "--label", "tier",
        "--schedule-type", "cron", "--host", "example.com:8080", "--last-result", "failure", "--failing",
        "--no-paused", "--held", "--q", "請求", "--sort", "-next_run", "--limit", "20", "--cursor", "c1",
    )  # fmt: skip
    assert result.exit_code == 0
    assert list(route.calls.last.request.url.params.multi_items()) == [
        ("owner", "api"), ("status", "paused"), ("label", "team=a b"), ("label", "tier"), ("schedule_type", "cron"),
        ("host", "example.com:8080"), ("last_result", "failure"), ("failing", "true"), ("paused", "false"),
        ("held", "true"), ("q", "請求"), ("sort", "-next_run"), ("limit", "20"), ("cursor", "c1"),
    ]  # fmt: skip


def test_without_a_limit_all_pages_are_shown(api: respx.MockRouter) -> None:
    pages = {
        None: {"jobs": [job(job_id="a")], "next_cursor": "c1"},
        "c1": {"jobs": [job(job_id="b")], "next_cursor": "c2"},
        "c2": {"jobs": [job(job_id="c")], "next_cursor": None},
    }
    api.get("/jobs").mock(side_effect=lambda asks: respx.MockResponse(json=pages[asks.url.params.get("cursor")]))
    listed = asked("jobs", "list", "--owner", "api")
    assert [line[0] for line in listed.stdout.splitlines()] == ["J", "a", "b", "c"]
    answer = json.loads(asked("jobs", "list", "--owner", "api", "--format", "json").stdout)
    assert ([one["job_id"] for one in answer["jobs"]], answer["next_cursor"]) == (["a", "b", "c"], None)
    page = asked("jobs", "list", "--owner", "api", "--limit", "1")
    assert page.stdout.splitlines()[-1] == "more: --cursor c1"


@pytest.mark.parametrize("columns", ["80", "110"])
def test_the_table(api: respx.MockRouter, columns: str) -> None:
    pause = {"by": "Ada", "at": "2026-11-30T08:00:00+09:00", "reason": None, "until": None}
    words = "every day at 09:00, except on public holidays of Japan"
    shown = [
        job(schedule_text=words),
        job(job_id="held", held=True, last_execution=None, owner="api"),
        job(job_id="a-job-with-a-rather-long-id-of-the-billing-team", status="paused", pause=pause, next_run_time=None),
    ]
    api.get("/jobs").respond(json={"jobs": [one | {"timezone": "Asia/Tokyo"} for one in shown]})
    expect(f"jobs-{columns}.txt", asked("jobs", "list", COLUMNS=columns).stdout)


def test_the_zone_of_each_schedule_is_named(api: respx.MockRouter) -> None:
    zones = {"tokyo": "Asia/Tokyo", "berlin": "Europe/Berlin"}
    shown = [job(job_id=name, timezone=zone, schedule_text="every day at 09:00") for name, zone in zones.items()]
    api.get("/jobs").respond(json={"jobs": shown})
    for name, line in zip(zones, asked("jobs", "list", COLUMNS="160").stdout.splitlines()[1:], strict=True):
        assert f"every day at 09:00 [{zones[name]}]" in line


def test_show_of_a_job_in_trouble(api: respx.MockRouter) -> None:
    failing = {"scheduled_at": "2026-11-29T09:00:00+09:00", "failures": 1, "execution_id": EXECUTION_ID}
    queued = {"execution_id": EXECUTION_ID, "asked_at": "2026-11-30T09:00:00+09:00", "requested_by": "Ada"}
    detail = job(held=True, timezone="Asia/Tokyo", failing_since=failing, queued_run=queued, executions=[])
    api.get("/jobs/a").respond(json=detail)
    expect("jobs-show.txt", asked("jobs", "show", "a").stdout)


def test_help() -> None:
    leaves = ("list", "show", "pause", "resume", "trigger", "delete")
    expect("help-jobs.txt", "\n".join(help_of("jobs", *leaf) for leaf in ([], *([one] for one in leaves))))


def test_what_an_act_means_for_the_jobs_after_is_told_first(service: Service, target: Target) -> None:
    service.create(job_id="first", interval={"hours": 1}, target_url=target.url("/ok"))
    service.create(job_id="second", after=[{"job": "first"}], target_url=target.url("/ok"))
    skipped = "jobs after it that do not run either, with the reason upstream-skipped (1): 'second'\n"
    never = "jobs after it that nothing starts any more, except by hand (1): 'second'\n"
    assert jobs(service, "pause", "first", "--dry-run").stdout == skipped
    assert service.get("/api/v1/jobs/first").json()["status"] == "running"
    told = json.loads(jobs(service, "pause", "first", "--dry-run", "--format", "json").stdout)
    assert told["effects"] == [{"job_id": "second", "effect": "skipped"}]
    paused = jobs(service, "pause", "first")
    assert (paused.stderr, paused.stdout) == (skipped, "first: paused\n")
    assert jobs(service, "pause", "second", "--dry-run").stdout == "no job that runs after it is affected\n"
    assert jobs(service, "delete", "first", "--dry-run").stdout == never
    deleted = jobs(service, "delete", "first", "--yes")
    assert (deleted.stderr, deleted.stdout) == (never, "first: deleted\n")
    jobs(service, "delete", "second", "--yes")
