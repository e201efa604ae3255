"""Checks the body of a call: whether there has to be one, its content type, and its JSON against the schema."""

from collections.abc import Iterator

from myscheduler.core.contract.call import HOLE, Call, Unknown
from myscheduler.core.contract.document import Contract, Part
from myscheduler.core.contract.finding import Finding, too_much
from myscheduler.core.contract.operations import Operation
from myscheduler.core.contract.schemas import MOST_SHOWN, TooMuchWorkError, faults_of
from myscheduler.core.findings.problem import Severity, shown
from myscheduler.core.header_values import media_type
from myscheduler.messages.message import said

RULE = "contract-body"
BODY = "body"
"""The field that stands for all in which a job may write its body."""


def body_findings(contract: Contract, operation: Operation, call: Call) -> Iterator[Finding]:
    described = contract.get(operation.part, "requestBody")
    if described is None or not isinstance(described.value, dict):
        if call.content_type is not None and "requestBody" not in operation.part.value:
            message = said("contract-body-undescribed")
            yield Finding((BODY,), "contract-undescribed", message, operation.part.loc, Severity.WARNING)
        return
    if call.content_type is None:
        if described.value.get("required") is True:
            yield Finding((BODY,), RULE, said("contract-body-missing"), described.loc)
        return
    content = contract.get(described, "content")
    if content is None or not isinstance(content.value, dict) or HOLE in call.content_type:
        return
    kind = media_type(call.content_type)
    types = {media_type(name): part for name, part in contract.entries(content)}
    found = next((types[name] for name in _ranges(kind) if name in types), None)
    if found is None:
        known = [shown(name) for name in list(content.value)[:MOST_SHOWN]]
        message = said("contract-content-type", kind=shown(kind), known=known)
        yield Finding(("headers", "Content-Type"), RULE, message, content.loc)
    elif (schema := contract.get(found, "schema")) is not None:
        yield from _about_content(contract, schema, call)


def _ranges(kind: str) -> tuple[str, str, str]:
    """The keys that describe a content type, the most specific first."""
    return kind, f"{kind.partition('/')[0]}/*", "*/*"


def _about_content(contract: Contract, schema: Part, call: Call) -> Iterator[Finding]:
    if call.fields is not None:
        yield from _about_fields(schema, call.fields)
    elif call.body is not Unknown.NO_JSON:
        try:
            found = faults_of(contract, call.body, schema)
        except TooMuchWorkError:
            yield too_much((BODY,), schema.loc)
            return
        yield from (Finding((BODY, *fault.loc), RULE, fault.message, fault.at) for fault in found)


def _about_fields(schema: Part, fields: frozenset[str]) -> Iterator[Finding]:
    """Only the names of the fields of a form are checked."""
    required = schema.value.get("required") if isinstance(schema.value, dict) else None
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in fields:
            message = said("contract-property-missing", name=shown(name))
            yield Finding((BODY,), RULE, message, (*schema.loc, "required"))
