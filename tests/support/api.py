"""The REST contract in the terms of its tests: its shapes, and calls that must go well."""

from datetime import timedelta
from typing import Any

import httpx

from myscheduler.messages.catalogue import OTHER

JOBS = "/api/v1/jobs"
JSON = {"Content-Type": "application/json"}
TOKYO = timedelta(hours=9)
SUMMARY = {
    "job_id": str,
    "id": str,
    "name": str,
    "next_run_time": str,
    "trigger": str,
    "status": str,
    "target_url": str,
    "method": str,
    "execution_count": int,
    "owner": str,
    "read_only": bool,
    "held": bool,
}
DETAIL = SUMMARY | {
    "func": str,
    "trigger_info": dict,
    "headers": dict,
    "timeout_sec": float,
    "max_retries": int,
    "retry_backoff_sec": float,
    "executions": list,
}
EXECUTION = {
    "execution_id": str,
    "job_id": str,
    "started_at": str,
    "completed_at": str,
    "status": str,
    "result": dict,
    "execution_time_ms": int,
    "http_status_code": int,
    "response_size": int,
}


def body(**fields: Any) -> dict[str, Any]:
    given = {"job_id": "a", "target_url": "https://example.com/run"} | fields
    if not {"cron", "interval", "run_at", "schedule_type", "after"} & fields.keys():
        given["interval"] = {"hours": 1}
    return given


async def create(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    response = await api.post(JOBS, json=body(**fields))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def ok(api: httpx.AsyncClient, method: str, path: str, **more: Any) -> Any:
    response = await api.request(method, path, **more)
    assert response.status_code == 200, response.text
    return response.json()


def assert_problem(response: httpx.Response, *statuses: int) -> dict[str, Any]:
    """The answer is a problem of RFC 9457 with one of these statuses."""
    assert response.status_code in statuses, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    assert isinstance(problem["detail"], str)
    assert problem["detail"]
    assert problem["detail_coded"]["text"] == problem["detail"]
    assert problem["detail_coded"]["code"] != OTHER or response.status_code == 503  # what a database says
    assert [one for one in problem.get("errors", []) if one["message_coded"]["code"] == OTHER] == []
    assert isinstance(problem["title"], str)
    assert isinstance(problem["type"], str)
    return problem


def assert_has(view: dict[str, Any], shape: dict[str, type]) -> None:
    assert {name: type(view.get(name)) for name in shape} == shape
