"""`/api/v1/incidents`: listing, one with what changed before it and whom it was told, and taking care of it."""

import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.incidents.delivery import Delivery, DeliveryState
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.notice import NoticeKind
from myscheduler.service.incidents.follower import Follower
from tests.support.access import bearer
from tests.support.api import JOBS, TOKYO, assert_problem, create, ok
from tests.support.channels import People
from tests.support.parts import ZONE, Parts, client, is_over, opened
from tests.support.stored import NOW, incident
from tests.support.target import Answer, Target
from tests.support.work_tree import git

pytestmark = pytest.mark.anyio

INCIDENTS = "/api/v1/incidents"
HOUR = timedelta(hours=1)
STATUS = {"job_id": "a", "target": None, "host": None}


async def store(parts: Parts, job_id: str, hour: int, **fields: Any) -> Incident:
    """An incident that is `hour` hours old."""
    at = NOW + hour * HOUR
    one = incident(job_id, new_execution_id(at), at, **fields)
    await parts.store.write(partial(incident_rows.insert, new=one))
    return one


def ids(page: dict[str, Any]) -> list[str]:
    assert page["count"] == len(page["incidents"])
    return [one["job_id"] for one in page["incidents"]]


class TestList:
    async def test_the_newest_come_first_page_by_page(self, api: httpx.AsyncClient, parts: Parts) -> None:
        for hour, job_id in enumerate("abcde"):
            await store(parts, job_id, hour)
        found, query = [], {"limit": "2"}
        while True:
            page = await ok(api, "GET", INCIDENTS, params=query)
            found.append(ids(page))
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert found == [["e", "d"], ["c", "b"], ["a"]]

    async def test_filters(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await create(api, job_id="a", labels={"team": "billing"})
        await create(api, job_id="b", labels={"team": "ops"})
        await store(parts, "a", 1, ended_at=NOW + 2 * HOUR, end_reason=EndReason.RECOVERED)
        await store(parts, "a", 3)
        await store(parts, "b", 4, kind=IncidentKind.LATE)
        await store(parts, "gone", 5)

        async def listed(**query: Any) -> list[str]:
            return ids(await ok(api, "GET", INCIDENTS, params=query))

        assert await listed() == ["gone", "b", "a", "a"]
        assert await listed(open="true") == ["gone", "b", "a"]
        assert await listed(open="false") == ["a"]
        assert await listed(kind="late") == ["b"]
        assert await listed(label="team=billing") == ["a", "a"]
        assert await listed(label="team=billing", open="true") == ["a"]
        assert await listed(job_id="gone") == ["gone"]
        assert await listed(job_id=["b", "gone"]) == ["gone", "b"]
        assert await listed(job_id="nobody") == []

    async def test_those_that_somebody_takes_care_of(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await store(parts, "a", 1)
        for hour, body in enumerate(({"by": "ann"}, {"by": "ann", "until": "2099-01-01T00:00"}), start=2):
            one = await store(parts, "abc"[hour - 1], hour)
            await ok(api, "POST", f"{INCIDENTS}/{one.incident_id}/acknowledge", json=body)
        over = await store(parts, "d", 4)
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        was = partial(incident_rows.acknowledge, incident_id=over.incident_id, by="ann", at=long_ago, until=long_ago)
        await parts.store.write(was)
        assert ids(await ok(api, "GET", INCIDENTS, params={"acknowledged": "true"})) == ["c", "b"]
        assert ids(await ok(api, "GET", INCIDENTS, params={"acknowledged": "false"})) == ["d", "a"]

    @pytest.mark.parametrize(
        "query",
        [
            {"open": "perhaps"},
            {"acknowledged": "perhaps"},
            {"kind": "odd"},
            {"label": "x"},
            {"cursor": "!"},
            {"x": "y"},
        ],
    )
    async def test_what_is_refused(self, api: httpx.AsyncClient, query: dict[str, str]) -> None:
        assert_problem(await api.get(INCIDENTS, params=query), 422)

    async def test_a_job_shows_its_own(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await create(api, job_id="a")
        await store(parts, "a", 1, ended_at=NOW + 2 * HOUR, end_reason=EndReason.RECOVERED)
        await store(parts, "a", 3, error="answered 503")
        (one,) = (await ok(api, "GET", f"{JOBS}/a"))["incidents"]
        assert (one["open"], one["kind"], one["error_message_coded"]["code"]) == (True, "failing", "answered")


class TestOne:
    async def test_whom_it_was_told(self, api: httpx.AsyncClient, parts: Parts) -> None:
        one = await store(parts, "a", 1)
        told = Delivery(new_execution_id(NOW), one.incident_id, "chat", NoticeKind.BEGAN, NOW)
        await parts.store.write(partial(delivery_rows.add, new=[told]))
        settle = partial(delivery_rows.settle, delivery_ids=[told.delivery_id], state=DeliveryState.SENT, at=NOW)
        await parts.store.write(settle)
        (shown,) = (await ok(api, "GET", f"{INCIDENTS}/{one.incident_id}"))["deliveries"]
        assert shown == {
            "channel": "chat",
            "kind": "began",
            "at": "2027-03-01T21:00:00+09:00",
            "state": "sent",
            "attempts": 1,
            "next_at": None,
            "error": None,
            "error_coded": None,
            "settled_at": "2027-03-01T21:00:00+09:00",
        }

    @pytest.mark.parametrize("incident_id", ["x", "019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f", "%00"])
    async def test_one_that_is_unknown(self, api: httpx.AsyncClient, incident_id: str) -> None:
        for method, path in (("GET", ""), ("POST", "/acknowledge"), ("POST", "/unacknowledge")):
            assert_problem(await api.request(method, f"{INCIDENTS}/{incident_id}{path}"), 404)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
async def test_what_changed_before_it_is_named(tmp_path: Path, target: Target) -> None:
    """From the commit to the incident: the job completes, its manifest changes, and it fails."""
    target.answers("/v2", Answer(500))
    git(tmp_path, "init", "--quiet")
    async with opened(tmp_path, drain_sec=0) as parts, client(parts) as api:
        parts.dispatcher.start()
        headers = await bearer(parts, "admin")
        follower = Follower(
            parts.store,
            parts.dispatcher.changes,
            People([]),
            parts.dispatcher.chains,
            zone=ZONE,
            now=parts.clock,
            tell=lambda: None,
        )

        async def release(path: str) -> str:
            """Commit the manifest with another target, apply it, and run the job."""
            parts.manifest("team/a.yaml", f"job_id: a\ntarget_url: {target.url(path)}\ninterval: {{hours: 1}}\n")
            git(tmp_path, "add", "jobs.d")
            git(tmp_path, "commit", "--quiet", "--message", f"Call {path}")
            await parts.sync()
            count = len(await parts.rows("a"))
            await parts.dispatcher.trigger("a", by="me")
            await parts.rows_where("a", lambda rows: len(rows) > count and is_over(rows[-1]))
            await follower.look()
            return git(tmp_path, "rev-parse", "HEAD")

        good, bad = await release("/v1"), await release("/v2")
        (one,) = (await ok(api, "GET", INCIDENTS, headers=headers))["incidents"]
        assert (one["good_revision"], one["revision"]) == (f"git:{good}", f"git:{bad}")
        change = (await ok(api, "GET", f"{INCIDENTS}/{one['incident_id']}", headers=headers))["change"]
        assert datetime.fromisoformat(change.pop("at")).utcoffset() == TOKYO
        assert change == {
            "file": "team/a.yaml",
            "commit": bad,
            "author": "Ada",
            "subject": "Call /v2",
            "lines": [f"-target_url: {target.url('/v1')}", f"+target_url: {target.url('/v2')}"],
        }
        viewer = await bearer(parts, "viewer")
        change = (await ok(api, "GET", f"{INCIDENTS}/{one['incident_id']}", headers=viewer))["change"]
        assert (change["commit"], change["lines"]) == (bad, None)


class TestTargetsAndHosts:
    async def test_one_is_of_no_job_even_of_that_name(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await create(api, job_id="billing")
        await store(parts, "billing", 1, kind=IncidentKind.CIRCUIT)
        await store(parts, "api.example.com", 2, kind=IncidentKind.CERTIFICATE, failures=0)
        host, target = (await ok(api, "GET", INCIDENTS))["incidents"]
        assert (target["job_id"], target["target"], target["host"], target["expires_at"]) == (
            None, "billing", None, None,
        )  # fmt: skip
        assert (host["job_id"], host["target"], host["host"]) == (None, None, "api.example.com")
        assert datetime.fromisoformat(host["expires_at"]) == NOW + 2 * HOUR + timedelta(days=14)
        assert ids(await ok(api, "GET", INCIDENTS, params={"job_id": "billing"})) == []
        assert (await ok(api, "GET", f"{JOBS}/billing"))["incidents"] == []
        page = await ok(api, "GET", INCIDENTS, params={"kind": "circuit"})
        assert [one["target"] for one in page["incidents"]] == ["billing"]
        shown = await ok(api, "GET", f"{INCIDENTS}/{target['incident_id']}")
        assert (shown["target"], shown["change"], shown["deliveries"]) == ("billing", None, [])

    async def test_who_may_acknowledge_one(self, api: httpx.AsyncClient, parts: Parts) -> None:
        one = await store(parts, "billing", 1, kind=IncidentKind.CIRCUIT)
        path = f"{INCIDENTS}/{one.incident_id}"
        for role, scope, status in (
            ("viewer", None, 403),
            ("operator", {"ids": ["billing"]}, 403),
            ("operator", None, 200),
        ):
            headers = await bearer(parts, role, scope)
            assert (await api.get(path, headers=headers)).status_code == 200
            answer = await api.post(f"{path}/acknowledge", headers=headers)
            assert (answer.status_code, role) == (status, role), answer.text
        headers = await bearer(parts, "operator")
        answer = await ok(api, "POST", f"{path}/unacknowledge", headers=headers)
        assert (answer["job_id"], answer["target"], answer["status"]) == (None, "billing", "open")
        newest = (await ok(api, "GET", "/api/v1/audit", headers=headers))["entries"][0]
        assert (newest["job_id"], newest["detail"]["target"]) == (None, "billing")

    async def test_deleting_a_job_leaves_it_open(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await create(api, job_id="billing")
        await store(parts, "billing", 1, kind=IncidentKind.CIRCUIT)
        await ok(api, "DELETE", f"{JOBS}/billing")
        people = People()
        follower = Follower(
            parts.store,
            parts.dispatcher.changes,
            people,
            parts.dispatcher.chains,
            zone=ZONE,
            now=parts.clock,
            tell=lambda: None,
        )
        await follower.look()
        assert [one["open"] for one in (await ok(api, "GET", INCIDENTS))["incidents"]] == [True]


class TestAcknowledging:
    async def test_who_takes_care_until_when(self, api: httpx.AsyncClient, parts: Parts) -> None:
        one = await store(parts, "a", 1)
        path = f"{INCIDENTS}/{one.incident_id}"
        body = {"by": "Ada", "until": "2099-03-02T09:00:00+09:00"}
        answer = await ok(api, "POST", f"{path}/acknowledge", json=body)
        assert answer == STATUS | {"incident_id": one.incident_id, "status": "acknowledged"}
        shown = (await ok(api, "GET", path))["acknowledged"]
        assert (shown["by"], shown["until"]) == ("Ada", "2099-03-02T09:00:00+09:00")
        answer = await ok(api, "POST", f"{path}/unacknowledge", json={"by": "Bob"})
        assert answer["status"] == "open"
        assert (await ok(api, "GET", path))["acknowledged"] is None
        entries = (await ok(api, "GET", "/api/v1/audit?job_id=a"))["entries"]
        assert [(entry["actor"], entry["action"]) for entry in entries] == [
            ("Bob", "unacknowledged"),
            ("Ada", "acknowledged"),
        ]
        assert entries[1]["detail"]["incident_id"] == one.incident_id

    async def test_one_that_is_over(self, api: httpx.AsyncClient, parts: Parts) -> None:
        one = await store(parts, "a", 1, ended_at=NOW + 2 * HOUR, end_reason=EndReason.RECOVERED)
        for act in ("acknowledge", "unacknowledge"):
            problem = assert_problem(await api.post(f"{INCIDENTS}/{one.incident_id}/{act}"), 409)
            assert "is over" in problem["detail"]

    @pytest.mark.parametrize("body", [{"until": "soon"}, {"until": "2020-01-01T00:00:00Z"}, {"reason": "x"}])
    async def test_what_is_refused(self, api: httpx.AsyncClient, parts: Parts, body: dict[str, str]) -> None:
        one = await store(parts, "a", 1)
        assert_problem(await api.post(f"{INCIDENTS}/{one.incident_id}/acknowledge", json=body), 422)

    async def test_a_repeated_request_changes_nothing(self, api: httpx.AsyncClient, parts: Parts) -> None:
        one = await store(parts, "a", 1)
        path, key = f"{INCIDENTS}/{one.incident_id}", {"Idempotency-Key": "k"}
        first = await ok(api, "POST", f"{path}/acknowledge", json={"by": "Ada"}, headers=key)
        await ok(api, "POST", f"{path}/unacknowledge")
        assert await ok(api, "POST", f"{path}/acknowledge", json={"by": "Ada"}, headers=key) == first
        assert (await ok(api, "GET", path))["acknowledged"] is None
