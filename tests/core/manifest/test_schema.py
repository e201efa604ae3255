"""The schema that editors get: it takes what `declare` takes, and marks what a person would call a mistake."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.after_fields import EdgeFields, RequirementFields, WhenFields
from myscheduler.core.manifest.auth_fields import (
    AuthFields,
    AwsSigV4Fields,
    BasicFields,
    BearerFields,
    GcpAccessTokenFields,
    GcpIdTokenFields,
    KubernetesFields,
    OAuth2Fields,
    SignFields,
)
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.exclusion_fields import (
    BlackoutFields,
    CalendarEntry,
    CalendarFields,
    LengthFields,
)
from myscheduler.core.manifest.expect_fields import ExpectFields
from myscheduler.core.manifest.fields import (
    DstFields,
    IntervalFields,
    JobFields,
    SloFields,
)
from myscheduler.core.manifest.payload_fields import PartFields
from myscheduler.core.manifest.ping_fields import PingFields
from myscheduler.core.manifest.retry_fields import RetryFields
from myscheduler.core.manifest.schema import calendars_schema, manifest_schema
from myscheduler.core.manifest.targets_file import SharedTarget, SharedTargets, completed
from myscheduler.core.manifest.transport_fields import TlsFields
from myscheduler.core.source.yaml import read_documents
from tests.core.job import test_limits
from tests.core.manifest import test_declaration
from tests.support.checkout import ROOT
from tests.support.declared import DECLARED, OFFICE

BASE = {"job_id": "a", "cron": "0 0 * * *", "target_url": "https://x.test/run"}
MANIFEST, CALENDARS = Draft202012Validator(manifest_schema()), Draft202012Validator(calendars_schema())


def _faults(values: Any, schema: Draft202012Validator = MANIFEST) -> list[str]:
    return [f"{'.'.join(map(str, fault.path))}: {fault.message}" for fault in schema.iter_errors(values)]


@pytest.mark.parametrize("schema", [manifest_schema(), calendars_schema()], ids=["manifest", "calendars"])
def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


def _bounds(schema: Any) -> Iterator[str]:
    """Keywords of pydantic's own that bound a value here and that no editor knows."""
    if isinstance(schema, dict):
        yield from schema.keys() & {"ge", "gt", "le", "lt", "multiple_of", "max_length", "min_length"}
        schema = [part for name, part in schema.items() if name != "examples"]  # those are values
    for part in schema if isinstance(schema, list) else ():
        yield from _bounds(part)


@pytest.mark.parametrize("schema", [manifest_schema(), calendars_schema()], ids=["manifest", "calendars"])
def test_its_bounds_are_those_of_json_schema(schema: dict[str, Any]) -> None:
    assert list(_bounds(schema)) == []


def _described(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field of each object of the schema, with the way to it."""
    for name, part in schema["properties"].items() if "properties" in schema else ():
        yield f"{path}.{name}", part
    for name, part in schema.get("$defs", {}).items():
        yield from _described(part, name)


FIELDS = [*_described(manifest_schema(), "manifest"), *_described(calendars_schema(), "calendars")]


def test_no_field_is_left_out() -> None:
    models = (
        IntervalFields,
        LengthFields,
        DstFields,
        BlackoutFields,
        CalendarFields,
        CalendarEntry,
        SloFields,
        PingFields,
        RetryFields,
        ExpectFields,
        PartFields,
        AuthFields,
        BasicFields,
        BearerFields,
        OAuth2Fields,
        GcpIdTokenFields,
        GcpAccessTokenFields,
        KubernetesFields,
        AwsSigV4Fields,
        SignFields,
        TlsFields,
        EdgeFields,
        WhenFields,
        RequirementFields,
    )
    named = {
        f"{model.__name__}.{field.alias or name}" for model in models for name, field in model.model_fields.items()
    }
    named |= {f"manifest.{name}" for name in JobFields.model_fields}
    assert {path for path, _ in FIELDS if not path.startswith("CronFields.")} == named


@pytest.mark.parametrize("part", [pytest.param(part, id=path) for path, part in FIELDS])
def test_each_field_says_what_it_means_and_shows_an_example(part: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Z*a-z].*\.", part["description"])
    assert part["examples"]
    whole = manifest_schema()
    judge = Draft202012Validator(part | {"$defs": whole["$defs"]})
    assert [fault.message for example in part["examples"] for fault in judge.iter_errors(example)] == []


BILLING = SharedTargets({"billing": SharedTarget("https://billing.example.com")})


def test_examples_are_manifests() -> None:
    for name, part in manifest_schema()["properties"].items():
        for example in part["examples"]:
            values = completed(BASE | _companions(name) | {name: example}, BILLING).values
            spec, complaints = declare(values, zone="Asia/Tokyo", calendars=OFFICE)
            assert spec is not None, (values, complaints)


def _companions(name: str) -> dict[str, Any]:
    """What has to stand beside a field for it to be of use."""
    if name in {"interval", "anchor"}:
        return {"cron": None, "interval": "PT1H"}
    if name == "clock":
        return {"cron": None, "interval": "P1M", "anchor": "2026-01-31T09:00"}
    if name in {"run_at", "fold"}:
        return {"cron": None, "run_at": "2026-10-25T02:30", "timezone": "Europe/Berlin"}
    if name in {"ping", "target"}:
        return {"target_url": None}
    if name == "after":
        return {"cron": None}
    if name in {"join", "when", "if_skipped"}:
        return {"cron": None, "after": [{"job": "extract-a"}, {"job": "b"}]}
    if name == "path":
        return {"target_url": None, "target": "billing"}
    return {"cron": "0 0 0 * * *"} if name == "seconds" else {}


def test_defaults_are_those_of_a_job_that_says_nothing() -> None:
    shown = {name: part["default"] for name, part in manifest_schema()["properties"].items() if "default" in part}
    for name, default in shown.items():
        plain, _ = declare(BASE, zone="UTC")
        more = {"cron": "0 0 0 * * *"} if name == "seconds" and default else {}
        spelled, complaints = declare(BASE | more | {name: default}, zone="UTC")
        assert spelled == plain, (name, complaints)
    assert {"method", "timeout_sec", "catchup", "overlap", "adopt", "jitter_sec"} <= shown.keys()


def _documents() -> Iterator[Any]:
    """Every manifest that the project shows."""
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        text = re.sub(r"<!-- file: \S+ -->\n```yaml\n.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        for block in re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            for number, document in enumerate(read_documents(block)):
                if "apiVersion" not in document.value:
                    yield pytest.param(document.value, id=f"{page.name} {document.value['job_id']} {number}")
    for path in (ROOT / "jobs.d").rglob("*.yaml"):
        yield from (pytest.param(one.value, id=f"{path.name} {number}")
                    for number, one in enumerate(read_documents(path.read_text("utf-8"))))  # fmt: skip


@pytest.mark.parametrize("values", list(_documents()))
def test_manifests_of_the_project(values: Any) -> None:
    assert _faults(values) == []


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"interval": "PT10M", "cron": None, "anchor": "2026-01-01 09:00:00.5z"}, id="interval as text"),
        pytest.param({"interval": {"hours": 1, "days": None}, "cron": None}, id="interval as an object"),
        pytest.param({"cron": "@daily", "schedule_type": "cron"}, id="macro"),
        pytest.param({"cron": "0 30 10 * * mon-fri", "seconds": True, "day_match": "all", "dst": {}}, id="seconds"),
        pytest.param({"cron": {"hour": 10, "minute": "*/5", "day": None}}, id="cron as an object"),
        pytest.param({"cron": ["0 9 * * mon-fri", {"hour": 12, "day_of_week": "sat"}]}, id="several cron schedules"),
        pytest.param({"cron": ["* * * * *"] * 20, "day_match": "all", "dst": {}}, id="as many as there may be"),
        pytest.param(
            {"cron": None, "interval": "P1Y2M", "anchor": "2026-01-31T09:00", "clock": "wall", "dst": {"gap": "skip"}},
            id="calendar interval",
        ),
        pytest.param(
            {"cron": None, "interval": {"weeks": 2, "hours": 0}, "anchor": "2026-01-05T09:00", "clock": "wall"},
            id="calendar interval as an object",
        ),
        pytest.param({"cron": None, "interval": {"days": 1, "months": 0}, "clock": "real"}, id="real time, said"),
        pytest.param({"cron": None, "interval": "P0Y0M1D"}, id="no months of real time"),
        pytest.param(
            {"cron": None, "interval": "P1DT0H", "clock": "wall", "anchor": "2026-01-05T09:00"}, id="no hours of days"
        ),
        pytest.param({"cron": None, "interval": "\u3000pt0h05m\x1c"}, id="interval with odd space around it"),
        pytest.param({"cron": "\x1c0\n0\x0b* * *\t"}, id="cron with odd space"),
        pytest.param({"cron": ["@Daily", "0 0 * * *"]}, id="macro in a list"),
        pytest.param({"cron": "@MidNight", "seconds": True}, id="macro beside seconds"),
        pytest.param({"cron": ["0 0 0 * * *", "5 0 0 L * 5L"], "seconds": True}, id="several with seconds"),
        pytest.param({"headers": {"X-A": "a\tb${secret:a.b-c}$${x}$$$5\u2028"}}, id="references in a header"),
        pytest.param({"headers": {"host": "a.test", "X-Host": ["a.test"]}}, id="a header of one value"),
        pytest.param({"cron": None, "run_at": "2027-01-01T09:00", "fold": None}, id="local time"),
        pytest.param({"method": "post", "body": [1, {"a": None}], "headers": {"X-Team": "課金"}}, id="call"),
        pytest.param({"headers": {"X-Tag": ["a", "b"], "X-A": ""}}, id="several values of a header"),
        *(
            pytest.param({"target_url": url}, id=url)
            for url in (
                "http://127.0.0.1/",
                "http://[::1]:80/x",
                "http://a_b.c:8080?d",
                "http://localhost./#x",
                "http://foo.123.test/",
                "http://foo.123/",
                "http://a-.test/",
                "http://255.249.199.0/",
                "http://https/run",
                "http://0x.test/",
                "http://u:${secret:a}@host/",
                "http://u:p%40@host:1",
                "http://1a/",
                "http://１２７.0.0.1/",
                "http://x.test/${secret:a}/$${b}?c=$d#$",
                "http://u:$${p@x.test",
            )
        ),
        pytest.param({"job_id": "日次 レポート", "name": None, "labels": {}}, id="Japanese"),
        pytest.param({"target_url": "HTTP://user@例え.test:8080/道?x=%20#y"}, id="URL"),
        pytest.param({"blackout": [{"from": "2027-01-01T00:00", "to": "2027-01-02T00:00Z", "cron": None}]}, id="once"),
        pytest.param({"blackout": [{"cron": {"hour": 2}, "duration": {"hours": 1}}]}, id="again and again"),
        pytest.param({"calendar": {"name": "office", "only": "business_days", "closed": ["12-29/01-03"]}}, id="name"),
        pytest.param({"calendar": {"country": "JPN", "skip": "holidays", "shift": "previous"}}, id="country"),
        pytest.param(dict.fromkeys(JobFields.model_fields.keys() - BASE.keys()), id="nulls"),
    ],
)
def test_taken(values: dict[str, Any]) -> None:
    spec, complaints = declare(BASE | values, zone="Asia/Tokyo", calendars=OFFICE)
    assert spec is not None, complaints
    assert _faults(BASE | values) == []


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"targeturl": "x"}, id="unknown key"),
        pytest.param({"job_id": None}, id="no id"),
        pytest.param({"job_id": "a/b"}, id="id with a slash"),
        pytest.param({"job_id": " a"}, id="id with a space before it"),
        pytest.param({"job_id": ".."}, id="id of dots"),
        pytest.param({"job_id": "x" * 256}, id="long id"),
        pytest.param({"job_id": 7}, id="number as an id"),
        pytest.param({"job_id": "a\n"}, id="id with a line break behind it"),
        pytest.param({"job_id": "a\u200bb"}, id="id with a zero-width space"),
        pytest.param({"job_id": "\u202eab"}, id="id with an override of its direction"),
        pytest.param({"name": "a\nb"}, id="line break"),
        pytest.param({"name": "a\n"}, id="line break behind it"),
        pytest.param({"name": "a\x9bb"}, id="C1 control"),
        pytest.param({"target_url": None}, id="no URL"),
        pytest.param({"target_url": "x.test/run"}, id="URL without a scheme"),
        pytest.param({"target_url": "https://x.test/a b"}, id="URL with a space"),
        pytest.param({"method": "A B"}, id="method"),
        pytest.param({"method": "poſt"}, id="letter that only looks like s"),
        pytest.param({"headers": {"a b": "x"}}, id="header name"),
        pytest.param({"headers": {"A": 1}}, id="number as a header"),
        pytest.param({"headers": {"A": "b\r\nC: d"}}, id="line break in a header"),
        pytest.param({"headers": {"A": "b\n"}}, id="line break behind a header"),
        pytest.param({"headers": {"A": ["b", "c\nd"]}}, id="line break in one of several headers"),
        pytest.param({"headers": {"Authorization": "b\nc"}}, id="line break in a header of one value"),
        pytest.param({"headers": {"A": "\x85"}}, id="control character in a header"),
        pytest.param({"headers": {"A": "${env:b}"}}, id="another kind of reference"),
        pytest.param({"headers": {"A": ["${secret:b"]}}, id="a reference that is not closed"),
        pytest.param({"headers": {"cOntent-Length": "5"}}, id="header of the client"),
        pytest.param({"headers": {"HOST": ["a.test"]}}, id="list for a header of one value"),
        pytest.param({"headers": {"A": []}}, id="no value of a header"),
        pytest.param({"headers": {"A": ["b", 1]}}, id="number among the values of a header"),
        *(
            pytest.param({"target_url": url}, id=url)
            for url in (
                "http://127.1/",
                "http://2130706433",
                "http://256.1.1.1/",
                "http://127.0.0.01/",
                "http://a..b/",
                "http://.a/",
                "http://-a.com/",
                "https://https://example.com/",
                "http://http//example.com/",
                "http://HTTPS:/example.com/",
                "http://1.2.3.4.5:80/",
                "http://127.0.0.1./",
                "http://$HOST/",
                "http://{host}/",
                "http://<id>.example.com/",
                "http://a_b{c}/",
                "http://%HOST%/",
                "http://*.a/",
                "http://u:p@127.1?x",
                "http://${secret:host}/",
                "http://${secret:host}.x.test/",
                "http://${env:HOST}/",
                "http://x.test:${secret:port}/",
                "${secret:scheme}://x.test/",
                "http://$${a}/",
                "http://x.test/${env:PATH}",
                "http://x.test/${secret:a",
                "http://x.test/\x9b",
            )
        ),
        pytest.param({"cron": "0\u30000 * * *"}, id="full-width space in a cron"),
        pytest.param({"cron": "0 0 * * *\xa0"}, id="no-break space behind a cron"),
        pytest.param({"cron": None}, id="no schedule"),
        pytest.param({"run_at": "2027-01-01T09:00"}, id="two schedules"),
        pytest.param({"schedule_type": "date"}, id="another type"),
        pytest.param({"schedule_type": "date", "run_at": "2027-01-01T09:00"}, id="one too many"),
        pytest.param({"cron": "*/5"}, id="short crontab line"),
        pytest.param({"cron": "0 0 0 * * *"}, id="six fields without seconds"),
        pytest.param({"cron": "0 0 0 * * *", "seconds": False}, id="six fields, seconds: false"),
        pytest.param({"cron": ["0 0 * * *", "0 0 0 * * *"]}, id="six fields in a list"),
        pytest.param({"cron": "0 0 * * *", "seconds": True}, id="five fields with seconds"),
        pytest.param({"cron": "0 0 6 1 * * 2027"}, id="seven fields, the year last"),
        pytest.param({"cron": "0 0 0 6 1 * 2027", "seconds": True}, id="seven fields with seconds"),
        pytest.param({"cron": {"hour": 6}, "seconds": True}, id="object with seconds"),
        pytest.param({"cron": [{"hour": 6}, "0 0 0 * * *"], "seconds": True}, id="object in a list with seconds"),
        pytest.param({"cron": "@minutely"}, id="macro of others"),
        pytest.param({"cron": "@reboot"}, id="reboot"),
        pytest.param({"cron": "@wee\u212aly"}, id="Kelvin sign in a macro"),
        pytest.param({"cron": "0 0 ? * *"}, id="question mark"),
        pytest.param({"cron": "０ 0 * * *"}, id="full-width digit"),
        pytest.param({"blackout": [{"cron": "0 0 0 * * *", "duration": "PT1H"}]}, id="six fields of a blackout"),
        pytest.param({"blackout": [{"cron": "0 0 * * *", "duration": "PT0S"}]}, id="blackout of no time"),
        pytest.param({"blackout": [{"cron": "0 0 * * *", "duration": {"hours": 0}}]}, id="blackout of no hours"),
        pytest.param({"blackout": [{"cron": "0 0 * * *", "duration": "P1M"}]}, id="blackout of a month"),
        *(
            pytest.param({"cron": None, "interval": interval} | more, id=f"interval {interval} {' '.join(more)}")
            for interval in (
                *("", "P", "PT", "P0D", "PT0S", "p0w", "P0Y0M0D", "P1", "P1DT", "PT1", "P1H", "PT1D", "P1W1D", "P-1D"),
                *("P1.5D", "PT１H", "PT5ſ", {}, {"hours": 0}, {"hours": None}, {"weeks": 0, "days": 0.0}),
            )
            for more in ({}, {"clock": "wall", "anchor": "2026-01-31T09:00"})
        ),
        pytest.param({"cron": {}}, id="empty cron"),
        pytest.param({"cron": {"hur": 1}}, id="field of cron"),
        pytest.param({"cron": {"hour": 99}}, id="hour 99"),
        pytest.param({"anchor": "2026-01-01T00:00:00Z"}, id="anchor of a cron"),
        pytest.param({"fold": 1}, id="fold of a cron"),
        pytest.param({"cron": None, "interval": "PT1H", "day_match": "all"}, id="day_match of an interval"),
        pytest.param({"cron": None, "interval": {"hour": 1}}, id="unit"),
        pytest.param({"cron": None, "interval": "10m"}, id="10m"),
        pytest.param({"cron": []}, id="empty list"),
        pytest.param({"cron": ["0 9 * * *", "0 9 *"]}, id="short crontab line in a list"),
        pytest.param({"cron": ["0 9 * * *", None]}, id="nothing in a list"),
        pytest.param({"cron": ["* * * * *"] * 21}, id="too many"),
        pytest.param({"clock": "wall"}, id="clock of a cron"),
        pytest.param({"cron": None, "interval": "P1M"}, id="a month of real time"),
        pytest.param({"cron": None, "interval": {"months": 1}, "anchor": "2026-01-31T09:00"}, id="months, real time"),
        pytest.param({"cron": None, "interval": "P1M", "clock": "wall"}, id="no anchor"),
        pytest.param(
            {"cron": None, "interval": {"years": 101}, "clock": "wall", "anchor": "2026-01-31T09:00"}, id="far"
        ),
        pytest.param({"cron": None, "interval": "P1DT1H", "clock": "wall", "anchor": "2026-01-31T09:00"}, id="an hour"),
        pytest.param(
            {"cron": None, "interval": {"hours": 1}, "clock": "wall", "anchor": "2026-01-31T09:00"}, id="hours"
        ),
        pytest.param({"cron": None, "interval": "PT1H", "dst": {"gap": "skip"}}, id="dst of real time"),
        pytest.param({"cron": None, "run_at": "tomorrow"}, id="tomorrow"),
        pytest.param({"cron": None, "run_at": "2027-13-01T09:00"}, id="month 13"),
        pytest.param({"cron": None, "run_at": "2027-01-01T24:00"}, id="hour 24"),
        pytest.param({"cron": None, "run_at": "2027-01-01T09:00", "jitter_sec": 60}, id="jitter of a one-off"),
        pytest.param({"dst": {"gap": "no"}}, id="dst"),
        pytest.param({"timeout_sec": 0}, id="no time"),
        pytest.param({"timeout_sec": "30"}, id="text as a number"),
        pytest.param({"coalesce": "yes"}, id="yes"),
        pytest.param({"blackout": [{}]}, id="empty blackout"),
        pytest.param({"blackout": [{"from": "2027-01-01T00:00", "duration": "PT1H"}]}, id="half of each"),
        pytest.param({"calendar": {"country": "JP"}}, id="calendar without a rule"),
        pytest.param({"calendar": {"only": "business_days", "skip": "holidays"}}, id="two rules"),
        pytest.param({"calendar": {"only": "business_days", "closed": ["New Year"]}}, id="closed day"),
        pytest.param({"overlap": "wait"}, id="overlap"),
        pytest.param({"labels": {"a": None}}, id="label"),
    ],
)
def test_refused(values: dict[str, Any]) -> None:
    spec, _ = declare(BASE | values, zone="Asia/Tokyo")
    assert spec is None or values == {"job_id": None}  # the API may leave the id out
    assert _faults(BASE | values) != []


def _patterns(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each regular expression, with the schema around it."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"], schema
        yield from ((pattern, schema) for pattern in schema.get("patternProperties", ()))
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _patterns(part)


PATTERNS = dict([*_patterns(manifest_schema()), *_patterns(calendars_schema())])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_mean_the_same_to_python_and_ecmascript(pattern: str) -> None:
    """No classes that the two fill differently, no end that forgives a line break, no syntax of one of them only."""
    escapes = re.findall(r"\\(u[0-9a-f]{4}|.)", pattern.replace(r"[\s\S]", ""))
    assert set(filter(lambda one: one[0] != "u", escapes)) <= set("trn\\^$.*+?()[]{}|/")
    assert set(re.findall(r"\(\?(.)", pattern)) <= {"!", "="}
    assert not re.search(r"(?<!\\)\$(?![^\[]*\])", re.sub(r"\[[^]]*\]", "[]", pattern))
    assert pattern.startswith("^")


@pytest.mark.parametrize("schema", [pytest.param(one, id=pattern) for pattern, one in PATTERNS.items()])
def test_a_pattern_says_what_to_write(schema: dict[str, Any]) -> None:
    assert "pattern" not in schema or re.fullmatch(r"[A-Z`].*\.", schema["patternErrorMessage"])


LONG = [
    part * 20_000 for part in ("a", "1", "@", "1.", "$", "${", "$${", "${secret:a}", " ", "P", "0", "* ", "a@", "/")
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_no_text_keeps_a_pattern_busy(pattern: str) -> None:
    """One that can be matched in two ways would not be done within anybody's life."""
    compiled = re.compile(pattern)
    for start in ("", "http://", "P", "PT1", "@", "2027-01-01T00:00"):
        for text in LONG:
            assert compiled.search(f"{start}{text}\n\0") is None or pattern.startswith("^(?!")


_LINES = st.lists(
    st.sampled_from([*"*0159", "*/2", "1-3", "L", "sun", "1#1", "2027", "?", "@daily", "@foo"]), max_size=8
)
_PIECES = {
    "interval": st.text("PpTt0123YMWDHSs \u2028", max_size=8),
    "cron": _LINES.map(" ".join) | st.lists(_LINES.map(" ".join), max_size=2),
    "target_url": st.text("a1.:/@$[]?%", max_size=8).map("http://{}".format)
    | st.lists(st.sampled_from(["http", "://", "a", "${secret:a}", "$${", "${", "$", "@", ":1", "/", "[::1]", "1.2"]))
    .map("".join),
    "headers": st.dictionaries(
        st.sampled_from(["A", "host", "Connection"]),
        st.lists(st.sampled_from(["$", "{", "${secret:a}", "${", "\t", "\x85", "\u2028", "a"])).map("".join),
    ),
    "job_id": st.text("a \u3000\xad\u200b\u115f.#", max_size=3),
    "run_at": st.text("T:-+0123Zz ", max_size=12).map("2027-01-0{}".format),
}  # fmt: skip


@given(
    st.sampled_from(sorted(_PIECES)).flatmap(lambda name: _PIECES[name].map(lambda value: {name: value})),
    st.sampled_from([{}, {"seconds": True}, {"clock": "wall", "anchor": "2026-01-31T09:00"}]),
)
def test_whatever_declare_takes_it_takes(values: dict[str, Any], more: dict[str, Any]) -> None:
    chosen = {"cron": None} if values.keys() & {"interval", "run_at"} else {}
    whole = BASE | chosen | more | values
    spec, _ = declare(whole, zone="Asia/Tokyo")
    assert spec is None or _faults(whole) == []


def _rows(test: Any) -> list[dict[str, Any]]:
    """The field sets of a table of tests."""
    return [row.values[0] for mark in test.pytestmark if mark.name == "parametrize" for row in mark.args[1]]


def test_examples_of_other_tables() -> None:
    rows = [*_rows(test_declaration.test_cron), *_rows(test_limits.test_what_it_means)]
    assert len(rows) > 10
    assert [(row, faults) for row in rows if (faults := _faults(BASE | row))] == []


@given(DECLARED)
def test_it_takes_what_declare_takes(declared: tuple[dict[str, Any], JobSpec]) -> None:
    values, _ = declared
    assert _faults(values) == []


@pytest.mark.parametrize(
    ("values", "is_right"),
    [
        pytest.param(
            {"head-office": {"country": "JP", "closed": ["12-29/01-03"], "open": None}, "工場": {}}, True, id="two"
        ),
        pytest.param({}, True, id="none"),
        pytest.param({"office": {"contry": "JP"}}, False, id="typo"),
        pytest.param({"office": {"closed": ["New Year"]}}, False, id="closed day"),
        pytest.param([{"country": "JP"}], False, id="list"),
    ],
)
def test_calendars(values: Any, is_right: bool) -> None:
    assert (_faults(values, CALENDARS) == []) is is_right
