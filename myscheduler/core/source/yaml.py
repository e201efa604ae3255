"""Reads YAML into JSON-like values, and finds the location of each value in the text.

Manifests follow the core schema of YAML 1.2, which is what JSON users expect. Text that YAML 1.1 parsers read
differently (`NO`, `0123`, `1:30`) is an error that says what to write, so that all tools read a manifest alike.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from myscheduler.core.bounds import DEEPEST, MOST_IN_DOCUMENT, MOST_IN_FILE, read_number
from myscheduler.core.findings.problem import Complaint, Loc
from myscheduler.core.source.surrogate_pairs import half_character, with_whole_characters
from myscheduler.messages.message import said

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASE_60 = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?")
_BOOL_1_1 = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_ODD_NUMBER = re.compile(r"[-+]?0[0-9_]+|[-+]?0[xX][0-9a-fA-F_]+|0o[0-7]+|0b[01_]+|[-+]?[0-9]++_[0-9_]*+")
_ODD_FLOAT = re.compile(
    r"[-+]?0[0-9]+\.[0-9_]*(?:[eE][-+]?[0-9]+)?"  # 09.5: to some as an octal number
    r"|[-+]\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"  # -.5: text to PyYAML
    r"|[-+]?[0-9][0-9_]*(?:[eE][-+]?[0-9]+)"  # 12e03: text in YAML 1.1, which requires a dot
    r"|[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)[eE][0-9]+"  # 1.5e3: and a sign
    r"|[-+]?[0-9]*\.[0-9][0-9]*_[0-9_]*(?:[eE][-+]?[0-9]+)?"  # 1.0_5
    r"|[-+]?[0-9]+_[0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"  # 1_0.5
)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TAG = "tag:yaml.org,2002:"


class YamlError(Exception):
    """The text is not YAML. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document."""

    value: Any
    """A JSON-like value: dict, list, str, int, float, bool or None."""
    complaints: tuple[Complaint, ...]
    node: yaml.Node = field(repr=False)
    _keys: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = field(default_factory=dict, repr=False, compare=False)
    """A cache of the keys of mappings, by the id of the node: many locations are looked up in large mappings."""

    @property
    def start(self) -> tuple[int, int]:
        return _start(self.node)

    def find(self, loc: Loc) -> yaml.Node | None:
        """The node that `loc` leads to; `None` if there is none."""
        node = self.node
        for part in loc:
            step = self._child(node, part)
            if step is None:
                return None
            _, node = step
        return node

    def position(self, loc: Loc, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value that `loc` leads to, or of the nearest value around it."""
        node, found = self.node, _start(self.node)
        for index, part in enumerate(loc):
            step = self._child(node, part)
            if step is None:
                break
            key, node = step
            found = _start(key if at_key and index == len(loc) - 1 else node)
        return found

    def position_in(self, loc: Loc, index: int) -> tuple[int, int]:
        """Line and column of a character of the text that `loc` leads to; of its start if it is not written as it is.

        Text of several lines, or with escapes, is not; then the place of a character is not known.
        """
        line, column = self.position(loc)
        node = self.find(loc)
        if not isinstance(node, yaml.ScalarNode) or node.start_mark.line != node.end_mark.line:
            return line, column
        before = {None: 0, "": 0, "'": 1, '"': 1}.get(node.style)
        width = node.end_mark.column - node.start_mark.column
        is_as_written = before is not None and width == len(node.value) + 2 * before
        return line, column + (before or 0) + index if is_as_written else column

    def _child(self, node: yaml.Node, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
        """The key and the value nodes that `part` names in a mapping, or the item of a sequence twice."""
        if isinstance(node, yaml.MappingNode):
            keys = self._keys.get(id(node))
            if keys is None:
                named = [(key.value, (key, value)) for key, value in node.value if isinstance(key, yaml.ScalarNode)]
                keys = self._keys[id(node)] = dict(named)
            return keys.get(part) if isinstance(part, str) else None
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            return node.value[part], node.value[part]
        return None


def read_documents(text: str) -> Iterator[Document]:
    """Parse a text of one or more documents; empty documents are left out.

    Raises `YamlError` with the first location that isn't YAML, before any document is returned.
    """
    try:
        nodes = _composed(text)
    except yaml.MarkedYAMLError as error:
        if _HALF_ERROR in (error.problem or "") and (whole := with_whole_characters(text)) != text:
            return read_documents(whole)
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(_explain(error, text, line), line, column) from error
    except UnicodeEncodeError as error:
        raise YamlError(said("half-in-yaml"), *_place_of_character(text[: error.start])) from error
    except yaml.YAMLError as error:
        before = text.encode()[: getattr(error, "position", 0)]  # libyaml counts bytes
        line, column = _place_of_character(before.decode(errors="ignore"))
        reason = getattr(error, "reason", "") or str(error)
        raise YamlError(said("character-not-allowed", why=reason), line, column) from error
    return (_document(node) for node in nodes if not _is_empty(node))


def _composed(text: str) -> list[yaml.Node]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is ten times as fast
    _refuse_excess(text, loader)
    # a loop, not `list()`: between two documents, other threads get their turn
    return [node for node in yaml.compose_all(text, Loader=loader)]  # noqa: C416


_HALF_ERROR = "Unicode character escape"
"""Part of the message with which both loaders reject an escape that is half of a surrogate pair."""
_MAY_BE_DEEP = re.compile(r"[ \t?:-]{50,}")
"""A block that is 100 levels deep follows at least 50 columns of indentation and indicators."""


def _refuse_excess(text: str, loader: Any) -> None:
    """Raise `YamlError` for text that is too deep or too large to compose, by counting the events of the parser.

    Composing recurses in C, which would crash the process, and takes a hundred times the memory of the text; the events
    are a stream that is never held as a whole. Short text with few levels needs no check: every value takes at least
    two characters.
    """
    is_flat = text.count("[") + text.count("{") < DEEPEST and not _MAY_BE_DEEP.search(text)
    if is_flat and len(text) < 2 * MOST_IN_DOCUMENT:
        return
    depth = in_document = in_file = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.NodeEvent):
            in_document, in_file = in_document + 1, in_file + 1
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.DocumentStartEvent):
            in_document = 0
        if depth > DEEPEST:
            raise YamlError(said("yaml-too-deep", most=DEEPEST), *_place(event.start_mark))
        if in_document > MOST_IN_DOCUMENT:
            raise YamlError(said("yaml-too-many-values", most=MOST_IN_DOCUMENT), *_place(event.start_mark))
        if in_file > MOST_IN_FILE:
            message = said("yaml-too-many-values-in-file", most=MOST_IN_FILE)
            raise YamlError(message, *_place(event.start_mark))


def _document(node: yaml.Node) -> Document:
    construction = _Construction()
    try:
        value = construction.build(node, ())
    except _TooMuchError as error:
        return Document(None, (Complaint((), "yaml-bomb", str(error)),), node)
    return Document(value, tuple(construction.complaints), node)


class _TooMuchError(Exception):
    pass


class _Construction:
    """Builds the value of one document from its nodes, recursively, and collects complaints about it."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []
        self._nodes = 0

    def build(self, node: yaml.Node, loc: Loc) -> Any:
        self._nodes += 1
        if self._nodes > MOST_IN_DOCUMENT:
            raise _TooMuchError(said("yaml-expands", most=MOST_IN_DOCUMENT))
        if len(loc) > DEEPEST:
            raise _TooMuchError(said("yaml-too-deep-alias", most=DEEPEST))
        if node.tag not in _IMPLICIT_TAGS:
            self.complaints.append(
                Complaint(
                    loc,
                    "yaml-tag",
                    said("yaml-tag"),
                )
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, loc)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*loc, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, loc)

    def _mapping(self, node: yaml.Node, loc: Loc) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == f"{_TAG}merge" or (key_node.value == "<<" and _is_plain(key_node)):
                merged = self._merged(value_node, loc) | merged
                continue
            key = self._key(key_node, loc)
            if key is None:
                continue
            if key in values:
                message = said("key-twice-in-mapping", line=lines[key])
                self.complaints.append(Complaint((*loc, key), "duplicate-key", message, at_key=True))
            lines.setdefault(key, key_node.start_mark.line + 1)
            values[key] = self.build(value_node, (*loc, key))
        return merged | values

    def _merged(self, node: yaml.Node, loc: Loc) -> dict[str, Any]:
        """The values of a merge key, `<<: *defaults` or a list of them; earlier ones win."""
        result: dict[str, Any] = {}
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            value = self.build(part, (*loc, "<<"))
            if isinstance(value, dict):
                result = value | result
            else:
                message = said("merge-of-no-mapping")
                self.complaints.append(Complaint((*loc, "<<"), "yaml-merge", message, at_key=True))
        return result

    def _key(self, node: yaml.Node, loc: Loc) -> str | None:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self.complaints.append(Complaint(loc, "yaml-key", said("key-not-text")))
        return None

    def _scalar(self, node: yaml.ScalarNode, loc: Loc) -> Any:
        text = str(node.value)
        if not _is_plain(node):
            return text
        if node.tag not in _IMPLICIT_TAGS or _is_explicit_text(node):
            return text
        if surprise := _surprise(text):
            self.complaints.append(Complaint(loc, "yaml-surprise", surprise))
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INT.fullmatch(text):
            return read_number(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        return text


_IMPLICIT_TAGS = {
    _TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value", "merge", "seq", "map")
}


def _surprise(text: str) -> str | None:
    """What to write instead of plain text that YAML 1.1 and 1.2 read differently; `None` for all other text."""
    if _BOOL_1_1.fullmatch(text):
        meant = "true" if text.lower() in {"yes", "on"} else "false"
        return said("boolean-to-some", value=text, meant=meant)
    if _BASE_60.fullmatch(text):
        return said("base-60-to-some", value=text)
    if _ODD_NUMBER.fullmatch(text) or _ODD_FLOAT.fullmatch(text):
        return said("octal-to-some", value=text)
    if _NOT_FINITE.fullmatch(text):
        return said("not-in-json", value=text)
    return None


def reads_as_text(text: str) -> bool:
    """Whether `read_documents` reads the text, written without quotes, as a string."""
    is_number = _INT.fullmatch(text) or _FLOAT.fullmatch(text)
    return not (is_number or text in _CONSTANTS or _surprise(text))


def _explain(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    problem = error.problem or "is not YAML"
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    if re.search(r":\s*\*[/\s,]", written + " "):
        return said("star-starts-alias")
    if "\t" in written[: len(written) - len(written.lstrip())] or "'\\t'" in problem:
        return said("no-tabs")
    if _HALF_ERROR in problem and (half := half_character(written)):
        return half
    return said("not-yaml-because", why=problem)


def _is_plain(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style


def _is_explicit_text(node: yaml.ScalarNode) -> bool:
    """Whether the scalar is marked `!!str`: its tag is that of text, though PyYAML would resolve it differently."""
    return bool(node.tag == f"{_TAG}str" and _RESOLVER.resolve(yaml.ScalarNode, node.value, (True, False)) != node.tag)  # type: ignore[no-untyped-call]


_RESOLVER = yaml.resolver.Resolver()


def _is_empty(node: yaml.Node) -> bool:
    return _is_plain(node) and node.value in {"", "~", "null"}


def _start(node: yaml.Node) -> tuple[int, int]:
    return _place(node.start_mark)


def _place(mark: Any) -> tuple[int, int]:
    """The line and column of a mark, from 1 (PyYAML counts from 0)."""
    return mark.line + 1, mark.column + 1


def _place_of_character(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")
