"""What a message says, in words and in an order that all services share; `payloads` gives it the form of each.

Nothing in it is secret: what a job or a target wrote is masked as in the history, and is one line each.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never
from urllib.parse import quote

from myscheduler.core.findings.masking import masked_text
from myscheduler.core.findings.problem import cut, printable
from myscheduler.core.incidents.incident import Incident, IncidentKind
from myscheduler.core.incidents.notice import JobFacts, Message, Notice, NoticeKind
from myscheduler.core.notifications.channels import Language
from myscheduler.core.notifications.words import said_in, span_text, time_text

LONGEST_TITLE = 120
LONGEST_FACT = 300
MOST_IN_DIGEST = 15
"""Incidents that a digest names; the rest are counted, so that it fits into what Teams takes (28 KB)."""
REVISION_CHARACTERS = 80
ENDS = frozenset({NoticeKind.RECOVERED, NoticeKind.CLOSED})


@dataclass(frozen=True, slots=True)
class Item:
    """One incident."""

    title: str
    facts: tuple[tuple[str, str], ...]
    """Labels and values."""
    link: str | None
    """The page of the job in the dashboard, or else of the incident; `None` where its address is not known."""
    is_good: bool


@dataclass(frozen=True, slots=True)
class Telling:
    """All of a message."""

    title: str
    items: tuple[Item, ...]
    more: str
    """The words for incidents that are not among the items; empty if all are."""
    open_words: str
    """What a link is called."""
    is_good: bool
    """Whether nothing in it is trouble."""


def tell(message: Message, language: Language, public_url: str) -> Telling:
    """`public_url` is where the dashboard is for those who read the message; empty if that is not known."""
    named, left = message.notices[:MOST_IN_DIGEST], len(message.notices) - MOST_IN_DIGEST
    items = tuple(_item(one, language, public_url, is_whole=not message.is_digest) for one in named)
    return Telling(
        title=_digest_title(message, language) if message.is_digest else items[0].title,
        items=items,
        more=said_in(language, "more", count=left) if left > 0 else "",
        open_words=said_in(language, "open"),
        is_good=all(map(_is_good, message.notices)),
    )


def link_of(notice: Notice, public_url: str) -> str | None:
    if not public_url:
        return None
    if notice.job is not None:
        return f"{public_url}/ui/jobs/{quote(notice.job.job_id, safe='')}"
    return f"{public_url}/ui/incidents/{notice.incident.incident_id}" if notice.incident else f"{public_url}/ui/"


def plain(text: str, longest: int = LONGEST_FACT) -> str:
    """One line without credentials. Of a long text, no more is searched for them than what may be shown in part."""
    return cut(printable(masked_text(" ".join(text[: 4 * longest].split()))), longest)


def _is_good(notice: Notice) -> bool:
    return notice.kind in ENDS or notice.kind is NoticeKind.TEST


def _digest_title(message: Message, language: Language) -> str:
    good = sum(map(_is_good, message.notices))
    bad = len(message.notices) - good
    what = "digest" if all(one.job is not None for one in message.notices) else "mixed"
    key = f"{what}-both" if good and bad else f"{what}-bad" if bad else f"{what}-good"
    return said_in(language, key, bad=bad, good=good)


def _item(notice: Notice, language: Language, public_url: str, *, is_whole: bool) -> Item:
    job, incident = notice.job, notice.incident
    is_good = _is_good(notice)
    link = link_of(notice, public_url)
    if incident is None:
        return Item(said_in(language, "test"), (), link, is_good)
    facts = _facts(notice.kind, job, incident) if is_whole else _short_facts(notice.kind, incident)
    zone = job.zone if job else notice.zone
    told = tuple((said_in(language, key), _value(value, zone, language)) for key, value in facts)
    name = plain(job.name if job else incident.subject, LONGEST_TITLE - 40)
    return Item(said_in(language, f"{notice.kind}-{incident.kind}", name=name), told, link, is_good)


Value = str | int | datetime | tuple[datetime, datetime]


def _facts(kind: NoticeKind, job: JobFacts | None, incident: Incident) -> Iterator[tuple[str, Value]]:
    """The words for each fact, and the fact."""
    if job is not None and job.name != job.job_id:
        yield "job", job.job_id
    yield _since(kind, incident)
    if incident.failures:
        yield "failures", incident.failures
    if kind in ENDS:
        if incident.ended_at is not None:
            yield "ended", incident.ended_at
            yield "lasted", (incident.began_at, incident.ended_at)
        return
    if incident.error:
        yield "error", incident.error
    if job is not None:
        yield "call", job.host
    if job is not None and job.source:
        yield "source", job.source
    if incident.source_revision:
        yield "revision", incident.source_revision[:REVISION_CHARACTERS]
    if incident.good_revision and incident.good_revision != incident.source_revision:
        yield "good-revision", incident.good_revision[:REVISION_CHARACTERS]


def _short_facts(kind: NoticeKind, incident: Incident) -> Iterator[tuple[str, Value]]:
    if kind in ENDS:
        if incident.ended_at is not None:
            yield "lasted", (incident.began_at, incident.ended_at)
    elif incident.error:
        yield "error", cut(incident.error, LONGEST_FACT // 2)
    else:
        yield _since(kind, incident)


def _since(kind: NoticeKind, incident: Incident) -> tuple[str, datetime]:
    if incident.expires_at is not None:
        return "expires", incident.expires_at
    return ("due" if incident.kind is IncidentKind.LATE and kind not in ENDS else "since"), incident.began_at


def _value(value: Value, zone: str, language: Language) -> str:
    match value:
        case str():
            return plain(value)
        case datetime():
            return time_text(value, zone)
        case tuple():
            begin, end = value
            return span_text(end - begin, language)
        case int():
            return f"{value:,}"
        case _:
            assert_never(value)
