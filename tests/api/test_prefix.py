"""The API behind a path prefix: whether the proxy removes it or passes it on, and without the proxy."""

import httpx
import pytest

from tests.support.api import JOBS, body, ok
from tests.support.parts import Parts, client

pytestmark = pytest.mark.anyio

PREFIX = "/team/jobs"


@pytest.mark.parametrize("sent", [PREFIX, ""], ids=["passed on", "removed"])
class TestPrefix:
    async def test_routes(self, parts: Parts, sent: str) -> None:
        async with client(parts, root_path=PREFIX) as api:
            assert (await api.get(f"{sent}/health/live")).status_code == 200
            created = await api.post(f"{sent}{JOBS}", json=body(job_id="請求 1"))
            assert created.status_code == 200
            assert (await ok(api, "GET", f"{sent}{JOBS}/請求%201"))["job_id"] == "請求 1"
            assert (await api.options(f"{sent}{JOBS}")).headers["allow"] == "GET, HEAD, OPTIONS, POST"
            assert (await api.head(f"{sent}{JOBS}")).status_code == 200

    async def test_redirects(self, parts: Parts, sent: str) -> None:
        async with client(parts, root_path=PREFIX) as api:
            for path in ("/", ""):
                answer = await api.get(f"{sent}{path}")
                assert (answer.status_code, answer.headers["location"]) == (307, f"{PREFIX}/ui/")

    async def test_links(self, parts: Parts, sent: str) -> None:
        for name in ("a", "b", "c"):
            await parts.create(name)
            await parts.dispatcher.trigger(name, by="test")
        async with client(parts, root_path=PREFIX) as api:
            for path in (JOBS, "/api/v1/executions"):
                answer = await api.get(f"{sent}{path}?limit=1")
                (link,) = answer.headers.get_list("link")
                assert link.startswith(f"<{PREFIX}{path}?limit=1&cursor=")
                assert (await api.get(link[1:].split(">")[0])).status_code == 200

    async def test_docs(self, parts: Parts, sent: str) -> None:
        async with client(parts, root_path=PREFIX) as api:
            page = (await api.get(f"{sent}/docs")).text
            assert f'src="{PREFIX}/docs/start.js"' in page
            assert f'url: "{PREFIX}/openapi.json"' in (await api.get(f"{sent}/docs/start.js")).text
            assert [one["url"] for one in (await ok(api, "GET", f"{sent}/openapi.json"))["servers"]] == [PREFIX]


@pytest.mark.parametrize("path", ["/team", "/team/jobsx/health", "/other/health", "/team/jobs/team/jobs/health"])
async def test_other_paths_are_not_ours(parts: Parts, path: str) -> None:
    async with client(parts, root_path=PREFIX) as api:
        assert (await api.get(path)).status_code == 404


async def test_without_a_prefix_nothing_changes(api: httpx.AsyncClient) -> None:
    assert [one["url"] for one in (await ok(api, "GET", "/openapi.json"))["servers"]] == ["/"]
    assert 'src="/docs/start.js"' in (await api.get("/docs")).text
