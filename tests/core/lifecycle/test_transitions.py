"""A job's life: what each turn does to its place in the schedule, and that none fires a slot of the past."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.dispatch.admission import admit
from myscheduler.core.history.execution import Status
from myscheduler.core.history.unrun import Unrun, without
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.digest import digest
from myscheduler.core.job.job import Job, Owner, Pause, Source
from myscheduler.core.job.spec import DeclaredCron, DeclaredDate, DeclaredInterval, JobSpec
from myscheduler.core.lifecycle.transitions import Turn, change, create, move, pause, realign, remove, resume
from myscheduler.core.reason import Reason
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.slots import TICK, next_after, slots_between

ZONE = "Asia/Tokyo"
START = datetime(2026, 7, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = JobSpec("a", "a", DeclaredCron((("minute", "0"),)), "http://x")
HALF_PAST = replace(HOURLY, schedule=DeclaredCron((("minute", "30"),)))
EVERY_25_MINUTES = replace(HOURLY, schedule=DeclaredInterval((("minutes", 25),)))
PAST, FUTURE = DeclaredDate("2026-06-01T00:00:00Z"), DeclaredDate("2026-07-01T05:00:00Z")
HERE, THERE = Source("a.yaml", 1, "r1"), Source("b.yaml", 9, "r2")


def _new(spec: JobSpec = HOURLY) -> Job:
    return create(spec, owner=Owner.MANIFEST, source=HERE, clock=Clock(START, ZONE)).job


def _change(job: Job, spec: JobSpec, hours: float) -> Turn:
    return change(job, spec, source=THERE, clock=Clock(START + hours * HOUR, ZONE))


def _told(unrun: tuple[Unrun, ...]) -> list[str]:
    return [f"{gap.status} {gap.reason} {gap.count}: {gap.first:%m-%d %H:%M}-{gap.last:%H:%M}" for gap in unrun]


def _place(job: Job) -> tuple[datetime, datetime | None]:
    return job.cursor, job.next_slot


def test_create() -> None:
    job = _new()
    assert (job.digest, job.owner, job.source, job.is_paused) == (digest(HOURLY), Owner.MANIFEST, HERE, False)
    assert _place(job) == (START, START + HOUR)


@pytest.mark.parametrize(
    ("run_at", "next_slot", "told"),
    [
        pytest.param(FUTURE, START + 5 * HOUR, [], id="to come"),
        pytest.param(PAST, None, ["missed expired 1: 06-01 00:00-00:00"], id="over"),
        pytest.param(
            DeclaredDate("2026-07-01T09:00:00"), None, ["missed expired 1: 07-01 00:00-00:00"], id="right now"
        ),
    ],
)
def test_one_off(run_at: DeclaredDate, next_slot: datetime | None, told: list[str]) -> None:
    turn = create(replace(HOURLY, schedule=run_at), owner=Owner.API, source=None, clock=Clock(START, ZONE))
    assert (turn.job.next_slot, _told(turn.unrun)) == (next_slot, told)
    changed = _change(_new(), replace(HOURLY, schedule=run_at), 0)
    assert (changed.job.next_slot, _told(changed.unrun)) == (next_slot, told)


@pytest.mark.parametrize(
    ("spec", "told", "next_slot"),
    [
        pytest.param(replace(HOURLY, target_url="http://y"), [], HOUR, id="other call: overdue slots are kept"),
        pytest.param(replace(HOURLY, timezone=ZONE), [], HOUR, id="the same zone by its name"),
        pytest.param(replace(HOURLY, schedule=DeclaredCron((("minute", "00"),))), [], HOUR, id="other spelling"),
        pytest.param(HALF_PAST, ["missed edited 3: 07-01 01:00-03:00"], 3.5 * HOUR, id="other schedule"),
        pytest.param(EVERY_25_MINUTES, ["missed edited 3: 07-01 01:00-03:00"], 200 * HOUR / 60, id="to an interval"),
        pytest.param(replace(HOURLY, paused=True), [], HOUR, id="paused by the manifest: still to be decided"),
    ],
)
def test_change(spec: JobSpec, told: list[str], next_slot: timedelta) -> None:
    turn = _change(_new(), spec, 3.25)
    assert _told(turn.unrun) == told
    assert turn.job.next_slot == START + next_slot
    assert turn.job.cursor == (START + 3.25 * HOUR if told else START)
    assert (turn.job.spec, turn.job.digest, turn.job.source) == (spec, digest(spec), THERE)


def test_one_off_in_another_spelling_is_not_over_again() -> None:
    job = replace(_new(replace(HOURLY, schedule=FUTURE)), cursor=START + 5 * HOUR, next_slot=None)  # it ran
    for spelling in ("2026-07-01T05:00:00+00:00", "2026-07-01T14:00:00"):
        turn = _change(job, replace(HOURLY, schedule=DeclaredDate(spelling)), 6)
        assert (turn.unrun, _place(turn.job)) == ((), _place(job))


def test_intervals_keep_their_phase() -> None:
    job = _new(EVERY_25_MINUTES)
    assert _place(_change(job, replace(EVERY_25_MINUTES, name="b"), 1).job) == _place(job)
    paused = pause(job, by="me", now=START + HOUR).job
    assert resume(paused, clock=Clock(START + 2 * HOUR, ZONE)).job.next_slot == START + timedelta(minutes=125)
    assert _change(_change(job, HOURLY, 1).job, EVERY_25_MINUTES, 2).job.next_slot == START + timedelta(minutes=125)


def test_pausing_twice_keeps_the_first() -> None:
    first = pause(_new(), by="me", now=START + HOUR).job
    assert first.pause is not None
    assert (first.pause.by, first.pause.at) == ("me", START + HOUR)
    assert pause(first, by="you", now=START + 2 * HOUR).job == first


def test_resume() -> None:
    turn = resume(pause(_new(), by="me", now=START).job, clock=Clock(START + 2.5 * HOUR, ZONE))
    assert _told(turn.unrun) == ["skipped paused 2: 07-01 01:00-02:00"]
    assert _place(turn.job) == (START + 2.5 * HOUR, START + 3 * HOUR)
    assert resume(turn.job, clock=Clock(START + 9 * HOUR, ZONE)) == Turn(turn.job)


def test_a_second_pause_that_says_more_changes_the_first() -> None:
    first = pause(_new(), by="me", now=START, reason="repair").job
    second = pause(first, by="you", now=START + HOUR, until=START + 3 * HOUR).job
    assert second.pause == Pause("you", START, "repair", START + 3 * HOUR)
    third = pause(second, by="us", now=START + 2 * HOUR, reason="parts ordered").job
    assert third.pause == Pause("us", START, "parts ordered", START + 3 * HOUR), "its end stays"
    assert pause(second, by="us", now=START + 4 * HOUR).job.pause == Pause("us", START + 4 * HOUR), "that one was over"


@pytest.mark.parametrize(
    ("at", "gaps", "place"),
    [
        pytest.param(2.5, ["skipped paused 2: 07-01 01:00-02:00"], (2.5, 3), id="before its end"),
        pytest.param(3, ["skipped paused 2: 07-01 01:00-02:00"], (3 - 1e-6 / 3600, 3), id="at its end"),
        pytest.param(9, ["skipped paused 2: 07-01 01:00-02:00"], (3 - 1e-6 / 3600, 3), id="long after its end"),
    ],
)
def test_the_end_of_a_pause_until_three(at: float, gaps: list[str], place: tuple[float, float]) -> None:
    """What falls due from its end on is left to be decided, however late it is taken off."""
    turn = resume(pause(_new(), by="me", now=START, until=START + 3 * HOUR).job, clock=Clock(START + at * HOUR, ZONE))
    assert _told(turn.unrun) == gaps
    assert _place(turn.job) == (START + place[0] * HOUR, START + place[1] * HOUR)
    assert turn.job.pause is None


def test_an_edit_after_a_pause_ended_by_itself_tells_both() -> None:
    paused = pause(_new(), by="me", now=START, until=START + 3 * HOUR).job
    assert _told(_change(paused, HALF_PAST, 4.5).unrun) == [
        "skipped paused 2: 07-01 01:00-02:00",
        "missed edited 2: 07-01 03:00-04:00",
    ]


def test_the_manifests_pause() -> None:
    job = _new(replace(HOURLY, paused=True))
    assert resume(pause(job, by="me", now=START).job, clock=Clock(START + HOUR, ZONE)).job.is_paused
    lifted = _change(job, HOURLY, 2.5)
    assert _told(lifted.unrun) == ["skipped paused 2: 07-01 01:00-02:00"]
    assert _place(lifted.job) == (START + 2.5 * HOUR, START + 3 * HOUR)
    edited = _change(job, HALF_PAST, 2.5)
    assert _told(edited.unrun) == ["skipped paused 2: 07-01 01:00-02:00"]


def test_move_changes_the_address_only() -> None:
    job = _new()
    moved = move(job, THERE, now=START + 5 * HOUR).job
    assert moved.source == replace(THERE, revision="r1")
    assert replace(moved, source=HERE, version=job.version, updated_at=START) == job


def test_remove() -> None:
    job = _new()
    assert _told(remove(job, clock=Clock(START + 2 * HOUR, ZONE))) == ["missed deleted 2: 07-01 01:00-02:00"]
    paused = pause(job, by="me", now=START).job
    assert _told(remove(paused, clock=Clock(START + 2 * HOUR, ZONE))) == ["skipped paused 2: 07-01 01:00-02:00"]
    assert remove(job, clock=Clock(START, ZONE)) == ()


def test_versions_grow_even_where_the_clock_steps_back() -> None:
    job = _new()
    versions = [job.version]
    for hours in (1, 1, -5):
        job = _change(job, HOURLY, hours).job
        versions.append(job.version)
    assert versions == sorted(set(versions))
    assert create(HOURLY, owner=Owner.API, source=None, clock=Clock(START + HOUR, ZONE)).job.version > _new().version


_SPECS = st.sampled_from(
    [
        HOURLY,
        HALF_PAST,
        EVERY_25_MINUTES,
        replace(HOURLY, name="b"),
        replace(HOURLY, paused=True),
        replace(HOURLY, paused=False),
        replace(HOURLY, schedule=PAST),
        replace(HOURLY, schedule=FUTURE),
    ]
)
_TURNS = st.sampled_from(["pause", "resume", "admit"]) | _SPECS


@given(_SPECS, st.lists(st.tuples(st.timedeltas(timedelta(), 3 * HOUR), _TURNS), max_size=8))
def test_no_turn_loses_a_slot_or_fires_one_of_the_past(spec: JobSpec, turns: list[tuple[timedelta, Any]]) -> None:
    job, now = _new(spec), START
    for passed, what in turns:
        now += passed
        schedule = compile_schedule(job.spec, zone=ZONE, created_at=job.created_at)
        due = list(slots_between(schedule, job.cursor, now))
        if what == "admit":
            steps = admit(job.spec, schedule, paused_until=job.paused_until, running=0, cursor=job.cursor, now=now)
            gaps = [gap for step in steps for gap in step.unrun]
            told = sum(step.run is not None for step in steps)
            cursor = steps[-1].cursor if steps else job.cursor
            job = replace(job, cursor=cursor, next_slot=next_after(schedule, cursor))
        else:
            before, told = job, 0
            turn = _turn(job, what, now)
            job, gaps = turn.job, [gap for gap in turn.unrun if gap.reason != "expired"]
            if before.is_paused and not job.is_paused:
                assert job.cursor == now
        assert told + sum(gap.count for gap in gaps) == (len(due) if job.cursor >= (due or [now])[-1] else 0)
        assert job.cursor <= now
        own = compile_schedule(job.spec, zone=ZONE, created_at=job.created_at)
        assert job.next_slot == next_after(own, job.cursor)
        if own != schedule:
            assert job.cursor == now


def _turn(job: Job, what: Any, now: datetime) -> Turn:
    match what:
        case "pause":
            return pause(job, by="me", now=now)
        case "resume":
            return resume(job, clock=Clock(now, ZONE))
        case _:
            return change(job, what, source=HERE, clock=Clock(now, ZONE))


def _gap(first: float, last: float, reason: Reason = Reason.DEADLINE) -> Unrun:
    """Hourly slots that were missed."""
    return Unrun(Status.MISSED, reason, START + first * HOUR, START + last * HOUR, round(last - first) + 1)


@pytest.mark.parametrize(
    ("recorded", "left"),
    [
        pytest.param(None, None, id="no row"),
        pytest.param(_gap(1, 2), _gap(1, 2), id="over"),
        pytest.param(_gap(1, 99), _gap(1, 3), id="reaches beyond"),
        pytest.param(_gap(3, 99), _gap(3, 3), id="only its first slot is not beyond"),
        pytest.param(_gap(1, 99, Reason.EDITED), _gap(1, 99, Reason.EDITED), id="of a schedule that is no more"),
        pytest.param(replace(_gap(1, 99), count=3), _gap(1, 1), id="of several schedules: never less than one slot"),
    ],
)
def test_realign_shortens_the_last_row(recorded: Unrun | None, left: Unrun | None) -> None:
    ahead = replace(_new(), cursor=START + 99 * HOUR, next_slot=START + 100 * HOUR)
    reopened = realign(ahead, recorded, clock=Clock(START + 3.5 * HOUR, ZONE))
    assert reopened.recorded == left
    assert _place(reopened.turn.job) == (START + 3.5 * HOUR, START + 4 * HOUR)
    assert reopened.turn.job.version > ahead.version


def test_realign_takes_back_what_began_in_a_time_that_has_not_come() -> None:
    ahead = create(EVERY_25_MINUTES, owner=Owner.API, source=None, clock=Clock(START + 999 * HOUR, ZONE)).job
    ahead = pause(ahead, by="me", now=START + 999 * HOUR).job
    job = realign(ahead, None, clock=Clock(START, ZONE)).turn.job
    assert (job.created_at, job.cursor, job.next_slot) == (START, START, START + timedelta(minutes=25))
    assert (job.pause and job.pause.at) == START


_JUMPS = st.timedeltas(-6 * HOUR, 6 * HOUR)


@given(st.sampled_from([HOURLY, HALF_PAST, EVERY_25_MINUTES, replace(HOURLY, schedule=FUTURE)]), st.lists(_JUMPS))
def test_wherever_the_clock_goes_each_slot_is_in_one_row_or_undecided(spec: JobSpec, jumps: list[timedelta]) -> None:
    """The history is kept here as the store keeps it: a slot that was sent has its row for good."""
    job, now = _new(spec), START + 6 * HOUR
    schedule = compile_schedule(job.spec, zone=ZONE, created_at=job.created_at)
    sent: set[datetime] = set()
    missed: list[Unrun] = []
    for jump in jumps:
        now = max(START, now + jump)
        if job.cursor > now:
            before = [gap for gap in missed if gap.first <= now]
            last = before[-1] if before and not any(before[-1].first < slot <= now for slot in sent) else None
            reopened = realign(job, last, clock=Clock(now, ZONE))
            missed = [*before[:-1], *([reopened.recorded] if reopened.recorded else [])] if last else before
            job = reopened.turn.job
        for step in admit(job.spec, schedule, paused_until=None, running=0, cursor=job.cursor, now=now):
            for gap in step.unrun:
                missed += without(gap, sorted(sent))
            sent |= {step.run} if step.run else set()
            job = replace(job, cursor=step.cursor, next_slot=next_after(schedule, step.cursor))
        missed.sort(key=lambda gap: gap.first)
        told = [slot for gap in missed for slot in slots_between(schedule, gap.first - TICK, gap.last)]
        assert len(told) == sum(gap.count for gap in missed)
        assert len(set(told) | sent) == len(told) + len(sent)
        assert {slot for slot in (*told, *sent) if slot <= now} == set(slots_between(schedule, START, now))
        assert max(told, default=now) <= now
