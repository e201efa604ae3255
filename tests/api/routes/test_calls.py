"""What jobs of the API may send, and what of it callers see."""

from typing import Any

import pytest

from myscheduler.core.policy.grants import Grant, Grants
from tests.support.api import JOBS, assert_problem, body, create, ok
from tests.support.parts import Parts, client

pytestmark = pytest.mark.anyio

OAUTH2 = {"token_url": "https://login.example.com/token", "client_id": "c", "client_secret": "${secret:client}"}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"multipart": [{"name": "a", "file": "b"}]}, "multipart.0.file", id="files of the source"),
        pytest.param({"auth": {"kubernetes": {"audience": "a"}}}, "auth.kubernetes", id="token of the cluster"),
        pytest.param({"auth": {"gcp_id_token": {"audience": "a"}}}, "auth.gcp_id_token", id="identity of the machine"),
        pytest.param({"auth": {"gcp_access_token": {}}}, "auth.gcp_access_token", id="access of the machine"),
    ],
)
async def test_what_belongs_to_the_service_is_for_manifests(parts: Parts, fields: dict[str, Any], field: str) -> None:
    async with client(parts) as api:
        problem = assert_problem(await api.post(JOBS, json=body(**fields)), 422)
    (error,) = problem["errors"]
    assert (error["field"], error["rule"]) == (field, "manifests-only")


@pytest.mark.parametrize(
    ("hosts", "is_allowed"),
    [
        (("api.example.com",), False),
        (("login.example.com",), False),
        (("api.example.com", "login.example.com"), True),
    ],
)
async def test_a_secret_is_granted_for_its_token_url_too(
    parts: Parts, hosts: tuple[str, ...], is_allowed: bool
) -> None:
    parts.grants = Grants((Grant("client", hosts),))
    fields = body(target_url="https://api.example.com/run", auth={"oauth2": OAUTH2})
    async with client(parts) as api:
        answer = await api.post(JOBS, json=fields)
    if is_allowed:
        assert answer.status_code == 200, answer.text
    else:
        (error,) = assert_problem(answer, 422)["errors"]
        assert (error["field"], error["rule"]) == ("auth.oauth2.client_secret", "secret-not-allowed")


async def test_a_job_shows_what_it_sends(parts: Parts) -> None:
    given = {"query": {"a": ["1", "日"]}, "form": {"b": "2"}}
    async with client(parts) as api:
        job_id = (await create(api, **given))["job_id"]
        shown = await ok(api, "GET", f"{JOBS}/{job_id}")
    assert {name: shown[name] for name in given} == given
    assert [shown[name] for name in ("text", "base64", "multipart", "auth", "sign")] == [None] * 5
