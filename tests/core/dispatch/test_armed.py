"""A job in the agenda: its quick decision is that of `admit`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from myscheduler.core.dispatch import armed as armed_module
from myscheduler.core.dispatch.admission import Step, admit
from myscheduler.core.dispatch.armed import Armed
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Pause
from myscheduler.core.schedule.slots import Schedule, next_after
from tests.support.parts import job

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SPRING = datetime(2026, 3, 8, 7, tzinfo=UTC)
"""When clocks go forward in New York."""
IN_SPRING: list[dict[str, Any]] = [
    {"cron": "30 2 * * *", "timezone": "America/New_York", "dst": {"gap": gap}} for gap in ("run", "skip")
]
SECOND = timedelta(seconds=1)
SCHEDULES: list[dict[str, Any]] = [
    {"interval": {"seconds": 1}},
    {"interval": {"minutes": 7}, "anchor": "2026-07-01T11:58:30Z"},
    {"cron": "* * * * *"},
    {"cron": "59 * * * *", "timezone": "Asia/Tokyo"},
    {"cron": ["*/5 * * * *", "3 * * * *"]},
    {"cron": "* * * * *", "blackout": [{"from": "2026-07-01T11:59:30Z", "to": "2026-07-01T11:59:50Z"}]},
    {"run_at": "2026-07-01T12:00:00Z"},
    {"cron": "* * * * *", "start_at": "2026-07-01T11:59:30Z"},
    {"cron": "* * * * *", "jitter_sec": 20},
]


def armed(cursor: datetime, **fields: Any) -> Armed:
    of = job("a", cursor - timedelta(hours=2), **fields)
    schedule = compile_schedule(of.spec, zone="UTC", created_at=of.created_at)
    return Armed(of, schedule, "api.example.com", cursor, cursor, cursor)


@given(
    at_fields=st.sampled_from([(NOON, one) for one in SCHEDULES] + [(SPRING, one) for one in IN_SPRING] * 2),
    more=st.fixed_dictionaries(
        {
            "misfire_grace_time": st.sampled_from([1, 30, 600]),
            "overlap": st.sampled_from(["skip", "queue", "allow", "replace"]),
            "coalesce": st.booleans(),
            "catchup": st.sampled_from(["none", "last"]),
        }
    ),
    behind=st.integers(0, 400),
    running=st.integers(0, 2),
    overdue=st.integers(-100, 500),
    micros=st.sampled_from([0, 1, 999_999]),
    paused=st.sampled_from([None, -300, 0, 300]),
    is_held=st.booleans(),
)
@settings(max_examples=400)
def test_the_quick_decision_is_that_of_admit(
    at_fields: tuple[datetime, dict[str, Any]],
    more: dict[str, Any],
    behind: int,
    running: int,
    overdue: int,
    micros: int,
    paused: int | None,
    is_held: bool,
) -> None:
    if not more["coalesce"]:
        more = {name: value for name, value in more.items() if name != "catchup"}
    assume(more["coalesce"] or more["overlap"] != "replace")
    at, fields = at_fields
    cursor = at - behind * SECOND
    one, now = armed(cursor, **fields, **more), at + timedelta(microseconds=micros)
    if paused is not None:
        one.job = replace(one.job, pause=Pause("me", cursor, until=at + paused * SECOND))
    overdue_until = at - overdue * SECOND
    quick = one.quick_step(now, running, overdue_until=overdue_until, is_held=is_held)
    event(f"decides: {quick is not None}, coalesces: {bool(quick and quick.unrun)}")
    steps = admit(
        one.job.spec,
        one.schedule,
        paused_until=one.job.paused_until,
        running=running,
        cursor=cursor,
        now=now,
        overdue_until=overdue_until,
        waits_for_database=is_held,
    )
    if quick is not None:
        assert steps == (quick,)


@pytest.mark.parametrize("fields", [one for one in SCHEDULES if "blackout" not in one])
def test_a_slot_on_time_is_decided_quickly(fields: dict[str, Any]) -> None:
    one = armed(NOON - timedelta(hours=1), **fields)
    slot = one.next_after(one.decided)
    assert slot is not None
    one.decided = slot - timedelta(microseconds=1)
    assert one.quick_step(slot, 0, overdue_until=NOON - timedelta(days=1), is_held=False) == Step((), slot, slot)


def test_one_that_clocks_skip_is_left_to_the_general_way() -> None:
    run, skip = [armed(SPRING - SECOND, **fields) for fields in IN_SPRING]
    long_ago = NOON - timedelta(days=999)
    assert run.quick_step(SPRING, 0, overdue_until=long_ago, is_held=False) == Step((), SPRING, SPRING)
    assert skip.quick_step(SPRING, 0, overdue_until=long_ago, is_held=False) is None


@pytest.mark.parametrize("behind", [2, 5, armed_module.MOST_COALESCED + 1, armed_module.MOST_COALESCED + 2])
def test_a_few_slots_that_piled_up_are_coalesced_quickly(behind: int) -> None:
    one = armed(NOON - behind * SECOND, interval={"seconds": 1})
    step = one.quick_step(NOON, 0, overdue_until=NOON - timedelta(days=1), is_held=False)
    if behind > armed_module.MOST_COALESCED + 1:
        assert step is None
    else:
        assert step is not None
        assert (step.run, [(gap.count, gap.first, gap.last) for gap in step.unrun]) == (
            NOON,
            [(behind - 1, NOON - (behind - 1) * SECOND, NOON - SECOND)],
        )


def test_the_next_slot_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []

    def counted(schedule: Schedule, after: datetime) -> datetime | None:
        asked.append(after)
        return next_after(schedule, after)

    monkeypatch.setattr(armed_module, "next_after", counted)
    one = armed(NOON, cron="* * * * *")
    for minute in range(1, 4):
        now = NOON + timedelta(minutes=minute)
        assert one.quick_step(now, 0, overdue_until=NOON, is_held=False) == Step((), now, now)
        one.decided = now
        assert one.next_after(now) == now + timedelta(minutes=1)
    assert len(asked) == 4
