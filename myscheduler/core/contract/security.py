"""Checks that a call brings credentials where an operation requires some."""

from collections.abc import Iterator
from typing import Any

from myscheduler.core.contract.call import Call
from myscheduler.core.contract.document import Contract
from myscheduler.core.contract.finding import Finding
from myscheduler.core.contract.operations import Operation
from myscheduler.core.contract.schemas import MOST_SHOWN
from myscheduler.core.findings.problem import Severity, shown
from myscheduler.messages.message import said


def security_findings(contract: Contract, operation: Operation, call: Call) -> Iterator[Finding]:
    """A warning if the call meets none of the requirements, of which one is enough."""
    required = operation.part.entry("security") or contract.root.entry("security")
    if required is None or not isinstance(required.value, list) or not required.value:
        return
    options = [one for one in required.value if isinstance(one, dict)]
    if any(all(_is_met(contract, name, call) for name in option) for option in options):
        return
    names = list(dict.fromkeys(str(shown(name)) for option in options for name in option))[:MOST_SHOWN]
    message = said("contract-security", schemes=names)
    yield Finding(("auth",), "contract-security", message, required.loc, Severity.WARNING)


def _is_met(contract: Contract, name: str, call: Call) -> bool:
    """Whether the call brings what a scheme asks for; one that can't be judged counts as met."""
    scheme = contract.get(contract.root, "components", "securitySchemes", name)
    value: Any = scheme.value if scheme is not None else None
    kind = value.get("type") if isinstance(value, dict) else None
    if kind in {"http", "oauth2", "openIdConnect"}:
        return call.has_credentials
    if kind != "apiKey" or not isinstance(value.get("name"), str):
        return True
    match value.get("in"):
        case "header":
            key = value["name"].lower()
            return key in call.headers or (key == "authorization" and call.has_credentials)
        case "query":
            return any(one == value["name"] for one, _ in call.query)
        case "cookie":
            return "cookie" in call.headers
        case _:
            return True
