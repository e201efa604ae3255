"""Simulated jobs: what the rules give with and without outages; and the law that leaps change nothing.

The law's other side steps an `Agenda` of its own from slot to slot, as the dispatcher does.
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from typing import Any, cast

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from myscheduler.core.dispatch.admission import may_resend
from myscheduler.core.dispatch.agenda import Agenda
from myscheduler.core.dispatch.armed import Taken
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.lifecycle.transitions import create
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.exclusions import Excluded, exclusions
from myscheduler.core.schedule.expansion import expand, to_micros
from myscheduler.core.schedule.slots import TICK, count_between, next_after, slots_between
from myscheduler.core.simulate.outlook import Event, Outlook, Totals
from myscheduler.core.simulate.scenario import Outage, Scenario
from myscheduler.core.simulate.simulation import MOST_LEFT_OUT, Simulation, TooManyLeftOutError
from myscheduler.core.simulate.slot_feed import SlotFeed

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ZONE = "Europe/London"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def spec(**fields: Any) -> JobSpec:
    document = {"job_id": "a", "target_url": "http://127.0.0.1:9/", **fields}
    if not {"cron", "interval", "run_at"} & document.keys():
        document |= {"interval": {"minutes": 1}}
    declared, complaints = declare(document, zone=ZONE)
    assert declared is not None, complaints
    return declared


def outlook(
    until: float, *, latency: float = 0.5, outages: tuple[tuple[float, float], ...] = (), **fields: Any
) -> Outlook:
    """Of a job that was created at noon; times are minutes after noon, the latency seconds."""
    downs = tuple(Outage(at(start), at(end)) for start, end in outages)
    scenario = Scenario(NOON, at(until), timedelta(seconds=latency), downs)
    return Simulation(scenario, zone=ZONE).outlook(spec(**fields))


def told(found: Outlook) -> list[str]:
    """The events in lines: `completed catch_up 12:04 sent 12:05`, `skipped overlap 3: 12:01-12:03`."""
    return [
        f"{one.status} {one.reason or '-'} "
        + (f"{one.first:%H:%M}" if one.count == 1 else f"{one.count}: {one.first:%H:%M}-{one.last:%H:%M}")
        + (f" sent {one.sent_at:%H:%M:%S}" if one.sent_at and one.sent_at != one.first else "")
        for one in found.events
    ]


class TestRules:
    def test_a_quiet_time_has_totals_only(self) -> None:
        found = outlook(60)
        assert (found.totals.ran, found.events) == (59, ())

    def test_the_first_moment_belongs_to_it_and_the_last_does_not(self) -> None:
        assert outlook(1, cron="* * * * *").totals.ran == 1
        assert outlook(0.5, run_at=NOON.isoformat()).totals.ran == 1

    def test_what_lies_before_it_is_nothing(self) -> None:
        found = outlook(60, run_at=at(-1).isoformat())
        assert (found.totals, found.events) == (Totals(), ())

    def test_intervals_without_an_anchor_count_from_the_start(self) -> None:
        assert outlook(60, interval={"minutes": 30}).totals.ran == 1
        assert outlook(60, interval={"minutes": 30}, anchor=at(-1).isoformat()).totals.ran == 2

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            pytest.param({}, ["skipped coalesced 4: 12:05-12:08", "completed catch_up 12:09 sent 12:09:30"], id="last"),
            pytest.param({"catchup": "none"}, ["missed catchup 5: 12:05-12:09"], id="none"),
            pytest.param(
                {"catchup": "all", "misfire_grace_time": 140},
                [
                    "missed deadline 3: 12:05-12:07",
                    "completed catch_up 12:08 sent 12:09:30",
                    "completed catch_up 12:09 sent 12:09:40",
                ],
                id="all",
            ),
            pytest.param({"paused": True}, ["skipped paused 19: 12:01-12:19"], id="paused"),
        ],
    )
    def test_after_an_outage(self, fields: dict[str, Any], expected: list[str]) -> None:
        assert told(outlook(20, latency=10, outages=((4.5, 9.5),), **fields)) == expected

    def test_a_slot_at_the_end_of_an_outage_is_on_time(self) -> None:
        assert told(outlook(20, outages=((4.5, 8),), catchup="none")) == ["missed catchup 3: 12:05-12:07"]

    def test_a_slot_at_the_start_of_an_outage_is_part_of_it(self) -> None:
        assert told(outlook(20, outages=((4, 5.5),), catchup="none")) == ["missed catchup 2: 12:04-12:05"]

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            pytest.param({}, ["interrupted crash 12:03"], id="recorded"),
            pytest.param({"on_interrupt": "retry"}, ["completed resent 12:03 sent 12:03:40"], id="sent-again"),
            pytest.param(
                {"on_interrupt": "retry", "misfire_grace_time": 30}, ["interrupted crash 12:03"], id="too-late"
            ),
        ],
    )
    def test_what_is_under_way_when_the_service_is_killed(self, fields: dict[str, Any], expected: list[str]) -> None:
        assert told(outlook(10, latency=15, outages=((3.125, 3 + 2 / 3),), **fields)) == expected

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            pytest.param({}, ["skipped overlap 12:02", "skipped overlap 12:04"], id="skip"),
            pytest.param(
                {"overlap": "queue"},
                ["completed queued 12:02 sent 12:02:30", "skipped coalesced 12:03"],
                id="queue",
            ),
            pytest.param(
                {"overlap": "replace"},
                ["interrupted replaced 12:01", "interrupted replaced 12:02", "interrupted replaced 12:03"],
                id="replace",
            ),
            pytest.param({"overlap": "allow"}, [], id="allow"),
            pytest.param({"max_instances": 2}, [], id="two-at-once"),
        ],
    )
    def test_slots_that_are_due_while_an_execution_runs(self, fields: dict[str, Any], expected: list[str]) -> None:
        assert told(outlook(4.5, latency=90, **fields)) == expected

    def test_a_slot_at_the_end_of_an_outage_takes_the_place_of_what_is_sent_again(self) -> None:
        fields = {"overlap": "replace", "catchup": "none", "on_interrupt": "retry"}
        assert told(outlook(5.5, latency=90, outages=((2.5, 5),), **fields)) == [
            "interrupted replaced 12:01",
            "interrupted replaced 12:02 sent 12:05:00",
            "missed catchup 2: 12:03-12:04",
        ]

    def test_an_answer_just_when_the_next_slot_is_due_comes_too_late(self) -> None:
        assert told(outlook(3.5, latency=60)) == ["skipped overlap 12:02"]

    def test_what_waits_at_the_end_is_told(self) -> None:
        found = outlook(5, latency=600, overlap="queue")
        assert told(found) == ["waiting - 3: 12:02-12:04"]
        assert (found.totals.ran, found.totals.waiting) == (1, 3)

    def test_slots_that_a_gap_of_the_clock_swallowed_are_left_out_as_the_job_wishes(self) -> None:
        start = datetime(2026, 3, 28, tzinfo=UTC)
        scenario = Scenario(start, start + timedelta(3), timedelta(seconds=1))
        found = Simulation(scenario, zone=ZONE).outlook(spec(cron="30 1 * * *", dst={"gap": "skip"}))
        assert told(found) == ["skipped dst-gap 01:00"]
        assert found.totals.counts == {("completed", None): 2, ("skipped", "dst-gap"): 1}

    def test_all_means_also_what_ran_on_time(self) -> None:
        scenario = Scenario(NOON, at(3), timedelta(seconds=1))
        found = Simulation(scenario, zone=ZONE, keep_all=True).outlook(spec())
        assert found.events == tuple(Event("completed", None, at(n), at(n), sent_at=at(n)) for n in (1, 2))


class TestSharing:
    @pytest.mark.parametrize(
        ("fields", "is_shared"),
        [
            ({"job_id": "b", "name": "B", "target_url": "http://elsewhere/", "headers": {"A": "b"}}, True),
            ({"timeout_sec": 3, "max_retries": 2, "method": "POST", "body": {"a": 1}, "labels": {"a": "b"}}, True),
            ({"interval": {"seconds": 60}}, True),
            ({"interval": {"seconds": 61}}, False),
            ({"misfire_grace_time": 10}, False),
            ({"coalesce": False}, False),
            ({"catchup": "none"}, False),
            ({"max_instances": 2}, False),
            ({"overlap": "queue"}, False),
            ({"on_interrupt": "retry"}, False),
            ({"paused": True}, False),
        ],
        ids=str,
    )
    def test_jobs_that_differ_in_nothing_that_counts_share_a_outlook(
        self, fields: dict[str, Any], *, is_shared: bool
    ) -> None:
        simulation = Simulation(Scenario(NOON, at(60), timedelta(seconds=1)), zone=ZONE)
        assert (simulation.outlook(spec()) is simulation.outlook(spec(**fields))) is is_shared


# --- laws ---

_NIGHTS = {
    "America/New_York": ("2026-03-08T07:00Z", "2026-11-01T06:00Z"),
    "Europe/London": ("2026-03-29T01:00Z", "2026-10-25T01:00Z"),
    "Australia/Lord_Howe": ("2026-04-04T15:00Z", "2026-10-03T15:30Z"),
    "Africa/Casablanca": ("2026-02-15T02:00Z", "2026-03-22T02:00Z"),
    "Asia/Tokyo": ("2026-03-08T07:00Z",),
}
_WHERE = st.sampled_from([(zone, night) for zone, nights in _NIGHTS.items() for night in nights])
_EXPRESSIONS = st.sampled_from(
    ["* * * * *", "0,30 1-3 * * *", "*/7 * * * *", "0-50 1,2,3 * * *", "0,1 * * * *", "5,6,20 */2 * * *",
     "30 2 * * *", "15 1 * * *", "0 0 1 1 *"]
)  # fmt: skip
_INTERVALS = st.builds(
    lambda seconds, anchor: {"interval": {"seconds": seconds}} | ({"anchor": anchor} if anchor else {}),
    st.integers(40, 4_000),
    st.sampled_from([None, "2020-01-01T00:00:00.25Z", "2026-10-25T01:00:00Z"]),
)
_CRONS = st.builds(
    lambda expression, dst: (
        {"cron": expression} | ({} if "*" in expression.split()[0] + expression.split()[1] else dst)
    ),
    _EXPRESSIONS,
    st.fixed_dictionaries(
        {
            "dst": st.fixed_dictionaries(
                {"gap": st.sampled_from(["run", "skip"]), "overlap": st.sampled_from(["first", "both"])}
            )
        }
    ),
)
_OVERLAPS = st.sampled_from(
    [{"overlap": "allow", "catchup": catchup} for catchup in ("none", "last", "all")]
    + [
        {"overlap": overlap, "catchup": catchup, "max_instances": most}
        for overlap in ("skip", "queue", "replace")
        for catchup in ("none", "last", "all")
        for most in (1, 1, 2, 5)
        if (overlap, catchup) != ("replace", "all")
    ]
)
_RULES = st.fixed_dictionaries(
    {
        "misfire_grace_time": st.sampled_from([3_600, 600, 90, 1, 40_000]),
        "on_interrupt": st.sampled_from(["record", "retry"]),
    },
    optional={"paused": st.sampled_from([False, False, False, True])},
)
_LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "blackout": st.sampled_from(
            [[{"cron": "0 2 * * *", "duration": "PT90M"}], [{"cron": "*/20 * * * *", "duration": "PT7M"}]]
        ),
        "calendar": st.sampled_from(
            [{"closed": ["2026-03-08", "2026-10-25"], "skip": "holidays"}, {"country": "JP", "only": "business_days"}]
        ),
        "jitter_sec": st.sampled_from([30, 600]),
        "start_at": st.sampled_from(["2026-03-08T01:20", "2026-10-24T22:00Z"]),
    },
)
_LATENCIES = st.sampled_from([90, 0, 0.5, 59.75, 60, 61, 250, 3_600, 10_000])


@st.composite
def _scenarios(draw: st.DrawFn, night: str) -> Scenario:
    start = datetime.fromisoformat(night) - draw(st.sampled_from([timedelta(hours=hours) for hours in (3, 1, 9)]))
    size = draw(st.sampled_from([2, 4, 0, 6]))
    quarters = draw(st.lists(st.integers(0, 12 * 60 * 4 - 1), min_size=size, max_size=size, unique=True))
    edges = [start + timedelta(seconds=15 * quarter) for quarter in sorted(quarters)]
    outages = tuple(Outage(*pair) for pair in zip(edges[::2], edges[1::2], strict=True))
    until = start + timedelta(hours=12, seconds=draw(st.sampled_from([0, 1, 30])))
    return Scenario(start, until, timedelta(seconds=draw(_LATENCIES)), outages)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[JobSpec, Scenario]:
    zone, night = draw(_WHERE)
    once = st.builds(
        lambda minutes: {"run_at": (datetime.fromisoformat(night) + timedelta(minutes=minutes)).isoformat()},
        st.integers(-60, 120),
    )
    fields = draw(_CRONS | _INTERVALS | once) | draw(_OVERLAPS) | draw(_RULES)
    if "run_at" not in fields and draw(st.booleans()):
        fields |= draw(_LIMITS)
    declared, _ = declare({"job_id": "a", "target_url": "http://x", "timezone": zone} | fields, zone=ZONE)
    assume(declared is not None)  # some limits leave nothing of some schedules
    return cast("JobSpec", declared), draw(_scenarios(night))


@settings(max_examples=300)
@given(_cases())
def test_leaps_change_nothing(case: tuple[JobSpec, Scenario]) -> None:
    given_spec, scenario = case
    found = Simulation(scenario, zone=ZONE, keep_all=True).outlook(given_spec)
    assert list(found.events) == _stepped(given_spec, scenario)
    assert Simulation(scenario, zone=ZONE).outlook(given_spec) == Outlook(
        found.totals, tuple(one for one in found.events if one.reason or one.status == "waiting")
    )


@pytest.mark.parametrize("latency", [45, 60, 90, 400], ids=str)
@pytest.mark.parametrize("catchup", ["none", "last", "all"])
@pytest.mark.parametrize("overlap", ["skip", "queue", "replace", "allow"])
@pytest.mark.parametrize("cron", ["* * * * *", "0,1,2,30,59 * * * *", "*/20 * * * *"])
def test_leaps_change_nothing_where_slots_crowd_over_midnight(
    cron: str, overlap: str, catchup: str, latency: int
) -> None:
    catchup = "last" if overlap == "replace" else catchup
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    outage = Outage(start + timedelta(hours=3, seconds=40), start + timedelta(hours=4, minutes=5, seconds=20))
    scenario = Scenario(start, start + timedelta(hours=6), timedelta(seconds=latency), (outage,))
    given_spec = spec(cron=cron, timezone=ZONE, overlap=overlap, catchup=catchup, on_interrupt="retry")
    found = Simulation(scenario, zone=ZONE, keep_all=True).outlook(given_spec)
    assert list(found.events) == _stepped(given_spec, scenario)


@given(_cases())
def test_every_slot_is_told_once(case: tuple[JobSpec, Scenario]) -> None:
    given_spec, scenario = case
    found = Simulation(scenario, zone=ZONE, keep_all=True).outlook(given_spec)
    schedule = compile_schedule(given_spec, zone=ZONE, created_at=scenario.start)
    counted: Counter[tuple[str, str | None]] = Counter()
    for one in found.events:
        counted[one.status, one.reason] += one.count
    assert counted == found.totals.counts
    assert counted.total() == count_between(schedule, scenario.start - TICK, scenario.until - TICK)
    assert sorted(found.events, key=lambda one: one.first) == list(found.events)


def _stepped(given_spec: JobSpec, scenario: Scenario) -> list[Event]:
    return _Stepper(given_spec, scenario).run()


class _Stepper:
    """The dispatcher's order of calls, slot by slot: kill, start, wake, and last the answers of a moment."""

    def __init__(self, given_spec: JobSpec, scenario: Scenario) -> None:
        created = create(given_spec, owner=Owner.MANIFEST, source=None, clock=Clock(scenario.start, ZONE)).job
        self.schedule = compile_schedule(given_spec, zone=ZONE, created_at=scenario.start)
        first = next_after(self.schedule, scenario.start - TICK)
        self.job: Job = replace(created, cursor=scenario.start - TICK, next_slot=first)
        self.scenario = scenario
        self.started = scenario.start
        self.agenda = self.new_agenda()
        self.events: list[Event] = []
        self.under_way: list[tuple[datetime, int, Taken]] = []
        """Answers to come, with the positions of their events."""

    def new_agenda(self) -> Agenda:
        return Agenda(zone=ZONE, permits=10**9, permits_per_host=10**9, new_id=lambda _now: "")

    def run(self) -> list[Event]:
        due = set(slots_between(self.schedule, self.scenario.start - TICK, self.scenario.until - TICK))
        kills = {self.scenario.start: self.scenario.start} | {end: start for start, end in self.scenario.outages}
        for moment in sorted(due | kills.keys()):
            self.answer_before(kills.get(moment, moment))
            if moment in kills:
                self.start(moment)
            if self.is_up(moment):
                if moment in due:
                    self.agenda.wake("a", moment)
                    self.make_room()
                self.send(moment)
        self.answer_before(self.scenario.until)
        rest = list(slots_between(self.schedule, self.job.cursor, self.scenario.until - TICK))
        return [*self.events, *([Event("waiting", None, rest[0], rest[-1], len(rest))] if rest else [])]

    def is_up(self, moment: datetime) -> bool:
        return not any(outage.start <= moment < outage.end for outage in self.scenario.outages)

    def answer_before(self, moment: datetime) -> None:
        while self.under_way and self.under_way[0][0] < moment and self.is_up(self.under_way[0][0]):
            when, _, _ = heapq.heappop(self.under_way)
            self.agenda.over("a")
            self.agenda.end("a")
            self.send(when)

    def start(self, now: datetime) -> None:
        self.agenda, self.started = self.new_agenda(), now
        left, self.under_way = sorted(self.under_way), []
        for _, place, taken in left:
            event, execution = self.events[place], taken.claim.execution
            if execution and may_resend(self.job, execution, now):
                self.agenda.begin("a")
                self.events[place] = replace(event, reason="resent", sent_at=now)
                heapq.heappush(self.under_way, (now + self.scenario.latency, place, taken))
            else:
                self.events[place] = replace(event, status="interrupted", reason="crash")
        self.agenda.arm(self.job, now - TICK)
        self.make_room()
        self.agenda.start(now - TICK)

    def make_room(self) -> None:
        for _ in self.agenda.take_crowded():
            _, place, _ = heapq.heappop(self.under_way)
            self.events[place] = replace(self.events[place], status="interrupted", reason="replaced")
            self.agenda.over("a")
            self.agenda.end("a")

    def send(self, now: datetime) -> None:
        while taken := self.agenda.take(now, 1):
            self.agenda.confirm(taken[0])
            claim = taken[0].claim
            assert claim.cursor is not None
            assert claim.next_slot == next_after(self.schedule, claim.cursor)
            self.job = replace(self.job, cursor=claim.cursor)
            for gap in claim.unrun:
                self.record(Event(gap.status, gap.reason, gap.first, gap.last, gap.count))
            if claim.execution:
                slot = claim.execution.slot
                reason = "catch_up" if slot < self.started else "queued" if slot < now else None
                self.events.append(Event("completed", reason, slot, slot, sent_at=now))
                heapq.heappush(self.under_way, (now + self.scenario.latency, len(self.events) - 1, taken[0]))
            self.make_room()

    def record(self, event: Event) -> None:
        last = self.events[-1] if self.events else None
        if last and last.sent_at is None and (last.status, last.reason) == (event.status, event.reason):
            self.events[-1] = replace(last, last=event.last, count=last.count + event.count)
        else:
            self.events.append(event)


# --- the feed ---


@given(_cases(), st.integers(0, 7_200), st.data())
def test_a_feed_gives_every_slot_once_and_calm_ones_together(
    case: tuple[JobSpec, Scenario], room_sec: int, data: st.DataObject
) -> None:
    given_spec, scenario = case
    schedule = compile_schedule(given_spec, zone=ZONE, created_at=scenario.start)
    slots = list(chain(*expand(schedule, scenario.start, scenario.until)))
    room = room_sec * 1_000_000
    crowded = {one for one, following in pairwise(slots) if following - one <= room}
    feed, given_slots = SlotFeed(expand(schedule, scenario.start, scenario.until), room), []
    skipped: set[int] = set()
    while feed.peek() is not None:
        before = to_micros(scenario.start) + data.draw(st.integers(0, 24 * 60)) * 60_000_000
        calm = list(feed.take_calm(before))
        assert not crowded.intersection(calm)
        assert all(slot < before for slot in calm)
        given_slots += calm
        upcoming = feed.peek()
        if not calm and upcoming is not None:
            assert upcoming in crowded or upcoming >= before
            if data.draw(st.booleans()):
                given_slots.append(upcoming)
                feed.advance()
            else:
                feed.skip_to(before)
                skipped.update(slot for slot in slots if upcoming <= slot < before)
                if upcoming >= before:
                    given_slots.append(upcoming)
                    feed.advance()
    assert sorted({*given_slots} | skipped) == slots
    assert len(given_slots) + len(skipped) == len(slots)


def test_blackouts_of_every_other_second_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    told = 0

    def counted(*asked: Any) -> Iterator[Excluded]:
        nonlocal told
        for one in exclusions(*asked):
            told += 1
            yield one

    monkeypatch.setattr("myscheduler.core.simulate.simulation.exclusions", counted)
    dark = [{"cron": {"second": "*/2"}, "duration": "PT1S"}]
    spec, _ = declare({"job_id": "a", "target_url": "http://x", "cron": {"second": "*"}, "blackout": dark}, zone="UTC")
    assert spec is not None
    start = datetime(2026, 1, 1, tzinfo=UTC)
    month = Scenario(start, start + timedelta(days=30), timedelta(seconds=0.5))
    with pytest.raises(TooManyLeftOutError, match=r"a: .* simulate a shorter time"):
        Simulation(month, zone="UTC").outlook(spec)
    assert told == MOST_LEFT_OUT + 1
    hour = Scenario(start, start + timedelta(hours=1), timedelta(seconds=0.5))
    assert Simulation(hour, zone="UTC").outlook(spec).totals.ran == 1_800
