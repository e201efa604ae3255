"""`Idempotency-Key`: whose keys are the same, and which requests are."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.access import bearer
from tests.support.api import JOBS, assert_problem, body, ok
from tests.support.parts import Parts, client, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path, drain_sec=0) as running:
        yield running


class TestCallers:
    async def test_a_key_of_another_caller_is_another_key(self, parts: Parts) -> None:
        billing = await bearer(parts, "editor", {"ids": ["billing-*"]})
        payments = await bearer(parts, "editor", {"ids": ["payments-*"]})
        key = {"Idempotency-Key": "k"}
        async with client(parts) as api:
            await ok(api, "POST", JOBS, json=body(job_id="billing-a"), headers=billing | key)
            await ok(api, "POST", JOBS, json=body(job_id="payments-a"), headers=payments | key)
            repeated = await api.post(JOBS, json=body(job_id="billing-a"), headers=billing | key)
            assert repeated.headers["idempotency-replayed"] == "true"
            asked = body(job_id="billing-a")
            assert_problem(await api.post(JOBS, json=asked, headers=payments | key), 422)  # it has used the key itself
            assert_problem(await api.post(JOBS, json=asked, headers=payments | {"Idempotency-Key": "other"}), 403)

    async def test_a_bulk_operation_is_not_that_of_another_caller(self, parts: Parts) -> None:
        for team in ("billing", "payments"):
            await parts.create(f"{team}-a", labels={"env": "prod"})
        asked, key = {"labels": {"env": "prod"}}, {"Idempotency-Key": "freeze-1"}
        for team in ("billing", "payments"):
            caller = await bearer(parts, "operator", {"ids": [f"{team}-*"]})
            async with client(parts) as scoped:
                answer = await ok(scoped, "POST", f"{JOBS}/bulk/pause", json=asked, headers=caller | key)
            assert [row["job_id"] for row in answer["jobs"] if row["result"] == "done"] == [f"{team}-a"]


async def test_half_a_surrogate_pair_selects_nothing(api: httpx.AsyncClient) -> None:
    content = b'{"ids": ["*", "\\ud800"]}'
    answer = await api.post(f"{JOBS}/bulk/trigger", content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422)
