"""How the shared targets stand: what is on its way to them, what waits, and what holds it back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from myscheduler.core.dispatch.armed import target_lane
from myscheduler.core.dispatch.throttles import Pressure, Throttles
from myscheduler.service.dispatch.permits import Permits


@dataclass(frozen=True, slots=True)
class TargetLoad:
    """How a target stands at a moment."""

    in_flight: int
    """Attempts that hold a permit."""
    waiting: int
    """Slots, attempts and manual runs that wait for their turn; not retries whose time has not come."""
    pressure: Pressure

    def held_until(self, now: datetime) -> datetime | None:
        """When the circuit may close, or the target may be called again that asked to wait; `None` if neither holds it
        back.
        """
        times = (self.pressure.open_until, self.pressure.not_before)
        return max((one for one in times if one is not None and one > now), default=None)


class TargetLoads:
    def __init__(self, throttles: Throttles, permits: Permits, *, now: Callable[[], datetime]) -> None:
        self._throttles = throttles
        self._permits = permits
        self._now = now

    def pressures(self, targets: Iterable[str]) -> dict[str, Pressure]:
        """What holds these targets back now, by name."""
        now = self._now()
        return {name: self._throttles.pressure(target_lane(name), now) for name in targets}

    def of(self, target: str) -> TargetLoad:
        """How the target with this name stands now; also for one that is not declared, which has no load."""
        lane = target_lane(target)
        return TargetLoad(*self._permits.load(lane), self._throttles.pressure(lane, self._now()))
