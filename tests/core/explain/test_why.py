"""Why, or why not: a sentence for each status and reason, and for times of which no row tells."""

# ruff: noqa: E501 - whole sentences stand on one line

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.explain.explanation import Explanation
from myscheduler.core.explain.why import explain
from myscheduler.core.explain.why_facts import Downtime, Facts
from myscheduler.core.history.execution import Cause, Kind, QueuedRun, Record, Status
from myscheduler.core.job.job import Job, Owner, Pause, Source
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.timestamps import parse_asked
from tests.support import parts

TOKYO = "Asia/Tokyo"
MADE = datetime(2026, 5, 1, tzinfo=UTC)
SLOT = datetime(2026, 6, 1, 0, tzinfo=UTC)  # 09:00 in Tokyo
NOW = SLOT + timedelta(hours=5)
SECOND = timedelta(seconds=1)


def _job(**fields: Any) -> Job:
    return replace(parts.job("a", MADE, **({"cron": "0 9 * * *"} | fields)), cursor=NOW, updated_at=MADE)


def _row(status: Status, reason: Reason | None = None, **fields: Any) -> Record:
    row = Record(
        execution_id="x", job_id="a", slot=SLOT, kind=Kind.SCHEDULED, cause=Cause.TIMER, status=status, reason=reason,
        last_slot=SLOT, slot_count=1, requested_by=None, digest=_job().digest, source=None, started_at=None,
        completed_at=None, attempts=0, http_status=None, response_size=None, error=None, excerpt=None,
    )  # fmt: skip
    return replace(row, **fields)


def _why(at: str, *rows: Record, job: Job | None = None, is_removed: bool = False, **facts: Any) -> Explanation:
    known = None if is_removed else job or _job()
    return explain(Facts("a", known, rows, **facts), parse_asked(at, TOKYO), clock=Clock(NOW, TOKYO))


RAN: dict[str, Any] = {"started_at": SLOT + SECOND / 4, "completed_at": SLOT + 3 * SECOND, "attempts": 2}
MANUAL: dict[str, Any] = {"slot": SLOT + timedelta(hours=1), "last_slot": SLOT + timedelta(hours=1)}


@pytest.mark.parametrize(
    ("row", "job", "sentence"),
    [
        pytest.param(
            _row(Status.COMPLETED, http_status=200, **RAN), {},
            "The slot of 2026-06-01 09:00:00 +09:00 ran: it started 0.25 s after its time, and ended with HTTP 200 after "
            "2 attempts and 2.75 s.", id="completed",
        ),
        pytest.param(
            _row(Status.COMPLETED, http_status=200, error="h:80 sent a body with its 204", **RAN), {},
            "after 2 attempts and 2.75 s. Note: h:80 sent a body with its 204.", id="odd",
        ),
        pytest.param(
            _row(Status.FAILED, error="connection refused", **RAN), {}, "ran and failed: it started 0.25 s after its "
            "time, and ended with connection refused after 2 attempts and 2.75 s.", id="failed",
        ),
        pytest.param(
            _row(Status.COMPLETED, http_status=200, kind=Kind.MANUAL, requested_by="Ada", **(RAN | MANUAL)), {},
            "A manual run of 2026-06-01 10:00:00 +09:00 ran: it started on request of Ada, and ended", id="manual",
        ),
        pytest.param(
            _row(Status.COMPLETED, http_status=200, cause=Cause.CATCH_UP, **(RAN | {"started_at": SLOT + 65 * SECOND})),
            {}, "ran, to catch up: it started 1 min 5 s after its time", id="caught up",
        ),
        pytest.param(
            _row(Status.RUNNING, started_at=SLOT + SECOND), {}, "has been running since 2026-06-01 09:00:01 +09:00.", id="running"
        ),
        pytest.param(
            _row(Status.INTERRUPTED, Reason.CRASH, error="the scheduler stopped"), {},
            "was interrupted: the scheduler stopped.", id="interrupted",
        ),
        pytest.param(
            _row(Status.FAILED, Reason.SECRET_MISSING, error="secret 'a' is missing: look there", attempts=0), {},
            "+09:00 failed: secret 'a' is missing: look there.", id="no secret",
        ),
        pytest.param(
            _row(Status.FAILED, Reason.SECRET_MISSING, error="secret 'a' is missing", attempts=2), {},
            "+09:00 failed after 2 attempts: secret 'a' is missing.", id="no secret any more",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.PAUSED), {"pause": Pause("Ada", SLOT - SECOND)},
            "was skipped: the job was paused by Ada at 2026-06-01 08:59:59 +09:00.", id="paused by somebody",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.PAUSED), {"pause": Pause("Ada", SLOT - SECOND, "repair", SLOT + SECOND)},
            "the job was paused by Ada at 2026-06-01 08:59:59 +09:00 (repair).", id="paused for a reason",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.PAUSED), {"paused": True, "source": Source("a.yaml", 7, "r")},
            "was skipped: the job is paused in a.yaml:7.", id="paused by its manifest",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.PAUSED, slot_count=3, last_slot=SLOT + timedelta(days=2)), {},
            "The 3 slots from 2026-06-01 09:00:00 +09:00 to 2026-06-03 09:00:00 +09:00 were skipped: the job was paused.",
            id="a pause that is over, several slots",
        ),
        pytest.param(
            _row(Status.MISSED, Reason.DEADLINE), {"misfire_grace_time": 90},
            "was missed: there was no start within 1 min 30 s (misfire_grace_time).", id="deadline",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.OVERLAP), {},
            "an earlier execution was still running (max_instances: 1, overlap: skip).", id="overlap",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.HOLIDAY, slot=SLOT - timedelta(days=26), last_slot=SLOT - timedelta(days=26)),
            {"calendar": {"country": "JP", "only": "business_days"}},
            "2026-05-06 is a holiday of the job's calendar (振替休日).", id="holiday",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.WEEKEND, slot=SLOT - timedelta(days=1), last_slot=SLOT - timedelta(days=1)),
            {"calendar": {"country": "JP", "only": "business_days"}},
            "2026-05-31 is a Sunday, which the job's calendar leaves out.", id="weekend",
        ),
        pytest.param(
            _row(Status.SKIPPED, Reason.WEEKEND, slot=SLOT - timedelta(days=2), last_slot=SLOT - timedelta(days=1), slot_count=2),
            {"calendar": {"country": "JP", "only": "business_days"}},
            "+09:00 were skipped: that is a weekend, which the job's calendar leaves out.", id="a whole weekend",
        ),
    ],
)  # fmt: skip
def test_what_is_recorded(row: Record, job: dict[str, Any], sentence: str) -> None:
    laid = {name: job.pop(name) for name in ("pause", "source") if name in (job := dict(job))}
    known = replace(_job(**job), **laid)
    local = f"{row.slot + timedelta(hours=9):%Y-%m-%dT%H:%M}"
    explained = _why(local, row, job=known)
    assert len(explained.findings) == 1
    assert sentence in explained.answer


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    status = Status.INTERRUPTED if reason in {Reason.CRASH, Reason.SHUTDOWN, Reason.REPLACED} else Status.MISSED
    for is_removed in (False, True):
        answer = _why("2026-06-01T09:00", _row(status, reason), is_removed=is_removed).answer
        assert len(answer) > 60
        assert answer.endswith(".")


def test_an_overlap_names_what_was_under_way() -> None:
    other = _row(Status.COMPLETED, slot=SLOT - timedelta(hours=1), completed_at=SLOT + 9 * SECOND)
    answer = _why("2026-06-01T09:00", _row(Status.SKIPPED, Reason.OVERLAP), blockers={SLOT: other}).answer
    assert "the execution of 2026-06-01 08:00:00 +09:00 was running until 2026-06-01 09:00:09 +09:00" in answer


def test_an_overlap_with_a_manual_run_says_so() -> None:
    other = _row(Status.RUNNING, **MANUAL | {"kind": Kind.MANUAL, "slot": SLOT - SECOND})
    answer = _why("2026-06-01T09:00", _row(Status.SKIPPED, Reason.OVERLAP), blockers={SLOT: other}).answer
    assert "the manual run of 2026-06-01 08:59:59 +09:00 was running and still is" in answer


def test_a_manual_run_that_waits() -> None:
    run = QueuedRun("a", "x", SLOT + 20 * SECOND, "Ada")
    told = _why("2026-06-01T09:00", _row(Status.RUNNING, started_at=SLOT), waiting=run).findings
    assert [one.first for one in told] == [SLOT, SLOT + 20 * SECOND]
    assert told[1].sentence == (
        "A manual run of 2026-06-01 09:00:20 +09:00 on request of Ada waits until the execution in progress has ended "
        "(max_instances: 1)."
    )
    assert "waits until" not in _why("2026-06-01T09:01", waiting=run).answer


@pytest.mark.parametrize(
    ("is_crash", "sentence"),
    [
        (False, "(misfire_grace_time); the service was stopped from 2026-06-01 08:00:00 +09:00 to 2026-06-01 11:00:00"),
        (True, "(misfire_grace_time); the service was seen last at 2026-06-01 08:00:00 +09:00, and started again at"),
    ],
)
def test_a_downtime_is_told(is_crash: bool, sentence: str) -> None:
    down = Downtime(SLOT - timedelta(hours=1), SLOT + timedelta(hours=2), is_crash)
    assert sentence in _why("2026-06-01T09:00", _row(Status.MISSED, Reason.DEADLINE), downtimes={SLOT: down}).answer


@pytest.mark.parametrize(
    ("at", "job", "sentence"),
    [
        pytest.param("2026-06-02T09:00", {}, "is still to come: it will run.", id="to come"),
        pytest.param("2026-06-02T09:00", {"paused": True}, "will be skipped unless the job is resumed", id="paused"),
        pytest.param(
            "2026-11-23T09:00", {"calendar": {"country": "JP", "only": "business_days"}},
            "it will be left out, 2026-11-23 is a holiday of the job's calendar (勤労感謝の日).", id="a holiday to come",
        ),
        pytest.param(
            "2026-11-23T09:00", {"blackout": [{"cron": "0 9 * * mon", "duration": "PT1H"}]},
            "it will be left out, a blackout of the job covers that time.", id="a blackout to come",
        ),
        pytest.param("2026-04-01T09:00", {}, "Nothing ran at 2026-04-01 09:00:00 +09:00: the job was created later", id="before"),
        pytest.param("2026-05-20T09:00", {}, "The history has no row for 2026-05-20 09:00:00 +09:00: it is pruned", id="pruned"),
        pytest.param("2026-06-01T09:01", {}, "There is no slot at that time by the job's present schedule: at 09:00", id="no slot"),
        pytest.param(
            "2026-06-02T09:00", {"start_at": "2026-07-01T00:00"},
            "The schedule begins later: start_at is 2026-07-01 00:00:00 +09:00.", id="start_at",
        ),
        pytest.param(
            "2026-06-02T09:00", {"end_at": "2026-06-01T00:00"},
            "The schedule is over: end_at is 2026-06-01 00:00:00 +09:00.", id="end_at",
        ),
        pytest.param(
            "2026-11-01T09:00",
            {"cron": "0 9 1 * *", "calendar": {"country": "JP", "only": "business_days", "shift": "next"}},
            "The time of that day is moved: 2026-11-01 is a Sunday, which the job's calendar leaves out, so the job runs "
            "on 2026-11-02 instead.", id="shifted",
        ),
        pytest.param(
            "2026-11-01T01:30-05:00", {"cron": "30 1 * * *", "timezone": "America/New_York"},
            "a fixed time runs the first time only", id="the second of two",
        ),
    ],
)  # fmt: skip
def test_what_is_not_recorded(at: str, job: dict[str, Any], sentence: str) -> None:
    assert sentence in _why(at, job=_job(**job)).answer


def test_a_slot_that_waits() -> None:
    waiting = replace(_job(), cursor=SLOT - SECOND)
    assert "is due and waits for its turn" in _why("2026-06-01T09:00", job=waiting).answer


def test_a_row_of_many_tells_only_of_its_slots() -> None:
    row = _row(Status.SKIPPED, Reason.PAUSED, slot_count=3, last_slot=SLOT + timedelta(days=2))
    assert "There is no slot at that time" in _why("2026-06-01T15:00", row).answer
    assert "were skipped" in _why("2026-06-02T09:00", row).answer
    older = replace(row, digest="another")
    assert "were skipped" in _why("2026-06-01T15:00", older).answer


def test_removed_and_held_jobs() -> None:
    assert _why("2026-06-01T09:00", is_removed=True).answer.startswith("The history has no row for that time")
    row = _row(Status.COMPLETED, http_status=200, **RAN)
    assert _why("2026-06-01T09:00", row, is_removed=True).answer.endswith("The job has been deleted since.")
    assert "its last good spec applies" in _why("2026-06-01T09:00", row, is_held=True).answer


def test_all_slots_of_a_minute() -> None:
    job = _job(cron={"second": "*/15"}, misfire_grace_time=60)
    explained = _why("2026-06-02T09:00", job=replace(job, owner=Owner.API))
    assert [one.first.second for one in explained.findings] == [0, 15, 30, 45]
    assert len(_why("2026-06-02T09:00:15.000001", job=job).findings) == 0
    assert len(_why("2026-06-02T09:00:15+09:00", job=job).findings) == 1


def test_what_lies_around() -> None:
    explained = _why("2026-06-01T09:00")
    assert (explained.previous, explained.upcoming) == (SLOT - timedelta(days=1), SLOT + timedelta(days=1))
    assert explained.as_json()["next_run"] == "2026-06-02T09:00:00+09:00"
