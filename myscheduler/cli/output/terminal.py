"""What commands print: text that somebody wrote is shown, and never obeyed by a terminal."""

import json
from typing import Any

import click

from myscheduler.core.findings.problem import printable


def styled(text: str, **style: Any) -> str:
    """Text of somebody else in a style of `click.style`, or in none."""
    return click.style(printable(text), **style) if style else printable(text)


def json_text(value: Any) -> str:
    """JSON for people and programs: any script stands there as it is, and what can't be seen as an escape."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "\n".join(line if line.isprintable() else "".join(map(_in_json, line)) for line in text.split("\n"))


def _in_json(char: str) -> str:
    return char if printable(char) == char else json.dumps(char)[1:-1]
