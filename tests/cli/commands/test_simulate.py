"""`myscheduler simulate` as people and pipelines see it: whole outputs over the nights in which clocks change."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.checkout import ROOT

GOLDEN = ROOT / "tests/cli/golden"
NIGHTS = {
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Europe/London": ("2026-03-29", "2026-10-25"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),
    "Asia/Tokyo": ("2026-03-08",),
}
JOB = """\
job_id: minutely
cron: "* * * * *"
target_url: https://example.com/minutely
"""
DAY = "--from 2026-07-01T00:00:00Z --to 2026-07-02T00:00:00Z"


def simulate(arguments: str, *, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["simulate", *shlex.split(arguments)], input=stdin, prog_name="myscheduler")


def told(result: Result) -> tuple[int, str, str]:
    return result.exit_code, result.stdout, result.stderr


def nights(zone: str) -> str:
    """What a golden file holds: the quiet night with all its runs, and what an outage makes of it."""
    parts = []
    for day in NIGHTS[zone]:
        asked = f"simulate.yaml --timezone {zone} --from {day}T00:00:00"
        for more in (
            f"--to {day}T06:00:00 --all",
            f"--to {day}T12:00:00 --outage {day}T00:30:00/{day}T04:30:00 --latency 20",
        ):
            result = simulate(f"{asked} {more}")
            assert (result.exit_code, result.stderr) == (0, "")
            parts.append(f"$ myscheduler simulate {asked} {more}\n{result.stdout}")
    return "\n".join(parts)


@pytest.mark.parametrize("zone", NIGHTS)
def test_the_nights_in_which_clocks_change(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    name = zone.rpartition("/")[2].lower().replace("_", "-")
    assert nights(zone) == (GOLDEN / f"simulate-{name}.txt").read_text("utf-8")


def test_the_example_of_the_docs() -> None:
    text = (ROOT / "docs/simulate.md").read_text("utf-8")
    blocks = re.findall(r"^```(?:yaml|bash|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    Path("jobs.d").mkdir()
    for manifests, command, expected in zip(blocks[::3], blocks[1::3], blocks[2::3], strict=True):
        Path("jobs.d/jobs.yaml").write_text(manifests, encoding="utf-8")
        asked = command.removeprefix("myscheduler simulate ").replace("\\\n", " ")
        assert told(simulate(asked)) == (0, expected, "")


def test_a_week_that_is_quiet_is_told_in_totals_only() -> None:
    result = simulate("- --from 2026-07-01T00:00:00 --to 2026-07-08T00:00:00", stdin=JOB)
    expected = """\
simulated 2026-07-01T00:00:00+09:00 to 2026-07-08T00:00:00+09:00, latency 0.5 s

minutely: 10,080 ran

1 job: 10,080 ran
"""
    assert told(result) == (0, expected, "")


def test_overlaps_and_what_still_waits() -> None:
    manifest = f"{JOB}overlap: queue\n---\n{JOB.replace('minutely', 'other')}"
    result = simulate("- --from 2026-07-01T00:00:00Z --to 2026-07-01T00:03:00Z --latency 119.75", stdin=manifest)
    assert result.stdout.splitlines()[2:] == [
        "minutely: 2 ran (queued 1), 1 waiting",
        "  completed    queued     2026-07-01T09:01:00+09:00, sent 2026-07-01T09:01:59.750+09:00",
        "  waiting                 2026-07-01T09:02:00+09:00",
        "other: 2 ran, 1 skipped (overlap 1)",
        "  skipped      overlap    2026-07-01T09:01:00+09:00",
        "",
        "2 jobs: 4 ran (queued 1), 1 skipped (overlap 1), 1 waiting",
    ]


def test_json() -> None:
    manifest = f"{JOB}timezone: America/New_York\ncatchup: none\non_interrupt: retry\n"
    outage = "2026-07-01T00:01:00.250Z/2026-07-01T00:04:30Z"
    asked = f"- --from 2026-07-01T00:00:00Z --to 2026-07-01T00:06:00Z --outage {outage} --format json"
    totals = {
        "ran": 3,
        "caught_up": 0,
        "failed": 0,
        "skipped": {},
        "missed": {"catchup": 3},
        "interrupted": {},
        "waiting": 0,
    }
    result = simulate(asked, stdin=manifest)
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "from": "2026-07-01T09:00:00+09:00",
        "to": "2026-07-01T09:06:00+09:00",
        "outages": [{"from": "2026-07-01T09:01:00.250+09:00", "to": "2026-07-01T09:04:30+09:00"}],
        "latency_sec": 0.5,
        "assumed": {"failing": {}, "durations_sec": {}, "extracted": {}},
        "notes": [],
        "jobs": [
            {
                "job_id": "minutely",
                "timezone": "America/New_York",
                **totals,
                "events": [
                    {
                        "status": "completed",
                        "reason": "resent",
                        "first": "2026-06-30T20:01:00-04:00",
                        "last": "2026-06-30T20:01:00-04:00",
                        "count": 1,
                        "sent_at": "2026-06-30T20:04:30-04:00",
                    },
                    {
                        "status": "missed",
                        "reason": "catchup",
                        "first": "2026-06-30T20:02:00-04:00",
                        "last": "2026-06-30T20:04:00-04:00",
                        "count": 3,
                        "sent_at": None,
                    },
                ],
            }
        ],
        "chains": [],
        "targets": [],
        "totals": totals,
    }


def test_intervals_that_float_are_named() -> None:
    floating = "\n---\n".join(
        f"job_id: job-{number}\ninterval: PT6H\ntarget_url: https://example.com/" for number in range(7)
    )
    note = (
        "intervals without an anchor are counted from the start of the simulation: "
        "job-0, job-1, job-2, job-3, job-4 and 2 more"
    )
    assert f"\nnote: {note}\n" in simulate(f"- {DAY}", stdin=floating).stdout
    assert json.loads(simulate(f"- {DAY} --format json", stdin=floating).stdout)["notes"] == [note]
    assert "note" not in simulate(f"- {DAY}", stdin=JOB).stdout


def test_a_broken_manifest_fails_and_the_others_are_simulated() -> None:
    result = simulate(
        f"- {DAY}", stdin=f"{JOB}---\njob_id: broken\ncron: '61 * * * *'\ntarget_url: https://example.com/\n"
    )
    assert result.exit_code == 1
    assert "minutely: 1,440 ran\n" in result.stdout
    assert "<stdin>:6:" in result.stderr


def test_nothing_to_simulate() -> None:
    result = simulate(f"- {DAY}", stdin="")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "0 jobs: 0 ran")
    assert result.stderr == "warning: no manifests found\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param("--from 2026-07-01T00:00:00", "Missing option '--to'", id="no-end"),
        pytest.param("--from today --to 2026-07-01T00:00:00", "'today' is not a date with a time", id="no-moment"),
        pytest.param("--from 2026-07-02T00:00:00 --to 2026-07-02T00:00:00", "must be later than --from", id="empty"),
        pytest.param("--from 2026-07-02T00:00:00 --to 2027-07-03T00:00:01", "at most 366 days", id="too-long"),
        pytest.param(f"{DAY} --latency=-1", "is not in the range", id="latency"),
        pytest.param(f"{DAY} --latency=nan", "write a number of seconds", id="no number"),
        pytest.param(f"{DAY} --outage 2026-07-01T02:00:00Z", "is not a pair of timestamps", id="one-moment"),
        pytest.param(f"{DAY} --outage 2026-07-01T02:00:00Z/noon", "is not a date with a time", id="no-outage"),
        pytest.param(
            f"{DAY} --outage 2026-07-01T02:00:00Z/2026-07-01T01:00:00Z", "ends before it starts", id="reversed"
        ),
        pytest.param(
            f"{DAY} --outage 2026-07-01T08:00:00/2026-07-01T12:00:00", "start at or after --from", id="too-early"
        ),
        pytest.param(f"{DAY} --outage 2026-07-01T01:00:00Z/2026-07-02T00:00:00Z", "end before --to", id="too-late"),
        pytest.param(
            f"{DAY} --outage 2026-07-01T02:00:00Z/2026-07-01T04:00:00Z --outage 2026-07-01T01:00Z/2026-07-01T02:00Z",
            "overlap or touch",
            id="overlapping",
        ),
        pytest.param(
            "--from 2026-03-08T02:30:00 --to 2026-03-09T00:00:00 --timezone America/New_York", "doesn't exist", id="gap"
        ),
    ],
)  # fmt: skip
def test_wrong_usage(arguments: str, message: str) -> None:
    result = simulate(f"- {arguments}", stdin=JOB)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_jobs_of_a_target_wait_for_each_other() -> None:
    Path("jobs.d").mkdir()
    Path("jobs.d/targets.yaml").write_text(
        "billing: {base_url: 'https://b.example.com', concurrency: 1}\nfree: {base_url: 'https://f.example.com'}\n"
    )
    jobs = [("a", "billing", 20), ("b", "billing", 20), ("c", "billing", 20), ("d", "free", 20)]
    lines = "job_id: {0}\nrun_at: 2026-07-01T00:00:00Z\ntarget: {1}\nmisfire_grace_time: {2}\n"
    Path("jobs.d/jobs.yaml").write_text("---\n".join(lines.format(*one) for one in jobs))
    asked = "jobs.d --from 2026-07-01T00:00:00Z --to 2026-07-01T01:00:00Z --latency 15"
    result = simulate(asked)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = result.stdout.splitlines()
    assert "  completed    throttled  2026-07-01T09:00:00+09:00, sent 2026-07-01T09:00:15+09:00" in shown
    assert "target billing: 2 calls, 1 waited, the longest for 15 s, 1 slot missed" in shown
    assert shown[-1] == "4 jobs: 3 ran (throttled 1), 1 missed (deadline 1)"
    assert not any(line.startswith("target free") for line in shown)
    (target,) = json.loads(simulate(f"{asked} --format json").stdout)["targets"]
    assert target == {"target": "billing", "calls": 2, "waited": 1, "longest_wait_sec": 15.0, "missed": 1}


def test_targets_are_told_by_name() -> None:
    Path("jobs.d").mkdir()
    names = ("billing", "audit")
    limits = "".join(f"{name}: {{base_url: 'https://b.example.com', concurrency: 1}}\n" for name in names)
    Path("jobs.d/targets.yaml").write_text(limits)
    jobs = (f"job_id: {name}-{number}\ncron: '0 * * * *'\ntarget: {name}\n" for name in names for number in range(2))
    Path("jobs.d/jobs.yaml").write_text("---\n".join(jobs))
    assert simulate(f"jobs.d {DAY}").stdout.splitlines()[-3:-1] == [
        "target audit: 48 calls, 24 waited, the longest for 0.5 s",
        "target billing: 48 calls, 24 waited, the longest for 0.5 s",
    ]


CHAIN = """\
job_id: extract
cron: "0 2 * * *"
timezone: Asia/Tokyo
target_url: https://etl.example.com/extract
extract: {rows: /rows}
---
job_id: load@all.a=b
after: [{job: extract}]
when: {job: extract, json: {/rows: {gt: 0}}}
target_url: https://etl.example.com/load
---
job_id: alarm
after: [{job: load@all.a=b, on: failure}]
target_url: https://etl.example.com/alarm
"""
NIGHTS_ASKED = "- --from 2026-07-01T00:00:00 --to 2026-07-04T00:00:00"


def test_a_chain_is_listed_once_for_all_runs_that_go_alike() -> None:
    asked = f"{NIGHTS_ASKED} --fail load@all.a=b@2026-07-02T02:00:00 --duration load@all.a=b=1h30m"
    assert told(simulate(asked, stdin=CHAIN)) == (0, """\
simulated 2026-07-01T00:00:00+09:00 to 2026-07-04T00:00:00+09:00, latency 0.5 s
fails     load@all.a=b: 2026-07-02T02:00:00+09:00
takes     load@all.a=b: 5,400 s
note: conditions on values that --extract doesn't give hold if the job before completes: load@all.a=b (rows of extract)
note: calls that take longer than timeout_sec are not cut off here: load@all.a=b

alarm: 1 ran, 2 skipped (upstream-outcome 2)
extract: 3 ran
load@all.a=b: 2 ran, 1 failed

chain extract@2026-07-01T02:00:00+09:00: completed
  completed                      extract: sent +0 s, ended +0.5 s
  completed                      load@all.a=b: after extract, sent +0.5 s, ended +5,400.5 s
  skipped      upstream-outcome  alarm: after load@all.a=b

chain extract@2026-07-02T02:00:00+09:00: failed
  completed                      extract: sent +0 s, ended +0.5 s
  failed                         load@all.a=b: after extract, sent +0.5 s, ended +5,400.5 s
  completed                      alarm: after load@all.a=b, sent +5,400.5 s, ended +5,401 s

chain extract@2026-07-03T02:00:00+09:00: completed
  completed                      extract: sent +0 s, ended +0.5 s
  completed                      load@all.a=b: after extract, sent +0.5 s, ended +5,400.5 s
  skipped      upstream-outcome  alarm: after load@all.a=b

3 jobs: 6 ran, 1 failed, 2 skipped (upstream-outcome 2)
3 chains: 2 completed, 1 failed
""", "")  # fmt: skip


def test_chains_as_json() -> None:
    result = simulate(f"{NIGHTS_ASKED} --extract extract.rows=0 --fail alarm --format json", stdin=CHAIN)
    found = json.loads(result.stdout)
    assert found["assumed"] == {
        "failing": {"alarm": None},
        "durations_sec": {},
        "extracted": {"extract": {"rows": 0}},
    }
    assert found["notes"] == []
    assert found["chains"] == [
        {
            "chain_id": "extract@2026-07-01T02:00:00+09:00",
            "root": "extract",
            "first": "2026-07-01T02:00:00+09:00",
            "last": "2026-07-03T02:00:00+09:00",
            "count": 3,
            "status": "completed",
            "executions": [
                {
                    "job_id": "extract",
                    "status": "completed",
                    "reason": None,
                    "parent": None,
                    "sent_after_sec": 0.0,
                    "ended_after_sec": 0.5,
                },
                {
                    "job_id": "load@all.a=b",
                    "status": "skipped",
                    "reason": "condition",
                    "parent": "extract",
                    "sent_after_sec": None,
                    "ended_after_sec": None,
                },
                {
                    "job_id": "alarm",
                    "status": "skipped",
                    "reason": "upstream-skipped",
                    "parent": "load@all.a=b",
                    "sent_after_sec": None,
                    "ended_after_sec": None,
                },
            ],
        }
    ]
    alone = json.loads(simulate(f"{NIGHTS_ASKED} --all --format json", stdin=CHAIN).stdout)
    assert [one["count"] for one in alone["chains"]] == [1, 1, 1]


def test_links_to_jobs_that_are_not_there_are_told() -> None:
    child = CHAIN.split("---\n")[2]
    requiring = f"{JOB}requires: [{{job: close, within: PT1H}}]\n"
    linked = "alarm (load@all.a=b), minutely (close)"
    result = simulate(NIGHTS_ASKED, stdin=f"{child}---\n{requiring}")
    assert result.stdout.splitlines()[1:5] == [
        "note: requirements count only what completes in the simulated time: minutely",
        f"note: linked to a job that is not simulated here, and so never runs: {linked}",
        "",
        "alarm: 0 ran",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param("--fail extrct", "'extrct' is no job of these manifests that makes calls: did you mean", id="job"),
        pytest.param("--fail nobody@2026-07-01T02:00:00", "'nobody' is no job", id="job-and-time"),
        pytest.param("--fail extract@soon", "'extract@soon': 'soon' is not a date with a time", id="no-time"),
        pytest.param(
            "--fail alarm@2026-07-01T03:00:00", "is no time at which 'extract' has a slot", id="no-slot-of-the-root"
        ),
        pytest.param("--fail extract@2026-07-05T02:00:00", "is not between --from and --to", id="outside"),
        pytest.param("--duration extract", "is not of the form JOB=TIME", id="no-duration"),
        pytest.param("--duration extract=long", "has no time such as 90s", id="no-length"),
        pytest.param("--duration extract=25h", "is more than 24 hours", id="too-long"),
        pytest.param("--duration gone=5m", "'gone' is no job", id="duration-of-none"),
        pytest.param("--extract rows=0", "is not of the form JOB.NAME=VALUE", id="no-value"),
        pytest.param("--extract alarm.rows=0", "a value that 'alarm' doesn't extract: it has nothing", id="none"),
        pytest.param("--extract extract.row=0", "a value that 'extract' doesn't extract: it has only rows", id="other"),
    ],
)
def test_what_can_not_be_assumed(options: str, message: str) -> None:
    result = simulate(f"{NIGHTS_ASKED} {options}", stdin=CHAIN)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize("written", ["90", "90s", "1m30s", "PT90S", "1m30", "0h1m30.0s"])
def test_durations(written: str) -> None:
    result = simulate(f"{NIGHTS_ASKED} --duration extract={written} --format json", stdin=CHAIN)
    assert json.loads(result.stdout)["assumed"]["durations_sec"] == {"extract": 90.0}
