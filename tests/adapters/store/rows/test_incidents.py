"""Incidents and what is told about them, in databases of each kind."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from myscheduler.adapters.store import Store
from myscheduler.adapters.store.rows import deliveries as delivery_rows
from myscheduler.adapters.store.rows import incidents as incident_rows
from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.adapters.store.rows.incidents import Found
from myscheduler.core.history.execution import Cause, Kind, Status
from myscheduler.core.incidents.delivery import Delivery, DeliveryState
from myscheduler.core.incidents.incident import EndReason, Incident, IncidentKind
from myscheduler.core.incidents.notice import NoticeKind
from myscheduler.core.reason import Reason
from tests.support.stored import HOUR, NOW, claim, ended, incident, run, skip, stored

pytestmark = pytest.mark.anyio

BEGAN, RECOVERED = NoticeKind.BEGAN, NoticeKind.RECOVERED


async def insert(store: Store, job_id: str, hour: int = 0, **fields: Any) -> Incident:
    """An incident that is stored; it must be one that may be."""
    one = incident(job_id, new_execution_id(NOW + hour * HOUR), NOW + hour * HOUR, **fields)
    assert await store.write(partial(incident_rows.insert, new=one))
    return one


async def add(store: Store, of: Incident, channel: str = "chat", kind: NoticeKind = BEGAN, hour: int = 0) -> Delivery:
    at = NOW + hour * HOUR
    one = Delivery(new_execution_id(at), of.incident_id, channel, kind, at, next_at=at)
    await store.write(partial(delivery_rows.add, new=[one]))
    return one


async def waiting(store: Store, channel: str = "chat") -> list[Delivery]:
    return await store.read(partial(delivery_rows.waiting, channel=channel, limit=100))


class TestIncidents:
    async def test_one_is_read_as_it_was_stored(self, store: Store) -> None:
        one = await insert(
            store, "a", first_execution_id="x", last_execution_id="y", error="知らない", source_revision="r2",
            good_revision="r1", told_at=NOW,
        )  # fmt: skip
        assert await store.read(partial(incident_rows.find, incident_id=one.incident_id)) == one
        assert await store.read(partial(incident_rows.by_ids, incident_ids=[one.incident_id, "z"])) == {
            one.incident_id: one
        }

    async def test_a_job_has_one_open_incident_of_a_kind(self, store: Store) -> None:
        first = await insert(store, "a")
        await insert(store, "a", kind=IncidentKind.LATE)
        await insert(store, "b")
        another = incident("a", new_execution_id(NOW))
        assert not await store.write(partial(incident_rows.insert, new=another))
        await store.write(
            partial(incident_rows.update, changed=replace(first, ended_at=NOW, end_reason=EndReason.RECOVERED))
        )
        assert await store.write(partial(incident_rows.insert, new=another))
        assert await store.read(incident_rows.jobs_in_trouble) == {"a", "b"}
        kinds = sorted(one.kind for one in await store.read(partial(incident_rows.open_of, job_ids=["a", "c"])))
        assert kinds == [IncidentKind.FAILING, IncidentKind.LATE]

    async def test_what_is_judged_leaves_who_takes_care(self, store: Store) -> None:
        one = await insert(store, "a")
        until = NOW + HOUR
        acknowledge = partial(incident_rows.acknowledge, incident_id=one.incident_id)
        await store.write(partial(acknowledge, by="ada", at=NOW, until=until))
        await store.write(partial(incident_rows.update, changed=replace(one, failures=2)))
        found = await store.read(partial(incident_rows.find, incident_id=one.incident_id))
        assert found == replace(one, failures=2, acknowledged_by="ada", acknowledged_at=NOW, acknowledged_until=until)
        await store.write(partial(acknowledge, by=None, at=NOW, until=None))
        assert await store.read(partial(incident_rows.find, incident_id=one.incident_id)) == replace(one, failures=2)

    async def test_those_that_were_told_longest_ago_come_first(self, store: Store) -> None:
        newer, older = await insert(store, "a", told_at=NOW), await insert(store, "b", told_at=NOW - HOUR)
        await insert(store, "c")
        found = await store.read(partial(incident_rows.told_before, moment=NOW + HOUR, limit=10))
        assert found == [older, newer]
        await store.write(partial(incident_rows.mark_told, incident_id=older.incident_id, at=NOW + 2 * HOUR))
        assert await store.read(partial(incident_rows.told_before, moment=NOW + HOUR, limit=10)) == [newer]

    @pytest.mark.parametrize("job_ids", [None, {"b"}, {"b", "c"}])
    async def test_pages_are_bounded_by_what_they_look_at(self, store: Store, job_ids: Collection[str] | None) -> None:
        for hour, job_id in enumerate("abcb"):
            await insert(store, job_id, hour, ended_at=NOW, end_reason=EndReason.RECOVERED)
        found: list[str] = []
        end: str | None = None
        for _ in range(10):
            read = partial(incident_rows.page, job_ids=job_ids, before=end, limit=2, most=2)
            page: Found = await store.read(read)
            found += [one.subject for one in page.incidents]
            end = page.end
            if end is None:
                break
        assert end is None
        assert found == [one for one in "bcba" if job_ids is None or one in job_ids]

    async def test_old_ones_are_deleted_with_what_was_told(self, store: Store) -> None:
        old = await insert(store, "a", ended_at=NOW, end_reason=EndReason.RECOVERED)
        kept = await insert(store, "a", 1)
        await add(store, old)
        await add(store, kept)
        found = await store.read(partial(incident_rows.older_than, moment=NOW + HOUR, limit=10))
        assert found == [old.incident_id]
        assert await store.write(partial(delivery_rows.remove_incidents, incident_ids=found)) == 1
        assert await store.read(partial(delivery_rows.of_incident, incident_id=old.incident_id)) == []
        assert len(await store.read(partial(delivery_rows.of_incident, incident_id=kept.incident_id))) == 1
        assert [one.incident_id for one in (await store.read(partial(incident_rows.page, limit=9))).incidents] == [
            kept.incident_id
        ]


class TestHistory:
    async def test_the_newest_rows_come_first(self, store: Store) -> None:
        first, second = await ended(store, "a", Status.COMPLETED, Status.FAILED)
        rows = await store.read(partial(incident_rows.past, job_id="a", limit=10))
        assert [(row.execution_id, row.status, row.cause) for row in rows] == [
            (second, Status.FAILED, Cause.TIMER),
            (first, Status.COMPLETED, Cause.TIMER),
        ]
        assert len(await store.read(partial(incident_rows.past, job_id="a", limit=1))) == 1
        assert await store.read(partial(incident_rows.last_good_revision, job_id="a")) is None

    async def test_jobs_with_which_something_went_wrong_are_found(self, store: Store) -> None:
        await ended(store, "well", Status.FAILED, Status.COMPLETED)
        await ended(store, "failed", Status.COMPLETED, Status.FAILED)
        await ended(store, "interrupted", Status.INTERRUPTED)
        await ended(store, "again", Status.FAILED, Status.RUNNING)
        missing = await stored(store, "missed")
        gap = skip(missing, NOW + HOUR, NOW + HOUR, 1, Reason.DEADLINE)
        await claim(store, replace(gap, unrun=tuple(replace(one, status=Status.MISSED) for one in gap.unrun)))
        await ended(store, "never")
        found = await store.read(partial(incident_rows.wrong_lately, limit=100))
        assert found == {"well", "failed", "interrupted", "again", "missed"}
        # those of the last execution are found however many others there are
        assert await store.read(partial(incident_rows.wrong_lately, limit=0)) == {"failed", "interrupted"}

    async def test_jobs_that_may_be_late_are_found(self, store: Store) -> None:
        await ended(store, "running", Status.RUNNING)
        await ended(store, "done", Status.COMPLETED)
        waits = await stored(store, "waits")
        manual = await stored(store, "manual")
        await claim(store, run(manual, NOW + HOUR, kind=Kind.MANUAL))
        assert waits.next_slot == NOW + HOUR
        late = NOW + HOUR + timedelta(seconds=1)
        assert set(await store.read(partial(incident_rows.suspects, moment=late, limit=10))) == {
            "running", "waits", "manual",
        }  # fmt: skip
        assert await store.read(partial(incident_rows.suspects, moment=NOW + HOUR, limit=10)) == []


class TestDeliveries:
    async def test_what_waits_for_a_channel_is_in_order(self, store: Store) -> None:
        one = await insert(store, "a")
        later, sooner = await add(store, one, hour=2), await add(store, one, hour=1)
        await add(store, one, "mail")
        assert await waiting(store) == [sooner, later]
        assert sorted(await store.read(delivery_rows.waiting_channels)) == ["chat", "mail"]

    async def test_a_message_that_failed_keeps_its_parts(self, store: Store) -> None:
        one = await add(store, await insert(store, "a"))
        await store.write(partial(delivery_rows.assign, delivery_ids=[one.delivery_id], message_id="m"))
        for _ in range(2):
            until = NOW + HOUR
            work = partial(delivery_rows.postpone, delivery_ids=[one.delivery_id], until=until, error="no answer")
            await store.write(work)
        assert await waiting(store) == [replace(one, message_id="m", next_at=NOW + HOUR, attempts=2, error="no answer")]

    @pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.WITHDRAWN])
    async def test_what_is_settled_waits_no_longer(self, store: Store, state: DeliveryState) -> None:
        of = await insert(store, "a")
        one = await add(store, of)
        is_told = state is DeliveryState.SENT
        assert await store.read(partial(delivery_rows.begun_channels, incident_id=of.incident_id)) == ["chat"]
        await store.write(partial(delivery_rows.settle, delivery_ids=[one.delivery_id], state=state, at=NOW))
        assert await waiting(store) == []
        begun = await store.read(partial(delivery_rows.begun_channels, incident_id=of.incident_id))
        assert begun == (["chat"] if is_told else [])
        find = partial(delivery_rows.begun_for, channel="chat", incident_ids=[of.incident_id])
        assert await store.read(find) == ({of.incident_id} if is_told else set())
        (found,) = await store.read(partial(delivery_rows.of_incident, incident_id=of.incident_id))
        assert (found.state, found.settled_at, found.attempts) == (state, NOW, 1)

    async def test_what_waits_of_an_incident_can_be_withdrawn(self, store: Store) -> None:
        gone, kept = await insert(store, "a"), await insert(store, "b")
        sent = await add(store, gone)
        settle = partial(delivery_rows.settle, delivery_ids=[sent.delivery_id], state=DeliveryState.SENT, at=NOW)
        await store.write(settle)
        await add(store, gone, kind=RECOVERED, hour=1)
        left = await add(store, kept, hour=2)
        await store.write(partial(delivery_rows.withdraw, incident_id=gone.incident_id, at=NOW))
        assert await waiting(store) == [left]
        states = [
            one.state for one in await store.read(partial(delivery_rows.of_incident, incident_id=gone.incident_id))
        ]
        assert states == [DeliveryState.SENT, DeliveryState.WITHDRAWN]
