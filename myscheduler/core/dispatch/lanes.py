"""The order in which attempts get permits: longest due first, with a limit for each target host."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """What waits to be sent, in one lane for each target host, and the free permits.

    A lane may hold at most `per_lane` permits, and never more than half as many as are free (the dynamic thresholds of
    Choudhury and Hahne, 1998, with alpha = 1/2). So a target that hangs slows down only its own jobs. This has limits:
    hosts that begin to hang one after another each get up to a third of the remaining permits, so about twenty of them
    use up 2,000 permits until some of their executions time out.
    """

    def __init__(self, permits: int, per_lane: int) -> None:
        self._free = permits
        self._per_lane = per_lane
        self._lanes: dict[str, _Lane[T]] = {}
        self._heads: list[tuple[datetime, int, str]] = []
        """A heap of the first waiting item of each lane, as (due, order, lane); outdated entries are passed over."""
        self._full: set[str] = set()
        """Lanes with waiting items that hold all the permits they may."""
        self._order = 0

    def put(self, name: str, due: datetime, item: T) -> None:
        """Add `item` to the lane `name`; items due first go first."""
        lane = self._lanes.setdefault(name, _Lane())
        self._order += 1
        heapq.heappush(lane.waiting, (due, self._order, item))
        if lane.waiting[0][1] == self._order and name not in self._full:
            heapq.heappush(self._heads, (due, self._order, name))

    def take(self) -> Iterator[T]:
        """Give out permits and yield the items that get one, until none is free or none waits.

        Return each permit with `leave`.
        """
        while self._free > 0 and self._heads:
            _, order, name = heapq.heappop(self._heads)
            lane = self._lanes.get(name)
            if lane is None or not lane.waiting or lane.waiting[0][1] != order:
                continue
            if lane.taken >= self._allowance():
                self._full.add(name)
                continue
            _, _, item = heapq.heappop(lane.waiting)
            lane.taken += 1
            self._free -= 1
            self._push_head(name, lane)
            yield item

    def leave(self, name: str) -> None:
        """Return a permit of the lane."""
        lane = self._lanes[name]
        lane.taken -= 1
        self._free += 1
        if not lane.taken and not lane.waiting:
            del self._lanes[name]
        allowance = self._allowance()
        for other in [one for one in self._full if self._lanes[one].taken < allowance]:
            self._full.remove(other)
            self._push_head(other, self._lanes[other])

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
