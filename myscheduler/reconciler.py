"""The order read, parse, plan, apply: makes the stored jobs equal to the source, one level-triggered pass at a time."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.store import Store, job_rows
from myscheduler.catalog import Catalog, StalePlanError
from myscheduler.core.manifest import Desired, ParsedFile, combine, parse_file
from myscheduler.core.plan import Plan, make_plan
from myscheduler.core.source import Snapshot, SourceFile, SourceUnavailable
from myscheduler.core.sync import Cause, Condition, SyncState, changed_count, state_of
from myscheduler.errors import StoreUnavailableError

PLANS = 3
"""How often a pass plans anew when a job changes under its hands."""
RETRY_SEC = 5.0
"""After a pass that could not end, the next one follows by itself."""

log = logging.getLogger(__name__)


class Reconciler:
    def __init__(
        self, source: DirectorySource, store: Store, catalog: Catalog, *, zone: str, now: Callable[[], datetime]
    ) -> None:
        self._source = source
        self._store = store
        self._catalog = catalog
        self._zone = zone
        self._now = now
        self._one_pass = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._parsed: dict[tuple[str, str], ParsedFile] = {}
        self.state = SyncState(Condition.RECONCILING, Cause.STARTING, "the source is not read yet")

    def wake(self) -> None:
        """Something may have changed: look again."""
        self._wanted.set()

    async def run(self) -> None:
        """Follow the source until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._source.watch(self.wake))
            group.create_task(self._reconcile_when_woken())

    async def reconcile(self, *, approved: str | None = None) -> SyncState:
        """Run a pass now. `approved` is the digest of a blocked deletion that may happen."""
        async with self._one_pass:
            self.state = await self._pass(approved)
            return self.state

    async def _reconcile_when_woken(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            state = await self.reconcile()
            if state.reason in {Cause.STORE_UNAVAILABLE, Cause.INTERNAL_ERROR}:
                await asyncio.sleep(RETRY_SEC)
                self.wake()

    async def _pass(self, approved: str | None) -> SyncState:
        revision = None
        try:
            snapshot, desired = await asyncio.to_thread(self._read)
            revision = snapshot.revision
            plan = await self._apply(desired, approved)
            state = state_of(plan, self._now(), self.state)
            self._tell(plan, state)
        except SourceUnavailable as error:
            return self._stalled(
                Cause.SOURCE_UNAVAILABLE, f"{error}; nothing is changed until it can be read", revision
            )
        except (StoreUnavailableError, StalePlanError) as error:
            return self._stalled(Cause.STORE_UNAVAILABLE, str(error), revision)
        except Exception:
            log.exception("a bug ended a pass over the source")
            return self._stalled(Cause.INTERNAL_ERROR, "a bug ended the pass; the log has the stack trace", revision)
        return state

    def _read(self) -> tuple[Snapshot, Desired]:
        """Read the source; files that did not change are not parsed again."""
        snapshot = self._source.read()
        self._parsed = {(file.path, file.digest): self._parse(file) for file in snapshot.files}
        return snapshot, combine(self._parsed.values(), snapshot)

    def _parse(self, file: SourceFile) -> ParsedFile:
        return self._parsed.get((file.path, file.digest)) or parse_file(file, zone=self._zone)

    async def _apply(self, desired: Desired, approved: str | None) -> Plan:
        for attempt in range(1, PLANS + 1):
            plan = make_plan(desired, await self._store.read(job_rows.known_jobs), approved=approved)
            try:
                await self._catalog.apply(plan)
            except StalePlanError:
                if attempt == PLANS:
                    raise
            else:
                return plan
        raise StalePlanError

    def _stalled(self, reason: Cause, message: str, revision: str | None) -> SyncState:
        if (self.state.reason, self.state.message) != (reason, message):
            log.error("the source is not applied: %s", message)
        return replace(
            self.state,
            condition=Condition.STALLED,
            reason=reason,
            message=message,
            attempted_revision=revision or self.state.attempted_revision,
            attempted_at=self._now(),
            created=(),
            updated=(),
            deleted=(),
        )

    def _tell(self, plan: Plan, state: SyncState) -> None:
        if changed_count(plan):
            counts = {
                "jobs_created": len(state.created),
                "jobs_updated": len(state.updated),
                "jobs_deleted": len(state.deleted),
                "jobs_unchanged": state.unchanged,
            }
            log.info("source applied", extra={"revision": plan.revision, **counts})
        for problem in sorted(set(plan.problems) - set(self.state.problems)):
            log.warning("%s", problem)
        if plan.blocked is not None and plan.blocked != self.state.blocked:
            log.error("%s", state.message)
        if state.condition is Condition.READY and self.state.condition is Condition.STALLED:
            log.info("the source is applied again")
