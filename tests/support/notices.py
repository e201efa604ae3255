"""Incidents and messages of tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from myscheduler.core.incidents.incident import Incident, IncidentKind
from myscheduler.core.incidents.notice import JobFacts, Message, Notice, NoticeKind

BEGAN = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
JOB = JobFacts(
    "daily/report", "日次 <レポート>", {"team": "billing"}, "api.example.com", "Asia/Tokyo", "billing/report.yaml:3"
)
FAILING = Incident(
    "0193-incident",
    "daily/report",
    IncidentKind.FAILING,
    began_at=BEGAN,
    noticed_at=BEGAN + timedelta(minutes=10),
    failures=3,
    first_execution_id="0193-first",
    last_execution_id="0193-last",
    error="the target answered 503: *down* & <!channel> token=hunter2hunter2",
    source_revision="git:abc123",
    good_revision="git:0000ff",
)
LATE = replace(FAILING, kind=IncidentKind.LATE, failures=0, error=None, source_revision=None, good_revision=None)
CIRCUIT = Incident(
    "0193-circuit",
    "billing",
    IncidentKind.CIRCUIT,
    began_at=BEGAN,
    noticed_at=BEGAN + timedelta(seconds=1),
    failures=5,
    error="answered 503",
)
CERTIFICATE = Incident(
    "0193-certificate", "api.example.com", IncidentKind.CERTIFICATE, began_at=BEGAN, noticed_at=BEGAN
)
ENDED = replace(FAILING, ended_at=BEGAN + timedelta(hours=1, minutes=30))


def notice(
    kind: NoticeKind = NoticeKind.BEGAN, incident: Incident | None = FAILING, job: JobFacts | None = JOB
) -> Notice:
    at = incident.ended_at or incident.noticed_at if incident else BEGAN
    return Notice(f"notice-{kind}", kind, at, job, incident)


def of_place(kind: NoticeKind, incident: Incident) -> Notice:
    """A notice about a target or host."""
    at = incident.ended_at or incident.noticed_at
    return Notice(f"notice-{kind}-{incident.kind}", kind, at, None, incident, "Asia/Tokyo")


def message(*notices: Notice) -> Message:
    return Message("message-1", notices or (notice(),))


TRIED = message(notice(NoticeKind.TEST, None, None))


def digest(count: int) -> Message:
    """So many failing jobs, and one that works again."""
    jobs = [replace(JOB, job_id=f"job-{number}", name=f"ジョブ{number}" * 20) for number in range(count)]
    bad = [replace(notice(), notice_id=f"n{one.job_id}", job=one) for one in jobs]
    return Message("digest-1", (*bad, notice(NoticeKind.RECOVERED, ENDED)))
