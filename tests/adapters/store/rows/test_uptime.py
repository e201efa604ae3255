"""When the service was running, as the database remembers it."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from myscheduler.adapters.store import Connection, Store, open_store
from myscheduler.adapters.store.rows import claims as claim_rows
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.adapters.store.rows import uptime as uptime_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.dispatch.claim import Claim
from myscheduler.core.explain.why_facts import Downtime
from myscheduler.core.history.execution import Cause, Execution, Kind
from tests.support.parts import job as make_job

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def _down(store: Store, hours: float) -> Downtime | None:
    return await store.read(partial(uptime_rows.downtime_at, moment=NOON + hours * HOUR))


async def test_times_between_two_lives_are_downtimes(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'a.db'}") as store:
        await store.write(partial(uptime_rows.begin, now=NOON))
        await store.write(partial(uptime_rows.see, started_at=NOON, now=NOON + HOUR))
        assert await _down(store, 2) is None  # it may well be running still
        await store.write(partial(uptime_rows.begin, now=NOON + 3 * HOUR))
        await store.write(partial(uptime_rows.see, started_at=NOON + 3 * HOUR, now=NOON + 4 * HOUR, has_stopped=True))
        await store.write(partial(uptime_rows.begin, now=NOON + 6 * HOUR))
        assert [await _down(store, hours) for hours in (-1, 0.5, 3, 3.5, 7)] == [None] * 5
        assert await _down(store, 2) == Downtime(NOON + HOUR, NOON + 3 * HOUR, is_crash=True)
        assert await _down(store, 5) == Downtime(NOON + 4 * HOUR, NOON + 6 * HOUR, is_crash=False)


async def test_after_a_crash_the_last_execution_tells_more_than_the_last_beat(tmp_path: Path) -> None:
    def start(connection: Connection, at: datetime) -> None:
        execution = Execution(new_execution_id(at), "a", at, Kind.SCHEDULED, Cause.TIMER, "d", None, at)
        claim = Claim("a", job.version, job.digest, None, execution=execution, cursor=at)
        assert claim_rows.claim(connection, [claim]) == [True]

    job = make_job("a", NOON)
    with open_store(f"sqlite:///{tmp_path / 'a.db'}") as store:
        await store.write(partial(job_rows.insert_jobs, new=[job]))
        await store.write(partial(uptime_rows.begin, now=NOON))
        await store.write(partial(start, at=NOON + HOUR))
        await store.write(partial(uptime_rows.begin, now=NOON + 3 * HOUR))
        await store.write(partial(start, at=NOON + 3 * HOUR))
        assert await _down(store, 2) == Downtime(NOON + HOUR, NOON + 3 * HOUR, is_crash=True)


async def test_a_start_forgets_what_is_long_ago_or_lies_ahead(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'a.db'}") as store:
        for start in (NOON - timedelta(days=500), NOON + timedelta(days=700), NOON):
            await store.write(partial(uptime_rows.begin, now=start))
        assert await _down(store, -24) is None
        await store.write(partial(uptime_rows.begin, now=NOON + HOUR))
        assert await _down(store, 0.5) == Downtime(NOON, NOON + HOUR, is_crash=True)
