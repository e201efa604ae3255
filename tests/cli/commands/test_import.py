"""`myscheduler import`: whole outputs of realistic exports, and what the jobs really send."""

import json
import os
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.cli import main
from myscheduler.core.findings.problem import Severity
from myscheduler.core.imports.eventbridge import import_eventbridge
from myscheduler.core.imports.gcp_scheduler import import_gcp_scheduler
from myscheduler.core.imports.kubernetes import import_kubernetes_cronjob
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.core.source.yaml import read_documents
from tests.support.exports import cron_job, rule_with, schedule
from tests.support.golden import FOLDER, expect
from tests.support.patience import PATIENCE
from tests.support.sent_calls import in_short, send
from tests.support.target import Answer, Received, Target

EXPORTS = {"gcp-scheduler": "gcp.json", "kubernetes-cronjob": "cronjobs.yaml", "eventbridge": "eventbridge.yaml"}


def run(*arguments: str, stdin: str | bytes | None = None, **env: str) -> Result:
    return CliRunner(env=env).invoke(main, list(arguments), input=stdin, prog_name="myscheduler")


def exported(kind: str) -> str:
    return (FOLDER / "imports" / EXPORTS[kind]).read_text("utf-8")


@pytest.mark.parametrize("kind", EXPORTS)
def test_whole_exports(kind: str) -> None:
    Path(EXPORTS[kind]).write_text(exported(kind), encoding="utf-8")
    result = run("import", kind, EXPORTS[kind])
    assert result.exit_code == 1
    expect(f"imports/{kind}.manifests.yaml", result.stdout)
    expect(f"imports/{kind}.told.txt", result.stderr)
    assert "hunter2" not in result.output


@pytest.mark.parametrize("kind", EXPORTS)
def test_their_manifests_are_valid(kind: str) -> None:
    result = run("import", kind, "-", "--output", "jobs.d", stdin=exported(kind))
    assert result.stdout == ""
    validated = run("validate", "jobs.d")
    assert validated.exit_code == 0
    assert len(list(Path("jobs.d").iterdir())) == int(validated.stdout.splitlines()[-1].split()[0])


@pytest.mark.parametrize("kind", EXPORTS)
def test_what_is_no_export(kind: str) -> None:
    result = run("import", kind, "-", stdin='{"a": [1, 2}')
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("<stdin>:1:12: error: ")
    assert run("import", kind, "missing").exit_code == 2
    assert run("import", kind).exit_code == 2
    assert "is not UTF-8" in run("import", kind, "-", stdin="日".encode("cp932")).stderr
    deep = run("import", kind, "-", stdin="[" * 5_000)
    assert deep.exit_code == 1
    assert len(deep.stderr) < 2_000


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_that_is_too_large(kind: str) -> None:
    result = run("import", kind, "/dev/zero")
    assert (result.exit_code, result.stderr) == (1, "Error: /dev/zero is larger than 10 MiB: import it in parts\n")


def test_nothing_to_import() -> None:
    for kind, text in (("gcp-scheduler", "[]"), ("kubernetes-cronjob", "kind: Pod"), ("eventbridge", "[]")):
        result = run("import", kind, "-", stdin=text)
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "warning: no jobs found\n")


def test_help_names_the_three() -> None:
    assert all(kind in run("import", "--help").stdout for kind in EXPORTS)


def test_the_zone_of_the_cluster() -> None:
    result = run("import", "kubernetes-cronjob", "-", "--timezone", "Asia/Tokyo", stdin=exported("kubernetes-cronjob"))
    assert "job_id: ping\ninterval:\n  minutes: 10\ntimezone: Asia/Tokyo\n" in result.stdout
    assert run("import", "kubernetes-cronjob", "-", "--timezone", "Tokyo", stdin="").exit_code == 2


# --- what the jobs send ---


def sent_by(manifests: str, target: Target, **env: str) -> Received:
    """The last request to the target after the job of the manifests was run by hand."""
    Path("jobs.yaml").write_text(manifests, encoding="utf-8")
    result = run("run", "jobs.yaml", **env)
    assert result.exit_code == 0, result.output
    return target.requests[-1]


def test_a_job_of_cloud_scheduler_calls_with_its_token() -> None:
    with Target() as target:
        token = ".".join(b64encode(part).decode() for part in (b'{"alg":"none"}', b'{"exp": 4102444800}', b"x"))
        path = "/computeMetadata/v1/instance/service-accounts/default/identity"
        target.answers(path, Answer(body=token.encode()))
        job = {
            "name": "projects/p/locations/l/jobs/a",
            "schedule": "0 1 * * *",
            "httpTarget": {
                "uri": target.url("/run?a=1"),
                "body": b64encode('{"a": "日"}'.encode()).decode(),
                "headers": {"Content-Type": "application/json"},
                "oidcToken": {"serviceAccountEmail": "s@p.iam.gserviceaccount.com", "audience": "https://aud.test"},
            },
        }
        imported = import_gcp_scheduler(json.dumps([job]), path="x", zone="UTC")
        host = target.url("").removeprefix("http://").rstrip("/")
        request = sent_by("".join(imported.manifests.values()), target, GCE_METADATA_HOST=host)
        asked = target.requests[0]
    assert asked.target.startswith(f"{path}?audience=https%3A%2F%2Faud.test")
    assert (request.method, request.target, json.loads(request.body)) == ("POST", "/run?a=1", {"a": "日"})
    assert request.header("Authorization") == f"Bearer {token}"


SCRIPT = """set -e
DAY=$(date -u +%F)
curl -fsS -X PUT -H "X-Key: $KEY" -H 'Content-Type: application/json' \\
  -d '{"region": "'"$REGION"'", "cost": "$(COST)"}' "$BASE/days/$DAY"
"""


def test_a_cron_job_sends_what_its_container_sends() -> None:
    with Target() as target:
        env = {"REGION": "東京 1", "COST": "$5", "BASE": target.url("").rstrip("/")}
        written = [{"name": name, "value": value.replace("$", "$$")} for name, value in env.items()]
        secret = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "api", "key": "key"}}}
        container = {"command": ["sh", "-c", SCRIPT], "env": [secret, *written]}
        imported = import_kubernetes_cronjob(json.dumps(cron_job(container)), path="x", zone="UTC")
        (text,) = imported.manifests.values()
        subprocess.run(
            ["sh", "-c", SCRIPT.replace("$(COST)", env["COST"])], check=True, timeout=PATIENCE, capture_output=True,
            env={"PATH": os.defpath, "KEY": "k-1", **env},
        )  # fmt: skip
        anyio.run(send, text, {"api-key": "k-1"})
        wanted, sent = target.requests
    assert in_short(sent) == in_short(wanted)


def test_a_rule_calls_its_api_destination() -> None:
    with Target() as target:
        target.answers("/token", Answer(body=b'{"access_token": "t-1", "expires_in": 60, "token_type": "Bearer"}'))
        connection = {
            "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
            "AuthParameters": {
                "OAuthParameters": {
                    "HttpMethod": "POST",
                    "AuthorizationEndpoint": target.url("/token"),
                    "ClientParameters": {"ClientID": "i"},
                },
                "InvocationHttpParameters": {"HeaderParameters": [{"Key": "X-Tenant", "IsValueSecret": True}]},
            },
        }
        endpoint = {"InvocationEndpoint": target.url("/api/*/sync")}
        http = {"PathParameterValues": ["jp"], "QueryStringParameters": {"full": "1"}}
        imported = import_eventbridge(rule_with({"HttpParameters": http}, endpoint, connection), path="x", zone="UTC")
        secrets = {"MYSCHEDULER_SECRET_C_CLIENT_SECRET": "s-1", "MYSCHEDULER_SECRET_C_X_TENANT": "t-9"}
        request = sent_by("".join(imported.manifests.values()), target, **secrets)
    body = json.loads(request.body)
    assert (request.method, request.target) == ("POST", "/api/jp/sync?full=1")
    assert (request.header("Authorization"), request.header("X-Tenant")) == ("Bearer t-1", "t-9")
    assert (body["detail-type"], body["source"], body["detail"]) == ("Scheduled Event", "aws.events", {})
    assert body["time"].endswith("Z")


def test_a_schedule_invokes_its_function() -> None:
    with Target() as target:
        fields, _ = schedule({"Input": '{"at": "<aws.scheduler.scheduled-time>"}'})
        fields["target_url"] = target.url("/") + fields["target_url"].partition("amazonaws.com/")[2]
        secrets = {"MYSCHEDULER_SECRET_AWS_ACCESS_KEY_ID": "id-1", "MYSCHEDULER_SECRET_AWS_SECRET_ACCESS_KEY": "key-1"}
        request = sent_by(json.dumps(fields), target, **secrets)
    assert request.target == "/2015-03-31/functions/f/invocations"
    assert request.header("X-Amz-Invocation-Type") == "Event"
    assert (request.header("Authorization") or "").startswith("AWS4-HMAC-SHA256 Credential=id-1/")
    assert json.loads(request.body)["at"].endswith("Z")


# --- laws ---

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.sampled_from(["", "a", "@daily", "{{ x }}", "${a", "180s"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["name", "uri", "headers", "spec", "Arn", "Targets", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@cache
def documents_of(kind: str) -> list[Any]:
    return [one.value for one in read_documents(exported(kind))]


def changed(value: Any, path: list[int], new: Any) -> Any:
    """The value with one of its parts replaced."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    first, *rest = path
    if isinstance(value, list):
        at = first % len(value)
        return [*value[:at], changed(value[at], rest, new), *value[at + 1 :]]
    key = list(value)[first % len(value)]
    return {**value, key: changed(value[key], rest, new)}


@pytest.mark.parametrize("kind", EXPORTS)
@given(path=st.lists(st.integers(0, 9), max_size=9), new=_VALUES)
def test_whatever_the_export_the_manifests_are_valid(kind: str, path: list[int], new: Any) -> None:
    importing: Mapping[str, Any] = {
        "gcp-scheduler": import_gcp_scheduler,
        "kubernetes-cronjob": import_kubernetes_cronjob,
        "eventbridge": import_eventbridge,
    }
    documents = documents_of(kind)
    written = changed(documents, path, new)
    text = "\n---\n".join(map(json.dumps, written if isinstance(written, list) else [written]))
    found = importing[kind](text, path="x", zone="UTC")
    parsed = parse_file(SourceFile.of("x.yaml", "---\n".join(found.manifests.values()).encode()), zone="UTC")
    assert [one for one in parsed.problems if one.severity is Severity.ERROR] == []
    assert [job.job_id for job in parsed.jobs] == list(found.manifests)
