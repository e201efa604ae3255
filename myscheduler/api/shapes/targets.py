"""The JSON shapes of shared targets."""

from datetime import datetime

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone
from myscheduler.core.calls.breaker import BreakerRules
from myscheduler.core.calls.rate import Rate
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.findings.masking import masked_text
from myscheduler.core.manifest.targets_file import SharedTarget
from myscheduler.core.schedule.timestamps import duration_text
from myscheduler.service.dispatch.target_loads import TargetLoad


class RateView(TypedDict):
    """At most `calls` in each `per`, an ISO 8601 duration; up to `burst` at once after a pause."""

    calls: int
    per: str
    burst: int


class BreakerView(TypedDict):
    """After how many failures in a row the circuit opens, and for how long."""

    failures: int
    open_sec: float
    longest_sec: float


class TargetLimitsView(TypedDict):
    """What the target allows, over all its jobs; null for no limit."""

    concurrency: int | None
    rate: RateView | None
    breaker: BreakerView | None


class TargetView(TypedDict):
    """A target of `targets.yaml`, and how it stands."""

    name: str
    base_url: str
    """As it is written, variables included, without credentials."""
    jobs: int
    """How many jobs name it."""
    limits: TargetLimitsView
    in_flight: int
    """Calls on their way."""
    waiting: int
    """Calls that wait for their turn; not retries whose time has not come."""
    circuit: str | None
    """`closed`, `open` or `half-open`; null without a breaker."""
    open_until: str | None
    """When the open circuit becomes half-open, or did; null while it is closed."""
    not_before: str | None
    """When it may be called again, as it asked to wait (`Retry-After`)."""
    failures: int
    """Failures in a row, as the breaker counts them."""
    certificate_expires_at: str | None
    """When its certificate expires; null without TLS, and until a job has connected to it since the start."""


class TargetList(TypedDict):
    targets: list[TargetView]


class TargetViews(InZone):
    """Makes the shapes, with times in the service's zone."""

    def view(
        self, name: str, target: SharedTarget, load: TargetLoad, jobs: int, expires_at: datetime | None
    ) -> TargetView:
        pressure = load.pressure
        return {
            "name": name,
            "base_url": masked_text(target.base_url),
            "jobs": jobs,
            "limits": _limits(target.limits),
            "in_flight": load.in_flight,
            "waiting": load.waiting,
            "circuit": pressure.circuit,
            "open_until": self._time(pressure.open_until),
            "not_before": self._time(pressure.not_before),
            "failures": pressure.failures,
            "certificate_expires_at": self._time(expires_at),
        }


def _limits(limits: TargetLimits) -> TargetLimitsView:
    return {
        "concurrency": limits.concurrency,
        "rate": _rate(limits.rate) if limits.rate else None,
        "breaker": _breaker(limits.breaker) if limits.breaker else None,
    }


def _rate(rate: Rate) -> RateView:
    return {"calls": rate.calls, "per": duration_text(rate.per), "burst": rate.burst}


def _breaker(rules: BreakerRules) -> BreakerView:
    return {"failures": rules.failures, "open_sec": rules.open_sec, "longest_sec": rules.longest_sec}
