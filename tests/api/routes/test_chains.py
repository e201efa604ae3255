"""Chains in the API: executions name theirs, and a run of one is told as a graph."""

from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.api.routes import chains
from myscheduler.core.history.execution import Record, Status
from tests.support.access import bearer
from tests.support.api import JOBS, assert_problem, body, create, ok
from tests.support.parts import Parts, client, is_over, opened
from tests.support.target import Answer, Silence, Target

pytestmark = pytest.mark.anyio

EXECUTIONS, CHAINS = "/api/v1/executions", "/api/v1/chains"
JSON = (("Content-Type", "application/json"),)
NOBODY = "01a400f6-3600-7592-ac81-139a79b30fbb"


async def diamond(api: httpx.AsyncClient, target: Target) -> None:
    """Jobs b and c run after a, and d after both; e runs if b fails."""
    url = target.url("/run")
    await create(api, job_id="a", target_url=url, extract={"rows": "/rows"})
    for job_id in "bc":
        await create(api, job_id=job_id, target_url=target.url(f"/{job_id}"), after=[{"job": "a"}])
    await create(api, job_id="d", target_url=url, after=[{"job": "b"}, {"job": "c"}])
    await create(api, job_id="e", target_url=url, after=[{"job": "b", "on": "failure"}])


def are_over(rows: list[Record], count: int) -> bool:
    """Whether there are so many, and all have ended."""
    return len(rows) >= count and all(map(is_over, rows))


async def ran(api: httpx.AsyncClient, parts: Parts, job_id: str, *last: str, **asked: Any) -> str:
    """Run a job, and wait until each of the `last` jobs has one row more, which is over; the id of the execution."""
    before = {one: len(await parts.rows(one)) for one in last}
    done = await ok(api, "POST", f"{JOBS}/{job_id}/trigger", json=asked)
    for one, count in before.items():
        await parts.rows_where(one, partial(are_over, count=count + 1))
    found: str = done["execution_id"]
    return found


def states(chain: dict[str, Any]) -> dict[str, str]:
    return {one["job_id"]: one["status"] for one in chain["nodes"]}


class TestExecutions:
    async def test_each_names_its_chain_and_its_parent(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.answers("/run", Answer(body=b'{"rows": 3}', headers=JSON))
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

    async def test_jobs_that_were_added_since_are_not_in_its_runs(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        await create(api, job_id="b", target_url=target.url("/run"), after=[{"job": "a"}])
        first = await ran(api, parts, "a", "b")
        await create(api, job_id="c", target_url=target.url("/run"), after=[{"job": "b"}])
        chain = await ok(api, "GET", f"{CHAINS}/{first}")
        assert (chain["status"], states(chain)) == ("completed", {"a": "completed", "b": "completed"})
        assert [(one["from"], one["to"]) for one in chain["edges"]] == [("a", "b")]

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


class TestTrigger:
    async def test_without_the_jobs_that_run_after_it(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        await create(api, job_id="b", target_url=target.url("/run"), after=[{"job": "a"}])
        alone = await ran(api, parts, "a", "a", chain=False)
        first = await ran(api, parts, "a", "b", chain=True)
        assert [row.link.chain_id for row in await parts.rows("b") if row.link] == [first]
        assert (await ok(api, "GET", f"{EXECUTIONS}/{alone}"))["chain_id"] is None
        assert_problem(await api.post(f"{JOBS}/a/trigger", json={"chain": "no"}), 422)

    async def test_one_in_the_middle_runs_without_what_is_before_it(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        await create(api, job_id="b", target_url=target.url("/run"), after=[{"job": "a"}])
        await create(api, job_id="c", target_url=target.url("/run"), after=[{"job": "b"}])
        first = await ran(api, parts, "b", "c")
        assert await parts.rows("a") == []
        assert states(await ok(api, "GET", f"{CHAINS}/{first}")) == {"b": "completed", "c": "completed"}

    async def test_with_the_values_of_an_earlier_chain(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        target.answers("/a", Answer(body=b'{"rows": 3}', headers=JSON), Answer(body=b"{}", headers=JSON))
        await create(api, job_id="a", target_url=target.url("/a"), extract={"rows": "/rows"})
        url = target.url("/b") + "?rows={{ after['a'].rows }}"
        await create(api, job_id="b", target_url=url, after=[{"job": "a"}])
        first = await ran(api, parts, "a", "b")
        (of_b,) = await parts.rows("b")
        empty = await ran(api, parts, "a", "a", chain=False)
        count = 1
        for source in (first, of_b.execution_id):
            count += 1
            await ok(api, "POST", f"{JOBS}/b/trigger", json={"from": source})
            await parts.rows_where("b", partial(are_over, count=count))
        assert [one.target for one in target.requests if one.target.startswith("/b")] == ["/b?rows=3"] * 3
        for given in ({}, {"from": NOBODY}, {"from": "x\x00"}, {"from": empty}):
            problem = assert_problem(await api.post(f"{JOBS}/b/trigger", json=given), 422)
            assert [one["field"] for one in problem["errors"]] == ["from"]
        assert_problem(await api.post(f"{JOBS}/a/trigger", json={"from": first}), 422)

    async def test_a_queued_run_keeps_them(self, tmp_path: Path, target: Target) -> None:
        """In the database, so also after a restart."""
        target.answers("/a", Answer(body=b'{"rows": 3}', headers=JSON))
        target.answers("/b", Answer(), Silence(), Answer())
        async with opened(tmp_path, drain_sec=0) as parts, client(parts) as api:
            parts.dispatcher.start()
            await create(api, job_id="a", target_url=target.url("/a"), extract={"rows": "/rows"})
            url = target.url("/b") + "?rows={{ after['a'].rows }}"
            await create(api, job_id="b", target_url=url, after=[{"job": "a"}])
            await create(api, job_id="c", target_url=target.url("/c"), after=[{"job": "b", "on": "always"}])
            first = await ran(api, parts, "a", "c")
            await ok(api, "POST", f"{JOBS}/b/trigger", json={"from": first, "chain": False})
            queued = await ok(api, "POST", f"{JOBS}/b/trigger", json={"from": first, "chain": False})
            assert queued["status"] == "queued"
        async with opened(tmp_path, drain_sec=0) as parts:
            await parts.catalog.load()
            await parts.dispatcher.recover()
            parts.dispatcher.start()
            row = await parts.row_where("b", lambda row: row.execution_id == queued["execution_id"] and is_over(row))
            assert (row.status, row.is_alone, row.upstream_chain_id) == (Status.COMPLETED, True, first)
            assert len(await parts.rows("c")) == 1
        assert [one.target for one in target.requests if one.target.startswith("/b")] == ["/b?rows=3"] * 3


class TestRerun:
    async def test_alone_by_default(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        await create(api, job_id="a", target_url=target.url("/run"))
        await create(api, job_id="b", target_url=target.url("/run"), after=[{"job": "a"}])
        first = await ran(api, parts, "a", "b")
        again = await ok(api, "POST", f"{EXECUTIONS}/{first}/rerun")
        await parts.rows_where("a", lambda rows: len(rows) == 2 and all(map(is_over, rows)))
        assert len(await parts.rows("b")) == 1
        assert (await ok(api, "GET", f"{EXECUTIONS}/{again['execution_id']}"))["chain_id"] is None
        assert_problem(await api.post(f"{EXECUTIONS}/{first}/rerun", json={"downstream": 1}), 422)

    async def test_a_part_of_a_chain(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        """What is not below counts as it ended in the first chain, also for a part of that part."""
        target.answers("/b", Answer(500), Answer())
        await diamond(api, target)
        await ran(api, parts, "a", "d", "e")
        (of_b,) = await parts.rows("b")
        again = await ok(api, "POST", f"{EXECUTIONS}/{of_b.execution_id}/rerun", json={"downstream": True})
        await parts.rows_where("d", lambda rows: len(rows) == 2 and all(map(is_over, rows)))
        chain = await ok(api, "GET", f"{CHAINS}/{again['execution_id']}")
        assert states(chain) == {"b": "completed", "d": "completed", "e": "skipped"}
        assert chain["upstream_chain_id"] == of_b.execution().chain_id
        assert [len(await parts.rows(one)) for one in "ac"] == [1, 1]
        second = (await parts.rows("b"))[-1]
        last = await ok(api, "POST", f"{EXECUTIONS}/{second.execution_id}/rerun", json={"downstream": True})
        await parts.rows_where("d", lambda rows: len(rows) == 3 and all(map(is_over, rows)))
        assert states(await ok(api, "GET", f"{CHAINS}/{last['execution_id']}"))["d"] == "completed"


class TestCancel:
    async def test_all_of_it_ends_and_nothing_follows(
        self, api: httpx.AsyncClient, parts: Parts, target: Target
    ) -> None:
        for path in ("/b", "/c"):
            target.answers(path, Silence())
        await diamond(api, target)
        await create(api, job_id="f", target_url=target.url("/f"), after=[{"job": "b", "on": "always"}])
        first = await ran(api, parts, "a")
        for one in "bc":
            await parts.row_where(one, lambda row: row.started_at is not None)
        headers = {"Idempotency-Key": "k"}
        given = {"by": "Ada", "reason": "wrong month"}
        answer = await ok(api, "POST", f"{CHAINS}/{first}/cancel", json=given, headers=headers)
        assert answer == {"chain_id": first, "status": "cancelled", "executions": 2}
        assert await ok(api, "POST", f"{CHAINS}/{first}/cancel", json=given, headers=headers) == answer
        chain = await ok(api, "GET", f"{CHAINS}/{first}")
        assert chain["status"] == "cancelled"
        assert states(chain) == {"a": "completed", "b": "interrupted", "c": "interrupted"} | dict.fromkeys(
            "def", "not-reached"
        )
        (of_b,) = await parts.rows("b")
        assert of_b.reason == "cancelled"
        assert (of_b.error or "").startswith("cancelled by Ada (wrong month)")
        (entry,) = (await ok(api, "GET", "/api/v1/audit?action=cancelled"))["entries"]
        assert (entry["actor"], entry["job_id"]) == ("Ada", "a")
        assert entry["detail"] == {"chain_id": first, "reason": "wrong month"}
        assert_problem(await api.post(f"{CHAINS}/{first}/cancel"), 409)
        assert_problem(await api.post(f"{CHAINS}/{NOBODY}/cancel"), 404)

    async def test_one_that_waits_for_its_turn(self, api: httpx.AsyncClient, parts: Parts, target: Target) -> None:
        target.answers("/b", Silence())
        await create(api, job_id="a", target_url=target.url("/a"))
        await create(api, job_id="b", target_url=target.url("/b"), after=[{"job": "a"}], overlap="queue")
        await ran(api, parts, "a", "a")
        await parts.row_where("b", lambda row: row.started_at is not None)
        second = await ran(api, parts, "a", "a")
        await parts.rows_where("b", lambda rows: len(rows) == 2)
        await ok(api, "POST", f"{CHAINS}/{second}/cancel")
        row = (await parts.rows("b"))[-1]
        assert (row.status, row.reason, row.attempts) == (Status.SKIPPED, "cancelled", 0)
        assert (await parts.rows("b"))[0].status is Status.RUNNING, "the other chain goes on"

    async def test_a_crash_after_the_request_lets_nothing_begin(self, tmp_path: Path, target: Target) -> None:
        """The mark is all that is stored."""
        target.answers("/b", Silence())
        async with opened(tmp_path, drain_sec=0) as parts, client(parts) as api:
            parts.dispatcher.start()
            await create(api, job_id="a", target_url=target.url("/a"))
            await create(
                api, job_id="b", target_url=target.url("/b"), after=[{"job": "a"}], on_interrupt="retry", method="PUT"
            )
            await create(api, job_id="c", target_url=target.url("/c"), after=[{"job": "b", "on": "always"}])
            first = await ran(api, parts, "a")
            await parts.row_where("b", lambda row: row.started_at is not None)
            await parts.store.write(partial(chain_rows.call_off, chain_id=first))
        async with opened(tmp_path, drain_sec=0) as parts, client(parts) as api:
            await parts.catalog.load()
            await parts.dispatcher.recover()
            parts.dispatcher.start()
            row = await parts.row_where("b", is_over)
            assert (row.status, row.reason) == (Status.INTERRUPTED, "cancelled")
            chain = await ok(api, "GET", f"{CHAINS}/{first}")
            assert (chain["status"], states(chain)["c"]) == ("cancelled", "not-reached")
        assert sum(one.target == "/b" for one in target.requests) == 1

    async def test_takes_the_role_for_each_job(
        self, parts: Parts, target: Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target.answers("/b", Silence())
        async with client(parts) as api:
            admin = await bearer(parts, "admin")
            mine, other = {"labels": {"team": "mine"}}, {"labels": {"team": "other"}}
            for one in (
                body(job_id="a", target_url=target.url("/a"), **mine),
                body(job_id="b", target_url=target.url("/b"), after=[{"job": "a"}], **other),
            ):
                await ok(api, "POST", JOBS, json=one, headers=admin)
            first = (await ok(api, "POST", f"{JOBS}/a/trigger", headers=admin))["execution_id"]
            await parts.row_where("b", lambda row: row.started_at is not None)
            scoped = await bearer(parts, "operator", mine)
            assert_problem(await api.post(f"{CHAINS}/{first}/cancel", headers=scoped), 403)
            assert (await api.get(f"{CHAINS}/{first}", headers=scoped)).status_code == 200
            viewer = await bearer(parts, "viewer")
            assert_problem(await api.post(f"{CHAINS}/{first}/cancel", headers=viewer), 403)
            with monkeypatch.context() as small:
                small.setattr(chains, "MOST_NODES", 1)  # of a run with more jobs, not all are looked at
                assert_problem(await api.post(f"{CHAINS}/{first}/cancel", headers=scoped), 403)
            both = await bearer(parts, "operator", {"labels": {"team": ["mine", "other"]}})
            await ok(api, "POST", f"{CHAINS}/{first}/cancel", headers=both)


class TestLinksOfJobs:
    async def test_a_job_tells_what_it_runs_after_and_what_runs_after_it(
        self, api: httpx.AsyncClient, target: Target
    ) -> None:
        await diamond(api, target)
        view = await ok(api, "GET", f"{JOBS}/a")
        assert (view["after"], view["join"], view["extract"]) == (None, None, {"rows": "/rows"})
        assert view["followed_by"] == ["b", "c"]
        view = await ok(api, "GET", f"{JOBS}/d")
        assert (view["after"], view["join"], view["if_skipped"]) == ([{"job": "b"}, {"job": "c"}], "all", "skip")
        assert (view["followed_by"], view["when"], view["requires"]) == ([], None, [])

    @pytest.mark.parametrize(
        ("fields", "field", "code"),
        [
            pytest.param({"after": [{"job": "nobody"}]}, "after.0.job", "chain-unknown", id="unknown"),
            pytest.param({"after": [{"job": "new"}]}, "after.0.job", "after-itself", id="itself"),
            pytest.param({"after": [{"job": "b"}, {"job": "x"}]}, "after", "chain-no-common-root", id="no common root"),
            pytest.param(
                {"after": [{"job": "b"}], "when": {"job": "b", "json": {"/rows": {"gt": 0}}}},
                "after.0.job",
                "chain-nothing-extracted",
                id="nothing extracted",
            ),
            pytest.param(
                {"interval": {"hours": 1}, "requires": [{"job": "nobody", "within": "PT1H"}]},
                "requires.0.job",
                "chain-unknown",
                id="requires an unknown one",
            ),
        ],
    )
    async def test_what_is_refused(
        self, api: httpx.AsyncClient, target: Target, fields: dict[str, Any], field: str, code: str
    ) -> None:
        await diamond(api, target)
        await create(api, job_id="x", target_url=target.url("/x"))
        given = {"job_id": "new", "target_url": target.url("/new")} | fields
        problem = assert_problem(await api.post(JOBS, json=given), 422)
        (error,) = problem["errors"]
        assert (error["field"], error["message_coded"]["code"]) == (field, code)
        assert_problem(await api.get(f"{JOBS}/new"), 404)

    async def test_a_cycle_is_told_with_its_path(self, api: httpx.AsyncClient, target: Target) -> None:
        await diamond(api, target)
        given = {"target_url": target.url("/a"), "after": [{"job": "d"}]}
        problem = assert_problem(await api.put(f"{JOBS}/a", json=given), 422)
        (error,) = problem["errors"]
        assert error["message_coded"]["code"] == "chain-cycle"
        assert error["message"].startswith("closes a cycle: 'a' <- 'd' <- ")
        assert (await ok(api, "GET", f"{JOBS}/a"))["after"] is None

    async def test_a_chain_may_not_be_too_deep(self, api: httpx.AsyncClient, target: Target) -> None:
        await create(api, job_id="j0", target_url=target.url("/x"))
        for number in range(1, 33):
            await create(api, job_id=f"j{number}", target_url=target.url("/x"), after=[{"job": f"j{number - 1}"}])
        deeper = body(job_id="j33", target_url=target.url("/x"), after=[{"job": "j32"}])
        await create(api, job_id="top", target_url=target.url("/x"))
        longer = body(job_id="j0", target_url=target.url("/x"), after=[{"job": "top"}])
        for answer in (await api.post(JOBS, json=deeper), await api.put(f"{JOBS}/j0", json=longer)):
            (error,) = assert_problem(answer, 422)["errors"]
            assert (error["field"], error["message_coded"]["code"]) == ("after", "chain-too-deep")

    @pytest.mark.parametrize(
        ("fields", "field", "code"),
        [
            pytest.param({}, "extract", "chain-nothing-extracted", id="it hands on nothing more"),
            pytest.param({"extract": {"other": "/x"}}, "extract", "chain-not-extracted", id="it hands on other values"),
        ],
    )
    async def test_a_change_may_not_break_the_jobs_after_it(
        self, api: httpx.AsyncClient, target: Target, fields: dict[str, Any], field: str, code: str
    ) -> None:
        url = target.url("/x")
        await create(api, job_id="a", target_url=url, extract={"rows": "/rows"})
        await create(api, job_id="b", target_url=url, after=[{"job": "a"}], body="{{ after['a'].rows }}")
        problem = assert_problem(await api.put(f"{JOBS}/a", json=body(target_url=url, **fields)), 422)
        (error,) = problem["errors"]
        assert (error["field"], error["message_coded"]["code"]) == (field, "chain-breaks-other")
        assert error["message_coded"]["params"]["why"]["code"] == code
        assert error["message"].startswith("'b', which is linked to this job, would no longer fit: ")
        await ok(api, "PUT", f"{JOBS}/a", json=body(target_url=url, extract={"rows": "/x", "more": "/y"}))
        await ok(api, "DELETE", f"{JOBS}/b")
        await ok(api, "PUT", f"{JOBS}/a", json=body(target_url=url, **fields))

    async def test_a_change_may_not_take_a_join_its_common_beginning(
        self, api: httpx.AsyncClient, target: Target
    ) -> None:
        await diamond(api, target)
        url = target.url("/x")
        await create(api, job_id="x", target_url=url)
        problem = assert_problem(
            await api.put(f"{JOBS}/b", json=body(job_id="b", target_url=url, after=[{"job": "x"}])), 422
        )
        (error,) = problem["errors"]
        assert (error["field"], error["message_coded"]["code"]) == ("after", "chain-breaks-other")
        assert "'d'" in error["message"]
        assert (await ok(api, "GET", f"{JOBS}/b"))["after"] == [{"job": "a"}]

    async def test_a_caller_needs_the_jobs_that_it_links_to_in_its_scope(self, parts: Parts, target: Target) -> None:
        async with client(parts) as api:
            admin, mine = await bearer(parts, "admin"), {"labels": {"team": "mine"}}
            scoped = await bearer(parts, "editor", mine)
            await ok(api, "POST", JOBS, json=body(job_id="own", target_url=target.url("/a"), **mine), headers=admin)
            await ok(api, "POST", JOBS, json=body(job_id="other", target_url=target.url("/a")), headers=admin)
            given = body(job_id="b", target_url=target.url("/b"), **mine)
            for links in (
                {"after": [{"job": "other"}]},
                {"requires": [{"job": "other", "within": "PT1H"}], "interval": {"hours": 1}},
            ):
                sent = {key: value for key, value in given.items() if key != "interval"} | links
                assert_problem(await api.post(JOBS, json=sent, headers=scoped), 403)
            sent = {key: value for key, value in given.items() if key != "interval"} | {"after": [{"job": "own"}]}
            await ok(api, "POST", JOBS, json=sent, headers=scoped)
