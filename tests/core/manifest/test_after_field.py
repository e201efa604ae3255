"""`after`, `requires` and `extract`: what they declare, and what is refused."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from myscheduler.core.findings.problem import Severity
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.manifest.after_fields import MOST_EDGES, MOST_EXTRACTED, MOST_REQUIRED
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.schema import manifest_schema
from myscheduler.core.manifest.writing import document, fault_of, manifest_fields
from tests.support.chains import after

BASE = {"job_id": "x", "target_url": "http://x.test/"}
SLOTS = BASE | {"cron": "0 2 * * *"}
A, B = {"job": "a"}, {"job": "b", "on": "always"}
SCHEMA = Draft202012Validator(manifest_schema())


@pytest.mark.parametrize(
    ("fields", "declared"),
    [
        pytest.param({"after": [A]}, after("a"), id="one"),
        pytest.param({"after": [A], "schedule_type": "after"}, after("a"), id="said twice"),
        pytest.param({"after": [A, B], "join": "any"}, after("a", "b:always", join="any"), id="any"),
        pytest.param({"after": [A], "if_skipped": "run"}, after("a", if_skipped="run"), id="bypass"),
        pytest.param(
            {"after": [A], "when": {"job": "a", "json": {"/rows": {"gt": 0}}}}, after("a", when="a"), id="condition"
        ),
        pytest.param({"after": [A], "overlap": "queue", "max_instances": 2}, after("a"), id="overlap"),
        pytest.param({"after": [A], "end_at": "2030-01-01T00:00:00Z"}, after("a"), id="end_at"),
        pytest.param(
            {"after": [A], "blackout": [{"cron": "0 2 * * *", "duration": "PT1H"}]}, after("a"), id="blackout"
        ),
        pytest.param({"after": [A], "timezone": "Europe/Berlin"}, after("a"), id="zone"),
        pytest.param({"after": [A], "extract": {"rows": "/rows"}}, after("a"), id="extract"),
    ],
)
def test_it_is_read_and_written(fields: dict[str, Any], declared: DeclaredAfter) -> None:
    spec, complaints = declare(BASE | fields, zone="UTC")
    assert complaints == []
    assert spec is not None
    assert spec.schedule == declared
    written = manifest_fields(spec)
    assert fault_of(document(written), spec, zone="UTC") is None
    assert list(SCHEMA.iter_errors(written)) == []


WHEN = {"job": "a", "json": {"/rows": 1}}
OF_SHAPE = [
    pytest.param(BASE | {"after": []}, ["after"], id="no edges"),
    pytest.param(BASE | {"after": [{"job": f"a{n}"} for n in range(MOST_EDGES + 1)]}, ["after"], id="too many edges"),
    pytest.param(BASE | {"after": ["a"]}, ["after.0"], id="an id alone"),
    pytest.param(BASE | {"after": [{}]}, ["after.0.job"], id="no job"),
    pytest.param(BASE | {"after": [{"job": ""}]}, ["after.0.job"], id="empty"),
    pytest.param(BASE | {"after": [{"job": "a", "on": "completed"}]}, ["after.0.on"], id="not an outcome"),
    pytest.param(BASE | {"after": [A | {"if": 1}]}, ["after.0.if"], id="unknown key"),
    pytest.param(BASE | {"after": [A], "join": "some"}, ["join"], id="join"),
    pytest.param(BASE | {"after": [A], "if_skipped": True}, ["if_skipped"], id="if_skipped"),
    pytest.param(BASE | {"after": [A], "when": {"job": "a", "json": {}}}, ["when.json"], id="no condition"),
    pytest.param(SLOTS | {"chain_timeout_sec": 0}, ["chain_timeout_sec"], id="no time"),
    pytest.param(SLOTS | {"chain_timeout_sec": 31 * 86_400 + 1}, ["chain_timeout_sec"], id="too much time"),
    pytest.param(SLOTS | {"requires": [A]}, ["requires.0.within"], id="how far back"),
    pytest.param(
        SLOTS | {"requires": [A | {"within": "PT1H"}] * (MOST_REQUIRED + 1)}, ["requires"], id="too much required"
    ),
    pytest.param(
        SLOTS | {"extract": {f"v{n}": "/v" for n in range(MOST_EXTRACTED + 1)}}, ["extract"], id="too much extracted"
    ),
    pytest.param(SLOTS | {"extract": {"v": 1}}, ["extract.v"], id="a number as a place"),
]
OF_MEANING = [
    pytest.param(SLOTS | {"after": [A]}, [""], id="beside a schedule"),
    pytest.param(BASE | {"after": [A], "schedule_type": "cron"}, ["cron"], id="another type"),
    pytest.param(BASE | {"after": [{"job": "x"}]}, ["after.0.job"], id="itself"),
    pytest.param(BASE | {"after": [A, A]}, ["after.1.job"], id="twice"),
    pytest.param(BASE | {"after": [A, {"job": "a", "on": "failure"}]}, ["after.1.job"], id="twice, otherwise"),
    pytest.param(SLOTS | {"join": "any"}, ["join"], id="join without after"),
    pytest.param(SLOTS | {"if_skipped": "run"}, ["if_skipped"], id="if_skipped without after"),
    pytest.param(SLOTS | {"when": WHEN}, ["when"], id="when without after"),
    pytest.param(BASE | {"after": [A], "when": WHEN | {"job": "b"}}, ["when.job"], id="when of another"),
    pytest.param(
        BASE | {"after": [A], "when": {"job": "a", "json": {"rows": 1, "": 2, "/a": {"is": 1}}}},
        ["when.json.", "when.json./a.is", "when.json.rows"],
        id="conditions",
    ),
    pytest.param(BASE | {"after": [A], "requires": [{"job": "b", "within": "PT1H"}]}, ["requires"], id="requires"),
    pytest.param(BASE | {"after": [A], "catchup": "all"}, ["catchup"], id="catchup"),
    pytest.param(BASE | {"after": [A], "coalesce": False}, ["coalesce"], id="coalesce"),
    pytest.param(BASE | {"after": [A], "jitter_sec": 1}, ["jitter_sec"], id="jitter"),
    pytest.param(BASE | {"after": [A], "chain_timeout_sec": 1}, ["chain_timeout_sec"], id="not the beginning"),
    pytest.param(SLOTS | {"requires": [{"job": "x", "within": "PT1H"}]}, ["requires.0.job"], id="requires itself"),
    pytest.param(SLOTS | {"requires": [{"job": "a", "within": "1h"}]}, ["requires.0.within"], id="no duration"),
    pytest.param(SLOTS | {"requires": [{"job": "a", "within": "PT0S"}]}, ["requires.0.within"], id="no time back"),
    pytest.param(SLOTS | {"requires": [{"job": "a", "within": "P367D"}]}, ["requires.0.within"], id="too far back"),
    pytest.param(
        SLOTS | {"extract": {"1st": "/a", "a-b": "/a", "status": "/a", "execution_id": "/a"}},
        ["extract.1st", "extract.a-b", "extract.execution_id", "extract.status"],
        id="names of values",
    ),
    pytest.param(SLOTS | {"extract": {"v": "rows"}}, ["extract.v"], id="no pointer"),
]


@pytest.mark.parametrize(("fields", "wrong"), [*OF_SHAPE, *OF_MEANING])
def test_what_is_refused(fields: dict[str, Any], wrong: list[str]) -> None:
    spec, complaints = declare(fields, zone="UTC")
    errors = [one for one in complaints if one.severity is Severity.ERROR]
    assert spec is None
    assert sorted(".".join(map(str, one.loc)) for one in errors) == wrong


def test_a_ping_runs_after_nothing() -> None:
    spec, complaints = declare({"job_id": "x", "after": [A], "ping": {"key_sha256": "0" * 64}}, zone="UTC")
    assert spec is None
    assert [one.loc for one in complaints] == [("ping",)]


def test_a_join_of_one_job_is_a_warning() -> None:
    spec, complaints = declare(BASE | {"after": [A], "join": "any"}, zone="UTC")
    assert spec is not None
    assert [(one.loc, one.severity) for one in complaints] == [(("join",), Severity.WARNING)]
