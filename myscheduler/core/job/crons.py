"""Declared cron expressions as what they mean."""

from typing import Literal

from myscheduler.core.caching import cached
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredSchedule,
    crons_of,
)
from myscheduler.core.schedule.dialect import canonical, parse_cron
from myscheduler.core.schedule.expression import CronExpression


def distinct_crons(schedule: DeclaredCrons) -> list[DeclaredCron]:
    """Those that differ in their meaning, in an order that knows nothing of how they are written."""
    meanings = {cron_meaning(one.fields, one.day_match): one for one in schedule.crons}
    return [meanings[meaning] for meaning in sorted(meanings)]


def follows_real_time(schedule: DeclaredSchedule) -> bool:
    """A cron schedule whose hours, minutes or seconds start with `*`: changes of the clock are nothing to it."""
    crons = crons_of(schedule)
    return bool(crons) and all(parsed_cron(one.fields, one.day_match).real_time for one in crons)


@cached(4_096)  # many jobs have few expressions, and each is asked for at every change and start
def parsed_cron(fields: tuple[tuple[str, str], ...], day_match: Literal["any", "all"]) -> CronExpression:
    return parse_cron(dict(fields), day_match=day_match)


@cached(4_096)
def cron_meaning(fields: tuple[tuple[str, str], ...], day_match: Literal["any", "all"]) -> str:
    return canonical(parsed_cron(fields, day_match))
