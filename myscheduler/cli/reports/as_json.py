"""The findings as JSON, in a shape that stays."""

from myscheduler.cli.reports.findings import Findings
from myscheduler.cli.terminal import json_text


def as_json(found: Findings) -> str:
    report = {
        "valid": found.is_valid,
        "jobs": len(found.jobs),
        "problems": [problem.as_json() for problem in found.problems],
    }
    return json_text(report)
