"""The form of a message for each service: HTTP requests, a mail, or a note for Apprise.

What was written by others is escaped as the service requires, and the lengths are within its limits.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any, assert_never

from myscheduler.core.calls.request import rfc3339
from myscheduler.core.calls.signatures import signature_headers
from myscheduler.core.findings.problem import cut, printable
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.incidents.notice import JobFacts, Message, Notice, NoticeKind
from myscheduler.core.notifications.channels import (
    Apprise,
    Channel,
    Email,
    LineWorks,
    PagerDuty,
    Slack,
    Teams,
    Webhook,
)
from myscheduler.core.notifications.telling import ENDS, LONGEST_FACT, Item, Telling, link_of, plain, tell

LONGEST_SLACK_HEADER = 150
LONGEST_SLACK_SECTION = 3_000
LONGEST_LINE_WORKS = 2_000
"""Characters of the text; the title takes a hundred."""
LONGEST_SUBJECT = 200
LONGEST_SUMMARY = 1_024
"""Of an event of PagerDuty."""
_CARD = "http://adaptivecards.io/schemas/adaptive-card.json"


@dataclass(frozen=True, slots=True)
class Post:
    """One HTTP request with a JSON body."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail, as plain text and as HTML."""

    subject: str
    text: str
    html: str
    message_id: str
    """The same in each try."""
    thread_id: str | None
    """The incident that it is about; mails with the same one belong together. `None` for a digest and a test."""


@dataclass(frozen=True, slots=True)
class Note:
    """A title and a text, for a service behind Apprise."""

    title: str
    text: str
    is_good: bool


Payload = tuple[Post, ...] | Mail | Note


def render(channel: Channel, message: Message, *, public_url: str, at: datetime) -> Payload:
    """The message as the channel's service takes it. The channel's references are filled; `at` is the time of the try.

    PagerDuty gets one request for each incident, as each is resolved by itself. Raises `KeyFormError` for a key that
    can't sign.
    """
    telling = tell(message, channel.language, public_url)
    match channel.service:
        case Slack(url):
            return (Post(url, _json(slack(telling))),)
        case Teams(url):
            return (Post(url, _json(teams(telling))),)
        case LineWorks(url):
            return (Post(url, _json(line_works(telling))),)
        case Webhook(url, secrets):
            body = _json(webhook(message, telling, public_url))
            return (Post(url, body, signature_headers(message.message_id, at, body, secrets)),)
        case PagerDuty(routing_key, url):
            events = (event for notice in message.notices for event in pagerduty(notice, channel, public_url))
            return tuple(Post(url, _json({"routing_key": routing_key} | event)) for event in events)
        case Email():
            return mail(message, telling)
        case Apprise():
            return Note(telling.title, _text(telling, is_titled=message.is_digest), telling.is_good)
        case _:
            assert_never(channel.service)


def slack(telling: Telling) -> dict[str, Any]:
    """Blocks for Slack, with a plain text for notifications of the system."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(_mark(telling), LONGEST_SLACK_HEADER)}}
    ]
    blocks += [_slack_section(one, telling) for one in telling.items]
    if telling.more:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _mrkdwn(telling.more)}]})
    return {"text": _mrkdwn(_mark(telling)), "blocks": blocks}


def _slack_section(item: Item, telling: Telling) -> dict[str, Any]:
    lines = [f"*{_mrkdwn(item.title)}*"] if len(telling.items) > 1 else []
    lines += [f"*{_mrkdwn(label)}*: {_mrkdwn(value)}" for label, value in item.facts]
    lines += [f"<{item.link}|{_mrkdwn(telling.open_words)}>"] if item.link else []
    text = cut("\n".join(lines or [_mrkdwn(item.title)]), LONGEST_SLACK_SECTION)
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _mrkdwn(text: str) -> str:
    """Escaped, so that it is no link and mentions nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams(telling: Telling) -> dict[str, Any]:
    """An adaptive card. Only text runs hold what others wrote: text blocks would take it for Markdown."""
    colour = "Good" if telling.is_good else "Attention"
    body = [_run(telling.title, size="Large", weight="Bolder", color=colour)]
    for item in telling.items:
        if len(telling.items) > 1:
            body.append(_run(item.title, weight="Bolder") | {"spacing": "Medium"})
        body += [_run_of_fact(label, value) for label, value in item.facts]
    if telling.more:
        body.append(_run(telling.more))
    links = [one.link for one in telling.items if one.link][:1]
    actions = [{"type": "Action.OpenUrl", "title": telling.open_words, "url": link} for link in links]
    card = {"$schema": _CARD, "type": "AdaptiveCard", "version": "1.4", "body": body, "actions": actions}
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _run(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text} | style]}


def _run_of_fact(label: str, value: str) -> dict[str, Any]:
    runs = [{"type": "TextRun", "text": f"{label}: ", "weight": "Bolder"}, {"type": "TextRun", "text": value}]
    return {"type": "RichTextBlock", "inlines": runs, "spacing": "Small"}


def line_works(telling: Telling) -> dict[str, Any]:
    """A title and plain text."""
    text = _text(telling, is_titled=len(telling.items) > 1) or telling.title
    return {"title": cut(_mark(telling), 100), "body": {"text": cut(text, LONGEST_LINE_WORKS)}}


def webhook(message: Message, telling: Telling, public_url: str) -> dict[str, Any]:
    """All that is known, as data; `type` is such as `incident.began`."""
    kinds = {one.kind for one in message.notices}
    what = "test" if kinds == {NoticeKind.TEST} else f"incident.{'digest' if message.is_digest else kinds.pop()}"
    data = {
        "message_id": message.message_id,
        "text": telling.title,
        "notices": [_notice_data(one, public_url) for one in message.notices],
    }
    return {"type": what, "timestamp": rfc3339(max(one.at for one in message.notices)), "data": data}


def _notice_data(notice: Notice, public_url: str) -> dict[str, Any]:
    return {
        "notice_id": notice.notice_id,
        "kind": notice.kind,
        "at": rfc3339(notice.at),
        "url": link_of(notice, public_url),
        "job": _job_data(notice.job) if notice.job else None,
        "incident": _incident_data(notice.incident) if notice.incident else None,
    }


def _job_data(job: JobFacts) -> dict[str, Any]:
    labels = {_one_line(name): _one_line(value) for name, value in job.labels.items()}
    return {
        "job_id": job.job_id,
        "name": plain(job.name),
        "labels": labels,
        "host": job.host,
        "timezone": job.zone,
        "source": job.source,
    }


def _one_line(text: str) -> str:
    return cut(printable(text), LONGEST_FACT)


def _incident_data(incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": incident.incident_id,
        "kind": incident.kind,
        "target": incident.target,
        "host": incident.host,
        "expires_at": rfc3339(incident.expires_at) if incident.expires_at else None,
        "began_at": rfc3339(incident.began_at),
        "noticed_at": rfc3339(incident.noticed_at),
        "ended_at": rfc3339(incident.ended_at) if incident.ended_at else None,
        "end_reason": incident.end_reason,
        "failures": incident.failures,
        "first_execution_id": incident.first_execution_id,
        "last_execution_id": incident.last_execution_id,
        "error": plain(incident.error) if incident.error else None,
        "source_revision": incident.source_revision,
        "good_revision": incident.good_revision,
    }


def pagerduty(notice: Notice, channel: Channel, public_url: str) -> Iterator[dict[str, Any]]:
    """The events for one incident, without the routing key. A test is resolved at once, so that it leaves nothing open.

    The incident is the key by which PagerDuty recognises a repetition, so a reminder opens no second one.
    """
    telling = tell(Message(notice.notice_id, (notice,)), channel.language, public_url)
    key = notice.incident.incident_id if notice.incident else notice.notice_id
    subject = notice.incident.subject if notice.incident else "MyScheduler"
    (item,) = telling.items
    links = [{"href": item.link, "text": telling.open_words}] if item.link else []
    event = {
        "dedup_key": key,
        "client": "MyScheduler",
        "payload": {
            "summary": cut(telling.title, LONGEST_SUMMARY),
            "source": notice.job.host if notice.job else subject,
            "severity": "info" if notice.kind is NoticeKind.TEST else "error",
            "timestamp": rfc3339(notice.at),
            "component": notice.job.job_id if notice.job else subject if notice.incident else "notifications",
            "class": notice.incident.kind if notice.incident else "test",
            "custom_details": dict(item.facts),
        },
        "links": links,
    }
    if notice.kind not in ENDS:
        yield {"event_action": "trigger"} | event
    if notice.kind in {*ENDS, NoticeKind.TEST}:
        yield {"event_action": "resolve", "dedup_key": key}


def mail(message: Message, telling: Telling) -> Mail:
    """The subject says all for those who read no further."""
    incident = None if message.is_digest else message.notices[0].incident
    return Mail(
        subject=cut(f"[MyScheduler] {telling.title}", LONGEST_SUBJECT),
        text=f"{_text(telling, is_titled=True)}\n",
        html="".join(_html(telling)),
        message_id=message.message_id,
        thread_id=incident.incident_id if incident else None,
    )


def _html(telling: Telling) -> Iterator[str]:
    yield f"<html><body><h2>{escape(telling.title)}</h2>"
    for item in telling.items:
        yield f"<h3>{escape(item.title)}</h3>" if len(telling.items) > 1 else ""
        rows = (f"<tr><th align=left>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in item.facts)
        yield f"<table>{''.join(rows)}</table>"
        yield f'<p><a href="{escape(item.link)}">{escape(telling.open_words)}</a></p>' if item.link else ""
    yield f"<p>{escape(telling.more)}</p></body></html>"


def _text(telling: Telling, *, is_titled: bool) -> str:
    """Plain text: a paragraph for each incident."""
    parts = [telling.title] if is_titled else []
    for item in telling.items:
        lines = [item.title] if len(telling.items) > 1 else []
        lines += [f"{label}: {value}" for label, value in item.facts]
        parts.append("\n".join([*lines, *([item.link] if item.link else [])]))
    return "\n\n".join(part for part in [*parts, telling.more] if part)


def _mark(telling: Telling) -> str:
    """The title with a sign that shows at a glance whether it is trouble."""
    return f"{'✅' if telling.is_good else '🔴'} {telling.title}"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
