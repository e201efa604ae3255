"""The real service with the variables and arguments of the rendered pod, in a folder laid out as its volumes.

After an upgrade the volumes change as the kubelet changes them, under the service that goes on.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from tests.support import value_sets
from tests.support.charts import Release, containers, environment, render
from tests.support.checkout import ROOT
from tests.support.kubelet import Kubelet
from tests.support.patience import PATIENCE
from tests.support.service import COMMAND, Service, manifest
from tests.support.service import environment as settings_of_a_process
from tests.support.target import Answer, Target

FOLDERS = ("/app/", "/git/", "/etc/myscheduler/")
GIT_1, GIT_2 = "1" * 40, "2" * 40


class Node:
    """The part of a node that the pod sees: volumes below `root`, in place of `/`."""

    def __init__(self, root: Path, release: Release) -> None:
        self.root = root
        (self.container,) = [one for one in containers(release.scheduler) if one["name"] == "myscheduler"]
        self.volumes: dict[str, Kubelet] = {}
        sources = {volume["name"]: volume for volume in release.scheduler["spec"]["volumes"]}
        for mount in sorted(self.container["volumeMounts"], key=lambda mount: str(mount["mountPath"])):
            source = sources[mount["name"]]
            folder = Path(self.within(f"{mount['mountPath']}/"))
            if "configMap" in source:
                self.volumes[source["configMap"]["name"]] = Kubelet(folder)
            elif "secret" in source:
                self.volumes[source["secret"]["secretName"]] = Kubelet(folder)
            elif folder.is_relative_to(root):
                folder.mkdir(parents=True, exist_ok=True)

    def within(self, text: str) -> str:
        for folder in FOLDERS:
            text = text.replace(folder, f"{self.root}{folder}")
        return text

    def apply(self, release: Release) -> None:
        """What an upgrade does to the volumes of own jobs."""
        self.volumes["demo-myscheduler-jobs"].write(release.files)

    def start(self, **settings: str) -> Service:
        assert tuple(self.container["args"]) == COMMAND[3:]
        told = {name: self.within(value) for name, value in environment(self.container).items()}
        return Service(self.root, **told | {"MYSCHEDULER_HOST": "127.0.0.1", "MYSCHEDULER_PORT": "0"} | settings)


def jobs(service: Service) -> dict[str, str]:
    """The target of each job."""
    return {job["job_id"]: job["target_url"] for job in service.get("/api/v1/jobs").json()["jobs"]}


def settled(service: Service, expected: dict[str, str], before: dict[str, str]) -> None:
    """The jobs become the expected ones in one step."""
    seen: list[dict[str, str]] = []

    def arrived() -> bool:
        seen.append(jobs(service))
        return seen[-1] == expected

    service.until(arrived)
    assert [state for state in seen if state not in (before, expected)] == []


OWN = "jobs: {{a: {{target_url: 'http://127.0.0.1:9/{a}', interval: {{hours: 1}}}}, {more}}}\n"
B = "b: {target_url: 'http://127.0.0.1:9/b', interval: {hours: 1}}"
C = "c: {target_url: 'http://elsewhere.test/c', interval: {hours: 1}}"
TEAM = "extraConfigMaps: [team]\n"


def test_upgrades_are_live_without_a_restart(tmp_path: Path) -> None:
    first = render(OWN.format(a="1", more=B) + TEAM)
    node = Node(tmp_path, first)
    node.apply(first)
    node.volumes["team"].write({"t.yaml": manifest("t", "http://127.0.0.1:9/t1")})
    url = "http://127.0.0.1:9"
    one = {"a": f"{url}/1", "b": f"{url}/b", "t": f"{url}/t1"}
    two = {"a": f"{url}/2", "c": "http://elsewhere.test/c", "t": f"{url}/t1"}
    three = {**two, "t": f"{url}/t2"}
    with node.start() as service:
        assert jobs(service) == one
        assert (service.job("a")["source"]["file"], service.job("t")["source"]["file"]) == ("a.yaml", "team/t.yaml")
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert service.get(node.container[probe]["httpGet"]["path"]).status_code == 200
        created_at, revision = service.job("a")["created_at"], service.sync()["last_applied_revision"]
        assert service.post("/api/v1/jobs/a/pause", json={"by": "Ada"}).status_code == 200

        node.apply(render(OWN.format(a="2", more=C) + TEAM))  # an edit, a removal, a new one
        settled(service, two, one)
        assert (service.job("a")["created_at"], service.job("a")["paused_by"]) == (created_at, "Ada")
        assert service.until(lambda: service.sync()["last_applied_revision"] != revision)

        node.volumes["team"].write({"t.yaml": manifest("t", "http://127.0.0.1:9/t2")})
        settled(service, three, two)

        node.apply(render(OWN.format(a="2", more=C) + "policy: {allow_hosts: [127.0.0.1]}\n" + TEAM))
        service.until(lambda: service.sync()["held"] == ["c"])
        assert jobs(service) == three
        node.apply(render(OWN.format(a="2", more=C) + TEAM))
        service.until(lambda: service.sync()["condition"] == "Ready")
        assert (service.sync()["problems"], service.sync()["blocked_deletion"]) == ([], None)
        assert service.text.count(" serves on ") == 1


def test_the_revision_is_the_version_of_the_configmap(tmp_path: Path) -> None:
    release = render(OWN.format(a="1", more=B))
    node = Node(tmp_path, release)
    node.apply(release)
    volume = node.volumes["demo-myscheduler-jobs"]
    with node.start() as service:
        assert service.sync()["last_applied_revision"] == f"configmap:{volume.version.removeprefix('..')}"
        node.apply(render(OWN.format(a="2", more=B)))
        expected = f"configmap:{volume.version.removeprefix('..')}"
        service.until(lambda: service.sync()["last_applied_revision"] == expected)


def test_values_without_jobs_delete_nothing_by_themselves(tmp_path: Path) -> None:
    release = render(OWN.format(a="1", more=B))
    node = Node(tmp_path, release)
    node.apply(release)
    with node.start() as service:
        assert set(jobs(service)) == {"a", "b"}
        node.apply(render("jobs: {}"))
        blocked = service.until(lambda: service.sync()["blocked_deletion"])
        assert (blocked["job_ids"], set(jobs(service))) == (["a", "b"], {"a", "b"})
        node.apply(release)
        service.until(lambda: service.sync()["condition"] == "Ready")


def test_secrets_are_rotated_without_a_restart(tmp_path: Path) -> None:
    with Target() as target:
        text = f"""
secrets: {{existingSecret: job-secrets}}
jobs:
  a: {{target_url: "{target.url("/")}", interval: {{hours: 1}}, headers: {{X-Key: "${{secret:key}}"}}}}
"""
        target.answers("/", Answer())
        release = render(text)
        node = Node(tmp_path, release)
        node.apply(release)
        node.volumes["job-secrets"].write({"key": "first"})
        with node.start() as service:

            def sent(key: str) -> bool:
                service.trigger("a")
                service.until(lambda: target.requests and service.job("a")["last_execution"]["status"] == "completed")
                return target.requests[-1].header("X-Key") == key

            service.until(lambda: sent("first"))
            node.volumes["job-secrets"].write({"key": "second", "other": "new"})
            service.until(lambda: sent("second"))


def test_git_sync_publishes(tmp_path: Path) -> None:
    """git-sync makes a work tree, swaps its link by a rename, and removes the old one later."""
    node = Node(tmp_path, value_sets.release("git-public"))
    git = tmp_path / "git"

    def publish(commit: str, target_url: str) -> None:
        folder = git / ".worktrees" / commit / "jobs.d"
        folder.mkdir(parents=True)
        (folder / "a.yaml").write_text(manifest("a", target_url), encoding="utf-8")
        (git / "tmp-link").symlink_to(f".worktrees/{commit}")
        (git / "tmp-link").rename(git / "current")

    with node.start() as service:
        assert (service.sync()["condition"], jobs(service)) == ("Stalled", {})  # nothing is cloned yet
        assert service.get("/health/ready").status_code == 200
        publish(GIT_1, "http://127.0.0.1:9/1")
        service.until(lambda: jobs(service) == {"a": "http://127.0.0.1:9/1"})
        publish(GIT_2, "http://127.0.0.1:9/2")
        settled(service, {"a": "http://127.0.0.1:9/2"}, {"a": "http://127.0.0.1:9/1"})
        assert service.sync()["last_applied_revision"] == f"git:{GIT_2}"


def test_names_of_the_chart_and_probes_come_in(tmp_path: Path) -> None:
    """The kubelet calls the pod by its address; callers use the names of Service, Ingress and HTTPRoute."""
    release = render(
        "ingress: {enabled: true, hosts: [jobs.example.com]}\n"
        "httpRoute: {enabled: true, parentRefs: [{name: public}], hostnames: ['*.apps.example.com']}\n"
        "settings: {allowedHosts: ['lb.example.net']}\n"
    )
    node = Node(tmp_path, release)
    node.apply(release)
    service_name = release.one("Service")["metadata"]["name"]
    names = [service_name, f"{service_name}.jobs", f"{service_name}.jobs.svc", f"{service_name}.jobs.svc.cluster.local"]
    names += ["jobs.example.com", "a.apps.example.com", "lb.example.net", "localhost"]
    told = {"MYSCHEDULER_HOST": environment(node.container)["MYSCHEDULER_HOST"], "MYSCHEDULER_API_TOKEN": "right"}
    with node.start(**told) as service:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = node.container[probe]["httpGet"]["path"]
            assert service.get(path, headers={"Host": "10.244.1.7:8003"}).status_code == 200
        right = {"Authorization": "Bearer right"}
        statuses = {
            name: service.get("/api/v1/sync", headers={"Host": f"{name}:8003", **right}).status_code for name in names
        }
        assert statuses == dict.fromkeys(names, 200)
        for name in ("evil.example", "other.jobs.svc", "example.com"):
            assert service.get("/api/v1/sync", headers={"Host": name, **right}).status_code == 421


ACCESS = """
access:
  oidc:
    - issuer: https://login.example.com
      audience: myscheduler
      rules: [{claim: groups, value: platform, role: admin}]
"""


# --- `helm test` ------------------------------------------------------------------------------------------------------


def _helm_test(release: Release, service: Service, token: str = "", *, wait: str = "60") -> Result:
    """The command of the test's pod, which reaches the service by its own name; it may wait for less time."""
    (container,) = release.one("Pod")["spec"]["containers"]
    told = environment(container)
    place, item = urlsplit(told["MYSCHEDULER_BASE_URL"]), release.one("Service")
    assert (place.hostname, place.port or 80) == (item["metadata"]["name"], item["spec"]["ports"][0]["port"])
    told["MYSCHEDULER_BASE_URL"] = service.url
    told |= {"MYSCHEDULER_API_TOKEN": token} if token else {}
    assert container["args"][-2:] == ["--wait", "60"]
    return CliRunner().invoke(main, [*container["args"][:-1], wait], prog_name="myscheduler", env=told)


def _broken(node: Node, service: Service) -> None:
    node.volumes["demo-myscheduler-jobs"].write({"a.yaml": "job_id: ["})
    service.until(lambda: service.sync()["condition"] == "Stalled")


@pytest.mark.parametrize(
    ("text", "change", "exit_code"),
    [
        pytest.param("", None, 0, id="fresh-without-jobs"),
        pytest.param("jobs: {a: {target_url: 'http://127.0.0.1:9/', cron: '@daily'}}", None, 0, id="with-jobs"),
        pytest.param("", _broken, 1, id="broken"),
    ],
)
def test_helm_test(text: str, change: Callable[[Node, Service], None] | None, exit_code: int, tmp_path: Path) -> None:
    release = render(text)
    node = Node(tmp_path, release)
    node.apply(release)
    with node.start() as service:
        if change:
            change(node, service)
        assert _helm_test(release, service, wait="60" if exit_code == 0 else "3").exit_code == exit_code


def test_helm_test_with_a_token(tmp_path: Path) -> None:
    release = render("apiToken: {existingSecret: api, key: t}\nservice: {port: 80}")
    node = Node(tmp_path, release)
    node.apply(release)
    expected: dict[str, Any] = {"secretKeyRef": {"name": "api", "key": "t"}}
    for container in (node.container, release.one("Pod")["spec"]["containers"][0]):
        (token,) = [one["valueFrom"] for one in container["env"] if one["name"] == "MYSCHEDULER_API_TOKEN"]
        assert token == expected
    with node.start(MYSCHEDULER_API_TOKEN="right") as service:
        assert [_helm_test(release, service, token).exit_code for token in ("right", "wrong", "")] == [0, 1, 1]


def test_helm_test_without_a_token_asks_for_health(tmp_path: Path) -> None:
    """It runs what is a file of the image, here that of the checkout."""
    release = render(f"{ACCESS}service: {{port: 80}}")
    (container,) = release.one("Pod")["spec"]["containers"]
    told = environment(container)
    assert told == {"MYSCHEDULER_HOST": release.one("Service")["metadata"]["name"], "MYSCHEDULER_PORT": "80"}
    python, *options, script = container["command"]
    words = [sys.executable, *options, ROOT / "docker" / Path(script).name]
    assert f"COPY --chmod=644 docker/health.py {script}\n" in (ROOT / "Dockerfile").read_text("utf-8")
    assert python == "python"
    node = Node(tmp_path, release)
    node.apply(release)
    with node.start() as service:
        assert service.get("/api/v1/jobs").status_code == 401
        place = urlsplit(service.url)
        told |= {"MYSCHEDULER_HOST": str(place.hostname), "MYSCHEDULER_PORT": str(place.port)}
        assert subprocess.run(words, env=told, capture_output=True, check=False).returncode == 0


# --- who may call -----------------------------------------------------------------------------------------------------


def test_a_pod_without_credentials_says_so(tmp_path: Path) -> None:
    release = render("apiToken: {required: false}")
    node = Node(tmp_path, release)
    node.apply(release)
    told = {name: node.within(value) for name, value in environment(node.container).items()}
    done = subprocess.run(
        COMMAND, cwd=tmp_path, env=settings_of_a_process(**told | {"MYSCHEDULER_PORT": "0"}),
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Error: MYSCHEDULER_HOST (--host): on 0.0.0.0, anyone who reaches the service could create" in done.stderr


@pytest.mark.parametrize(
    ("text", "more", "status"),
    [
        pytest.param("settings: {insecure: true}", {}, 200, id="insecure"),
        pytest.param(ACCESS, {}, 401, id="access.yaml"),
        pytest.param("settings: {apiTokenRole: viewer}", {"MYSCHEDULER_API_TOKEN": "right"}, 403, id="viewer"),
        pytest.param(
            "settings: {allowedClients: [192.0.2.0/24]}", {"MYSCHEDULER_API_TOKEN": "right"}, 403, id="client"
        ),
    ],
)
def test_who_may_call(text: str, more: dict[str, str], status: int, tmp_path: Path) -> None:
    release = render(text)
    node = Node(tmp_path, release)
    node.apply(release)
    with node.start(MYSCHEDULER_HOST="0.0.0.0", **more) as service:
        told = {"Authorization": "Bearer right"} if more else {}
        assert service.post("/api/v1/sync", headers=told).status_code == status
        assert service.get("/health/ready").status_code == 200
