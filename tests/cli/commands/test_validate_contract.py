"""What `validate` says about jobs that contradict the OpenAPI documents of their targets, in every format."""

import json
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support.checkout import ROOT
from tests.support.files import write

BILLING = (ROOT / "tests/core/contract/documents/billing.yaml").read_text("utf-8")
REPORTS = (ROOT / "tests/core/contract/documents/reports.json").read_text("utf-8")
TARGETS = """\
billing:
  base_url: https://billing.example.com/v1
  auth: {bearer: {token: "${secret:billing}"}}
  openapi: specs/billing.yaml
reports: {base_url: "http://reports.example.com", openapi: reports.json}
"""
JOBS = """\
job_id: good
interval: PT1H
target: reports
path: /reports
method: POST
body: {kind: daily, range: []}
---
job_id: dead
interval: PT1H
target: billing
path: /clos
method: POST
"""
DEAD = (
    "jobs.d/team/jobs.yaml:11:7: error: path: the OpenAPI document of the target has no such path: did you mean "
    "'/close'? (see jobs.d/specs/billing.yaml:13:3) [contract-path]"
)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments], prog_name="myscheduler")


@pytest.fixture(autouse=True)
def source() -> None:
    write("jobs.d/targets.yaml", TARGETS)
    write("jobs.d/specs/billing.yaml", BILLING)
    write("jobs.d/reports.json", REPORTS)
    write("jobs.d/team/jobs.yaml", JOBS)


@pytest.mark.parametrize(
    "paths", [(), ("jobs.d",), ("jobs.d/team",), ("jobs.d/team/jobs.yaml",), ("jobs.d", "jobs.d/team"), ("./jobs.d/",)]
)
def test_text(paths: tuple[str, ...]) -> None:
    """The documents are found from the folder of targets.yaml, and are no manifests."""
    result = run(*paths)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [DEAD, "2 jobs, 1 error"]


def test_an_absolute_path() -> None:
    result = run(str(Path("jobs.d").absolute()))
    assert result.stdout.splitlines()[-1] == "2 jobs, 1 error"
    assert f"(see {Path.cwd()}/jobs.d/specs/billing.yaml:13:3)" in result.stdout


def test_json() -> None:
    (problem,) = json.loads(run("--format", "json").stdout)["problems"]
    assert (problem["path"], problem["line"], problem["column"]) == ("jobs.d/team/jobs.yaml", 11, 7)
    assert problem["related"] == {"path": "jobs.d/specs/billing.yaml", "line": 13, "column": 3}
    assert problem["message_coded"]["code"] == "contract-no-path"


def test_github() -> None:
    command, *_ = run("--format", "github").stdout.splitlines()
    assert command == (
        "::error file=jobs.d/team/jobs.yaml,line=11,col=7,title=contract-path::path: the OpenAPI document of the "
        "target has no such path: did you mean '/close'? (see jobs.d/specs/billing.yaml:13:3)"
    )


def test_junit() -> None:
    (failure,) = ET.fromstring(run("--format", "junit").stdout).iter("failure")  # noqa: S314 -- our own output
    assert "(see jobs.d/specs/billing.yaml:13:3)" in str(failure.get("message"))
    assert failure.text == DEAD


def test_sarif() -> None:
    (result,) = json.loads(run("--format", "sarif").stdout)["runs"][0]["results"]
    (related,) = result["relatedLocations"]
    assert result["ruleId"] == "contract-path"
    assert related["physicalLocation"] == {
        "artifactLocation": {"uri": "jobs.d/specs/billing.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 13, "startColumn": 3},
    }
    assert related["message"]["text"]
    assert related["id"] == 1


def test_a_broken_document_is_reported_once_and_its_jobs_are_not_compared() -> None:
    write("jobs.d/specs/billing.yaml", "swagger: '2.0'\n")
    result = run()
    assert result.stdout.splitlines() == [
        (
            "jobs.d/specs/billing.yaml:1:10: error: swagger: is a Swagger 2.0 document, which is not read: convert it "
            "to OpenAPI 3.0 or 3.1, or remove openapi from the target (see jobs.d/targets.yaml:4:12) [invalid-contract]"
        ),
        "2 jobs, 1 error",
    ]


@pytest.mark.parametrize(
    ("arrange", "why"),
    [
        pytest.param(bool, "No such file", id="missing"),
        pytest.param(Path.mkdir, "it is a folder or a device", id="a folder"),
        pytest.param(os.mkfifo, "it is a folder or a device", id="a pipe"),
        pytest.param(lambda path: path.symlink_to("/etc/passwd"), "it leads out of the source", id="a link out of it"),
    ],
)
def test_a_document_that_cannot_be_read(arrange: object, why: str) -> None:
    path = Path("jobs.d/specs/billing.yaml")
    path.unlink()
    assert callable(arrange)
    arrange(path)
    found, *_ = run().stdout.splitlines()
    assert found.startswith(
        "jobs.d/targets.yaml:4:12: error: openapi: the OpenAPI document 'jobs.d/specs/billing.yaml'"
    )
    assert why in found


def test_a_mounted_config_map_has_links_inside_of_it() -> None:
    """A kubelet mounts `reports.json -> ..data/reports.json`."""
    Path("jobs.d/..2026").mkdir()
    Path("jobs.d/reports.json").rename("jobs.d/..2026/reports.json")
    Path("jobs.d/..data").symlink_to("..2026")
    Path("jobs.d/reports.json").symlink_to("..data/reports.json")
    assert run().stdout.splitlines() == [DEAD, "2 jobs, 1 error"]


@pytest.mark.parametrize(
    "path",
    ["../a.yaml", "/etc/a.yaml", "a/../b.yaml", "specs/", "a.txt", "policy.yaml", "https://example.com/a.yaml", ""],
)
def test_a_path_that_is_none(path: str) -> None:
    write("jobs.d/targets.yaml", TARGETS.replace("specs/billing.yaml", json.dumps(path)))
    found = run("--format", "json").stdout
    problems = [one for one in json.loads(found)["problems"] if one["field"] == "billing.openapi"]
    assert [(one["rule"], one["line"], one["column"]) for one in problems] == [("invalid-value", 4, 12)]


def test_documents_are_no_manifests_even_if_their_file_has_mistakes() -> None:
    write("jobs.d/targets.yaml", TARGETS + "other: {base: x}\n")
    rules = [one["rule"] for one in json.loads(run("--format", "json").stdout)["problems"]]
    assert "not-a-manifest" not in rules
    assert "not-read" not in rules


def test_what_is_staged_is_compared() -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], ["add", "-A"]):
        subprocess.run([*git, *arguments], check=True)
    Path("jobs.d/specs/billing.yaml").unlink()
    Path("jobs.d/reports.json").write_text("{}", encoding="utf-8")
    for paths in ([], ["jobs.d/team"]):
        assert run("--staged", *paths).stdout.splitlines() == [DEAD, "2 jobs, 1 error"]


def test_a_config_map_is_not_compared() -> None:
    files = {
        "targets.yaml": TARGETS.replace("specs/billing.yaml", "billing.yaml"),
        "billing.yaml": BILLING,
        "jobs.yaml": JOBS,
    }
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "jobs"}, "data": files}
    result = CliRunner().invoke(main, ["validate", "-"], input=json.dumps(config))
    assert result.stdout.splitlines() == ["2 jobs, no problems"]
