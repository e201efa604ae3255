"""The findings of `validate`, in formats for people and for CI pipelines."""

from collections.abc import Callable, Mapping

from myscheduler.cli.reports.as_json import as_json
from myscheduler.cli.reports.findings import Findings
from myscheduler.cli.reports.github import as_github
from myscheduler.cli.reports.junit import as_junit
from myscheduler.cli.reports.sarif import as_sarif
from myscheduler.cli.reports.text import as_text

FORMATS: Mapping[str, Callable[[Findings], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "junit": as_junit,
    "sarif": as_sarif,
}
"""The writer of each format; its output doesn't end with a line break."""

__all__ = ["FORMATS", "Findings"]
