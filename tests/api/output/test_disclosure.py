"""Literal credentials of jobs in all answers of the API: callers who are not editors of a job find them in none."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.core.findings.masking import MASK
from myscheduler.core.history.execution import Record, Status
from myscheduler.core.incidents.incident import Incident
from myscheduler.core.secrets.encodings import cores_of, forms_of
from myscheduler.service.incidents.follower import Follower
from tests.support.access import bearer
from tests.support.api import JOBS, ok
from tests.support.channels import People
from tests.support.parts import ZONE, Parts, client, is_over, opened
from tests.support.target import Answer, Echo, Raw, Target

pytestmark = pytest.mark.anyio

EXECUTIONS = "/api/v1/executions"
CREDENTIALS = {
    "userinfo": "Us3r-inf0 pw",
    "query": "Qu3ry+k/ey",
    "bearer": "Be4rer.t0ken",
    "header": "X-h3ader'k",
    "cookie": "C00kie-v4lue",
    "body": 'B0dy "pässw0rd"',
    "text": "T3xt-p4ssword",
}
"""Each is found in no other text."""
FORMS = {name: forms_of(value) | cores_of(value) for name, value in CREDENTIALS.items()}

PATHS: dict[str, str] = {
    "/api/v1/jobs": "?limit=1000&sort=last_run",
    "/api/v1/jobs/{job_id}": "",
    "/api/v1/jobs/{job_id}/executions": "",
    "/api/v1/jobs/{job_id}/stats": "",
    "/api/v1/jobs/{job_id}/ahead": "",
    "/api/v1/jobs/{job_id}/effects": "?action=pause",
    "/api/v1/jobs/{job_id}/graph": "",
    "/api/v1/jobs/{job_id}/why": "?at={at}",
    "/api/v1/jobs/executions/recent": "",
    "/api/v1/executions": "",
    "/api/v1/executions/{execution_id}": "",
    "/api/v1/chains": "?job={job_id}",
    "/api/v1/chains/{chain_id}": "",
    "/api/v1/incidents": "",
    "/api/v1/incidents/{incident_id}": "",
    "/api/v1/sync": "",
    "/api/v1/sync/files": "",
    "/api/v1/sync/lines": "?path=of-manifest.yaml&line=1",
    "/api/v1/targets": "",
    "/api/v1/audit": "?limit=1000",
    "/api/v1/specs": "",
    "/api/v1/preview": "",
    "/api/v1/now": "",
    "/api/v1/changes": "?since=0-0",
    "/api/v1/upcoming": "",
    "/api/v1/strips": "?job_id={job_id}",
    "/api/v1/forecast": "",
    "/api/v1/tokens": "",
    "/api/v1/session": "",
    "/health": "",
    "/health/live": "",
    "/health/ready": "",
}
"""All paths of the OpenAPI document that may be read, each with the query to read them with."""
FORBIDDEN = {"/api/v1/specs", "/api/v1/sync/lines", "/api/v1/tokens"}
"""Those that are for editors and admins."""


def sent(target: Target) -> dict[str, Any]:
    """The fields of a job that sends each credential."""
    where = target.url("/echo").removeprefix("http://")
    userinfo, query = quote(CREDENTIALS["userinfo"], safe=""), quote(CREDENTIALS["query"], safe="")
    return {
        "target_url": f"http://ada:{userinfo}@{where}?api_key={query}&page=2",
        "method": "POST",
        "headers": {
            "Authorization": f"Bearer {CREDENTIALS['bearer']}",
            "X-Api-Key": CREDENTIALS["header"],
            "Cookie": f"theme=dark; session={CREDENTIALS['cookie']}",
            "Accept": "application/json",
        },
        "body": {"password": CREDENTIALS["body"], "note": f"login password={CREDENTIALS['text']}"},
        "labels": {"team": "billing"},
        "interval": {"hours": 1},
    }


def echo() -> bytes:
    """An answer of a target that repeats all that it received, in several encodings."""
    basic = base64.b64encode(f"ada:{CREDENTIALS['userinfo']}".encode()).decode()
    parts = [
        *CREDENTIALS.values(),
        *(quote(one, safe="") for one in CREDENTIALS.values()),
        *(base64.b64encode(one.encode()).decode() for one in CREDENTIALS.values()),
        json.dumps(CREDENTIALS),
        json.dumps({"headers": {"Authorization": f"Basic {basic}"}}),
    ]
    return " | ".join(["hello", *parts]).encode()


def traces(text: str) -> list[str]:
    """The credentials that are in the text in any form."""
    texts = {text, text.encode().decode("unicode_escape", "replace")}
    return [name for name, some in FORMS.items() if any(form in one for form in some for one in texts)]


@dataclass
class Echoing:
    """Jobs that sent their credentials to a target that repeats them."""

    parts: Parts
    api: httpx.AsyncClient
    target: Target
    rows: list[Record]
    """An execution of each job, those of jobs that were edited or deleted since included."""
    incidents: list[Incident]
    """Those of the jobs that failed."""

    async def read(self, path: str, headers: dict[str, str]) -> list[httpx.Response]:
        """The answers for each job and execution that the path may name."""
        query = PATHS[path]
        found = {
            (path + query).format(
                job_id=quote(row.job_id),
                execution_id=row.execution_id,
                chain_id=row.execution_id,
                at=quote(row.slot.isoformat()),
                incident_id=incident.incident_id,
            )
            for row in self.rows
            for incident in self.incidents
        }
        return [await self.api.get(one, headers=headers) for one in sorted(found)]


@pytest.fixture
async def echoing(tmp_path: Path) -> AsyncIterator[Echoing]:
    with Target() as target:
        target.answers("/echo", Answer(200, echo()))
        target.answers("/refusal", Echo(500))
        target.answers("/garbage", Raw(CREDENTIALS["header"].encode() + echo()))
        async with opened(tmp_path, drain_sec=0) as parts, client(parts) as api:
            parts.dispatcher.start()
            admin = await bearer(parts, "admin")
            fields = sent(target)
            parts.manifest("of-manifest.yaml", json.dumps({"job_id": "of-manifest"} | fields))
            shared = {"base_url": fields["target_url"].split("?")[0], "headers": fields["headers"]}
            parts.manifest("targets.yaml", json.dumps({"echoing": shared}))
            await parts.sync()
            assert list(parts.reconciler.targets.rules.known) == ["echoing"]
            urls = {
                "of-api": "/echo",
                "failing": "/refusal",
                "garbage": "/garbage",
                "edited": "/garbage",
                "deleted": "/echo",
            }
            for job_id, path in urls.items():
                url = fields["target_url"].replace("/echo", path)
                await ok(api, "POST", JOBS, json={"job_id": job_id} | fields | {"target_url": url}, headers=admin)
            rows = []
            for job_id in ["of-manifest", *urls]:
                await ok(api, "POST", f"{JOBS}/{job_id}/trigger", headers=admin)
                rows.append(await parts.row_where(job_id, is_over))
            changes = parts.dispatcher.changes
            await Follower(
                parts.store, changes, People([]), parts.dispatcher.chains, zone=ZONE, now=parts.clock, tell=lambda: None
            ).look()
            incidents = (await parts.store.read(partial(incident_rows.page, limit=100))).incidents
            assert {one.job_id for one in incidents} == {"failing", "garbage", "edited"}
            edited = {"target_url": target.url("/x"), "interval": {"hours": 2}, "labels": {"team": "billing"}}
            await ok(api, "PUT", f"{JOBS}/edited", json=edited, headers=admin)
            await ok(api, "DELETE", f"{JOBS}/deleted", headers=admin)
            yield Echoing(parts, api, target, rows, incidents)


CALLERS = {
    "viewer": ("viewer", None),
    "operator": ("operator", None),
    "editor of others": ("editor", {"labels": {"team": "ops"}}),
    "editor of other ids": ("editor", {"ids": ["x-*"]}),
}


async def test_all_paths_are_tried(echoing: Echoing) -> None:
    document = (await echoing.api.get("/openapi.json")).json()
    readable = {path for path, operations in document["paths"].items() if "get" in operations}
    assert readable == PATHS.keys(), "add the new path to PATHS, so that its answers are searched for credentials"


@pytest.mark.parametrize("caller", CALLERS)
async def test_no_answer_has_a_credential(echoing: Echoing, caller: str) -> None:
    role, scope = CALLERS[caller]
    headers = await bearer(echoing.parts, role, scope)
    found: dict[str, list[str]] = {}
    for path in PATHS:
        for answer in await echoing.read(path, headers):
            expected = {403} if path in FORBIDDEN else {200, 404}
            assert answer.status_code in expected, (path, answer.text)
            if trace := traces(f"{answer.text}\n{answer.headers}"):
                found[str(answer.url)] = trace
    assert found == {}


async def test_editors_of_the_jobs_see_them(echoing: Echoing) -> None:
    """Also proof that the search finds them."""
    for scope in (None, {"labels": {"team": "billing"}}):
        headers = await bearer(echoing.parts, "editor", scope)
        for row in echoing.rows[:2]:
            for path in (f"{JOBS}/{row.job_id}", f"{EXECUTIONS}/{row.execution_id}", f"{JOBS}/{row.job_id}/executions"):
                assert set(traces((await echoing.api.get(path, headers=headers)).text)) == CREDENTIALS.keys()
    headers = await bearer(echoing.parts, "editor")
    for path in (EXECUTIONS, f"{JOBS}/executions/recent", "/api/v1/now", JOBS):
        assert traces((await echoing.api.get(path, headers=headers)).text)


async def test_who_takes_the_id_of_a_deleted_job_does_not_see_what_it_received(echoing: Echoing) -> None:
    """A scope of labels allows any free id, so also one that a job of another team had."""
    headers = await bearer(echoing.parts, "editor", {"labels": {"team": "ops"}})
    row = next(row for row in echoing.rows if row.job_id == "deleted")
    taken = {"job_id": "deleted", "target_url": echoing.target.url("/x"), "interval": {"hours": 2}}
    await ok(echoing.api, "POST", JOBS, json=taken | {"labels": {"team": "ops"}}, headers=headers)
    for path in (
        f"{JOBS}/deleted",
        f"{JOBS}/deleted/executions",
        f"{JOBS}/deleted/why?at={quote(row.slot.isoformat())}",
        f"{JOBS}/executions/recent",
        EXECUTIONS,
        f"{EXECUTIONS}/{row.execution_id}",
    ):
        answer = await echoing.api.get(path, headers=headers)
        assert answer.status_code == 200
        assert (path, traces(answer.text)) == (path, [])
    answer = await echoing.api.post(f"{EXECUTIONS}/{row.execution_id}/cancel", headers=headers)
    assert answer.status_code == 403, "it may not act on those either"


async def test_what_is_no_credential_is_shown(echoing: Echoing) -> None:
    viewer = await bearer(echoing.parts, "viewer")
    responses = {
        row.job_id: (await ok(echoing.api, "GET", f"{EXECUTIONS}/{row.execution_id}", headers=viewer))["response"]
        for row in echoing.rows
    }
    assert responses["of-api"].startswith(f"hello | {MASK}")
    assert responses["deleted"] == MASK
    row = next(row for row in echoing.rows if row.job_id == "failing")
    view = await ok(echoing.api, "GET", f"{EXECUTIONS}/{row.execution_id}", headers=viewer)
    assert (view["error_message"], view["attempts_detail"][0]["error"]) == ("answered 500", "answered 500")
    row = next(row for row in echoing.rows if row.job_id == "edited")
    assert row.status is Status.FAILED
    view = await ok(echoing.api, "GET", f"{EXECUTIONS}/{row.execution_id}", headers=viewer)
    assert view["error_message"].endswith(f"did not answer in HTTP: it began with {MASK}")


class TestGuesses:
    """Nothing that a viewer may ask tells whether a guess of a credential is right."""

    async def test_digests(self, echoing: Echoing) -> None:
        viewer, editor = await bearer(echoing.parts, "viewer"), await bearer(echoing.parts, "editor")
        job = (await echoing.parts.jobs())["of-api"]
        execution = f"{EXECUTIONS}/{echoing.rows[1].execution_id}"
        assert (await ok(echoing.api, "GET", f"{JOBS}/of-api", headers=editor))["digest"] == job.digest
        shown = (await ok(echoing.api, "GET", f"{JOBS}/of-api", headers=viewer))["digest"]
        assert shown != job.digest
        assert shown == (await ok(echoing.api, "GET", execution, headers=viewer))["digest"]

    async def test_the_tag_of_a_job_is_one_of_what_is_shown(self, echoing: Echoing) -> None:
        """Two jobs that differ in a credential alone are shown, and tagged, in the same way."""
        viewer, admin = await bearer(echoing.parts, "viewer"), await bearer(echoing.parts, "admin")
        fields = sent(echoing.target) | {"paused": True}
        tags, digests = [], []
        for guess in ("1111", "2222"):
            body = {"job_id": "guessed"} | fields | {"headers": {"X-Api-Key": guess}}
            await ok(echoing.api, "POST", JOBS, json=body, headers=admin)
            answer = await echoing.api.get(f"{JOBS}/guessed", headers=viewer)
            view = answer.json()
            digests.append(view.pop("digest"))
            tags.append({**view, "created_at": "", "updated_at": "", "next_run_time": "", "trigger_info": ""})
            await ok(echoing.api, "DELETE", f"{JOBS}/guessed", headers=admin)
        assert tags[0] == tags[1]
        assert digests[0] != digests[1]

    @pytest.mark.parametrize("caller", CALLERS)
    async def test_a_plan(self, echoing: Echoing, caller: str) -> None:
        role, scope = CALLERS[caller]
        headers = await bearer(echoing.parts, role, scope)
        right = {"job_id": "of-manifest"} | sent(echoing.target)
        wrong = right | {"headers": right["headers"] | {"X-Api-Key": "guess"}}
        plans = []
        for declared in (right, wrong):
            files = {"of-manifest.yaml": json.dumps(declared)}
            for given in ({"files": files}, {"manifest": files["of-manifest.yaml"]}):
                answer = await echoing.api.post("/api/v1/plan", json=given, headers=headers)
                assert answer.status_code == 200, answer.text
                assert traces(answer.text) == []
                plans.append([answer.json()[name] for name in ("changes", "unchanged", "blocked_deletion")])
                answer = await echoing.api.post("/api/v1/validate", json=given, headers=headers)
                assert answer.status_code == 200, answer.text
                assert traces(answer.text) == []
        assert plans[:2] == plans[2:]
        assert plans[0][1] == 1

    async def test_a_plan_of_an_editor_has_the_change(self, echoing: Echoing) -> None:
        headers = await bearer(echoing.parts, "editor", {"labels": {"team": "billing"}})
        declared = {"job_id": "of-manifest"} | sent(echoing.target) | {"headers": {"X-Api-Key": "new"}}
        given = {"files": {"of-manifest.yaml": json.dumps(declared)}}
        plan = await ok(echoing.api, "POST", "/api/v1/plan", json=given, headers=headers)
        assert "headers.X-Api-Key" in [one["field"] for one in plan["changes"][0]["fields"]]

    async def test_a_search_for_text(self, echoing: Echoing) -> None:
        viewer = await bearer(echoing.parts, "viewer")
        for credential in CREDENTIALS.values():
            for text in (credential, quote(credential, safe="")):
                found = await ok(echoing.api, "GET", JOBS, params={"q": text}, headers=viewer)
                assert found["total"] == 0

    async def test_a_label(self, echoing: Echoing) -> None:
        admin, viewer = await bearer(echoing.parts, "admin"), await bearer(echoing.parts, "operator")
        secret = "ghp_abcdefghijklmnop1234"
        body = {"job_id": "labelled"} | sent(echoing.target) | {"labels": {"hook": secret}}
        await ok(echoing.api, "POST", JOBS, json=body, headers=admin)
        for path in (JOBS, EXECUTIONS):
            answer = await echoing.api.get(path, params={"label": f"hook={secret}"}, headers=viewer)
            assert answer.status_code == 422
        given = {"labels": {"hook": secret}, "dry_run": True}
        assert (await echoing.api.post(f"{JOBS}/bulk/pause", json=given, headers=viewer)).status_code == 422

    async def test_the_digest_of_a_blocked_deletion(self, echoing: Echoing) -> None:
        viewer, editor = await bearer(echoing.parts, "viewer"), await bearer(echoing.parts, "editor")
        (echoing.parts.jobs_dir / "of-manifest.yaml").unlink()
        state = await echoing.parts.sync()
        assert state.blocked is not None
        digest = state.blocked.digest
        assert digest in (await echoing.api.get("/api/v1/sync", headers=editor)).text
        for path in ("/api/v1/sync", "/api/v1/now"):
            answer = await echoing.api.get(path, headers=viewer)
            assert answer.json()
            assert digest not in answer.text
