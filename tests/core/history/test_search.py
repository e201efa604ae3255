"""Which jobs a list of executions is about."""

from datetime import UTC, datetime

import pytest

from myscheduler.core.calls.hosts import host_key
from myscheduler.core.history.search import chosen_jobs
from tests.support.parts import job

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
JOBS = [
    job("a", NOW, target_url="https://API.example.com:443/run", labels={"team": "billing", "tier": "gold"}),
    job("b", NOW, target_url="http://10.0.0.1:8080/", labels={"team": "billing"}),
    job("c", NOW, target_url="https://api.example.com/other"),
]


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        pytest.param({}, None, id="all"),
        pytest.param({"job_ids": ["a", "gone"]}, {"a", "gone"}, id="by id, also those that are gone"),
        pytest.param({"job_ids": []}, set(), id="none"),
        pytest.param({"labels": {"team": "billing"}}, {"a", "b"}, id="a label"),
        pytest.param({"labels": {"team": "billing", "tier": "gold"}}, {"a"}, id="both labels"),
        pytest.param({"labels": {"team": "none"}}, set(), id="a label that no job has"),
        pytest.param({"host": "api.example.com"}, {"a", "c"}, id="a host"),
        pytest.param({"host": "10.0.0.1:8080"}, {"b"}, id="a host with its port"),
        pytest.param({"host": "api.example.com", "job_ids": ["b", "c"]}, {"c"}, id="a host, of some"),
    ],
)
def test_chosen(asked: dict[str, object], chosen: set[str] | None) -> None:
    given = {"job_ids": None, "labels": {}, "host": None} | asked
    found = chosen_jobs([(one, host_key(one.spec.target_url)) for one in JOBS], **given)  # type: ignore[arg-type]
    assert found == chosen
