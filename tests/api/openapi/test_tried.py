"""schemathesis tries every operation against the real service, with a token and without, and finds nothing.

In the gate it tries few requests, always the same ones. `TRIED=1000 pytest tests/api/openapi/test_tried.py` tries up to
so many of each operation, others each time; the seed is in the output.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.database.writing import write_current
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.api.openapi.document import operations
from myscheduler.core.incidents.delivery import Delivery, DeliveryState
from myscheduler.core.incidents.notice import NoticeKind
from myscheduler.core.lifecycle.audit import AuditAction
from tests.support.api import JSON
from tests.support.checkout import ROOT
from tests.support.openapi_document import KEPT, kept
from tests.support.service import Service
from tests.support.stored import incident

CONFIG = ROOT / "tests/api/openapi/schemathesis.toml"
COUNT = os.environ.get("TRIED")
"""How many requests of an operation are generated; few if it is not set."""
ALWAYS_THE_SAME = ("--seed", "1", "--generation-deterministic")
TOKEN = "tried-by-schemathesis"
SETTINGS = {"MYSCHEDULER_TRUSTED_PROXIES": "127.0.0.1"}
"""Each request comes from an address of its own, because callers are limited: see `tests/support/tried.py`."""


@pytest.fixture(params=["token", "open"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Service, str]]:
    closed = {"MYSCHEDULER_API_TOKEN": TOKEN, "MYSCHEDULER_API_TOKEN_ROLE": "admin"}
    mode = str(request.param)
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path, **SETTINGS, **(closed if mode == "token" else {"MYSCHEDULER_INSECURE": "true"})) as running:
        running.write("daily.yaml", MANIFEST)
        running.write("notifications.yaml", NOTIFICATIONS)
        yield running, mode


MANIFEST = """\
job_id: 日次レポート
name: 日次レポート生成
target_url: http://127.0.0.1:9/日本
cron: "0 9 * * *"
labels: {チーム: 経理}
"""
NOTIFICATIONS = """\
channels:
  ops: {kind: email, host: 127.0.0.1, port: 9, security: none, from: a@example.com, to: [b@example.com]}
default: {channels: []}
"""
"""The channel that the examples name, where nobody listens."""
PLANS = {
    # every boundary of every parameter, with right, wrong and no credentials; then chains of requests
    "token": ("--phases", "coverage,stateful" if COUNT is None else "examples,coverage,fuzzing,stateful"),
    # whoever calls is answered: ignored_auth has nothing to check, and the boundaries are the same
    "open": ("--phases", "examples,fuzzing,stateful", "--exclude-checks", "ignored_auth"),
}


@pytest.mark.slow
def test_nothing_is_found(service: tuple[Service, str]) -> None:
    running, mode = service
    credentials = ("-H", f"Authorization: Bearer {TOKEN}") if mode == "token" else ()
    running.request("POST", "/api/v1/sync", headers=JSON | {"Authorization": f"Bearer {TOKEN}"})
    incident_id = _in_trouble(running)
    count = ("-n", COUNT) if COUNT else ("-n", "2", *ALWAYS_THE_SAME)
    command = (
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run", KEPT, "--url", running.url),
        *(*credentials, *PLANS[mode], *count, "--no-color", "--suppress-health-check", "all"),
    )
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.support.tried", "PYTHONPATH": str(ROOT)}
    tried = subprocess.run(command, env=environment, cwd=running.folder, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    assert f"Tested: {len([*operations(kept())])}" in tried.stdout, tried.stdout
    assert AuditAction.ACKNOWLEDGED in _audited(running, incident_id)  # so it was not only asked for what is missing
    assert not [line for line in running.text.splitlines() if "a bug ended" in line]


def _in_trouble(running: Service) -> str:
    """Store an open incident of the manifest's job, under the id of the document's examples, with notices of each kind.

    No notice is to be sent while requests are tried.
    """
    now, incident_id = datetime.now(UTC), _example()
    began = incident("日次レポート", incident_id, now, error="the target answered 503", told_at=now)
    states = {
        DeliveryState.SENT: NoticeKind.BEGAN,
        DeliveryState.FAILED: NoticeKind.REMINDER,
        DeliveryState.WITHDRAWN: NoticeKind.REMINDER,
        DeliveryState.WAITING: NoticeKind.RECOVERED,
    }
    notices = {
        state: Delivery(new_execution_id(now), incident_id, "ops", kind, now, next_at=now + timedelta(days=1))
        for state, kind in states.items()
    }

    def work(connection: Connection) -> None:
        assert incident_rows.insert(connection, began)
        delivery_rows.add(connection, notices.values())
        for state, one in notices.items():
            if state is not DeliveryState.WAITING:
                delivery_rows.settle(connection, [one.delivery_id], state, at=now, error="no answer")

    write_current(f"sqlite:///{_database(running)}", work)
    return incident_id


def _example() -> str:
    """The id of an incident that the document gives as an example."""
    shown = kept()["paths"]["/api/v1/incidents/{incident_id}"]["get"]["parameters"]
    return next(str(one["example"]) for one in shown if one["name"] == "incident_id")


def _database(running: Service) -> Path:
    return running.folder / "data" / "jobs.db"


def _audited(running: Service, incident_id: str) -> set[str]:
    """What was done to an incident, by the audit trail."""
    with closing(sqlite3.connect(_database(running))) as connection:
        rows = connection.execute("SELECT action FROM audit WHERE detail LIKE ?", (f"%{incident_id}%",))
        return {action for (action,) in rows}
