"""The stored jobs as a server sends them to commands that compare or export them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from myscheduler.core.gitops.plan import Known
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.digest import digest
from myscheduler.core.job.job import Job, Owner, Pause, Source
from myscheduler.core.job.spec import JobSpec


@dataclass(frozen=True, slots=True)
class Item:
    """A stored job, without its progress in its schedule."""

    job_id: str
    owner: Owner
    spec: JobSpec
    created_at: datetime
    """Intervals without an anchor are counted from this time."""
    source: Source | None
    pause: Pause | None

    @property
    def known(self) -> Known:
        """The job for a plan. The digest is computed here, so that a command works with servers of other versions."""
        path, line = (self.source.path, self.source.line) if self.source else (None, None)
        return Known(self.job_id, self.owner, digest(self.spec), 0, path, line, self.spec.protect)

    @property
    def is_paused(self) -> bool:
        """Whether the job is paused: its spec decides, or if that says nothing, the pause of the operators."""
        return self.pause is not None if self.spec.paused is None else self.spec.paused

    def as_json(self) -> dict[str, Any]:
        """The item as the API sends it; `inventory_from_json` reads it."""
        source, pause = self.source, self.pause
        return {
            "job_id": self.job_id,
            "owner": self.owner,
            "created_at": self.created_at.isoformat(),
            "source": {"file": source.path, "line": source.line, "revision": source.revision} if source else None,
            "pause": {
                "by": pause.by,
                "at": pause.at.isoformat(),
                "reason": pause.reason,
                "until": pause.until.isoformat() if pause.until else None,
            }
            if pause
            else None,
            "spec": to_json(self.spec),
        }


def inventory(jobs: Iterable[Job]) -> dict[str, Item]:
    """The stored jobs by id."""
    return {job.job_id: Item(job.job_id, job.owner, job.spec, job.created_at, job.source, job.pause) for job in jobs}


def inventory_from_json(items: Iterable[Mapping[str, Any]]) -> dict[str, Item]:
    """Items by id, from the output of `Item.as_json` for each."""
    return {item["job_id"]: _item(item) for item in items}


def _item(item: Mapping[str, Any]) -> Item:
    source, pause = item["source"], item["pause"]
    return Item(
        job_id=item["job_id"],
        owner=Owner(item["owner"]),
        spec=from_json(item["spec"]),
        created_at=datetime.fromisoformat(item["created_at"]),
        source=Source(source["file"], source["line"], source["revision"]) if source else None,
        pause=_pause(pause) if pause else None,
    )


def _pause(pause: Mapping[str, Any]) -> Pause:
    until = datetime.fromisoformat(pause["until"]) if pause["until"] else None
    return Pause(pause["by"], datetime.fromisoformat(pause["at"]), pause["reason"], until)
