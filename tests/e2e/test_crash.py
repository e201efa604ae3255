"""`kill -9` at any moment loses no slot and sends none twice.

The service runs some 300 jobs, is killed at moments aimed at each step of its work, and is started again on what it
left. At the end the judge of `tests.support.ledger` compares the history with what the target got. The moments come
from a seed, which every failure names; `CRASH_SEED` tries another one.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.support.crashes import CHURN_AT_ONCE, FILES, SEED, World
from tests.support.ledger import (
    Stored,
    execution_id_of,
    got_by,
    judge,
    micros,
    read_database,
    read_live,
)
from tests.support.patience import PATIENCE
from tests.support.service import Service
from tests.support.target import HangUp, Target


@pytest.mark.slow
def test_kills_at_any_moment_lose_no_slot_and_send_none_twice(tmp_path: Path, target: Target, senders: int) -> None:
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
    often, passes, starts = (2, 1, 1) if senders else (4, 3, 4)  # what both ways share is tried enough in one
    kills: list[Callable[[], None]] = [
        *[partial(world.kill_running, "claim", world.at_claim)] * often,
        *[partial(world.kill_running, "send", world.at_send)] * often,
        *[partial(world.kill_running, "record", world.at_record)] * often,
        *[partial(world.kill_running, "reconcile", world.at_reconcile)] * passes,
        *[partial(world.kill_running, "reconcile", world.at_reconciled)] * passes,
        partial(world.kill_running, "hang up", world.at_hang_up),
        *[world.kill_starting] * starts,
    ]
    rng.shuffle(kills)
    for kill in kills:
        kill()
    assert len(world.looks) >= (12 if senders else 25)

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


def run_to_the_end(world: World) -> Stored:
    """The last start: it has caught up with everything; then it stops as it should."""
    database = world.folder / "data" / "jobs.db"
    with Service(world.folder) as service:
        started_at = micros(datetime.now(UTC))
        deadline = time.monotonic() + 5 * PATIENCE  # each slot of the downtimes of a job with `coalesce: false` runs
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
