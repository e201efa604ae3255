"""Answers of the API, for tests of what is made of them."""

from typing import Any

EXECUTION_ID = "019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f"


def execution(**fields: Any) -> dict[str, Any]:
    """An execution as the API answers it."""
    return {
        "execution_id": EXECUTION_ID,
        "job_id": "日次 レポート",
        "status": "failed",
        "reason": None,
        "kind": "scheduled",
        "cause": "timer",
        "scheduled_at": "2026-11-30T09:00:00+09:00",
        "last_scheduled_at": "2026-11-30T09:00:00+09:00",
        "slot_count": 1,
        "started_at": "2026-11-30T09:00:00.012345+09:00",
        "completed_at": "2026-11-30T09:02:05.012345+09:00",
        "execution_time_ms": 125_000,
        "attempts": 2,
        "http_status_code": 503,
        "response_size": 4,
        "response": "busy",
        "error_message": "answered 503",
        "note": None,
        "requested_by": None,
        "digest": "d",
        "revision": "r1",
        "source": {"file": "jobs.yaml", "line": 3, "revision": "r1"},
        "result": {"success": False, "status_code": 503, "response_size": 4, "attempts": 2},
    } | fields


def job(**fields: Any) -> dict[str, Any]:
    """A job in the list of jobs as the API answers it."""
    return {
        "job_id": "日次 レポート",
        "id": "日次 レポート",
        "name": "月末の請求",
        "next_run_time": "2026-12-01T09:00:00+09:00",
        "trigger": "cron[minute='0', hour='9']",
        "status": "running",
        "target_url": "https://example.com/run",
        "method": "POST",
        "execution_count": 12,
        "owner": "manifest",
        "read_only": True,
        "source": None,
        "held": False,
        "paused_by": None,
        "pause": None,
        "labels": {"team": "billing"},
        "last_execution": execution(),
    } | fields


NOW: dict[str, Any] = {
    "seq": "1-7",
    "at": "2026-11-30T09:00:00+09:00",
    "jobs": {"total": 10_001, "paused": 2, "held": 1, "failing": 3},
    "executions": {
        "in_flight": 1,
        "oldest": [
            {
                "execution_id": EXECUTION_ID,
                "job_id": "日次 レポート",
                "host": "example.com",
                "kind": "manual",
                "scheduled_at": "2026-11-30T08:59:00+09:00",
                "started_at": "2026-11-30T08:59:30+09:00",
                "attempt": 2,
                "next_attempt_at": None,
            }
        ],
    },
    "waiting": {"queued_runs": 1, "asked_runs": 1, "due": 4},
    "failures": [execution(job_id=f"job-{number}") for number in range(20)],
    "source": {"condition": "Stalled", "reason": "problems", "message": "2 problems in \x1b[2J 1 file"},
    "database": {"ok": True, "error": None, "well_at": "2026-11-30T09:00:00+09:00"},
}
SOON = {"job_id": "毎時", "slot": "2026-11-30T10:00:00+09:00", "timezone": "Asia/Tokyo", "host": "api.example.com"}
