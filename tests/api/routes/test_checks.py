"""Manifests that are sent along are checked and planned as the commands do it, and nothing is changed."""

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from click.testing import CliRunner

from myscheduler.cli import main
from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES, new_token
from tests.support.api import JSON, assert_problem, create, ok
from tests.support.parts import Parts, manifest

pytestmark = pytest.mark.anyio

VALIDATE, PLAN = "/api/v1/validate", "/api/v1/plan"
POLICY = "require_labels: [team]\n"
CALENDARS = "closed-days:\n  country: JP\n"


async def validate(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = await ok(api, "POST", VALIDATE, json=body)
    return found


async def plan(api: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = await ok(api, "POST", PLAN, json=body)
    return found


def places(found: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(one["path"], one["line"], one["rule"]) for one in found["problems"]]


class TestValidate:
    async def test_a_manifest(self, api: httpx.AsyncClient) -> None:
        assert await validate(api, manifest=manifest("a")) == {"valid": True, "jobs": 1, "problems": []}
        found = await validate(api, manifest=manifest("a", "methd: GET\n"))
        assert (found["valid"], places(found)) == (False, [("manifest.yaml", 4, "unknown-key")])
        assert found["problems"][0].keys() == {
            "path",
            "line",
            "column",
            "field",
            "rule",
            "severity",
            "message",
            "message_coded",
        }

    @pytest.mark.parametrize(
        "files",
        [
            pytest.param({"a.yaml": manifest("a"), "b.yaml": manifest("a")}, id="an id twice"),
            pytest.param({"a.yaml": manifest("a"), "deep/er/b.yml": "job_id: [\n"}, id="no YAML"),
            pytest.param({"a.yaml": manifest("a"), "policy.yaml": POLICY}, id="a policy"),
            pytest.param({"a.yaml": manifest("a"), "policy.yaml": "nonsense: 1\n"}, id="a wrong policy"),
            pytest.param(
                {"a.yaml": manifest("a", "calendar: {name: no}\n"), "calendars.yaml": CALENDARS}, id="calendars"
            ),
            pytest.param({"a.yaml": manifest("a"), "b.YAML": "x", "notes.txt": "x", ".b.yaml": "x"}, id="strays"),
            pytest.param({"a.yaml": manifest("a"), "b/c.yaml": "x: 1\n", ".myschedulerignore": "b/\n"}, id="ignored"),
            pytest.param({"a.yaml": manifest("a"), ".myschedulerignore": "[z-a\n"}, id="a wrong pattern"),
            pytest.param(
                {"a.yaml": manifest("a", 'headers: {Authorization: "Bearer abcdefgh12345678"}\n')}, id="a token"
            ),
            pytest.param({"a.yaml": "", "deep/policy.yaml": "x: 1\n"}, id="nothing"),
        ],
    )  # fmt: skip
    async def test_it_says_what_the_command_says(
        self, api: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str]
    ) -> None:
        found = await validate(api, files=files)
        root = tmp_path / "source"
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        monkeypatch.chdir(root)
        result = CliRunner().invoke(main, ["validate", "--format", "json", "."])
        assert found == orjson.loads(result.stdout)

    @pytest.mark.parametrize("path", ["/validate", "/plan"])
    async def test_access_rules_are_checked(self, api: httpx.AsyncClient, path: str) -> None:
        files = {"a.yaml": manifest("a")}
        for role, status in (("root", 1), ("viewer", 0)):
            text = f"tokens: [{{name: ci, id: abcdefghij234567, hash: '{'0' * 64}', role: {role}}}]\n"
            given = {"files": files | {"access.yaml": text}}
            found = await ok(api, "POST", f"/api/v1{path}", json=given)
            assert [one["path"] for one in found["problems"] if one["severity"] == "error"] == ["access.yaml"] * status

    async def test_a_token_in_them_is_not_repeated(self, api: httpx.AsyncClient) -> None:
        token = new_token(bytes(range(ID_BYTES + SECRET_BYTES))).text
        given = {"files": {"access.yaml": f"tokens: []  # {token}\n"}}
        answer = await api.post("/api/v1/validate", json=given)
        assert not answer.json()["valid"]
        assert token not in answer.text

    async def test_the_policy_of_the_service_applies(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("policy.yaml", POLICY)
        await parts.sync()
        assert places(await validate(api, manifest=manifest("a"))) == [("manifest.yaml", 1, "policy-label")]
        found = await validate(api, files={"a.yaml": manifest("a"), "policy.yaml": "{}\n"})
        assert found["valid"]

    async def test_nothing_is_stored(self, api: httpx.AsyncClient, parts: Parts) -> None:
        await validate(api, manifest=manifest("a"))
        await plan(api, manifest=manifest("a"))
        assert await parts.jobs() == {}

    async def test_openapi_documents_of_targets_are_no_manifests(self, api: httpx.AsyncClient) -> None:
        """The API doesn't compare jobs with them, as it doesn't have the files of the source."""
        job = "job_id: a\ninterval: PT1H\ntarget: billing\npath: /no/where\n"
        files = {
            "a.yaml": job,
            "targets.yaml": "billing: {base_url: 'https://billing.example.com', openapi: specs/billing.yaml}\n",
            "specs/billing.yaml": "openapi: 3.0.3\npaths: {'/jobs/{job_id}': {get: {}}}\n",
        }
        assert await validate(api, files=files) == {"valid": True, "jobs": 1, "problems": []}
        assert [one["action"] for one in (await plan(api, files=files))["changes"]] == ["create"]


class TestPlan:
    async def test_a_part_of_the_source_leaves_other_jobs_alone(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("jobs.yaml", f"{manifest('a')}---\n{manifest('b')}")
        await parts.sync()
        found = await plan(api, manifest=manifest("a", schedule="interval: {minutes: 5}\n"))
        assert [(one["action"], one["job_id"]) for one in found["changes"]] == [("update", "a")]
        assert found["starts_per_day"] == {"before": 144.0, "after": 288.0}
        (field,) = found["changes"][0]["fields"]
        assert field == {"field": "interval.minutes", "before": 10, "after": 5}

    async def test_files_are_the_whole_source(self, api: httpx.AsyncClient, parts: Parts) -> None:
        for job_id in ("a", "b", "c"):
            parts.manifest(f"{job_id}.yaml", manifest(job_id))
        await parts.sync()
        await create(api, job_id="of-the-api")
        files = {"a.yaml": manifest("a"), "b.yaml": manifest("b", "no: 1\n"), "d.yaml": manifest("d")}
        found = await plan(api, files=files)
        assert [(one["action"], one["job_id"]) for one in found["changes"]] == [
            ("held", "b"), ("delete", "c"), ("create", "d"),
        ]  # fmt: skip
        assert (found["unchanged"], places(found)) == (1, [("b.yaml", 4, "unknown-key")])

    async def test_a_job_of_the_api_is_a_conflict(self, api: httpx.AsyncClient) -> None:
        await create(api)
        (change,) = (await plan(api, manifest=manifest("a")))["changes"]
        assert change["action"] == "conflict"

    async def test_limits_on_starts_count_jobs_beside(self, api: httpx.AsyncClient, parts: Parts) -> None:
        parts.manifest("policy.yaml", "max_starts_per_minute_per_host: 1\n")
        parts.manifest("a.yaml", manifest("a", schedule="cron: '0 * * * *'\n"))
        state = await parts.sync()
        assert state.problems == ()
        found = await plan(api, manifest=manifest("b", schedule="cron: '0 * * * *'\n"))
        assert (found["changes"], [rule for _, _, rule in places(found)]) == ([], ["policy-starts"])


class TestBodies:
    @pytest.mark.parametrize("path", [VALIDATE, PLAN])
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            pytest.param({}, "", id="nothing"),
            pytest.param({"files": {"a.yaml": ""}, "manifest": ""}, "", id="both"),
            pytest.param({"manifest": "", "strict": True}, "strict", id="an unknown key"),
            pytest.param({"manifest": 1}, "manifest", id="no text"),
            pytest.param({"files": []}, "files", id="no object"),
            pytest.param({"files": {}}, "files", id="no files"),
            pytest.param({"files": {"a.yaml": None}}, "files.a.yaml", id="a file without text"),
            pytest.param({"files": {str(n): "" for n in range(1_001)}}, "files", id="too many files"),
            pytest.param({"files": {"/etc/passwd": ""}}, "files./etc/passwd", id="an absolute path"),
            pytest.param({"files": {"a/../../b.yaml": ""}}, "files.a/../../b.yaml", id="a path out of the source"),
            pytest.param({"files": {"a\n.yaml": ""}}, None, id="a line break in a path"),
            pytest.param({"files": {"a" * 501: ""}}, None, id="a long path"),
            pytest.param({"manifest": "[" + "1," * 30_001 + "]"}, "", id="too many values"),
        ],
    )
    async def test_what_is_refused(self, api: httpx.AsyncClient, path: str, body: Any, field: str | None) -> None:
        problem = assert_problem(await api.post(path, json=body), 422)
        assert field is None or problem["errors"][0]["field"] == field

    async def test_a_body_that_is_too_large(self, api: httpx.AsyncClient) -> None:
        assert_problem(await api.post(VALIDATE, json={"manifest": "#" * 1024 * 1024}), 413)

    async def test_a_lone_surrogate_is_no_utf8(self, api: httpx.AsyncClient) -> None:
        response = await api.post(VALIDATE, content=b'{"manifest": "a: \\ud800"}', headers=JSON)
        assert response.status_code == 200
        assert places(response.json()) == [("manifest.yaml", 1, "not-utf8")]

    async def test_more_references_than_a_job_may_have(self, api: httpx.AsyncClient) -> None:
        files = {
            f"{number}.yaml": manifest(f"j{number}", "headers: {X: '${secret:A}', Y: '${secret:B}'}\n")
            for number in range(600)
        }
        found = await validate(api, files=files)
        assert (found["jobs"], found["valid"]) == (600, True)
