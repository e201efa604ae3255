"""Feeds the slots of a schedule to the simulation: one by one, or many at a time where they are far enough apart."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import sub


class SlotFeed:
    """An iterator over slots that can also return a sequence of calm ones.

    A slot is calm when the next slot is more than `room` later, and crowded otherwise. Slots and `room` are in
    microseconds; slots since the Unix epoch.
    """

    def __init__(self, parts: Iterator[Sequence[int]], room: int) -> None:
        """`parts` are sequences of slots, as `expansion.expand` yields them."""
        self._parts = parts
        self._room = room
        self._part: Sequence[int] = ()
        self._following: Sequence[int] = next(parts, ())
        self._at = 0
        self._crowded: Sequence[int] = ()
        """The indices of crowded slots in `_part`."""
        self._next_part()

    def peek(self) -> int | None:
        """The next slot, or `None` after the last one."""
        return self._part[self._at] if self._part else None

    def advance(self) -> None:
        self._go_to(self._at + 1)

    def skip_to(self, moment: int) -> None:
        """Skip the slots before `moment`."""
        while self._part and self._part[-1] < moment:
            self._next_part()
        if self._part:
            self._at = bisect_left(self._part, moment, lo=self._at)

    def take_calm(self, before: int) -> Sequence[int]:
        """Remove and return calm slots before `before`, from the next slot on.

        Returns as many as are at hand, so call it until it returns none.
        """
        nearest = bisect_left(self._crowded, self._at)
        stop = self._crowded[nearest] if nearest < len(self._crowded) else len(self._part)
        if stop > self._at and self._part[stop - 1] >= before:
            stop = bisect_left(self._part, before, lo=self._at)
        calm = self._part[self._at : stop]
        self._go_to(stop)
        return calm

    def _go_to(self, index: int) -> None:
        self._at = index
        if index >= len(self._part):
            self._next_part()

    def _next_part(self) -> None:
        self._part, self._following, self._at = self._following, next(self._parts, ()), 0
        self._crowded = self._find_crowded()

    def _find_crowded(self) -> Sequence[int]:
        if not self._part:
            return ()
        end = len(self._part) - 1
        is_last_crowded = bool(self._following) and self._following[0] - self._part[end] <= self._room
        if isinstance(self._part, range):  # it may have billions of slots
            start = 0 if self._part.step <= self._room else end
            return range(start, end + is_last_crowded)
        distances = map(sub, islice(self._part, 1, None), self._part)
        crowded = [index for index, distance in enumerate(distances) if distance <= self._room]
        return [*crowded, end] if is_last_crowded else crowded
