"""SARIF 2.1.0 (OASIS), which code scanning of GitHub and other tools take."""

import json
from typing import Any
from urllib.parse import quote

from myscheduler import __version__
from myscheduler.cli.reports.findings import Findings, within_here
from myscheduler.core.problem import Problem
from myscheduler.core.rules import RULES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = list(RULES)


def as_sarif(found: Findings) -> str:
    """One run, with the whole catalogue of rules. A problem's level is its own, whether it fails or not."""
    driver = {
        "name": "myscheduler",
        "version": __version__,
        "rules": [{"id": rule, "shortDescription": {"text": meaning}} for rule, meaning in RULES.items()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem) for problem in found.problems],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _result(problem: Problem) -> dict[str, Any]:
    named = f"{problem.field}: " if problem.field else ""
    place = {
        "artifactLocation": _artifact(problem.path),
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    return {
        "ruleId": problem.rule,
        "ruleIndex": _RULES.index(problem.rule),
        "level": problem.severity,
        "message": {"text": f"{named}{problem.message}"},
        "locations": [{"physicalLocation": place}],
    }


def _artifact(path: str) -> dict[str, str]:
    """Relative to the root of the checkout, as far as the path can be; a colon would read as a scheme."""
    uri = quote(within_here(path), safe="/")
    return {"uri": f"file://{uri}"} if uri.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}
