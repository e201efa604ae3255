"""Holds calls back: by the limits of shared targets, and where a target has asked to wait (`Retry-After`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.calls.breaker import Breaker, BreakerRules, Circuit, is_alive, why_of
from myscheduler.core.calls.outcome import Outcome
from myscheduler.core.calls.rate import Pacer, Rate

MOST_HELD = 10_000
"""The most lanes that are held back at the request of their targets."""


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """What a target of `targets.yaml` allows, over all jobs that call it."""

    concurrency: int | None = None
    """The most calls in flight."""
    rate: Rate | None = None
    breaker: BreakerRules | None = None


NO_TARGET_LIMITS = TargetLimits()


@dataclass(slots=True)
class _Throttle:
    limits: TargetLimits
    pacer: Pacer | None
    breaker: Breaker | None
    in_flight: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pressure:
    """What holds a lane back at a moment."""

    circuit: Circuit | None
    """`None` without a breaker."""
    open_until: datetime | None
    not_before: datetime | None
    """When the target may be called again that asked to wait."""
    failures: int
    """Failures in a row, as the breaker counts them."""
    opened_at: datetime | None = None
    """When the circuit opened last after it was closed."""
    alive_at: datetime | None = None
    """When a call last showed that the target works; `None` if none has since the start."""
    why: str | None = None
    """What is told of the last failure."""


class Throttles:
    """The throttles of all lanes; lanes without one are free.

    A lane is that of a shared target or of a host (see `Lanes`). Each call is counted by `enter` before it is sent, and
    by `leave` afterwards.
    """

    def __init__(self) -> None:
        self._throttles: dict[str, _Throttle] = {}
        self._declared: Mapping[str, TargetLimits] = {}

    def declare(self, limits: Mapping[str, TargetLimits]) -> None:
        """Set the limits by lane. What is in flight stays counted, and a breaker whose rules are the same keeps its
        state.
        """
        before, self._declared = self._declared, dict(limits)
        for lane in {*before, *limits}:
            new, old = limits.get(lane, NO_TARGET_LIMITS), before.get(lane, NO_TARGET_LIMITS)
            if new == old:
                continue
            throttle = self._throttle(lane)
            throttle.limits = new
            if new.rate != old.rate:
                throttle.pacer = Pacer(new.rate) if new.rate else None
            if new.breaker != old.breaker:
                throttle.breaker = Breaker(new.breaker) if new.breaker else None
            self._drop_if_idle(lane, throttle)

    def is_open(self, lane: str, now: datetime) -> bool:
        """Whether slots of the lane that fall due now are skipped: its circuit is open, or its probe is on its way."""
        throttle = self._throttles.get(lane)
        return throttle is not None and throttle.breaker is not None and throttle.breaker.blocks(now)

    def free_at(self, lane: str, now: datetime, *, is_urgent: bool = False) -> datetime | None:
        """When the next call of the lane may be sent, `now` or later; `None` if that depends on calls in flight.

        Urgent ones are runs by hand: neither an open circuit nor a target that asked to wait keeps them back, only the
        limits that the target's owner has set.
        """
        throttle = self._throttles.get(lane)
        if throttle is None:
            return now
        if throttle.limits.concurrency is not None and throttle.in_flight >= throttle.limits.concurrency:
            return None
        paced = now if throttle.pacer is None else throttle.pacer.free_at(now)
        if is_urgent:
            return paced
        breaker = throttle.breaker
        if breaker is not None and breaker.is_probing:
            return None
        opens_at = breaker.open_until if breaker else None
        return max(one for one in (paced, throttle.not_before, opens_at) if one is not None)

    def enter(self, lane: str, now: datetime) -> None:
        """Note that a call of the lane is about to be sent."""
        throttle = self._throttles.get(lane)
        if throttle is None:
            return
        throttle.in_flight += 1
        if throttle.not_before is not None and throttle.not_before <= now:
            throttle.not_before = None
        if throttle.pacer is not None:
            throttle.pacer.take(now)
        if throttle.breaker is not None:
            throttle.breaker.sent(now)

    def leave(self, lane: str) -> None:
        """Note that a call of the lane is over, or was not sent."""
        throttle = self._throttles.get(lane)
        if throttle is not None:
            throttle.in_flight = max(0, throttle.in_flight - 1)  # it may have begun before the lane was throttled
            self._drop_if_idle(lane, throttle)

    def note(self, lane: str, outcome: Outcome | None, now: datetime) -> None:
        """Note how a call of the lane ended; `None` if that is not known."""
        throttle = self._throttles.get(lane)
        if throttle is not None and throttle.breaker is not None:
            alive = None if outcome is None else is_alive(outcome)
            why = why_of(outcome) if outcome is not None and alive is False else None
            throttle.breaker.note(alive=alive, now=now, why=why)

    def hold(self, lane: str, until: datetime, now: datetime) -> None:
        """Send no call of the lane before that time. Does nothing if too many lanes are held already."""
        if lane not in self._throttles and len(self._throttles) >= MOST_HELD:
            self._expire(now)
            if len(self._throttles) >= MOST_HELD:
                return
        throttle = self._throttle(lane)
        throttle.not_before = until if throttle.not_before is None else max(throttle.not_before, until)

    def _expire(self, now: datetime) -> None:
        """Forget requests to wait that are over."""
        for lane, throttle in list(self._throttles.items()):
            if throttle.not_before is not None and throttle.not_before <= now:
                throttle.not_before = None
                self._drop_if_idle(lane, throttle)

    def pressure(self, lane: str, now: datetime) -> Pressure:
        """What holds the lane back now."""
        throttle = self._throttles.get(lane)
        if throttle is None:
            return Pressure(None, None, None, 0)
        breaker = throttle.breaker
        waits = throttle.not_before if throttle.not_before is not None and throttle.not_before > now else None
        if breaker is None:
            return Pressure(None, None, waits, 0)
        return Pressure(
            breaker.state(now),
            breaker.open_until,
            waits,
            breaker.failures,
            breaker.opened_at,
            breaker.alive_at,
            breaker.why,
        )

    def _throttle(self, lane: str) -> _Throttle:
        limits = self._declared.get(lane, NO_TARGET_LIMITS)
        return self._throttles.setdefault(
            lane,
            _Throttle(
                limits,
                Pacer(limits.rate) if limits.rate else None,
                Breaker(limits.breaker) if limits.breaker else None,
            ),
        )

    def _drop_if_idle(self, lane: str, throttle: _Throttle) -> None:
        if throttle.limits == NO_TARGET_LIMITS and throttle.not_before is None and not throttle.in_flight:
            del self._throttles[lane]
