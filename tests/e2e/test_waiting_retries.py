"""A retry that waits is state: real processes are killed and stopped while an execution waits for its next attempt."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.postgres import Database
from tests.support.service import Service, manifest
from tests.support.target import Answer, Target

SOON = ("max_retries: 3", "retry: {max_delay_sec: 4}", "retry_backoff_sec: 4")
LATER = ("max_retries: 3", "retry_backoff_sec: 1800")


@pytest.fixture(params=["sqlite", "postgresql", "sqlite, with a sender"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings that name the database, and how calls are made."""
    if request.param != "postgresql":
        yield {"MYSCHEDULER_SENDERS": "1"} if "sender" in request.param else {}
    else:
        postgres: Database = request.getfixturevalue("postgres")
        yield {"DATABASE_URL": postgres.url}


def waiting(service: Service, target: Target, *more: str) -> dict[str, Any]:
    """An execution whose first attempt failed, as soon as it waits for the second."""
    target.answers("/down", Answer(503), Answer(body=b"at last"))
    service.write("a.yaml", manifest("a", target.url("/down"), "interval: {hours: 1}", *more))
    service.until(lambda: service.get("/api/v1/jobs/a").status_code == 200)
    execution_id = service.trigger("a")
    return service.until(lambda: waits(service, execution_id))


def waits(service: Service, execution_id: str) -> dict[str, Any] | None:
    row: dict[str, Any] = service.get(f"/api/v1/executions/{execution_id}").json()
    return row if row["next_attempt_at"] else None


def sent_at(target: Target, place: int) -> float:
    """When the target got that request, as a timestamp."""
    return target.requests[place].at - time.monotonic() + time.time()


@pytest.mark.parametrize("end", ["kill -9", "SIGTERM"])
def test_a_waiting_retry_survives_a_restart(tmp_path: Path, target: Target, database: dict[str, str], end: str) -> None:
    with Service(tmp_path, **database) as service:
        row = waiting(service, target, *SOON)
        assert (row["status"], row["attempts"], len(row["attempts_detail"])) == ("running", 1, 1)
        if end == "SIGTERM":
            assert service.terminate() == 0
        else:
            service.kill()
    due = datetime.fromisoformat(row["next_attempt_at"]).timestamp()
    with Service(tmp_path, **database) as service:
        ended = service.until(
            lambda: [one for one in service.executions("a") if one["status"] not in {"running", "skipped", "missed"}]
        )
        assert [(one["execution_id"], one["status"], one["attempts"]) for one in ended] == [
            (row["execution_id"], "completed", 2)
        ]
        detail = service.get(f"/api/v1/executions/{row['execution_id']}").json()
        assert detail["next_attempt_at"] is None
        assert [(one["number"], one["http_status_code"]) for one in detail["attempts_detail"]] == [(1, 503), (2, 200)]
        assert detail["started_at"] == row["started_at"]
    assert sent_at(target, 1) >= due - 0.01
    first, second = target.requests
    assert [one.header("X-MyScheduler-Attempt") for one in (first, second)] == ["1", "2"]
    for name in ("X-MyScheduler-Execution-Id", "X-MyScheduler-Scheduled-At", "Idempotency-Key", "X-MyScheduler-Cause"):
        assert first.header(name) == second.header(name)


def test_it_is_not_called_before_its_time(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path) as service:
        row = waiting(service, target, *LATER)
        assert service.terminate() == 0
    with Service(tmp_path) as service:
        other = manifest("b", target.url("/b"))
        service.write("b.yaml", other)
        service.until(lambda: service.get("/api/v1/jobs/b").status_code == 200)
        service.trigger("b")
        service.until(lambda: "/b" in [one.target for one in target.requests])
        still = service.get(f"/api/v1/executions/{row['execution_id']}").json()
        assert (still["status"], still["next_attempt_at"]) == ("running", row["next_attempt_at"])
        oldest = service.get("/api/v1/now").json()["executions"]["oldest"]
        assert (row["execution_id"], row["next_attempt_at"]) in [
            (one["execution_id"], one["next_attempt_at"]) for one in oldest
        ]
    assert [one.target for one in target.requests] == ["/down", "/b"]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_it_can_be_cancelled(tmp_path: Path, target: Target, database: dict[str, str], is_restarted: bool) -> None:
    with Service(tmp_path, **database) as service:
        row = waiting(service, target, *LATER)
        if not is_restarted:
            cancelled(service, row["execution_id"])
        service.kill()
    with Service(tmp_path, **database) as service:
        if is_restarted:
            cancelled(service, row["execution_id"])
    assert len(target.requests) == 1


def cancelled(service: Service, execution_id: str) -> None:
    answer = service.post(f"/api/v1/executions/{execution_id}/cancel", json={"by": "me"})
    assert answer.status_code == 200
    row = service.get(f"/api/v1/executions/{execution_id}").json()
    assert (row["status"], row["reason"], row["next_attempt_at"]) == ("interrupted", "cancelled", None)
    assert row["attempts"] == 1


def test_what_was_changed_while_the_service_was_away_is_not_sent(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path) as service:
        row = waiting(service, target, *SOON)
        service.kill()
        service.write("a.yaml", manifest("a", target.url("/other"), "interval: {hours: 1}", *SOON))
    with Service(tmp_path) as service:
        ended = service.until(
            lambda: (
                (one := service.get(f"/api/v1/executions/{row['execution_id']}").json())["status"] != "running" and one
            )
        )
        assert isinstance(ended, dict)
        assert (ended["status"], ended["reason"]) == ("interrupted", "edited")
    assert [one.target for one in target.requests] == ["/down"]
