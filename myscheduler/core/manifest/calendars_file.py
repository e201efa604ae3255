"""`calendars.yaml`: calendars by name, which manifests refer to.

A calendar is copied into the spec of each job that names it. So if the file becomes invalid or loses a calendar, the
jobs that need it keep their last good spec.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from myscheduler.core.bounds import LONGEST_CALENDAR_NAME, MOST_CALENDARS, MOST_PROBLEMS
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import LONGEST_SHOWN, Loc, Problem, cut, did_you_mean, enough, shown
from myscheduler.core.manifest.exclusion_fields import CalendarEntry
from myscheduler.core.schedule.calendars import Calendar, check_calendar
from myscheduler.core.source.reserved import ReservedDocument, read_reserved
from myscheduler.core.source.snapshot import (
    CALENDARS,
    SourceFile,
    UnreadableFile,
)
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

MOST_COMPARED = 100
"""Up to this many calendars, an unknown name is compared with their names to suggest one."""

_ENTRIES = TypeAdapter(dict[str, CalendarEntry])


@dataclass(frozen=True, slots=True)
class NamedCalendars:
    """The calendars of the file, and the problems with it."""

    known: Mapping[str, Calendar] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    """Hash of the file's bytes; empty if there is no file."""

    def find(self, name: str) -> Calendar:
        """The calendar of that name; raises `ScheduleError` with advice if there is none."""
        if name in self.known:
            return self.known[name]
        close = get_close_matches(name[:LONGEST_SHOWN], self.known, n=1) if len(self.known) <= MOST_COMPARED else []
        if close:
            hint = said("meant-close", meant=shown(close[0]))
        elif self.problems:
            hint = said("calendars-with-problems", file=CALENDARS)
        elif self.known:
            hint = said("calendars-known", file=CALENDARS, known=cut(", ".join(sorted(self.known))))
        else:
            hint = said("calendars-file-missing", file=CALENDARS)
        raise ScheduleError(said("calendar-not-known", calendar=shown(name), hint=hint))


def read_calendars(file: SourceFile | UnreadableFile | None) -> NamedCalendars:
    """Read the file; never raises for its content. Valid calendars can be used even if others are invalid."""
    match file:
        case None:
            return NamedCalendars()
        case UnreadableFile(path, reason):
            message = said("calendars-unreadable", why=reason)
            return NamedCalendars({}, (Problem(path, 1, 1, "", "unreadable", message),), "unreadable")
        case SourceFile(path, content, digest):
            return _read(path, content, digest)


def _read(path: str, content: bytes, digest: str) -> NamedCalendars:
    several = said("remove-other-documents")
    found = read_reserved(path, content, rule="invalid-calendar", several=several)
    if isinstance(found, Problem):
        return NamedCalendars({}, (found,), digest)
    if found is None:
        return NamedCalendars({}, (), digest)
    known = _entries(found)
    return NamedCalendars(known, tuple(sorted(enough(found.problems))), digest)


def _entries(file: ReservedDocument) -> dict[str, Calendar]:
    entries = file.document.value
    if not isinstance(entries, dict):
        file.add((), "not-a-mapping", said("calendars-not-a-mapping"))
        return {}
    if len(entries) > MOST_CALENDARS:
        message = said("too-many-calendars", count=len(entries), most=MOST_CALENDARS)
        file.add((), "too-large", message)
        return {}
    unclear = {one.loc[:1] for one in file.document.complaints}
    known: dict[str, Calendar] = {}
    for name, written in entries.items():
        found, faults = _entry(name, written)
        if not file.is_enough:
            for loc, fault in faults:
                file.add(loc, "invalid-calendar", fault)
        if found is not None and (name,) not in unclear:
            known[name] = found
    return known


def _entry(name: str, written: Any) -> tuple[Calendar | None, list[tuple[Loc, str]]]:
    if len(name) > LONGEST_CALENDAR_NAME:
        return None, [((name,), said("calendar-name-too-long", most=LONGEST_CALENDAR_NAME))]
    try:
        entry = _ENTRIES.validate_python({name: written})[name]
    except ValidationError as error:
        return None, [(tuple(one["loc"]), _explained(one)) for one in error.errors()[: MOST_PROBLEMS + 1]]
    calendar = Calendar(entry.country, entry.subdivision, tuple(entry.closed or ()), tuple(entry.open or ()))
    try:
        check_calendar(calendar)
    except ScheduleError as error:
        return None, [((name, error.field), str(error))]
    return calendar, []


def _explained(fault: ErrorDetails) -> str:
    kind, message, written = fault["type"], fault["msg"], shown(fault["input"])
    if kind == "extra_forbidden":
        name, known = str(fault["loc"][-1]), CalendarEntry.model_fields
        name = key_shown(name)
        advice = did_you_mean(name, known) or said("keys-are", known=", ".join(known))
        return said("unknown-key", name=name, advice=advice, spaced="")
    if kind == "list_type":
        return said("needs-list-of-days", found=written)
    if kind in {"model_type", "model_attributes_type", "dict_type"}:
        return said("needs-calendar-object", found=written)
    return said("should-be", message=message.replace("Input should", "should"), found=written, rule=kind)


NO_CALENDARS = NamedCalendars()
