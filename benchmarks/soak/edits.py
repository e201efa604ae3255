"""Edits jobs as people do, one edit after another: in files, which the service must notice, and through the API."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.driver import Api, job
from benchmarks.sink import Sink

FIGURE = "soak"
PER_FILE = 10
"""Jobs that are not edited share a file; each of the others has a separate file."""
STEADY_SHARE, API_SHARE = 0.3, 0.1
BODY_BYTES = 2_000
SEED = 17
_ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "UTC")


@dataclass(slots=True)
class _Manifest:
    """A file with one job, as last written."""

    job_id: str
    version: int = 0
    schedule: str = "interval: {seconds: 1}"
    more: dict[str, str] = field(default_factory=dict)
    folder: str = "teams"

    @property
    def name(self) -> str:
        return f"{self.folder}/{self.job_id}.yaml"

    def text(self, sink: Sink) -> str:
        target = sink.target(FIGURE, self.job_id) + f"?version={self.version}"
        lines = [f"job_id: {self.job_id}", self.schedule, f"target_url: {target}", *self.more.values()]
        return "\n".join([*lines, ""])


class Edits:
    """Edits jobs. The number of one-second jobs stays about the same."""

    def __init__(self, jobs_dir: Path, api: Api, sink: Sink, jobs: int) -> None:
        self.done = 0
        self.steady = [f"steady-{number:03}" for number in range(int(jobs * STEADY_SHARE))]
        self.all_ids = {*self.steady}
        """Every job that ever existed."""
        self._dir, self._api, self._sink = jobs_dir, api, sink
        self._random = random.Random(SEED)  # noqa: S311 - the same edits in each run
        self._by_api = [self._new_id("api") for _ in range(int(jobs * API_SHARE))]
        count = jobs - len(self.steady) - len(self._by_api)
        self._manifests = [_Manifest(self._new_id("file")) for _ in range(count)]
        self._broken: list[_Manifest] = []
        self._paused: list[str] = []
        self._kinds: tuple[Callable[[], Awaitable[None]], ...] = (
            self._body, self._schedule, self._labels, self._rename, self._break, self._replace_by_api, self._pause,
            self._body, self._trigger, self._delete, self._add, self._target, self._schedule, self._mend, self._move,
            self._resume, self._recreate_by_api, self._policy,
        )  # fmt: skip

    async def begin(self) -> None:
        for start in range(0, len(self.steady), PER_FILE):
            manifests = [_Manifest(job_id) for job_id in self.steady[start : start + PER_FILE]]
            text = "---\n".join(one.text(self._sink) for one in manifests)
            self._put(f"steady/file-{start // PER_FILE:02}.yaml", text)
        for manifest in self._manifests:
            self._write(manifest)
        for job_id in self._by_api:
            await self._api.create(self._api_body(job_id))

    async def edit(self) -> None:
        """Make the next kind of edit, to a random job."""
        await self._kinds[self.done % len(self._kinds)]()
        self.done += 1

    # --- in files -------------------------------------------------------------------------------------------------

    async def _body(self) -> None:
        manifest = self._any()
        text = "".join(self._random.choices("abcdefghijklmnop ", k=self._random.randrange(1, BODY_BYTES)))
        manifest.more |= {"method": "method: POST", "body": f"body: {{number: {self.done}, text: '{text}'}}"}
        self._write(manifest)

    async def _schedule(self) -> None:
        """Random schedules that run about each second, without one second of the minute and one minute of the hour."""
        manifest, chance = self._any(), self._random
        if chance.random() < 0.2:
            manifest.schedule = "interval: {seconds: 1}"
        else:
            second, minute = chance.randrange(1, 59), chance.randrange(1, 59)
            cron = f"0-{second - 1},{second + 1}-59 0-{minute - 1},{minute + 1}-59 * * * *"
            manifest.schedule = f'cron: "{cron}"\nseconds: true\ntimezone: {chance.choice(_ZONES)}'
        self._write(manifest)

    async def _labels(self) -> None:
        manifest = self._any()
        manifest.more["labels"] = f"labels: {{team: team-{self._random.randrange(40)}, ticket: T-{self.done}}}"
        manifest.more["headers"] = f"headers: {{X-Ticket: T-{self.done}}}"
        self._write(manifest)

    async def _target(self) -> None:
        self._write(self._any())

    async def _rename(self) -> None:
        """The file keeps its name, so this is one change: one job is removed and another added."""
        place = self._random.randrange(len(self._manifests))
        old = self._manifests[place]
        new = _Manifest(self._new_id("renamed"), 0, old.schedule, dict(old.more), old.folder)
        self._remove(old)
        self._manifests[place] = new
        self._write(new)

    async def _delete(self) -> None:
        self._remove(self._manifests.pop(self._random.randrange(len(self._manifests))))

    async def _add(self) -> None:
        manifest = _Manifest(self._new_id("file"))
        self._manifests.append(manifest)
        self._write(manifest)

    async def _move(self) -> None:
        manifest = self._any()
        self._remove(manifest)
        manifest.folder = f"moved-{self._random.randrange(5)}"
        self._write(manifest)

    async def _break(self) -> None:
        manifest = self._any()
        manifest.version += 1
        text = manifest.text(self._sink)
        wrong = (text + "target: x\n", text + "cron: [\n", text.replace("seconds: 1", "seconds: soon"), "\udcff" + text)
        self._put(manifest.name, self._random.choice(wrong))
        self._broken.append(manifest)

    async def _mend(self) -> None:
        while self._broken:
            manifest = self._broken.pop(0)
            if manifest in self._manifests:
                self._write(manifest)
                return

    async def _policy(self) -> None:
        """Makes the service check all files again."""
        self._put("policy.yaml", f"allow_methods: [GET, POST]\nmax_retries: {self._random.randrange(3, 100)}\n")

    def _any(self) -> _Manifest:
        return self._random.choice(self._manifests)

    def _write(self, manifest: _Manifest) -> None:
        manifest.version += 1
        self._put(manifest.name, manifest.text(self._sink))

    def _put(self, name: str, text: str) -> None:
        """Replace the file by a rename, as tools do, so that it is never half-written."""
        path, ready = self._dir / name, self._dir.parent / "ready.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        ready.write_text(text, encoding="utf-8", errors="surrogateescape")
        ready.rename(path)

    def _remove(self, manifest: _Manifest) -> None:
        (self._dir / manifest.name).unlink()

    # --- through the API ------------------------------------------------------------------------------------------

    async def _replace_by_api(self) -> None:
        job_id = self._random.choice(self._by_api)
        await self._api.replace(self._api_body(job_id) | {"method": "POST", "body": {"number": self.done}})

    async def _recreate_by_api(self) -> None:
        place = self._random.randrange(len(self._by_api))
        await self._api.delete(self._by_api[place])
        self._by_api[place] = self._new_id("api")
        await self._api.create(self._api_body(self._by_api[place]))

    async def _pause(self) -> None:
        self._paused.append(self._random.choice(self._by_api))
        await self._api.pause(self._paused[-1])

    async def _resume(self) -> None:
        while self._paused:
            job_id = self._paused.pop(0)
            if job_id in self._by_api:
                await self._api.resume(job_id)
                return

    async def _trigger(self) -> None:
        await self._api.trigger(self._random.choice(self._by_api))

    def _api_body(self, job_id: str) -> dict[str, Any]:
        return job(job_id, self._sink.target(FIGURE, job_id), interval={"seconds": 1})

    def _new_id(self, kind: str) -> str:
        """An id that was never used before, so that each call can be attributed to its job."""
        job_id = f"{kind}-{len(self.all_ids):05}"
        self.all_ids.add(job_id)
        return job_id
