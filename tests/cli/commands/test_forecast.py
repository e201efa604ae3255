"""`myscheduler forecast` as people and scripts see it."""

import json
from pathlib import Path
from unicodedata import east_asian_width
from xml.etree import ElementTree as ET

import click
import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.golden import expect
from tests.support.service import manifest

MIDNIGHT = "2026-11-25T00:00:00+09:00"
FLEET = "---\n".join(
    [
        *(manifest(f"nightly <&> {n:02}", "https://api.example.com/", 'cron: "0 0 * * *"') for n in range(30)),
        *(manifest(f"毎時-{n}", "https://api.example.com/", f'cron: "{n % 2 * 30} 9-18 * * 1-5"') for n in range(8)),
        manifest("poll", "https://other.example.com:8443/", 'cron: "*/10 * * * *"', "jitter_sec: 300"),
        manifest("loose", "https://other.example.com:8443/", "interval: PT8H"),
        manifest("idle", "https://other.example.com:8443/", "interval: PT1M", "paused: true"),
    ]
)


def columns(line: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in line)


def forecast(*arguments: str, stdin: str = FLEET) -> Result:
    return CliRunner().invoke(main, ["forecast", *arguments, "-"], input=stdin, prog_name="myscheduler")


def test_the_text() -> None:
    result = forecast("--now", MIDNIGHT)
    assert (result.exit_code, result.stderr) == (0, "")
    expect("forecast.txt", result.stdout)
    assert all(columns(line) <= 80 for line in result.stdout.splitlines())


def test_a_terminal_gets_colours_that_take_no_room() -> None:
    arguments = ["forecast", "--now", MIDNIGHT, "-"]
    coloured = CliRunner().invoke(main, arguments, input=FLEET, color=True).stdout
    plain = forecast("--now", MIDNIGHT).stdout
    assert coloured != plain
    assert [line.rstrip() for line in click.unstyle(coloured).splitlines()] == plain.splitlines()


def test_json() -> None:
    found = json.loads(forecast("--now", MIDNIGHT, "--days", "2", "--format", "json").stdout)
    assert (found["from"], found["until"], found["timezone"]) == (
        "2026-11-25T00:00:00+09:00",
        "2026-11-27T00:00:00+09:00",
        "Asia/Tokyo",
    )
    api, other = found["hosts"]
    assert (api["host"], api["jobs"], api["starts"], api["peak"]) == ("api.example.com", 38, 220, 30)
    assert api["worst"][0]["again"] == ["2026-11-26T00:00:00+09:00"]
    assert (api["worst"][0]["jobs"], api["worst"][0]["job_ids"][0]) == (30, "nightly <&> 00")
    assert api["advice"]["leaves"] < 15
    assert [day["peak_per_hour"][:10] for day in api["days"]] == [[30, 0, 0, 0, 0, 0, 0, 0, 0, 4]] * 2
    assert (other["advice"], other["jobs"]) == (None, 2)


def test_the_picture(tmp_path: Path) -> None:
    picture = tmp_path / "load.svg"
    result = forecast("--now", MIDNIGHT, "--svg", str(picture))
    assert result.exit_code == 0
    root = ET.fromstring(picture.read_text("utf-8"))  # noqa: S314 - our own file
    name = "{http://www.w3.org/2000/svg}"
    texts = [one.text or "" for one in root.iter(f"{name}text")]
    assert {"api.example.com", "other.example.com:8443"} <= set(texts)
    worst = texts.index("Wed 2026-11-25 00:00  30 starts, and so on 6 further days:")
    assert texts[worst + 1] == "nightly <&> 00, nightly <&> 01, nightly <&> 02 and 27 more"
    titles = [one.text for one in root.iter(f"{name}title")]
    assert titles[0] == "Wed 2026-11-25 00:00: 30 starts in the worst minute, 30 in the hour"
    assert len(titles) == 2 * 7 * 24


@pytest.mark.parametrize("job_id", ["n" * 250, "日" * 250, "夜間バッチ・売上集計・地域別・店舗別・月次"])
def test_ids_of_any_length_fit_into_the_line(job_id: str) -> None:
    jobs = (manifest(f"{job_id}{n}", "https://a.test/", 'cron: "0 0 * * *"') for n in range(9))
    lines = forecast("--now", MIDNIGHT, stdin="---\n".join(jobs)).stdout.splitlines()
    [named] = [line for line in lines if line.startswith(f"    {job_id[:20]}")]
    assert named.endswith(" and 8 more")
    assert max(map(columns, lines)) <= 80


@pytest.mark.parametrize(("folder", "code"), [("missing/load.svg", 1), (".", 2)])
def test_a_picture_that_can_t_be_written(folder: str, code: int, tmp_path: Path) -> None:
    result = forecast("--now", MIDNIGHT, "--svg", str(tmp_path / folder))
    assert result.exit_code == code
    assert "Error: " in result.stderr


def test_a_picture_takes_the_place_of_an_older_one_at_once(tmp_path: Path) -> None:
    picture, link = tmp_path / "load.svg", tmp_path / "link.svg"
    picture.write_text("old", encoding="utf-8")
    link.symlink_to(picture)
    assert forecast("--now", MIDNIGHT, "--svg", str(link)).exit_code == 0
    assert link.is_symlink()
    assert ET.fromstring(picture.read_text("utf-8")).tag.endswith("svg")  # noqa: S314 - our own file
    assert sorted(tmp_path.iterdir()) == [link, picture]


def test_nothing_to_foresee_and_broken_manifests() -> None:
    nothing = forecast("--now", MIDNIGHT, stdin="")
    assert (nothing.exit_code, nothing.stdout.splitlines()[-1]) == (0, "no job calls anything")
    broken = forecast("--now", MIDNIGHT, stdin="job_id: [\n")
    assert (broken.exit_code, "error" in broken.stderr) == (1, True)


def test_the_end_of_the_calendar() -> None:
    result = forecast("--now", "9999-12-31T00:00:00Z")
    assert (result.exit_code, "the calendar ends" in result.stderr) == (2, True)


def test_many_hosts_are_told_in_one_line() -> None:
    many = "---\n".join(manifest(f"job-{n}", f"https://h{n}.test/", 'cron: "0 0 * * *"') for n in range(13))
    result = forecast("--now", MIDNIGHT, "--svg", "load.svg", stdin=many)
    assert result.stdout.splitlines()[-1] == "3 further hosts, each with at most 1 start a minute"
    assert "and 3 more, with at most 1 in the worst minute" in Path("load.svg").read_text("utf-8")


def test_a_target_that_gets_more_calls_than_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("targets.yaml").write_text(
        "billing: {base_url: 'https://b.example.com', rate: {calls: 30, per: PT1M}, concurrency: 100}\n"
    )
    job = "job_id: job-{:03}\ncron: '0 0 * * *'\ntarget: billing\nmisfire_grace_time: 60\n"
    Path("jobs.yaml").write_text("---\n".join(job.format(number) for number in range(180)))
    asked = ["forecast", "--now", MIDNIGHT, "--days", "2", "--latency", "20", "--svg", "load.svg", "."]
    result = CliRunner().invoke(main, asked)
    assert (result.exit_code, result.stderr) == (0, "")
    shown = result.stdout.splitlines()[-3:]
    assert shown == [
        "target billing: 180 starts in the worst minute of 30 per 1 min, 60 in flight of 100",
        "  Wed 2026-11-25 00:00  180 calls need 5 min 58 s, and so on 1 further minute",
        "    149 slots missed, as they wait too long: job-031, job-032, job-033 and 146 more",
    ]
    drawn = "".join(ET.parse("load.svg").getroot().itertext())  # noqa: S314 - we have just made it
    assert all(line.strip() in drawn for line in shown)
    (target,) = json.loads(CliRunner().invoke(main, [*asked, "--format", "json"]).stdout)["targets"]
    assert (target["in_flight"], target["rate_per_sec"], target["crowded"][0]["missed"]) == (60.0, 0.5, 149)


def test_jobs_after_others_start_when_those_before_have_ended() -> None:
    chain = "---\n".join(
        (
            manifest("first", "https://a.example.com/", 'cron: "0 2 * * *"'),
            manifest("next", "https://b.example.com/", "after: [{job: first}]"),
            manifest("last", "https://b.example.com/", "after: [{job: next}]"),
        )
    )
    text = forecast("--now", MIDNIGHT, "--days", "1", "--latency", "600", stdin=chain).stdout
    assert "2 jobs after others counted, if all succeed and each takes 10 min" in text
    found = json.loads(
        forecast("--now", MIDNIGHT, "--days", "1", "--latency", "600", "--format", "json", stdin=chain).stdout
    )
    (of_b,) = [host for host in found["hosts"] if host["host"] == "b.example.com"]
    assert (of_b["jobs"], of_b["starts"]) == (2, 2)
    assert sorted(one["at"][11:16] for one in of_b["worst"]) == ["02:10", "02:20"]
    assert (found["chained"]["assumed"], found["chained"]["assumed_sec"]) == (2, 600.0)
