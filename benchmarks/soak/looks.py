"""Requests what open dashboards request: mostly the list, and from time to time each of the other resources."""

import random
from datetime import UTC, datetime
from urllib.parse import quote

from benchmarks.driver import Api
from benchmarks.soak.edits import SEED, Edits

LOOK_SEC = 1.0
_LIST = "/jobs"
_OTHERS = (
    "/jobs/{job_id}",
    "/jobs/{job_id}/executions?limit=1000",
    "/jobs/executions/recent?limit=1000",
    "/sync",
    "/sync/files",
    "/jobs/{job_id}/why?at={now}",
    "/preview?count=10",
    "/audit?limit=1000",
    "/specs",
)


class Looks:
    def __init__(self, api: Api, edits: Edits) -> None:
        self._api = api
        self._edits = edits
        self._done = 0
        self._random = random.Random(SEED)  # noqa: S311 - the same requests in each run

    async def look(self) -> None:
        """Every second request is for the list."""
        number, self._done = self._done, self._done + 1
        path = _OTHERS[number // 2 % len(_OTHERS)] if number % 2 else _LIST
        job_id, now = self._random.choice(self._edits.steady), datetime.now(UTC).isoformat(timespec="seconds")
        await self._api.look(path.format(job_id=quote(job_id), now=quote(now)))
