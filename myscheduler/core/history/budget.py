"""The error budget of a job with an objective: how much of it is spent, and how fast it is being spent.

Due runs count: what completed in time went well; what failed, was interrupted or missed, or began too late did not.
Slots that were skipped on purpose and manual runs count neither way. The rate at which a budget burns, and the windows
in which it is looked at, are those of Google's Site Reliability Workbook, chapter 5 ("Alerting on SLOs").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from myscheduler.core.job.objective import Objective

SHARES = (720, 120, 10)
"""The windows in which burning is looked at, as parts of the objective's: of 30 days an hour, six hours, three days."""


class Tally(NamedTuple):
    """How many due runs went well, and how many did not."""

    good: int = 0
    bad: int = 0

    @property
    def total(self) -> int:
        return self.good + self.bad


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast the budget was spent in the last part of the window."""

    window: timedelta
    tally: Tally
    rate: float | None
    """1 spends exactly the budget within the objective's window, 2 spends it in half of the time; `None` if nothing
    was due."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What an objective allows, and what has happened."""

    objective: Objective
    since: datetime
    tally: Tally
    burns: tuple[Burn, ...]

    @property
    def success(self) -> float | None:
        """Percent of the due runs that went well; `None` if none was due."""
        return 100 * self.tally.good / self.tally.total if self.tally.total else None

    @property
    def allowed(self) -> float:
        """Of the due runs so far, how many may go wrong."""
        return self.tally.total * _share_allowed(self.objective)

    @property
    def left(self) -> float:
        """The share of the budget that is left: 1 for all of it, below 0 if more than all of it is spent."""
        return 1 - self.tally.bad / self.allowed if self.tally.total else 1.0


def starts_of(objective: Objective, now: datetime) -> tuple[datetime, ...]:
    """When the whole window and those of `SHARES` began, in this order."""
    return (now - objective.window, *(now - objective.window / share for share in SHARES))


def budget_of(objective: Objective, now: datetime, tallies: Sequence[Tally]) -> Budget:
    """The budget; `tallies` are those since each of `starts_of`."""
    whole, *parts = tallies
    burns = tuple(
        Burn(objective.window / share, tally, _rate(tally, objective))
        for share, tally in zip(SHARES, parts, strict=True)
    )
    return Budget(objective, now - objective.window, whole, burns)


def _rate(tally: Tally, objective: Objective) -> float | None:
    return tally.bad / tally.total / _share_allowed(objective) if tally.total else None


def _share_allowed(objective: Objective) -> float:
    return 1 - objective.success / 100
