"""What each service is sent: golden texts in both languages, escapes, lengths, and nothing secret."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.calls.signatures import KeyFormError
from myscheduler.core.incidents.incident import EndReason, IncidentKind
from myscheduler.core.incidents.notice import Message, NoticeKind
from myscheduler.core.notifications.channels import (
    Apprise,
    Channel,
    Email,
    Language,
    LineWorks,
    PagerDuty,
    Service,
    Slack,
    Teams,
    Webhook,
)
from myscheduler.core.notifications.payloads import Mail, Note, Post, render
from myscheduler.core.notifications.telling import MOST_IN_DIGEST, tell
from myscheduler.core.notifications.words import WORDS
from tests.support.checkout import ROOT
from tests.support.documented import blocks
from tests.support.golden import expect
from tests.support.notices import (
    BEGAN,
    CERTIFICATE,
    CIRCUIT,
    ENDED,
    FAILING,
    LATE,
    TRIED,
    digest,
    message,
    notice,
    of_place,
)

GOLDEN = Path(__file__).parent / "golden"
URL = "https://jobs.example.com/scheduler"
NOW = datetime(2026, 12, 1, 1, tzinfo=UTC)
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SERVICES: list[Service] = [
    Slack("https://hooks.example.com/s"),
    Teams("https://hooks.example.com/t"),
    LineWorks("https://hooks.example.com/l"),
    Webhook("https://hooks.example.com/w", (KEY,)),
    PagerDuty("R0UT1NG"),
    Email("smtp.example.com", "a@example.com", ("b@example.com",)),
    Apprise("json://hooks.example.com"),
]
MESSAGES = {
    "began": message(),
    "began-late": message(notice(incident=LATE)),
    "reminder": message(notice(NoticeKind.REMINDER)),
    "recovered": message(notice(NoticeKind.RECOVERED, ENDED)),
    "closed": message(notice(NoticeKind.CLOSED, replace(ENDED, end_reason=EndReason.DELETED))),
    "test": TRIED,
    "digest": digest(2),
    "circuit": message(of_place(NoticeKind.BEGAN, CIRCUIT)),
    "certificate-and-circuit": message(
        of_place(NoticeKind.REMINDER, CERTIFICATE),
        of_place(
            NoticeKind.RECOVERED,
            replace(CIRCUIT, ended_at=BEGAN + timedelta(minutes=10), end_reason=EndReason.RECOVERED),
        ),
    ),
}


def _render(service: Service, what: Message, language: Language = Language.ENGLISH, url: str = URL) -> Any:
    return render(Channel("ops", service, language), what, public_url=url, at=NOW)


def _bodies(service: Service, what: Message, language: Language = Language.ENGLISH) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in _render(service, what, language)]


def _shown(payload: tuple[Post, ...] | Mail | Note) -> str:
    if isinstance(payload, Mail):
        head = f"Subject: {payload.subject}\nMessage: {payload.message_id} in {payload.thread_id}"
        return f"{head}\n\n{payload.text}\n{payload.html}\n"
    if isinstance(payload, Note):
        return f"{payload.title} (good: {payload.is_good})\n\n{payload.text}\n"
    lines = []
    for post in payload:
        lines += [f"POST {post.url}", *(f"{name}: {value}" for name, value in post.headers.items())]
        lines.append(json.dumps(json.loads(post.body), ensure_ascii=False, indent=1))
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("service", SERVICES, ids=lambda one: type(one).__name__)
def test_what_is_sent(service: Service) -> None:
    kind = type(service).__name__.lower()
    english = [f"=== {name}\n{_shown(_render(service, one))}" for name, one in MESSAGES.items()]
    expect(f"{kind}.txt", "\n".join(english), GOLDEN)
    japanese = [f"=== {name}\n{_shown(_render(service, one, Language.JAPANESE))}" for name, one in MESSAGES.items()]
    expect(f"{kind}.ja.txt", "\n".join(japanese), GOLDEN)


def test_every_message_has_words_in_each_language() -> None:
    assert WORDS[Language.ENGLISH].keys() == WORDS[Language.JAPANESE].keys()
    titled = {f"{kind}-{what}" for kind in NoticeKind if kind is not NoticeKind.TEST for what in IncidentKind}
    assert titled <= WORDS[Language.ENGLISH].keys()


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("what", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("service", SERVICES, ids=lambda one: type(one).__name__)
def test_nothing_secret_is_said(service: Service, what: Message, language: Language) -> None:
    assert "hunter2" not in _shown(_render(service, what, language))


def _shape(value: Any) -> Any:
    """The names of all fields in it, in their order; of a list, those of its first item."""
    if isinstance(value, list):
        return [_shape(one) for one in value[:1]]
    return [(name, _shape(one)) for name, one in value.items()] if isinstance(value, dict) else None


def test_the_page_shows_what_a_webhook_is_sent() -> None:
    (example,) = (json.loads(block) for block in blocks(ROOT / "docs/notifications.md", "json"))
    (body,) = _bodies(SERVICES[3], message())
    for sent in (example, body):
        sent["data"]["notices"][0]["job"]["labels"] = {}  # those of some job
    assert _shape(example) == _shape(body)
    assert example["type"] == body["type"]


def test_slack_mentions_nobody() -> None:
    (body,) = _bodies(Slack("https://x"), message())
    text = json.dumps(body)
    assert "<!channel>" not in text
    assert "&lt;!channel&gt;" in text
    assert body["blocks"][0]["text"]["type"] == "plain_text"


def test_teams_reads_no_markdown() -> None:
    """What others wrote is in text runs only, which have no formatting."""
    (body,) = _bodies(Teams("https://x"), message())
    blocks = body["attachments"][0]["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert {run["type"] for block in blocks for run in block["inlines"]} == {"TextRun"}


def test_mail_has_no_markup_of_others() -> None:
    tags: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)

    Tags().feed(_render(SERVICES[5], message()).html)
    assert set(tags) <= {"html", "body", "h2", "h3", "table", "tr", "th", "td", "p", "a"}


def test_a_large_digest_fits_into_what_the_services_take() -> None:
    many = digest(200)
    (slack,), (teams,), (line,) = (_bodies(service, many, Language.JAPANESE) for service in SERVICES[:3])
    assert len(slack["blocks"]) <= 50
    assert all(len(one["text"]["text"]) <= 3_000 for one in slack["blocks"] if one["type"] == "section")
    assert len(json.dumps(teams, ensure_ascii=False).encode()) < 28 * 1024
    assert (len(line["title"]) <= 100, len(line["body"]["text"]) <= 2_000) == (True, True)
    assert len(_render(SERVICES[5], many).subject) <= 200
    telling = tell(many, Language.ENGLISH, URL)
    assert (len(telling.items), telling.more, telling.title) == (
        MOST_IN_DIGEST, "and 186 more", "Jobs in trouble: 200; back to normal: 1",
    )  # fmt: skip
    assert len(_bodies(SERVICES[3], many)[0]["data"]["notices"]) == 201


def test_pagerduty_gets_an_event_for_each_incident() -> None:
    events = _bodies(PagerDuty("R0UT1NG"), Message("m", (notice(), notice(NoticeKind.RECOVERED, ENDED))))
    assert [(one["event_action"], one["dedup_key"], one["routing_key"]) for one in events] == [
        ("trigger", FAILING.incident_id, "R0UT1NG"),
        ("resolve", FAILING.incident_id, "R0UT1NG"),
    ]
    assert [one["event_action"] for one in _bodies(PagerDuty("k"), TRIED)] == ["trigger", "resolve"]


def test_without_an_address_there_are_no_links() -> None:
    for service in SERVICES:
        assert "jobs.example.com" not in _shown(_render(service, digest(2), url=""))


@pytest.mark.parametrize("key", ["hunter2", "whsec_", "whsec_!", "whsec_c2hvcnQ="])
def test_a_key_of_another_form_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(KeyFormError) as caught:
        _render(Webhook("https://x", (key,)), message())
    assert key not in str(caught.value)
