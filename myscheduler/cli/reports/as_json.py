"""The findings as JSON, in a stable shape."""

from myscheduler.cli.output.terminal import json_text
from myscheduler.cli.reports.findings import Findings


def as_json(found: Findings) -> str:
    report = {
        "valid": found.is_valid,
        "jobs": len(found.jobs),
        "problems": [problem.as_json() for problem in found.problems],
    }
    return json_text(report)
