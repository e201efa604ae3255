"""Jobs on their way through the chart: what is declared arrives, and what can't is refused with what to do instead."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.cli import main
from myscheduler.core.access.access_file import read_access
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.calendars_file import read_calendars
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.core.source.yaml import read_documents
from myscheduler.core.templates.declaring import escaped
from tests.support import value_sets
from tests.support.charts import CHART, Object, Release, annotations, containers, render, values

ZONE = "Asia/Tokyo"
JOB = {"target_url": "http://a/", "cron": "@daily"}
WITH_JOBS = {
    "all-is-well": 1, "everything": 3, "extra-configmaps": 1, "job-files": 5, "jobs-as-structure": 5, "jobs-as-text": 4,
    "policy-and-calendars": 1,
}  # fmt: skip
"""How many jobs the sets of values bring."""


def source_file(path: str, text: str) -> SourceFile:
    return SourceFile.of(path, text.encode())


def specs(files: Mapping[str, str]) -> dict[str, JobSpec]:
    """What the service makes of files; all have to be good."""
    parsed = [parse_file(source_file(path, text), zone=ZONE) for path, text in files.items()]
    assert [problem.message for file in parsed for problem in file.problems] == []
    return {job.job_id: job.spec for file in parsed for job in file.jobs if job.spec}


def declared(fields: dict[str, Any]) -> JobSpec:
    spec, complaints = declare(fields, zone=ZONE)
    assert spec is not None, complaints
    return spec


@pytest.fixture(params=WITH_JOBS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def release(name: str, chart_with_files: Path) -> Release:
    return value_sets.release(name, chart_with_files if name in value_sets.WITH_FILES else CHART)


# --- what is declared arrives -----------------------------------------------------------------------------------------


def test_text_arrives_as_it_is() -> None:
    written = yaml.safe_load(value_sets.text("jobs-as-text"))["jobs"]
    files = value_sets.release("jobs-as-text").files

    assert sorted(files.values()) == sorted(written.values())
    assert {"reports.yaml", "heartbeat.yaml"} < files.keys()


def test_structures_are_the_same_jobs() -> None:
    expected = {}
    for name, job in yaml.safe_load(value_sets.text("jobs-as-structure"))["jobs"].items():
        for fields in job if isinstance(job, list) else [{"job_id": name, **job}] if job else []:
            expected[fields["job_id"]] = declared(fields)

    assert specs(value_sets.release("jobs-as-structure").files) == expected
    assert len(expected) == WITH_JOBS["jobs-as-structure"]


def test_files_of_the_chart_arrive_as_they_are(chart_with_files: Path) -> None:
    files = value_sets.release("job-files", chart_with_files).files
    unread = {"jobs.d/README.md", "jobs.d/.hidden.yaml"}

    sent = {path: text.removeprefix("\ufeff") for path, text in value_sets.FILES.items() if path not in unread}
    assert sorted([*sent.values(), files["own.yaml"]]) == sorted(files.values())
    assert files["policy.yaml"] == value_sets.FILES["jobs.d/policy.yaml"]
    assert {"jobs.d__a.yaml", "jobs.d__team__b.yaml", "more__c.yaml"} < files.keys()


def test_the_access_file_is_made_of_the_values() -> None:
    entry = f"{{name: ci, id: abcdefghij234567, hash: {'0f' * 32}, role: viewer, expires: 2027-01-01T00:00:00+09:00}}"
    for written in (f"access: {{tokens: [{entry}]}}", f"access: |\n  tokens: [{entry}]"):
        found = read_access(source_file("access.yaml", render(written).files["access.yaml"]))
        assert (found.problems, [one.name for one in found.tokens]) == ((), ["ci"])


def test_policy_and_calendars_keep_their_meaning() -> None:
    files = value_sets.release("policy-and-calendars").files
    written = yaml.safe_load(value_sets.text("policy-and-calendars"))

    assert yaml.safe_load(files["policy.yaml"]) == written["policy"]
    calendars = read_calendars(source_file("calendars.yaml", files["calendars.yaml"]))
    assert (list(calendars.known), calendars.problems) == (["company"], ())


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-(2**53), 2**53)
    | st.text()
    | st.text("\n\r\t \"'\\:#-|>&*!%@`{}[],?ay01\x7f\x85\u2028\u2029\ufeff日🎉")
    | st.sampled_from(["NO", "0123", "1:30", "*/5", "1e21", "0o14", "=", "<<", "~", "2026-01-01", "---", "{{ . }}"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8).filter(lambda key: key not in {"true", "false"}), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_every_body_arrives(body: Any) -> None:
    files = render(given={"jobs": {"日次": {**JOB, **escaped({"body": body})}}}).files

    ((_, text),) = files.items()
    (job,) = parse_file(source_file("a.yaml", text), zone=ZONE).jobs
    assert job.spec is not None
    assert (job.job_id, job.spec.body) == ("日次", body)


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.text() | st.sampled_from(["=", "<<", "NO"]) | st.text("a: \n\t-#|\x85\u2028日🎉"),
        max_size=3,
    )
)
def test_every_text_arrives(jobs: dict[str, str]) -> None:
    """In the ConfigMap and in the copy of the hook; `myscheduler validate -` reads the same."""
    try:
        release = render(given={"jobs": jobs})
    except helm.HelmRenderError as error:
        assert "rename" in str(error)  # noqa: PT017 - two names may become one, and some are reserved
        return

    assert sorted(release.files.values()) == sorted(jobs.values())
    (document,) = read_documents(release.documents["ConfigMap demo-myscheduler-jobs"])
    assert document.value["data"] == release.files
    if jobs:
        assert _of_the_hook(release) == release.files


@pytest.mark.parametrize(
    ("name", "key"),
    [
        pytest.param("daily", "daily.yaml", id="plain"),
        pytest.param("daily.yaml", "daily.yaml", id="with-an-ending"),
        pytest.param("daily.yml", "daily.yaml", id="with-the-other-ending"),
        pytest.param("team.a_B-1", "team.a_B-1.yaml", id="all-that-fits"),
        pytest.param("日次", "job-fb71713e.yaml", id="nothing-fits"),
        pytest.param("a b/c", "a-b-c-539138d5.yaml", id="some-fits"),
        pytest.param(".yaml", "job-fa1b82e8.yaml", id="an-ending-alone"),
        pytest.param("..hidden", "hidden-27b2a250.yaml", id="hidden"),
        pytest.param("x" * 300, f"{'x' * 200}-0d4e2ca9.yaml", id="long"),
    ],
)
def test_names_become_keys(name: str, key: str) -> None:
    release = render(given={"jobs": {name: JOB}})

    assert list(release.files) == [key]
    assert list(_of_the_hook(release)) == [key]
    assert all(len(key) <= 253 for item in release.of("ConfigMap") for key in item["data"])
    assert [document.value["job_id"] for document in read_documents(release.files[key])] == [name]


# --- the check before an upgrade --------------------------------------------------------------------------------------


def _of_the_hook(release: Release) -> dict[str, str]:
    """The files that the hook's Job sees."""
    data = release.one("ConfigMap", "-validate")["data"]
    (volume,) = release.one("Job")["spec"]["template"]["spec"]["volumes"]
    assert volume["configMap"]["name"] == release.one("ConfigMap", "-validate")["metadata"]["name"]
    return {item["path"]: data[item["key"]] for item in volume["configMap"]["items"]}


def _checked(release: Release, folder: Path) -> Result:
    """The command of the hook's Job, on its files in place of its volume."""
    for path, text in _of_the_hook(release).items():
        (folder / path).write_bytes(text.encode())
    pod = release.one("Job")["spec"]["template"]
    (container,) = containers(pod)
    (mount,) = container["volumeMounts"]
    arguments = [str(folder) if argument == mount["mountPath"] else argument for argument in container["args"]]
    assert str(folder) in arguments
    environment = {one["name"]: one["value"] for one in container["env"]}
    return CliRunner().invoke(main, arguments, prog_name="myscheduler", env=environment)


def test_the_hook_sees_what_the_release_brings(release: Release) -> None:
    assert _of_the_hook(release) == release.files


def test_the_hook_passes_what_is_good(name: str, release: Release, tmp_path: Path) -> None:
    result = _checked(release, tmp_path)

    assert (result.exit_code, result.output.partition(",")[0]) == (0, f"{_counted(WITH_JOBS[name])}")


def _counted(jobs: int) -> str:
    return f"{jobs} job" if jobs == 1 else f"{jobs} jobs"


WARNED = "{target_url: 'http://a/', run_at: '2020-01-01T00:00:00'}"


@pytest.mark.parametrize(
    ("text", "exit_code", "told"),
    [
        pytest.param("jobs: {a: {target_url: 'http://a/', crn: 1}}", 1, "a.yaml:1:1: error: crn: ", id="broken"),
        pytest.param("jobs: {a: 'job_id: ['}", 1, "a.yaml:2:1: error: is not YAML", id="no-yaml"),
        pytest.param("jobs: {a: {}}", 1, "target_url", id="empty"),
        pytest.param(f"jobs: {{a: {WARNED}}}", 0, "warning", id="warning"),
        pytest.param(f"jobs: {{a: {WARNED}}}\nvalidate: {{strict: true}}", 1, "warning", id="strict"),
        pytest.param(
            "jobs: {a: {target_url: 'http://a/', cron: '@daily'}}\npolicy: {allow_hosts: [b]}",
            1,
            "a is not among the hosts that ",
            id="policy",
        ),
        pytest.param(
            "jobs: {a: 'job_id: a\ntarget_url: http://a/', b: 'job_id: a\ntarget_url: http://a/'}", 1, "a", id="double"
        ),
    ],
)
def test_the_hook_stops_what_is_broken(text: str, exit_code: int, told: str, tmp_path: Path) -> None:
    result = _checked(render(text), tmp_path)

    assert result.exit_code == exit_code, result.output
    assert told in result.output


def test_the_hook_stands_alone(release: Release) -> None:
    """It runs before the objects of the release are there. Helm deletes it, but for the Job of a check that failed."""
    copy, job = release.hooks("pre-install")
    spec = job["spec"]["template"]["spec"]

    assert release.hooks("pre-upgrade") == [copy, job]
    assert (copy["kind"], job["kind"]) == ("ConfigMap", "Job")
    assert int(annotations(copy)["helm.sh/hook-weight"]) < int(annotations(job)["helm.sh/hook-weight"])
    assert set(annotations(copy)["helm.sh/hook-delete-policy"].split(",")) == {
        "before-hook-creation",
        "hook-succeeded",
        "hook-failed",
    }
    assert set(annotations(job)["helm.sh/hook-delete-policy"].split(",")) == {"before-hook-creation", "hook-succeeded"}
    assert "serviceAccountName" not in spec
    assert [volume.keys() for volume in spec["volumes"]] == [{"name", "configMap"}]
    assert (spec["restartPolicy"], job["spec"]["backoffLimit"]) == ("Never", 0)
    assert all("valueFrom" not in one for one in containers(job["spec"]["template"])[0]["env"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="no-jobs"),
        pytest.param("jobs: {a: {target_url: 'http://a/', crn: 1}}\nvalidate: {enabled: false}", id="off"),
        *(
            pytest.param(value_sets.text(name), id=name)
            for name in ("existing-configmap", "git-public", "git-ssh", "git-token")
        ),
    ],
)
def test_there_is_no_hook(text: str) -> None:
    assert {item["kind"] for item in render(text).objects if "helm.sh/hook" in annotations(item)} == {"Pod"}


# --- `helm template | myscheduler validate -` -------------------------------------------------------------------------


def _validated(stream: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["validate", "-", "--format", "json"], input=stream, env={"TZ": ZONE})
    return result.exit_code, json.loads(result.stdout)


def test_what_helm_prints_can_be_validated(name: str, release: Release) -> None:
    assert _validated(release.stream) == (0, {"valid": True, "jobs": WITH_JOBS[name], "problems": []})


def test_a_mistake_is_found_in_what_helm_prints() -> None:
    stream = render(
        "jobs: {good: {target_url: 'http://a/', cron: '@daily'}, 日次: {target_url: 'http://a/', crn: 1}}"
    ).stream
    exit_code, told = _validated(stream)
    (problem,) = told["problems"]

    assert (exit_code, told["jobs"], problem["field"]) == (1, 1, "crn")
    assert stream.splitlines()[problem["line"] - 1].strip() == "crn: 1"


# --- ConfigMaps of others ---------------------------------------------------------------------------------------------


def _mount_of(item: Object, path: str) -> Object:
    mounts: list[Object] = containers(item)[-1]["volumeMounts"]
    return next(mount for mount in mounts if mount["mountPath"] == path)


def test_each_configmap_is_a_folder_of_its_own() -> None:
    release = value_sets.release("extra-configmaps")
    names = values(value_sets.text("extra-configmaps"))["extraConfigMaps"]
    volumes = {volume["name"]: volume for volume in release.scheduler["spec"]["volumes"]}
    mounted = {name: _mount_of(release.scheduler, f"/app/jobs.d/{name}") for name in names}

    assert {name: volumes[mount["name"]]["configMap"] for name, mount in mounted.items()} == {
        name: {"name": name} for name in names
    }
    assert all(len(volume) <= 63 and "." not in volume for volume in volumes)
