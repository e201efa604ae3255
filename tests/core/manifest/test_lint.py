"""Warnings about manifests that can be used: what is said, where, and what is not worth a word."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.findings.problem import Severity
from myscheduler.core.manifest.lint import NEAR_SLOTS, lint
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.source.snapshot import SourceFile

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
URL = "target_url: https://example.com/\n"


def _cautions(text: str, now: datetime = NOW) -> list[str]:
    parsed = parse_file(SourceFile.of("a.yaml", f"job_id: a\n{text}".encode()), zone="Asia/Tokyo")
    assert [problem for problem in parsed.problems if problem.severity is Severity.ERROR] == []
    found = list(lint(parsed.jobs, clock=Clock(now, "Asia/Tokyo")))
    assert all(one.job_id == "a" for one in found)
    return [str(one) for one in found]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            f'cron: "0 12 13 * fri"\n{URL}',
            "a.yaml:2:7: warning: cron: day 13 and day_of_week fri are alternatives: it runs next on Fri 2026-11-06, "
            "Fri 2026-11-13, Fri 2026-11-20, Fri 2026-11-27, Fri 2026-12-04 (Asia/Tokyo); write `day_match: any` to "
            "say that this is meant, or `day_match: all` for days that match both [both-day-fields]",
            id="both day fields",
        ),
        pytest.param(
            f'timezone: UTC\ncron: {{day: "*/2", day_of_week: mon, hour: "*"}}\n{URL}',
            "a.yaml:3:7: warning: cron: day */2 and day_of_week mon must both match, as one starts with *: it runs "
            "next on Mon 2026-11-09, Mon 2026-11-23, Mon 2026-12-07, Mon 2026-12-21, Mon 2027-01-11 (UTC); write "
            "`day_match: all` to say that this is meant [both-day-fields]",
            id="the rule of the star, and every hour of a day",
        ),
        pytest.param(
            f'cron: ["0 9 * * *", "0 12 13 * fri"]\n{URL}',
            "a.yaml:2:7: warning: cron: day 13 and day_of_week fri are alternatives: it runs next on Fri 2026-11-06, "
            "Fri 2026-11-13, Fri 2026-11-20, Fri 2026-11-27, Fri 2026-12-04 (Asia/Tokyo); write `day_match: any` to "
            "say that this is meant, or `day_match: all` for days that match both [both-day-fields]",
            id="both day fields, in a list",
        ),
        pytest.param(
            f'cron: ["0 9 * * *", "2 9 * * *"]\nmax_retries: 9\n{URL}',
            "a.yaml:3:14: warning: max_retries: 10 attempts of 30 s and the waits between them may last 13 min 31 s, "
            "but the next slot may come after 2 min: write fewer retries, a shorter timeout_sec, or an `overlap` for "
            "this case [retries-outlast-period]",
            id="retries outlast the distance of two schedules",
        ),
        pytest.param(
            f"interval: P1D\nclock: wall\nanchor: 2026-01-01T09:00\nmax_retries: 2\ntimeout_sec: 86400\n{URL}",
            "a.yaml:5:14: warning: max_retries: 3 attempts of 86400 s and the waits between them may last 3 d 3 s, "
            "but the next slot may come after 1 d: write fewer retries, a shorter timeout_sec, or an `overlap` for "
            "this case [retries-outlast-period]",
            id="retries outlast a day of the calendar",
        ),
        pytest.param(
            f"interval: {{minutes: 5}}\nmax_retries: 3\ntimeout_sec: 120\nretry_backoff_sec: 10\n{URL}",
            "a.yaml:3:14: warning: max_retries: 4 attempts of 120 s and the waits between them may last 9 min 10 s, "
            "but the next slot may come after 5 min: write fewer retries, a shorter timeout_sec, or an `overlap` for "
            "this case [retries-outlast-period]",
            id="retries outlast an interval",
        ),
        pytest.param(
            f'cron: "0,2 9-10 * * *"\nmax_instances: 2\nmax_retries: 9\n{URL}',
            "a.yaml:4:14: warning: max_retries: 10 attempts of 30 s and the waits between them may last 13 min 31 s, "
            "but the next slot may come after 2 min, and 2 may run at the same time: write fewer retries, a shorter "
            "timeout_sec, or an `overlap` for this case [retries-outlast-period]",
            id="retries outlast the shortest distance",
        ),
        pytest.param(
            f"interval: {{hours: 1}}\nheaders: {{X-Team: a, X-Api-Key: hunter2}}\n{URL}",
            "a.yaml:3:33: warning: headers.X-Api-Key: the header X-Api-Key is a credential that is written out: "
            "write ${secret:NAME} instead [literal-credential]",
            id="credential in a header",
        ),
        pytest.param(
            "interval: {hours: 1}\ntarget_url: https://me:hunter2@example.com/\n",
            "a.yaml:3:13: warning: target_url: the password in the URL is a credential that is written out: write "
            "${secret:NAME} instead [literal-credential]",
            id="credential in the URL",
        ),
        pytest.param(
            f"interval: {{hours: 1}}\nbody: {{list: [{{password: hunter2}}]}}\n{URL}",
            "a.yaml:3:26: warning: body.list.0.password: is a credential that is written out: write ${secret:NAME} "
            "instead [literal-credential]",
            id="credential in the body",
        ),
        pytest.param(
            f"interval: {{hours: 1}}\nbody: '{{\"a\": 1}}'\n{URL}",
            "a.yaml:3:7: warning: body: is text that contains JSON, and is sent as a JSON string, since a body "
            "without a Content-Type is sent as JSON: write the value itself, not in quotes and not as a block of text "
            "[json-in-text]",
            id="JSON in a text",
        ),
        pytest.param(
            f"interval: {{hours: 1}}\nheaders: {{content-type: application/a+json}}\nbody: |\n  [1]\n{URL}",
            "a.yaml:4:7: warning: body: is text that contains JSON, and is sent as a JSON string, since the "
            "Content-Type says JSON: write the value itself, not in quotes and not as a block of text [json-in-text]",
            id="JSON in a block of text",
        ),
        pytest.param(
            f"interval: {{hours: 1}}\nheaders: {{Content-Type: {FORM}}}\nbody: {{a: 1}}\n{URL}",
            "a.yaml:4:7: warning: body: is sent as the fields of a form, not as JSON, since the Content-Type says "
            "x-www-form-urlencoded: write text if it has to be exact [form-body]",
            id="a mapping as a form",
        ),
        pytest.param(
            f"interval: {{hours: 1}}\nheaders: {{Content-Type: {FORM}}}\nbody: {{a: {{b: 1}}}}\n{URL}",
            "a.yaml:4:7: warning: body: is sent as JSON, though the Content-Type says x-www-form-urlencoded, since a "
            "form can't express it: write text, or a mapping of texts and numbers [form-body]",
            id="what no form can say",
        ),
        pytest.param(
            f"interval: PT1H\nheaders: {{Content-Type: Multipart/Form-Data; boundary=x}}\nbody: {{a: 1}}\n{URL}",
            "a.yaml:4:7: warning: body: is sent as JSON, though the Content-Type says multipart/form-data, whose "
            "parts the scheduler doesn't build: write the body as text with its parts, or another Content-Type "
            "[form-body]",
            id="a mapping in parts",
        ),
        pytest.param(
            f"interval: {{hours: 1}}\nheaders: {{Content-Type: text/plain; charset=Shift_JIS}}\nbody: a\n{URL}",
            "a.yaml:3:1: warning: headers: names a charset other than UTF-8, but the body is sent as UTF-8: "
            "write charset=utf-8, or leave charset out [body-charset]",
            id="another charset",
        ),
        pytest.param(
            f'cron: "0 0 1 1 *"\nend_at: "2026-02-01T00:00:00Z"\n{URL}',
            "a.yaml:2:7: warning: cron: is in the past, so the job will never run: write a later time, or remove "
            "the job [cron-past]",
            id="past",
        ),
    ],
)
def test_what_is_said(text: str, said: str) -> None:
    (found,) = _cautions(text)
    assert found == said
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('cron: "0 12 13 * fri"\nday_match: any\n', id="day_match says any"),
        pytest.param('cron: "0 12 13 * fri"\nday_match: all\n', id="day_match says all"),
        pytest.param('cron: "0 12 13 * *"\n', id="a day only"),
        pytest.param('cron: "0 12 * * fri"\n', id="a weekday only"),
        pytest.param("interval: PT1H\nbody: {a: 1}\n", id="a mapping is JSON"),
        pytest.param(
            "interval: PT1H\nheaders: {Content-Type: multipart/form-data; boundary=x}\nbody: a\n", id="parts in a text"
        ),
        pytest.param('interval: PT1H\nbody: "5"\n', id="a number as text"),
        pytest.param("interval: PT1H\nbody: '{not JSON'\n", id="text"),
        pytest.param("interval: PT1H\nheaders: {Content-Type: text/plain}\nbody: '{}'\n", id="JSON as plain text"),
        pytest.param(f"interval: PT1H\nheaders: {{Content-Type: {FORM}}}\nbody: a=1\n", id="a form as text"),
        pytest.param("interval: PT1H\nheaders: {Content-Type: a/b;Charset=UTF-8}\nbody: ü\n", id="UTF-8"),
        pytest.param("interval: PT1H\nheaders: {Content-Type: a/b;charset=us-ascii}\nbody: u\n", id="ASCII"),
        pytest.param("interval: PT1H\nheaders: {Content-Type: a/b;charset=x}\n", id="a charset of nothing"),
        pytest.param("cron: {hour: 3, day_of_week: fri}\n", id="a weekday in an object"),
        pytest.param("interval: {minutes: 5}\nmax_retries: 3\ntimeout_sec: 60\n", id="retries within the interval"),
        pytest.param("interval: {minutes: 5}\ntimeout_sec: 600\n", id="no retries"),
        *(
            pytest.param(f"interval: {{minutes: 5}}\nmax_retries: 9\noverlap: {word}\n", id=f"overlap says {word}")
            for word in ("allow", "skip", "queue", "replace")
        ),
        pytest.param("interval: {minutes: 5}\nmax_retries: 3\nmax_instances: 2\ntimeout_sec: 120\n", id="two at once"),
        pytest.param('cron: "0 9 * * *"\nmax_retries: 20\n', id="once a day"),
        pytest.param('run_at: "2026-12-01T00:00:00Z"\nmax_retries: 100\n', id="once"),
        pytest.param(
            "interval: {hours: 1}\n"
            "headers: {X-MyScheduler-Job: a, Idempotency-Key: b, Authorization: 'Bearer ${secret:A}'}\n",
            id="keys that open nothing, and a reference",
        ),
    ],
)
def test_what_is_not_worth_a_word(text: str) -> None:
    assert _cautions(text + URL) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param('run_at: "2026-10-31T00:00:00Z"\n', "run-at-past", id="one-off"),
        pytest.param('cron: {year: "2020-2025", hour: 3}\n', "cron-past", id="years"),
        pytest.param('cron: "0 3 * * *"\nend_at: "2026-10-31T00:00:00Z"\n', "cron-past", id="end of a cron schedule"),
        pytest.param('interval: PT1H\nend_at: "2026-10-31T00:00:00Z"\n', "interval-past", id="end of an interval"),
        pytest.param('cron: {year: "2020-2026", hour: 3}\n', None, id="years to come"),
        pytest.param('interval: PT1H\nend_at: "2026-11-02T00:00:00Z"\n', None, id="an end to come"),
        pytest.param("interval: PT1H\n", None, id="no end"),
    ],
)
def test_what_lies_in_the_past(text: str, rule: str | None) -> None:
    found = [one.rpartition(" [")[2].rstrip("]") for one in _cautions(text + URL)]
    assert found == ([rule] if rule else [])


def test_a_credential_of_each_kind_is_told_beside_the_others() -> None:
    text = "cron: {year: 2020}\nheaders: {Authorization: Bearer abcdefgh1, Cookie: s=1}\n"
    rules = [one.rpartition(" [")[2] for one in _cautions(text + URL)]
    assert rules == ["literal-credential]", "literal-credential]", "cron-past]"]


def test_nothing_of_it_is_a_problem_of_the_file() -> None:
    """So the reconciler keeps an outline, and holds nothing."""
    text = 'job_id: a\ncron: "0 12 13 * fri"\nmax_retries: 100\ntimeout_sec: 86400\nheaders: {Cookie: x}\n'
    parsed = parse_file(SourceFile.of("a.yaml", f"{text}{URL}".encode()), zone="Asia/Tokyo")
    outline = parsed.outline()
    assert outline is not None
    assert len(list(lint(parsed.jobs, clock=Clock(NOW, "UTC")))) == 3
    assert list(lint(outline.jobs, clock=Clock(NOW, "UTC"))) == []


_LISTS = {
    name: st.lists(st.integers(low, high), min_size=1, max_size=4, unique=True)
    for name, low, high in (("hour", 0, 23), ("minute", 0, 59), ("second", 0, 59))
}


@given(st.fixed_dictionaries(_LISTS), st.integers(1, 4000))
def test_the_shortest_distance_is_that_of_the_slots(fields: dict[str, list[int]], timeout: int) -> None:
    cron = ", ".join(f'{name}: "{",".join(map(str, sorted(values)))}"' for name, values in fields.items())
    text = f"cron: {{{cron}}}\ntimezone: UTC\nmax_retries: 1\nretry_backoff_sec: 0\ntimeout_sec: {timeout}\n{URL}"
    moments = [
        timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        for day in range(NEAR_SLOTS)
        for hour in fields["hour"]
        for minute in fields["minute"]
        for second in fields["second"]
    ]
    shortest = min(after - before for before, after in pairwise(sorted(moments)[:NEAR_SLOTS]))
    assert bool(_cautions(text)) is (2 * timeout > shortest.total_seconds())
