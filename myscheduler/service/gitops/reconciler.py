"""The reconciler: makes the stored jobs equal to the source.

One pass reads the source, parses its files, plans the changes, and applies them. Passes are level-triggered: each
compares the whole source with all stored jobs, whatever caused it. Only one pass runs at a time.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from myscheduler import __version__
from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import outlines as source_rows
from myscheduler.adapters.store.rows import revisions as revision_rows
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.gitops.plan import Known, Plan, make_plan, sharing_texts
from myscheduler.core.gitops.sync_state import (
    FileState,
    Passed,
    SyncCondition,
    SyncReason,
    SyncState,
    differs,
    file_states,
    passed,
    since,
    state_of,
)
from myscheduler.core.manifest.acceptance import Terms
from myscheduler.core.manifest.calendars_file import NamedCalendars, read_calendars
from myscheduler.core.manifest.combining import combine
from myscheduler.core.manifest.declared import Desired, ParsedFile
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.metrics.histogram import Histogram
from myscheduler.core.notifications.notifications_file import names_digest
from myscheduler.core.source.snapshot import REVISION_DIGITS, Snapshot, SourceFile, SourceUnavailable
from myscheduler.core.templates.variables import Plain
from myscheduler.errors import StoreUnavailableError
from myscheduler.messages.message import said
from myscheduler.service.catalog.applying import StalePlanError
from myscheduler.service.catalog.catalog import API, Catalog
from myscheduler.service.changes import Changes
from myscheduler.service.gitops.approval import Approval, approved_entry
from myscheduler.service.gitops.files_in_force import (
    access_in_force,
    notifications_in_force,
    targets_in_force,
    variables_in_force,
)
from myscheduler.service.gitops.policy_in_force import Rulebook
from myscheduler.service.gitops.reporting import log_changes, log_new_problems

_NO_VARIABLES: Mapping[str, Plain] = {}
PLANS = 3
"""The most plans that one pass makes, because a job changed between plan and application."""
RETRY_SEC = 5.0
"""How long after a pass that failed the next one begins."""


log = logging.getLogger(__name__)


class Reconciler:
    """Runs passes over the source, and keeps what the next pass can reuse; `state` is the result of the last one."""

    def __init__(
        self,
        source: DirectorySource,
        store: Store,
        catalog: Catalog,
        changes: Changes,
        *,
        zone: str,
        now: Callable[[], datetime],
        variables: Mapping[str, Plain] = _NO_VARIABLES,
        limit: Callable[[Mapping[str, TargetLimits]], None] = lambda _: None,
    ) -> None:
        """`variables` are those of the environment, which win over those of `vars.yaml`. `limit` is called with what
        the shared targets allow, by their names.
        """
        self._limit = limit
        self._source = source
        self._store = store
        self._catalog = catalog
        self._changes = changes
        self._zone = zone
        self._now = now
        self._one_pass = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._parsed: dict[source_rows.Key, ParsedFile] = {}
        """The parsed files; of those that are applied only the outline, which has no specs."""
        self._remembered: set[source_rows.Key] | None = None
        """The keys of files whose outlines are stored in the database; `None` before they are read."""
        self._combined: tuple[Snapshot, tuple[object, ...], Desired] | None = None
        """The jobs that all files declare together, with the snapshot and the rules that they were made from."""
        self._whole: tuple[Snapshot, tuple[str, ...], Snapshot] | None = None
        """The source as it was read, the documents that targets name, and the source without these."""
        self._stored: Mapping[str, Known] = {}
        """The jobs in the database, as the last pass read them."""
        self._made: tuple[Desired, Mapping[str, Known], Plan] | None = None
        """The last plan and what it was made from, if it changed no spec; limits of starts are applied each time."""
        self._files: tuple[Plan, tuple[FileState, ...]] | None = None
        self._calendars = NamedCalendars()
        self._passed: Passed | None = None
        """The newest revision that the database has an entry of."""
        self._rules_digest = ""
        self._channels: frozenset[str] | None = frozenset()
        """The channels that jobs may name, when their files were parsed."""
        self.snapshot: Snapshot | None = None
        """The source as the last pass read it that came to an end; `state` says what became of it."""
        self.access = access_in_force(store)
        self.notifications = notifications_in_force(store)
        self.variables = variables_in_force(store, variables)
        self._variables = self.variables.rules
        """The variables with which the files were parsed."""
        self.targets = targets_in_force(store, lambda: self.variables.rules)
        self._targets = self.targets.rules
        """The targets with which the files were parsed."""
        self.durations: dict[str, Histogram] = defaultdict(Histogram)
        """Seconds that passes took, by the reason of their result."""
        self.rulebook = Rulebook(store, zone=zone, now=now)
        self.state = SyncState(SyncCondition.RECONCILING, SyncReason.STARTING, said("source-not-read-yet"))

    def wake(self) -> None:
        """Request a pass, because something may have changed."""
        log.debug("woken: the source may have changed")
        self._wanted.set()

    async def run(self) -> None:
        """Follow the source until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._source.watch(self.wake))
            group.create_task(self._reconcile_when_woken())

    async def reconcile(self, *, approved: str | None = None, by: str = API) -> SyncState:
        """Run a pass now. `approved` is the digest of a blocked deletion to let through, `by` who approves it."""
        async with self._one_pass:
            if self._passed is None:
                await self._recall_passed()
            before, begun = self.state, time.monotonic()
            self.state = await self._pass(Approval(approved, by) if approved else None)
            self.durations[self.state.reason].observe(time.monotonic() - begun)
            if differs(before, self.state):
                self._changes.of_source(before.held ^ self.state.held)
            return self.state

    @property
    def terms(self) -> Terms:
        """What an API job is validated against now. Its named calendars are those of the manifests."""
        return Terms.of(
            self._zone,
            self._calendars,
            self.rulebook.rules,
            self.notifications.rules.names,
            self.variables.rules,
            self.targets.rules,
        )

    @property
    def is_passing(self) -> bool:
        """A pass is in progress, or requested."""
        return self._one_pass.locked() or self._wanted.is_set()

    async def _reconcile_when_woken(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            state = await self.reconcile()
            if state.reason in {SyncReason.STORE_UNAVAILABLE, SyncReason.INTERNAL_ERROR}:
                await asyncio.sleep(RETRY_SEC)
                self.wake()
            elif state.reason is SyncReason.SOURCE_UNAVAILABLE:  # it may come back without an event
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), RETRY_SEC)
                self.wake()

    async def _pass(self, approval: Approval | None) -> SyncState:
        revision = None
        try:
            await self.rulebook.recall()
            await self.access.recall()
            await self.notifications.recall()
            await self.variables.recall()
            await self.targets.recall()
            self._limit(self.targets.rules.limits)
            snapshot = await asyncio.to_thread(self._source.read)
            revision = snapshot.revision
            read = {"revision": revision, "files": len(snapshot.files), "unreadable": len(snapshot.unreadable)}
            log.debug("source read", extra=read)
            await self.rulebook.follow(snapshot)
            await self.access.follow(snapshot)
            await self.notifications.follow(snapshot)
            await self.variables.follow(snapshot)
            await self.targets.follow(snapshot)
            self._limit(self.targets.rules.limits)
            snapshot = self._declaring(snapshot)
            await self._recall(await asyncio.to_thread(read_calendars, snapshot.calendars))
            desired = await asyncio.to_thread(self._parse_all, snapshot)
            plan, files = await self._apply(snapshot, desired, approval)
            before, self.snapshot = self.state, snapshot
            self.state = state_of(
                plan, files, self._now(), before
            )  # at once, so that readers see it together with the jobs
            await self._settle(plan, files)
            await self._note(self.state)
            log_changes(plan, self.state, before)
            await log_new_problems(plan.problems, before.problems)
        except SourceUnavailable as error:
            return self._stalled(SyncReason.SOURCE_UNAVAILABLE, said("source-unreadable", why=str(error)), revision)
        except (StoreUnavailableError, StalePlanError) as error:
            return self._stalled(SyncReason.STORE_UNAVAILABLE, str(error), revision)
        except Exception:
            log.exception("a bug ended a pass over the source")
            return self._stalled(SyncReason.INTERNAL_ERROR, said("pass-ended-by-bug"), revision)
        return self.state

    def _declaring(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot without the documents that targets name; the same object while neither changes."""
        made = (snapshot, tuple(self.targets.rules.documents))
        if self._whole is None or self._whole[0] is not snapshot or self._whole[1] != made[1]:
            self._whole = (*made, snapshot.without(made[1]))
        return self._whole[2]

    def _parse_all(self, snapshot: Snapshot) -> Desired:
        """The jobs that the snapshot declares. Files that did not change are not parsed again."""
        files = (
            self._calendars, self.rulebook.rules, self.access.rules, self.notifications.rules, self.variables.rules,
            self.targets.rules,
        )  # fmt: skip
        reading = (self._reader, *(file.problems for file in files))
        if self._combined is not None and self._combined[0] is snapshot and self._combined[1] == reading:
            return self._combined[2]
        self._parsed = {(file.path, file.digest): self._parse(file) for file in snapshot.files}
        desired = self._combine(snapshot)
        self._combined = (snapshot, reading, desired)
        return desired

    async def _file_states(self, snapshot: Snapshot, plan: Plan) -> tuple[FileState, ...]:
        """What the plan means for each file."""
        if self._files is not None and self._files[0] is plan:
            return self._files[1]
        unreadable = [file.path for file in snapshot.unreadable]
        return await asyncio.to_thread(file_states, self._parsed.values(), unreadable, plan)

    async def _settle(self, plan: Plan, files: tuple[FileState, ...]) -> None:
        """Keep what the next pass can reuse, if it differs from what is kept."""
        if self._files is None or self._files[0] is not plan:
            await self._remember()
            self._files = None if plan.has_news else (plan, files)

    def _parse(self, file: SourceFile) -> ParsedFile:
        return self._parsed.get((file.path, file.digest)) or self._parse_now(file)

    def _parse_now(self, file: SourceFile) -> ParsedFile:
        """Parse the file and compute the digests of its jobs, which would take too long on the event loop."""
        found = parse_file(
            file,
            zone=self._zone,
            calendars=self._calendars,
            rules=self.rulebook.rules,
            channels=self._channels,
            variables=self._variables,
            targets=self._targets,
            is_cautious=False,
        )
        return found.with_digests()

    async def _apply(
        self, snapshot: Snapshot, desired: Desired, approval: Approval | None
    ) -> tuple[Plan, tuple[FileState, ...]]:
        for attempt in range(1, PLANS + 1):
            async with self._catalog.linking_lock:
                plan = await self._plan(snapshot, desired, approval.digest if approval else None)
                files = await self._file_states(snapshot, plan)
                try:
                    await self._catalog.apply(plan, approval=approved_entry(plan, approval, self._now()))
                except StalePlanError:
                    if attempt == PLANS:
                        raise
                else:
                    return plan, files
        raise StalePlanError

    async def _plan(self, snapshot: Snapshot, desired: Desired, approved: str | None) -> Plan:
        stored = await self._store.read(partial(job_rows.known_jobs, before=self._stored))
        if stored is not self._stored:
            self._stored = stored = await asyncio.to_thread(sharing_texts, stored, desired, self._stored)
        if approved is None and self._made is not None and self._made[0] is desired and self._made[1] is stored:
            return await self.rulebook.enforce(self._made[2], desired)
        plan = await asyncio.to_thread(make_plan, desired, stored, approved=approved)
        self._made = None if plan.has_news or approved is not None else (desired, stored, plan)
        if unread := plan.unread_paths:
            desired = await asyncio.to_thread(self._parse_anew, snapshot, unread)
            plan = await asyncio.to_thread(make_plan, desired, stored, approved=approved)
        log.debug(
            "planned", extra={"jobs": len(desired.jobs), "changes": len(plan.changes), "unchanged": plan.unchanged}
        )
        return await self.rulebook.enforce(plan, desired)

    def _parse_anew(self, snapshot: Snapshot, paths: Collection[str]) -> Desired:
        for file in snapshot.files:
            if file.path in paths:
                self._parsed[file.path, file.digest] = self._parse_now(file)
        return self._combine(snapshot)

    def _combine(self, snapshot: Snapshot) -> Desired:
        rules, access, notifications = self.rulebook.rules, self.access.rules, self.notifications.rules
        return combine(
            self._parsed.values(),
            snapshot,
            self._calendars,
            rules,
            access,
            notifications,
            self.variables.rules,
            self.targets.rules,
        )

    async def _recall_passed(self) -> None:
        """Load what an earlier process stored: the newest revision, and the last one that was applied as a whole."""
        with suppress(StoreUnavailableError):
            known = await self._store.read(revision_rows.newest)
            self._passed = known[0] if known else None
            whole = next((one for one in known if one.reason is SyncReason.APPLIED), None)
            if whole is not None:
                self.state = replace(self.state, applied_revision=whole.revision, applied_at=whole.last_at)

    async def _recall(self, calendars: NamedCalendars) -> None:
        """The outlines that an earlier process left; with other calendars or rules, files may mean something else."""
        before = self._reader
        self._calendars, self._rules_digest = calendars, self.rulebook.rules.digest
        self._channels, self._variables = self.notifications.rules.names, self.variables.rules
        self._targets = self.targets.rules
        if self._reader != before:
            self._remembered = None  # also if the database can't be read at the moment
        if self._remembered is None:
            self._parsed = await self._store.read(partial(source_rows.load, reader=self._reader))
            self._remembered = set(self._parsed)

    @property
    def _reader(self) -> str:
        """All that decides, besides its bytes, how a file is parsed. A file's outline is valid for one reader only."""
        calendars, rules = self._calendars.digest[:REVISION_DIGITS], self._rules_digest[:REVISION_DIGITS]
        channels = names_digest(self._channels)[:REVISION_DIGITS]
        variables = self._variables.meaning[:REVISION_DIGITS] + "!" * self._variables.has_errors
        targets = self._targets.digest[:REVISION_DIGITS] + "!" * self._targets.has_errors
        return f"{__version__} {self._zone} {calendars} {rules} {channels} {variables} {targets}".rstrip()

    async def _remember(self) -> None:
        """Keep outlines in place of parsed files, here and in the database; the specs are stored with the jobs."""
        fresh, gone = await asyncio.to_thread(self._outline_changes)
        if fresh:
            self._combined = self._made = None  # they hold the specs
        if fresh or gone:
            paths = {path for path, _ in gone}
            await self._store.write(partial(source_rows.save, reader=self._reader, files=fresh, gone=paths))
        self._parsed.update(fresh)
        self._remembered = (self._remembered or set()) - gone | fresh.keys()

    def _outline_changes(self) -> tuple[dict[source_rows.Key, ParsedFile], set[source_rows.Key]]:
        """Outlines that are not stored yet, and the keys of stored ones whose files are gone."""
        remembered = self._remembered or set()
        parsed = self._parsed.items()
        fresh = {key: outline for key, file in parsed if key not in remembered and (outline := file.outline())}
        return fresh, remembered - self._parsed.keys()

    async def _note(self, state: SyncState) -> None:
        """Store the result for the revision, if it differs from the stored one."""
        entry = passed(state, self._passed)
        if entry is not None:
            await self._store.write(partial(revision_rows.save, one=entry))
            self._passed = entry

    def _stalled(self, reason: SyncReason, message: str, revision: str | None) -> SyncState:
        if (self.state.reason, self.state.message) != (reason, message):
            log.error("the source is not applied: %s", message)
        return replace(
            self.state,
            condition=SyncCondition.STALLED,
            reason=reason,
            message=message,
            attempted_revision=revision or self.state.attempted_revision,
            attempted_at=self._now(),
            since=since(self.state, SyncCondition.STALLED, self._now()),
            created=(),
            updated=(),
            deleted=(),
        )
