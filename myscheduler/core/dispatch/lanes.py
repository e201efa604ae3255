"""Whose turn it is: what is due longest, as long as its target leaves room for the others."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """What waits to be sent, in one lane for each target host, and the permits that are left.

    A lane may hold `per_lane` permits, and never more than half of those that are free (the dynamic thresholds of
    Choudhury and Hahne, 1998, with alpha = 1/2). So targets that hang slow down their own jobs. The bound is the
    permits, not magic: hosts that begin to hang one after the other each get up to a third of what is left, and about
    twenty of them use up 2,000 permits until some of their executions time out.
    """

    def __init__(self, permits: int, per_lane: int) -> None:
        self._free = permits
        self._per_lane = per_lane
        self._lanes: dict[str, _Lane[T]] = {}
        self._heads: list[tuple[datetime, int, str]] = []
        """A heap of lanes with someone waiting; an entry that is no longer the lane's first is passed over."""
        self._full: set[str] = set()
        """Lanes with someone waiting and without a permit for them."""
        self._order = 0

    def put(self, name: str, due: datetime, item: T) -> None:
        """Let `item` wait in the lane `name`; what is due first goes first."""
        lane = self._lanes.setdefault(name, _Lane())
        self._order += 1
        heapq.heappush(lane.waiting, (due, self._order, item))
        if lane.waiting[0][1] == self._order and name not in self._full:
            heapq.heappush(self._heads, (due, self._order, name))

    def take(self) -> Iterator[T]:
        """One after the other gets a permit, until there is none left or nobody waits. Each ends with `leave`."""
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
            self._show(name, lane)
            yield item

    def leave(self, name: str) -> None:
        """Give a permit of the lane back."""
        lane = self._lanes[name]
        lane.taken -= 1
        self._free += 1
        if not lane.taken and not lane.waiting:
            del self._lanes[name]
        allowance = self._allowance()
        for other in [one for one in self._full if self._lanes[one].taken < allowance]:
            self._full.remove(other)
            self._show(other, self._lanes[other])

    def _allowance(self) -> int:
        return min(self._per_lane, max(1, self._free // 2))

    def _show(self, name: str, lane: "_Lane[T]") -> None:
        if lane.waiting:
            due, order, _ = lane.waiting[0]
            heapq.heappush(self._heads, (due, order, name))


@dataclass(slots=True)
class _Lane(Generic[T]):
    waiting: list[tuple[datetime, int, T]] = field(default_factory=list)
    taken: int = 0
