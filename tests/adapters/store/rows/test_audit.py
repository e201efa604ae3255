"""Pages of the audit trail: together they have what a look at every entry finds."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

import pytest

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import audit as audit_rows
from myscheduler.core.lifecycle.audit import AuditAction, AuditEntry
from tests.support.stored import NOW

pytestmark = pytest.mark.anyio

FILTERS: dict[str, Mapping[str, Any]] = {
    "all": {},
    "a job": {"job_id": "a"},
    "an action": {"action": AuditAction.DELETED},
    "an actor": {"actor": "ada"},
    "all three": {"job_id": "b", "action": AuditAction.PAUSED, "actor": "ada"},
    "nobody": {"actor": "nobody"},
}


def entries(count: int) -> list[AuditEntry]:
    chance = Random(1)  # noqa: S311 - no secret
    actions = [AuditAction.CREATED, AuditAction.PAUSED, AuditAction.PAUSED, AuditAction.DELETED]
    return [
        AuditEntry(
            NOW + timedelta(seconds=number),
            chance.choice(["ada", "manifest", "clock"]),
            chance.choice(actions),
            chance.choice(["a", "b", None]),
            {"number": number},
        )
        for number in range(count)
    ]


@pytest.mark.parametrize("limit", [1, 7, 1_000])
@pytest.mark.parametrize("most", [1, 10, 120, 121, 20_000])
@pytest.mark.parametrize("name", FILTERS)
async def test_pages(store: Store, name: str, most: int, limit: int) -> None:
    written, wanted = entries(120), FILTERS[name]
    await store.write(partial(audit_rows.add, entries=written))
    found: list[AuditEntry] = []
    before = None
    while True:
        page = await store.read(partial(audit_rows.page, **wanted, before=before, limit=limit, most=most))
        assert len(page.entries) <= limit
        found += page.entries
        if page.end is None:
            break
        assert before is None or page.end < before
        before = page.end
    assert found == [
        one for one in reversed(written) if all(getattr(one, key) == value for key, value in wanted.items())
    ]
