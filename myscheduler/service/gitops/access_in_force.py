"""The tokens and issuers in force: those of the source's `access.yaml`, or else the last valid ones.

A file that can't be used changes nobody's rights. The last valid one is stored in the database, so that it survives a
restart. If there was never a valid one, the file lets nobody in.
"""

import asyncio
from dataclasses import replace
from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import outlines as source_rows
from myscheduler.core.access.access_file import NO_ACCESS, AccessRules, read_access
from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.source.snapshot import ACCESS, Snapshot, SourceFile

_KEPT = "until it is fixed, the tokens and issuers of the last valid file stay in force"
_NONE_GOOD = "until it is fixed, it lets nobody in, because no valid file is known"
_BARE = (
    "the source is empty, which takes no rights away and gives none: the last valid file stays in force; restore the "
    "files, or write {} into access.yaml"
)


class AccessInForce:
    """Follows `access.yaml` of the source."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._good: AccessRules | None = None
        """The last valid file; `None` when there never was one."""
        self._stored: str | None = None
        """The digest of what the database holds."""
        self._is_recalled = False
        self.rules = NO_ACCESS
        """What is in force, with the problems of the file."""

    async def recall(self) -> None:
        """Load what an earlier process stored; it is in force until the source is read."""
        if not self._is_recalled:
            self._good = await self._store.read(_recall)
            self._stored = self._good.digest if self._good else None
            self.rules = self._good or self.rules
            self._is_recalled = True

    async def follow(self, snapshot: Snapshot) -> None:
        """Put the file of the source in force, or keep the present one if the source's can't be used.

        Rights that were taken away are gone at once, even if the database can't be written at the moment.
        """
        good, found = self._good, await asyncio.to_thread(self._read, snapshot)
        if snapshot.is_bare and good is not None and good.digest:
            self.rules = replace(good, problems=(_note("access-kept", _BARE),))
        elif found.has_errors:
            note = _note("access-kept", _KEPT) if good else _note("access-unknown", _NONE_GOOD)
            self.rules = replace(good or NO_ACCESS, problems=(*found.problems, note))
        else:
            self._good = self.rules = found
            await self._remember(found)

    async def _remember(self, found: AccessRules) -> None:
        if found.digest != self._stored:
            await self._store.write(partial(source_rows.save_reserved, path=ACCESS, content=found.content))
            self._stored = found.digest

    def _read(self, snapshot: Snapshot) -> AccessRules:
        """What the file declares; it is parsed only if it has changed."""
        file, good = snapshot.access, self._good
        if good is not None and isinstance(file, SourceFile) and file.digest == good.digest:
            return good
        return read_access(file)


def _note(rule: str, message: str) -> Problem:
    return Problem(ACCESS, 1, 1, "", rule, message, Severity.WARNING)


def _recall(connection: Connection) -> AccessRules | None:
    content = source_rows.load_reserved(connection, ACCESS)
    if content is None:
        return None
    found = read_access(SourceFile.of(ACCESS, content) if content else None)
    return None if found.has_errors else found  # another version of MyScheduler may find mistakes in it
