"""Who is to blame where too many calls start in a minute, and that what is left keeps the limit."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.load.starts import Starter
from myscheduler.core.policy.bursts import Burst, find_bursts, starter_of
from myscheduler.core.policy.caps import Cap
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.exclusions import exclusion_at
from myscheduler.core.schedule.slots import TICK, slots_between
from tests.support.parts import ZONE, spec

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # midnight in Tokyo
A, B = "http://a.test/", "http://b.test/"
NIGHT, DAWN, EVENING = ({"cron": f"0 {hour} * * *"} for hour in (2, 5, 20))


def starters(*specs: JobSpec) -> dict[str, Starter]:
    found = ((one.job_id, starter_of(one, zone=ZONE, created_at=NOW)) for one in specs)
    return {job_id: starter for job_id, starter in found if starter is not None}


def bursts(
    before: dict[str, Starter], after: dict[str, Starter], most: int, job_ids: frozenset[str] | None = None
) -> dict[str, Burst]:
    return find_bursts(before, after, [Cap(most, "policy.yaml:1", job_ids)], clock=Clock(NOW, ZONE))


def jobs(*ids: str, **fields: Any) -> dict[str, Starter]:
    return starters(*(spec(job_id, **({"target_url": A} | fields)) for job_id in ids))


CROWD = jobs("a", "b", "c", **NIGHT)


@pytest.mark.parametrize(
    ("before", "after", "blamed"),
    [
        pytest.param({}, jobs("a", "b", **NIGHT), [], id="at the limit"),
        pytest.param({}, CROWD, ["a", "b", "c"], id="none comes first"),
        pytest.param(CROWD, CROWD, [], id="what runs already is left alone"),
        pytest.param(CROWD, CROWD | jobs("d", **NIGHT), ["d"], id="one more"),
        pytest.param(CROWD, CROWD | jobs("d", **DAWN), [], id="one more at another time"),
        pytest.param(CROWD, CROWD | jobs("c", **DAWN), [], id="one leaves"),
        pytest.param({}, CROWD | jobs("d", **DAWN), ["a", "b", "c"], id="others are not to blame"),
        pytest.param({}, jobs("a", **NIGHT) | jobs("b", "c", target_url=B, **NIGHT), [], id="hosts count apart"),
        pytest.param(
            {},
            jobs("a", target_url="https://x.test/", **NIGHT)
            | jobs("b", target_url="https://X.test:443/", **NIGHT)
            | jobs("c", target_url="https://u@x.test./", **NIGHT),
            ["a", "b", "c"],
            id="one host in three spellings",
        ),
        pytest.param({}, jobs("a", "b", **NIGHT) | jobs("c", paused=True, **NIGHT), [], id="a paused job"),
        pytest.param(jobs("a", "b", **NIGHT) | jobs("c", paused=True, **NIGHT), CROWD, ["c"], id="a pause that ends"),
        pytest.param(jobs("a", "b", **NIGHT) | jobs("c", target_url=B, **NIGHT), CROWD, ["c"], id="another host"),
        pytest.param(CROWD, jobs("a", "b", **NIGHT) | jobs("d", **NIGHT), ["d"], id="one goes, one comes, still over"),
        pytest.param(jobs("a", "b", **NIGHT), jobs("a", "d", **NIGHT), [], id="one goes, one comes"),
        pytest.param({}, jobs("a", "b", "c", jitter_sec=3600, **NIGHT), [], id="jitter spreads"),
        pytest.param({}, jobs("a", interval={"seconds": 20}), ["a"], id="one job alone"),
        pytest.param({}, jobs("a", cron={"second": "*/20", "minute": 0}), ["a"], id="one job alone, by seconds"),
        pytest.param({}, jobs("a", cron=["0 2 * * *", "0 2 1 * *", "0-59/30 2 * * *"]), [], id="equal times once"),
        pytest.param(
            {},
            jobs("a", "b", cron=["30 4 * * *", "0 2 * * *"]) | jobs("c", **NIGHT),
            ["a", "b", "c"],
            id="one time of several",
        ),
        pytest.param(
            {},
            jobs("a", "b", **NIGHT) | jobs("c", interval={"weeks": 1}, clock="wall", anchor="2026-11-11T02:00"),
            ["a", "b", "c"],
            id="an interval by the calendar",
        ),
        pytest.param(
            jobs("a", interval={"seconds": 30}),
            jobs("a", interval={"seconds": 10}),
            ["a"],
            id="more of the same minute",
        ),
        pytest.param(
            # c would go from where it is over to where it is not; that d comes in its place is one too many
            jobs("a", "b", **NIGHT) | jobs("x", "y", **DAWN),
            jobs("a", **NIGHT) | jobs("b", "x", "y", **DAWN) | jobs("d", **NIGHT),
            ["b", "d"],
            id="a change that is held keeps its place",
        ),
        pytest.param(
            {},
            jobs("a", "b", "c", blackout=[{"from": "2026-11-01T00:00:00", "to": "2026-12-31T00:00:00"}], **NIGHT),
            [],
            id="blackout",
        ),
        pytest.param({}, jobs("a", "b", "c", cron="0 2 2 12 *"), [], id="later than seven days"),
        pytest.param({}, jobs("a", "b", "c", cron="59 23 1 12 *"), ["a", "b", "c"], id="at the end of seven days"),
    ],
)
def test_who_is_to_blame(before: dict[str, Starter], after: dict[str, Starter], blamed: list[str]) -> None:
    assert sorted(bursts(before, after, 2)) == blamed


def test_what_is_said() -> None:
    crowd = [spec(job_id, target_url=A, **fields) for job_id, fields in [("a", NIGHT), ("b", NIGHT), ("c", EVENING)]]
    crowd += [spec("d", target_url=A, cron="0 2,20 * * sun"), spec("e", target_url=A, cron="0 20 * * sun")]
    found = bursts({}, starters(*crowd), 2)
    assert {job_id: (rush.at.isoformat(), rush.starts) for job_id, rush in found.items()} == {
        "a": ("2026-11-29T02:00:00+09:00", 3),
        "b": ("2026-11-29T02:00:00+09:00", 3),
        "c": ("2026-11-29T20:00:00+09:00", 3),
        "d": ("2026-11-29T02:00:00+09:00", 3),
        "e": ("2026-11-29T20:00:00+09:00", 3),
    }
    complaint = found["a"].complain(crowd[0])
    assert (complaint.loc, complaint.rule) == (("cron",), "policy-starts")
    assert complaint.message == (
        "is one of 3 starts on a.test in the minute of Sun 2026-11-29 02:00, more than the 2 that policy.yaml:1 "
        "allows: spread them with jitter_sec, or choose another minute; "
        "myscheduler forecast shows where there is room"
    )


def test_a_limit_of_some_jobs_counts_them_only() -> None:
    assert bursts({}, CROWD, 2, frozenset("ab")) == {}
    assert sorted(bursts({}, CROWD, 1, frozenset("ab"))) == ["a", "b"]


_SCHEDULES = st.sampled_from([
    *({"cron": cron} for cron in ("0 * * * *", "0,1 2 * * *", "*/20 * * * *", "0 2 * * mon", "30 1 * * *")),
    *({"cron": several} for several in (["0 2 * * *", "0 2 * * mon"], ["*/20 * * * *", "10 * * * *", "@daily"])),
    *({"interval": interval} for interval in ({"minutes": 20}, {"hours": 1}, {"seconds": 45})),
    {"interval": {"days": 2}, "clock": "wall", "anchor": "2026-11-20T02:00"},
    {"interval": {"months": 1}, "clock": "wall", "anchor": "2026-10-31T02:00"},
])  # fmt: skip
_OTHERS = st.fixed_dictionaries(
    {"target_url": st.sampled_from([A, A, B])},
    optional={
        "jitter_sec": st.sampled_from([90, 3600]),
        "paused": st.booleans(),
        "calendar": st.just({"country": "JP", "only": "business_days"}),
        "start_at": st.just("2026-11-26T00:00:00"),
    },
)
_JOBS = st.dictionaries(st.sampled_from("abcdef"), st.builds(lambda one, more: one | more, _SCHEDULES, _OTHERS))
Counts = Counter[tuple[str, datetime]]


def _counted(one: JobSpec) -> Counts:
    """Slot by slot."""
    found = Counts()
    schedule = compile_schedule(one, zone=ZONE, created_at=NOW)
    for slot in () if one.paused else slots_between(schedule, NOW - TICK, NOW + timedelta(days=7) - TICK):
        if exclusion_at(schedule, slot) is None:
            found[one.target_url, slot.replace(second=0, microsecond=0)] += 1
    return found


@settings(max_examples=50, deadline=None)
@given(_JOBS, _JOBS, st.integers(1, 3))
def test_what_is_left_adds_to_no_rush_and_who_is_blamed_would(
    old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]], most: int
) -> None:
    before = {job_id: spec(job_id, **fields) for job_id, fields in old.items()}
    after = {job_id: spec(job_id, **fields) for job_id, fields in new.items()}
    blamed = bursts(starters(*before.values()), starters(*after.values()), most)
    counts_before = {job_id: _counted(one) for job_id, one in before.items()}
    counts_after = {job_id: _counted(one) for job_id, one in after.items()}
    made = {
        job_id: counts_before.get(job_id, Counts()) if job_id in blamed else counts_after[job_id] for job_id in after
    }
    over = {place for place, count in sum(made.values(), Counts()).items() if count > most}
    for job_id, counts in made.items():
        assert not any(counts[place] > counts_before.get(job_id, Counts())[place] for place in over), job_id
    assert all(after[job_id] != before.get(job_id) for job_id in blamed)
    if not before:
        everything = sum(counts_after.values(), Counts())
        for job_id, rush in blamed.items():
            place = (after[job_id].target_url, rush.at.astimezone(UTC))
            assert everything[place] == rush.starts > most
            assert counts_after[job_id][place]
