"""A service moves from SQLite to PostgreSQL and back: with what it was doing, and no slot is lost or sent twice."""

from pathlib import Path

from tests.support.databases import db, url
from tests.support.ledger import SECOND, Facts, Stored, got_by, judge, read_database, read_postgres
from tests.support.postgres import Database
from tests.support.service import Service, manifest
from tests.support.target import Silence, Target

EVERY_SECOND = ("interval: {seconds: 1}\nanchor: 2026-01-01T00:00:00Z", "coalesce: false", "misfire_grace_time: 3600")
ANCHOR = 1_767_225_600 * SECOND


def test_a_service_goes_on_where_its_database_was_copied_to(tmp_path: Path, target: Target, postgres: Database) -> None:
    target.answers("/stuck", Silence())
    path = tmp_path / "data" / "jobs.db"
    with Service(tmp_path) as service:
        service.write("steady.yaml", manifest("steady", target.url("/月次"), *EVERY_SECOND))
        service.write("stuck.yaml", manifest("stuck", target.url("/stuck"), "interval: {hours: 1}", "timeout_sec: 60"))
        service.until(lambda: service.get("/api/v1/jobs/stuck").status_code == 200)
        stuck = service.trigger("stuck")
        service.until(lambda: stuck in {one.execution_id for one in got_by(target)})
        target.wait_for(3)
        service.kill()
    crashed = read_database(path).running()
    assert stuck in crashed

    assert db("copy", url(path), postgres.url).exit_code == 0
    with Service(tmp_path, DATABASE_URL=postgres.url) as service:
        count = len(target.requests)
        target.wait_for(count + 3)
        (row,) = [one for one in service.executions("stuck") if one["execution_id"] == stuck]
        assert (row["status"], row["reason"]) == ("interrupted", "crash")
        assert service.terminate() == 0
    assert findings(target, read_postgres(postgres.ask), crashed) == []

    back = tmp_path / "back.db"
    assert db("copy", postgres.url, url(back)).exit_code == 0
    with Service(tmp_path, DATABASE_URL=url(back)) as service:
        count = len(target.requests)
        target.wait_for(count + 3)
        assert service.terminate() == 0
    assert findings(target, read_database(back), crashed) == []


def findings(target: Target, stored: Stored, crashed: set[str]) -> list[str]:
    """What the history and the requests say of a lost or doubled slot."""
    facts = [
        Facts(job_id, every, anchor, job.created_at, job.cursor, execution_count=job.execution_count)
        for job_id, every, anchor in (
            ("steady", SECOND, ANCHOR),
            ("stuck", 3600 * SECOND, stored.jobs["stuck"].created_at),
        )
        for job in [stored.jobs[job_id]]
    ]
    assert stored.jobs["steady"].execution_count > 3
    return judge(facts, stored.rows, got_by(target), crashed=crashed)
