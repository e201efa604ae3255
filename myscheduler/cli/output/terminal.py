"""Prints text of users and servers without control characters, which a terminal would obey."""

import json
from typing import Any

import click

from myscheduler.core.findings.problem import printable


def styled(text: str, **style: Any) -> str:
    """Escape control characters in a text, and apply a style of `click.style`, if there is one."""
    return click.style(printable(text), **style) if style else printable(text)


def json_text(value: Any) -> str:
    """Indented JSON. Printable characters of any script are written as they are, all others escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "\n".join(line if line.isprintable() else "".join(map(_in_json, line)) for line in text.split("\n"))


def _in_json(char: str) -> str:
    return char if printable(char) == char else json.dumps(char)[1:-1]
