"""Why a job ran in a chain, or why not: a sentence for each reason that a job can have which runs after others."""

# ruff: noqa: E501 - whole sentences stand on one line

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from myscheduler.core.explain.chained import ChainFacts, ChainRunSeen, requirement_words
from myscheduler.core.explain.explanation import Explanation
from myscheduler.core.explain.why import explain
from myscheduler.core.explain.why_facts import Facts
from myscheduler.core.history.execution import Cause, Kind, Link, Record, Status
from myscheduler.core.job.after import Requirement
from myscheduler.core.job.job import Job, Pause
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.timestamps import parse_asked
from myscheduler.messages.message import coded
from tests.support import parts
from tests.support.japanese import MESSAGES, in_japanese

TOKYO = "Asia/Tokyo"
MADE = datetime(2026, 5, 1, tzinfo=UTC)
SLOT = datetime(2026, 6, 1, 0, tzinfo=UTC)  # 09:00 in Tokyo
NOW = SLOT + timedelta(hours=5)
MINUTE = timedelta(minutes=1)
AT = "2026-06-01T09:00"
AFTER: dict[str, Any] = {"after": [{"job": "a"}, {"job": "b", "on": "failure"}]}
ANY = {**AFTER, "join": "any"}
WHEN = {"after": [{"job": "a"}], "when": {"job": "a", "json": {"/rows": {"gt": 0}}}}


def job(fields: dict[str, Any]) -> Job:
    return replace(parts.job("c", MADE, **fields), cursor=NOW, updated_at=MADE)


def row(job_id: str, status: Status, reason: Reason | None = None, **fields: Any) -> Record:
    """A row of a chain: it began a minute after the slot, and ended five after it."""
    began = None if status in {Status.SKIPPED, Status.MISSED} else SLOT + MINUTE
    ended = None if status is Status.RUNNING else SLOT + 5 * MINUTE
    link = None if job_id == "a" else Link("a1", "a1")
    found = Record(
        execution_id=f"{job_id}1", job_id=job_id, slot=SLOT, kind=Kind.CHAINED, cause=Cause.CHAIN, status=status,
        reason=reason, last_slot=SLOT, slot_count=1, requested_by=None, digest=None, source=None, started_at=began,
        completed_at=ended, attempts=1 if began else 0, http_status=None, response_size=None, error=None, excerpt=None,
        link=link, chain_id="a1",
    )  # fmt: skip
    return replace(found, **fields)


DONE = row("a", Status.COMPLETED, http_status=200)
FAILED = row("a", Status.FAILED, error="answered 500")
B_DONE = row("b", Status.COMPLETED)
B_FAILED = row("b", Status.FAILED)
STEP: dict[str, Any] = {"started_at": SLOT + 6 * MINUTE, "completed_at": SLOT + 7 * MINUTE, "http_status": 200}


def why(own: Record | None, *before: Record, fields: dict[str, Any], at: str = AT, **of_run: Any) -> Explanation:
    known, run = job(fields), ChainRunSeen(SLOT, before={one.job_id: one for one in before}, **of_run)
    if own is None:
        facts = Facts("c", known, (), chain=ChainFacts(without_row=(run,)))
    else:
        own = replace(own, digest=own.digest or known.digest)
        facts = Facts("c", known, (own,), chain=ChainFacts({own.execution_id: run}))
    return explain(facts, parse_asked(at, TOKYO), clock=Clock(NOW, TOKYO))


STOPPED = "the scheduler was stopped while this execution was running; the target may have received the request"
RUN = "The run in the chain of 2026-06-01 09:00:00 +09:00"


@pytest.mark.parametrize(
    ("own", "before", "fields", "sentence"),
    [
        pytest.param(
            row("c", Status.COMPLETED, **STEP), [DONE, B_FAILED], AFTER,
            f"{RUN} ran: it started after a had completed at 2026-06-01 09:05:00 +09:00, and ended with HTTP 200 after 1 attempt and 1 min.",
            id="after a success",
        ),
        pytest.param(
            row("c", Status.COMPLETED, link=Link("a1", "b1"), **STEP), [DONE, B_FAILED], AFTER,
            "it started after b had failed at 2026-06-01 09:05:00 +09:00, and ended", id="after a failure",
        ),
        pytest.param(
            row("c", Status.COMPLETED, link=Link("a1", "b1"), **STEP), [DONE, row("b", Status.INTERRUPTED, Reason.CRASH)], AFTER,
            "it started after b had been interrupted at 2026-06-01 09:05:00 +09:00, and ended", id="after an interruption",
        ),
        pytest.param(
            row("c", Status.COMPLETED, **STEP), [replace(DONE, extracted=json.dumps({"rows": 7}))], WHEN,
            "it started after a had completed at 2026-06-01 09:05:00 +09:00, and its condition was met (/rows > 0), and ended", id="a condition that held",
        ),
        pytest.param(
            row("c", Status.COMPLETED, **STEP), [row("a", Status.SKIPPED, Reason.PAUSED)], AFTER | {"if_skipped": "run"},
            "it started though a did not run (if_skipped: run), and ended", id="after a skipped one",
        ),
        pytest.param(
            row("c", Status.COMPLETED, link=Link("a1", None), **STEP), [], AFTER | {"if_skipped": "run"},
            "it started though no job that it runs after has run (if_skipped: run), and ended", id="after a slot that did not run",
        ),
        pytest.param(
            row("c", Status.FAILED, **STEP | {"http_status": None, "error": "answered 500"}), [DONE], AFTER,
            f"{RUN} ran and failed: it started after a had completed at 2026-06-01 09:05:00 +09:00, and ended with answered 500", id="failed",
        ),
        pytest.param(
            row("c", Status.RUNNING), [DONE], AFTER,
            f"{RUN} has been running since 2026-06-01 09:01:00 +09:00: it started after a had completed at", id="running",
        ),
        pytest.param(
            row("c", Status.RUNNING, started_at=None, next_attempt_at=SLOT + 5 * MINUTE), [DONE], AFTER,
            f"{RUN} waits for its turn since 2026-06-01 09:05:00 +09:00: it is to start after a had completed at", id="waits for its turn",
        ),
        pytest.param(
            row("c", Status.RUNNING, next_attempt_at=SLOT + 9 * MINUTE), [DONE], AFTER,
            f"{RUN} failed so far, and waits until 2026-06-01 09:09:00 +09:00 for attempt 2.", id="waits for a retry",
        ),
        pytest.param(
            row("c", Status.INTERRUPTED, Reason.CRASH, error=STOPPED), [DONE], AFTER,
            f"{RUN} was interrupted: {STOPPED}.", id="interrupted",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.UPSTREAM_OUTCOME), [FAILED, B_FAILED], AFTER,
            f"{RUN} was skipped: it runs after a has succeeded, and that failed at 2026-06-01 09:05:00 +09:00 (answered 500).", id="a success was wanted",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.UPSTREAM_OUTCOME), [row("a", Status.INTERRUPTED, Reason.CRASH), B_DONE], AFTER,
            "it runs after a has succeeded, and that was interrupted at 2026-06-01 09:05:00 +09:00; it runs after b has failed, and that completed at 2026-06-01 09:05:00 +09:00.", id="both otherwise",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.UPSTREAM_SKIPPED), [row("a", Status.SKIPPED, Reason.PAUSED)], AFTER,
            f"{RUN} was skipped: a, which it runs after, did not run: the job was paused; b, which it runs after, has no run in that chain.", id="one before was paused",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.UPSTREAM_SKIPPED), [row("a", Status.MISSED, Reason.DEADLINE), B_FAILED], AFTER,
            "a, which it runs after, did not run: there was no start within the job's misfire_grace_time.", id="one before was missed",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.UPSTREAM_SKIPPED), [row("a", Status.SKIPPED, Reason.UPSTREAM_OUTCOME), B_FAILED], AFTER,
            "a, which it runs after, did not run: a job that it runs after did not end as it should.", id="one before was skipped by one before it",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.UPSTREAM_SKIPPED, link=None, kind=Kind.SCHEDULED, cause=Cause.TIMER), [row("a", Status.SKIPPED, Reason.HOLIDAY)], AFTER,
            "The slot of 2026-06-01 09:00:00 +09:00 was skipped: a, which it runs after, did not run: that is a holiday of the job's calendar", id="the first job's own reason",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.CONDITION), [replace(DONE, extracted=json.dumps({"rows": 0}))], WHEN,
            f"{RUN} was skipped: its condition (when) did not hold: /rows of a was 0, and has to be > 0.", id="the condition, with the value",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.CONDITION), [replace(DONE, extracted=json.dumps({"lines": 3}))], WHEN,
            "its condition (when) did not hold: a handed on no /rows, which has to be > 0.", id="the condition, without a value",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.CHAIN_TIMEOUT, link=Link("a1", "a1", SLOT + 3 * MINUTE)), [DONE], AFTER,
            f"{RUN} was skipped: its chain had time until 2026-06-01 09:03:00 +09:00 (chain_timeout_sec).", id="chain timeout",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.CANCELLED, error="cancelled by Ada (wrong month) before it was sent"), [DONE], AFTER,
            f"{RUN} was skipped: cancelled by Ada (wrong month) before it was sent.", id="cancelled before it was sent",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.PAUSED), [DONE], AFTER | {"pause": Pause("Ada", SLOT - MINUTE)},
            f"{RUN} was skipped: the job was paused by Ada at 2026-06-01 08:59:00 +09:00.", id="paused itself",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.OVERLAP), [DONE], AFTER,
            f"{RUN} was skipped: an earlier execution was still running", id="overlap",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.BLACKOUT), [DONE], AFTER, f"{RUN} was skipped: a blackout of the job covers that time.", id="blackout"
        ),
        pytest.param(
            row("c", Status.MISSED, Reason.DEADLINE), [DONE], AFTER,
            f"{RUN} was missed: there was no start within", id="its turn came too late",
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.DELETED), [DONE], AFTER, f"{RUN} was skipped: the job was deleted first.", id="deleted"
        ),
        pytest.param(
            row("c", Status.SKIPPED, Reason.UPSTREAM_OUTCOME, digest="another"), [DONE, B_FAILED], AFTER,
            f"{RUN} was skipped: a job that it runs after did not end as it should.", id="edited since",
        ),
    ],
)  # fmt: skip
def test_what_is_recorded(own: Record, before: list[Record], fields: dict[str, Any], sentence: str) -> None:
    pause = {name: fields[name] for name in ("pause",) if name in fields}
    explained = why(own, *before, fields={name: one for name, one in fields.items() if name != "pause"})
    if pause:
        known = replace(job(AFTER), **pause)
        facts = Facts("c", known, (replace(own, digest=known.digest),))
        explained = explain(facts, parse_asked(AT, TOKYO), clock=Clock(NOW, TOKYO))
    (finding,) = explained.findings
    assert sentence in finding.sentence
    assert explained.as_json()["slots"][0]["chain_id"] == "a1"
    assert not any(word in in_japanese(coded(finding.sentence), MESSAGES) for word in (" the ", " after ", "undefined"))


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    status = Status.INTERRUPTED if reason in {Reason.CRASH, Reason.SHUTDOWN, Reason.REPLACED} else Status.SKIPPED
    for before in ([], [DONE, B_FAILED]):
        answer = why(row("c", status, reason), *before, fields=AFTER).answer
        assert answer.startswith(RUN)
        assert answer.endswith(".")
        assert len(answer) > 80


RUNNING: dict[str, Any] = {"is_over": False}


@pytest.mark.parametrize(
    ("before", "fields", "of_run", "sentence"),
    [
        pytest.param(
            [row("a", Status.RUNNING)], AFTER, RUNNING,
            "In the chain of 2026-06-01 09:00:00 +09:00, the job waits for a (running since 2026-06-01 09:01:00 +09:00) and b (which has not begun).",
            id="a join waits for both",
        ),
        pytest.param(
            [DONE, row("b", Status.RUNNING, started_at=None)], AFTER, RUNNING,
            "the job waits for b (which waits for its turn).", id="a join waits for one",
        ),
        pytest.param(
            [FAILED, row("b", Status.RUNNING)], ANY, RUNNING, "the job waits for one of b (running since", id="any waits for the rest",
        ),
        pytest.param(
            [FAILED, B_DONE], AFTER, RUNNING, "is in progress, and the job's turn has not come.", id="just before it is decided"
        ),
        pytest.param(
            [], AFTER, {"is_called_off": True}, "The chain of 2026-06-01 09:00:00 +09:00 was cancelled before the job's turn came.", id="cancelled",
        ),
        pytest.param(
            [], AFTER, {"first": replace(DONE, is_alone=True, requested_by="Ada")},
            "Nothing followed the run of a at 2026-06-01 09:00:00 +09:00: Ada asked for that run alone (chain: false).", id="chain: false",
        ),
        pytest.param(
            [DONE], AFTER, {}, "The chain of 2026-06-01 09:00:00 +09:00 has no row of the job: it ran after other jobs then, or the row is pruned.", id="no row",
        ),
    ],
)  # fmt: skip
def test_runs_without_a_row(
    before: list[Record], fields: dict[str, Any], of_run: dict[str, Any], sentence: str
) -> None:
    explained = why(None, *before, fields=fields, **of_run)
    assert [one.first for one in explained.findings] == [SLOT]
    assert sentence in explained.answer
    assert in_japanese(coded(explained.answer), MESSAGES)


def test_a_chain_before_the_job_was_created() -> None:
    run = ChainRunSeen(MADE - MINUTE)
    facts = Facts("c", job(AFTER), (), chain=ChainFacts(without_row=(run,)))
    answer = explain(facts, parse_asked("2026-05-01T08:59", TOKYO), clock=Clock(NOW, TOKYO)).answer
    assert answer.startswith("Nothing ran in the chain of 2026-05-01 08:59:00 +09:00: the job was created later, at")


def test_no_chain_at_all_tells_of_the_first_job() -> None:
    first = Facts("a", replace(parts.job("a", MADE, cron="0 9 * * *"), cursor=NOW), ())
    chain = ChainFacts(gone=("b",), paused=("a",))
    facts = Facts("c", job(AFTER), (), chain=chain, beginnings=(first,))
    explained = explain(facts, parse_asked("2026-06-02T09:00", TOKYO), clock=Clock(NOW, TOKYO))
    assert explained.findings == ()
    assert explained.remarks == (
        "No chain that leads to the job was in progress at that time: it runs after a has succeeded and b has failed.",
        "Such a chain begins with a. The slot of 2026-06-02 09:00:00 +09:00 is still to come: it will run.",
        "There is no job b, which it runs after, so that can't start it.",
        "a, which it runs after, is paused now.",
    )
    assert all(in_japanese(coded(one), MESSAGES) for one in explained.remarks)


def test_a_held_job_tells_what_is_wrong_with_it() -> None:
    facts = Facts("c", job(AFTER), (), is_held=True, held_because="there is no job 'b'")
    answer = explain(facts, parse_asked(AT, TOKYO), clock=Clock(NOW, TOKYO)).answer
    assert answer.endswith(
        "The job's manifest is broken at the moment, so its last good spec applies: there is no job 'b'."
    )


class TestRequirements:
    REQUIRES = (Requirement("x", timedelta(hours=12)), Requirement("y", timedelta(hours=1)))

    def test_which_were_not_met_and_since_when(self) -> None:
        hour = timedelta(hours=1)
        told = requirement_words(self.REQUIRES, {"x": SLOT - 13 * hour}, SLOT, TOKYO)
        assert told == (
            "x had to complete at 2026-05-31 21:00:00 +09:00 or later, and last did so at 2026-05-31 20:00:00 +09:00; "
            "y had to complete at 2026-06-01 08:00:00 +09:00 or later, and has never completed"
        )
        assert requirement_words(self.REQUIRES, {"x": SLOT - 11 * hour, "y": SLOT}, SLOT, TOKYO) is None

    @pytest.mark.parametrize("is_over", [True, False])
    def test_of_a_slot(self, is_over: bool) -> None:
        fields = {"cron": "0 9 * * *", "requires": [{"job": "x", "within": "PT12H"}]}
        known = job(fields)
        own = row("c", Status.SKIPPED, Reason.REQUIREMENT, kind=Kind.SCHEDULED, cause=Cause.TIMER, link=None)
        if not is_over:
            known = replace(known, cursor=SLOT - MINUTE)
        facts = Facts("c", known, (own,) if is_over else (), completed={SLOT: {}})
        answer = explain(facts, parse_asked(AT, TOKYO), clock=Clock(NOW, TOKYO)).answer
        begins = (
            "The slot of 2026-06-01 09:00:00 +09:00 was skipped: "
            if is_over
            else "The slot of 2026-06-01 09:00:00 +09:00 is due and waits: "
        )
        assert answer == f"{begins}x had to complete at 2026-05-31 21:00:00 +09:00 or later, and has never completed."
