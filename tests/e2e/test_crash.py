"""`kill -9` at any moment loses no slot and sends none twice.

The service runs some 300 jobs, is killed at moments aimed at each step of its work, and is started again on what it
left. At the end the judge of `tests.support.ledger` compares the history with what the target got. The moments come
from a seed, which every failure names; `CRASH_SEED` tries another one.
"""

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from tests.support.ledger import (
    SECOND,
    Facts,
    Got,
    Row,
    Stored,
    execution_id_of,
    got_by,
    judge,
    micros,
    read_database,
    read_live,
)
from tests.support.service import COMMAND, Service, environment, manifest
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
        after = self.rng.uniform(0.2, 1.6)
        killed_at = kill_after(self.folder, after)
        self.look("start", killed_at)

    def at_claim(self, _service: Service) -> None:
        """A few milliseconds after many jobs fell due together."""
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
        deadline = time.monotonic() + 10
        with closing(sqlite3.connect(f"file:{self.folder}/data/jobs.db?mode=ro", uri=True)) as connection:
            while not connection.execute("SELECT 1 FROM jobs WHERE job_id = ?", (self.newest,)).fetchone():
                assert time.monotonic() < deadline, f"seed {SEED}: the edit was not applied"
                time.sleep(0.002)

    def at_hang_up(self, _service: Service) -> None:
        """The target closes connections that were used before: a client that resends by itself is caught."""
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
    with subprocess.Popen(COMMAND, cwd=folder, env=environment(), stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 20
        while once is not None and not once.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(seconds)
        killed_at = time.monotonic()
        process.kill()
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


# --- the test -----------------------------------------------------------------------------------------------------


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as running:
        yield running


@pytest.mark.slow
def test_kills_at_any_moment_lose_no_slot_and_send_none_twice(tmp_path: Path, target: Target) -> None:
    rng = random.Random(SEED)  # noqa: S311 - moments, not secrets
    anchor = datetime.now(UTC).replace(microsecond=0)
    (tmp_path / "jobs.d").mkdir()
    world = World(tmp_path, target, rng, anchor)
    world.answer()
    for number in range(FILES):
        world.write_base(number)
    for _ in range(CHURN_AT_ONCE):
        world.add_churn()

    world.kill_starting()
    world.kill_running("claim", world.at_claim)
    kills: list[Callable[[], None]] = [
        *[partial(world.kill_running, "claim", world.at_claim)] * 4,
        *[partial(world.kill_running, "send", world.at_send)] * 4,
        *[partial(world.kill_running, "record", world.at_record)] * 4,
        *[partial(world.kill_running, "reconcile", world.at_reconcile)] * 3,
        *[partial(world.kill_running, "reconcile", world.at_reconciled)] * 2,
        partial(world.kill_running, "hang up", world.at_hang_up),
        *[world.kill_starting] * 4,
    ]
    rng.shuffle(kills)
    for kill in kills:
        kill()
    assert len(world.looks) >= 20

    end = run_to_the_end(world)
    got = got_by(target)
    problems = [*judge(world.facts(end), end.rows, got, crashed=world.crashed()), *broken_promises(world, end)]
    found = where_they_fell(world)
    summary = (
        f"seed {SEED}: {len(end.rows)} rows, {len(got)} requests, {len(world.triggered)} triggers; kills fell {found}"
    )
    print(summary)  # noqa: T201 - shown when the test fails, or with -s
    assert not problems, "\n".join([summary, *the_worst(problems)])
    assert all(found[kind] for kind in ("claim", "send", "record", "after reconcile")), summary
    assert resendable(target), summary


@pytest.mark.slow
@pytest.mark.parametrize("is_old", [pytest.param(False, id="new"), pytest.param(True, id="of the first revision")])
def test_a_database_is_migrated_whole_or_not_at_all(tmp_path: Path, target: Target, is_old: bool) -> None:
    rng = random.Random(SEED)  # noqa: S311
    found = []
    for number in range(1 if is_old else 3):
        folder = tmp_path / str(number)
        database = folder / "data" / "jobs.db"
        (folder / "jobs.d").mkdir(parents=True)
        (folder / "jobs.d" / "a.yaml").write_text(manifest("a", target.url("/a"), "interval: {seconds: 1}"))
        if is_old:
            make_old(database, target.url("/old"))
        # while it opens the database the log beside it is made, and the tables follow within some 50 ms
        after = rng.uniform(0, 0.08)
        kill_after(folder, after, once=database.with_name("jobs.db-wal"))
        with closing(sqlite3.connect(database)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found.append((round(after, 3), "executions" in tables))
        assert tables & TABLES in (set(), TABLES), f"seed {SEED}, {found}"
        with Service(folder) as service:
            service.until(lambda: {row["status"] for row in service.executions("a")} & {"completed"})
            if is_old:
                assert [(row["status"], row["reason"]) for row in service.executions("old")] == [
                    ("interrupted", "crash")
                ]
            assert service.terminate() == 0
        stored = read_database(database)
        assert {row.status for row in stored.rows} <= {"completed", "interrupted", "skipped"}, f"seed {SEED}, {found}"
    print(f"seed {SEED}: killed so long after the database was opened, with the tables there: {found}")  # noqa: T201


TABLES = {"jobs", "progress", "executions", "alembic_version"}


def make_old(database: Path, target_url: str) -> None:
    """A database as the first version left it: a job, and an execution of it that was under way."""
    database.parent.mkdir()
    now = micros(datetime.now(UTC))
    spec = {"job_id": "old", "name": "old", "target_url": target_url, "method": "GET", "interval": {"hours": 1}}
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.begin() as connection, as_file(files("myscheduler.adapters.store.migrations")) as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for table, values in {
            "jobs": {"job_id": "old", "owner": "api", "spec": json.dumps(spec), "digest": "0", "version": 1,
                     "created_at": now, "updated_at": now},
            "progress": {"job_id": "old", "cursor": now, "next_slot": now + 3600 * SECOND, "execution_count": 1},
            "executions": {"execution_id": "0", "job_id": "old", "slot": now, "kind": "scheduled", "cause": "timer",
                           "status": "running", "last_slot": now, "slot_count": 1, "started_at": now, "attempts": 0},
        }.items():  # fmt: skip
            names = ", ".join(values)
            places = ", ".join(f":{name}" for name in values)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)  # noqa: S608
    engine.dispose()


def run_to_the_end(world: World) -> Stored:
    """The last start: it has caught up with everything; then it stops as it should."""
    database = world.folder / "data" / "jobs.db"
    with Service(world.folder) as service:
        started_at = micros(datetime.now(UTC))
        deadline = time.monotonic() + 20
        while behind := [one for one, job in read_live(database).jobs.items() if job.cursor < started_at]:
            assert time.monotonic() < deadline, f"seed {SEED}: {behind} were left behind"
            time.sleep(0.1)
        jobs = service.get("/api/v1/jobs").json()["jobs"]
        assert service.sync()["condition"] == "Ready", f"seed {SEED}: {service.sync()}"
        assert service.terminate() == 0
        assert not [line for line in service.log if line["level"] in {"ERROR", "CRITICAL"}], f"seed {SEED}"
    end = read_database(database)
    assert {job["job_id"] for job in jobs} == end.jobs.keys()
    return end


def the_worst(problems: list[str]) -> Iterator[str]:
    """How often each rule was broken, and some of it."""
    by_rule: dict[str, list[str]] = {}
    for problem in problems:
        by_rule.setdefault(problem.partition(":")[0], []).append(problem)
    for rule, found in by_rule.items():
        yield f"{len(found)} × {rule}, such as"
        yield from found[:10]


def broken_promises(world: World, end: Stored) -> Iterator[str]:
    """What the API or the source said has happened."""
    by_id = {row.execution_id: row for row in end.rows}
    yield from (f"promise: the triggered {one} is in no row" for one in world.triggered if one not in by_id)
    wanted = world.declared.keys() - world.removed_at.keys()
    yield from (f"promise: the job {one} is gone" for one in wanted - end.jobs.keys())
    yield from (f"promise: the job {one} is still there" for one in end.jobs.keys() - wanted)
    for look in world.looks:
        ended = [row for row in look.stored.rows if row.status in {"completed", "failed", "interrupted"}]
        yield from (f"promise: after {look.kind}, {row} is {by_id.get(row.execution_id)}" for row in ended
                    if by_id.get(row.execution_id) != row)  # fmt: skip


def where_they_fell(world: World) -> Mapping[str, int]:
    """How many executions each kill caught between claim and request, request and answer, answer and record."""
    got = {execution_id_of(one) for one in world.target.requests}
    answered = {}
    for one in world.target.replies:
        answered[execution_id_of(one.request)] = one.at
    found: Counter[str] = Counter()
    for look in world.looks:
        found["before migration"] += not look.stored.is_migrated
        if look.kind == "reconcile":
            found["after reconcile" if look.newest in look.stored.jobs else "before reconcile"] += 1
        for execution_id in look.stored.running():
            if execution_id not in got:
                found["claim"] += 1
            elif answered.get(execution_id, look.killed_at) >= look.killed_at:
                found["send"] += 1
            else:
                found["record"] += 1
    return found


def resendable(target: Target) -> int:
    """How many requests were hung up on over a connection that had served before: what some clients send again."""
    first: dict[int, int] = {}
    for number, one in enumerate(target.requests):
        first.setdefault(one.connection, number)
    firsts = {id(target.requests[number]) for number in first.values()}
    return sum(isinstance(one.reply, HangUp) and id(one.request) not in firsts for one in target.replies)


# --- the judge: it is only worth something when it can fail -------------------------------------------------------


def honest() -> tuple[Facts, list[Row], list[Got]]:
    """A job with a slot that ran at the second try, two that were skipped, one that a kill caught, and a manual run."""
    job = Facts("a", SECOND, 0, 10 * SECOND, 14 * SECOND, max_retries=1, execution_count=3)
    rows = [
        row_of("1", 11, "completed", attempts=2, http_status=200),
        replace(row_of("2", 12, "skipped", reason="overlap"), last_slot=13 * SECOND, slot_count=2, started_at=None),
        row_of("3", 14, "interrupted", reason="crash"),
        replace(row_of("4", 14, "completed", attempts=1, http_status=200), kind="manual", slot=14 * SECOND + 7),
    ]
    got = [got_of("1", 11, 1, 503), got_of("1", 11, 2, 200), got_of("3", 14, 1, None)]
    return job, rows, [*got, replace(got_of("4", 14, 1, 200), slot=14 * SECOND + 7)]


def row_of(
    name: str, second: int, status: str, *, reason: str | None = None, attempts: int = 0, http_status: int | None = None
) -> Row:
    slot = second * SECOND
    return Row(name, "a", slot, "scheduled", status, reason, slot, 1, slot, attempts, http_status)


def got_of(name: str, second: int, attempt: int, status: int | None) -> Got:
    return Got(name, name, "a", second * SECOND, attempt, status)


def test_the_judge_has_nothing_against_an_honest_ledger() -> None:
    job, rows, got = honest()
    assert judge([job], rows, got, crashed={"3"}) == []


def without(index: int, rows: list[Row], got: list[Got]) -> tuple[list[Row], list[Got]]:
    return [row for row in rows if row is not rows[index]], [
        one for one in got if one.execution_id != rows[index].execution_id
    ]


@pytest.mark.parametrize(
    ("tamper", "rule"),
    [
        pytest.param(lambda rows, got: without(0, rows, got), "hole", id="the first slot is missing"),
        pytest.param(lambda rows, got: without(1, rows, got), "hole", id="slots between are missing"),
        pytest.param(lambda rows, got: without(2, rows, got), "hole", id="the last slot is missing"),
        pytest.param(lambda rows, got: ([*rows, row_of("9", 12, "missed")], got), "overlap", id="a slot stands twice"),
        pytest.param(lambda rows, got: ([row_of("9", 10, "missed"), *rows], got), "overlap", id="before the creation"),
        pytest.param(lambda rows, got: ([*rows, row_of("9", 15, "missed")], got), "beyond", id="after the cursor"),
        pytest.param(lambda rows, got: (changed(rows, 1, slot_count=3), got), "count", id="a wrong count"),
        pytest.param(lambda rows, got: (rows, [*got, got[0]]), "twice", id="an attempt was received twice"),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("1", 11, 3, 200)]), "attempts", id="more attempts than allowed"
        ),
        pytest.param(lambda rows, got: (rows, got[1:]), "attempts", id="an attempt was left out"),
        pytest.param(
            lambda rows, got: (rows, [replace(got[0], key="other"), *got[1:]]), "key", id="a retry with another key"
        ),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("5", 12, 1, 200)]), "unrecorded", id="a request without a row"
        ),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("2", 12, 1, 200)]), "unrecorded", id="a skipped slot was sent"
        ),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("3", 12, 1, 200)]), "unrecorded", id="sent for another slot"
        ),
        pytest.param(lambda rows, got: (changed(rows, 0, status="failed"), got), "untrue", id="a success as a failure"),
        pytest.param(
            lambda rows, got: (rows, [got[0], got_of("1", 11, 2, None), *got[2:]]), "untrue", id="a success not seen"
        ),
        pytest.param(lambda rows, got: (changed(rows, 2, reason="shutdown"), got), "crash", id="a kill not told"),
        pytest.param(lambda rows, got: (changed(rows, 3, reason="crash"), got), "crash", id="a kill that never was"),
        pytest.param(lambda rows, got: (changed(rows, 2, status="running"), got), "running", id="never ended"),
        pytest.param(lambda rows, got: (changed(rows, 1, started_at=1), got), "counted", id="counted wrongly"),
        pytest.param(lambda rows, got: (changed(rows, 1, job_id="b"), got), "unknown", id="an unknown job"),
    ],
)
def test_the_judge_finds(tamper: Callable[[list[Row], list[Got]], tuple[list[Row], list[Got]]], rule: str) -> None:
    job, rows, got = honest()
    rows, got = tamper(rows, got)
    findings = judge([job], rows, got, crashed={"3"})
    assert rule in {finding.partition(":")[0] for finding in findings}


def test_the_judge_allows_a_resend_only_where_the_job_asks_for_it() -> None:
    job, rows, got = honest()
    rows = changed(rows, 2, status="completed", reason=None, attempts=3, http_status=200)
    got.append(got_of("3", 14, 3, 200))
    assert judge([replace(job, resends=True)], rows, got, crashed={"3"}) == []
    assert {finding.partition(":")[0] for finding in judge([job], rows, got, crashed={"3"})} == {"attempts", "crash"}


def changed(rows: list[Row], index: int, **values: Any) -> list[Row]:
    return [replace(row, **values) if row is rows[index] else row for row in rows]
