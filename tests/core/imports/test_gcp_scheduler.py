"""Jobs of Cloud Scheduler as fields of manifests."""

import json
from base64 import b64encode
from typing import Any

import pytest

from myscheduler.core.imports.gcp_scheduler import import_gcp_scheduler
from tests.support.exports import Fields, fields_of


def gcp(target: Fields | None = None, **job: Any) -> tuple[Fields, list[str]]:
    """The fields of a job of Cloud Scheduler, and what is said."""
    http = {"uri": "https://x.test/a", **(target or {})}
    written = {"name": "projects/p/locations/l/jobs/a", "schedule": "0 1 * * *", "httpTarget": http, **job}
    return fields_of(import_gcp_scheduler(json.dumps([written]), path="x", zone="UTC"))


def test_the_usual_job_of_cloud_scheduler() -> None:
    fields, said = gcp()
    assert fields == {
        "job_id": "a", "cron": "0 1 * * *", "timezone": "UTC", "target_url": "https://x.test/a", "method": "POST",
        "timeout_sec": 180,
    }  # fmt: skip
    assert len(said) == 1
    assert said[0].startswith("Cloud Scheduler also sends")


@pytest.mark.parametrize(
    ("body", "content_type", "fields"),
    [
        pytest.param(b'{"a": [1, 2.5, null]}', "application/json", {"body": {"a": [1, 2.5, None]}}, id="JSON"),
        pytest.param(b'{"a": 1, "a": 2}', "application/json", {"text": '{"a": 1, "a": 2}'}, id="a key twice"),
        pytest.param(b"1.00", "application/json", {"text": "1.00"}, id="a number as it is written"),
        pytest.param(b"{", "application/json", {"text": "{"}, id="no JSON"),
        pytest.param(b"null", "application/json", {"text": "null"}, id="null"),
        pytest.param(b"b={{ c }}", "application/x-www-form-urlencoded", {"text": "b={{ '{{' }} c }}"}, id="form"),
        pytest.param(b"${secret:a}", "text/plain", {"text": "$${secret:a}"}, id="no reference"),
        pytest.param(b"a\r\nb", "text/plain", {"base64": "YQ0KYg=="}, id="line breaks of Windows"),
        pytest.param(b"\xff\x00", "text/plain", {"base64": "/wA="}, id="bytes"),
    ],
)  # fmt: skip
def test_bodies_of_cloud_scheduler(body: bytes, content_type: str, fields: Fields) -> None:
    found, _ = gcp({"body": b64encode(body).decode(), "headers": {"Content-Type": content_type}})
    assert {name: found[name] for name in ("body", "text", "base64") if name in found} == fields
    assert found["headers"] == {"Content-Type": content_type}


@pytest.mark.parametrize(
    ("config", "fields", "told"),
    [
        pytest.param({}, None, None, id="none"),
        pytest.param({"retryCount": 0, "maxRetryDuration": "0s"}, None, None, id="zero"),
        pytest.param(
            {"retryCount": 3}, {"max_retries": 3, "retry_backoff_sec": 5, "retry": {"statuses": ["300-999"]}}, None,
            id="a count",
        ),
        pytest.param(
            {"retryCount": 5, "minBackoffDuration": "0.5s", "maxBackoffDuration": "2s", "maxDoublings": 1},
            {"max_retries": 5, "retry_backoff_sec": 0.5, "retry": {"statuses": ["300-999"], "max_delay_sec": 2}},
            "goes on doubling, also after maxDoublings (1)", id="doublings",
        ),
        pytest.param(
            {"maxRetryDuration": "40s", "minBackoffDuration": "5s"},
            {"max_retries": 3, "retry_backoff_sec": 5, "retry": {"statuses": ["300-999"]}},
            "3 retries take as long as maxRetryDuration", id="a duration",
        ),
        pytest.param(
            {"maxRetryDuration": "86400s", "minBackoffDuration": "1s", "maxBackoffDuration": "1s"},
            {"max_retries": 100, "retry_backoff_sec": 1, "retry": {"statuses": ["300-999"], "max_delay_sec": 1}},
            "100 retries take as long", id="a long duration",
        ),
    ],
)  # fmt: skip
def test_retries_of_cloud_scheduler(config: Fields, fields: Fields | None, told: str | None) -> None:
    found, said = gcp(retryConfig=config)
    assert {name: found[name] for name in ("max_retries", "retry_backoff_sec", "retry") if name in found} == (
        fields or {}
    )
    assert told is None or any(told in one for one in said)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        pytest.param({"httpTarget": None}, "has no target that is known here", id="no target"),
        pytest.param({"httpTarget": []}, "its httpTarget is not an object", id="a strange target"),
        pytest.param({"httpTarget": {"uri": "https://x", "body": "??"}}, "its body is not base64", id="body"),
        pytest.param({"httpTarget": {"uri": "ftp://x"}}, "target_url: ", id="URL"),
        pytest.param({"name": None}, "has no name", id="name"),
        pytest.param({"schedule": None}, "has no schedule", id="no schedule"),
        pytest.param({"schedule": "61 * * * *"}, "cron: minute: ", id="schedule"),
        pytest.param({"timeZone": "Asia/Tokio"}, "timezone: ", id="zone"),
        pytest.param({"attemptDeadline": "3 min"}, "its attemptDeadline is not a duration", id="deadline"),
        pytest.param({"retryConfig": {"retryCount": "3"}}, "its retryCount is not a number", id="count"),
        pytest.param({"httpTarget": None, "pubsubTarget": {"topicName": "a"}}, "its topicName is not", id="topic"),
        pytest.param({"httpTarget": None, "appEngineHttpTarget": {"relativeUri": "/"}}, "appEngineRouting", id="host"),
        pytest.param({"description": "\ue004" + "0\ue005"}, "private use area", id="markers"),
        pytest.param(
            {"httpTarget": {"uri": "https://x", "body": b64encode(b'{"\\ue0041\\ue005": 1}').decode()}},
            "private use area", id="escaped markers",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_of_cloud_scheduler(job: Fields, message: str) -> None:
    fields, said = gcp(**job)
    assert fields == {}
    assert any(message in one for one in said)


def test_shapes_of_a_list_of_cloud_scheduler() -> None:
    job = {"name": "projects/p/locations/l/jobs/a", "schedule": "0 1 * * *", "httpTarget": {"uri": "https://x.test/a"}}
    for written in (job, [job], {"jobs": [job]}):
        assert list(import_gcp_scheduler(json.dumps(written), path="x", zone="UTC").manifests) == ["a"]
    twice = import_gcp_scheduler(json.dumps([job, job]), path="x", zone="UTC")
    assert list(twice.manifests) == ["a", "a-2"]
    (problem,) = import_gcp_scheduler("a: 1", path="x", zone="UTC").problems
    assert "`gcloud scheduler jobs list --format json` prints them" in problem.message
