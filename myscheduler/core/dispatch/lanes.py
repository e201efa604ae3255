"""The order in which attempts get permits: longest due first, with limits for each shared target or host."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from myscheduler.core.dispatch.throttles import Throttles

T = TypeVar("T")


class Lanes(Generic[T]):
    """What waits to be sent, in one lane for each shared target or else host, and the free permits.

    A lane may hold at most `per_lane` permits, and never more than half as many as are free (the dynamic thresholds of
    Choudhury and Hahne, 1998, with alpha = 1/2). So a target that hangs slows down only its own jobs. This has limits:
    hosts that begin to hang one after another each get up to a third of the remaining permits, so about twenty of them
    use up 2,000 permits until some of their executions time out.

    Beyond that, `throttles` says when a lane may send. Lanes that have to wait for it are `held`.
    """

    def __init__(
        self, permits: int, per_lane: int, throttles: Throttles | None = None, *, is_urgent: bool = False
    ) -> None:
        """`is_urgent` is for what a person asked for: see `Throttles.free_at`."""
        self._free = permits
        self._per_lane = per_lane
        self._throttles = throttles or Throttles()
        self._is_urgent = is_urgent
        self._lanes: dict[str, _Lane[T]] = {}
        self._heads: list[tuple[datetime, int, str]] = []
        """A heap of the first waiting item of each lane, as (due, order, lane); outdated entries are passed over."""
        self._full: set[str] = set()
        """Lanes with waiting items that hold all the permits they may."""
        self._held: set[str] = set()
        """Lanes with waiting items that their throttle holds back."""
        self._order = 0

    def put(self, name: str, due: datetime, item: T) -> None:
        """Add `item` to the lane `name`; items due first go first."""
        lane = self._lanes.setdefault(name, _Lane())
        self._order += 1
        heapq.heappush(lane.waiting, (due, self._order, item))
        if lane.waiting[0][1] == self._order and name not in self._full and name not in self._held:
            heapq.heappush(self._heads, (due, self._order, name))

    def take(self, now: datetime) -> Iterator[T]:
        """Give out permits and yield the items that get one, until none is free or none waits.

        Return each permit with `leave`.
        """
        self._release(now)
        while self._free > 0 and self._heads:
            _, order, name = heapq.heappop(self._heads)
            lane = self._lanes.get(name)
            if lane is None or not lane.waiting or lane.waiting[0][1] != order:
                continue
            if lane.taken >= self._allowance():
                self._full.add(name)
                continue
            if not self._is_free(name, now):
                self._held.add(name)
                continue
            _, _, item = heapq.heappop(lane.waiting)
            lane.taken += 1
            self._free -= 1
            self._throttles.enter(name, now)
            self._push_head(name, lane)
            yield item

    def leave(self, name: str) -> bool:
        """Return a permit of the lane. Returns whether anything may wait for it."""
        lane = self._lanes[name]
        lane.taken -= 1
        self._free += 1
        self._throttles.leave(name)
        if not lane.taken and not lane.waiting:
            del self._lanes[name]
        if self._full:
            allowance = self._allowance()
            for other in [one for one in self._full if self._lanes[one].taken < allowance]:
                self._full.remove(other)
                self._push_head(other, self._lanes[other])
        return self.is_waited_for

    @property
    def is_waited_for(self) -> bool:
        """Whether anything may wait for what another lane or a throttle gives back."""
        return bool(self._heads or self._held)

    def next_at(self, now: datetime) -> datetime | None:
        """When a held lane may go on by itself; `None` if none is held, or all wait for calls in flight."""
        times = (self._free_at(name, now) for name in self._held)
        return min((one for one in times if one is not None), default=None)

    def take_blocked(self, now: datetime, may_skip: Callable[[T], bool]) -> Iterator[T]:
        """Remove and yield the items that wait behind an open circuit and may be skipped. They get no permit."""
        for name in [one for one in self._held if self._throttles.is_open(one, now)]:
            lane = self._lanes[name]
            skipped = sorted(entry for entry in lane.waiting if may_skip(entry[2]))
            lane.waiting = [entry for entry in lane.waiting if not may_skip(entry[2])]
            heapq.heapify(lane.waiting)
            if not lane.waiting:
                self._held.remove(name)
                if not lane.taken:
                    del self._lanes[name]
            yield from (item for _, _, item in skipped)

    def load(self, name: str) -> tuple[int, int]:
        """How many permits the lane holds, and how many items wait in it."""
        lane = self._lanes.get(name)
        return (lane.taken, len(lane.waiting)) if lane else (0, 0)

    def _release(self, now: datetime) -> None:
        for name in [one for one in self._held if self._is_free(one, now)]:
            self._held.remove(name)
            self._push_head(name, self._lanes[name])

    def _is_free(self, name: str, now: datetime) -> bool:
        free_at = self._free_at(name, now)
        return free_at is not None and free_at <= now

    def _free_at(self, name: str, now: datetime) -> datetime | None:
        return self._throttles.free_at(name, now, is_urgent=self._is_urgent)

    def _allowance(self) -> int:
        return min(self._per_lane, max(1, self._free // 2))

    def _push_head(self, name: str, lane: "_Lane[T]") -> None:
        if lane.waiting:
            due, order, _ = lane.waiting[0]
            heapq.heappush(self._heads, (due, order, name))


@dataclass(slots=True)
class _Lane(Generic[T]):
    waiting: list[tuple[datetime, int, T]] = field(default_factory=list)
    taken: int = 0
