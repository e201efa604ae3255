"""Templates that name what the jobs handed on that a job runs after."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from myscheduler.core.calls.request import build_request
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.templates.context import Context
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.rendering import rendered
from tests.support.parts import spec

SLOT = datetime(2026, 12, 1, tzinfo=UTC)
HANDED_ON: dict[str, Any] = {
    "rows": 7,
    "ratio": 0.5,
    "ok": True,
    "name": "a b/é {{ job.id }}",
    "items": [1, {"x": None}],
    "nothing": None,
    "status": "completed",
    "execution_id": "e-1",
}


def _context(**fields: Any) -> tuple[Any, Context]:
    declared = spec("b", after=[{"job": "extract-a"}, {"job": "c"}], **fields)
    context = Context.of(declared, SLOT, "x", zone="UTC", created_at=SLOT)
    return declared, replace(context, upstream={"extract-a": HANDED_ON, "c": {}})


def _body(template: str) -> Any:
    declared, context = _context(method="POST", body={"value": template})
    return rendered(declared, context).body["value"]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ after['extract-a'].rows }}", 7),
        ("{{ after['extract-a'].ratio }}", 0.5),
        ("{{ after['extract-a'].ok }}", True),
        ("ok: {{ after['extract-a'].ok }}", "ok: true"),
        ("{{ after['extract-a'].rows }} rows", "7 rows"),
        ("{{ after['extract-a'].name }}", "a b/é {{ job.id }}"),
        ("{{ after['extract-a'].items }}", '[1, {"x": null}]'),
        ("{{ after['extract-a'].status }} {{ after['extract-a'].execution_id }}", "completed e-1"),
        ("{{ after['extract-a'].name | urlencode }}", "a%20b%2F%C3%A9%20%7B%7B%20job.id%20%7D%7D"),
        ("{{ after['extract-a'].more | default('none') }}", "none"),
        ("{{ after['c'].rows | default(0) }}", 0),
        ("{{ after.c.status | default('did not run') }}", "did not run"),
    ],
)
def test_what_an_expression_yields(template: str, value: Any) -> None:
    found = _body(template)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ after['extract-a'].more }}", "more"),
        ("{{ after['extract-a'].nothing }}", "nothing"),
        ("{{ after['c'].rows }}", "rows"),
        ("{{ after['c'].status }}", "status"),
    ],
)
def test_what_was_not_handed_on_is_an_error(template: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        _body(template)


def test_values_are_escaped_where_they_are_sent() -> None:
    url = "http://x.test/{{ after['extract-a'].name }}?q={{ after['extract-a'].name }}"
    declared, context = _context(target_url=url, headers={"X-Rows": "{{ after['extract-a'].rows }}"})
    sent = rendered(declared, context)
    assert sent.target_url.startswith("http://x.test/a%20b%2F%C3%A9%20")
    assert "{{" not in sent.target_url
    assert dict(build_request(sent, "x", SLOT, 1, user_agent="test").headers)["X-Rows"] == "7"


@pytest.mark.parametrize(
    "template",
    [
        "{{ after }}",
        "{{ after['a'] }}",
        "{{ after['a'].rows.more }}",
        "{{ after['z'].rows }}",
    ],
)
def test_what_is_no_name_is_refused(template: str) -> None:
    given = {"job_id": "b", "target_url": "http://x.test/", "after": [{"job": "a"}], "headers": {"X": template}}
    declared, complaints = declare(given, zone="UTC")
    assert declared is None
    assert [one.loc for one in complaints] == [("headers", "X")]


def test_a_job_that_runs_after_none_has_nothing() -> None:
    given = {"job_id": "b", "target_url": "http://x.test/", "cron": "0 2 * * *", "headers": {"X": "{{ after.a.rows }}"}}
    declared, complaints = declare(given, zone="UTC")
    assert declared is None
    assert [one.loc for one in complaints] == [("headers", "X")]
