"""Findings as workflow commands, which GitHub Actions shows as annotations in a pull request."""

from myscheduler.cli.manifests import STDIN
from myscheduler.cli.reports.findings import Findings, within_here
from myscheduler.cli.reports.text import summary
from myscheduler.core.findings.problem import Problem, printable


def as_github(found: Findings) -> str:
    """One command for each problem, and the counts for the log."""
    return "\n".join([*map(_command, found.problems), summary(found)])


def _command(problem: Problem) -> str:
    named = f"{problem.field}: " if problem.field else ""
    place = f"{problem.path}:{problem.line}:{problem.column}: " if problem.path == STDIN else ""
    file = {} if place else {"file": within_here(problem.path), "line": problem.line, "col": problem.column}
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in {**file, "title": problem.rule}.items())
    return f"::{problem.severity} {properties}::{_data(printable(place + named + problem.whole))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
