"""Every operation as every role, for all jobs, in a scope and out of it; and the ways around a scope."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows import queued as queued_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.api.door.permission import _job_of
from myscheduler.api.input import bodies
from myscheduler.core.access.operations import OPEN_TO_ALL, OPERATIONS, Target
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import parse_scope
from myscheduler.core.history.execution import QueuedRun
from myscheduler.core.policy.grants import Grant, Grants
from tests.support.access import Route, bearer, routes_of
from tests.support.api import JOBS, assert_problem, body, ok
from tests.support.parts import Parts, client, opened
from tests.support.stored import NOW, incident

pytestmark = pytest.mark.anyio

PART_OF = {"approve_deletion": ("run_sync", {"approve": "0123456789abcdef"})}
"""Operations without a route of their own: the one that does them, and its body."""

BILLING = {"labels": {"team": "billing"}}
SCOPES: dict[str, tuple[Any, str]] = {
    "everywhere": (None, "billing"),
    "in": (BILLING, "billing"),
    "out": (BILLING, "x"),
}
"""Each with the team of the job that is acted on."""


def is_allowed(operation: str, role: Role, scope: str) -> bool:
    """What is promised, in other words than in the code."""
    needed = OPERATIONS[operation]
    if list(Role).index(role) < list(Role).index(needed.role):
        return False
    match needed.target:
        case Target.NOTHING | Target.SELECTION:
            return True
        case Target.CHAIN:
            return True  # there is no such chain; `test_chains` asks for one
        case Target.JOB | Target.EXECUTION | Target.INCIDENT | Target.BODY:
            return scope != "out"
        case Target.EVERYTHING:
            return scope == "everywhere"


def asked(operation: str, routes: dict[str, Route], team: str, execution_id: str) -> tuple[str, str, Any]:
    """A request for the operation: its method, path and body. An incident has the same id as the execution."""
    name, content = PART_OF.get(operation, (operation, None))
    route = routes[name]
    declared = body(labels={"team": team})
    content = {
        "create_job": declared | {"job_id": "new"},
        "replace_job": declared | {"job_id": "a"},
        "create_token": {"name": "new", "role": "viewer"},
    }.get(operation, content)
    path = route.path.format(
        job_id="a", token="nobody", execution_id=execution_id, incident_id=execution_id, chain_id=execution_id
    )
    return route.method, path + ("?at=2027-03-01T12:00" if operation == "explain_job" else ""), content


async def test_each_route_is_in_the_table_and_each_entry_names_a_route(parts: Parts) -> None:
    async with client(parts) as api:
        names = {route.operation for route in routes_of(api)}
    assert names - OPERATIONS.keys() - OPEN_TO_ALL == set(), "a route needs an entry in OPERATIONS"
    assert (OPERATIONS.keys() | OPEN_TO_ALL) - names - PART_OF.keys() == set(), "an entry has no route"
    assert OPERATIONS.keys() & OPEN_TO_ALL == set()


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys()))
async def test_each_operation_as_each_role_in_and_out_of_scope(operation: str, tmp_path: Path) -> None:
    answers: dict[tuple[Role, str], int] = {}
    async with opened(tmp_path, drain_sec=0) as parts, client(parts) as api:
        parts.dispatcher.start()
        of_all = routes_of(api)
        routes = {one.operation: one for one in of_all if one.is_documented or one.path.startswith("/metrics")}
        for role in Role:
            for name, (scope, team) in SCOPES.items():
                headers = await bearer(parts, role, scope)
                admin = await bearer(parts, "admin")
                for job_id in ("a", "new"):
                    await api.delete(f"{JOBS}/{job_id}", headers=admin)
                await ok(api, "POST", JOBS, json=body(labels={"team": team}), headers=admin)
                run = QueuedRun("a", new_execution_id(NOW), NOW, "ada")
                await parts.store.write(partial(queued_rows.add, run=run, kept=None))
                await parts.store.write(
                    partial(incident_rows.insert, new=incident("a", run.execution_id, ended_at=NOW))
                )
                method, path, content = asked(operation, routes, team, run.execution_id)
                answer = await api.request(method, path, json=content, headers=headers)
                answers[role, name] = answer.status_code
                if answer.status_code == 403:
                    assert_problem(answer, 403)
        method, path, content = asked(operation, routes, "billing", "none")
        assert_problem(await api.request(method, path, json=content), 401)
    assert {403 if code == 403 else 200 for code in answers.values()} <= {200, 403}
    assert 401 not in answers.values()
    assert not [code for code in answers.values() if code >= 500]
    allowed = {key: code != 403 for key, code in answers.items()}
    assert allowed == {(role, scope): is_allowed(operation, role, scope) for role in Role for scope in SCOPES}


@pytest.fixture
async def api(parts: Parts) -> Any:
    async with client(parts) as one:
        yield one


async def stored_labels(parts: Parts, job_id: str) -> dict[str, str]:
    return dict((await parts.jobs())[job_id].spec.labels)


class TestLabelsStayInTheirScope:
    """An editor of one team can neither take a job of another, nor give one away."""

    @pytest.mark.parametrize("method", ["PUT", "POST"])
    @pytest.mark.parametrize(
        ("before", "after", "status"),
        [
            pytest.param("billing", "billing", 200, id="within"),
            pytest.param("billing", "other", 403, id="out of it"),
            pytest.param("billing", None, 403, id="to no team"),
            pytest.param("other", "billing", 403, id="into it"),
            pytest.param("other", "other", 403, id="of others"),
            pytest.param(None, "billing", 403, id="of nobody"),
        ],
    )
    async def test_replacing(
        self, parts: Parts, api: httpx.AsyncClient, method: str, before: str | None, after: str | None, status: int
    ) -> None:
        await parts.create("a", labels={"team": before} if before else {})
        declared = body(labels={"team": after} if after else {})
        path, more = (f"{JOBS}/a", {}) if method == "PUT" else (JOBS, {"replace_existing": True})
        answer = await api.request(method, path, json=declared | more, headers=await bearer(parts, "editor", BILLING))
        assert answer.status_code == status, answer.text
        expected = after if status == 200 else before
        assert await stored_labels(parts, "a") == ({"team": expected} if expected else {})

    async def test_creating(self, parts: Parts, api: httpx.AsyncClient) -> None:
        headers = await bearer(parts, "editor", {"labels": {"team": "billing"}, "ids": ["b-*"]})
        for job_id, team, status in (("b-1", "billing", 200), ("b-2", "x", 403), ("c", "billing", 403)):
            answer = await api.post(JOBS, json=body(job_id=job_id, labels={"team": team}), headers=headers)
            assert answer.status_code == status, answer.text
        assert_problem(await api.post(JOBS, json=body(job_id=None, labels={"team": "billing"}), headers=headers), 403)
        assert set(await parts.jobs()) == {"b-1"}

    async def test_an_id_that_is_taken_tells_no_more_than_a_scope(self, parts: Parts, api: httpx.AsyncClient) -> None:
        await parts.create("a", labels={"team": "other"})
        headers = await bearer(parts, "editor", BILLING)
        assert_problem(await api.post(JOBS, json=body(labels={"team": "billing"}), headers=headers), 403)

    async def test_repeating_the_request_of_another_does_nothing(self, parts: Parts, api: httpx.AsyncClient) -> None:
        key = {"Idempotency-Key": "k"}
        await ok(api, "POST", JOBS, json=body(labels={"team": "x"}), headers=await bearer(parts, "editor") | key)
        await parts.catalog.delete("a")
        headers = await bearer(parts, "editor", BILLING) | key
        again = await api.post(JOBS, json=body(labels={"team": "x"}), headers=headers)
        assert again.headers.get("idempotency-replayed") == "true" or again.status_code == 403
        assert await parts.jobs() == {}


class TestWhatIsMasked:
    SECRET = "7fQ2mLx9Kp4vTz"
    FIELDS: dict[str, Any] = {  # noqa: RUF012 - never changed
        "name": f"with Bearer {SECRET}",
        "target_url": f"https://u:{SECRET}@example.com/?token={SECRET}",
        "headers": {"Authorization": f"Bearer {SECRET}", "X-A": "shown"},
        "body": {"password": SECRET, "count": 3},
        "labels": {"team": "billing"},
    }

    @pytest.mark.parametrize(
        ("role", "scope", "in_detail", "in_list"),
        [
            pytest.param("viewer", None, False, False, id="viewer"),
            pytest.param("operator", None, False, False, id="operator"),
            pytest.param("editor", None, True, True, id="editor"),
            pytest.param("admin", None, True, True, id="admin"),
            pytest.param("editor", BILLING, True, False, id="editor of the job"),
            pytest.param("admin", {"ids": ["x"]}, False, False, id="admin of other jobs"),
        ],
    )
    async def test_jobs(
        self, parts: Parts, api: httpx.AsyncClient, role: str, scope: Any, in_detail: bool, in_list: bool
    ) -> None:
        await parts.create("a", **self.FIELDS)
        headers = await bearer(parts, role, scope)
        detail, listed = await api.get(f"{JOBS}/a", headers=headers), await api.get(JOBS, headers=headers)
        assert (self.SECRET in detail.text, self.SECRET in listed.text) == (in_detail, in_list)
        view = detail.json()
        assert (view["headers"]["X-A"], view["body"]["count"], view["labels"]) == ("shown", 3, {"team": "billing"})
        assert view["target_url"].endswith(f"token={self.SECRET if in_detail else '••••'}")

    async def test_nothing_else_that_a_viewer_reads_has_them(self, parts: Parts, api: httpx.AsyncClient) -> None:
        await parts.create("a", **self.FIELDS)
        await parts.catalog.delete("a")
        await parts.create("a", **self.FIELDS)
        headers = await bearer(parts, "viewer")
        for path in ("audit", "sync", "sync/files", "preview", "jobs/a/why?at=2027-03-01T12:00", "jobs/a/executions"):
            answer = await api.get(f"/api/v1/{path}", headers=headers)
            assert (answer.status_code, self.SECRET in answer.text) == (200, False), path

    @pytest.mark.parametrize("scope", [BILLING, {"ids": ["*"]}])
    async def test_specs_are_for_editors_of_all_jobs(self, parts: Parts, api: httpx.AsyncClient, scope: Any) -> None:
        assert_problem(await api.get("/api/v1/specs", headers=await bearer(parts, "editor", scope)), 403)
        await ok(api, "GET", "/api/v1/specs", headers=await bearer(parts, "editor"))


class TestWhatIsSaid:
    async def test_a_missing_role(self, parts: Parts, api: httpx.AsyncClient) -> None:
        headers = await bearer(parts, "viewer", name="grafana")
        problem = assert_problem(await api.post(f"{JOBS}/a/pause", headers=headers), 403)
        assert problem["detail"] == "this needs the role operator, and 'grafana' does not have it"

    async def test_a_role_for_some_jobs(self, parts: Parts, api: httpx.AsyncClient) -> None:
        headers = await bearer(parts, "admin", BILLING, name="boss")
        problem = assert_problem(await api.get("/api/v1/tokens", headers=headers), 403)
        assert problem["detail"] == "this needs the role admin for all jobs, and 'boss' does not have it"

    async def test_another_scope(self, parts: Parts, api: httpx.AsyncClient) -> None:
        await parts.create("a", labels={"team": "x"})
        headers = await bearer(parts, "operator", BILLING, name="ci")
        problem = assert_problem(await api.post(f"{JOBS}/a/trigger", headers=headers), 403)
        assert problem["detail"] == "job 'a' is not in a scope in which 'ci' has the role operator"


async def test_the_job_of_a_waiting_run_is_found(parts: Parts) -> None:
    """It has no row in the history, and can be cancelled."""
    await parts.create("a", labels={"team": "billing"})
    run = QueuedRun("a", new_execution_id((await parts.jobs())["a"].created_at), NOW, "ada")
    await parts.store.write(partial(queued_rows.add, run=run, kept=None))
    path = {"execution_id": run.execution_id}
    found = await parts.store.read(partial(_job_of, target=Target.EXECUTION, path=path))
    assert found == ("a", {"team": "billing"})
    await parts.catalog.delete("a")
    await parts.create("a", labels={"team": "billing"})
    await parts.store.write(partial(queued_rows.add, run=run, kept=None))
    assert await parts.store.read(partial(_job_of, target=Target.EXECUTION, path=path)) == ("a", {}), "of another job"
    unknown = partial(_job_of, target=Target.EXECUTION, path={"execution_id": "none"})
    assert await parts.store.read(unknown) is None


@pytest.mark.parametrize("act", ["pause", "resume", "trigger"])
@pytest.mark.parametrize("dry_run", [True, False])
async def test_of_many_selected_jobs_those_in_the_scope_are_acted_on(
    parts: Parts, api: httpx.AsyncClient, act: str, dry_run: bool
) -> None:
    await parts.create("a", labels={"team": "billing", "env": "p"})
    await parts.create("b", labels={"team": "x", "env": "p"})
    headers = await bearer(parts, "operator", BILLING)
    selection = {"labels": {"env": "p"}, "dry_run": True} if dry_run else {"labels": {"env": "p"}}
    parts.dispatcher.start()
    answer = await ok(api, "POST", f"{JOBS}/bulk/{act}", json=selection, headers=headers)
    refused = {row["job_id"]: "is not in a scope" in (row.get("detail") or "") for row in answer["jobs"]}
    assert refused == {"a": False, "b": True}
    assert (await parts.jobs())["b"].pause is None
    assert await parts.rows("b") == []


class TestSecretsOfOthers:
    """An editor with a scope can't send secrets that are granted to the jobs of others."""

    GRANTS = Grants(
        (
            Grant("shared", ("example.com",)),
            Grant("of-billing", ("example.com",), parse_scope(BILLING)),
            Grant("of-ops", ("example.com",), parse_scope({"labels": {"team": "ops"}})),
        )
    )

    @pytest.mark.parametrize(
        ("scope", "secret", "team", "status"),
        [
            pytest.param(BILLING, "of-billing", "billing", 200, id="of its team"),
            pytest.param(BILLING, "of-ops", "billing", 422, id="of another team"),
            pytest.param(BILLING, "shared", "billing", 422, id="of all jobs"),
            pytest.param({"ids": ["*"]}, "shared", "billing", 422, id="of all jobs, with a scope of all ids"),
            pytest.param({"ids": ["a"]}, "of-ops", "ops", 200, id="by the labels that it may give the job"),
            pytest.param(None, "shared", "billing", 200, id="without a scope"),
            pytest.param(None, "of-ops", "billing", 422, id="without a scope, of another team"),
            pytest.param(None, "of-ops", "ops", 200, id="without a scope, for a job of that team"),
        ],
    )
    async def test_creating_and_replacing(
        self, parts: Parts, api: httpx.AsyncClient, scope: Any, secret: str, team: str, status: int
    ) -> None:
        parts.grants = self.GRANTS
        headers = await bearer(parts, "editor", scope)
        declared = body(headers={"X": f"${{secret:{secret}}}"}, labels={"team": team})
        created = await api.post(JOBS, json=declared, headers=headers)
        assert created.status_code == status, created.text
        await api.post(JOBS, json=body(labels={"team": team}), headers=await bearer(parts, "admin"))
        replaced = await api.put(f"{JOBS}/a", json=declared, headers=headers)
        assert replaced.status_code == status, replaced.text
        if status == 422:
            assert [one["rule"] for one in replaced.json()["errors"]] == ["secret-not-allowed"]

    async def test_keeping_the_secret_of_a_job_that_an_editor_of_all_jobs_made(
        self, parts: Parts, api: httpx.AsyncClient
    ) -> None:
        parts.grants = self.GRANTS
        declared = body(headers={"X": "${secret:shared}"}, labels={"team": "billing"})
        await ok(api, "POST", JOBS, json=declared, headers=await bearer(parts, "editor"))
        path = {"target_url": "https://example.com/echo"}
        answer = await api.put(f"{JOBS}/a", json=declared | path, headers=await bearer(parts, "editor", BILLING))
        assert answer.status_code == 422


class TestHeldBack:
    """A request whose body is held back until its caller may not do any more what it asks for."""

    async def sent(self, api: httpx.AsyncClient, path: str, headers: dict[str, str], meanwhile: Any) -> httpx.Response:
        async def held_back() -> AsyncIterator[bytes]:
            yield b'{"reason": '
            await meanwhile()
            yield b'"late"}'

        headers = headers | {"Content-Type": "application/json"}
        return await api.post(f"{JOBS}/{path}", content=held_back(), headers=headers)

    @pytest.fixture
    async def api(self, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
        monkeypatch.setattr(bodies, "LATE_SEC", 0.0)
        async with client(parts) as api:
            self.admin = await bearer(parts, "admin")
            await ok(api, "POST", JOBS, json=body(labels={"team": "billing"}), headers=self.admin)
            yield api

    async def test_after_the_job_left_the_scope(self, parts: Parts, api: httpx.AsyncClient) -> None:
        async def moved() -> None:
            await ok(api, "PUT", f"{JOBS}/a", json=body(labels={"team": "tax"}), headers=self.admin)

        answer = await self.sent(api, "a/pause", await bearer(parts, "operator", BILLING), moved)
        assert_problem(answer, 403)

    async def test_after_the_token_was_revoked(self, parts: Parts, api: httpx.AsyncClient) -> None:
        async def revoked() -> None:
            await ok(api, "DELETE", "/api/v1/tokens/leaked", headers=self.admin)

        answer = await self.sent(api, "a/pause", await bearer(parts, "operator", name="leaked"), revoked)
        assert_problem(answer, 401)

    async def test_who_still_may_is_answered(self, parts: Parts, api: httpx.AsyncClient) -> None:
        async def nothing() -> None:
            pass

        answer = await self.sent(api, "a/pause", await bearer(parts, "operator", BILLING), nothing)
        assert answer.status_code == 200
