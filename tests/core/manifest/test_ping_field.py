"""`ping`: what it declares, and what it stands instead of."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.digest import digest
from myscheduler.core.job.ping import Ping
from myscheduler.core.load.forecast import forecast_specs
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.schema import manifest_schema
from myscheduler.core.manifest.writing import document, fault_of, manifest_fields
from myscheduler.core.policy.bursts import starter_of
from myscheduler.core.policy.policy import Policy, judge

DIGEST = "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
BASE = {"job_id": "a", "cron": "0 2 * * *"}
PING = {"key_sha256": DIGEST}
SCHEMA = Draft202012Validator(manifest_schema())


@pytest.mark.parametrize(
    ("grace", "seconds"), [(None, 3_600), ("PT1S", 1), ("PT90M", 5_400), ("P31D", 31 * 86_400), ("pt10m", 600)]
)
def test_it_is_read_and_written(grace: str | None, seconds: int) -> None:
    spec, complaints = declare(BASE | {"ping": PING | {"grace": grace}}, zone="UTC")
    assert (spec is not None, complaints) == (True, [])
    assert spec is not None
    assert (spec.ping, spec.target_url) == (Ping(DIGEST, timedelta(seconds=seconds)), "")
    assert spec.misfire_grace_time == seconds
    assert from_json(to_json(spec)) == spec
    assert digest(from_json(to_json(spec))) == digest(spec)
    fields = manifest_fields(spec)
    assert fields.keys() == {"job_id", "cron", "ping"}
    assert fault_of(document(fields), spec, zone="UTC") is None
    assert list(SCHEMA.iter_errors(fields)) == []


NO_PINGS = [
    pytest.param({}, ["target_url"], id="neither"),
    pytest.param({"target_url": None, "ping": None}, ["target_url"], id="both null"),
]
WRONG_PINGS = [
    pytest.param({"ping": PING, "target_url": "http://x.test/"}, ["target_url"], id="both"),
    pytest.param({"ping": PING, "method": "GET", "max_retries": 0}, ["method", "max_retries"], id="of calls"),
    pytest.param({"ping": PING, "overlap": "skip", "catchup": "none"}, ["catchup", "overlap"], id="of sending"),
    pytest.param({"ping": {"key_sha256": DIGEST.upper()}}, ["ping.key_sha256"], id="upper case"),
    pytest.param({"ping": {"key_sha256": "secret"}}, ["ping.key_sha256"], id="the key itself"),
    pytest.param({"ping": {}}, ["ping.key_sha256"], id="no key"),
    pytest.param({"ping": {"key_sha256": 1}}, ["ping.key_sha256"], id="a number"),
    pytest.param({"ping": PING | {"key": "x"}}, ["ping.key"], id="unknown"),
    pytest.param({"ping": "x"}, ["ping"], id="text"),
    pytest.param({"ping": PING | {"grace": "10m"}}, ["ping.grace"], id="no duration"),
]


@pytest.mark.parametrize(("fields", "wrong"), [*NO_PINGS, *WRONG_PINGS])
def test_what_is_wrong_is_named_by_validate_and_in_editors(fields: dict[str, Any], wrong: list[str]) -> None:
    spec, complaints = declare(BASE | fields, zone="UTC")
    assert spec is None
    assert [one.field for one in complaints] == wrong
    assert list(SCHEMA.iter_errors(BASE | fields)) != []


@pytest.mark.parametrize(("fields", "wrong"), WRONG_PINGS)
def test_a_policy_about_calls_adds_nothing(fields: dict[str, Any], wrong: list[str]) -> None:
    policy = Policy(allow_hosts=(), allow_methods=("POST",))
    _, complaints = declare(BASE | fields, zone="UTC", policies=[policy])
    assert [one.field for one in complaints] == wrong


@pytest.mark.parametrize("grace", ["PT0S", "P32D"])
def test_a_grace_has_bounds(grace: str) -> None:
    _, (complaint,) = declare(BASE | {"ping": PING | {"grace": grace}}, zone="UTC")
    assert complaint.field == "ping.grace"


def test_rules_about_calls_are_not_about_it() -> None:
    spec, _ = declare(BASE | {"ping": PING}, zone="UTC")
    assert spec is not None
    assert judge(spec, [Policy(allow_hosts=(), allow_methods=("POST",))]) == []
    now = datetime(2026, 7, 1, tzinfo=UTC)
    assert starter_of(spec, zone="UTC", created_at=now) is None
    found = forecast_specs([spec], now, 1, "UTC")
    assert (found.hosts, found.paused) == ((), 0)
