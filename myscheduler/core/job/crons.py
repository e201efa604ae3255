"""The meaning of declared cron expressions, independent of how they are written."""

from myscheduler.core.caching import cached
from myscheduler.core.job.spec import (
    DeclaredCron,
    DeclaredCrons,
    DeclaredSchedule,
    crons_of,
)
from myscheduler.core.schedule.dialect import CRONTAB_FIELDS, DayMatch, canonical, object_texts, parse_cron
from myscheduler.core.schedule.expression import CronExpression


def distinct_crons(schedule: DeclaredCrons) -> list[DeclaredCron]:
    """One expression for each distinct meaning, in an order that doesn't depend on the spelling."""
    meanings = {cron_meaning(one.fields, one.day_match): one for one in schedule.crons}
    return [meanings[meaning] for meaning in sorted(meanings)]


def follows_real_time(schedule: DeclaredSchedule) -> bool:
    """Whether it is a cron schedule that clock changes don't affect: its hour, minute or second starts with `*`."""
    crons = crons_of(schedule)
    return bool(crons) and all(parsed_cron(one.fields, one.day_match).real_time for one in crons)


@cached(4_096)  # many jobs share few expressions, and each is parsed at every change and start
def parsed_cron(fields: tuple[tuple[str, str], ...], day_match: DayMatch) -> CronExpression:
    return parse_cron(dict(fields), day_match=day_match)


@cached(4_096)
def cron_meaning(fields: tuple[tuple[str, str], ...], day_match: DayMatch) -> str:
    return canonical(parsed_cron(fields, day_match))


@cached(4_096)
def crontab_line(fields: tuple[tuple[str, str], ...], day_match: DayMatch, read_with: DayMatch) -> str | None:
    """The crontab line that means the same if it is read with the other `day_match`, or `None` if there is none."""
    texts = object_texts(dict(fields))
    line = " ".join(texts[name] for name in CRONTAB_FIELDS)
    is_same = canonical(parse_cron(line, day_match=read_with)) == cron_meaning(fields, day_match)
    return line if is_same else None
