"""Reads `notify:` of a job, and the same fields of a route."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from functools import partial
from typing import Any

from myscheduler.core.bounds import LONGEST_RULED
from myscheduler.core.findings.problem import LONGEST_SHOWN, Complaint, Loc, cut, shown
from myscheduler.core.job.notify import OFF, Never, Notify
from myscheduler.core.schedule.timestamps import span_of
from myscheduler.core.source.entries import FieldError, unknown_key
from myscheduler.errors import ScheduleError
from myscheduler.messages.durations import span_words
from myscheduler.messages.message import said

RULE = "invalid-notify"
MOST_FAILURES = 100
"""The most executions that are counted: the history of a job is read that far."""
MOST_CHANNELS = 20
"""Channels of one job or route."""
LONGEST_SPAN = timedelta(days=366)
SHORTEST_LATE = timedelta(seconds=1)
SHORTEST_REMINDER = timedelta(minutes=5)


def read_notify(written: Any) -> tuple[Notify | None, list[Complaint]]:
    """A job's `notify:`, which is `false` or an object: what it says, and complaints with locations below it."""
    if written is False:
        return OFF, []
    if not isinstance(written, dict) or not written:
        return None, [Complaint((), RULE, said("notify-forms"))]
    notify, found = overrides_of(written)
    unknown = [Complaint((one,), "unknown-key", unknown_key(one, KEYS), at_key=True) for one in written.keys() - KEYS]
    if notify.channels == ():
        found.append((("channels",), said("notify-nobody")))
    complaints = [*unknown, *(Complaint(loc, RULE, message) for loc, message in found)]
    return None if complaints else notify, complaints


def overrides_of(fields: Mapping[str, Any]) -> tuple[Notify, list[tuple[Loc, str]]]:
    """The overrides among the fields of a job's `notify:` or of a route, and what is wrong with them, with its place.

    A value that is wrong counts as left out.
    """
    values: dict[str, Any] = {}
    faults: list[tuple[Loc, str]] = []
    for name, parse in _READERS.items():
        if fields.get(name) is None:
            continue
        try:
            values[name] = parse(fields[name])
        except FieldError as error:
            faults.append(((name, *error.loc), str(error)))
    if not faults:
        faults += _against_each_other(values)
    return Notify(**values), faults


def unknown_channels(notify: Notify | None, known: Collection[str] | None) -> Iterator[tuple[Loc, str]]:
    """A complaint for each channel that is named, but not known, with its place. `None` if none can be known."""
    if notify is None or notify.channels is None or known is None:
        return
    for place, name in enumerate(notify.channels):
        if name not in known:
            yield ("channels", place), unknown_channel(name, known)


def unknown_channel(name: str, known: Iterable[str]) -> str:
    """The message for a name that is not one of the known channels."""
    names = sorted(known)
    close = get_close_matches(name[:LONGEST_SHOWN], names, n=1)
    if close:
        hint = said("meant-close", meant=shown(close[0]))
    elif names:
        hint = said("channels-known", known=cut(", ".join(names)))
    else:
        hint = said("channels-not-declared")
    return said("channel-not-known", channel=shown(name), hint=hint)


def _against_each_other(values: Mapping[str, Any]) -> Iterator[tuple[Loc, str]]:
    failures, of = values.get("failures"), values.get("of")
    if (failures is None) is not (of is None):
        yield ("failures" if of is None else "of",), said("failures-of-together")
    elif failures is not None and of is not None and failures > of:
        yield ("failures",), said("failures-above-of", failures=failures, of=of)
    if failures is not None and "after_failures" in values:
        yield ("after_failures",), said("after-failures-or-of")


def _count(written: Any) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or not 1 <= written <= MOST_FAILURES:
        raise FieldError(said("needs-whole-number", least=1, most=MOST_FAILURES))
    return written


def _span(written: Any, least: timedelta) -> timedelta | Never:
    if written is False:
        return False
    try:
        span = span_of(written) if isinstance(written, str) else None
    except (ScheduleError, OverflowError):
        span = None
    if span is None or not least <= span <= LONGEST_SPAN:
        bounds = {"least": span_words(least), "most": span_words(LONGEST_SPAN)}
        raise FieldError(said("needs-span-or-false", value=shown(written), **bounds))
    return span


def _channels(written: Any) -> tuple[str, ...]:
    """A route may have none: its jobs tell nobody."""
    if not isinstance(written, list) or len(written) > MOST_CHANNELS:
        raise FieldError(said("needs-texts", most=MOST_CHANNELS, example="ops"))
    for place, one in enumerate(written):
        if not isinstance(one, str) or not 0 < len(one) <= LONGEST_RULED:
            raise FieldError(said("needs-text-in-quotes", example="ops"), place)
    return tuple(dict.fromkeys(written))


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "channels": _channels,
    "after_failures": _count,
    "failures": _count,
    "of": _count,
    "late_after": partial(_span, least=SHORTEST_LATE),
    "remind": partial(_span, least=SHORTEST_REMINDER),
}
KEYS = tuple(_READERS)
