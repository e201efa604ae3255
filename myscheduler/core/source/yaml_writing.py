"""Writes JSON-like values as YAML that every parser reads alike, whether it follows YAML 1.1 or 1.2."""

import re
import sys
from typing import Any

import yaml

from myscheduler.core.findings.problem import printable
from myscheduler.core.source.yaml import reads_as_text

_SHORT_BOOLEANS = frozenset("yYnN")
"""Booleans in the specification of YAML 1.1, though not for most of its parsers."""
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?")


def to_yaml(values: dict[str, Any]) -> str:
    """One document in block style, which `read_documents` reads as the same values; without a `---` line.

    Raises `RecursionError` for values that are nested too deeply.
    """
    text = yaml.dump(
        values, Dumper=_Dumper, allow_unicode=True, default_flow_style=False, sort_keys=False, width=sys.maxsize
    )
    return "".join(map(_visible, text))


def _visible(char: str) -> str:
    """An invisible or control character as an escape, which is valid in double quotes only; others as they are."""
    if char in "\n\t" or printable(char) == char:
        return char
    return f"\\u{ord(char):04X}" if ord(char) <= 0xFFFF else f"\\U{ord(char):08X}"


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, and never writes an alias."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=_style(text))


def _style(text: str) -> str | None:
    if _reads_well_as_block(text):
        return "|"
    if not text.isprintable():
        return '"'  # the only style with escapes
    is_close = "*" in text or _DATE.match(text)  # an edit could make it an alias, or a timestamp
    is_safe = reads_as_text(text) and text not in _SHORT_BOOLEANS and not is_close
    return None if is_safe else "'"


def _reads_well_as_block(text: str) -> bool:
    is_ragged = text[:1].isspace() or not text.strip()
    return "\n" in text and not is_ragged and all(_visible(char) == char for char in text)


_Dumper.add_representer(str, _represent_text)
