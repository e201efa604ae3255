"""The formats of `myscheduler validate`: whole outputs over one broken source, and what their readers make of them."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.cli import main
from myscheduler.cli.reports import FORMATS, Findings
from myscheduler.core.findings.problem import Problem, Severity, printable
from myscheduler.core.findings.rules import RULES
from tests.support.golden import expect

FILES: dict[str, str | bytes] = {
    "good.yaml": """\
job_id: report
cron: "30 10 * * mon-fri"
target_url: https://example.com/report
---
job_id: 集計
interval: {minutes: 10}
target_url: https://example.com/count
""",
    "経理, 100%/日次: 集計.yaml": """\
job_id: 日次集計
cron: {hour: 10, minute: "61"}
target_url: ftp://example.com/集計
method: PSOT
---
job_id: 月次 & <週次>
interval: {hours: 1}
target_ulr: https://example.com/
---
job_id: once
run_at: "2026-06-01T09:00:00"
target_url: https://example.com/once
headers:
  X-MyScheduler-Job-Id: mine
---
name: nobody
interval: {hours: 1}
target_url: https://example.com/
""",
    "team/copy.yml": "# the same again\njob_id: report\ninterval: {hours: 1}\ntarget_url: https://example.com/\n",
    "team/syntax.yaml": "job_id: star\ncron: */5 * * * *\n",
    "team/sjis.yaml": "job_id: 日報\n".encode("cp932"),
    "config-map.yaml": """\
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: jobs}
data:
  jobs.yaml: |
    job_id: one
    interval: {hours: 1}
    target_url: https://example.com/one
    ---
    job_id: two
    interval: {hours: 1}
    target_url: example.com/two
    paused: yes
""",
}


@pytest.fixture(autouse=True)
def _source(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / "jobs.d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", "--now", "2026-07-01T00:00:00Z", *arguments, "jobs.d"])


@pytest.mark.parametrize(
    ("output", "name"),
    [
        pytest.param("text", "validate.txt", id="text"),
        pytest.param("json", "validate.json", id="json"),
        pytest.param("github", "validate.github.txt", id="github"),
        pytest.param("junit", "validate.junit.xml", id="junit"),
        pytest.param("sarif", "validate.sarif", id="sarif"),
    ],
)
def test_each_format(output: str, name: str) -> None:
    result = run("--format", output)
    assert (result.exit_code, result.stderr) == (1, "")
    expect(name, result.stdout)


def test_every_format_is_told_of() -> None:
    told = {pytest_param.id for mark in test_each_format.pytestmark for pytest_param in mark.args[1]}  # type: ignore[attr-defined]
    assert told == FORMATS.keys()


def test_each_problem_in_each_format() -> None:
    """The formats differ in words, not in what they find."""
    found = json.loads(run("--format", "json").stdout)["problems"]
    places = sorted((one["path"], one["line"], one["column"], one["rule"]) for one in found)
    commands = [line for line in run("--format", "github").stdout.splitlines() if line.startswith("::")]
    (sarif,) = json.loads(run("--format", "sarif").stdout)["runs"]
    in_sarif = []
    for one in sarif["results"]:
        (location,) = one["locations"]
        place = location["physicalLocation"]
        path = unquote(place["artifactLocation"]["uri"])
        in_sarif.append((path, place["region"]["startLine"], place["region"]["startColumn"], one["ruleId"]))
    assert sorted(in_sarif) == places
    assert len(commands) == len(places)


@pytest.mark.parametrize(
    ("arguments", "failed", "output"),
    [
        pytest.param([], {"two", "report", "日次集計", "月次 & <週次>", "(the file)"}, {"once"}, id="errors"),
        pytest.param(
            ["--strict"],
            {"two", "report", "日次集計", "月次 & <週次>", "(the file)", "once"},
            set(),
            id="strict: warnings too",
        ),
    ],
)
def test_junit_is_read_back(arguments: list[str], failed: set[str], output: set[str]) -> None:
    root = ET.fromstring(run("--format", "junit", *arguments).stdout)  # noqa: S314 - our own text
    cases = list(root.iter("testcase"))
    names = {case.get("name") for case in cases}
    assert names == {"one", "集計"} | failed | output
    assert {case.get("name") for case in cases if case.find("failure") is not None} == failed
    assert {case.get("name") for case in cases if case.find("system-out") is not None} == output
    for element in [root, *root.iter("testsuite")]:
        inner = list(element.iter("testcase"))
        assert int(element.get("tests", "")) == len(inner)
        assert int(element.get("failures", "")) == sum(case.find("failure") is not None for case in inner)
    assert all(case.get("file") == suite.get("name") for suite in root.iter("testsuite") for case in suite)


def test_sarif_has_the_shape_of_the_standard() -> None:
    report = json.loads(run("--format", "sarif").stdout)
    assert report["version"] == "2.1.0"
    (one,) = report["runs"]
    rules = one["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["shortDescription"]["text"]) for rule in rules] == list(RULES.items())
    assert re.fullmatch(r"[a-z][a-z0-9+.-]*:[!-~]+", one["tool"]["driver"]["informationUri"])
    for rule in rules:
        assert rule.keys() == {"id", "shortDescription", "fullDescription", "help"}
        assert rule["fullDescription"]["text"].startswith(f"{RULES[rule['id']]} ")
        assert rule["help"].keys() == {"text", "markdown"}
        assert RULES[rule["id"]] in rule["help"]["text"]
        assert rule["help"]["markdown"].count("```") % 4 in {0, 2}
    for result in one["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning"}
        assert result["message"]["text"]
        for location in result["locations"]:
            place = location["physicalLocation"]
            assert place["artifactLocation"]["uri"].isascii()
            assert not set(place["artifactLocation"]["uri"]) & set(" :#?\\")
            assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
            assert min(place["region"].values()) >= 1


def test_absolute_paths_below_this_folder_become_relative(tmp_path: Path) -> None:
    broken = str(tmp_path / "jobs.d/team/syntax.yaml")
    arguments = ["validate", broken, "--format"]
    assert "::error file=jobs.d/team/syntax.yaml,line=2" in CliRunner().invoke(main, [*arguments, "github"]).stdout
    assert '"uri": "jobs.d/team/syntax.yaml"' in CliRunner().invoke(main, [*arguments, "sarif"]).stdout
    assert '<testsuite name="jobs.d/team/syntax.yaml"' in CliRunner().invoke(main, [*arguments, "junit"]).stdout
    assert json.loads(CliRunner().invoke(main, [*arguments, "json"]).stdout)["problems"][0]["path"] == broken


def test_paths_outside_of_this_folder_stay_as_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path / "jobs.d/team")
    outside = CliRunner().invoke(main, ["validate", str(tmp_path / "jobs.d/config-map.yaml"), "--format", "sarif"])
    assert f'"uri": "file://{tmp_path}/jobs.d/config-map.yaml"' in outside.stdout


def test_standard_input_is_no_file_for_github() -> None:
    result = CliRunner().invoke(
        main, ["validate", "--format", "github", "-"], input="job_id: x\ntarget_url: http://x\n"
    )
    assert result.stdout.startswith("::error title=schedule::<stdin>:1:1: the job has no schedule")


_PROBLEMS = st.builds(
    Problem,
    path=st.text(min_size=1),
    line=st.integers(1, 9),
    column=st.integers(1, 9),
    field=st.text(),
    rule=st.sampled_from(sorted(RULES)),
    message=st.text(),
    severity=st.sampled_from(Severity),
    job_id=st.text(),
)


@given(st.lists(_PROBLEMS, max_size=5).map(sorted), st.booleans())
def test_no_text_breaks_a_format(problems: list[Problem], strict: bool) -> None:
    found = Findings({}, tuple(problems), strict)
    root = ET.fromstring(FORMATS["junit"](found).encode())  # noqa: S314 - our own text
    failures = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert bool(failures) is not found.is_valid
    assert len(json.loads(FORMATS["sarif"](found))["runs"][0]["results"]) == len(problems)
    lines = click.unstyle(FORMATS["text"](found)).split("\n")
    assert len(lines) == len(problems) + 1
    assert all(printable(line) == line for line in lines)
    lines = FORMATS["github"](found).split("\n")
    assert len(lines) == len(problems) + 1
    assert all(line.startswith(("::error ", "::warning ")) for line in lines[:-1])
    assert all(line.count("::") >= 2 for line in lines[:-1])
