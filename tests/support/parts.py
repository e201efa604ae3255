"""The parts of the service put together as `app` does it, on real SQLite, without a server and without a watcher.

async with opened(tmp_path) as parts:
    await parts.catalog.create(spec("a", interval={"seconds": 1}, target_url=target.url()), replace_existing=False)
    row = await parts.row_where("a", lambda row: row.status is Status.COMPLETED)
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import httpx

from myscheduler.adapters.http.sender import open_sender
from myscheduler.adapters.http.trust import tls_context
from myscheduler.adapters.identity.identity import Identity
from myscheduler.adapters.notify.apprise_notes import AppriseNotes
from myscheduler.adapters.notify.smtp import Mailer
from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.source.attached import AttachedFiles
from myscheduler.adapters.store import Store, open_store
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.api import NOTHING, REQUESTS, create_api
from myscheduler.api.door.authentication import Access, Credentials
from myscheduler.core.access.allowed_hosts import AllowedHosts
from myscheduler.core.access.clients import ClientRules, Networks
from myscheduler.core.calls.certificates import Certificates
from myscheduler.core.gitops.sync_state import SyncState
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.lifecycle import transitions as lifecycle
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.policy.grants import Grants
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.templates.variables import variables_of
from myscheduler.machine.private_files import FILE_MODE
from myscheduler.service.catalog.catalog import Catalog
from myscheduler.service.dispatch.caller import Caller, LocalCaller
from myscheduler.service.dispatch.dispatcher import Dispatcher
from myscheduler.service.dispatch.preparing import Preparing
from myscheduler.service.gitops.guard_in_force import GuardInForce
from myscheduler.service.gitops.reconciler import Reconciler
from myscheduler.service.notifications.courier import Courier
from myscheduler.service.notifications.troubles import ChannelTroubles
from myscheduler.service.store_health import StoreHealth
from myscheduler.service.upkeep.clock_watch import Timekeeper
from tests.support.patience import PATIENCE
from tests.support.target import Received, Target

ZONE = "Asia/Tokyo"
PAGES = 1_000_000_000

T = TypeVar("T")


BEHIND_PROXY = Access(clients=ClientRules(trusted_proxies=Networks.of("127.0.0.1")))
"""The API without credentials, behind a trusted proxy on this machine."""


@dataclass
class MovableClock:
    """The real clock, put forward or back by `shift`."""

    shift: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.shift


@dataclass
class Parts:
    folder: Path
    clock: MovableClock
    store: Store
    dispatcher: Dispatcher
    catalog: Catalog
    reconciler: Reconciler
    timekeeper: Timekeeper
    store_health: StoreHealth
    caller: LocalCaller
    courier: Courier
    guard: GuardInForce
    certificates: Certificates
    grants: Grants = field(default_factory=Grants)
    """What the policy allows jobs of the API."""

    @property
    def jobs_dir(self) -> Path:
        return self.folder / "jobs.d"

    def secret(self, name: str, content: str | bytes) -> None:
        """Put a file into the folder of the secrets."""
        path = self.folder / "secrets" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def manifest(self, name: str, text: str) -> Path:
        """Write a file into the source."""
        path = self.jobs_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    async def sync(self, approved: str | None = None) -> SyncState:
        return await self.reconciler.reconcile(approved=approved)

    async def create(self, job_id: str, **fields: Any) -> Job:
        return await self.catalog.create(spec(job_id, **fields), replace_existing=False)

    async def jobs(self) -> dict[str, Job]:
        return {job.job_id: job for job in await self.store.read(job_rows.all_jobs)}

    async def rows(self, job_id: str) -> list[Record]:
        """The job's history, oldest first."""
        found = await self.store.read(partial(execution_rows.of_job, job_id=job_id, limit=1_000))
        return found[::-1]

    async def rows_where(self, job_id: str, is_enough: Callable[[list[Record]], bool]) -> list[Record]:
        """The job's history, oldest first, as soon as it is as wanted."""
        return await until(partial(self.rows, job_id), is_enough)

    async def row_where(self, job_id: str, is_wanted: Callable[[Record], bool]) -> Record:
        """The first such row of the job's history, as soon as there is one."""
        rows = await self.rows_where(job_id, lambda rows: any(map(is_wanted, rows)))
        return next(filter(is_wanted, rows))

    def fill(self) -> None:
        """Make the database full: nothing that needs another page can be written."""
        self._limit_pages(1)  # SQLite takes it as "what there is"

    def make_room(self) -> None:
        self._limit_pages(PAGES)

    def refuse_writes(self) -> None:
        """Make the database one that can only be read, as on a disk that is mounted so."""
        self._set("query_only = ON")

    def accept_writes(self) -> None:
        self._set("query_only = OFF")

    def _limit_pages(self, pages: int) -> None:
        self._set(f"max_page_count = {pages}")

    def _set(self, pragma: str) -> None:
        """Such settings belong to a connection, and all writes go over one."""
        with closing(self.store._writer._engine.raw_connection()) as connection:
            connection.cursor().execute(f"PRAGMA {pragma}")


@asynccontextmanager
async def opened(
    folder: Path,
    *,
    clock: MovableClock | None = None,
    zone: str = ZONE,
    limit: int = 1_000,
    limit_per_host: int | None = None,
    drain_sec: float = 5.0,
    most_api_jobs: float = math.inf,
    environment: Mapping[str, str] | None = None,
    api_may_call_private: bool = True,
    through: Callable[[Store], Store] = lambda store: store,
    calling: Callable[[Caller], Caller] = lambda caller: caller,
) -> AsyncIterator[Parts]:
    """Nothing that runs by itself is at work: `parts.dispatcher.start()` starts what sends; it is stopped at the end.

    `through` wraps the store that the dispatcher uses, and `calling` what makes its calls. `api_may_call_private` lets
    jobs of the API call targets on this machine, as nearly all tests do.
    """
    now = clock or MovableClock()
    (folder / "jobs.d").mkdir(exist_ok=True)
    database = folder / "jobs.db"
    if not database.exists():
        database.write_bytes(_new_database())
        database.chmod(FILE_MODE)
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_store(f"sqlite:///{database}"))
        certificates = Certificates()
        guard = GuardInForce(lambda: reconciler.rulebook.rules, api_may_call_private=api_may_call_private)
        sender = await stack.enter_async_context(
            open_sender(connections=0, connections_per_host=200, guard=guard, certificate_seen=certificates.seen)
        )
        dispatch_store = through(store)
        store_health = StoreHealth(dispatch_store, now=now)
        secrets = Secrets(folder / "secrets", environment or {})
        preparing = Preparing(
            secrets,
            AttachedFiles(folder / "jobs.d"),
            Identity(sender, user_agent="myscheduler/test"),
            grants=lambda: parts.grants,
            now=now,
        )
        caller = LocalCaller(sender, preparing, user_agent="myscheduler/test", zone=zone)
        notes = AppriseNotes()
        stack.callback(notes.close)
        mailer = Mailer(tls_context, lambda: reconciler.rulebook.reach)
        courier = Courier(sender, mailer, notes, secrets, public_url="https://jobs.example.com", now=now)
        dispatcher = Dispatcher(
            dispatch_store,
            calling(caller),
            store_health,
            zone=zone,
            now=now,
            in_flight=limit,
            in_flight_per_host=limit if limit_per_host is None else limit_per_host,
        )
        stack.push_async_callback(_stop, dispatcher, drain_sec)
        catalog = Catalog(store, zone=zone, now=now, running=dispatcher, most_api_jobs=most_api_jobs)
        source = DirectorySource(folder / "jobs.d")
        variables = variables_of(environment or {})
        reconciler = Reconciler(
            source,
            store,
            catalog,
            dispatcher.changes,
            zone=zone,
            now=now,
            variables=variables,
            limit=dispatcher.limit,
        )
        timekeeper = Timekeeper(dispatcher, catalog, now=now)
        await dispatcher.recover()
        await catalog.load()
        parts = Parts(
            folder,
            now,
            store,
            dispatcher,
            catalog,
            reconciler,
            timekeeper,
            store_health,
            caller,
            courier,
            guard,
            certificates,
        )
        yield parts


@asynccontextmanager
async def started(folder: Path, **options: Any) -> AsyncIterator[Parts]:
    """The parts at work, with the options of `opened`; what is under way at the end is cut off at once."""
    async with opened(folder, **({"drain_sec": 0} | options)) as parts:
        parts.dispatcher.start()
        yield parts


@asynccontextmanager
async def client(
    parts: Parts,
    *,
    token: str | None = None,
    access: Access | None = None,
    zone: str = ZONE,
    hosts: str = "",
    requests_at_once: int = REQUESTS,
    root_path: str = "",
    requests_a_minute: int = 0,
    metric_labels: Mapping[str, str] = NOTHING,
    deliveries: Mapping[tuple[str, str], int] = NOTHING,
    troubles: ChannelTroubles | None = None,
    is_access_logged: bool = False,
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the REST API on these parts. It follows no redirect, and a bug is a 500, as over the network.

    `hosts` are those of the setting.
    """
    api = create_api(
        parts.store,
        parts.catalog,
        parts.dispatcher,
        parts.reconciler,
        parts.store_health,
        parts.courier,
        zone=zone,
        source=str(parts.jobs_dir),
        access=access or Access(Credentials(token)),
        now=parts.clock,
        grants=lambda: parts.grants,
        call_guard=parts.guard,
        hosts=AllowedHosts.of(hosts),
        requests_at_once=requests_at_once,
        root_path=root_path,
        requests_a_minute=requests_a_minute,
        clock_jumps=parts.timekeeper.jumps,
        metric_labels=metric_labels,
        deliveries=deliveries,
        certificates=parts.certificates,
        troubles=troubles,
        is_access_logged=is_access_logged,
    )
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    histories = asyncio.create_task(api.state.job_histories.run())
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8003") as one:
            yield one
    finally:
        histories.cancel()


async def received(target: Target, count: int) -> list[Received]:
    """All requests, as soon as there are so many."""
    return await asyncio.to_thread(target.wait_for, count, PATIENCE)


def is_over(row: Record) -> bool:
    return row.status is not Status.RUNNING


async def until(look: Callable[[], Awaitable[T]], is_enough: Callable[[T], bool]) -> T:
    """What `look` gives as soon as it `is_enough`."""
    seen = await look()
    try:
        async with asyncio.timeout(PATIENCE):
            while not is_enough(seen):
                await asyncio.sleep(0.01)
                seen = await look()
    except TimeoutError as error:
        raise AssertionError(f"still not so after {PATIENCE} s: {seen!s:.2000}") from error
    return seen


def spec(job_id: str, **fields: Any) -> JobSpec:
    """A spec from the fields of a manifest; every hour when they name no schedule."""
    given = {"job_id": job_id, "target_url": "http://127.0.0.1:9/"} | fields
    if not {"cron", "interval", "run_at", "after"} & fields.keys():
        given["interval"] = {"hours": 1}
    declared, complaints = declare(given, zone=ZONE)
    assert declared is not None, complaints
    return declared


def manifest(job_id: str, more: str = "", schedule: str = "interval: {minutes: 10}\n") -> str:
    """A small job as YAML text."""
    return f"job_id: {job_id}\ntarget_url: https://example.com/{job_id}\n{schedule}{more}"


def job(job_id: str, now: datetime, **fields: Any) -> Job:
    """A job of the API as it is when it is made."""
    return lifecycle.create(spec(job_id, **fields), owner=Owner.API, source=None, clock=Clock(now, ZONE)).job


def soon(seconds: float = 0.2, *, every: int = 3600) -> dict[str, Any]:
    """The fields of an interval whose next slot is `seconds` from now."""
    first = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"interval": {"seconds": every}, "anchor": (first - timedelta(seconds=every)).isoformat()}


@cache
def _new_database() -> bytes:
    """As a first start makes it: the migrations take longer than many a test, and have tests of their own."""
    with TemporaryDirectory() as folder:
        database = Path(folder, "jobs.db")
        with open_store(f"sqlite:///{database}"):
            pass
        return database.read_bytes()


async def _stop(dispatcher: Dispatcher, drain_sec: float) -> None:
    if any(not loop.done() for loop in dispatcher.loops):
        await dispatcher.stop(drain_sec)
