"""Edges of manifests over what is stored: no cycle is ever in force, and a child outlives its parent."""

import asyncio

import pytest

from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.core.chains.checking import in_cycles
from myscheduler.core.gitops.sync_state import SyncState
from tests.support.api import JOBS, assert_problem
from tests.support.parts import Parts, client, manifest

pytestmark = pytest.mark.anyio

BROKEN = "max_retries: many\n"


def after(job_id: str, *parents: str, more: str = "") -> str:
    return manifest(job_id, more, schedule=f"after: [{', '.join(f'{{job: {one}}}' for one in parents)}]\n")


async def stored_parents(parts: Parts) -> dict[str, tuple[str, ...]]:
    """What the stored jobs run after; fails if that is a cycle."""
    graph, _ = await parts.store.read(chain_rows.stored_graph)
    assert not in_cycles(graph)
    return {job_id: one.jobs for job_id, one in graph.afters.items()}


def cycles(state: SyncState) -> list[tuple[str, int, str]]:
    return [(one.path, one.line, one.message) for one in state.problems if one.rule == "chain-cycle"]


async def test_a_cycle_over_two_files_keeps_the_old_graph_running(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", after("b", "a"))
    await parts.sync()
    before = await parts.jobs()
    parts.manifest("a.yaml", "# moved\n" + after("a", "b"))
    parts.manifest("c.yaml", manifest("c"))
    state = await parts.sync()
    assert (state.held, state.created) == (frozenset("ab"), ("c",))
    assert cycles(state) == [
        ("a.yaml", 4, "closes a cycle: 'a' (a.yaml:2) <- 'b' (b.yaml:1) <- 'a': remove one of these edges"),
        ("b.yaml", 1, "closes a cycle: 'b' (b.yaml:1) <- 'a' (a.yaml:2) <- 'b': remove one of these edges"),
    ]
    assert {job_id: job for job_id, job in (await parts.jobs()).items() if job_id != "c"} == before
    assert await stored_parents(parts) == {"b": ("a",)}
    assert parts.dispatcher.chains.graph.children("a") == ("b",)
    parts.manifest("b.yaml", manifest("b"))
    assert ((await parts.sync()).held, await stored_parents(parts)) == (frozenset(), {"a": ("b",)})


async def test_a_cycle_with_the_last_good_version_of_a_held_job(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", after("b", "a"))
    await parts.sync()
    parts.manifest("b.yaml", manifest("b", BROKEN))  # as it is written now, it runs after none
    parts.manifest("a.yaml", after("a", "b"))
    for _ in range(2):
        state = await parts.sync()
        assert state.held == frozenset("ab")
        message = "closes a cycle: 'a' (a.yaml:1) <- 'b' (b.yaml:1) <- 'a': remove one of these edges"
        assert cycles(state) == [("a.yaml", 3, message)]
        assert await stored_parents(parts) == {"b": ("a",)}
    parts.manifest("b.yaml", manifest("b"))
    assert ((await parts.sync()).held, await stored_parents(parts)) == (frozenset(), {"a": ("b",)})


async def test_holding_a_job_can_close_a_cycle_for_another(parts: Parts) -> None:
    """In the source, a runs after b and b after c, but c is gone: so b keeps its edge to a."""
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", after("b", "a"))
    await parts.sync()
    parts.manifest("a.yaml", after("a", "b"))
    parts.manifest("b.yaml", after("b", "c"))
    state = await parts.sync()
    assert [(one.path, one.rule) for one in state.problems] == [("a.yaml", "chain-cycle"), ("b.yaml", "chain-unknown")]
    assert (state.held, await stored_parents(parts)) == (frozenset("ab"), {"b": ("a",)})


async def test_a_cycle_with_a_job_of_the_api(parts: Parts) -> None:
    """A manifest names x although that id belongs to the API, where x runs after a."""
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    await parts.create("x", after=[{"job": "a"}])
    parts.manifest("x.yaml", manifest("x"))
    parts.manifest("a.yaml", after("a", "x"))
    state = await parts.sync()
    message = "closes a cycle: 'a' (a.yaml:1) <- 'x' (API) <- 'a': remove one of these edges"
    assert (state.held, cycles(state)) == (frozenset("a"), [("a.yaml", 3, message)])
    assert await stored_parents(parts) == {"x": ("a",)}


async def test_the_api_closes_no_cycle_with_manifests(parts: Parts) -> None:
    async with client(parts) as api:
        await parts.create("x", cron="0 1 * * *")
        parts.manifest("x.yaml", "job_id: [\n")  # so what manifests link to is not known
        parts.manifest("a.yaml", "# a\n" + after("a", "x"))
        await parts.sync()
        body = {"job_id": "x", "target_url": "https://example.com/", "after": [{"job": "a"}]}
        for response in (
            await api.put(f"{JOBS}/x", json=body),
            await api.post(JOBS, json=body | {"replace_existing": True}),
        ):
            problem = assert_problem(response, 422)
            assert "closes a cycle: 'x' <- 'a' (a.yaml:2) <- 'x'" in str(problem)
        assert await stored_parents(parts) == {"a": ("x",)}


async def test_a_removed_parent_holds_its_children(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", after("b", "a"))
    parts.manifest("c.yaml", after("c", "b"))
    await parts.sync()
    before = await parts.jobs()
    (parts.jobs_dir / "a.yaml").unlink()
    state = await parts.sync()
    assert (state.deleted, state.held) == (("a",), frozenset("b"))
    assert [(one.path, one.rule) for one in state.problems] == [("b.yaml", "chain-unknown")]
    stored = await parts.jobs()
    assert (stored["b"], stored["c"]) == (before["b"], before["c"])
    parts.manifest("a.yaml", manifest("a"))
    assert (await parts.sync()).held == frozenset()


async def test_of_a_commit_and_a_request_that_close_a_cycle_together_one_is_refused(parts: Parts) -> None:
    async with client(parts) as api:
        for number in range(6):
            one, other = f"m{number}", f"x{number}"
            await parts.create(other, cron="0 1 * * *")
            parts.manifest(f"{one}.yaml", manifest(one))
            parts.manifest("broken.yaml", "- \n")  # so manifests may link to jobs of the API
            await parts.sync()
            parts.manifest(f"{one}.yaml", after(one, other))
            body = {"target_url": "https://example.com/", "after": [{"job": one}]}
            _, response = await asyncio.gather(parts.sync(), api.put(f"{JOBS}/{other}", json=body))
            parents = await stored_parents(parts)
            assert (one in parents, other in parents) == ((False, True) if response.is_success else (True, False))
