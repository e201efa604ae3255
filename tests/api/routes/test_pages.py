"""The pages about the API itself."""

import httpx
import pytest

from tests.support.api import JOBS, ok

pytestmark = pytest.mark.anyio


async def test_docs(api: httpx.AsyncClient) -> None:
    assert (await api.get("/docs")).status_code == 200
    paths = (await ok(api, "GET", "/openapi.json"))["paths"]
    names = ("", "/{job_id}", "/executions/recent", "/{job_id}/pause", "/{job_id}/resume", "/{job_id}/trigger")
    assert {f"{JOBS}{name}" for name in (*names, "/{job_id}/executions")} <= paths.keys()
