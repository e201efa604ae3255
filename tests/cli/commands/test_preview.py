"""`myscheduler preview` as people and pipelines see it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.golden import FOLDER, expect
from tests.support.service import Service, manifest

NIGHTS = str(FOLDER / "nights" / "jobs.yaml")
GOOD = """\
job_id: 集計
cron: "0 9 * * *"
calendar: {country: JP, only: business_days}
jitter_sec: 60
target_url: https://example.com/count
---
job_id: idle
interval: PT6H
paused: true
target_url: https://example.com/idle
"""


def preview(*arguments: str, stdin: str | None = None, **env: str) -> Result:
    return CliRunner().invoke(main, ["preview", *arguments], input=stdin, env=env, prog_name="myscheduler")


@pytest.mark.parametrize(
    ("night", "start", "count"),
    [
        pytest.param("new-york-forward", "2026-03-08T00:30-05:00", 4, id="New York, forward"),
        pytest.param("new-york-back", "2026-10-31T23:30-04:00", 5, id="New York, back"),
        pytest.param("london-forward", "2026-03-28T12:00Z", 4, id="London, forward"),
        pytest.param("london-back", "2026-10-24T12:00Z", 5, id="London, back"),
        pytest.param("lord-howe-forward", "2026-10-03T00:00Z", 3, id="Lord Howe, forward by half an hour"),
        pytest.param("lord-howe-back", "2026-04-04T00:00Z", 3, id="Lord Howe, back by half an hour"),
        pytest.param("casablanca-back", "2026-02-14T00:00Z", 3, id="Casablanca, Ramadan begins"),
        pytest.param("casablanca-forward", "2026-03-21T00:00Z", 3, id="Casablanca, Ramadan is over"),
    ],
)
def test_the_nights_of_clock_changes(night: str, start: str, count: int) -> None:
    result = preview("--from", start, "--count", str(count), NIGHTS)
    assert (result.exit_code, result.stderr) == (0, "")
    expect(f"nights/preview-{night}.txt", result.stdout)


def test_json_has_the_promised_shape_and_more() -> None:
    result = preview("--from", "2026-11-20T09:00:00", "--count", "3", "--format", "json", "-", stdin=GOOD)
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["jobs"][0] == {
        "job_id": "idle",
        "timezone": "Asia/Tokyo",
        "schedule": "every 6 hours, counted from its first creation (here from the start of this preview)",
        "schedule_parts": {"kind": "interval", "timezone": "Asia/Tokyo", "every": {"hours": 6}, "anchor": None},
        "paused": True,
        "fire_times": ["2026-11-20T15:00:00+09:00", "2026-11-20T21:00:00+09:00", "2026-11-21T03:00:00+09:00"],
        "notes": [],
        "left_out": [],
    }
    counted = report["jobs"][1]
    assert counted["fire_times"] == [f"2026-11-{day}T09:00:02+09:00" for day in (20, 24, 25)]
    told = [[one[name] for name in ("first", "last", "count", "reason", "name")] for one in counted["left_out"]]
    assert told == [
        ["2026-11-21T09:00:02+09:00", "2026-11-22T09:00:02+09:00", 2, "weekend", None],
        ["2026-11-23T09:00:02+09:00", "2026-11-23T09:00:02+09:00", 1, "holiday", "勤労感謝の日"],
    ]


def test_from_and_until_are_included() -> None:
    result = preview("--from", "2026-11-24T00:00Z", "--until", "2026-11-24T00:02Z", "--format", "json", "-",
                     stdin=manifest("a", "http://x", 'cron: "* * * * *"'), TZ="UTC")  # fmt: skip
    assert [at[11:16] for at in json.loads(result.stdout)["jobs"][0]["fire_times"]] == ["00:00", "00:01", "00:02"]


def test_a_schedule_that_is_over() -> None:
    once = manifest("once", "http://x", 'run_at: "2026-06-01T09:00"')
    result = preview("--now", "2026-07-01T00:00Z", "-", stdin=once)
    assert result.stdout == "once: once, on 2026-06-01 09:00 +09:00 (Monday)  [Asia/Tokyo]\n  no further runs\n"


def test_the_end_of_the_calendar() -> None:
    result = preview("--from", "9999-12-31T10:00Z", "-", stdin=manifest("a", "http://x", 'cron: "0 */6 * * *"'))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.endswith("\n  no further runs\n")  # Tokyo's calendar is over by then
    utc = preview("--from", "9999-12-31T23:00Z", "-", stdin=manifest("a", "http://x", "interval: PT30M"), TZ="UTC")
    assert len(utc.stdout.splitlines()) == 2


def test_broken_manifests_are_told_and_the_others_shown() -> None:
    broken = "job_id: broken\ncron: 61 * * * *\ntarget_url: http://x\n---\n"
    result = preview("--now", "2026-07-01T00:00Z", "--count", "1", "-", stdin=broken + GOOD)
    assert result.exit_code == 1
    assert "<stdin>:2:7: error: cron: minute: `61` is out of range" in result.stderr
    assert "集計" in result.stdout


def test_nothing_to_show() -> None:
    result = preview("-", stdin="")
    assert (result.exit_code, result.stderr) == (0, "warning: no manifests found\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "yesterday", "-"], "'--from': 'yesterday' is not a date with a time"),
        (["--count", "0", "-"], "'--count'"),
        (["--from", "2026-12-01", "--until", "2026-11-01", "-"], "must not be earlier than --from"),
        (["missing.yaml"], "does not exist"),
        (["--server", "http://127.0.0.1:1", "-"], "use either PATHS or --server"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = preview(*arguments, stdin=GOOD)
    assert result.exit_code == 2
    assert message in result.stderr


def test_no_server_there() -> None:
    result = preview("--server", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "no answer from http://127.0.0.1:9" in result.stderr
    assert "is the service running there?" in result.stderr


def test_the_jobs_of_a_server(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text(GOOD, encoding="utf-8")
    with Service(tmp_path, MYSCHEDULER_API_TOKEN="秘密") as service:
        arguments = ["--server", service.url, "--from", "2026-11-20T00:00", "--count", "2"]
        refused = preview(*arguments, MYSCHEDULER_API_TOKEN="wrong")
        result = preview(*arguments, MYSCHEDULER_API_TOKEN="秘密")
    assert refused.exit_code == 1
    assert "answered 401: send the API token" in refused.stderr
    assert (result.exit_code, result.stderr) == (0, "")
    offline = preview("--from", "2026-11-20T00:00", "--count", "2", "jobs.d/a.yaml")
    assert result.stdout.split("\n\n")[1] == offline.stdout.split("\n\n")[1]


CHAIN = """\
job_id: extract
cron: "0 2 * * *"
chain_timeout_sec: 3600
target_url: https://etl.example.com/extract
---
job_id: load
after: [{job: extract}]
target_url: https://etl.example.com/load
---
job_id: report
after: [{job: extract}, {job: load, on: always}]
calendar: {closed: ["2026-11-21"], skip: holidays}
target_url: https://etl.example.com/report
---
job_id: late
after: [{job: report}]
target_url: https://etl.example.com/late
"""


def test_the_earliest_times_of_jobs_that_run_after_others() -> None:
    options = ("--duration", "load=20m", "--duration", "report=45m")
    result = preview("--from", "2026-11-20", "--count", "2", *options, "--rendered", "-", stdin=CHAIN)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split("\n\n", 1)[1] == EARLIEST


EARLIEST = """\
late: after report has succeeded  [Asia/Tokyo]
  never in the chains of extract: they time out before
  no further runs

load: after extract has succeeded  [Asia/Tokyo]
  at the earliest, if extract takes 0.5 s:
  Fri 2026-11-20 02:00:00 +09:00   2026-11-19 17:00:00Z   through extract
  Sat 2026-11-21 02:00:00 +09:00   2026-11-20 17:00:00Z   through extract

report: after extract has succeeded and load has ended; not on holidays with custom days  [Asia/Tokyo]
  at the earliest, if extract takes 0.5 s, load takes 1,200 s:
  Fri 2026-11-20 02:20:00 +09:00   2026-11-19 17:20:00Z   through extract, load
  Sat 2026-11-21 02:20:00 +09:00   left out: holiday
  Sun 2026-11-22 02:20:00 +09:00   2026-11-21 17:20:00Z   through extract, load
"""


def test_durations_are_for_manifests_and_their_jobs() -> None:
    refused = preview("--server", "http://127.0.0.1:9", "--duration", "load=5m")
    assert (refused.exit_code, "the server knows how long its jobs take" in refused.stderr) == (2, True)
    unknown = preview("--duration", "lod=5m", "-", stdin=CHAIN)
    assert (unknown.exit_code, "'lod' is no job of these manifests" in unknown.stderr) == (2, True)
