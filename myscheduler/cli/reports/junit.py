"""Findings as JUnit XML, which CI services show as test results: a suite for each file, a test case for each job."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from myscheduler.cli.reports.findings import Findings, within_here
from myscheduler.core.findings.problem import Problem, printable

WHOLE_FILE = "(the file)"
"""The name of the test case for problems without a known job id."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(found: Findings) -> str:
    """A test case fails if its job has errors, or warnings with `--strict`; other warnings become its output."""
    root = ET.Element("testsuites", name="myscheduler validate")
    for path, cases in _cases(found).items():
        suite = ET.SubElement(root, "testsuite", name=_safe(within_here(path)))
        for name, (line, problems) in cases.items():
            _add_case(suite, name, line, problems, found)
        _count(suite)
    _count(root)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{"".join(map(_in_xml, text))}'


def _in_xml(char: str) -> str:
    """Write a control character as a reference: programs read it unchanged, terminals don't obey it."""
    return char if char == "\n" or printable(char) == char else f"&#{ord(char)};"


Cases = dict[str, tuple[int, list[Problem]]]
"""The line and the problems of each test case, by its name."""


def _cases(found: Findings) -> dict[str, Cases]:
    """The test cases of each file, sorted by file."""
    lines = [(job.path, job.line, job.job_id) for job in found.jobs.values()]
    lines += [(one.path, one.line, one.job_id or WHOLE_FILE) for one in found.problems]
    files: dict[str, Cases] = {}
    for path, line, name in sorted(lines):
        files.setdefault(path, {}).setdefault(name, (line, []))
    for one in found.problems:
        files[one.path][one.job_id or WHOLE_FILE][1].append(one)
    return files


def _add_case(suite: ET.Element, name: str, line: int, problems: list[Problem], found: Findings) -> None:
    file = suite.get("name", "")
    case = ET.SubElement(suite, "testcase", name=_safe(name), classname=file, file=file, line=str(line))
    failing = [problem for problem in problems if found.fails(problem)]
    if failing:
        failure = ET.SubElement(case, "failure", message=_safe(_title(failing)), type=failing[0].rule)
        failure.text = _text(failing)
    if rest := [problem for problem in problems if not found.fails(problem)]:
        ET.SubElement(case, "system-out").text = _text(rest)


def _title(problems: list[Problem]) -> str:
    first = f"{problems[0].field}: {problems[0].whole}" if problems[0].field else problems[0].whole
    first = printable(first)
    return first if len(problems) == 1 else f"{first} (and {len(problems) - 1} more)"


def _text(problems: list[Problem]) -> str:
    return _safe("\n".join(map(str, problems)))


def _count(element: ET.Element) -> None:
    cases: Iterator[ET.Element] = element.iter("testcase")
    failed = [case.find("failure") is not None for case in cases]
    element.attrib |= {"tests": str(len(failed)), "failures": str(sum(failed)), "errors": "0"}


def _safe(text: str) -> str:
    """Replace characters that XML 1.0 can't represent."""
    return _NOT_IN_XML.sub("�", text)
