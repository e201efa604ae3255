"""What surrounds a service that is killed again and again: its jobs, its target, the database after each kill."""

import contextlib
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx

from tests.support import warm
from tests.support.ledger import (
    SECOND,
    Facts,
    Stored,
    micros,
    read_database,
)
from tests.support.patience import PATIENCE
from tests.support.service import Service, environment, manifest
from tests.support.target import Answer, HangUp, Target

SEED = int(os.environ.get("CRASH_SEED", "20261124"))
FILES, JOBS_A_FILE = 24, 10
CHURN_AT_ONCE, JOBS_A_CHURN = 8, 3
"""24 of some 300 jobs go in a pass, so no deletion is blocked."""
API_JOBS = 30
FILE = "---\n".join
EVERY = {6: 2, 7: 3}
RETRIES = {8: 2}
MORE: dict[int, tuple[str, ...]] = {
    5: ("on_interrupt: retry",),
    8: ("max_retries: 2", "retry_backoff_sec: 0.1"),
    9: ("max_instances: 2",),
    10: ("coalesce: false",),
    11: ("method: POST", "body: {report: daily}", "misfire_grace_time: 1"),
}
"""What is special about each twelfth job; the others are due every second and try once."""


@dataclass(frozen=True)
class Look:
    """The database as a kill left it."""

    kind: str
    killed_at: float
    """`time.monotonic()` just before."""
    stored: Stored
    newest: str
    """A job of the latest edit: whether it is stored tells whether the kill came after the pass."""


@dataclass
class World:
    """What the test made, so what the service has to account for."""

    folder: Path
    target: Target
    rng: random.Random
    anchor: datetime
    declared: dict[str, Facts] = field(default_factory=dict)
    """By job; the moments that only the service knows are filled in by `facts`."""
    edits: int = 0
    churns: list[int] = field(default_factory=list)
    """The churn files that are there."""
    churned: int = 0
    removed_at: dict[str, int] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    triggered: list[str] = field(default_factory=list)
    """Executions that the API promised."""
    created: list[str] = field(default_factory=list)
    """Jobs that the API promised."""
    hung_up: int = 0

    def write(self, name: str, text: str) -> None:
        """Put a file in its place at once, as editors and git do."""
        made = self.folder / "jobs.d" / f".{name}"
        made.write_text(text)
        made.rename(made.with_name(name))

    def job(self, job_id: str, number: int) -> str:
        """A manifest; it differs with each edit, but never in its schedule."""
        kind, edit = number % 12, self.edits
        every = EVERY.get(kind, 1)
        path = {8: "/flaky", 9: "/slow", 10: "/0"}.get(kind, f"/{number % 6}")
        self.declared.setdefault(
            job_id,
            Facts(
                job_id, every * SECOND, micros(self.anchor), 0, 0, max_retries=RETRIES.get(kind, 0), resends=kind == 5
            ),
        )
        schedule = f"interval: {{seconds: {every}}}\nanchor: {self.anchor.isoformat()}"
        return manifest(job_id, self.target.url(f"{path}?edit={edit}"), schedule, *MORE.get(kind, ()))

    def write_base(self, number: int) -> None:
        ids = range(number * JOBS_A_FILE, (number + 1) * JOBS_A_FILE)
        self.write(f"base-{number:02}.yaml", FILE(self.job(f"base-{n:03}", n) for n in ids))

    def edit(self) -> None:
        """Change half the files, add some and remove some; each at once, all of them not at once."""
        self.edits += 1
        steps: list[Callable[[], None]] = [
            partial(self.write_base, number) for number in self.rng.sample(range(FILES), FILES // 2)
        ]
        steps += [self.add_churn] * CHURN_AT_ONCE
        # what no kill has shown yet has no known beginning to be judged by
        seen = self.looks[-1].stored.jobs
        steps += [
            partial(self.remove_churn, number)
            for number in [number for number in self.churns if f"churn-{number}-0" in seen][:CHURN_AT_ONCE]
        ]
        self.rng.shuffle(steps)
        for step in steps:
            step()

    def add_churn(self) -> None:
        number, self.churned = self.churned, self.churned + 1
        self.write(f"churn-{number}.yaml", FILE(self.job(f"churn-{number}-{n}", n) for n in range(JOBS_A_CHURN)))
        self.churns.append(number)

    def remove_churn(self, number: int) -> None:
        self.churns.remove(number)
        for n in range(JOBS_A_CHURN):
            self.removed_at[f"churn-{number}-{n}"] = micros(datetime.now(UTC))
        (self.folder / "jobs.d" / f"churn-{number}.yaml").unlink()

    def create(self, service: Service) -> None:
        """Jobs of the API: half with the common anchor, half counted from their creation."""
        for number in range(API_JOBS):
            job_id = f"api-{number:02}"
            anchor = {"anchor": self.anchor.isoformat()} if number % 2 else {}
            service.create(
                job_id=job_id, target_url=self.target.url(f"/{number % 6}"), interval={"seconds": 1}, **anchor
            )
            self.declared[job_id] = Facts(job_id, SECOND, micros(self.anchor) if anchor else 0, 0, 0)
            self.created.append(job_id)

    @property
    def newest(self) -> str:
        """A job of the latest edit."""
        return f"churn-{self.churned - 1}-0"

    # --- the kills ------------------------------------------------------------------------------------------------

    def look(self, kind: str, killed_at: float) -> None:
        stored = read_database(self.folder / "data" / "jobs.db")
        self.looks.append(Look(kind, killed_at, stored, self.newest))

    def kill_running(self, kind: str, aim: Callable[[Service], None]) -> None:
        """Start the service, wait for the moment while somebody triggers jobs by hand, and kill it."""
        with Service(self.folder) as service:
            if not self.created:
                self.create(service)
            with triggering(service.url, self.rng.choices(range(FILES * JOBS_A_FILE), k=200), self.triggered):
                aim(service)
                killed_at = time.monotonic()
                service.kill()
        self.look(kind, killed_at)

    def kill_starting(self) -> None:
        """Kill it before, while and after it migrates, closes what was running, and catches up."""
        after = self.rng.uniform(0, 0.8)
        killed_at = kill_after(self.folder, after)
        self.look("start", killed_at)

    def at_claim(self, _service: Service) -> None:
        """A few milliseconds after many jobs fell due together, once calls are made at all."""
        self.target.wait_for(len(self.target.requests) + 1)
        wait_until_due(self.anchor, self.rng.uniform(0.003, 0.06))

    def at_send(self, _service: Service) -> None:
        """When the target has got so many of a burst; the burst of the start is one, too."""
        if self.rng.random() < 0.7:
            wait_until_due(self.anchor, 0)
        self.target.wait_for(len(self.target.requests) + self.rng.randint(1, 200))

    def at_record(self, _service: Service) -> None:
        """When the target has answered so many of a burst."""
        if self.rng.random() < 0.7:
            wait_until_due(self.anchor, 0)
        self.target.wait_for_replies(len(self.target.replies) + self.rng.randint(1, 200))
        time.sleep(self.rng.uniform(0, 0.02))

    def at_reconcile(self, _service: Service) -> None:
        """Some moment after an edit: before the watcher has told of it, or while the pass is at work."""
        self.edit()
        time.sleep(self.rng.uniform(0, 0.6))

    def at_reconciled(self, _service: Service) -> None:
        """The moment a pass has committed something, before its timers are set."""
        self.edit()
        deadline = time.monotonic() + PATIENCE
        with closing(sqlite3.connect(f"file:{self.folder}/data/jobs.db?mode=ro", uri=True)) as connection:
            while not connection.execute("SELECT 1 FROM jobs WHERE job_id = ?", (self.newest,)).fetchone():
                assert time.monotonic() < deadline, f"seed {SEED}: the edit was not applied"
                time.sleep(0.002)

    def at_hang_up(self, _service: Service) -> None:
        """The target closes connections that were used before: a client that resends by itself is caught."""
        self.target.wait_for_replies(len(self.target.replies) + 200)
        wait_until_due(self.anchor, 0.5)
        for path in ("/0", "/1", "/2"):
            self.target.answers(path, HangUp())
        wait_until_due(self.anchor, 0)
        self.target.wait_for(len(self.target.requests) + 200)
        time.sleep(self.rng.uniform(0, 0.1))
        self.answer()
        self.hung_up += 1

    def answer(self) -> None:
        """The target's usual ways."""
        for number in range(6):
            self.target.answers(f"/{number}", Answer(delay=0.05 * (number + 1)))
        flaky = self.rng.choices([Answer(503, delay=0.05), Answer(delay=0.1)], k=2_000)
        self.target.answers("/flaky", *flaky)
        self.target.answers("/slow", *self.rng.choices([Answer(delay=0.2), Answer(delay=1.3)], k=2_000))

    # --- the account ----------------------------------------------------------------------------------------------

    def facts(self, end: Stored) -> list[Facts]:
        """What each job that ever was owes to the history."""
        born: dict[str, int] = {}
        for stored in [*(look.stored for look in self.looks), end]:
            for job_id, job in stored.jobs.items():
                assert born.setdefault(job_id, job.created_at) == job.created_at, f"{job_id} was born twice"
        return [self._facts(job_id, created_at, end) for job_id, created_at in born.items()]

    def _facts(self, job_id: str, created_at: int, end: Stored) -> Facts:
        known = self.declared[job_id]
        job = end.jobs.get(job_id)
        return replace(
            known,
            anchor=known.anchor or created_at,
            created_at=created_at,
            until=job.cursor if job else self.removed_at[job_id],
            is_removed=job is None,
            execution_count=job.execution_count if job else None,
        )

    def crashed(self) -> set[str]:
        return {execution_id for look in self.looks for execution_id in look.stored.running()}


def kill_after(folder: Path, seconds: float, *, once: Path | None = None) -> float:
    """Start the service and kill it so much later, counted from when the file `once` is there."""
    process = warm.start(["serve"], cwd=folder, env=environment(), is_silent=True)
    deadline = time.monotonic() + PATIENCE
    while once is not None and not once.exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(seconds)
    killed_at = time.monotonic()
    process.kill()
    process.wait()
    return killed_at


def wait_until_due(anchor: datetime, more: float) -> None:
    """Until `more` seconds after the next moment when many jobs are due."""
    since = time.time() - anchor.timestamp()
    time.sleep(int(since) + 1 - since + more)


@contextlib.contextmanager
def triggering(url: str, numbers: Collection[int], acknowledged: list[str]) -> Iterator[None]:
    """Somebody triggers jobs until the service is gone; what was promised to them is noted."""
    is_over = threading.Event()

    def trigger() -> None:
        with httpx.Client(base_url=url, trust_env=False) as client, contextlib.suppress(httpx.TransportError):
            for number in numbers:
                if is_over.wait(0.05):
                    return
                answer = client.post(f"/api/v1/jobs/base-{number:03}/trigger")
                if answer.status_code == 200:
                    acknowledged.append(answer.json()["execution_id"])

    thread = threading.Thread(target=trigger, name="trigger")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
