"""Commands as they are called, and an API in place of the service's where its routes are not what is tested."""

from typing import Any

from click.testing import CliRunner, Result

from myscheduler.cli import main

SERVER = "http://scheduler.example.com"
API = f"{SERVER}/api/v1"


def call(*arguments: str, **env: str) -> Result:
    """Run a command; a bug in it fails the test."""
    result = CliRunner().invoke(main, list(arguments), env=env, prog_name="myscheduler")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def asked(*arguments: str, **env: str) -> Result:
    """As `call`, with the address of the API in place of the service."""
    return call(*arguments, MYSCHEDULER_BASE_URL=SERVER, **env)


def help_of(*command: str) -> str:
    return CliRunner().invoke(main, [*command, "-h"], prog_name="myscheduler", terminal_width=100).stdout


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
