"""Who changed what, through the API and by manifests, and what leaves no entry."""

import asyncio
import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.api.door.authentication import Access, Credentials
from myscheduler.core.access.operations import OPERATIONS
from myscheduler.core.access.roles import Role
from tests.support.api import JOBS, TOKYO, body, create, ok
from tests.support.parts import Parts, client, manifest
from tests.support.stored import incident

pytestmark = pytest.mark.anyio

INCIDENT = "019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f"


class TestAudit:
    async def test_who_changed_what_through_the_api(self, api: httpx.AsyncClient) -> None:
        ada = {"X-Forwarded-User": "Ada"}
        await ok(api, "POST", JOBS, json=body(job_id="a", headers={"Authorization": "Bearer s3cret"}), headers=ada)
        edited = body(headers={"Authorization": "Bearer 0ther"}, method="POST")
        await ok(api, "PUT", f"{JOBS}/a", json=edited)
        await ok(api, "PUT", f"{JOBS}/a", json=edited)
        await ok(api, "POST", f"{JOBS}/a/pause", json={"by": "Bob", "reason": "保守"})
        await ok(api, "POST", f"{JOBS}/a/pause", json={"by": "Bob"})
        await ok(api, "POST", f"{JOBS}/a/resume", json={"by": "Cy"})
        await ok(api, "POST", f"{JOBS}/a/resume", json={"by": "Cy"})
        await ok(api, "DELETE", f"{JOBS}/a", headers=ada)
        await create(api, job_id="other")
        entries = (await ok(api, "GET", "/api/v1/audit?job_id=a"))["entries"]
        assert [(one["actor"], one["action"]) for one in reversed(entries)] == [
            ("Ada", "created"), ("api", "updated"), ("Bob", "paused"), ("Cy", "resumed"), ("Ada", "deleted"),
        ]  # fmt: skip
        deleted, resumed, paused, updated, created = entries
        assert updated["detail"]["fields"] == [
            {"field": "method", "before": "GET", "after": "POST"},
            {"field": "headers.Authorization", "before": "Bearer ••••", "after": "Bearer ••••"},
        ]
        assert paused["detail"]["reason"] == resumed["detail"]["reason"] == "保守"
        told = {one["field"]: one["after"] for one in created["detail"]["fields"]}
        assert told["target_url"] == body()["target_url"]
        assert {one["field"] for one in deleted["detail"]["fields"]} >= {"target_url", "method"}
        text = json.dumps(entries)
        assert "s3cret" not in text
        assert "0ther" not in text
        every = await ok(api, "GET", "/api/v1/audit/?limit=2")
        assert ([one["job_id"] for one in every["entries"]], every["count"]) == (["other", "a"], 2)
        assert datetime.fromisoformat(created["at"]).utcoffset() == TOKYO

    async def test_edges_that_change_are_named_whoever_changes_them(self, parts: Parts, api: httpx.AsyncClient) -> None:
        async def edges_of(job_id: str) -> list[list[str]]:
            entries = (await ok(api, "GET", "/api/v1/audit", params={"job_id": job_id}))["entries"]
            return [
                [
                    f"{one['kind']} {one['from']} {one['before']} {one['after']}"
                    for one in entry["detail"].get("edges", [])
                ]
                for entry in reversed(entries)
            ]

        parts.manifest("a.yaml", manifest("a"))
        parts.manifest("m.yaml", manifest("m", schedule="after: [{job: a}]\n"))
        await parts.sync()
        parts.manifest("m.yaml", manifest("m", "requires: [{job: a, within: PT12H}]\n"))
        await parts.sync()
        (parts.jobs_dir / "m.yaml").unlink()
        await parts.sync()
        assert await edges_of("m") == [
            ["after a None success"],
            ["after a success None", "requires a None PT12H"],
            ["requires a PT12H None"],
        ]
        plain = {"job_id": "x", "target_url": "https://example.com/"}
        await ok(api, "POST", JOBS, json=plain | {"after": [{"job": "a"}]})
        await ok(api, "PUT", f"{JOBS}/x", json=plain | {"after": [{"job": "a", "on": "failure"}]})
        await ok(api, "PUT", f"{JOBS}/x", json=plain | {"after": [{"job": "a", "on": "failure"}], "method": "POST"})
        await ok(api, "DELETE", f"{JOBS}/x")
        assert await edges_of("x") == [
            ["after a None success"],
            ["after a success failure"],
            [],
            ["after a failure None"],
        ]

    async def test_every_act_records_who_did_it(self, parts: Parts) -> None:
        """By the name that the caller gives: in the body, or in the query where the body says something else."""
        acts: dict[str, Any] = {
            "create_job": ("POST", f"{JOBS}?by=Ada", body()),
            "replace_job": ("PUT", f"{JOBS}/a?by=Ada", body(method="POST")),
            "pause_job": ("POST", f"{JOBS}/a/pause", {"by": "Ada"}),
            "resume_job": ("POST", f"{JOBS}/a/resume", {"by": "Ada"}),
            "pause_jobs": ("POST", f"{JOBS}/bulk/pause", {"by": "Ada", "ids": ["a"]}),
            "resume_jobs": ("POST", f"{JOBS}/bulk/resume", {"by": "Ada", "ids": ["a"]}),
            "trigger_job": ("POST", f"{JOBS}/a/trigger", {"by": "Ada"}),
            "trigger_jobs": ("POST", f"{JOBS}/bulk/trigger", {"by": "Ada", "ids": ["a"]}),
            # beside the run of the bulk trigger, which may not have started yet
            "rerun_execution": ("POST", "/api/v1/executions/{}/rerun", {"by": "Ada", "overlap": "allow"}),
            "cancel_execution": ("POST", "/api/v1/executions/{}/cancel", {"by": "Ada"}),
            "cancel_chain": ("POST", "/api/v1/chains/{}/cancel", {"by": "Ada"}),
            "acknowledge_incident": ("POST", f"/api/v1/incidents/{INCIDENT}/acknowledge", {"by": "Ada"}),
            "unacknowledge_incident": ("POST", f"/api/v1/incidents/{INCIDENT}/unacknowledge", {"by": "Ada"}),
            "delete_job": ("DELETE", f"{JOBS}/a?by=Ada", None),
            "run_sync": ("POST", "/api/v1/sync", {"by": "Ada"}),
            "approve_deletion": ("POST", "/api/v1/sync", {"by": "Ada"}),
            "create_token": ("POST", "/api/v1/tokens?by=Ada", {"name": "new", "role": "viewer"}),
            "revoke_token": ("DELETE", "/api/v1/tokens/new?by=Ada", None),
        }
        acting = {name for name in OPERATIONS if not name.startswith(("get_", "list_"))}
        reading = {"explain_job", "preview_jobs", "validate_manifests", "plan_manifests"}
        logged = {"test_channel"}  # it changes nothing
        assert acts.keys() == acting - reading - logged, "add the new operation, with the name of who does it"
        async with client(parts, access=Access(Credentials("s3cret", Role.ADMIN))) as admin:
            admin.headers["Authorization"] = "Bearer s3cret"
            parts.manifest(
                "b.yaml", "job_id: b\nprotect: true\ntarget_url: http://127.0.0.1:9/\ninterval: {hours: 1}\n"
            )
            await ok(admin, "POST", "/api/v1/sync")
            (parts.jobs_dir / "b.yaml").unlink()
            await parts.store.write(partial(incident_rows.insert, new=incident("a", INCIDENT)))
            execution_id = ""
            for name, (method, path, content) in acts.items():
                if name == "approve_deletion":
                    blocked = (await ok(admin, "GET", "/api/v1/sync"))["blocked_deletion"]
                    content["approve"] = blocked["digest"]
                answer = await admin.request(method, path.format(execution_id), json=content)
                assert answer.status_code in {200, 201, 404, 409}, (
                    name,
                    answer.text,
                )  # one that has ended is not cancelled
                if name == "trigger_job":
                    execution_id = answer.json()["execution_id"]
            entries = (await ok(admin, "GET", "/api/v1/audit?limit=1000"))["entries"]
            runs = (await ok(admin, "GET", "/api/v1/executions?kind=manual"))["executions"]
        actors = {one["action"]: one["actor"] for one in entries if one["actor"] != "manifest"}
        assert set(actors.values()) | {one["requested_by"] for one in runs} == {"Ada"}
        assert actors.keys() >= {
            "created", "updated", "paused", "resumed", "bulk-paused", "bulk-resumed", "bulk-triggered", "deleted",
            "approved", "token-created", "token-revoked", "acknowledged", "unacknowledged",
        }  # fmt: skip
        assert len(runs) == 3

    async def test_what_manifests_changed(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await create(api, job_id="taken")
        text = "target_url: https://example.com\ninterval: {hours: 1}\n"
        parts.manifest("a.yaml", f"job_id: a\nprotect: true\n{text}---\njob_id: taken\nadopt: true\n{text}")
        first = (await ok(api, "POST", "/api/v1/sync"))["last_applied_revision"]
        parts.manifest("a.yaml", f"job_id: a\nprotect: true\nmethod: POST\n{text}---\njob_id: taken\n{text}")
        second = (await ok(api, "POST", "/api/v1/sync"))["last_applied_revision"]
        parts.manifest("a.yaml", f"job_id: taken\n{text}")
        blocked = (await ok(api, "POST", "/api/v1/sync"))["blocked_deletion"]
        third = await ok(api, "POST", "/api/v1/sync", json={"approve": blocked["digest"], "by": "Ada"})
        entries = (await ok(api, "GET", "/api/v1/audit"))["entries"]
        told = {(one["actor"], one["action"], one["job_id"]): one["detail"] for one in entries}
        assert told.keys() == {
            ("api", "created", "taken"), ("manifest", "created", "a"), ("manifest", "adopted", "taken"),
            ("manifest", "updated", "a"), ("manifest", "deleted", "a"), ("Ada", "approved", None),
        }  # fmt: skip
        assert told["manifest", "created", "a"]["source"] == {"file": "a.yaml", "line": 1, "revision": first}
        assert told["manifest", "updated", "a"]["source"]["revision"] == second
        assert told["manifest", "updated", "a"]["fields"] == [{"field": "method", "before": "GET", "after": "POST"}]
        assert told["manifest", "deleted", "a"]["removed_in"] == third["last_applied_revision"]
        approved = (await ok(api, "GET", "/api/v1/audit?action=approved"))["entries"]
        assert [one["actor"] for one in approved] == ["Ada"]
        of_one = (await ok(api, "GET", "/api/v1/audit?action=created&job_id=a"))["entries"]
        assert [(one["actor"], one["job_id"]) for one in of_one] == [("manifest", "a")]
        assert (await api.get("/api/v1/audit?action=eaten")).status_code == 422
        assert told["Ada", "approved", None] == {
            "digest": blocked["digest"], "job_ids": ["a"], "job_count": 1, "revision": third["last_applied_revision"],
        }  # fmt: skip

    async def test_a_pause_that_ends_by_itself(self, parts: Parts, api: httpx.AsyncClient) -> None:
        await create(api)
        await parts.catalog.pause("a", by="Ada", until=parts.clock() + timedelta(seconds=0.1))
        await asyncio.sleep(0.15)
        await parts.catalog.end_pauses()
        entry = (await ok(api, "GET", "/api/v1/audit"))["entries"][0]
        assert (entry["actor"], entry["action"], entry["detail"]["by"]) == ("clock", "pause-ended", "Ada")
        assert (await ok(api, "GET", f"{JOBS}/a"))["pause"] is None

    async def test_what_is_refused_leaves_no_entry(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("a.yaml", "job_id: a\ntarget_url: https://example.com\ninterval: {hours: 1}\npaused: true\n")
        await ok(api, "POST", "/api/v1/sync")
        for response in (
            await api.post("/api/v1/sync", json={"approve": "0123456789abcdef", "by": "Ada"}),
            await api.post(JOBS, json=body(job_id="a")),
            await api.delete(f"{JOBS}/a"),
            await api.post(f"{JOBS}/a/resume"),
            await api.put(f"{JOBS}/nobody", json=body(job_id="nobody")),
        ):
            assert response.status_code in {404, 409}
        assert (await ok(api, "GET", "/api/v1/audit"))["count"] == 1

    async def test_pages(self, api: httpx.AsyncClient) -> None:
        for number in range(5):
            by = {"X-Forwarded-User": "Ada" if number % 2 else "Bob"}
            await ok(api, "POST", JOBS, json=body(job_id=f"j{number}"), headers=by)
        first = await api.get("/api/v1/audit?limit=2")
        one = first.json()
        assert ([entry["job_id"] for entry in one["entries"]], one["count"]) == (["j4", "j3"], 2)
        assert first.headers["link"] == f'</api/v1/audit?limit=2&cursor={one["next_cursor"]}>; rel="next"'
        two = await ok(api, "GET", f"/api/v1/audit?limit=2&cursor={one['next_cursor']}")
        last = await api.get(f"/api/v1/audit?limit=2&cursor={two['next_cursor']}")
        assert [entry["job_id"] for entry in last.json()["entries"]] == ["j0"]
        assert (last.json()["next_cursor"], last.headers.get("link")) == (None, None)
        of_ada = await ok(api, "GET", "/api/v1/audit?actor=Ada&action=created")
        assert [entry["job_id"] for entry in of_ada["entries"]] == ["j3", "j1"]
        assert (await ok(api, "GET", "/api/v1/audit?actor=%00"))["entries"] == []
        assert (await api.get("/api/v1/audit?cursor=x")).status_code == 422
