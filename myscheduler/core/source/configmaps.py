"""Finds manifests in ConfigMaps, in a file of Kubernetes objects, and maps their locations to that file."""

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.source.snapshot import IGNORE, SUFFIXES
from myscheduler.core.source.yaml import Document
from myscheduler.messages.message import said

Locate = Callable[[int, int], tuple[int, int]]
"""Maps a line and column in an embedded file to the line and column in the file that contains it; all from 1."""


def here(line: int, column: int) -> tuple[int, int]:
    """The `Locate` of a file that is not embedded: a location is itself."""
    return line, column


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A key of a ConfigMap, which is read as a file of that name."""

    name: str
    content: bytes
    place: Locate


@dataclass(frozen=True, slots=True)
class Embedded:
    """The files that a document of Kubernetes objects contains."""

    folders: tuple[tuple[EmbeddedFile, ...], ...] = ()
    """One folder for each ConfigMap, with its files."""
    complaints: tuple[Complaint, ...] = ()
    """Faults that keep a file from being read, although it may declare jobs."""
    skipped: int = 0
    """How many objects are not ConfigMaps with data."""


def is_object(values: Any) -> bool:
    """Whether the document is a Kubernetes object, not a job: it has `apiVersion` and `kind`."""
    return isinstance(values, dict) and "apiVersion" in values and "kind" in values


def embedded(document: Document, text: str) -> Embedded:
    """The files in a ConfigMap, or in those of a `kind: List` as kubectl prints it; `text` is the whole file."""
    values = document.value
    items = values.get("items")
    if values["kind"] == "List" and isinstance(items, list):
        objects: list[tuple[Loc, Any]] = [(("items", index), item) for index, item in enumerate(items)]
    else:
        objects = [((), values)]
    maps = [(loc, item) for loc, item in objects if _is_config_map(item)]
    folders, complaints = [], []
    for loc, item in maps:
        files, faults = _files(document, text, loc, item)
        folders.append(files)
        complaints += faults
    return Embedded(tuple(folders), tuple(complaints), len(objects) - len(maps))


def _is_config_map(item: Any) -> bool:
    if not is_object(item) or item["kind"] != "ConfigMap":
        return False
    return any(isinstance(item.get(name), dict) for name in ("data", "binaryData"))


def _files(
    document: Document, text: str, loc: Loc, item: Mapping[str, Any]
) -> tuple[tuple[EmbeddedFile, ...], list[Complaint]]:
    complaints = [
        complaint
        for complaint in document.complaints
        if complaint.rule == "duplicate-key" and complaint.loc[: len(loc) + 1] in {(*loc, "data"), (*loc, "binaryData")}
    ]
    files = []
    for name, key, written in _keys(item):
        place = (*loc, name, key)
        if name == "data":
            files.append(EmbeddedFile(key, written.encode(), _place(document, place, text, written)))
            continue
        try:
            content = base64.b64decode("".join(written.split()), validate=True)
        except binascii.Error:
            message = said("not-base64")
            complaints.append(Complaint(place, "invalid-value", message))
        else:
            files.append(EmbeddedFile(key, content, _always(document.position(place))))
    return tuple(files), complaints


def _keys(item: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in ("data", "binaryData"):
        data = item.get(name)
        for key, written in data.items() if isinstance(data, dict) else ():
            if (key.endswith(SUFFIXES) or key == IGNORE) and isinstance(written, str):
                yield name, key, written


# --- locations ---


def _place(document: Document, loc: Loc, text: str, content: str) -> Locate:
    """Maps locations in the content of a scalar to locations in the file; to its start where that isn't possible."""
    node = document.find(loc)
    start = document.position(loc)
    if not isinstance(node, yaml.ScalarNode):
        return _always(start)
    written = text[node.start_mark.index : node.end_mark.index]
    if node.style == "|":
        return _of_block(written.splitlines(), content.splitlines(), start)
    if node.style in _TOKENS:
        sources = list(_sources(written, _TOKENS[node.style]))
        if len(sources) == len(content):
            return _of_quoted(written, content, sources, start)
    return _always(start)


def _always(start: tuple[int, int]) -> Locate:
    return lambda _line, _column: start


def _of_block(around: list[str], inner: list[str], start: tuple[int, int]) -> Locate:
    """Line n of a `|` block is n lines below its indicator, indented."""

    def place(line: int, column: int) -> tuple[int, int]:
        written = inner[line - 1] if line <= len(inner) else ""
        indent = around[line].find(written) if written and line < len(around) else -1
        return (start[0] + line, column + indent) if indent >= 0 else start

    return place


def _of_quoted(written: str, content: str, sources: list[int], start: tuple[int, int]) -> Locate:
    inner, outer = _line_starts(content), _line_starts(written)

    def place(line: int, column: int) -> tuple[int, int]:
        index = inner[min(line, len(inner)) - 1] + column - 1
        if not sources:
            return start
        source = sources[min(index, len(sources) - 1)]
        below = bisect_right(outer, source) - 1
        return start[0] + below, source - outer[below] + (1 if below else start[1])

    return place


_BREAK = r"(?:\r\n|[\r\n\x85\u2028\u2029])"
_FOLD = rf"(?P<fold>[ \t]*+{_BREAK}(?:[ \t]*+{_BREAK})*+[ \t]*+)|(?P<run>[ \t]++)"
_TOKENS = {
    '"': re.compile(
        rf"(?P<joined>\\{_BREAK}(?:[ \t]*+{_BREAK})*+[ \t]*+)|(?P<one>\\(?:x.{{2}}|u.{{4}}|U.{{8}}|.))|{_FOLD}"
        r"|(?P<plain>[^\\ \t\r\n\x85\u2028\u2029]++)",
        re.DOTALL,
    ),
    "'": re.compile(rf"(?P<one>'')|{_FOLD}|(?P<plain>[^' \t\r\n\x85\u2028\u2029]++)"),
}
"""The tokens of a scalar in double or single quotes."""
_BREAKS = re.compile(_BREAK)
_KEPT = frozenset("\u2028\u2029")


def _sources(written: str, tokens: re.Pattern[str]) -> Iterator[int]:
    """For each character of a quoted scalar's value, its index in the written scalar, quotes included."""
    for token in tokens.finditer(written, 1, len(written) - 1):
        first, end = token.span()
        match token.lastgroup:
            case "one":
                yield first
            case "joined":
                yield from [first] * (len(_BREAKS.findall(token[0])) - 1)
            case "fold":  # the first line break becomes a space, unless others follow or YAML keeps it
                before, *others = _BREAKS.findall(token[0])
                yield from [first] * (len(others) + (before in _KEPT) or 1)
            case _:
                yield from range(first, end)


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in _BREAKS.finditer(text))]
