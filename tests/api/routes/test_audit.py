"""Who changed what, through the API and by manifests, and what leaves no entry."""

import asyncio
import json
from datetime import datetime, timedelta

import httpx
import pytest

from tests.support.api import JOBS, TOKYO, body, create, ok
from tests.support.parts import Parts

pytestmark = pytest.mark.anyio


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
