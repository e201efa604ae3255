"""Hints for a line that is not a cron expression: it may have the syntax of another scheduler, or be several lines."""

import re
import unicodedata
from collections.abc import Sequence

from myscheduler.core.schedule.zones import is_zone
from myscheduler.messages.message import said

_ZONE_BEFORE = re.compile(r"(?:CRON_)?TZ=[\"']?([^\s\"']{1,64})[\"']?(?:\s+|$)")
_YEAR = re.compile(r"(?:19|20)\d\d(?:[-/,].*)?")
_PIECE = re.compile(
    r"(?:[0-9*?/,#LW-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)+", re.IGNORECASE
)
"""Text that looks like a field of a cron expression."""
_AWS = re.compile(r"(cron|rate)\((.{0,100})\)", re.IGNORECASE)
_RATE = re.compile(r"([1-9]\d{0,5}) (minute|hour|day)s?", re.IGNORECASE)
_NEXT_LINE = re.compile(r"[,;]\s+|\s*[\n\r]\s*")
_GO_SPAN = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?", re.IGNORECASE)
_INSTEAD = {
    "@minutely": "`* * * * *`",
    "@every_minute": "`* * * * *`",
    "@secondly": "`interval: {seconds: 1}`",
    "@every_second": "`interval: {seconds: 1}`",
    "@quarterly": "`0 0 1 */3 *`",
    "@weekdays": "`0 0 * * mon-fri`",
    "@weekends": "`0 0 * * sat,sun`",
    "@reboot": "`run_at` with the moment; nothing runs because the service started",
}
"""Names (`@…`) that crontab doesn't have, or that make no sense here, and what they probably mean."""


def go_span(text: str) -> dict[str, int]:
    """The units of a Go duration such as `1h30m`; empty if the text is not one in whole seconds, or if it is zero."""
    found = _GO_SPAN.fullmatch(text)
    names = ("hours", "minutes", "seconds")
    parts = zip(names, found.groups(), strict=True) if found else ()
    return {name: int(part) for name, part in parts if part and int(part)}


def odd_space(line: str) -> str | None:
    """The name of the first non-ASCII space in the line, which only looks like a plain one."""
    odd = next((char for char in line if char.isspace() and not char.isascii()), None)
    return odd and f"{unicodedata.name(odd, 'a space').lower()} (U+{ord(odd):04X})"


def name_meant(text: str) -> str | None:
    """What to write instead of a name (`@…`) that crontab doesn't have; `None` if it isn't known either."""
    every, _, span = text.partition(" ")
    if every.lower() == "@every" and (units := go_span(span.strip())):
        return f"`interval: {_object(units)}`"
    return _INSTEAD.get(text.lower())


def before_fields(text: str) -> str | None:
    """What is wrong with a line, independent of its number of fields. The message begins with the line, then this."""
    if zone := _ZONE_BEFORE.match(text):
        return said("cron-begins-with-zone", zone=zone[1])
    if aws := _AWS.fullmatch(text):
        return said("cron-of-aws", meant=_of_aws(aws[1].lower(), aws[2].split()))
    return None


def _of_aws(kind: str, parts: Sequence[str]) -> str:
    if kind == "rate":
        rate = _RATE.fullmatch(" ".join(parts))
        return f"`interval: {{{rate[2].lower()}s: {rate[1]}}}`" if rate else "an `interval`, such as {minutes: 5}"
    if len(parts) == 6 and parts[5] == "*" and not any(char.isdigit() for char in parts[4]):
        return said("cron-without-year", cron=" ".join(parts[:5]).replace("?", "*"))
    return said("cron-first-five")


def beside_fields(text: str, wanted: int) -> str | None:
    """What is wrong with a line that doesn't have `wanted` fields. The message begins with the line, then this."""
    lines = [line.split() for line in _NEXT_LINE.split(text) if line]
    if len(lines) > 1 and all(len(parts) == wanted for parts in lines):
        listed = ", ".join(f"'{' '.join(parts)}'" for parts in lines[:2])
        return said("cron-several", count=len(lines), listed=listed, more=", …" if len(lines) > 2 else "")
    parts = text.split()
    if len(parts) in {6, 7} and is_zone(parts[-1]) and all(map(_PIECE.fullmatch, parts[:-1])):
        return said("cron-ends-with-zone", zone=parts[-1])
    if len(parts) > 5 and all(map(_PIECE.fullmatch, parts[:5])) and not all(map(_PIECE.fullmatch, parts[5:])):
        return said("cron-with-command")
    if any(part.startswith(",") or part.endswith(",") for part in parts):
        return said("cron-space-in-list")
    if has_year(parts):
        return said("cron-with-year", count=len(parts), meant=_with_year(parts))
    return None


def has_year(parts: Sequence[str]) -> bool:
    """Whether the last field is a year, as in Quartz and AWS."""
    return len(parts) == 7 or (len(parts) == 6 and bool(_YEAR.fullmatch(parts[5])))


def _with_year(parts: Sequence[str]) -> str:
    """The fields as an object. Schedulers that have a year mostly count days of the week from 1, so a note says so."""
    second, *others = parts if len(parts) == 7 else ("0", *parts)
    names = ("minute", "hour", "day", "month", "day_of_week", "year")
    units = {name: text for name, text in zip(names, others, strict=True) if text not in {"*", "?"}}
    units = {"minute": others[0], "hour": others[1]} | units | ({} if second == "0" else {"second": second})
    note = "; days of the week count from 0, Sunday" if any(map(str.isdigit, units.get("day_of_week", ""))) else ""
    return f"`{_object(units)}`{note}"


def _object(units: dict[str, int] | dict[str, str]) -> str:
    written = (f"{name}: {value if str(value).isdigit() else repr(value)}" for name, value in units.items())
    return f"{{{', '.join(written)}}}"
