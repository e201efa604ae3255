"""Exports of other schedulers, and the fields of what they become."""

import json
from typing import Any

from myscheduler.core.crontab.collecting import Imported
from myscheduler.core.findings.problem import Severity
from myscheduler.core.imports.eventbridge import import_eventbridge
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.core.source.yaml import read_documents

Fields = dict[str, Any]


def fields_of(imported: Imported) -> tuple[Fields, list[str]]:
    said = [one.message for one in imported.problems]
    if not imported.manifests:
        return {}, said
    (text,) = imported.manifests.values()
    parsed = parse_file(SourceFile.of("x.yaml", text.encode()), zone="UTC")
    assert [one for one in parsed.problems if one.severity is Severity.ERROR] == []
    (document,) = read_documents(text)
    return document.value, said


def cron_job(container: Fields, spec: Fields | None = None, job: Fields | None = None) -> Fields:
    pod = {"template": {"spec": {"containers": [{"name": "a", "image": "curlimages/curl", **container}]}}}
    return {
        "kind": "CronJob",
        "metadata": {"name": "a"},
        "spec": {
            "schedule": "@daily",
            "jobTemplate": {"spec": {"backoffLimit": 0, **pod, **(job or {})}},
            **(spec or {}),
        },
    }


LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:f"


def schedule(target: Fields | None = None, **more: Any) -> tuple[Fields, list[str]]:
    written = {
        "Name": "a",
        "Arn": "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/a",
        "ScheduleExpression": "cron(0 1 * * ? *)",
        "Target": {"Arn": LAMBDA, "Input": "{}", "RetryPolicy": {"MaximumRetryAttempts": 0}, **(target or {})},
        **more,
    }
    return fields_of(import_eventbridge(json.dumps(written), path="x", zone="UTC"))


def rule_with(target: Fields, destination: Fields, connection: Fields) -> str:
    arn = "arn:aws:events:eu-west-1:1:"
    usual = {"Id": "1", "Arn": f"{arn}api-destination/d/11", "RetryPolicy": {"MaximumRetryAttempts": 0}}
    parts = [
        {"Name": "r", "Arn": f"{arn}rule/r", "ScheduleExpression": "cron(0 1 * * ? *)", "State": "ENABLED"},
        {"Targets": [{**usual, **target}]},
        {"ApiDestinationArn": f"{arn}api-destination/d/11", "ConnectionArn": f"{arn}connection/c/22", "Name": "d",
         "InvocationEndpoint": "https://x.test/a", "HttpMethod": "POST", **destination},
        {"ConnectionArn": f"{arn}connection/c/22", "Name": "c", "AuthorizationType": "API_KEY",
         "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key"}}, **connection},
    ]  # fmt: skip
    return "\n---\n".join(map(json.dumps, parts))
