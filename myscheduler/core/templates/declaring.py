"""Checks the templates of a job that is declared, and puts in the values of its variables.

Variables are replaced when a job is declared, so that a plan shows what changes with them, and the policy judges the
host that is really called. Times and ids are known only at each call, so their expressions stay.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from myscheduler.core.bounds import MOST_EXPRESSIONS, MOST_PROBLEMS
from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.schedule.slots import Interval, Once, Schedule
from myscheduler.core.schedule.zones import is_zone
from myscheduler.core.templates.context import SAMPLE, SAMPLE_ID, VARS, Context
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.filters import Known, Value, apply
from myscheduler.core.templates.places import FIELDS, Piece, Place, Yielded, each_text, joined
from myscheduler.core.templates.rendering import evaluate
from myscheduler.core.templates.syntax import Expression, has_template, parse, written
from myscheduler.core.templates.variables import Variables
from myscheduler.messages.message import said

_ONCE: Schedule = Once(SAMPLE)
_DAILY: Schedule = Interval(timedelta(days=1), SAMPLE - timedelta(days=2))
_SOME_URL = "http://localhost"
"""Replaces a URL with a fault, which has its own complaint."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The fields of a job without variables."""

    values: Mapping[str, Any]
    complaints: tuple[Complaint, ...] = ()
    has_templates: bool = False
    """Whether expressions are left in its texts, which are rendered for each call."""
    tried: Mapping[str, Any] | None = None
    """The fields with expressions, as they are at some call; `None` if there are no expressions."""
    excess: Complaint | None = None
    """The complaint about a job with so many expressions that nothing else was looked at."""

    def url(self, declared: str | None) -> str | None:
        """The URL as it is called at some time, for checks."""
        return declared if self.tried is None else self.tried.get("target_url", declared)


def prepare(values: Mapping[str, Any], variables: Variables, *, zone: str) -> Prepared:
    """Check all templates, and replace their variables. `zone` is the service's."""
    given = {name: values[name] for name in FIELDS if name in values}
    if not _mentions(given):
        return Prepared(values)
    return _Preparing(values, variables, zone).prepared(given)


@dataclass(frozen=True, slots=True)
class _Read:
    """A text with templates: its pieces, with the values of variables and constants."""

    pieces: tuple[Piece, ...]
    place: Place
    loc: Loc


class _Preparing:
    """Prepares one job: reads all of its texts, and writes them once it is known whether expressions stay."""

    def __init__(self, values: Mapping[str, Any], variables: Variables, zone: str) -> None:
        self._values = values
        self._variables = variables
        self._sample = _sample(values, zone)
        self._complaints: list[Complaint] = []
        self._expressions = 0
        self._has_templates = False

    def prepared(self, given: Mapping[str, Any]) -> Prepared:
        read = {name: each_text(value, partial(self._read, FIELDS[name]), (name,)) for name, value in given.items()}
        if self._expressions > MOST_EXPRESSIONS:
            excess = Complaint((), "too-large", said("too-many-templates", most=MOST_EXPRESSIONS))
            return Prepared(self._values, excess=excess)
        written = _each_read(read, self._written)
        tried = _each_read(read, self._tried) if self._has_templates else None
        listed = tuple(self._complaints[: MOST_PROBLEMS + 1])
        return Prepared({**self._values, **written}, listed, self._has_templates, tried)

    def _read(self, place: Place, text: str, loc: Loc) -> _Read:
        if self._expressions > MOST_EXPRESSIONS or len(self._complaints) > MOST_PROBLEMS:
            return _Read((), place, loc)
        try:
            pieces = tuple(self._piece(part) for part in parse(text))
            joined([self._yielded(one) for one in pieces], place)
        except TemplateError as error:
            self._complain(loc, error)
            return _Read((_SOME_URL,) if place is Place.URL else (), place, loc)
        return _Read(pieces, place, loc)

    def _piece(self, part: str | Expression) -> Piece:
        """A part with what is known of it by now; everything else is tried."""
        if isinstance(part, str):
            return part
        self._expressions += 1
        if not part.path:
            return Yielded(evaluate(part, self._sample), part)
        if part.root == VARS:
            return Yielded(self._variable(part), part)
        self._has_templates = True
        return part

    def _variable(self, expression: Expression) -> Known:
        try:
            value: Value = self._variables.find(expression.path)
            for call in expression.filters:
                value = apply(call, value)
            if value is None:
                raise self._variables.unknown(expression.path[-1])
        except TemplateError as error:
            if error.at is None:
                error.at = expression.at
            raise
        return value

    def _yielded(self, piece: Piece) -> Piece:
        return Yielded(evaluate(piece, self._sample), piece) if isinstance(piece, Expression) else piece

    def _written(self, read: _Read) -> Any:
        return joined(read.pieces, read.place, is_template=self._has_templates)

    def _tried(self, read: _Read) -> Any:
        return joined([self._yielded(one) for one in read.pieces], read.place)

    def _complain(self, loc: Loc, error: TemplateError) -> None:
        self._complaints.append(Complaint(loc, error.rule, error.message, at=error.at))


def _each_read(value: Any, change: Callable[[_Read], Any]) -> Any:
    """The value with each text that was read changed."""
    match value:
        case _Read():
            return change(value)
        case Mapping():
            return {key: _each_read(one, change) for key, one in value.items()}
        case list() | tuple():
            return [_each_read(one, change) for one in value]
        case _:
            return value


def _sample(values: Mapping[str, Any], zone: str) -> Context:
    """The job at some call. What is wrong with its other fields has its own complaints."""
    labels = values.get("labels")
    texts = {name: one for name, one in labels.items() if isinstance(one, str)} if isinstance(labels, Mapping) else {}
    job_id, name, own_zone = (
        one if isinstance(one := values.get(field), str) else "" for field in ("job_id", "name", "timezone")
    )
    schedule = _ONCE if values.get("run_at") is not None else _DAILY
    return Context(
        job_id or "job",
        name or job_id or "job",
        texts,
        own_zone if is_zone(own_zone) else zone,
        SAMPLE,
        SAMPLE_ID,
        lambda: schedule,
        _upstream(values.get("after")),
    )


def _upstream(after: Any) -> Mapping[str, Mapping[str, Any]] | None:
    """Some values of each job that the job runs after; whether these hand them on is checked with all jobs."""
    if not isinstance(after, list):
        return None
    ids = (one.get("job") for one in after if isinstance(one, Mapping))
    return {job_id: _Anything() for job_id in ids if isinstance(job_id, str)}


class _Anything(dict[str, Any]):
    """Has a value under every name."""

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - as of `dict`
        return "0"


def escaped(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a job that contain no templates, written so that each `{{` in them means itself."""
    if not _mentions(fields):
        return dict(fields)
    literal = {name: each_text(fields[name], lambda text, _: written(text), ()) for name in FIELDS if name in fields}
    return {**fields, **literal}


def _mentions(value: Any) -> bool:
    """Whether any text in the value may have a template: most jobs have none."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            if has_template(one):
                return True
        elif isinstance(one, Mapping):
            left += one.values()
        elif isinstance(one, list | tuple):
            left += one
    return False
