"""Reserved files in force: what those of the source declare, or else the last valid ones.

`access.yaml` says who may use the API, `notifications.yaml` whom to tell of trouble, `vars.yaml` what the variables of
templates are, `targets.yaml` what calls have in common. A file that can't be used changes nothing. The last valid one
is stored in the database, so that it survives a restart. If there was never a valid one, the file lets nobody in, tells
nobody, or defines nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Generic, TypeVar

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import outlines as source_rows
from myscheduler.core.access.access_file import AccessRules, read_access
from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.manifest.targets_file import SharedTargets, read_targets
from myscheduler.core.notifications.notifications_file import Notifications, read_notifications
from myscheduler.core.source.snapshot import ACCESS, NOTIFICATIONS, TARGETS, VARS, Snapshot, SourceFile, UnreadableFile
from myscheduler.core.templates.variables import Plain, Variables, read_variables
from myscheduler.messages.message import said

D = TypeVar("D", AccessRules, Notifications, Variables, SharedTargets)


@dataclass(frozen=True, slots=True)
class Notes:
    """What the problems say about a file that can't be used."""

    kept: str
    """The last valid one stays in force."""
    none_good: str
    """There was never a valid one."""
    bare: str
    """The source is empty, so the last valid one stays in force."""


class FileInForce(Generic[D]):
    """Follows one reserved file of the source."""

    def __init__(
        self, store: Store, path: str, read: Callable[[SourceFile | UnreadableFile | None], D], notes: Notes
    ) -> None:
        """`read` parses the file; `None` is one that doesn't exist."""
        self._store = store
        self._path = path
        self._read_file: Callable[[SourceFile | UnreadableFile | None], D] = read
        self._notes = notes
        self._good: D | None = None
        """The last valid file; `None` when there never was one."""
        self._stored: str | None = None
        """The digest of what the database holds."""
        self._is_recalled = False
        self.rules: D = read(None)
        """What is in force, with the problems of the file."""

    async def recall(self) -> None:
        """Load what an earlier process stored; it is in force until the source is read."""
        if not self._is_recalled:
            self._good = await self._store.read(self._recall)
            self._stored = self._good.digest if self._good else None
            self.rules = self._good or self.rules
            self._is_recalled = True

    async def follow(self, snapshot: Snapshot) -> None:
        """Put the file of the source in force, or keep the present one if the source's can't be used.

        What was taken away is gone at once, even if the database can't be written at the moment.
        """
        good = self._good
        found: D = await asyncio.to_thread(self._read, snapshot)
        if snapshot.is_bare and good is not None and good.digest:
            self.rules = replace(good, problems=(self._note("kept", self._notes.bare),))
        elif found.has_errors:
            note = self._note("kept", self._notes.kept) if good else self._note("unknown", self._notes.none_good)
            self.rules = replace(good or self._read_file(None), problems=(*found.problems, note))
        else:
            self._good = self.rules = found
            await self._remember(found)

    async def _remember(self, found: D) -> None:
        if found.digest != self._stored:
            await self._store.write(partial(source_rows.save_reserved, path=self._path, content=found.content))
            self._stored = found.digest

    def _read(self, snapshot: Snapshot) -> D:
        """What the file declares; it is parsed only if it has changed."""
        file, good = next((one for one in snapshot.own if one.path == self._path), None), self._good
        if good is not None and isinstance(file, SourceFile) and file.digest == good.digest:
            return good
        return self._read_file(file)

    def _recall(self, connection: Connection) -> D | None:
        content = source_rows.load_reserved(connection, self._path)
        if content is None:
            return None
        found = self._read_file(SourceFile.of(self._path, content) if content else None)
        return None if found.has_errors else found  # another version of MyScheduler may find mistakes in it

    def _note(self, what: str, message: str) -> Problem:
        return Problem(self._path, 1, 1, "", f"{self._path.removesuffix('.yaml')}-{what}", message, Severity.WARNING)


_ACCESS = Notes(said("access-of-last-valid"), said("access-none-valid"), said("access-source-empty"))
_NOTIFICATIONS = Notes(
    said("notifications-of-last-valid"), said("notifications-none-valid"), said("notifications-source-empty")
)
_VARIABLES = Notes(said("vars-of-last-valid"), said("vars-none-valid"), said("vars-source-empty"))


def access_in_force(store: Store) -> FileInForce[AccessRules]:
    return FileInForce(store, ACCESS, read_access, _ACCESS)


def notifications_in_force(store: Store) -> FileInForce[Notifications]:
    return FileInForce(store, NOTIFICATIONS, read_notifications, _NOTIFICATIONS)


def variables_in_force(store: Store, environment: Mapping[str, Plain]) -> FileInForce[Variables]:
    """`environment` are the variables that win over those of the file."""
    return FileInForce(store, VARS, partial(read_variables, environment=environment), _VARIABLES)


_TARGETS = Notes(said("targets-of-last-valid"), said("targets-none-valid"), said("targets-source-empty"))


def targets_in_force(store: Store, variables: Callable[[], Variables]) -> FileInForce[SharedTargets]:
    """`variables` returns those that base URLs may use."""
    return FileInForce(store, TARGETS, lambda file: read_targets(file, variables=variables()), _TARGETS)
