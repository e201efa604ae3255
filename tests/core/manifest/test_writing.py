"""Jobs as manifests: read again they are the same job, in the shortest form, in files that every system can have."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.digest import digest
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.schema import manifest_schema
from myscheduler.core.manifest.writing import document, fault_of, file_names, manifest_fields
from myscheduler.core.source.yaml import read_documents
from tests.support.declared import DECLARED, OFFICE, ZONE

SCHEMA = Draft202012Validator(manifest_schema())


def _spec(**fields: Any) -> JobSpec:
    spec, complaints = declare({"job_id": "a", "target_url": "http://x"} | fields, zone=ZONE, calendars=OFFICE)
    assert spec is not None, complaints
    return spec


@given(DECLARED)
def test_a_manifest_declares_the_job_it_was_made_of(declared: tuple[dict[str, Any], JobSpec]) -> None:
    _, spec = declared
    stored = from_json(to_json(spec))
    text = document(manifest_fields(stored) | {"adopt": True}, ["a line"])
    (read,) = read_documents(text)
    again, complaints = declare(read.value, zone=ZONE, calendars=OFFICE)
    assert again is not None, complaints
    assert digest(again) == digest(spec)
    assert fault_of(text, stored, zone=ZONE) is None
    assert list(SCHEMA.iter_errors(read.value)) == []


@given(DECLARED)
def test_nothing_stands_in_it_without_need(declared: tuple[dict[str, Any], JobSpec]) -> None:
    _, spec = declared
    fields = manifest_fields(spec)
    for name in fields.keys() - {"day_match"}:  # an author's word, also where only one day field is restricted
        less, _ = declare({key: value for key, value in fields.items() if key != name}, zone=ZONE, calendars=OFFICE)
        assert less is None or digest(less) != digest(spec), name


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        pytest.param({"cron": {"hour": "10"}}, {"cron": "0 10 * * *"}, id="object as a line"),
        pytest.param({"cron": {"hour": "10", "second": "0"}}, {"cron": "* 10 * * *"}, id="as CommonUI writes it"),
        pytest.param({"cron": "@daily"}, {"cron": "0 0 * * *"}, id="macro"),
        pytest.param({"cron": {"second": "*/5"}}, {"cron": {"second": "*/5"}}, id="seconds stay an object"),
        pytest.param({"cron": {"year": "2030", "hour": "1"}}, {"cron": {"year": "2030", "hour": "1"}}, id="years too"),
        pytest.param({"interval": "PT90M"}, {"interval": {"minutes": 90}}, id="interval"),
        pytest.param({"interval": "PT3100000000S"}, {"interval": "PT3100000000S"}, id="long interval"),
        pytest.param(
            {"interval": "PT1H", "timeout_sec": 30, "max_retries": 0, "method": "get", "name": "a", "headers": {}},
            {"interval": {"hours": 1}}, id="what counts anyway",
        ),
        pytest.param(
            {"interval": "PT1H", "timeout_sec": 60.0, "body": 60.0, "catchup": "all", "name": "b", "method": "post"},
            {"name": "b", "interval": {"hours": 1}, "method": "POST", "body": 60.0, "timeout_sec": 60,
             "coalesce": False}, id="what doesn't",
        ),
        pytest.param(
            {"cron": "@daily", "calendar": {"name": "office", "only": "business_days", "shift": "next"}},
            {"cron": "0 0 * * *", "calendar": {"name": "office", "only": "business_days", "shift": "next"}},
            id="named calendar",
        ),
        pytest.param(
            {"cron": "@daily", "start_at": "2027-01-01T00:00+09:00",
             "blackout": [{"cron": "0 2 * * sun", "duration": "PT2H"}]},
            {"cron": "0 0 * * *", "start_at": "2026-12-31T15:00:00+00:00",
             "blackout": [{"cron": "0 2 * * sun", "duration": {"hours": 2}}]}, id="limits",
        ),
    ],
)  # fmt: skip
def test_form(fields: dict[str, Any], more: dict[str, Any]) -> None:
    assert manifest_fields(_spec(**fields)) == {"job_id": "a", "target_url": "http://x"} | more


def test_fields_come_in_the_order_of_the_docs() -> None:
    spec = _spec(labels={"a": "b"}, body=1, name="b", cron="@daily", timezone="UTC", paused=True)
    assert list(manifest_fields(spec)) == [
        "job_id",
        "name",
        "cron",
        "timezone",
        "target_url",
        "body",
        "paused",
        "labels",
    ]


def test_comments_stay_in_their_line() -> None:
    text = document({"job_id": "a"}, ["made by 山田\njob_id: b"])
    assert text == "# made by 山田 job_id: b\njob_id: a\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("job_id: a\ninterval: PT1H\ntarget_url: http://x\n", None, id="the same"),
        pytest.param("job_id: a\ninterval: PT2H\ntarget_url: http://x\n", "can't express this job", id="another"),
        pytest.param("job_id: a\ninterval: PT1H\ntarget_url: x\n", "target_url: has to start with", id="refused"),
        pytest.param("job_id: a\nbody: " + "[" * 200, "is nested more than 100 levels deep", id="deep"),
    ],
)  # fmt: skip
def test_fault(text: str, fault: str | None) -> None:
    found = fault_of(text, _spec(interval="PT1H"), zone=ZONE)
    assert found == fault or (found and fault and fault in found)


@pytest.mark.parametrize(
    ("job_ids", "names"),
    [
        pytest.param(["daily-report", "日次 レポート"], ["daily-report.yaml", "日次 レポート.yaml"], id="as they are"),
        pytest.param(["A", "a"], ["A-559aead0.yaml", "a-ca978112.yaml"], id="upper and lower case"),
        pytest.param(["a:b", "a*b"], ["a_b-6783a31e.yaml", "a_b-15eb0a79.yaml"], id="other signs"),
        pytest.param([".hidden", "dot."], ["hidden-16924190.yaml", "dot-d65b1836.yaml"], id="dots"),
        pytest.param(["calendars", "Policy"], ["calendars-f5fed735.yaml", "Policy-c611981f.yaml"], id="reserved"),
        pytest.param(["con", "com1.x"], ["con-1143da2b.yaml", "com1.x-e872d775.yaml"], id="devices"),
        pytest.param(["🦉"], ["_-f7007fbd.yaml"], id="owl"),
    ],
)
def test_file_names(job_ids: list[str], names: list[str]) -> None:
    assert list(file_names(job_ids).values()) == names


@given(st.lists(st.text(min_size=1, max_size=255), unique=True))
def test_no_two_jobs_share_a_file(job_ids: list[str]) -> None:
    names = file_names(job_ids)
    assert len({name.casefold() for name in names.values()}) == len(job_ids)
    for name in names.values():
        assert len(name.encode()) <= 255
        assert not name.startswith(".")
        assert not {*'/\\:*?"<>|\0'} & set(name)
