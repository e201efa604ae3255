"""Sender processes that are killed, or hang, and a main process that is: what each leaves behind."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.ledger import SECOND, Facts, Row, got_by, judge, micros, read_database
from tests.support.patience import PATIENCE
from tests.support.processes import children, is_there
from tests.support.service import START_SEC, Service, manifest
from tests.support.target import Answer, Target

SEED = int(os.environ.get("CRASH_SEED", "20261124"))
KILLS = int(os.environ.get("SENDER_KILLS", "5"))
JOBS = 120
RESENT = range(0, JOBS, 4)
"""These say `on_interrupt: retry`."""
ORPHANED_SEC = 3.0
LATE_SEC = 10.0
"""A sender is back so soon: the longest wait of those here takes a few seconds, and the start about one."""


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        running.answers("/slow", Answer(delay=60))
        yield running


def living(service: Service, count: int) -> frozenset[int]:
    """The ids of its sender processes, once so many can make calls."""
    up = f'\nmyscheduler_senders{{state="up"}} {count}.0\n'
    service.until(lambda: up in service.get("/metrics").text, within=START_SEC)
    return children(service.pid)


@pytest.mark.slow
def test_senders_that_are_killed_lose_no_slot_and_none_is_sent_twice(tmp_path: Path, target: Target) -> None:
    """Half of them are stopped first, so that they hold calls without a word; a stopped one can be killed, too."""
    rng = random.Random(SEED)  # noqa: S311 - moments, not secrets
    anchor = datetime.now(UTC).replace(microsecond=0)
    for number in range(6):
        target.answers(f"/{number}", Answer(delay=0.05 * (number + 1)))
    schedule = f"interval: {{seconds: 1}}\nanchor: {anchor.isoformat()}"
    texts = [
        manifest(f"仕事-{n:03}", target.url(f"/{n % 6}"), schedule, *(["on_interrupt: retry"] * (n in RESENT)))
        for n in range(JOBS)
    ]
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "jobs.yaml").write_text("---\n".join(texts), encoding="utf-8")
    with Service(tmp_path, MYSCHEDULER_SENDERS="2") as service:
        for number in range(KILLS):
            victim = rng.choice(sorted(living(service, 2)))
            target.wait_for(len(target.requests) + rng.randint(JOBS, 2 * JOBS), timeout=START_SEC)
            if number % 2:
                os.kill(victim, signal.SIGSTOP)
                time.sleep(rng.uniform(0, 1.5))
            os.kill(victim, signal.SIGKILL)
            _until_gone(service, victim)
        began = time.monotonic()
        living(service, 2)
        assert time.monotonic() - began < LATE_SEC
        target.wait_for(len(target.requests) + JOBS, timeout=START_SEC)
        assert service.terminate() == 0
        told = Counter(line["event"] for line in service.log if line["level"] in {"ERROR", "CRITICAL"})
        assert told == {"sender.lost": KILLS}, told
    end = read_database(tmp_path / "data" / "jobs.db")
    facts = [
        Facts(
            job_id, SECOND, micros(anchor), job.created_at, job.cursor,
            resends=int(job_id[-3:]) in RESENT, execution_count=job.execution_count,
        )
        for job_id, job in end.jobs.items()
    ]  # fmt: skip
    lost = [row for row in end.rows if row.reason == "sender-lost"]
    got = [replace(one, job_id=unquote(one.job_id)) for one in got_by(target)]
    problems = [*judge(facts, end.rows, got), *_wrongly_lost(end.rows)]
    resent = sum(1 for times in Counter(one.execution_id for one in got).values() if times > 1)
    summary = f"seed {SEED}: {len(end.rows)} rows, {len(got)} requests, {len(lost)} lost, {resent} resent"
    print(summary)  # noqa: T201 - shown when the test fails, or with -s
    assert not problems, "\n".join([summary, *problems[:20]])
    assert lost, summary
    assert resent, summary


def _until_gone(service: Service, pid: int) -> None:
    service.until(lambda: not is_there(pid))


def _wrongly_lost(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        if row.reason == "sender-lost" and (row.status != "interrupted" or int(row.job_id[-3:]) in RESENT):
            yield f"lost: {row}"
        if row.status == "interrupted" and row.reason != "sender-lost":
            yield f"lost: {row}"


@pytest.mark.slow
def test_a_sender_that_hangs_is_killed(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path, MYSCHEDULER_SENDERS="1") as service:
        (hung,) = living(service, 1)
        for job_id, more in (("lost", {}), ("resent", {"on_interrupt": "retry"})):
            service.create(job_id=job_id, target_url=target.url("/slow"), timeout_sec=90, interval={"hours": 1}, **more)
            service.trigger(job_id)
        target.wait_for(2, timeout=START_SEC)
        target.answers("/slow", Answer())
        os.kill(hung, signal.SIGSTOP)
        service.wait_for_log(lambda line: line.get("event") == "sender.hung", within=2 * PATIENCE)
        _until_gone(service, hung)
        living(service, 1)
        (row,) = service.until(lambda: [one for one in service.executions("lost") if one["completed_at"]])
        assert (row["status"], row["reason"], row["attempts"]) == ("interrupted", "sender-lost", 1)
        (row,) = service.until(lambda: [one for one in service.executions("resent") if one["completed_at"]])
        assert (row["status"], row["attempts"]) == ("completed", 2)
        assert service.terminate() == 0
    first, second = [one for one in target.requests if one.header("X-MyScheduler-Job-Id") == "resent"]
    assert first.header("Idempotency-Key") == second.header("Idempotency-Key")


def test_no_sender_outlives_the_main_process(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path, MYSCHEDULER_SENDERS="2") as service:
        found = living(service, 2)
        service.create(job_id="slow", target_url=target.url("/slow"), timeout_sec=90, interval={"hours": 1})
        execution_id = service.trigger("slow")
        target.wait_for(1, timeout=START_SEC)
        os.kill(service.pid, signal.SIGKILL)
        deadline = time.monotonic() + ORPHANED_SEC
        while any(map(is_there, found)):
            assert time.monotonic() < deadline, "there are orphans"
            time.sleep(0.02)
    with Service(tmp_path, MYSCHEDULER_SENDERS="2") as service:
        (row,) = service.executions("slow")
        assert (row["execution_id"], row["status"], row["reason"]) == (execution_id, "interrupted", "crash")
        target.answers("/slow", Answer())
        service.trigger("slow")
        service.until(lambda: service.executions("slow")[0]["status"] == "completed")
        assert service.terminate() == 0


def test_sigterm_to_all_processes_drains(tmp_path: Path, target: Target) -> None:
    """As systemd sends it. What is on its way is answered, and recorded."""
    target.answers("/drained", Answer(delay=2))
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path, MYSCHEDULER_SENDERS="2") as service:
        found = living(service, 2)
        for number in range(4):
            service.create(job_id=f"job-{number}", target_url=target.url("/drained"), interval={"hours": 1})
            service.trigger(f"job-{number}")
        target.wait_for(4, timeout=START_SEC)
        for one in (*found, service.pid, *found):
            os.kill(one, signal.SIGTERM)
        assert service._wait() == 0
        assert not any(map(is_there, found))
        assert not [line for line in service.log if line["level"] in {"ERROR", "CRITICAL"}]
    rows = read_database(tmp_path / "data" / "jobs.db").rows
    assert [(row.status, row.http_status) for row in rows] == [("completed", 200)] * 4
