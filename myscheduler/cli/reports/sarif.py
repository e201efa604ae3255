"""Findings as SARIF 2.1.0 (OASIS), for code scanning on GitHub and in other tools."""

from textwrap import indent
from typing import Any
from urllib.parse import quote

from myscheduler import __version__
from myscheduler.cli.output.terminal import json_text
from myscheduler.cli.reports.findings import Findings, within_here
from myscheduler.core.findings.problem import Place, Problem
from myscheduler.core.findings.rule_advice import ADVICE
from myscheduler.core.findings.rules import RULES

_HOME = "urn:myscheduler:validate"
"""A URN, as in the JSON Schemas: the project has no website."""
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES = list(RULES)


def as_sarif(found: Findings) -> str:
    """One run, with all rules. The level of a result is the severity of the problem, also with `--strict`."""
    driver = {
        "name": "myscheduler",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": _HOME,
        "rules": [_rule(rule) for rule in RULES],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem) for problem in found.problems],
    }
    return json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: str) -> dict[str, Any]:
    advice = ADVICE[rule]
    return {
        "id": rule,
        "shortDescription": {"text": RULES[rule]},
        "fullDescription": {"text": f"{RULES[rule]} {advice.why}"},
        "help": {"text": _plain(rule), "markdown": as_markdown(rule)},
    }


def _plain(rule: str) -> str:
    advice = ADVICE[rule]
    examples = [("In place of:", advice.wrong), ("write:", advice.right)]
    shown = [f"{title}\n\n{indent(lines, '    ')}" for title, lines in examples if lines]
    return "\n\n".join([RULES[rule], advice.why, advice.fix, *shown])


def as_markdown(rule: str) -> str:
    """The rule as Markdown: what is wrong, why it matters, and what to write, with an example if there is one."""
    advice = ADVICE[rule]
    examples = [("In place of", advice.wrong), ("write", advice.right)]
    shown = [f"{title}\n\n```text\n{lines}\n```" for title, lines in examples if lines]
    return "\n\n".join([f"{RULES[rule]} {advice.why}", f"**What to do.** {advice.fix}", *shown])


def _result(problem: Problem) -> dict[str, Any]:
    named = f"{problem.field}: " if problem.field else ""
    found = {
        "ruleId": problem.rule,
        "ruleIndex": _RULES.index(problem.rule),
        "level": problem.severity,
        "message": {"text": f"{named}{problem.message}"},
        "locations": [_location(Place(problem.path, problem.line, problem.column))],
    }
    if problem.related is not None:
        about = {"id": 1, "message": {"text": "what it is compared with"}}
        found["relatedLocations"] = [about | _location(problem.related)]
    return found


def _location(place: Place) -> dict[str, Any]:
    region = {"startLine": place.line, "startColumn": place.column}
    return {"physicalLocation": {"artifactLocation": _artifact(place.path), "region": region}}


def _artifact(path: str) -> dict[str, str]:
    """The URI of a file, relative to the root of the checkout if possible. A colon is escaped."""
    uri = quote(within_here(path), safe="/")
    return {"uri": f"file://{uri}"} if uri.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}
