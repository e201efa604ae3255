"""Chains in the API: executions name theirs, and a run of one is told as a graph."""

from typing import Any

import httpx
import pytest

from myscheduler.core.history.execution import Status
from tests.support.api import JOBS, assert_problem, create, ok
from tests.support.parts import Parts, is_over
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

EXECUTIONS, CHAINS = "/api/v1/executions", "/api/v1/chains"
NOBODY = "01a400f6-3600-7592-ac81-139a79b30fbb"


async def diamond(api: httpx.AsyncClient, target: Target) -> None:
    """Jobs b and c run after a, and d after both; e runs if b fails."""
    url = target.url("/run")
    await create(api, job_id="a", target_url=url, extract={"rows": "/rows"})
    for job_id in "bc":
        await create(api, job_id=job_id, target_url=target.url(f"/{job_id}"), after=[{"job": "a"}])
    await create(api, job_id="d", target_url=url, after=[{"job": "b"}, {"job": "c"}])
    await create(api, job_id="e", target_url=url, after=[{"job": "b", "on": "failure"}])


async def ran(api: httpx.AsyncClient, parts: Parts, job_id: str, *last: str, **asked: Any) -> str:
    """Run a job, and wait until each of the `last` jobs has one row more, which is over; the id of the execution."""
    before = {one: len(await parts.rows(one)) for one in last}
    done = await ok(api, "POST", f"{JOBS}/{job_id}/trigger", json=asked)
    for one, count in before.items():
        await parts.rows_where(one, lambda rows, count=count: len(rows) > count and all(map(is_over, rows)))
    found: str = done["execution_id"]
    return found


def states(chain: dict[str, Any]) -> dict[str, str]:
    return {one["job_id"]: one["status"] for one in chain["nodes"]}


class TestExecutions:
    async def test_each_names_its_chain_and_its_parent(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.answers("/run", Answer(body=b'{"rows": 3}', headers=(("Content-Type", "application/json"),)))
        await diamond(api, target)
        first = await ran(api, parts, "a", "d", "e")
        found = await ok(api, "GET", EXECUTIONS, params={"chain": first})
        rows = {one["job_id"]: one for one in found["executions"]}
        assert sorted(rows) == ["a", "b", "c", "d", "e"]
        assert {one["chain_id"] for one in rows.values()} == {first}
        assert rows["a"]["execution_id"] == first
        assert [rows[one]["parent_execution_id"] for one in "abc"] == [None, first, first]
        assert rows["d"]["parent_execution_id"] in {rows["b"]["execution_id"], rows["c"]["execution_id"]}
        assert [(rows[one]["kind"], rows[one]["cause"]) for one in "ab"] == [("manual", "api"), ("chained", "chain")]
        assert (rows["e"]["status"], rows["e"]["reason"]) == ("skipped", "upstream-outcome")
        whole = await ok(api, "GET", f"{EXECUTIONS}/{first}")
        assert (whole["chain_id"], whole["extracted"]) == (first, {"rows": 3})
        of_b = await ok(api, "GET", f"{EXECUTIONS}/{rows['b']['execution_id']}")
        assert (of_b["chain_id"], of_b["parent_execution_id"], of_b["extracted"]) == (first, first, None)
        assert (await ok(api, "GET", f"{JOBS}/a"))["executions"][0]["chain_id"] == first

    async def test_one_alone_is_in_no_chain(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        first = await ran(api, parts, "a", "a")
        whole = await ok(api, "GET", f"{EXECUTIONS}/{first}")
        assert (whole["chain_id"], whole["parent_execution_id"], whole["extracted"]) == (None, None, None)

    async def test_filters(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await diamond(api, target)
        first = await ran(api, parts, "a", "d", "e")
        await ran(api, parts, "a", "d", "e")

        async def jobs(**query: Any) -> list[str]:
            found = await ok(api, "GET", EXECUTIONS, params=query)
            return sorted(one["job_id"] for one in found["executions"])

        assert await jobs(cause="chain", kind="chained") == [*"bbccddee"]
        assert await jobs(chain=first, status="completed") == [*"abcd"]
        assert await jobs(chain=first, job_id=["d", "e"]) == [*"de"]
        assert await jobs(chain=NOBODY) == []
        page = await ok(api, "GET", EXECUTIONS, params={"chain": first, "limit": 3})
        rest = await ok(api, "GET", EXECUTIONS, params={"chain": first, "limit": 3, "cursor": page["next_cursor"]})
        assert sorted(one["job_id"] for one in page["executions"] + rest["executions"]) == [*"abcde"]
        assert rest["next_cursor"] is None
        assert_problem(await api.get(EXECUTIONS, params={"chain": "x"}), 422)


class TestOneChain:
    async def test_a_run_as_a_graph(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/b", Answer(500))
        await diamond(api, target)
        first = await ran(api, parts, "a", "d", "e")
        chain = await ok(api, "GET", f"{CHAINS}/{first}")
        assert (chain["chain_id"], chain["root"], chain["status"]) == (first, "a", "failed")
        assert states(chain) == {"a": "completed", "b": "failed", "c": "completed", "d": "skipped", "e": "completed"}
        assert chain["counts"] == {"completed": 3, "failed": 1, "skipped": 1}
        edges = {(one["from"], one["to"]): (one["on"], one["state"]) for one in chain["edges"]}
        assert edges == {
            ("a", "b"): ("success", "met"),
            ("a", "c"): ("success", "met"),
            ("b", "d"): ("success", "unmet"),
            ("c", "d"): ("success", "met"),
            ("b", "e"): ("failure", "met"),
        }
        nodes = {one["job_id"]: one for one in chain["nodes"]}
        assert [nodes[one]["join"] for one in "abd"] == [None, None, "all"]
        assert (nodes["d"]["reason"], nodes["d"]["started_at"]) == ("upstream-outcome", None)
        assert chain["nodes"][0]["job_id"] == "a"
        assert chain["critical_path"][0] == "a"
        assert chain["ended_at"] is not None
        assert (chain["times_out_at"], chain["upstream_chain_id"], chain["nodes_left_out"]) == (None, None, 0)

    async def test_one_that_runs_shows_what_is_to_come(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.answers("/run", Silence())
        await diamond(api, target)
        first = await ran(api, parts, "a")
        chain = await ok(api, "GET", f"{CHAINS}/{first}")
        assert (chain["status"], chain["ended_at"], chain["critical_path"]) == ("running", None, ["a"])
        assert states(chain) == {"a": "running"} | dict.fromkeys("bcde", "not-reached")
        assert {one["state"] for one in chain["edges"]} == {"open"}
        assert (await ok(api, "GET", f"{EXECUTIONS}/{first}"))["chain_id"] == first
        assert [one["chain_id"] for one in (await ok(api, "GET", CHAINS, params={"job": "a"}))["chains"]] == [first]

    async def test_jobs_that_were_deleted_since_stay_in_their_runs(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        await create(api, job_id="b", target_url=target.url("/run"), after=[{"job": "a"}])
        first = await ran(api, parts, "a", "b")
        await ok(api, "DELETE", f"{JOBS}/b")
        chain = await ok(api, "GET", f"{CHAINS}/{first}")
        assert (chain["status"], states(chain)) == ("completed", {"a": "completed", "b": "completed"})
        assert chain["edges"] == [{"from": "a", "to": "b", "on": None, "state": "met"}]
        assert chain["critical_path"] == ["a", "b"]

    async def test_what_is_no_chain(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        alone = await ran(api, parts, "a", "a")
        await create(api, job_id="b", target_url=target.url("/run"), after=[{"job": "a"}])
        first = await ran(api, parts, "a", "b")
        (follower,) = await parts.rows("b")
        assert follower.status is Status.COMPLETED
        assert (await ok(api, "GET", f"{CHAINS}/{first}"))["root"] == "a"
        for one in (NOBODY, "x", "%00", alone, follower.execution_id):
            assert_problem(await api.get(f"{CHAINS}/{one}"), 404)


class TestChainsOfAJob:
    async def test_newest_first_page_by_page(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        await ran(api, parts, "a", "a")
        await create(api, job_id="b", target_url=target.url("/run"), after=[{"job": "a"}])
        ids = [await ran(api, parts, "a", "b") for _ in range(3)][::-1]
        for job_id in "ab":
            found, path = [], f"{CHAINS}?job={job_id}&limit=2"
            while path:
                page = await api.get(path)
                found += page.json()["chains"]
                path = page.links["next"]["url"] if page.json()["next_cursor"] else ""
            assert [one["chain_id"] for one in found] == ids
            assert {(one["root"], one["status"]) for one in found} == {("a", "completed")}
            assert [one["counts"] for one in found] == [{"completed": 2}] * 3
        assert (await ok(api, "GET", CHAINS, params={"job": "nobody"}))["chains"] == []
        assert_problem(await api.get(CHAINS), 422)
