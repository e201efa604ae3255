"""What the metrics count of chains: each run once, when nothing of it is in progress any more, by its status."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from myscheduler.adapters.store.rows import chain_runs as chain_run_rows
from myscheduler.core.chains.runs import ChainStatus
from tests.support.metrics import scrape
from tests.support.parts import Parts, client, is_over, received, soon, started, until
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

OUTCOMES = (ChainStatus.COMPLETED, ChainStatus.FAILED, ChainStatus.CANCELLED, ChainStatus.SKIPPED)


async def chained(parts: Parts, target: Target, **afters: Any) -> None:
    """The job `a`, and jobs that run after others: by id, ids of these, or their fields."""
    await parts.create("a", target_url=target.url("/a"), overlap="allow", extract={"rows": "/rows"})
    for job_id, given in afters.items():
        fields = {"after": [{"job": one} for one in given.split()]} if isinstance(given, str) else given
        await parts.create(job_id, **({"target_url": target.url(f"/{job_id}"), "overlap": "queue"} | fields))


async def run(parts: Parts, job_id: str = "a", **options: Any) -> str:
    return (await parts.dispatcher.trigger(job_id, by="me", may_overlap=True, **options)).execution_id


async def counted(parts: Parts) -> Mapping[str, int]:
    """What `chains_total` says, without what is 0."""
    async with client(parts) as api:
        samples = (await scrape(api)).samples("chains_total")
    found = {dict(labels)["outcome"]: int(value) for labels, value in samples.items()}
    assert found.keys() == set(OUTCOMES)
    return {outcome: value for outcome, value in found.items() if value}


async def settled(parts: Parts, total: int) -> Mapping[str, int]:
    """The counts, once there are so many and nothing runs."""
    flights = parts.dispatcher.flights
    await until(lambda: counted(parts), lambda found: sum(found.values()) >= total and not list(flights))
    return await counted(parts)


def recorded(folder: Path) -> list[str]:
    """The chains that the history has."""
    with closing(sqlite3.connect(folder / "jobs.db")) as connection:
        return [one for (one,) in connection.execute("SELECT DISTINCT chain_id FROM executions WHERE chain_id <> ''")]


class TestEachRunOnce:
    async def test_a_diamond(self, parts: Parts, target: Target) -> None:
        target.answers("/c", Answer(delay=0.2))
        await chained(parts, target, b="a", c="a", d="b c", e="d")
        for _ in range(3):
            await run(parts)
        await parts.rows_where("e", lambda rows: len(rows) == 3 and all(map(is_over, rows)))
        assert await settled(parts, 3) == {"completed": 3}
        async with client(parts) as api:
            scraped = await scrape(api)
        assert scraped.value("chain_duration_seconds_count", outcome="completed") == 3
        assert (scraped.value("chain_duration_seconds_sum", outcome="completed") or 0) >= 0.6, "not only its first job"

    async def test_branches_that_go_on_after_an_any_join(self, parts: Parts, target: Target) -> None:
        target.answers("/c", Answer(delay=3.0))
        await chained(parts, target, b="a", c="a", d={"after": [{"job": "b"}, {"job": "c"}], "join": "any"})
        await run(parts)
        await parts.row_where("d", is_over)
        assert await counted(parts) == {}, "c is in progress"
        assert await settled(parts, 1) == {"completed": 1}

    async def test_failures_whatever_runs_after_them(self, parts: Parts, target: Target) -> None:
        target.answers("/b", Answer(500))
        await chained(parts, target, b="a", c="b", d={"after": [{"job": "b", "on": "failure"}]})
        await run(parts)
        assert await settled(parts, 1) == {"failed": 1}

    async def test_skips_by_a_condition_are_no_failure(self, parts: Parts, target: Target) -> None:
        target.answers("/a", Answer(body=json.dumps({"rows": 0}).encode()))
        wanted = {"after": [{"job": "a"}], "when": {"job": "a", "json": {"/rows": {"gt": 0}}}}
        await chained(parts, target, b=wanted, c="b")
        await run(parts)
        assert await settled(parts, 1) == {"completed": 1}

    async def test_a_chain_whose_first_job_did_not_run(self, parts: Parts, target: Target) -> None:
        await parts.create("a", **soon(0.3), target_url=target.url("/a"))
        await parts.create("b", after=[{"job": "a"}], if_skipped="run", target_url=target.url("/b"))
        await parts.create("c", after=[{"job": "b"}], target_url=target.url("/c"))
        await parts.catalog.pause("a", by="me")
        await parts.row_where("c", is_over)
        assert await settled(parts, 1) == {"completed": 1}

    async def test_runs_that_are_no_chain(self, parts: Parts, target: Target) -> None:
        await chained(parts, target, b="a")
        await parts.create("plain", target_url=target.url("/plain"))
        await run(parts, is_alone=True)
        await run(parts, "b")
        await run(parts, "plain")
        for one in ("a", "b", "plain"):
            await parts.row_where(one, is_over)
        await run(parts)
        assert await settled(parts, 1) == {"completed": 1}

    async def test_a_job_that_is_deleted_while_it_runs(self, parts: Parts, target: Target) -> None:
        target.answers("/b", Answer(delay=3.0))
        await chained(parts, target, b="a")
        await run(parts)
        await received(target, 2)
        await parts.catalog.delete("b")
        assert await settled(parts, 1) == {"completed": 1}

    async def test_one_that_timed_out_has_failed(self, parts: Parts, target: Target) -> None:
        target.answers("/b", Answer(delay=1.5))
        await parts.create("a", target_url=target.url("/a"), chain_timeout_sec=1)
        for before, job_id in ("ab", "bc"):
            await parts.create(job_id, after=[{"job": before}], target_url=target.url(f"/{job_id}"))
        chain_id = await run(parts)
        await parts.row_where("c", is_over)
        assert await settled(parts, 1) == {"failed": 1}
        async with client(parts) as api:
            assert (await api.get(f"/api/v1/chains/{chain_id}")).json()["status"] == "failed"
            assert [one["status"] for one in (await api.get("/api/v1/chains?job=a")).json()["chains"]] == ["failed"]

    async def test_a_cancelled_one(self, parts: Parts, target: Target) -> None:
        target.answers("/b", Silence())
        target.answers("/c", Silence())
        await chained(parts, target, b="a", c="a", d="b c")
        first = await run(parts)
        for one in "bc":
            await parts.row_where(one, lambda row: row.started_at is not None)
        assert await counted(parts) == {}
        async with client(parts) as api:
            assert (await api.post(f"/api/v1/chains/{first}/cancel")).status_code == 200
        assert await settled(parts, 1) == {"cancelled": 1}

    async def test_any_graph(self, tmp_path: Path, target: Target) -> None:
        """Random joins and failures: as many as the history has, each as `GET /chains` tells it."""
        rng = Random(4711)  # noqa: S311 - not for secrets
        async with started(tmp_path) as parts:
            afters: dict[str, Any] = {}
            for number in range(1, 12):
                parents = rng.sample(["a", *afters], min(rng.randint(1, 3), number))
                edges = [{"job": one, "on": rng.choice(["success", "always", "failure"])} for one in parents]
                afters[f"j{number}"] = {"after": edges, "join": rng.choice(["all", "any"]), "overlap": "allow"}
            await chained(parts, target, **afters)
            for path in ("/a", *(f"/{one}" for one in afters)):
                answers = (Answer(rng.choice([200, 200, 500]), delay=rng.choice([0.0, 0.1])) for _ in range(20))
                target.answers(path, *answers)
            for _ in range(20):
                await run(parts)
            found = await settled(parts, 20)
            chains = recorded(tmp_path)
            stored = await parts.store.read(partial(chain_run_rows.summaries, chain_ids=chains))
            assert found == Counter(one.status.value for one in stored.values())
            assert sum(found.values()) == 20


def left_by_a_crash(folder: Path, copy: Path) -> None:
    """Store what the next start would find if the process ended now."""
    copy.mkdir()
    with closing(sqlite3.connect(folder / "jobs.db")) as before, closing(sqlite3.connect(copy / "jobs.db")) as after:
        before.backup(after)


class TestAfterACrash:
    @pytest.fixture
    async def crashed(self, tmp_path: Path, target: Target) -> Path:
        """`a` has completed, and `b` and `again` are in progress."""
        target.answers("/b", Silence())
        target.answers("/again", Silence(), Answer())
        async with started(tmp_path) as parts:
            resent = {"after": [{"job": "a"}], "on_interrupt": "retry", "misfire_grace_time": 600}
            await chained(parts, target, b="a", c="b", again=resent, d="again")
            await run(parts)
            await received(target, 3)
            assert await counted(parts) == {}
            left_by_a_crash(tmp_path, tmp_path / "crashed")
        return tmp_path / "crashed"

    async def test_it_is_counted_by_the_start_after_it_at_its_end(self, crashed: Path) -> None:
        async with started(crashed) as parts:
            assert (await parts.row_where("b", is_over)).reason == "crash"
            await parts.row_where("d", is_over)
            assert await settled(parts, 1) == {"failed": 1}
        async with started(crashed) as parts:
            assert await counted(parts) == {}, "as all counters, from its own start on"

    async def test_one_that_the_start_itself_ends(self, crashed: Path) -> None:
        with closing(sqlite3.connect(crashed / "jobs.db")) as connection, connection:
            connection.execute("UPDATE executions SET status = 'interrupted' WHERE job_id = 'again'")
        async with started(crashed) as parts:
            await parts.row_where("c", is_over)
            assert await counted(parts) == {"failed": 1}


async def test_what_is_over_is_read_from_all_rows(parts: Parts, target: Target) -> None:
    """A chain of which anything is in progress is not over, wherever in it that is."""
    target.answers("/c", Answer(delay=3.0))
    await chained(parts, target, b="a", c="a")
    first = await run(parts)
    await parts.row_where("b", is_over)
    over = partial(chain_run_rows.over_of, chain_ids={first, "another"})
    assert await parts.store.read(over) == ()
    await parts.row_where("c", is_over)
    (found,) = await parts.store.read(over)
    summary = (await parts.store.read(partial(chain_run_rows.summaries, chain_ids=[first])))[first]
    assert summary.ended_at is not None
    assert summary.started_at is not None
    lasted = (summary.ended_at - summary.started_at).total_seconds()
    assert summary.status is ChainStatus.COMPLETED
    assert found == (first, summary.status, lasted)
