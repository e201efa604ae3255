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
    manifests, command, expected = re.findall(r"^```(?:yaml|bash|text)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    Path("jobs.d").mkdir()
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
    totals = {"ran": 3, "caught_up": 0, "skipped": {}, "missed": {"catchup": 3}, "interrupted": {}, "waiting": 0}
    result = simulate(asked, stdin=manifest)
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {
        "from": "2026-07-01T09:00:00+09:00",
        "to": "2026-07-01T09:06:00+09:00",
        "outages": [{"from": "2026-07-01T09:01:00.250+09:00", "to": "2026-07-01T09:04:30+09:00"}],
        "latency_sec": 0.5,
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
