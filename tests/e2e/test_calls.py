"""What the calls of a real service send, and how they prove who makes them."""

from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from standardwebhooks import Webhook

from tests.support.service import Service
from tests.support.target import Target
from tests.support.token_server import PASSWORD, TokenServer

KEY = "whsec_" + "QUFB" * 8


def _triggered(service: Service, job_id: str) -> dict[str, Any]:
    """The execution of a run by hand, when it has ended."""
    service.trigger(job_id)
    return service.until(
        lambda: next((row for row in service.executions(job_id) if row["status"] not in {"running", "skipped"}), None)
    )


@pytest.mark.usefixtures("senders")
def test_files_tokens_and_signatures(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "client").write_text(PASSWORD)
    (secrets / "key").write_text(f"{KEY}\n")
    (tmp_path / "jobs.d" / "tables").mkdir(parents=True)
    (tmp_path / "jobs.d" / "tables" / "価格.csv").write_bytes("品名,価格\r\n".encode())
    with (
        Target() as target,
        TokenServer() as server,
        Service(tmp_path, MYSCHEDULER_SECRETS_DIR=str(secrets)) as service,
    ):
        service.write(
            "upload.yaml",
            f"""
job_id: 価格表
target_url: {target.url("/uploads?a=1")}
interval: {{days: 1}}
method: REPORT
query: {{tag: [日次, b&c]}}
multipart:
  - {{name: title, value: "価格 ${{secret:client}}"}}
  - {{name: table, file: tables/価格.csv, content_type: text/csv}}
sign:
  standard_webhooks: ["${{secret:key}}"]
---
job_id: billing
target_url: {server.url("/api")}
interval: {{days: 1}}
auth:
  oauth2:
    token_url: {server.url("/token")}
    client_id: scheduler:東京
    client_secret: ${{secret:client}}
""",
        )
        service.until(lambda: service.get("/api/v1/jobs/billing").status_code == 200)
        uploaded, billed = _triggered(service, "価格表"), _triggered(service, "billing")
        (got,) = target.requests
        shown = service.get("/api/v1/jobs/billing").json()
        text = service.text
    assert (uploaded["status"], billed["status"]) == ("completed", "completed")
    query = parse_qsl(got.target.partition("?")[2])
    assert (got.method, query) == ("REPORT", [("a", "1"), ("tag", "日次"), ("tag", "b&c")])
    whole = message_from_bytes(f"Content-Type: {got.header('Content-Type')}\r\n\r\n".encode() + got.body)
    parts = [one.get_payload(decode=True) for one in whole.walk() if not one.is_multipart()]
    assert parts == [f"価格 {PASSWORD}".encode(), "品名,価格\r\n".encode()]
    headers = {name: got.header(name) or "" for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    assert headers["webhook-id"] == uploaded["execution_id"]
    Webhook(KEY).verify(got.body, headers, json_parse=False)  # raises if it does not fit
    assert billed["response"] == "got Bearer [redacted]"
    assert shown["auth"]["oauth2"]["client_secret"] == "${secret:client}"
    for secret in (PASSWORD, KEY, "token-1"):
        assert secret not in text
