"""Sends what the job of a manifest sends, and tells of a request what a target goes by."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from json import loads
from urllib.parse import quote

from myscheduler.adapters.http.sender import open_sender
from myscheduler.core.calls.body import multipart_body
from myscheduler.core.calls.request import build_request, filled
from myscheduler.core.history.execution import Cause, Execution, Kind
from myscheduler.core.job.payload import Multipart
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.secrets.redaction import Secret
from myscheduler.core.source.yaml import read_documents
from myscheduler.core.templates.context import Context
from myscheduler.core.templates.rendering import rendered
from tests.support.target import Received


async def send(manifest: str, secrets: Mapping[str, str]) -> None:
    """Send what the job sends, by the sender of the service."""
    (document,) = read_documents(manifest)
    spec, complaints = declare(document.value, zone="UTC")
    assert spec is not None, complaints
    now = datetime.now(UTC)
    if spec.templates:
        spec = rendered(spec, Context.of(spec, now, "id", zone="UTC", created_at=now))
    execution = Execution("id", spec.job_id, now, Kind.SCHEDULED, Cause.TIMER, "", None, now)
    request = build_request(spec, execution.execution_id, execution.slot, 1, user_agent="myscheduler")
    values = {name: Secret.of(name, value.removesuffix("\n")) for name, value in secrets.items()}
    request = filled(request, spec, values)
    if isinstance(spec.payload, Multipart):
        request = replace(request, body=multipart_body(spec.payload, "id", {}, {}))
    async with open_sender(connections=1, connections_per_host=1) as sender:
        outcome = await sender.send(request)
    assert outcome.http_status == 200, outcome


_OF_THE_CLIENT = frozenset({
    "accept-encoding", "connection", "content-length", "idempotency-key", "proxy-connection", "transfer-encoding",
})  # fmt: skip


def in_short(request: Received) -> tuple[object, ...]:
    """What a target goes by. What the programs say of themselves only is left out."""
    found = re.search("boundary=(.*)", request.header("Content-Type") or "")
    boundary = found[1] if found else "boundary"
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name.lower(), []).append(value.replace(boundary, "boundary"))
    told = {
        name: values
        for name, values in headers.items()
        if name not in _OF_THE_CLIENT
        and not name.startswith("x-myscheduler-")
        and (name, values) != ("accept", ["*/*"])
        and not (name == "user-agent" and values[0].startswith(("curl/", "Wget/", "myscheduler")))
    }
    is_json = told.get("content-type", [""])[0].startswith("application/json") and request.body
    body = loads(request.body) if is_json else encoded(request.body.decode().replace(boundary, "boundary"))
    return request.method, encoded(request.target), sorted(told.items()), body


def encoded(text: str) -> str:
    """With each character in one spelling: some leave it as it is, others encode it, in capitals or not."""
    text = re.sub(r"%[0-9a-fA-F]{2}", lambda found: found[0].upper(), text)
    return re.sub(r"[^!-~]|[\"<>\\^`{|}]", lambda found: quote(found[0], safe="", encoding=_encoding(text)), text)


def _encoding(text: str) -> str:
    """The target reads bytes as Latin-1."""
    return "latin-1" if all(ord(char) < 256 for char in text) else "utf-8"
