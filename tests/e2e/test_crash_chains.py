"""`kill -9` at any moment loses no job that runs after another one, and runs none twice.

The gate kills a few times; `CHAIN_KILLS=200 CRASH_SEED=7` kills more often, at other moments, and some
other chains; half as often with PostgreSQL, and with sender processes.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.support.chain_ledger import Edges, judge_chains
from tests.support.crashes import SEED, kill_after
from tests.support.ledger import (
    SECOND,
    Facts,
    Stored,
    got_by,
    judge,
    micros,
    read_database,
    read_live,
    read_live_postgres,
    read_postgres,
)
from tests.support.patience import PATIENCE
from tests.support.postgres import Database
from tests.support.service import Service, manifest
from tests.support.target import Answer, Target

KILLS = int(os.environ.get("CHAIN_KILLS", "10"))
ROOTS = ("r0", "r1", "r2", "r3")
RESENT = frozenset({"r1", "r1-left", "r2-join"})
"""These say `on_interrupt: retry`."""


def _edges(root: str) -> dict[str, Edges]:
    left, right, join = f"{root}-left", f"{root}-right", f"{root}-join"
    return {
        f"{root}-good": Edges({root: "success"}),
        f"{root}-bad": Edges({root: "failure"}),
        f"{root}-every": Edges({root: "always"}),
        left: Edges({f"{root}-every": "success"}),
        right: Edges({f"{root}-every": "always"}),
        join: Edges({left: "success", right: "always"}),
        f"{root}-any": Edges({left: "failure", right: "success"}, is_any=True),
        f"{root}-leaf": Edges({join: "always", f"{root}-any": "always"}, is_any=True),
    }


def _any_edges(root: str) -> dict[str, Edges]:
    """Whatever the seed says, without a cycle."""
    rng, found = random.Random(SEED), dict[str, Edges]()  # noqa: S311 - a graph, not a secret
    for number in range(8):
        parents = rng.sample([root, *found], rng.randint(1, min(3, len(found) + 1)))
        wanted = {one: rng.choice(["success", "failure", "always", "always"]) for one in parents}
        found[f"{root}-{number}"] = Edges(wanted, is_any=rng.random() < 0.4)
    return found


EDGES = {job_id: edges for root in ROOTS[:-1] for job_id, edges in _edges(root).items()} | _any_edges(ROOTS[-1])


@pytest.mark.slow
def test_kills_at_any_moment_lose_no_child_and_run_none_twice(tmp_path: Path, target: Target, senders: int) -> None:
    database = tmp_path / "data" / "jobs.db"
    _check(
        tmp_path,
        target,
        KILLS // 2 if senders else KILLS,
        partial(read_database, database),
        partial(read_live, database),
    )


@pytest.mark.slow
def test_with_postgres_neither(
    tmp_path: Path, target: Target, postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url)
    _check(
        tmp_path, target, KILLS // 2, partial(read_postgres, postgres.ask), partial(read_live_postgres, postgres.ask)
    )


def _check(
    tmp_path: Path, target: Target, kills: int, read: Callable[[], Stored], read_now: Callable[[], Stored]
) -> None:
    """`read` returns what is stored after a kill, `read_now` what is stored while a service runs."""
    rng = random.Random(SEED)  # noqa: S311 - moments, not secrets
    anchor = datetime.now(UTC).replace(microsecond=0)
    _declare(tmp_path, target, anchor)
    for number in range(6):
        delays = rng.choices([0, 0.02, 0.1, 0.4], k=3_000)
        target.answers(f"/{number}", *(Answer(rng.choice([200, 200, 200, 503]), delay=delay) for delay in delays))
    looks: list[Stored] = []
    problems: list[str] = []
    for _ in range(kills):
        _run_and_kill(tmp_path, target, rng)
        looks.append(read())
        problems += judge_chains(EDGES, looks[-1].rows)
    _run_to_the_end(tmp_path, read_now)
    end = read()
    crashed = {execution_id for look in looks for execution_id in look.running()}
    waited = sum(row.kind == "chained" and row.next_attempt_at is not None for look in looks for row in look.rows)
    facts = [_facts(job_id, anchor, end) for job_id in (*ROOTS, *EDGES)]
    problems += [*judge(facts, end.rows, got_by(target), crashed=crashed), *judge_chains(EDGES, end.rows)]
    statuses = Counter((row.kind, row.status) for row in end.rows)
    summary = f"seed {SEED}: {kills} kills, {len(crashed)} interrupted, {waited} left waiting, {statuses}"
    print(summary)  # noqa: T201 - shown when the test fails, or with -s
    assert not problems, "\n".join([summary, *problems[:20]])
    assert statuses["chained", "completed"] > kills, summary
    assert crashed, summary


def _declare(folder: Path, target: Target, anchor: datetime) -> None:
    (folder / "jobs.d").mkdir()
    schedule = f"interval: {{seconds: 1}}\nanchor: {anchor.isoformat()}"
    texts = []
    for number, job_id in enumerate((*ROOTS, *EDGES)):
        more = ["on_interrupt: retry"] if job_id in RESENT else []
        after = EDGES[job_id].manifest() + "\noverlap: queue" if job_id in EDGES else schedule
        texts.append(manifest(job_id, target.url(f"/{number % 6}"), after, *more))
    (folder / "jobs.d" / "jobs.yaml").write_text("---\n".join(texts))


def _run_and_kill(folder: Path, target: Target, rng: random.Random) -> None:
    """At the start, some time after it, or some requests after it."""
    aim = rng.random()
    if aim < 0.25:
        kill_after(folder, rng.uniform(0, 1.0))
        return
    with Service(folder) as service:
        if aim < 0.6:
            time.sleep(rng.uniform(0, 1.2))
        else:
            target.wait_for_replies(len(target.replies) + rng.randint(1, 25))
            time.sleep(rng.uniform(0, 0.05))
        service.kill()


def _run_to_the_end(folder: Path, read_now: Callable[[], Stored]) -> None:
    """No root runs any more, and what they led to comes to its end."""
    with Service(folder) as service:
        for root in ROOTS:
            assert service.post(f"/api/v1/jobs/{root}/pause").status_code == 200
        deadline = time.monotonic() + 5 * PATIENCE
        while left := [row for row in read_now().rows if row.status == "running"]:
            assert time.monotonic() < deadline, f"seed {SEED}: {left} never ended"
            time.sleep(0.1)
        assert service.terminate() == 0
        assert not [line for line in service.log if line["level"] in {"ERROR", "CRITICAL"}], f"seed {SEED}"


def _facts(job_id: str, anchor: datetime, end: Stored) -> Facts:
    stored = end.jobs[job_id]
    return Facts(
        job_id,
        SECOND,
        micros(anchor),
        stored.created_at,
        stored.cursor,
        resends=job_id in RESENT,
        execution_count=stored.execution_count,
        is_child=job_id in EDGES,
    )
