"""The slots of a schedule as a virtual clock meets them, those with room before the next one many at a time."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import sub


class SlotFeed:
    def __init__(self, parts: Iterator[Sequence[int]], room: int) -> None:
        """`parts` are those of `expansion.expand`; a slot is calm when the next one is more than `room` later."""
        self._parts = parts
        self._room = room
        self._part: Sequence[int] = ()
        self._following: Sequence[int] = next(parts, ())
        self._at = 0
        self._crowded: Sequence[int] = ()
        """The places in the part of slots that are not calm."""
        self._turn_over()

    def peek(self) -> int | None:
        """The next slot."""
        return self._part[self._at] if self._part else None

    def advance(self) -> None:
        self._go_to(self._at + 1)

    def skip_to(self, moment: int) -> None:
        """Leave out the slots before that moment."""
        while self._part and self._part[-1] < moment:
            self._turn_over()
        if self._part:
            self._at = bisect_left(self._part, moment, lo=self._at)

    def take_calm(self, before: int) -> Sequence[int]:
        """Slots from the next one on that are calm and earlier than `before`: some of them, unless there are none."""
        nearest = bisect_left(self._crowded, self._at)
        stop = self._crowded[nearest] if nearest < len(self._crowded) else len(self._part)
        if stop > self._at and self._part[stop - 1] >= before:
            stop = bisect_left(self._part, before, lo=self._at)
        calm = self._part[self._at : stop]
        self._go_to(stop)
        return calm

    def _go_to(self, place: int) -> None:
        self._at = place
        if place >= len(self._part):
            self._turn_over()

    def _turn_over(self) -> None:
        self._part, self._following, self._at = self._following, next(self._parts, ()), 0
        self._crowded = self._find_crowded()

    def _find_crowded(self) -> Sequence[int]:
        if not self._part:
            return ()
        end = len(self._part) - 1
        is_last_crowded = bool(self._following) and self._following[0] - self._part[end] <= self._room
        if isinstance(self._part, range):  # that may be of any length
            start = 0 if self._part.step <= self._room else end
            return range(start, end + is_last_crowded)
        distances = map(sub, islice(self._part, 1, None), self._part)
        crowded = [place for place, distance in enumerate(distances) if distance <= self._room]
        return [*crowded, end] if is_last_crowded else crowded
