"""Parses cron expressions, written as a crontab line or as an object of fields.

The dialect is Debian's crontab(5) with the extensions of cronsim (`5/10`, `L`, `LW`, `MON#1`, `5L`), plus year, ISO
week and second in the object form. Weekdays count from 0 = Sunday.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from itertools import compress
from typing import Literal

from myscheduler.core.findings.masking import LOOKED_AT, key_shown, masked_text
from myscheduler.core.schedule.cron_hints import before_fields, beside_fields, has_year, name_meant, odd_space
from myscheduler.core.schedule.expression import (
    FIRST_YEAR,
    LAST_YEAR,
    MONTH_LENGTHS,
    CronExpression,
    DayRule,
    YearKind,
    bits,
    days_of_year,
    kind_of_year,
    mask_of,
    month_days,
)
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

_GREGORIAN_CYCLE = 400

DayMatch = Literal["any", "all"]
"""Whether a day has to match `day` or `day_of_week` (`any`), or both of them (`all`), if both are restricted."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        names = said("or-names", first=self.names[0], last=self.names[-1]) if self.names else ""
        return said("field-takes", field=self.name, low=self.low, high=self.high, names=names)


_WEEKDAY = _Field("day_of_week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
_DAY = _Field("day", 1, 31)
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIELDS = {
    field.name: field
    for field in (
        _Field("year", FIRST_YEAR, LAST_YEAR),
        _Field("month", 1, 12, _MONTH_NAMES),
        _DAY,
        _Field("week", 1, 53),
        _WEEKDAY,
        _Field("hour", 0, 23),
        _Field("minute", 0, 59),
        _Field("second", 0, 59),
    )
}
FIELDS = tuple(_FIELDS)
"""The field names of the object form, from coarse to fine; week and day_of_week are on the level of day."""

RANGES = tuple(_FIELDS.values())
"""The same fields, with the numbers and names that each accepts."""

CRONTAB_FIELDS = ("minute", "hour", "day", "month", "day_of_week")
MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def parse_cron(
    declared: str | Mapping[str, str | int], *, day_match: DayMatch = "any", seconds: bool = False
) -> CronExpression:
    """Parse a crontab line (see `crontab_fields`) or an object of fields.

    Raises `ScheduleError`, whose `field` is the name of the invalid field, or empty for the expression as a whole.
    """
    if isinstance(declared, str):
        given = {"year": "*", "week": "*", "second": "0"} | crontab_fields(declared, seconds=seconds)
        texts = {
            name: given[name] for name in FIELDS
        }  # in the order of the object form, so that both are one entry of the cache
    else:
        texts = object_texts(declared)
    return _expression(tuple(texts.items()), day_match)


@lru_cache(maxsize=4_096)
def _expression(declared: tuple[tuple[str, str], ...], day_match: DayMatch) -> CronExpression:
    texts = dict(declared)
    for name, text in texts.items():
        _check_text(_FIELDS[name], text)
    expression = CronExpression(
        years=_values_or_any(_FIELDS["year"], texts["year"]),
        months=_values(_FIELDS["month"], texts["month"]),
        weeks=_values_or_any(_FIELDS["week"], texts["week"]),
        day_rule=_day_rule(texts["day"], texts["day_of_week"], day_match),
        hours=_values(_FIELDS["hour"], texts["hour"]),
        minutes=_values(_FIELDS["minute"], texts["minute"]),
        seconds=_values(_FIELDS["second"], texts["second"]),
        real_time=any(texts[name].startswith("*") for name in ("hour", "minute", "second")),
    )
    if not _fires(expression):
        limits = ", ".join(f"{name} {texts[name]}" for name in FIELDS[:5] if texts[name] != "*")
        raise ScheduleError(said("never-fires", cron=_shown(limits, quote="")))
    return expression


def canonical(expression: CronExpression) -> str:
    """A text that is the same for expressions with the same meaning, for digests and comparisons."""
    rule = expression.day_rule
    days = [_written(bits(rule.days), _DAY), *(["L"] if rule.last else []), *(["LW"] if rule.last_workday else [])]
    nth = [f"{weekday}#{n}" if n else f"{weekday}L" for weekday, n in rule.nth]
    parts = {
        "year": _written(expression.years, _FIELDS["year"]),
        "month": _written(expression.months, _FIELDS["month"]),
        "week": _written(expression.weeks, _FIELDS["week"]),
        "day": ",".join(filter(None, days)),
        "day_of_week": ",".join(filter(None, [_written(bits(rule.weekdays), _Field("", 0, 6)), *nth])),
        "day_match": "any" if rule.either else "all",
        "hour": _written(expression.hours, _FIELDS["hour"]),
        "minute": _written(expression.minutes, _FIELDS["minute"]),
        "second": _written(expression.seconds, _FIELDS["second"]),
        "clock": "real" if expression.real_time else "fixed",
    }
    return " ".join(f"{name}={text}" for name, text in parts.items())


def _written(values: tuple[int, ...] | None, field: _Field) -> str:
    if values is None or len(values) == field.high - field.low + 1:
        return "*"
    step = values[1] - values[0] if len(values) > 2 else 0
    if step and values == tuple(range(values[0], values[-1] + 1, step)):
        return f"{values[0]}-{values[-1]}" + (f"/{step}" if step > 1 else "")
    return ",".join(map(str, values))


def crontab_fields(line: str, *, seconds: bool = False) -> dict[str, str]:
    """Split a crontab line into the texts of its fields, which are not checked yet; `@` names are expanded.

    With `seconds`, the line has six fields, the seconds first. Raises `ScheduleError` for another number of fields.
    """
    if odd := odd_space(line):
        raise ScheduleError(said("odd-space-in-cron", odd=odd))
    text = line.strip()
    if fault := before_fields(text):
        raise ScheduleError(said("cron-text", cron=_shown(text), why=fault))
    if text.startswith("@"):
        return dict(zip(CRONTAB_FIELDS, _macro(text).split(), strict=True))
    parts = text.split()
    names = ("second", *CRONTAB_FIELDS) if seconds else CRONTAB_FIELDS
    if len(parts) == len(names) and not has_year(parts):
        return dict(zip(names, parts, strict=True))
    if fault := beside_fields(text, len(names)):
        raise ScheduleError(said("cron-text", cron=_shown(text), why=fault))
    if len(parts) == 6 and not seconds:
        raise ScheduleError(said("six-fields", cron=_shown(text)))
    wanted = f"{len(names)}: {' '.join(names)}"
    because = said("as-seconds-says") if seconds else ""
    raise ScheduleError(said("fields-count", cron=_shown(text), count=len(parts), wanted=wanted, because=because))


def _macro(text: str) -> str:
    known = MACROS.get(text.lower()) if text.isascii() else None
    if instead := name_meant(text):
        raise ScheduleError(said("macro-not-known", macro=_shown(text), instead=instead))
    if known is None:
        close = get_close_matches(text.lower()[:40], MACROS, n=1, cutoff=0.8)
        hint = said("for-a-distance") if text.lower().startswith("@every") else ""
        meant = said("did-you-mean-there", meant=close[0]) if close else "there"
        raise ScheduleError(said("macros-known", macro=_shown(text), meant=meant, known=", ".join(MACROS), hint=hint))
    return known


def object_texts(declared: Mapping[str, str | int]) -> dict[str, str]:
    """The text of each of `FIELDS` in an object, including those left out. Raises `ScheduleError` if it isn't valid."""
    if not isinstance(declared, Mapping):
        raise ScheduleError(said("cron-is-string-or-object"))
    if not declared:
        raise ScheduleError(said("cron-object-empty", fields=", ".join(FIELDS)))
    given = {_known_name(name): _text(name, value) for name, value in declared.items()}
    return {name: given.get(name) or _left_out(name, given) for name in FIELDS}


def _known_name(name: str) -> str:
    if name not in FIELDS:
        close = get_close_matches(str(name)[:40].lower(), FIELDS, n=1)
        hint = said("did-you-mean-code", meant=close[0]) if close else said("there-are", fields=", ".join(FIELDS))
        raise ScheduleError(said("not-a-cron-field", field=key_shown(str(name)), hint=hint), field=str(name)[:40])
    return name


def _text(name: str, value: str | int) -> str:
    field = _FIELDS[name]
    if isinstance(value, int) and not isinstance(value, bool):
        if not field.low <= value <= field.high:
            shown = str(value) if abs(value) < 10**9 else "the number"
            raise ScheduleError(said("out-of-range", value=shown, allowed=field.allowed), field=name)
        return str(value)
    if not isinstance(value, str):
        shown = said("an-empty-value") if value is None else f"a {type(value).__name__}"
        raise ScheduleError(said("needs-number-or-text", field=name, value=shown, allowed=field.allowed), field=name)
    if not value.strip():
        raise ScheduleError(said("field-empty", field=name, allowed=field.allowed), field=name)
    return value.strip()


def _left_out(name: str, given: Mapping[str, str]) -> str:
    """The text of a field that is left out: `*` if a finer field is given, otherwise its smallest value."""
    any_of = FIELDS if name in {"year", "week", "day_of_week"} else FIELDS[FIELDS.index(name) + 1 :]
    return "*" if any(other in given for other in any_of) else str(_FIELDS[name].low)


def _check_text(field: _Field, text: str) -> None:
    if "?" in text:
        raise ScheduleError(said("question-mark"), field=field.name)
    if not text.isascii():
        raise ScheduleError(said("not-ascii", value=_shown(text), allowed=field.allowed), field=field.name)
    if any(character.isspace() for character in text):
        raise ScheduleError(said("space-inside", value=_shown(text)), field=field.name)


def _day_rule(day: str, weekday: str, day_match: DayMatch) -> DayRule:
    """The rule for days, normalised, so that rules with the same meaning are equal.

    As in Debian, a field that starts with `*` doesn't count as restricted; then both fields must match.
    """
    if day_match not in {"any", "all"}:
        raise ScheduleError(said("day-match-values"), field="day_match")
    days, last, last_workday = _day_side(day)
    weekdays, nth = _weekday_side(weekday)
    every_day, every_weekday = days == mask_of(range(1, 32)), weekdays == mask_of(range(7))
    either = day_match == "any" and not day.startswith("*") and not weekday.startswith("*")
    if either and (every_day or every_weekday):
        return DayRule(mask_of(range(1, 32)), False, False, mask_of(range(7)), (), False)
    return DayRule(days, last and not every_day, last_workday and not every_day, weekdays, nth, either)


@lru_cache(maxsize=1_024)
def _day_side(text: str) -> tuple[int, bool, bool]:
    items = _items(_DAY, text)
    plain = [item for item in items if item not in {"L", "LW"}]
    return mask_of(value for item in plain for value in _range(_DAY, item)), "L" in items, "LW" in items


@lru_cache(maxsize=1_024)
def _weekday_side(text: str) -> tuple[int, tuple[tuple[int, int], ...]]:
    items = _items(_WEEKDAY, text)
    special = [item for item in items if "#" in item or item.endswith("L")]
    weekdays = mask_of(value % 7 for item in items if item not in special for value in _range(_WEEKDAY, item))
    nth = {_nth_weekday(item) for item in special}
    return weekdays, tuple(sorted(pair for pair in nth if not weekdays >> pair[0] & 1))


def _nth_weekday(item: str) -> tuple[int, int]:
    weekday, hash_sign, nth = item.partition("#")
    if hash_sign:
        if nth not in {"1", "2", "3", "4", "5"}:
            raise ScheduleError(said("after-hash", value=_shown(item)), field=_WEEKDAY.name)
        return _number(_WEEKDAY, weekday, item) % 7, int(nth)
    if not item[:-1].isdigit():
        raise ScheduleError(
            said("last-friday", value=_shown(item)),
            field=_WEEKDAY.name,
        )
    return _number(_WEEKDAY, item[:-1], item) % 7, 0


def _values_or_any(field: _Field, text: str) -> tuple[int, ...] | None:
    if text == "*":
        return None
    values = _values(field, text)
    return None if len(values) == field.high - field.low + 1 else values


@lru_cache(maxsize=1_024)  # many expressions have the same fields, whose values are then shared objects
def _values(field: _Field, text: str) -> tuple[int, ...]:
    chosen = bytearray(field.high + 1)  # fast even for many overlapping ranges of thousands of years
    for item in _items(field, text):
        values = _range(field, item)
        chosen[values.start : values.stop : values.step] = b"\1" * len(values)
    return tuple(compress(range(field.high + 1), chosen))


def _items(field: _Field, text: str) -> list[str]:
    items = text.upper().split(",")
    if "" in items:
        raise ScheduleError(said("empty-item", value=_shown(text), allowed=field.allowed), field=field.name)
    return list(dict.fromkeys(items))


def _range(field: _Field, item: str) -> range:
    """The values of `*`, `a` or `a-b`, optionally with `/n`; `a/n` runs from a to the largest value, as in cronsim."""
    body, slash, step_text = item.partition("/")
    step = _step(field, step_text, item) if slash else 1
    if body == "*":
        return range(field.low, field.high + 1, step)
    start_text, dash, end_text = body.partition("-")
    start = _number(field, start_text, item)
    if not dash:
        return range(start, (field.high if slash else start) + 1, step)
    end = 7 if field is _WEEKDAY and end_text == "SUN" and start else _number(field, end_text, item)
    if end < start:
        high = 6 if field is _WEEKDAY else field.high
        write = said("range-around", start=start, high=high, low=field.low, end=end)
        raise ScheduleError(said("runs-backwards", value=_shown(item), advice=write), field=field.name)
    return range(start, end + 1, step)


def _step(field: _Field, text: str, item: str) -> int:
    digits = text.lstrip("0")
    if not text.isdigit() or not 1 <= len(digits) <= 6:
        raise ScheduleError(said("step-not-a-number", value=_shown(item), allowed=field.allowed), field=field.name)
    return int(digits)


def _number(field: _Field, text: str, item: str) -> int:
    if text in field.names:
        return field.names.index(text) + (1 if field.low else 0)
    if not text.isdigit():
        raise ScheduleError(
            said("not-understood", value=_shown(item), meant=_meant(field, text), allowed=field.allowed),
            field=field.name,
        )
    value = int(text.lstrip("0")[:6] or "0")
    if not field.low <= value <= field.high:
        raise ScheduleError(said("out-of-range", value=_shown(item), allowed=field.allowed), field=field.name)
    return value


def _meant(field: _Field, text: str) -> str:
    """A suggestion of the name that may be meant by a longer or mistyped one; empty if there is none."""
    close = [name for name in field.names if text.startswith(name)] or get_close_matches(text[:40], field.names, n=1)
    return said("did-you-mean-code-space", meant=close[0]) if close else ""


def _shown(text: str, quote: str = "`") -> str:
    text = masked_text(text[:LOOKED_AT])
    return f"{quote}{text if len(text) <= 40 else text[:37] + '…'}{quote}"


def _fires(expression: CronExpression) -> bool:
    """Whether any day of the calendar matches. It is enough to try months of each length with each first weekday."""
    if not any(
        month_days(expression.day_rule, first, length)
        for month in expression.months
        for length in MONTH_LENGTHS[month]
        for first in range(7)
    ):
        return False
    if expression.years is None and expression.weeks is None:
        return True
    years = expression.years or range(FIRST_YEAR, FIRST_YEAR + _GREGORIAN_CYCLE)
    seen = set[YearKind]()
    for year in years:
        kind = kind_of_year(year)
        if kind not in seen and days_of_year(expression, year):
            return True
        seen.add(kind)
    return False
