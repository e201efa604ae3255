"""The JSON shapes of statistics and of strips of results."""

from collections.abc import Mapping
from datetime import datetime

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import InZone
from myscheduler.core.history.execution import Status
from myscheduler.core.history.stats import DayStats, Spread, Stats, Streak, duration_ms


class SpreadView(TypedDict):
    """Milliseconds. A percentile is the smallest number that so many percent of all do not exceed."""

    count: int
    min: int
    mean: int
    max: int
    p50: int
    p90: int
    p95: int
    p99: int


class StreakView(TypedDict):
    result: str
    """`success` or `failure`."""
    count: int
    first_scheduled_at: str
    last_scheduled_at: str


class StreaksView(TypedDict):
    current: StreakView | None
    longest_success: StreakView | None
    longest_failure: StreakView | None


class DayView(TypedDict):
    date: str
    statuses: dict[str, int]
    success_rate: float | None
    duration_ms: SpreadView | None


class StatsView(TypedDict):
    job_id: str
    timezone: str
    """The job's zone, in which days begin and end."""
    since: str
    rows: int
    """How many rows of the history were counted."""
    complete: bool
    """Whether these are all rows of the time; otherwise they are the newest ones."""
    statuses: dict[str, int]
    """Slots by status."""
    reasons: dict[str, int]
    """Slots by reason."""
    success_rate: float | None
    """Completed executions, of those that completed, failed or were interrupted."""
    duration_ms: SpreadView | None
    lateness_ms: SpreadView | None
    streaks: StreaksView
    days: list[DayView]


class StripResult(TypedDict):
    execution_id: str
    status: str
    slot: str
    duration_ms: int | None


class StripView(TypedDict):
    job_id: str
    results: list[StripResult]
    """Oldest first."""


class StripList(TypedDict):
    strips: list[StripView]
    count: int


class StatsViews(InZone):
    def figures(self, stats: Stats) -> dict[str, object]:
        """The part of the answer that the rows give."""
        return {
            "rows": stats.rows,
            "statuses": _statuses(stats.statuses),
            "reasons": dict(sorted(stats.reasons.items())),
            "success_rate": _rate(stats.success_rate),
            "duration_ms": _spread(stats.duration),
            "lateness_ms": _spread(stats.lateness),
            "streaks": {
                "current": self._streak(stats.current),
                "longest_success": self._streak(stats.longest_success),
                "longest_failure": self._streak(stats.longest_failure),
            },
            "days": [_day(day) for day in stats.days],
        }

    def strip_result(
        self,
        execution_id: str,
        status: str,
        slot: datetime,
        started_at: datetime | None,
        completed_at: datetime | None,
    ) -> StripResult:
        duration = duration_ms(started_at, completed_at)
        return {"execution_id": execution_id, "status": status, "slot": self._moment(slot), "duration_ms": duration}

    def _streak(self, streak: Streak | None) -> StreakView | None:
        if streak is None:
            return None
        return {
            "result": "success" if streak.is_success else "failure",
            "count": streak.count,
            "first_scheduled_at": self._moment(streak.first),
            "last_scheduled_at": self._moment(streak.last),
        }


def _day(day: DayStats) -> DayView:
    return {
        "date": day.day.isoformat(),
        "statuses": _statuses(day.statuses),
        "success_rate": _rate(day.success_rate),
        "duration_ms": _spread(day.duration),
    }


def _statuses(counts: Mapping[Status, int]) -> dict[str, int]:
    """All statuses in a fixed order, also those that do not occur."""
    return {str(status): counts.get(status, 0) for status in Status}


def _rate(rate: float | None) -> float | None:
    """Cut off after four digits, so that 1 means that all went well."""
    return None if rate is None else int(rate * 10_000) / 10_000


def _spread(spread: Spread | None) -> SpreadView | None:
    if spread is None:
        return None
    p50, p90, p95, p99 = (spread.percentiles[percent] for percent in (50, 90, 95, 99))
    return {
        "count": spread.count,
        "min": spread.lowest,
        "mean": spread.mean,
        "max": spread.highest,
        "p50": p50,
        "p90": p90,
        "p95": p95,
        "p99": p99,
    }
