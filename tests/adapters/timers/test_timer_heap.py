"""The heap of timers behaves as a sorted list of them would, and does not grow by what it passed over."""

from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.jobstores.base import JobLookupError
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.adapters.timers.timer_heap import FEWEST_DUE, MOST_DUE, SPARE, Timer, TimerHeap
from myscheduler.core.schedule.slots import Interval, Once

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)

NAMES = st.sampled_from("abcd")
MOMENTS = st.integers(0, 5)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), NAMES, MOMENTS),
        st.tuples(st.just("discard"), NAMES, MOMENTS),
        st.tuples(st.just("ring"), NAMES, MOMENTS),
    ),
    max_size=30,
)


def timer(name: str, second: int) -> Timer:
    moment = START + second * SECOND
    return Timer(name, Once(moment), moment)


def names_by_moment(heap: TimerHeap) -> list[tuple[datetime, str]]:
    return sorted((one.next_run_time, one.id) for one in heap.get_all_jobs())


@given(STEPS)
def test_the_first_is_always_the_first_of_those_that_stand(steps: list[tuple[str, str, int]]) -> None:
    heap, model = TimerHeap(), dict[str, int]()
    for what, name, second in steps:
        match what:
            case "set":
                heap.set(timer(name, second))
                model[name] = second
            case "discard":
                heap.discard(name)
                model.pop(name, None)
            case _:
                due = heap.get_due_jobs(START + second * SECOND)
                assert {one.id for one in due} == {one for one, at in model.items() if at <= second}
                assert [one.next_run_time for one in due] == sorted(one.next_run_time for one in due)
                for one in due:  # as APScheduler does with each
                    model[one.id] = second + 2
                    one._modify(next_run_time=START + (second + 2) * SECOND)
                    heap.update_job(one)
        assert names_by_moment(heap) == sorted((START + at * SECOND, one) for one, at in model.items())
        assert heap.get_next_run_time() == (START + min(model.values()) * SECOND if model else None)
        assert list(heap.ascending()) == names_by_moment(heap)


def test_timers_that_are_set_while_they_are_listed_are_listed_once() -> None:
    heap = TimerHeap()
    for second, name in enumerate("abcd"):
        heap.set(timer(name, second))
    listed = heap.ascending()
    first = next(listed)
    (rung,) = heap.get_due_jobs(START)
    rung._modify(next_run_time=START + 9 * SECOND)
    heap.update_job(rung)
    heap.set(timer("c", 7))
    heap.discard("d")
    assert [name for _, name in (first, *listed)] == ["a", "b", "c", "d"]


def test_a_herd_is_taken_in_parts_that_grow_and_in_order() -> None:
    heap, count = TimerHeap(), 2_000
    for number in reversed(range(count)):
        heap.set(timer(f"job-{number:04}", number % 3))
    for _ in range(2):  # after a pause, the first part is small again
        parts = []
        while (first := heap.get_next_run_time()) is not None and first <= START + 2 * SECOND:
            parts.append(heap.get_due_jobs(START + 2 * SECOND))
            for one in parts[-1]:
                heap.remove_job(one.id)
        assert [len(part) for part in parts] == [32, 64, 128, 256, 512, 512, count - 1504]
        assert (len(parts[0]), max(map(len, parts))) == (FEWEST_DUE, MOST_DUE)
        taken = [one for part in parts for one in part]
        assert [one.next_run_time for one in taken] == sorted(one.next_run_time for one in taken)
        for one in taken:
            heap.set(timer(one.id, 0))


def test_timers_that_are_moved_again_and_again_leave_no_heap_behind() -> None:
    heap = TimerHeap()
    for second in range(20 * SPARE):
        heap.set(timer(f"job-{second % 10}", second))
    assert len(heap._heap) <= 2 * 10 + SPARE
    assert [one.id for one in heap.get_due_jobs(START + 20 * SPARE * SECOND)] == [
        f"job-{number}" for number in range(10)
    ]
    assert heap.get_next_run_time() is None


def test_after_a_ring_comes_the_next_slot_that_is_not_over() -> None:
    one = Timer("a", Interval(SECOND, START), START + SECOND)
    assert one.get_next_fire_time(START + SECOND, START + SECOND) == START + 2 * SECOND
    late = START + 10 * SECOND
    assert one.get_next_fire_time(START + SECOND, late) == late + SECOND
    assert Timer("b", Once(START), START).get_next_fire_time(START, START) is None


def test_what_is_not_there_can_not_be_changed() -> None:
    heap = TimerHeap()
    with pytest.raises(JobLookupError):
        heap.update_job(timer("a", 1))
    with pytest.raises(JobLookupError):
        heap.remove_job("a")
    heap.discard("a")
