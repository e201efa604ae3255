"""The page about deployment: its values render, its objects are valid, and its commands name what the chart makes."""

import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import click
import helm_python as helm
import kubernetes_validate
import pytest
import yaml

from myscheduler import __version__
from tests.support.charts import with_credentials
from tests.support.checkout import ROOT
from tests.support.documented import blocks, understood
from tests.test_docs import PAGES, SNIPPET

PAGE = ROOT / "docs/deploy.md"
TEXT = PAGE.read_text("utf-8")
CHART = ROOT / "helm/myscheduler"
VALUES = [block for name, block in SNIPPET.findall(TEXT) if name == "values.yaml"]
LINES = [line for page in (PAGE, ROOT / "README.md") for block in blocks(page, "bash") for line in block.splitlines()]


def objects(values: dict[str, Any], path: Path = CHART) -> list[dict[str, Any]]:
    """What the release of the page consists of."""
    with helm.Chart.load(path) as chart:
        chart.validate_schema(values)
        rendered = chart.render(with_credentials(values), name="myscheduler", namespace="scheduling")
    texts = [text for path, text in rendered.items() if path.endswith(".yaml")]
    return [item for text in texts for item in yaml.safe_load_all(text) if item]


@pytest.mark.parametrize("block", VALUES, ids=lambda block: block.split(":")[0] + str(VALUES.index(block)))
def test_the_values_render(block: str, chart_with_files: Path) -> None:
    made = objects(helm.values_from_yaml(block), chart_with_files)
    assert [item["kind"] for item in made].count("StatefulSet") == 1


def test_the_page_shows_each_way_to_bring_jobs() -> None:
    shown = {key for block in VALUES for key in yaml.safe_load(block)}
    assert {
        "jobs",
        "policy",
        "existingConfigMap",
        "extraConfigMaps",
        "gitSync",
        "database",
        "ingress",
        "httpRoute",
    } <= shown


def test_the_pod_that_restores_is_valid_and_uses_what_the_chart_makes() -> None:
    (pod,) = [yaml.safe_load(block) for name, block in SNIPPET.findall(TEXT) if name == "restore.yaml"]
    (scheduler,) = [item for item in objects({}) if item["kind"] == "StatefulSet"]
    expected = scheduler["spec"]["template"]["spec"]

    kubernetes_validate.validate(pod, "1.37", strict=True)
    claims = [volume.get("persistentVolumeClaim") for volume in expected["volumes"] if volume["name"] == "data"]
    assert [volume["persistentVolumeClaim"] for volume in pod["spec"]["volumes"]] == claims
    assert pod["spec"]["securityContext"].items() <= expected["securityContext"].items()
    (mount,) = pod["spec"]["containers"][0]["volumeMounts"]
    assert mount in expected["containers"][0]["volumeMounts"]


def test_a_restore_leaves_nothing_of_the_old_database(tmp_path: Path) -> None:
    (script,) = re.findall(r"sh -euc \\\n  '(.*)' < jobs\.db", TEXT)
    assert "cd /app/data;" in script
    folder = tmp_path / "data"
    folder.mkdir()
    for restored in (b"first", b"second"):
        for ending in ("", "-wal", "-shm", ".lock"):
            (folder / f"jobs.db{ending}").write_bytes(b"old")
        here = script.replace("/app/data", str(folder)).replace("%s", "%N")  # a test is faster than a second
        subprocess.run(["sh", "-euc", here], input=restored, check=True)
        assert {path.name: path.read_bytes() for path in folder.glob("jobs.db*")} == {"jobs.db": restored}
    assert len(list(folder.glob("old-*/jobs.db-wal"))) == 2


def test_the_commands_are_ones_that_a_shell_understands() -> None:
    for block in blocks(PAGE, "bash"):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), block


def test_the_commands_name_what_the_chart_makes() -> None:
    made = {(item["kind"].lower(), item["metadata"]["name"]) for item in objects(helm.values_from_yaml(VALUES[0]))}
    made |= {("pod", f"{name}-0") for kind, name in made if kind == "statefulset"}
    named = re.findall(
        r"\b(job|service|statefulset|pod|persistentvolumeclaim)[/ ](?:--[a-z]+ \S+ )*(myscheduler\S*)", TEXT
    )
    executed = re.findall(r"kubectl (?:exec|logs) --namespace \S+ (myscheduler\S*)", TEXT)

    assert {kind for kind, _ in named} == {"job", "service", "statefulset", "pod", "persistentvolumeclaim"}
    assert set(named) | {("pod", name) for name in executed} <= made


def test_helm_is_called_with_charts_and_values_that_there_are() -> None:
    calls = [shlex.split(line) for line in LINES if re.match(r"helm (upgrade --install|template) ", line)]
    assert len(calls) > 4
    for _, *words in calls:
        release, chart, *rest = [word for word in words if word not in {"upgrade", "template", "--install"}]
        assert release == "myscheduler"
        assert chart in {"helm/myscheduler", "vendor/myscheduler"}
        for option, value in itertools.pairwise(rest):
            if option == "--set":
                with helm.Chart.load(CHART) as loaded:
                    loaded.validate_schema(helm.parse_set_string(value))


def test_every_page_names_the_image_of_this_version() -> None:
    pages = [page.read_text("utf-8") for page in [*PAGES, *CHART.glob("*.md")]]
    assert {tag for text in pages for tag in re.findall(r"myscheduler:(\d+\.\S*?)[`\s]", text)} == {__version__}


def test_docker_is_called_with_what_the_image_and_this_version_have() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    arguments = re.findall(r"--build-arg ([A-Z_]+)=", TEXT)
    called = re.findall(r"myscheduler:(\S+)(?: ([a-z].*?))?(?: < \S+)?$", "\n".join(LINES), re.MULTILINE)

    assert set(arguments) == {"REVISION", "CREATED", "PYTHON_IMAGE"}
    assert all(f"\nARG {name}=" in dockerfile for name in arguments)
    assert {version for version, _ in called} == {__version__}
    (Path("jobs")).mkdir()
    commands = [command.replace("/jobs", "jobs") for _, command in called if command and command != "."]
    assert [understood(command).info_name for command in commands] == ["validate", "validate"]


def test_the_commands_of_myscheduler_are_understood() -> None:
    commands = [
        found for line in LINES for found in re.findall(r"(?:^|-- (?:env \S+ )?|\| )myscheduler ([a-z][^|>;`]*)", line)
    ]
    names = {understood(command.replace("DIGEST", "0123456789ab")).command_path for command in commands}
    told = ("sync", "sync status", "validate", "token create", "db backup", "db check")
    assert names == {f"myscheduler {name}" for name in told}
    with pytest.raises(click.UsageError):
        understood("sync --aprove DIGEST")
