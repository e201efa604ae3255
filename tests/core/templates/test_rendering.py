"""Texts of a job with `{{ … }}`: what they yield, and what is wrong with them."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.bounds import LARGEST_JOB, LONGEST_EXPRESSION
from myscheduler.core.calls.request import build_request, filled
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.digest import digest
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.secrets.redaction import Secret
from myscheduler.core.templates.context import Context
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.rendering import rendered
from myscheduler.core.templates.syntax import Part, parse
from myscheduler.core.templates.variables import Variables

TOKYO = "Asia/Tokyo"
NEW_YORK = "America/New_York"
CREATED = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = datetime(2026, 2, 28, 22, 30, tzinfo=UTC)
"""March 1st, 07:30, in Tokyo; February 28th in New York."""
BASE: dict[str, Any] = {
    "job_id": "report",
    "name": "日次 report",
    "cron": "30 7 * * *",
    "target_url": "https://api.example.com/run",
    "labels": {"team": "a b/c", "app.kubernetes.io/name": "x", "odd": "${secret:PW} {{ job.id }}"},
}
VARIABLES = Variables(
    {
        "base": "https://h.example/v1",
        "host": "h.example",
        "n": 50,
        "dry": True,
        "path": "a/b c",
        "braces": "{{ job.id }}",
    }
)


def _declared(**fields: Any) -> JobSpec:
    spec, complaints = declare(BASE | fields, zone=TOKYO, variables=VARIABLES)
    assert spec is not None, complaints
    return spec


def _sent(spec: JobSpec, slot: datetime = SLOT, zone: str = TOKYO) -> JobSpec:
    """The spec as it is sent at that slot."""
    if not spec.templates:
        return spec
    return rendered(spec, Context.of(spec, slot, "e-1", zone=zone, created_at=CREATED))


def _text(template: str, slot: datetime = SLOT, **fields: Any) -> Any:
    return _sent(_declared(body=[template], **fields), slot).body[0]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ scheduled_at }}", "2026-03-01T07:30:00+09:00"),
        ("{{ scheduled_at | iso }}", "2026-03-01T07:30:00+09:00"),
        ("{{scheduled_at|date('%Y%m%d')}}", "20260301"),
        ('{{ scheduled_at | date("%-d %b %Y, %A %H:%M:%S %p %%") }}', "1 Mar 2026, Sunday 07:30:00 AM %"),
        ("{{ scheduled_at | date('%F %T %z %Z %j %u %w %G-W%V %y %I %e %R %B %a %s') }}",
         "2026-03-01 07:30:00 +0900 JST 060 7 0 2026-W09 26 07  1 07:30 March Sun 1772317800"),
        ("{{ scheduled_at | zone('UTC') }}", "2026-02-28T22:30:00+00:00"),
        ("{{ scheduled_at | zone('America/New_York') | date('%d') }}", "28"),
        ("{{ scheduled_at | sub('P1D') | date('%F') }}", "2026-02-28"),
        ("{{ scheduled_at | add('P30D') | sub('P1M') | date('%F') }}", "2026-02-28"),
        ("{{ scheduled_at | add('P1Y2M3DT4H') }}", "2027-05-04T11:30:00+09:00"),
        ("{{ scheduled_at | sub('PT90M') }}", "2026-03-01T06:00:00+09:00"),
        ("{{ scheduled_at | start_of('month') | sub('P1M') | date('%Y-%m') }}", "2026-02"),
        ("{{ scheduled_at | start_of('quarter') }}", "2026-01-01T00:00:00+09:00"),
        ("{{ scheduled_at | start_of('week') | date('%F') }}", "2026-02-23"),
        ("{{ scheduled_at | start_of('hour') | date('%R') }}", "07:00"),
        ("{{ previous_scheduled_at }}", "2026-02-28T07:30:00+09:00"),
        ("{{ execution_id }}", "e-1"),
        ("{{ job.id }}/{{ job.name }}", "report/日次 report"),
        ("{{ job.labels.team }} {{ job.labels['app.kubernetes.io/name'] | upper }}", "a b/c X"),
        ("{{ job.labels.none | default('nobody') }}", "nobody"),
        ("{{ job.labels.team | urlencode }}", "a%20b%2Fc"),
        ("{{ job.name | json }}", '"日次 report"'),
        ("{{ scheduled_at | unix }} s", "1772317800 s"),
        ("{{ vars.host }}: {{ vars.n }} {{ vars.dry }} {{ vars.none | default('-') }}", "h.example: 50 true -"),
        ("{{ '{{' }} {{ scheduled_at | date('%d') }} {{ '}}' }}", "{{ 01 }}"),
        ("{{ 'it\\'s' }} {{ \"a \\\\ b\" }}", "it's a \\ b"),
        ("}} { } %} {% raw %}", "}} { } %} {% raw %}"),
        ("{{ vars.braces }} {{ execution_id }}", "{{ job.id }} e-1"),
    ],
)  # fmt: skip
def test_what_an_expression_yields(template: str, text: str) -> None:
    assert _text(template) == text


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ scheduled_at | unix }}", 1772317800),
        ("{{ vars.n }}", 50),
        ("{{ vars.dry }}", True),
        ("{{ vars.n | string }}", "50"),
        (" {{ vars.n }}", " 50"),
        ("{{ '5' }}", "5"),
    ],
)
def test_a_lone_number_in_a_body_stays_one(template: str, value: object) -> None:
    found = _text(template)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("{{ vars.base }}/run", "https://h.example/v1/run"),
        (
            "https://{{ vars.host }}:8443/{{ vars.path }}?a={{ vars.path }}",
            "https://h.example:8443/a/b%20c?a=a%2Fb%20c",
        ),
        (
            "https://h.example/{{ job.labels.team }}/{{ scheduled_at }}?n={{ job.name }}#{{ job.id }}",
            "https://h.example/a%20b%2Fc/2026-03-01T07%3A30%3A00%2B09%3A00?n=%E6%97%A5%E6%AC%A1%20report#report",
        ),
        ("https://h.example/{{ job.labels.odd }}", "https://h.example/%24%7Bsecret%3APW%7D%20%7B%7B%20job.id%20%7D%7D"),
        ("https://h.example/{{ '{{' }}x", "https://h.example/{{x"),
    ],
)
def test_a_url_is_escaped_by_place(url: str, called: str) -> None:
    assert _sent(_declared(target_url=url)).target_url == called


def test_headers_are_rendered_but_not_names_and_keys() -> None:
    spec = _declared(
        headers={"X-Day": "{{ scheduled_at | date('%d') }}", "X-Many": ["{{ job.id }}", "plain"]},
        body={"{{ job.id }}": {"deep": ["{{ job.id }}", 1, None]}},
    )
    sent = _sent(spec)
    assert dict(sent.headers) == {"X-Day": "01", "X-Many": ("report", "plain")}
    assert sent.body == {"{{ job.id }}": {"deep": ["report", 1, None]}}


@pytest.mark.parametrize(
    ("fields", "message", "at"),
    [
        ({"body": "a {{ schedule_at }}"}, "did you mean 'scheduled_at'", 5),
        ({"body": "{{ job.nam }}"}, "did you mean 'name'", 3),
        ({"body": "{{ job.labels.tem }}"}, "no label 'tem'", 3),
        ({"body": "{{ vars.hosst }}"}, "did you mean 'host'", 3),
        ({"body": "{{ vars }}"}, "vars.NAME", 3),
        ({"body": "{{ before['x'].y }}"}, "not a name that templates know", 3),
        ({"body": "{{ after['x'].y }}"}, "only a job with after has something of other jobs", 3),
        ({"body": "{{ scheduled_at.year }}"}, "scheduled_at | date", 3),
        ({"body": "{{ scheduled_at | dat('%Y') }}"}, "did you mean 'date'", 18),
        ({"body": "{{ scheduled_at | date }}"}, "date('%Y-%m-%d')", 18),
        ({"body": "{{ scheduled_at | date(5) }}"}, "takes other arguments", 18),
        ({"body": "{{ scheduled_at | date('%Q') }}"}, "'%Q' is not known", 18),
        ({"body": "{{ scheduled_at | date('%') }}"}, "is not known in a format", 18),
        ({"body": "{{ scheduled_at | add('1 day') }}"}, "not an ISO 8601 duration", 18),
        ({"body": "{{ scheduled_at | add('P9999Y') }}"}, "years 1 to 9999", 18),
        ({"body": "{{ scheduled_at | zone('Tokio') }}"}, "Tokio", 18),
        ({"body": "{{ scheduled_at | start_of('mont') }}"}, "did you mean 'month'", 18),
        ({"body": "{{ scheduled_at | upper }}"}, "filter of texts", 18),
        ({"body": "{{ job.id | date('%Y') }}"}, "filter of times", 12),
        ({"body": "{{ 1 + 1 }}"}, "'+' does not fit here", 5),
        ({"body": "{{ ''.__class__ }}"}, "does not fit here", 5),
        ({"body": "{{ job.labels[job.id] }}"}, "does not fit here", 14),
        ({"body": "{{ f(1) }}"}, "does not fit here", 4),
        ({"body": "{{ }}"}, "is empty", 0),
        ({"body": "{{ job. }}"}, "ends too early", 8),
        ({"body": "{{{ job.id }}}"}, "does not fit here", 2),
        ({"body": "x {{ job.id"}, "has no }}", 2),
        ({"body": "x {{ 'job.id }}"}, "does not fit here", 5),
        ({"body": r"{{ '\n' }}"}, "backslash", 4),
        ({"body": "{{ job.id" + " | lower" * 11 + " }}"}, "at most 10 filters", 92),
        ({"run_at": "2030-01-01T00:00", "cron": None, "body": "{{ previous_scheduled_at }}"}, "no slot is known", 3),
        ({"target_url": "https://{{ execution_id }}.example/"}, "only a variable", 11),
        ({"target_url": "{{ job.labels.team }}://h/"}, "only a variable", 3),
        ({"labels": {"x": "a\nb"}, "headers": {"X": "{{ job.labels.x }}"}}, "control character", 3),
    ],
)
def test_what_is_wrong_and_where(fields: dict[str, Any], message: str, at: int) -> None:
    spec, complaints = declare(BASE | fields, zone=TOKYO, variables=VARIABLES)
    assert spec is None
    assert [message in one.message for one in complaints] == [True], complaints
    assert complaints[0].at == at


@pytest.mark.parametrize(
    ("zone", "slot", "filters", "text"),
    [
        pytest.param(NEW_YORK, "2026-03-08T07:00Z", "", "2026-03-08T03:00:00-04:00", id="spring"),
        pytest.param(NEW_YORK, "2026-03-09T06:30Z", "| sub('P1D')", "2026-03-08T03:00:00-04:00", id="gap"),
        pytest.param(NEW_YORK, "2026-03-08T15:00Z", "| sub('P1D')", "2026-03-07T11:00:00-05:00", id="a day"),
        pytest.param(NEW_YORK, "2026-03-08T15:00Z", "| sub('PT24H')", "2026-03-07T10:00:00-05:00", id="24 hours"),
        pytest.param(
            NEW_YORK, "2026-11-01T06:30Z", "| start_of('hour')", "2026-11-01T01:00:00-05:00", id="second 1:30"
        ),
        pytest.param(
            "Asia/Beirut", "2026-03-29T06:00Z", "| start_of('day')", "2026-03-29T01:00:00+03:00", id="no 0:00"
        ),
    ],
)
def test_clocks_that_change(zone: str, slot: str, filters: str, text: str) -> None:
    assert _text(f"{{{{ scheduled_at {filters} }}}}", datetime.fromisoformat(slot), timezone=zone) == text


@pytest.mark.parametrize(
    ("fields", "slot", "before"),
    [
        ({}, SLOT, "2026-02-28T07:30:00+09:00"),
        ({"calendar": {"only": "business_days", "country": "JP"}}, datetime(2026, 5, 6, 22, 30, tzinfo=UTC),
         "2026-05-01T07:30:00+09:00"),
        ({"start_at": "2026-03-01T00:00"}, SLOT, "2026-02-28T07:30:00+09:00"),
        ({"cron": None, "interval": "PT1H"}, datetime(2026, 1, 1, 1, tzinfo=UTC), "2026-01-01T09:00:00+09:00"),
        ({"cron": None, "interval": "PT1H"}, datetime(2026, 1, 1, 3, 30, tzinfo=UTC), "2026-01-01T12:00:00+09:00"),
        ({"cron": {"year": 2027, "month": 1, "day": 1}}, datetime(2026, 12, 31, 15, tzinfo=UTC), "first"),
    ],
)  # fmt: skip
def test_the_slot_before(fields: dict[str, Any], slot: datetime, before: str) -> None:
    assert _text("{{ previous_scheduled_at | default('first') }}", slot, **fields) == before


def test_no_slot_before_is_an_error_of_the_call() -> None:
    spec = _declared(cron={"year": 2027, "month": 1, "day": 1}, body="{{ previous_scheduled_at }}")
    with pytest.raises(TemplateError, match="default"):
        _sent(spec, datetime(2026, 12, 31, 15, tzinfo=UTC))


def test_secrets_stay_and_nothing_that_is_yielded_becomes_one() -> None:
    spec = _declared(
        headers={"X": "${secret:A} {{ job.labels.odd }} $${b}", "Y": "$" + "{{ '{secret:A}' }}{{ execution_id }}"},
        body={"x": "{{ job.labels.odd }}${secret:A}"},
    )
    sent = _sent(spec)
    request = filled(build_request(sent, "e-1", SLOT, 1, user_agent="t"), sent, {"A": Secret.of("A", "v{{ job.id }}")})
    assert request.headers["X"] == "v{{ job.id }} ${secret:PW} {{ job.id }} ${b}"
    assert request.headers["Y"] == "${secret:A}e-1"
    assert json.loads(request.body or b"") == {"x": "${secret:PW} {{ job.id }}v{{ job.id }}"}


def test_a_dollar_right_before_a_reference_is_refused() -> None:
    _, complaints = declare(BASE | {"body": "{{ '$' }}${secret:A}"}, zone=TOKYO)
    assert ["put something between" in one.message for one in complaints] == [True]


def test_jobs_without_templates_are_what_they_were() -> None:
    plain = _declared(body={"a": "} }"}, headers={"X": "$1"})
    assert "templates" not in to_json(plain)
    assert digest(_declared(body="{{ vars.host }}")) == digest(_declared(body="h.example"))
    assert not _declared(body="{{ '{{' }}").templates
    old = from_json(to_json(plain) | {"body": "Dear {{ customer }}"})
    assert (old.templates, old.body) == (False, "Dear {{ customer }}")


def test_a_job_with_templates_is_stored_and_read_back() -> None:
    spec = _declared(body="{{ execution_id }}")
    assert from_json(json.loads(json.dumps(to_json(spec)))) == spec
    assert digest(spec) != digest(_declared(body="{{ execution_id  }}"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{" * 1_000_000, id="opening"),
        pytest.param("{{" + "(" * 900_000, id="nested"),
        pytest.param("{{ 'x' }}" * 100_000, id="many"),
        pytest.param("{{ " + "a" * 900_000 + " }}", id="long"),
        pytest.param("{{ '" + "\\" * 900_000, id="escapes"),
        pytest.param("{{ job" + ".x" * 400_000 + "}}", id="path"),
    ],
)
def test_large_texts_are_refused(text: str) -> None:
    spec, complaints = declare(BASE | {"body": text}, zone=TOKYO)
    assert spec is None
    assert len(complaints) == 1


def test_many_faulty_texts_give_so_many_complaints() -> None:
    _, complaints = declare(BASE | {"body": ["{{ x }}"] * 5_000}, zone=TOKYO)
    assert 100 <= len(complaints) <= 110


def test_what_variables_yield_together_is_bounded() -> None:
    big = Variables({"big": "x" * 1_000})
    spec, complaints = declare(
        BASE | {"body": ["{{ vars.big }}" * 900, "{{ vars.big }}" * 100]}, zone=TOKYO, variables=big
    )
    assert spec is not None
    spec, complaints = declare(BASE | {"body": "{{ vars.big }}" * 1_001}, zone=TOKYO, variables=big)
    assert (spec, [one.rule for one in complaints]) == (None, ["too-large"])


_PIECES = st.sampled_from(
    ["{{", "}}", "{", "}", "scheduled_at", "job.id", "vars.n", "date('%Y')", "date('%", "'", '"', "(", ")", "[", "]",
     ".", " ", "\\", "add('P1M')", "default('')", "${secret:A}", "$", "日", "\n", "-1", "unix", ",", "labels", "/", "?",
     "|"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_nothing_but_a_template_error_is_raised(text: str) -> None:
    parts: tuple[Part, ...] = ()
    at: int | None = 0
    try:
        parts = parse(text)
    except TemplateError as error:
        at, parts = error.at, (text,)
    assert at is not None
    assert 0 <= at <= len(text)
    assert "".join(one if isinstance(one, str) else one.source for one in parts) == text
    assert all(isinstance(one, str) or len(one.source) <= LONGEST_EXPRESSION for one in parts)


@given(st.lists(_PIECES, max_size=20).map("".join), st.sampled_from(["body", "target_url", "headers"]))
def test_what_is_declared_can_be_rendered(text: str, field: str) -> None:
    value: Any = {"headers": {"X": text}, "target_url": f"https://h.example/{text}", "body": text}[field]
    spec, _ = declare(BASE | {field: value}, zone=TOKYO, variables=VARIABLES)
    if spec is not None:
        sent = _sent(spec)
        assert not sent.templates
        assert len(str(sent.body)) < LARGEST_JOB
        assert unquote(sent.target_url).startswith("https://")
