"""The schema of `notifications.yaml`: it accepts what is read without a problem, and marks what isn't."""

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from myscheduler.core.notifications.notifications_file import ROUTE_KEYS, read_notifications
from myscheduler.core.notifications.notifications_schema import notifications_schema
from myscheduler.core.source.snapshot import SourceFile
from tests.core.notifications.test_notifications_file import GOOD

SCHEMA = notifications_schema()


def _is_valid(text: str) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid(yaml.safe_load(text)))


def test_it_is_a_schema_of_all_keys() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert tuple(SCHEMA["properties"]["routes"]["items"]["properties"]) == ROUTE_KEYS


@pytest.mark.parametrize("text", [GOOD, "default: {channels: []}", "channels: {}\nroutes: []\ndefault: {channels: []}"])
def test_what_is_read_is_valid(text: str) -> None:
    found = read_notifications(SourceFile.of("notifications.yaml", text.encode()))
    assert (_is_valid(text), found.problems) == (True, ())


@pytest.mark.parametrize(
    "change",
    [
        ("kind: slack", "kind: slak"),
        ("kind: teams, url:", "kind: teams, uri:"),
        ("kind: teams", "kind: webhook"),
        ("language: ja", "language: jp"),
        ('from: "22:00"', 'from: "22:00h"'),
        ("days: [mon, tue]", "days: [mo]"),
        ("password: ${secret:smtp}", "password: hunter2"),
        ("port: 2525", "port: 0"),
        ("security: tls", "security: ssl"),
        ("failures: 3", "failures: 0"),
        ("remind: false", "remind: true"),
        ("channels: [mail]", "channels: mail"),
        ("match: {labels: {env: [dev, test]}}", "when: {}"),
        ("default:", "defaults:"),
    ],
)
def test_what_is_wrong_is_marked(change: tuple[str, str]) -> None:
    assert change[0] in GOOD
    text = GOOD.replace(*change)
    found: Any = read_notifications(SourceFile.of("notifications.yaml", text.encode()))
    assert (_is_valid(text), found.has_errors) == (False, True)
