"""Records an example of each operation from the real API, with a clock that stands still and ids that stay the same."""

import itertools
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.incidents.delivery import Delivery
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.incidents.notice import NoticeKind
from tests.support.access import routes_of
from tests.support.parts import MovableClock, client, is_over, opened
from tests.support.stored import incident
from tests.support.target import Target

NOW = datetime(2027, 3, 1, 1, 30, tzinfo=UTC)
TOKEN = "msk_examplestatic0000"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = re.compile(r"(?<=sha256:)[0-9a-f]{12}\b|\b[0-9a-f]{16,64}\b")
_SECRET = re.compile(r"msk_[a-z2-7]{16}[A-Za-z0-9_-]+")
_TOKEN_ID = re.compile(r'(?<="id": ")[a-z2-7]{16}(?=")')
_MANIFEST = """\
job_id: billing-1
name: 請求書の送信
target_url: {url}
cron: "0 9 * * mon-fri"
labels: {{team: billing}}
"""
_JOB = {
    "job_id": "daily-report",
    "name": "日次レポート生成",
    "cron": {"hour": "10", "minute": "30"},
    "method": "POST",
    "headers": {"Content-Type": "application/json"},
    "body": {"report": "daily"},
    "max_retries": 2,
    "labels": {"team": "reports"},
}


_NOTIFICATIONS = "channels: {ops: {kind: slack, url: '${secret:ops-slack}'}}\ndefault: {channels: [ops]}\n"


_TARGETS = """\
billing:
  base_url: https://billing.example.com/v1
  concurrency: 2
  rate: {calls: 100, per: PT1M}
  breaker: {failures: 5}
"""


class _Still(MovableClock):
    def __call__(self) -> datetime:
        return NOW + self.shift


async def recorded(folder: Path) -> dict[str, Any]:
    """By operation id: the example of a `request`, if it takes a body, and of an `answer`, if it has one."""
    with Target() as target:
        url = target.url()
        clock = _Still()
        async with opened(folder, clock=clock, drain_sec=0) as parts:
            parts.dispatcher.start()
            parts.manifest("billing.yaml", _MANIFEST.format(url=url))
            parts.manifest("notifications.yaml", _NOTIFICATIONS)
            parts.manifest("targets.yaml", _TARGETS)
            parts.secret("ops-slack", target.url("/ops"))
            async with client(parts) as api:
                recorder = _Recorder(api, clock)

                async def is_done(job_id: str, count: int) -> None:
                    await parts.rows_where(job_id, lambda rows: len([*filter(is_over, rows)]) == count)

                async def fail(execution_id: str) -> str:
                    """Store that the execution began an incident that was told a chat; the id of the incident."""
                    one = _incident(execution_id)
                    told = Delivery(
                        new_execution_id(NOW), one.incident_id, "chat-of-reports", NoticeKind.BEGAN, NOW, next_at=NOW
                    )
                    await parts.store.write(partial(incident_rows.insert, new=one))
                    await parts.store.write(partial(delivery_rows.add, new=[told]))
                    return one.incident_id

                await recorder.follow(_JOB | {"target_url": url}, is_done, fail)
    return _tidy(
        recorder.examples,
        {
            url: "https://api.example.com/run-report",
            urlsplit(url).netloc: "api.example.com",
            str(folder): "/srv/myscheduler",
        },
    )


def _incident(execution_id: str) -> Incident:
    return incident(
        "daily-report",
        new_execution_id(NOW),
        NOW,
        failures=3,
        error="answered 503",
        first_execution_id=execution_id,
        last_execution_id=execution_id,
        told_at=NOW,
    )


class _Recorder:
    def __init__(self, api: httpx.AsyncClient, clock: _Still) -> None:
        self.examples: dict[str, Any] = {}
        self._clock = clock
        self._api = api
        self._routes = {route.operation: route for route in routes_of(api) if route.is_documented}

    async def follow(
        self,
        job: Mapping[str, Any],
        is_done: Callable[[str, int], Awaitable[None]],
        fail: Callable[[str], Awaitable[str]],
    ) -> None:
        sent = {"manifest": _MANIFEST.format(url="https://api.example.com/send")}
        of_report = {"job_id": "daily-report"}
        await self.call("run_sync", {})
        await self.call("test_channel", {"channel": "ops", "by": "ann"})
        await self.call("create_job", job)
        await self.call("replace_job", {**job, "max_retries": 3}, path=of_report)
        ran = await self.call("trigger_job", {"by": "ann"}, path=of_report)
        await is_done("daily-report", 1)
        of_run = {"execution_id": ran["execution_id"]}
        self._clock.shift = timedelta(seconds=1)  # lists are in the order of time
        await self.call("rerun_execution", {"by": "ann"}, path=of_run)
        await is_done("daily-report", 2)
        await self.call("get_execution", path=of_run)
        pause = {"by": "ann", "reason": "the target moves", "until": "2027-03-02T09:00:00+09:00"}
        await self.call("pause_job", pause, path=of_report)
        for name in ("list_jobs", "get_sync", "list_source_files", "list_targets", "get_specs", "get_session"):
            await self.call(name)
        await self.call("get_source_lines", query={"path": "billing.yaml", "line": "1"})
        for name in ("list_executions", "list_recent_executions", "list_upcoming"):
            await self.call(name, query={"limit": "1"})
        await self.call("list_audit_entries", query={"action": "paused", "limit": "1"})
        await self.call("get_forecast", query={"days": "1"})
        await self.call("preview_jobs", query={"count": "2"})
        now = await self.call("get_now")
        await self.call("list_changes", query={"since": now["seq"]})
        await self.call("list_strips", query={"job_id": "daily-report"})
        for name in ("get_job", "list_job_executions", "get_job_stats", "get_job_ahead"):
            await self.call(name, path=of_report)
        await self.call("explain_job", query={"at": "2027-03-01T10:30"}, path=of_report)
        await self.call("validate_manifests", sent)
        await self.call("plan_manifests", sent)
        await self.call("resume_job", {"by": "ann", "catchup": "last"}, path=of_report)
        of_incident = {"incident_id": await fail(ran["execution_id"])}
        await self.call("acknowledge_incident", {"by": "ann", "until": "2027-03-02T09:00:00+09:00"}, path=of_incident)
        await self.call("list_incidents", query={"open": "true", "limit": "1"})
        await self.call("get_incident", path=of_incident)
        await self.call("unacknowledge_incident", {"by": "ann"}, path=of_incident)
        chosen = {"labels": {"team": "billing"}, "by": "ann"}
        await self.call("trigger_jobs", chosen | {"dry_run": True})
        await self.call("pause_jobs", chosen | {"reason": "the database moves"})
        await self.call("resume_jobs", chosen)
        await self.call("delete_job", path=of_report)
        await self._chain(job["target_url"], is_done)
        await self._tokens()
        self.examples["cancel_execution"] = {
            "request": {"by": "ann", "reason": "wrong month"},
            "answer": {**of_run, "job_id": "daily-report", "status": "cancelled"},
        }
        for name in ("get_liveness", "get_readiness"):
            self.examples[name] = {"answer": {"status": "ok"}}
        running = {"message": "MyScheduler is running", "timezone": "Asia/Tokyo", "version": "0.1.0"}
        self.examples["get_health"] = {"answer": running}
        self.examples["create_session"] = {
            "request": {"token": TOKEN},
            "answer": self.examples["get_session"]["answer"],
        }

    async def _tokens(self) -> None:
        scope = {"labels": {"team": ["billing"]}}
        await self.call("create_token", {"name": "billing-ci", "role": "operator", "scope": scope})
        made = self.examples["create_token"]["answer"]
        listed = {name: value for name, value in made.items() if name != "token"}
        self.examples["list_tokens"] = {"answer": {"tokens": [listed]}}
        self.examples["revoke_token"] = {"answer": listed | {"revoked_at": "2027-03-01T10:30:00+09:00"}}

    async def _chain(self, url: str, is_done: Callable[[str, int], Awaitable[None]]) -> None:
        """Run a job that another one runs after."""
        for one in (
            {"job_id": "load-orders", "interval": {"hours": 1}},
            {"job_id": "send-orders", "after": [{"job": "load-orders"}]},
        ):
            created = await self._api.post("/api/v1/jobs", json=one | {"target_url": url})
            assert created.is_success, created.text
        ran = (await self._api.post("/api/v1/jobs/load-orders/trigger")).json()
        await is_done("send-orders", 1)
        of_chain = {"chain_id": ran["execution_id"]}
        await self.call("list_chains", query={"job": "send-orders"})
        await self.call("get_chain", path=of_chain)
        await self.call("get_job_effects", path={"job_id": "load-orders"}, query={"action": "pause"})
        await self.call("get_job_graph", path={"job_id": "send-orders"})
        self.examples["cancel_chain"] = {
            "request": {"by": "ann", "reason": "wrong month"},
            "answer": {**of_chain, "status": "cancelled", "executions": 2},
        }

    async def call(
        self,
        name: str,
        body: Any = None,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        route = self._routes[name]
        response = await self._api.request(route.method, route.path.format(**path or {}), json=body, params=query)
        assert response.is_success, (name, response.text)
        answer = response.json()
        self.examples[name] = ({} if body is None else {"request": body}) | {"answer": answer}
        return answer


_EXCHANGE = {
    "dns_ms": None, "connect_ms": 2.1, "tls_ms": None, "first_byte_ms": 11.4, "total_ms": 11.6, "reused": False,
    "redirects": 0, "address": "192.0.2.7:80", "proxy": None, "request_size": 18, "tls_version": None,
    "certificate_expires_at": None,
}  # fmt: skip
"""As that of a call that is recorded, whose times are never the same."""


def _tidy(examples: Mapping[str, Any], replaced: Mapping[str, str]) -> dict[str, Any]:
    """The examples with what differs between two recordings replaced by what does not."""
    text = json.dumps(examples, ensure_ascii=False)
    for old, new in replaced.items():
        text = text.replace(old, new)
    text = _SECRET.sub(TOKEN, text)
    text = _TOKEN_ID.sub("abcdefghij234567", text)
    uuids, hashes = (
        dict(zip(dict.fromkeys(kind.findall(text)), itertools.count(1), strict=False)) for kind in (_UUID, _HEX)
    )
    text = _UUID.sub(lambda match: f"019d1b2c-0000-7000-8000-{uuids[match[0]]:012x}", text)
    text = _HEX.sub(lambda match: f"{hashes[match[0]]:x}".rjust(len(match[0]), "a"), text)
    text = re.sub(r'"seq": "[0-9a-f]+-[0-9]+"', '"seq": "5f3c9a-1790"', text)
    text = re.sub(r'"exchange": {[^{}]+}', f'"exchange": {json.dumps(_EXCHANGE)}', text)
    text = re.sub(r'"duration_ms": [0-9]+', '"duration_ms": 12', text)
    text = re.sub(r'"next_cursor": "[^"]+"', '"next_cursor": "AQGdGywAAHAAgAAAAAAAAAE"', text)
    found: dict[str, Any] = json.loads(text)
    return found
