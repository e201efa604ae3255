"""Which jobs are pinged with which key."""

from collections.abc import Iterable, Sequence

from myscheduler.core.job.job import Job
from myscheduler.core.job.ping import hash_of


class PingKeys:
    """The ids of the jobs that expect pings, by the hash of their key.

    As only hashes are compared, how long a search takes says nothing about the keys.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, set[str]] = {}
        self._hashes: dict[str, str] = {}
        """The reverse."""

    def arm(self, changed: Iterable[Job], removed: Iterable[str]) -> None:
        """Note jobs as they are stored now, and removed ones."""
        for job_id in removed:
            self._forget(job_id)
        for job in changed:
            self._forget(job.job_id)
            if job.spec.ping is not None:
                self._hashes[job.job_id] = job.spec.ping.key_sha256
                self._jobs.setdefault(job.spec.ping.key_sha256, set()).add(job.job_id)

    def _forget(self, job_id: str) -> None:
        digest = self._hashes.pop(job_id, None)
        if digest is not None:
            self._jobs[digest].discard(job_id)
            if not self._jobs[digest]:
                del self._jobs[digest]

    def find(self, key: str) -> Sequence[str]:
        """The jobs with this key, in the order of their ids; usually one, or none."""
        digest = hash_of(key)
        return sorted(self._jobs.get(digest, ())) if digest else []
