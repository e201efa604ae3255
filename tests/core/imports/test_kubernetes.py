"""CronJobs as fields of manifests."""

import json

import pytest

from myscheduler.core.imports.kubernetes import import_kubernetes_cronjob
from tests.support.exports import Fields, cron_job, fields_of


def kubernetes(
    container: Fields, spec: Fields | None = None, job: Fields | None = None, **settings: str
) -> tuple[Fields, list[str]]:
    text = json.dumps(cron_job({"args": ["-fm", "5", "https://x.test/a"], **container}, spec, job))
    return fields_of(import_kubernetes_cronjob(text, path="x", zone="UTC", settings=settings))


@pytest.mark.parametrize(
    ("spec", "job", "fields"),
    [
        pytest.param({}, {}, {"timezone": "UTC", "overlap": "allow"}, id="defaults"),
        pytest.param({"timeZone": "Asia/Tokyo"}, {}, {"timezone": "Asia/Tokyo"}, id="zone"),
        pytest.param({"schedule": "TZ=Asia/Tokyo @daily"}, {}, {"timezone": "Asia/Tokyo", "cron": "@daily"}, id="TZ"),
        pytest.param({"concurrencyPolicy": "Forbid"}, {}, {"overlap": "queue"}, id="Forbid"),
        pytest.param({"concurrencyPolicy": "Replace"}, {}, {"overlap": "replace"}, id="Replace"),
        pytest.param({"startingDeadlineSeconds": 60}, {}, {"misfire_grace_time": 60}, id="deadline"),
        pytest.param({"startingDeadlineSeconds": 0}, {}, {"misfire_grace_time": 1}, id="no time to start"),
        pytest.param({"suspend": True}, {}, {"paused": True}, id="suspended"),
        pytest.param(
            {}, {"backoffLimit": 4},
            {"max_retries": 4, "retry_backoff_sec": 10, "retry": {"max_delay_sec": 360}}, id="backoffLimit",
        ),
        pytest.param({}, {"backoffLimit": None}, {"max_retries": 6}, id="no backoffLimit"),
        pytest.param({}, {"activeDeadlineSeconds": 3}, {"timeout_sec": 3}, id="activeDeadlineSeconds"),
        pytest.param({}, {"activeDeadlineSeconds": 30}, {"timeout_sec": 5}, id="a longer activeDeadlineSeconds"),
    ],
)  # fmt: skip
def test_fields_of_cron_jobs(spec: Fields, job: Fields, fields: Fields) -> None:
    found, _ = kubernetes({}, spec, job)
    assert found.items() >= fields.items()


@pytest.mark.parametrize(
    ("container", "fields"),
    [
        pytest.param({"command": ["/usr/bin/curl"]}, {"target_url": "https://x.test/a"}, id="command"),
        pytest.param({"args": ["curl", "https://x.test/b"]}, {"target_url": "https://x.test/b"}, id="args with curl"),
        pytest.param({"image": "images.example.com/x/curl:8@sha256:0"}, {"target_url": "https://x.test/a"}, id="image"),
        pytest.param(
            {"command": ["sh", "-c", 'curl -d "$A" $(B)/$C'], "args": None, "env": [
                {"name": "A", "value": "a b"}, {"name": "B", "value": "https://x.test"},
                {"name": "C", "value": "$(B)c"},
            ]},
            {"target_url": "https://x.test/https://x.testc", "body": "a b"}, id="variables",
        ),
        pytest.param(
            {"args": ["-d", "it's $(A) $$(A) $(B)", "https://x.test/a"], "env": [{"name": "A", "value": '"x"'}]},
            {"body": "it's \"x\" $(A) $(B)"}, id="expansions",
        ),
        pytest.param(
            {"args": ["-d", "a=$(A.B)", "https://x.test/a"], "env": [{"name": "A.B", "value": "x y"}]},
            {"body": "a=x y"}, id="a name that no shell has",
        ),
        pytest.param(
            {"args": ["-d", "$(date)", "https://x.test/a"]}, {"body": "$(date)"}, id="no shell, no code",
        ),
    ],
)  # fmt: skip
def test_containers(container: Fields, fields: Fields) -> None:
    found, _ = kubernetes(container)
    assert found.items() >= fields.items()


def test_variables_that_are_elsewhere() -> None:
    env = [
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "api", "key": "key"}}},
        {"name": "PART", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "part"}}},
    ]
    container = {"args": ["-m", "5", "-H", "X-Key: $(KEY)", "https://x.test/$(PART)"], "env": env}
    fields, said = kubernetes(container)
    assert fields["headers"] == {"X-Key": "${secret:api-key}"}
    assert fields["target_url"] == "https://x.test/${secret:PART}"
    assert any("${secret:api-key}, which must hold the key key of the Secret api" in one for one in said)
    assert any("give it with --set PART=VALUE" in one for one in said)
    fields, said = kubernetes(container, PART="b", KEY="k")
    assert (fields["target_url"], fields["headers"]) == ("https://x.test/b", {"X-Key": "${secret:KEY}"})


@pytest.mark.parametrize(
    ("container", "spec", "job", "message"),
    [
        pytest.param({"image": "acme/app"}, {}, {}, "its image runs a program of its own", id="another image"),
        pytest.param({"command": ["python"]}, {}, {}, "runs python, which is neither", id="another program"),
        pytest.param({"command": "curl"}, {}, {}, "its command is not a list of texts", id="no list"),
        pytest.param({"command": ["sh", "-c", "if true; then curl x; fi"]}, {}, {}, "is a shell script", id="script"),
        pytest.param({"command": ["sh", "-c", "sleep 5; curl http://x"]}, {}, {}, "waits before its call", id="sleep"),
        pytest.param({"args": ["x" * 20_000]}, {}, {}, "longer than 10,000 characters", id="long"),
        pytest.param({}, {"concurrencyPolicy": "x"}, {}, "its concurrencyPolicy is none of", id="policy"),
        pytest.param({}, {}, {"parallelism": 2}, "runs several pods (parallelism)", id="pods"),
        pytest.param({}, {"schedule": "@reboot"}, {}, "when the machine starts", id="schedule"),
        pytest.param(
            {"args": ["http://$(H)/"], "env": [{"name": "H", "valueFrom": {}}]}, {}, {}, "the host of its", id="host"
        ),
        pytest.param(
            {"command": ["sh", "-c", "curl http://x.test/a; curl ftp://x.test/b"]}, {}, {}, "target_url: ", id="half"
        ),
    ],
)  # fmt: skip
def test_what_is_refused_of_cron_jobs(container: Fields, spec: Fields, job: Fields, message: str) -> None:
    fields, said = kubernetes(container, spec, job)
    assert fields == {}
    assert len(said) == 1
    assert "not imported: " in said[0]
    assert message in said[0]
