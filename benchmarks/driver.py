"""Drives a server through its public REST API, eight requests at a time."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, TypeVar

import aiohttp
import orjson

from benchmarks.errors import BenchmarkError

CONNECTIONS = 8
_JSON = {"Content-Type": "application/json"}

T = TypeVar("T")


def job(job_id: str, target_url: str, **schedule: Any) -> dict[str, Any]:
    """The request body that creates a job."""
    (kind,) = schedule
    kinds = {"interval": "interval", "run_at": "date", "cron": "cron"}
    return {"job_id": job_id, "name": job_id, "schedule_type": kinds[kind], **schedule, "target_url": target_url}


async def in_parallel(action: Callable[[T], Awaitable[object]], items: Iterable[T], *, within: float = math.inf) -> int:
    """Run `action` on the items, eight at a time, and start no item after `within` seconds. Returns how many ran."""
    queue, done, deadline = iter(items), 0, time.monotonic() + within

    async def work() -> None:
        nonlocal done
        for item in queue:
            await action(item)
            done += 1
            if time.monotonic() > deadline:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())
    return done


class Api:
    """A server with this REST API."""

    def __init__(self, session: aiohttp.ClientSession, url: str, jobs: str, *, leave_as_found: bool) -> None:
        self.leave_as_found = leave_as_found
        self.address = url.partition("://")[2]
        self._session = session
        self._url = f"{url}/api/v1"
        self._jobs = jobs

    async def create(self, body: dict[str, Any]) -> None:
        await self.create_encoded(orjson.dumps(body))

    async def create_encoded(self, body: bytes) -> None:
        await self._request("POST", self._jobs, data=body, headers=_JSON)

    async def replace(self, body: dict[str, Any]) -> None:
        await self._request("PUT", f"{self._url}/jobs/{body['job_id']}", data=orjson.dumps(body), headers=_JSON)

    async def pause(self, job_id: str) -> None:
        await self._request("POST", f"{self._url}/jobs/{job_id}/pause")

    async def resume(self, job_id: str) -> None:
        await self._request("POST", f"{self._url}/jobs/{job_id}/resume")

    async def trigger(self, job_id: str) -> None:
        await self._request("POST", f"{self._url}/jobs/{job_id}/trigger")

    async def delete(self, job_id: str) -> None:
        """A job that no longer exists is no error, because one-off jobs may be gone."""
        await self._request("DELETE", f"{self._url}/jobs/{job_id}", accept=404)

    async def job(self, job_id: str) -> dict[str, Any]:
        return self._mapping(await self._request("GET", f"{self._url}/jobs/{job_id}"))

    async def jobs_text(self) -> bytes:
        """The list of jobs, not decoded, so that the driver's own work isn't measured."""
        return await self._request("GET", self._jobs)

    async def jobs(self) -> list[dict[str, Any]]:
        value = orjson.loads(await self.jobs_text())
        found: list[dict[str, Any]] = value["jobs"] if isinstance(value, dict) else value
        return found

    async def executions(self, job_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest executions of a job, also of a removed one."""
        text = await self._request("GET", f"{self._url}/jobs/{job_id}/executions?limit={limit}")
        found: list[dict[str, Any]] = self._mapping(text)["executions"]
        return found

    async def look(self, path: str) -> None:
        """Request what a dashboard would show; the response is discarded."""
        await self._request("GET", f"{self._url}{path}")

    async def sync_state(self) -> dict[str, Any]:
        """What the last pass of the reconciler found and did."""
        return self._mapping(await self._request("GET", f"{self._url}/sync"))

    async def sync(self) -> dict[str, Any]:
        """Run a pass of the reconciler."""
        return self._mapping(await self._request("POST", f"{self._url}/sync"))

    @staticmethod
    def _mapping(text: bytes) -> dict[str, Any]:
        value: dict[str, Any] = orjson.loads(text)
        return value

    async def _request(self, method: str, url: str, *, accept: int = 200, **options: Any) -> bytes:
        async with self._session.request(method, url, **options) as answer:
            text = await answer.read()
            if not answer.ok and answer.status != accept:
                message = f"{method} {answer.url.path}: {answer.status} {text[:300].decode(errors='replace')}"
                raise BenchmarkError(message)
            return text


@contextlib.asynccontextmanager
async def connected(url: str, *, leave_as_found: bool = False) -> AsyncIterator[Api]:
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        # A server may redirect /jobs to /jobs/ or vice versa: find out once, not with each request.
        async with session.get(f"{url}/api/v1/jobs") as answer:
            if not answer.ok:
                raise BenchmarkError(f"GET /api/v1/jobs: {answer.status}")
            jobs = str(answer.url)
        yield Api(session, url, jobs, leave_as_found=leave_as_found)
