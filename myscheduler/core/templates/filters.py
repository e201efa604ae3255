"""The filters of templates: what follows a `|`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from myscheduler.core.findings.problem import did_you_mean, shown
from myscheduler.core.templates import moments
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.moments import Moment
from myscheduler.core.templates.syntax import FilterCall
from myscheduler.messages.message import said

Known = Moment | str | int | float
"""What an expression yields; booleans are numbers to Python."""
Value = Known | None
"""`None` is a value that there is not."""


@dataclass(frozen=True, slots=True)
class _Filter:
    apply: Callable[..., Value]
    of_time: bool
    """Whether it takes a time; others take text, and numbers as text."""
    arguments: tuple[tuple[type, ...], ...] = ()
    example: str = ""


def _iso(moment: Moment) -> str:
    return str(moment)


_TEXT = (str,)
_FILTERS: Mapping[str, _Filter] = {
    "date": _Filter(moments.formatted, True, (_TEXT,), "date('%Y-%m-%d')"),
    "add": _Filter(lambda moment, duration: moments.later(moment, duration, 1), True, (_TEXT,), "add('P1D')"),
    "sub": _Filter(lambda moment, duration: moments.later(moment, duration, -1), True, (_TEXT,), "sub('P1D')"),
    "zone": _Filter(moments.in_zone, True, (_TEXT,), "zone('UTC')"),
    "start_of": _Filter(moments.start_of, True, (_TEXT,), "start_of('month')"),
    "iso": _Filter(_iso, True, (), "iso"),
    "unix": _Filter(moments.unix, True, (), "unix"),
    "lower": _Filter(str.lower, False, (), "lower"),
    "upper": _Filter(str.upper, False, (), "upper"),
    "urlencode": _Filter(lambda text: quote(text, safe=""), False, (), "urlencode"),
    "json": _Filter(lambda text: json.dumps(text, ensure_ascii=False), False, (), "json"),
    "string": _Filter(lambda text: text, False, (), "string"),
}
DEFAULT = "default"
FILTERS = (*_FILTERS, DEFAULT)
"""The names of all filters."""


def apply(call: FilterCall, value: Value) -> Value:
    """The value after the filter. A missing value stays missing, until `default` gives another."""
    if call.name == DEFAULT:
        _check_arguments(call, ((str, int),), "default('none')")
        return call.arguments[0] if value is None else value
    found = _FILTERS.get(call.name)
    if found is None:
        hint = did_you_mean(call.name, FILTERS) or said("template-filters-are", known=", ".join(FILTERS))
        raise TemplateError(said("template-filter-unknown", name=shown(call.name), hint=hint), call.at)
    _check_arguments(call, found.arguments, found.example)
    if value is None:
        return None
    if found.of_time != isinstance(value, Moment):
        code = "template-filter-of-time" if found.of_time else "template-filter-of-text"
        raise TemplateError(said(code, name=call.name), call.at)
    try:
        return found.apply(value if found.of_time else as_text(value), *call.arguments)
    except TemplateError as error:
        raise TemplateError(error.message, call.at) from error


def _check_arguments(call: FilterCall, wanted: tuple[tuple[type, ...], ...], example: str) -> None:
    given = call.arguments
    fits = len(given) == len(wanted) and all(isinstance(one, types) for one, types in zip(given, wanted, strict=True))
    if not fits:
        raise TemplateError(said("template-arguments", name=call.name, example=example), call.at)


def as_text(value: Known) -> str:
    """The value as a text has it: numbers and booleans as in JSON."""
    return value if isinstance(value, str) else str(value) if isinstance(value, Moment) else json.dumps(value)
