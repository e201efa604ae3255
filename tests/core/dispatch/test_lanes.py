"""Whose turn it is: the oldest first, as long as its target leaves room; a list that is scanned is the judge."""

from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.dispatch.lanes import Lanes

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def taken(lanes: Lanes[str]) -> list[str]:
    return list(lanes.take(NOON))


def filled(lanes: Lanes[str], name: str, count: int, due: datetime = NOON) -> None:
    for _ in range(count):
        lanes.put(name, due, name)


class TestOrder:
    def test_what_is_due_longest_goes_first_whatever_its_lane(self) -> None:
        lanes: Lanes[str] = Lanes(10, 10)
        for name, seconds in [("x", 3), ("y", 1), ("x", 2), ("z", 4), ("y", 5)]:
            lanes.put(name, NOON + seconds * SECOND, f"{name}{seconds}")
        assert taken(lanes) == ["y1", "x2", "x3", "z4", "y5"]

    def test_what_is_due_together_goes_in_the_order_of_its_arrival(self) -> None:
        lanes: Lanes[str] = Lanes(10, 10)
        for number, name in enumerate("xyxzy"):
            lanes.put(name, NOON, f"{name}{number}")
        assert taken(lanes) == ["x0", "y1", "x2", "z3", "y4"]

    def test_what_comes_later_and_was_due_earlier_overtakes(self) -> None:
        lanes: Lanes[str] = Lanes(10, 10)
        lanes.put("x", NOON + 2 * SECOND, "x2")
        lanes.put("y", NOON + SECOND, "y1")
        lanes.put("x", NOON, "x0")
        assert taken(lanes) == ["x0", "y1", "x2"]

    def test_it_overtakes_in_a_lane_that_is_full_too(self) -> None:
        lanes: Lanes[str] = Lanes(10, 1)
        lanes.put("x", NOON + SECOND, "first")
        lanes.put("x", NOON + 2 * SECOND, "second")
        assert taken(lanes) == ["first"]
        lanes.put("x", NOON, "oldest")
        lanes.leave("x")
        assert taken(lanes) == ["oldest"]

    def test_nobody_waits(self) -> None:
        assert taken(Lanes(10, 10)) == []


class TestLimits:
    def test_a_lane_holds_no_more_than_its_limit_and_does_not_hold_up_younger_ones(self) -> None:
        lanes: Lanes[str] = Lanes(100, 3)
        filled(lanes, "x", 5)
        filled(lanes, "y", 2, NOON + SECOND)
        assert taken(lanes) == ["x"] * 3 + ["y"] * 2

    def test_a_lane_never_holds_more_than_half_of_what_it_leaves_free(self) -> None:
        lanes: Lanes[str] = Lanes(90, 90)
        filled(lanes, "x", 90)
        assert len(taken(lanes)) == 30  # and 60 are free

    def test_the_only_place_can_be_taken(self) -> None:
        lanes: Lanes[str] = Lanes(1, 1)
        filled(lanes, "x", 2)
        assert taken(lanes) == ["x"]
        assert taken(lanes) == []
        lanes.leave("x")
        assert taken(lanes) == ["x"]

    @pytest.mark.parametrize("hosts", [1, 6, 50])
    def test_hosts_that_hang_leave_places_for_another(self, hosts: int) -> None:
        lanes: Lanes[str] = Lanes(500, 100)
        for number in range(100 * hosts):
            name = f"hanging-{number % hosts}"
            lanes.put(name, NOON, name)
        held = Counter(lanes.take(NOON))
        assert len(held) == hosts
        assert max(held.values()) <= (500 - held.total()) // 2 + 1
        filled(lanes, "well", 3, NOON + SECOND)
        assert taken(lanes) == ["well"] * 3

    @pytest.mark.parametrize("hosts", [1, 6])
    def test_hosts_that_begin_to_hang_one_after_the_other_leave_places_too(self, hosts: int) -> None:
        lanes: Lanes[str] = Lanes(500, 500)
        for number in range(hosts):
            filled(lanes, f"hanging-{number}", 500)
            assert taken(lanes)
        filled(lanes, "well", 10, NOON + SECOND)
        assert taken(lanes) == ["well"] * 10

    def test_when_all_places_are_held_the_next_one_goes_to_whoever_has_none(self) -> None:
        """More hosts hang, one after the other, than there are permits for: the first have to give back."""
        lanes: Lanes[str] = Lanes(500, 500)
        for number in range(50):
            filled(lanes, f"hanging-{number}", 50)
            list(lanes.take(NOON))
        filled(lanes, "well", 1, NOON + SECOND)
        left = 0
        while "well" not in taken(lanes):
            lanes.leave("hanging-0")
            left += 1
        assert left <= 50

    def test_places_come_back(self) -> None:
        lanes: Lanes[str] = Lanes(6, 2)
        filled(lanes, "x", 4)
        for _ in range(2):
            assert taken(lanes) == ["x"] * 2
            lanes.leave("x")
            lanes.leave("x")
        assert taken(lanes) == []

    def test_a_place_that_one_lane_gives_back_widens_the_others(self) -> None:
        lanes: Lanes[str] = Lanes(9, 9)
        filled(lanes, "x", 3)
        assert taken(lanes) == ["x"] * 3
        filled(lanes, "y", 9)
        assert taken(lanes) == ["y"] * 2  # 4 are free
        lanes.leave("x")
        lanes.leave("x")
        assert taken(lanes) == ["y"]  # of 6 free ones the half would be 3, and then 5 are left

    def test_a_caller_who_takes_some_and_stops_loses_none(self) -> None:
        lanes: Lanes[str] = Lanes(10, 10)
        for number in range(3):
            lanes.put("x", NOON, str(number))
        assert [*islice(lanes.take(NOON), 1), *lanes.take(NOON)] == ["0", "1", "2"]

    def test_places_may_be_given_back_while_others_are_taken(self) -> None:
        lanes: Lanes[str] = Lanes(2, 1)
        filled(lanes, "x", 50)
        taken = []
        for name in lanes.take(NOON):
            taken.append(name)
            lanes.leave(name)
        assert taken == ["x"] * 50


class Scanned:
    """The same by the simplest means: a list that is looked through each time."""

    def __init__(self, permits: int, per_lane: int) -> None:
        self.free = permits
        self.per_lane = per_lane
        self.waiting: list[tuple[datetime, int, str]] = []
        self.held: Counter[str] = Counter()

    def take(self, at_most: int) -> list[tuple[str, int]]:
        taken: list[tuple[str, int]] = []
        while self.free and len(taken) < at_most:
            allowance = min(self.per_lane, max(1, self.free // 2))
            allowed = [one for one in self.waiting if self.held[one[2]] < allowance]
            if not allowed:
                break
            first = min(allowed)
            self.waiting.remove(first)
            self.held[first[2]] += 1
            self.free -= 1
            taken.append((first[2], first[1]))
        return taken

    def leave(self, name: str) -> None:
        self.held[name] -= 1
        self.free += 1


_PUTS = st.tuples(st.just("put"), st.sampled_from("vwxyz"), st.integers(0, 5))
_TAKES = st.tuples(st.just("take"), st.just(""), st.integers(1, 12))
_LEAVES = st.tuples(st.just("leave"), st.sampled_from("vwxyz"), st.integers(1, 4))


@given(
    permits=st.integers(1, 12),
    per_lane=st.integers(1, 12),
    moves=st.lists(_PUTS | _TAKES | _LEAVES, max_size=60),
)
def test_a_list_that_is_scanned_each_time_gives_the_same(
    permits: int, per_lane: int, moves: list[tuple[str, str, int]]
) -> None:
    lanes: Lanes[tuple[str, int]] = Lanes(permits, per_lane)
    model = Scanned(permits, per_lane)
    for order, (move, name, number) in enumerate(moves):
        if move == "put":
            lanes.put(name, NOON + number * SECOND, (name, order))
            model.waiting.append((NOON + number * SECOND, order, name))
        elif move == "take":
            assert list(islice(lanes.take(NOON), number)) == model.take(number)
        else:
            for _ in range(min(number, model.held[name])):
                may_take = lanes.leave(name)
                model.leave(name)
                assert may_take or not deepcopy(model).take(1)
    for name in list(model.held.elements()):
        lanes.leave(name)
        model.leave(name)
    assert list(lanes.take(NOON)) == model.take(len(moves))
