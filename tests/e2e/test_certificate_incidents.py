"""A target whose certificate is about to expire, and a service that calls it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority, server_context
from tests.support.service import Service
from tests.support.target import Target


def _incidents(service: Service) -> list[dict[str, Any]]:
    return list(service.get("/api/v1/incidents?kind=certificate").json()["incidents"])


@pytest.mark.slow
@pytest.mark.parametrize(("days", "is_told"), [(10, True), (30, False)])
def test_a_certificate_with_few_days_left_is_an_incident_of_its_host(tmp_path: Path, days: int, is_told: bool) -> None:
    authority = Authority()
    (tmp_path / "jobs.d").mkdir()
    with Target(tls=server_context(authority.pair(days=days))) as secure:
        trust = f"tls: {{ca: {json.dumps(authority.pem)}}}"
        manifest = f"job_id: a\ninterval: {{seconds: 1}}\ntarget_url: {secure.url('/')}\n{trust}\n"
        (tmp_path / "jobs.d" / "jobs.yaml").write_text(manifest)
        with Service(tmp_path) as service:
            secure.wait_for(1)
            if is_told:
                (one,) = service.until(lambda: _incidents(service))
                assert (one["host"], one["job_id"], one["open"]) == (f"127.0.0.1:{secure.port}", None, True)
            else:
                secure.wait_for(5)  # the watch looks every second
                assert _incidents(service) == []
