"""The JSON shapes of statistics and of strips of results."""

from collections.abc import Mapping, Sequence
from math import floor

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.adapters.store.rows.listed import Brief
from myscheduler.api.shapes.common import InZone
from myscheduler.core.history.budget import Budget
from myscheduler.core.history.execution import Status
from myscheduler.core.history.stats import DayStats, Result, Spread, Stats, Streak
from myscheduler.core.schedule.timestamps import duration_text


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


class PointView(TypedDict):
    """An execution that was sent, for a plot."""

    execution_id: str
    status: str
    kind: str
    slot: str
    lateness_ms: int | None
    """From the slot to the first request; null for manual runs."""
    duration_ms: int | None
    """From the first request to the end; null while it is running."""


class BurnView(TypedDict):
    """How fast the error budget was spent in the last part of the window."""

    window: str
    """An ISO 8601 duration."""
    good: int
    bad: int
    rate: float | None
    """1 spends exactly the budget within the objective's window; null if nothing was due."""


class SloView(TypedDict):
    """The objective of the job, and its error budget."""

    success: float
    """Percent of the due runs that have to go well."""
    late_sec: int | None
    window: str
    """An ISO 8601 duration."""
    since: str
    good: int
    bad: int
    """Due runs that failed, were interrupted or missed, or began too late."""
    achieved: float | None
    """Percent of the due runs that went well; null if none was due."""
    budget_left: float
    """The share of the budget that is left: 1 is all of it, below 0 is overspent."""
    burn: list[BurnView]


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
    slo: SloView | None
    """Null for a job without an objective, and for a deleted one."""
    days_since: str
    """The day from which on all slots of a day are counted in `days`."""
    days: list[DayView]
    points: list[PointView]
    """The newest executions that were sent, oldest first, as many as were asked for."""


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

    def slo(self, budget: Budget) -> SloView:
        objective = budget.objective
        return {
            "success": objective.success,
            "late_sec": objective.late_sec,
            "window": duration_text(objective.window),
            "since": self._moment(budget.since),
            "good": budget.tally.good,
            "bad": budget.tally.bad,
            "achieved": None if budget.success is None else _cut(budget.success),
            "budget_left": _cut(budget.left),
            "burn": [
                {
                    "window": duration_text(burn.window),
                    "good": burn.tally.good,
                    "bad": burn.tally.bad,
                    "rate": None if burn.rate is None else _cut(burn.rate),
                }
                for burn in budget.burns
            ],
        }

    def point(self, execution_id: str, result: Result) -> PointView:
        return {
            "execution_id": execution_id,
            "status": str(result.status),
            "kind": str(result.kind),
            "slot": self._moment(result.slot),
            "lateness_ms": result.lateness_ms,
            "duration_ms": result.duration_ms,
        }

    def strip(self, job_id: str, rows: Sequence[Brief]) -> StripView:
        """`rows` are the newest ones, newest first."""
        text = self._times.text
        return {"job_id": job_id, "results": [
            {"execution_id": execution_id, "status": status, "slot": text(slot),
             "duration_ms": None if started_at is None or completed_at is None else (completed_at - started_at) // 1000}
            for _, execution_id, status, slot, started_at, completed_at in reversed(rows)
        ]}  # fmt: skip

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


def _cut(number: float) -> float:
    """With four decimals, rounded down, so that what is shown as reached was reached."""
    return floor(number * 10_000 + 1e-6) / 10_000


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
