"""The chart with each set of values: Helm, Kubernetes and the pod security standard take it, its parts fit together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest

from myscheduler import __version__, settings
from tests.support import value_sets
from tests.support.charts import CHART, NAMESPACE, Object, Release, annotations, containers, environment, render, values
from tests.support.golden import expect
from tests.support.kubernetes import VERSIONS, mistakes, validator
from tests.support.pod_security import violations

GOLDEN = Path(__file__).parent / "golden"
WITHOUT_A_SCHEMA = {"HTTPRoute", "PodMonitor", "PrometheusRule", "ServiceMonitor"}
"""They are no part of Kubernetes itself: their golden files are what is known of them."""

SELECTORS = {
    "Service": lambda item: item["spec"]["selector"],
    "PodDisruptionBudget": lambda item: item["spec"]["selector"]["matchLabels"],
    "NetworkPolicy": lambda item: item["spec"]["podSelector"]["matchLabels"],
    "StatefulSet": lambda item: item["spec"]["selector"]["matchLabels"],
}
OURS = {value for name, value in vars(settings).items() if name.isupper() and isinstance(value, str)}


@pytest.fixture(params=value_sets.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def chart(name: str, chart_with_files: Path) -> Path:
    return chart_with_files if name in value_sets.WITH_FILES else CHART


@pytest.fixture
def release(name: str, chart: Path) -> Release:
    return value_sets.release(name, chart)


def unversioned(text: str) -> str:
    return text.replace(__version__, "VERSION")


def changed(release: Release, base: Release) -> str:
    """The objects of a release, those that are as in `base` by their names only."""
    told = []
    for key, text in release.documents.items():
        told.append(f"# {key}: as with the defaults\n" if base.documents.get(key) == text else text)
    gone = [f"# {key}: not there\n" for key in base.documents if key not in release.documents]
    return unversioned("---\n".join([*told, *gone]))


# --- each set of values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("oldest", [True, False])
def test_lint_has_nothing_to_say(name: str, chart: Path, oldest: bool) -> None:
    version = (VERSIONS[0] if oldest else VERSIONS[-1]).removesuffix(".0")
    told = helm.lint(chart, values(value_sets.text(name)), strict=True, kube_version=f"v{version}.0")

    assert [message["error"] for message in told["messages"]] == ["icon is recommended"]
    assert told["errors"] == []


def test_objects_are_what_kubernetes_knows(release: Release) -> None:
    found = {version: {item["kind"]: mistakes(item, version) for item in release.objects} for version in VERSIONS}

    for version, kinds in found.items():
        assert {kind for kind, told in kinds.items() if told is None} <= WITHOUT_A_SCHEMA, version
        assert {kind: told for kind, told in kinds.items() if told} == {}, version


def test_golden(name: str, release: Release) -> None:
    base = Release({}) if name == "defaults" else value_sets.release("defaults")

    expect(f"{name}.yaml", changed(release, base), GOLDEN)


def test_every_pod_meets_the_restricted_standard(release: Release) -> None:
    pods = dict(release.pods)

    assert {name: told for name, pod in pods.items() if (told := violations(pod["spec"]))} == {}
    for pod in pods.values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
        assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in containers(pod) if _is_ours(one))
    assert [item["automountServiceAccountToken"] for item in release.of("ServiceAccount")] == [False]


def _is_ours(container: Object) -> bool:
    return container["name"] in {"myscheduler", "validate", "sync-status", "git-sync"}


def test_there_is_one_scheduler_and_only_it_is_selected(release: Release) -> None:
    stateful = release.one("StatefulSet")
    labels = {name: pod["metadata"]["labels"] for name, pod in release.pods}
    scheduler = stateful["metadata"]["name"]

    assert stateful["spec"]["replicas"] == 1
    assert "volumeClaimTemplates" not in stateful["spec"]
    for item in release.objects:
        if item["kind"] in SELECTORS:
            wanted = SELECTORS[item["kind"]](item)
            assert [name for name, has in labels.items() if wanted.items() <= has.items()] == [scheduler], item["kind"]
    assert stateful["spec"]["serviceName"] == release.one("Service")["metadata"]["name"]


def test_mounts_are_folders_of_volumes_that_are_there(release: Release) -> None:
    for _, pod in release.pods:
        volumes = [volume["name"] for volume in pod["spec"].get("volumes", [])]
        mounts = [mount for one in containers(pod) for mount in one.get("volumeMounts", [])]

        assert len(set(volumes)) == len(volumes)
        assert {mount["name"] for mount in mounts} == set(volumes)
        assert [mount for mount in mounts if mount.keys() - {"name", "mountPath", "readOnly"}] == []
        for one in containers(pod):
            paths = [mount["mountPath"] for mount in one.get("volumeMounts", [])]
            assert len(set(paths)) == len(paths)
    assert "subPath" not in release.stream


def test_what_is_written_is_mounted_so(release: Release) -> None:
    """The database's folder and /tmp can be written to, all else can't; only the scheduler has a claim."""
    (service,) = [one for one in containers(release.scheduler) if one["name"] == "myscheduler"]
    free = {mount["mountPath"] for mount in service["volumeMounts"] if not mount.get("readOnly")}
    owners = [
        name
        for name, pod in release.pods
        for volume in pod["spec"].get("volumes", [])
        if "persistentVolumeClaim" in volume
    ]

    assert free <= {"/tmp", "/app/data"}  # noqa: S108
    assert owners in ([], [release.one("StatefulSet")["metadata"]["name"]])


def test_names_and_labels(name: str, release: Release) -> None:
    label = "scheduler" if name == "everything" else "myscheduler"
    for item in release.objects:
        metadata = item["metadata"]
        assert metadata["namespace"] == NAMESPACE
        assert re.fullmatch(r"demo[-a-z0-9]{0,58}", metadata["name"]) or item["kind"] == "ServiceAccount"
        assert (
            metadata["labels"]
            | {
                "app.kubernetes.io/name": label,
                "app.kubernetes.io/instance": "demo",
                "app.kubernetes.io/version": __version__,
                "app.kubernetes.io/managed-by": "Helm",
                "helm.sh/chart": f"myscheduler-{__version__}",
            }
            == metadata["labels"]
        )
        if name == "everything":
            assert (metadata["labels"]["team"], annotations(item)["example.com/owner"]) == ("ops", "ops")


def test_variables_are_those_that_are_read(release: Release) -> None:
    for _, pod in release.pods:
        for one in containers(pod):
            names = [variable["name"] for variable in one.get("env", [])]
            assert len(set(names)) == len(names)
            assert set(names) <= OURS | {"HTTPS_PROXY", "POD_IP", "GIT_SSL_CAINFO"}


def test_an_upgrade_renders_as_an_install_and_always_the_same(name: str, chart: Path, release: Release) -> None:
    again = render(value_sets.text(name), chart=chart, is_upgrade=True)

    assert again.texts == release.texts


# --- all sets together ------------------------------------------------------------------------------------------------


def test_each_kind_without_a_schema_is_known(chart_with_files: Path) -> None:
    kinds = {
        (item["apiVersion"], item["kind"])
        for name in value_sets.NAMES
        for item in value_sets.release(name, chart_with_files).objects
    }

    for version in VERSIONS:
        assert {kind for group, kind in kinds if validator(version, group, kind) is None} == WITHOUT_A_SCHEMA
    assert len(kinds) == 14


@pytest.mark.parametrize("version", VERSIONS)
def test_mistakes_are_noticed(version: str) -> None:
    stateful = value_sets.release("defaults").one("StatefulSet")
    stateful["spec"]["template"]["spec"]["containers"][0]["volumeMounts"][0]["redOnly"] = True

    assert len(mistakes(stateful, version) or ()) == 1


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(value_sets.NAMES)


GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "a", "emptyDir": {}}],
    "containers": [
        {"name": "c", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    ],
}


@pytest.mark.parametrize(
    ("pod", "container", "told"),
    [
        pytest.param({}, {}, [], id="good"),
        pytest.param({"hostNetwork": True, "hostPID": True}, {}, ["hostNetwork", "hostPID"], id="host"),
        pytest.param({"volumes": [{"name": "a", "hostPath": {"path": "/"}}]}, {}, ["volume hostPath"], id="host-path"),
        pytest.param(
            {"securityContext": {"runAsUser": 0}},
            {},
            ["runAsUser 0", "c: runAsNonRoot", "c: no seccompProfile"],
            id="root",
        ),
        pytest.param(
            {},
            {"securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}}},
            ["c: privileged", "c: allowPrivilegeEscalation", "c: capabilities drop", "c: capability SYS_ADMIN"],
            id="privileged",
        ),
        pytest.param({}, {"ports": [{"hostPort": 80}]}, ["c: hostPort 80"], id="host-port"),
        pytest.param({}, {"livenessProbe": {"httpGet": {"host": "a"}}}, ["c: livenessProbe host"], id="probe"),
        pytest.param(
            {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}},
            {},
            ["seccompProfile"],
            id="seccomp",
        ),
        pytest.param(
            {
                "securityContext": {
                    **GOOD["securityContext"],
                    "sysctls": [{"name": "kernel.msgmax", "value": "1"}],
                    "seLinuxOptions": {"user": "root"},
                }
            },
            {},
            ["sysctl kernel.msgmax", "seLinuxOptions"],
            id="kernel",
        ),
    ],
)
def test_the_judge_of_pods_notices(pod: dict[str, Any], container: dict[str, Any], told: list[str]) -> None:
    one = {**GOOD["containers"][0], **container}

    assert violations({**GOOD, **pod, "containers": [one]}) == told


# --- what the chart promises to whoever changes it --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("", "jobs: {a: {target_url: 'http://a/', cron: '@daily'}}", id="first"),
        pytest.param(
            "jobs: {a: {target_url: 'http://a/', cron: '@daily'}}",
            "jobs: {a: {target_url: 'http://b/', cron: '@daily'}, b: 'job_id: b'}\npolicy: {max_retries: 1}",
            id="edit",
        ),
    ],
)
def test_an_edit_of_jobs_changes_no_pod(before: str, after: str) -> None:
    old, new = render(before).documents, render(after).documents
    changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}

    assert changed == {
        "ConfigMap demo-myscheduler-jobs",
        "ConfigMap demo-myscheduler-validate",
        "Job demo-myscheduler-validate",
    }


@pytest.mark.parametrize(
    ("release_name", "text"),
    [
        pytest.param("r" * 53, "", id="release"),
        pytest.param("demo", f"fullnameOverride: {'f' * 63}", id="fullname"),
        pytest.param("r" * 53, f"nameOverride: {'n' * 63}", id="name"),
        pytest.param("r" * 51 + "-r", "", id="cut-at-a-dash"),
        pytest.param("my-myscheduler", "", id="chart-in-the-name"),
    ],
)
def test_names_are_short_enough(release_name: str, text: str) -> None:
    more = "\njobs: {a: {target_url: 'http://a/'}}\nextraConfigMaps: [team]"
    release = render(text + more, name=release_name)
    names = [item["metadata"]["name"] for item in release.objects]

    assert [name for name in names if len(name) > 63 or not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)] == []
    assert len(f"{release.one('StatefulSet')['metadata']['name']}-0123456789") <= 63  # Kubernetes' label of a revision
    assert len({(item["kind"], item["metadata"]["name"]) for item in release.objects}) == len(names)
    for value in _labels(release):
        assert len(value) <= 63


@pytest.mark.parametrize("word", ["123", "1e3", "0x10", "true", "null", "on"])
def test_names_that_look_like_something_else_stay_names(word: str) -> None:
    text = f"""
        nameOverride: "{word}"
        fullnameOverride: m
        serviceAccount: {{create: false, name: "{word}"}}
        apiToken: {{existingSecret: "{word}", key: "{word}"}}
        secrets: {{existingSecret: "{word}"}}
        database: {{existingSecret: "{word}", key: "{word}"}}
        existingConfigMap: "{word}"
        extraConfigMaps: ["{word}0"]
        priorityClassName: "{word}"
        ingress: {{enabled: true, className: "{word}", hosts: ["{word}.example.com"]}}
    """
    on_a_volume = f"""
        fullnameOverride: m
        persistence: {{existingClaim: "{word}", storageClass: "{word}"}}
        gitSync: {{enabled: true, repo: "a:b", path: "{word} #1", ref: "{word}", existingSecret: "{word}"}}
    """
    for release in (render(text, name=word), render(on_a_volume, name=word)):
        assert [told for item in release.objects if (told := mistakes(item, VERSIONS[-1]))] == []
        assert release.one("StatefulSet")["metadata"]["labels"]["app.kubernetes.io/instance"] == word
    (service, _) = containers(release.scheduler)
    assert environment(service)["MYSCHEDULER_JOBS_DIR"] == f"/git/current/{word} #1"


def _labels(release: Release) -> Iterator[str]:
    for item in release.objects:
        yield from item["metadata"]["labels"].values()


def test_metadata_of_the_chart() -> None:
    with helm.Chart.load(CHART) as chart:
        metadata = chart.metadata

    assert (metadata["version"], metadata["appVersion"]) == (__version__, __version__)
    assert metadata["kubeVersion"] == f">={VERSIONS[0]}-0"
    assert "scheduler of HTTP calls" in metadata["description"]
    assert (metadata["apiVersion"], metadata["type"]) == ("v2", "application")


def test_a_package_holds_what_it_needs_and_no_more(tmp_path: Path, chart_with_files: Path) -> None:
    (chart_with_files / "jobs.d/a.yaml~").write_text("left by an editor")
    archive = helm.package(chart_with_files, destination=tmp_path)
    with helm.Chart.load(archive) as chart:
        files = {one["name"] for one in chart.files}
        assert chart.schema is not None
    (chart_with_files / "jobs.d/a.yaml~").unlink()

    monitoring = {"monitoring/myscheduler.rules.yaml", "monitoring/myscheduler.json"}
    assert files - {"README.md"} == {*value_sets.FILES, *monitoring, ".helmignore"}


def test_annotations_tell_helm_what_is_kept() -> None:
    kept = render("persistence: {annotations: {helm.sh/resource-policy: delete}}").one("PersistentVolumeClaim")
    lost = render("persistence: {keep: false}").one("PersistentVolumeClaim")

    assert (annotations(kept), annotations(lost)) == ({"helm.sh/resource-policy": "keep"}, {})


@pytest.mark.parametrize(
    "name",
    [
        "defaults",
        "no-persistence",
        "insecure",
        "access",
        "access-in-git",
        "all-is-well",
        "git-public",
        "http-route",
        "disruption-budget",
    ],
)
def test_notes(name: str) -> None:
    notes = value_sets.release(name).notes

    expect(f"{name}.notes.txt", unversioned(notes), GOLDEN)
    assert ("WARNING" in notes) == (name in {"no-persistence", "insecure", "access"})


def test_a_route_without_host_names_is_warned_of() -> None:
    """The Gateway lets in any name, but the service doesn't."""
    route = "httpRoute: {enabled: true, parentRefs: [{name: public}]}\n"
    assert "the HTTPRoute has no host names" in render(route).notes
    assert "the HTTPRoute has no host names" not in render(route + "settings: {allowedHosts: [a.example]}\n").notes
