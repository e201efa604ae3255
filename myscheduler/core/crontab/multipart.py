"""The parts of multipart forms (`curl -F`)."""

import re
from typing import Any

from myscheduler.core.crontab.errors import NotTakenOver

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_PARAMETER = re.compile(r";\s*(\w+)=([^;]*)")


def part_of(written: str, *, is_literal: bool) -> dict[str, Any]:
    """The part of a form that `name=value` is; with `is_literal` (`--form-string`) nothing in it is special."""
    name, equals, value = written.partition("=")
    if not (name and equals):
        raise NotTakenOver("a part of its form has no name (-F)")
    if is_literal:
        return {"name": name, "value": value}
    if value[:1] in {"@", "<"}:
        raise NotTakenOver(
            "its form sends a file of that machine (-F name=@file): put the file into the source, and write it as "
            "multipart: [{name: …, file: …}]"
        )
    if value.startswith("(") or value == "":
        if value:
            raise NotTakenOver("its form has parts within parts (-F)")
        return {"name": name, "value": ""}
    text, rest = _text_of(value)
    part: dict[str, Any] = {"name": name, "value": text}
    for parameter, setting in _PARAMETER.findall(rest):
        if parameter != "type":
            raise NotTakenOver(f"a part of its form has {parameter}= (-F), which only files have here")
        part["content_type"] = setting.strip()
    if _PARAMETER.sub("", rest).strip():
        raise NotTakenOver("a part of its form has a ; that is no parameter (-F): use --form-string")
    return part


def _text_of(value: str) -> tuple[str, str]:
    """The text of a part, and the parameters after it."""
    if value.startswith('"'):
        found = _QUOTED.match(value)
        if found is None:
            raise NotTakenOver('a " in its form is not closed (-F)')
        return re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL), value[found.end() :]
    text, semicolon, rest = value.partition(";")
    return text, semicolon + rest
