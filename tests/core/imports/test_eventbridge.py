"""Schedules and rules of EventBridge as fields of manifests."""

import pytest

from myscheduler.core.imports.eventbridge import import_eventbridge
from tests.support.exports import Fields, rule_with, schedule


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        pytest.param({}, {"timezone": "UTC", "cron": "0 1 * * *", "body": {}}, id="defaults"),
        pytest.param({"ScheduleExpressionTimezone": "Asia/Tokyo"}, {"timezone": "Asia/Tokyo"}, id="zone"),
        pytest.param({"State": "DISABLED"}, {"paused": True}, id="disabled"),
        pytest.param(
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}, {"jitter_sec": 300}, id="window"
        ),
        pytest.param(
            {"ScheduleExpression": "rate(2 hours)", "StartDate": "2026-01-01T10:00:00+00:00"},
            {"interval": {"hours": 2}, "anchor": "2026-01-01T08:00:00+00:00"}, id="rate from a time",
        ),
        pytest.param(
            {"StartDate": 1767261600, "EndDate": "2099-01-01T10:00:00+00:00"},
            {"start_at": "2026-01-01T10:00:00+00:00", "end_at": "2099-01-01T10:00:00+00:00"}, id="bounds",
        ),
        pytest.param(
            {"ScheduleExpression": "at(2099-01-01T03:00:00)", "StartDate": "2026-01-01T10:00:00+00:00"},
            {"run_at": "2099-01-01T03:00:00"}, id="once",
        ),
        pytest.param({"GroupName": "g"}, {"labels": {"group": "g"}}, id="group"),
    ],
)  # fmt: skip
def test_fields_of_schedules(more: Fields, fields: Fields) -> None:
    found, _ = schedule(**more)
    assert found.items() >= fields.items()
    assert "start_at" in fields or "start_at" not in found


@pytest.mark.parametrize(
    ("target", "more", "message"),
    [
        pytest.param({}, {"ScheduleExpression": None}, "by `aws scheduler get-schedule`", id="from a list"),
        pytest.param({}, {"StartDate": "soon-ish"}, "its StartDate is not a time", id="no time"),
        pytest.param({}, {"StartDate": "2026-01-01"}, "its StartDate has no offset", id="no offset"),
        pytest.param({"Arn": "x"}, {}, "its target has no ARN", id="no ARN"),
        pytest.param({"Arn": "arn:aws:sqs:eu-west-1:1:q"}, {}, "calls sqs of AWS", id="a queue"),
        pytest.param({"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"}, {}, "calls ec2 of AWS", id="universal"),
        pytest.param({"Arn": "arn:aws:lambda:r:1:layer:x"}, {}, "is not a Lambda function", id="no function"),
        pytest.param({"Input": '{"n": "<aws.scheduler.attempt-number>"}'}, {}, "attempt-number", id="attempt"),
        pytest.param(
            {"Arn": "arn:aws:events:r:1:api-destination/a/1"}, {}, "what describe-api-destination prints", id="alone"
        ),
        pytest.param({"RetryPolicy": {"MaximumRetryAttempts": True}}, {}, "is not a number", id="attempts"),
    ],
)
def test_what_is_refused_of_schedules(target: Fields, more: Fields, message: str) -> None:
    fields, said = schedule(target, **more)
    assert fields == {}
    assert any(message in one for one in said)


@pytest.mark.parametrize(
    ("target", "destination", "connection", "message"),
    [
        pytest.param({"InputPath": "$.detail"}, {}, {}, "from an event (InputPath)", id="path"),
        pytest.param({"InputTransformer": {}}, {}, {}, "(InputTransformer)", id="transformer"),
        pytest.param({}, {"InvocationEndpoint": "https://x.test/*"}, {}, "don't fit the *", id="a value too few"),
        pytest.param({}, {"ConnectionArn": "arn:x/y"}, {}, "what describe-connection prints", id="no connection"),
        pytest.param({}, {}, {"AuthorizationType": "NTLM"}, "AuthorizationType that is not known", id="type"),
        pytest.param(
            {}, {}, {"AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": {"OAuthParameters": {
                "HttpMethod": "GET", "AuthorizationEndpoint": "https://x.test", "ClientParameters": {"ClientID": "i"},
            }}}, "is not called by POST", id="GET of a token",
        ),
        pytest.param(
            {}, {}, {"AuthorizationType": "OAUTH_CLIENT_CREDENTIALS", "AuthParameters": {"OAuthParameters": {
                "HttpMethod": "POST", "AuthorizationEndpoint": "https://x.test", "ClientParameters": {"ClientID": "i"},
                "OAuthHttpParameters": {"BodyParameters": [{"Key": "tenant", "Value": "t"}]},
            }}}, 'gets "tenant", which oauth2 doesn\'t have', id="more of a token",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_of_rules(target: Fields, destination: Fields, connection: Fields, message: str) -> None:
    imported = import_eventbridge(rule_with(target, destination, connection), path="x", zone="UTC")
    assert not imported.manifests
    assert any(message in one.message for one in imported.problems)


def test_targets_without_a_rule() -> None:
    (problem,) = import_eventbridge('{"Targets": [{"Arn": "a"}]}', path="x", zone="UTC").problems
    assert "targets have to follow their rule" in problem.message
