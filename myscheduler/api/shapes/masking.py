"""What callers who are not editors of a job are shown of its history.

A target may repeat in its response what the job sent. The credentials that a job sent are known only as long as it is
declared as it was then; of older executions, and of deleted jobs, the responses are withheld as a whole.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from myscheduler.adapters.store.rows.listed import Listed
from myscheduler.core.findings.masking import MASK
from myscheduler.core.gitops.sync_state import SyncState
from myscheduler.core.history.attempts import Attempt
from myscheduler.core.history.execution import Record
from myscheduler.core.job.job import Job
from myscheduler.core.lifecycle.audit import AuditEntry
from myscheduler.core.secrets.echoes import error_without_echoes, literals_of, without_echoes
from myscheduler.core.secrets.redaction import Secret

_NEVER_CUT = 1_000
"""An excerpt of fewer characters is a whole response, whatever its encoding."""
_DIGITS = 16
_KEPT = 32
"""The most jobs whose credentials are kept: in all their forms they may take a megabyte."""


class Masking:
    """Masks executions. Digests of specs are replaced, because with them a guessed credential could be tested."""

    def __init__(self, key: bytes) -> None:
        """`key` is random: digests are the same as long as it is."""
        self._key = key
        self._literals: dict[str, tuple[Secret, ...] | None] = {}
        """By the digest of a spec. A page often has many rows of one job."""

    def digest(self, digest: str) -> str:
        """A digest that is the same for the same spec, and that only this server can compute."""
        return hmac.new(self._key, digest.encode(), hashlib.sha256).hexdigest()[:_DIGITS]

    def record(self, record: Record, job: Job | None) -> Record:
        """The row as it may be shown; `job` is the present one, if it exists. `attempts_detail` is not masked."""
        extracted = _extracted(record.extracted, self._sent(record, job))
        return replace(record, **self._shown(record, job), extracted=extracted)

    def listed(self, row: Listed, job: Job | None) -> Listed:
        """The same of a row of a list."""
        return row._replace(**self._shown(row, job))

    def _shown(self, row: Record | Listed, job: Job | None) -> dict[str, Any]:
        literals = self._sent(row, job)
        return {
            "digest": self.digest(row.digest) if row.digest else row.digest,
            "error": _error(row.error, literals),
            "excerpt": _response(row.excerpt, literals),
        }

    def attempts(self, attempts: Sequence[Attempt], record: Record, job: Job | None) -> list[Attempt]:
        """The attempts of a row, which is not masked yet, as they may be shown."""
        literals = self._sent(record, job)
        return [replace(one, error=_error(one.error, literals)) for one in attempts]

    def _sent(self, record: Record | Listed, job: Job | None) -> tuple[Secret, ...] | None:
        """The literal credentials that the execution sent; `None` if they are not known any more, or too many."""
        if job is None or record.digest not in {None, job.digest}:
            return None
        known = self._literals  # another thread may empty it
        if job.digest in known:
            return known[job.digest]
        if len(known) >= _KEPT:
            known = self._literals = {}
        known[job.digest] = found = literals_of(job.spec)
        return found

    def state(self, state: SyncState) -> SyncState:
        """The state of the source with another digest of a blocked deletion, which is made of digests of specs."""
        blocked = state.blocked
        if blocked is None:
            return state
        shown = self.digest(blocked.digest)
        return replace(
            state, blocked=replace(blocked, digest=shown), message=state.message.replace(blocked.digest, shown)
        )

    def entry(self, entry: AuditEntry) -> AuditEntry:
        """An entry of the audit log; that of an approval has the digest of the deletion."""
        digest = entry.detail.get("digest")
        return replace(entry, detail={**entry.detail, "digest": self.digest(digest)}) if digest else entry


def _response(excerpt: str | None, literals: tuple[Secret, ...] | None) -> str | None:
    if not excerpt:
        return excerpt
    if literals is None:
        return MASK
    return without_echoes(excerpt, literals, whole=len(excerpt) < _NEVER_CUT)


def _extracted(text: str | None, literals: tuple[Secret, ...] | None) -> str | None:
    """The values that an execution extracted, without those that contain a credential."""
    if text is None:
        return None
    found = json.loads(text)
    return json.dumps({name: value if _is_harmless(value, literals) else MASK for name, value in found.items()})


def _is_harmless(value: Any, literals: tuple[Secret, ...] | None) -> bool:
    text = json.dumps(value, ensure_ascii=False)
    return literals is not None and without_echoes(text, literals, whole=True) == text


def _error(error: str | None, literals: tuple[Secret, ...] | None) -> str | None:
    return None if error is None else error_without_echoes(error, literals)
