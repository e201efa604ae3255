"""What the chart refuses while it renders: each with where, and what to do instead."""

import shutil
from pathlib import Path

import helm_python as helm
import pytest

from tests.support.charts import render

MIB = 1024 * 1024
OWN = "jobs: {a: {target_url: 'http://a/', cron: '@daily'}}"
GIT = "gitSync: {{enabled: true, repo: {0}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "jobs: {a: {}, a.yaml: {}}",
            'jobs: "a.yaml" becomes the file a.yaml, and so does another name: rename one of them',
            id="one-key",
        ),
        *(
            pytest.param(
                f"jobs: {{{name}: {{}}}}",
                f'jobs: "{name}" would become the file {name.partition(".")[0]}.yaml, which is reserved: '
                "rename the job, or use `policy:`, `access:`, `notifications:` or `calendars:` at the top of the "
                "values",
                id=f"reserved-{name}",
            )
            for name in ("policy", "access", "notifications", "calendars.yml", "targets.yaml")
        ),
        pytest.param(
            "jobs: {a: {body: {x: 1, y: 2}}}",
            'jobs: "a" has the key true, which YAML 1.1 makes of y, n, yes, no, on and off: quote it in the values, or '
            "write the manifest as text",
            id="key-y",
        ),
        pytest.param("jobs: {a: [{job_id: a}, {off: 1}]}", 'jobs: "a" has the key false', id="key-off"),
        pytest.param("calendars: {no: {}}", "calendars has the key false", id="key-no"),
        pytest.param(
            "jobFiles: [nowhere/*.yaml]",
            'jobFiles: "nowhere/*.yaml" matches no .yaml or .yml file of the chart: write paths '
            "from the chart's root, such as jobs.d/*.yaml, and check .helmignore",
            id="no-match",
        ),
        pytest.param("jobFiles: [jobs.d/*.md]", 'jobFiles: "jobs.d/*.md" matches no .yaml', id="no-yaml"),
        pytest.param("jobFiles: [latin.yaml]", "jobFiles: latin.yaml is not UTF-8: save it as UTF-8", id="not-utf8"),
        pytest.param(
            "jobFiles: [jobs.d/*.yaml, other/policy.yaml]",
            "jobFiles: other/policy.yaml becomes the file policy.yaml, and so does another "
            "file or job: rename one of them",
            id="two-policies",
        ),
        pytest.param(
            "jobFiles: [jobs.d/a.yaml]\njobs: {jobs.d__a: 'job_id: b'}",
            "jobFiles: jobs.d/a.yaml becomes the file jobs.d__a.yaml, and so does another "
            "file or job: rename one of them",
            id="file-and-job",
        ),
        pytest.param(
            "jobFiles: [jobs.d/*.yaml]\npolicy: {max_retries: 1}",
            "policy: jobFiles already contain a policy.yaml: keep one of the two",
            id="policy-twice",
        ),
        pytest.param(
            f"{OWN}\nexistingConfigMap: other",
            "existingConfigMap replaces jobs, jobFiles, policy, access, notifications and calendars: use one or "
            "the other, or list the ConfigMap in extraConfigMaps",
            id="own-and-existing",
        ),
        *(
            pytest.param(
                f"{GIT.format('https://x/y')}\n{other}",
                "gitSync replaces jobs, jobFiles, policy, access, notifications, calendars, existingConfigMap and "
                "extraConfigMaps: use one or the other",
                id=f"git-and-{other.partition(':')[0]}",
            )
            for other in (
                OWN,
                "existingConfigMap: a",
                "extraConfigMaps: [a]",
                "policy: {max_retries: 1}",
                "access: {tokens: []}",
            )
        ),
        pytest.param("gitSync: {enabled: true}", "gitSync.enabled needs gitSync.repo", id="no-repo"),
        pytest.param(
            GIT.format("https://ada:hunter2@x/y"),
            "gitSync.repo holds a user or a password, which everybody could read in the pod: write gitSync.username, "
            "and put the password into a Secret that gitSync.existingSecret names",
            id="password",
        ),
        *(
            pytest.param(GIT.format(repo), "gitSync.repo holds a user or a password", id=f"credentials-{number}")
            for number, repo in enumerate(["https://ghp_0123@x/y", "HTTPS://a:b@x/y", "ssh://git:secret@x/y"])
        ),
        pytest.param(
            "gitSync: {enabled: true, repo: 'https://x/y', period: 0m0s}",
            "gitSync.period is zero",
            id="period",
        ),
        pytest.param(
            "gitSync: {enabled: true, repo: 'https://x/y', existingSecret: a, username: ''}",
            "gitSync.username is empty",
            id="no-user",
        ),
        pytest.param(
            "existingConfigMap: a\nextraConfigMaps: [b, a]",
            "existingConfigMap: a is among extraConfigMaps, too",
            id="one-configmap-twice",
        ),
        pytest.param(
            "extraConfigMaps: [a.yaml]",
            "extraConfigMaps: a.yaml would be a folder with the name of a file",
            id="folder-like-a-file",
        ),
        pytest.param(
            "jobFiles: [other/**]",
            "jobFiles: other/team/Policy.yml is allowed at the root of the manifests only: move it there",
            id="policy-of-a-team",
        ),
        pytest.param(
            "persistence: {enabled: false, existingClaim: a}",
            "persistence.existingClaim is not used while persistence.enabled is false",
            id="claim-without-persistence",
        ),
        *(
            pytest.param(f"fullnameOverride: {name}", f'"{name}" can\'t name a Service', id=f"service-{name}")
            for name in ("0a", "9-lives")
        ),
        pytest.param(
            "extraEnv: [{name: A, value: a}, {name: A, value: b}]", "extraEnv: A is set twice: keep one", id="env-twice"
        ),
        *(
            pytest.param(
                GIT.format(repo),
                "gitSync.repo is reached by SSH, which needs gitSync.existingSecret with the keys ssh and known_hosts",
                id=f"ssh-{number}",
            )
            for number, repo in enumerate(["git@x:y.git", "ssh://git@x/y", "git+ssh://git@x/y"])
        ),
        pytest.param(
            "gitSync: {enabled: true, repo: 'https://x/y', path: a/../../b}",
            "gitSync.path is outside of the repository: write a folder in it, without ..",
            id="path",
        ),
        pytest.param(
            "service: {nodePort: 30003}",
            "service.nodePort needs service.type NodePort or LoadBalancer",
            id="node-port",
        ),
        pytest.param(
            "ingress: {enabled: true}",
            "ingress.enabled needs ingress.hosts: without a host name the API would answer for every one",
            id="no-hosts",
        ),
        pytest.param(
            "httpRoute: {enabled: true}",
            "httpRoute.enabled needs httpRoute.parentRefs: the Gateways that the route is for",
            id="no-gateway",
        ),
        *(
            pytest.param(
                f"extraEnv: [{{name: {name}, value: a}}]",
                f"extraEnv: {name} is set by the chart: use settings, database, apiToken or sessionSecret",
                id=name,
            )
            for name in (
                "TZ",
                "DATABASE_URL",
                "MYSCHEDULER_API_TOKEN",
                "MYSCHEDULER_JOBS_DIR",
                "MYSCHEDULER_SESSION_SECRET",
                "MYSCHEDULER_INSECURE",
            )
        ),
        *(
            pytest.param(
                text,
                "the API needs credentials, else the service does not start. Create a token, and set "
                "apiToken.existingSecret to demo-myscheduler-token:\n  kubectl create secret generic --namespace jobs "
                'demo-myscheduler-token --from-literal=token="$(openssl rand -hex 32)"\n',
                id=f"no-credentials-{text}",
            )
            for text in ("apiToken: {}", "apiToken: {required: true}", "settings: {insecure: false}", "access: {}")
        ),
        *(
            pytest.param(
                f"settings: {{insecure: true}}\n{other}",
                "settings.insecure is true, so apiToken.existingSecret and access would have no effect: keep one or",
                id=f"insecure-and-{other.partition(':')[0]}",
            )
            for other in ("apiToken: {existingSecret: a}", "access: {tokens: []}")
        ),
    ],
)
def test_refusals(text: str, message: str, chart_with_files: Path, tmp_path: Path) -> None:
    chart = tmp_path / "myscheduler"
    shutil.copytree(chart_with_files, chart)
    (chart / "latin.yaml").write_bytes("job_id: café".encode("latin-1"))
    (chart / "other").mkdir()
    (chart / "other/policy.yaml").write_text("max_retries: 2")
    (chart / "other/team").mkdir()
    (chart / "other/team/Policy.yml").write_text("max_retries: 3")
    with pytest.raises(helm.HelmRenderError) as refused:
        render(text, chart=chart)

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        pytest.param("#" * MIB, MIB, id="all"),
        pytest.param("#" * (MIB + 1), MIB + 1, id="one-more"),
        pytest.param("#" + "日" * (MIB // 3), MIB, id="japanese"),
        pytest.param("#a" + "日" * (MIB // 3), MIB + 1, id="japanese-one-more"),
    ],
)
def test_a_configmap_takes_one_mebibyte(text: str, size: int) -> None:
    """Kubernetes counts the bytes of all values together."""
    half = len(text) // 2
    given = {"jobs": {"a": text[:half], "b": text[half:]}, "validate": {"enabled": False}}
    assert len(text.encode()) == size
    if size == MIB:
        assert "".join(render(given=given).files.values()) == text
        return
    with pytest.raises(helm.HelmRenderError) as refused:
        render(given=given)

    assert (
        f"the manifests of jobs, jobFiles, policy, access, notifications and calendars are {size} bytes, "
        f"and a ConfigMap takes {MIB}: "
        "put them into several ConfigMaps of your own (extraConfigMaps), or into a git repository (gitSync)"
    ) in str(refused.value)
