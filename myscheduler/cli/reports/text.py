"""Findings as text: a line for each problem and one for the counts. Click removes colours outside a terminal."""

from collections.abc import Iterable, Iterator

from myscheduler.cli.manifests import coloured, counted
from myscheduler.cli.reports.findings import Findings
from myscheduler.core.findings.problem import Problem, Severity


def as_text(found: Findings) -> str:
    return "\n".join([*map(coloured, found.problems), summary(found)])


def summary(found: Findings) -> str:
    """The counts: `2 jobs, 1 error, 3 warnings`."""
    problems = [*_counts(found.problems)] or ["no problems"]
    others = [f"{counted(found.skipped, 'Kubernetes object')} without manifests skipped"] if found.skipped else []
    excluded = [f"{counted(found.excluded, 'file')} excluded"] if found.excluded else []
    return ", ".join([counted(len(found.jobs), "job"), *problems, *others, *excluded])


def _counts(problems: Iterable[Problem]) -> Iterator[str]:
    severities = [problem.severity for problem in problems]
    for severity in Severity:
        if count := severities.count(severity):
            yield counted(count, severity)
