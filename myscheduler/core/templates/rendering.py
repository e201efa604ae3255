"""Renders the templates of a job for one call."""

from dataclasses import replace
from functools import partial

from myscheduler.core.findings.problem import Loc
from myscheduler.core.job.sent import sent_fields, with_sent
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.templates.context import Context, without_value
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.filters import Known, Value, apply
from myscheduler.core.templates.places import FIELDS, Place, Yielded, each_text, joined
from myscheduler.core.templates.syntax import Expression, has_template, parse


def rendered(spec: JobSpec, context: Context) -> JobSpec:
    """The spec with the texts that its templates yield; references to secrets stay. Raises `TemplateError`."""
    sent = sent_fields(spec)
    texts = {
        name: each_text(value, partial(_rendered, FIELDS[name], context), ()) if name in FIELDS else value
        for name, value in sent.items()
    }
    return replace(with_sent(spec, texts), templates=False)


def _rendered(place: Place, context: Context, text: str, _loc: Loc) -> object:
    if not has_template(text):
        return text
    pieces = [Yielded(evaluate(part, context), part) if isinstance(part, Expression) else part for part in parse(text)]
    return joined(pieces, place)


def evaluate(expression: Expression, context: Context) -> Known:
    """The value of the expression, never `None`. Raises `TemplateError` with its place in the text."""
    try:
        value: Value = context.value(expression.path) if expression.path else expression.constant
        for call in expression.filters:
            value = apply(call, value)
        if value is None:
            raise without_value(expression.path, context)
    except TemplateError as error:
        if error.at is None:
            error.at = expression.at
        raise
    return value
