"""Reads an OpenAPI document, and finds its parts with their places. References are followed inside of it only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from myscheduler.core.bounds import LARGEST_FILE
from myscheduler.core.findings.masking import field_of
from myscheduler.core.findings.problem import Loc, Place, Problem, shown
from myscheduler.core.manifest.declared import ContractFile
from myscheduler.core.source.reserved import read_reserved
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile
from myscheduler.core.source.yaml import Document
from myscheduler.messages.message import said

RULE = "invalid-contract"
MOST_STEPS = 20
"""References that lead to a reference, in a row."""
MOST_REPORTED = 10
"""Problems with references that are reported."""
_VERSION = re.compile(r"3\.([01])(\.|$)")
_TABS = re.compile(r"^\t+", re.MULTILINE)
_DATA = frozenset({"example", "examples", "default", "enum", "const"})
"""Keys whose values are data: what looks like a reference in them is none."""


@dataclass(frozen=True, slots=True)
class Part:
    """A value of the document, with the keys and indexes that lead to it."""

    value: Any
    loc: Loc

    def entry(self, key: str | int) -> "Part | None":
        """The value at a key of a mapping, or at an index of a list, as it is written; `None` if there is none."""
        if isinstance(self.value, dict) and key in self.value:
            return Part(self.value[key], (*self.loc, key))
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            return Part(self.value[key], (*self.loc, key))
        return None


@dataclass(frozen=True, slots=True)
class Contract:
    """A document that can be used."""

    path: str
    document: Document = field(repr=False)
    is_3_0: bool
    """Version 3.0, whose schemas are not quite JSON Schema; else 3.1."""

    @property
    def root(self) -> Part:
        return Part(self.document.value, ())

    def place(self, loc: Loc) -> Place:
        """Where the key or the item is written."""
        return Place(self.path, *self.document.position(loc, at_key=True))

    def get(self, part: Part, *keys: str | int) -> Part | None:
        """The part that the keys lead to, with references followed on the way and at the end."""
        found: Part | None = self.followed(part)
        for key in keys:
            step = found.entry(key) if found is not None else None
            found = self.followed(step) if step is not None else None
        return found

    def entries(self, part: Part | None) -> Iterator[tuple[str, Part]]:
        """The keys of a mapping with what they lead to, with references followed; none for anything else."""
        if part is not None and isinstance(part.value, dict):
            for key, value in part.value.items():
                if (found := self.followed(Part(value, (*part.loc, key)))) is not None:
                    yield key, found

    def items(self, part: Part | None) -> Iterator[Part]:
        """The items of a list, with references followed; none for anything else."""
        if part is not None and isinstance(part.value, list):
            for index, value in enumerate(part.value):
                if (found := self.followed(Part(value, (*part.loc, index)))) is not None:
                    yield found

    def followed(self, part: Part) -> Part | None:
        """What the part refers to, or the part itself; `None` if that can't be found."""
        for _ in range(MOST_STEPS):
            reference = reference_of(part.value)
            if reference is None:
                return part
            target = self.target(reference)
            if target is None:
                return None
            part = target
        return None

    def target(self, reference: str) -> Part | None:
        """The part that a reference names; `None` if it isn't one into this document."""
        if reference != "#" and not reference.startswith("#/"):
            return None
        part: Part | None = self.root
        for step in reference.split("/")[1:]:
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if part is None:
                return None
            part = part.entry(int(key) if isinstance(part.value, list) and key.isdecimal() else key)
        return part


def reference_of(value: Any) -> str | None:
    """The reference that stands in place of a value; `None` for any other value."""
    found = value.get("$ref") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def read_contract(named: ContractFile) -> tuple[Contract | None, tuple[Problem, ...]]:
    """The document, or `None` if it can't be used, and the problems with it; never raises for its content."""
    file, at = named.file, named.named_at
    if isinstance(file, UnreadableFile):
        message = said("contract-unreadable", path=file.path, why=file.reason)
        return None, (Problem(at.path, at.line, at.column, "openapi", RULE, message),)
    contract, problems = _read(file)
    return contract, tuple(replace(one, related=at) for one in problems)


def _read(file: SourceFile) -> tuple[Contract | None, tuple[Problem, ...]]:
    if len(file.content) > LARGEST_FILE:
        message = said("contract-too-large", mib=LARGEST_FILE // 1024**2)
        return None, (Problem(file.path, 1, 1, "", RULE, message),)
    found = read_reserved(file.path, _content(file), rule=RULE, several=said("remove-what-follows"))
    if found is None:
        return None, (Problem(file.path, 1, 1, "", RULE, said("contract-not-openapi")),)
    if isinstance(found, Problem):
        return None, (found,)
    document = found.document
    if document.value is None:  # aliases that expand to too much
        return None, tuple(found.problems)
    loc, fault = _unusable(document.value)
    if fault:
        return None, (Problem(file.path, *document.position(loc), field_of(loc), RULE, fault),)
    contract = Contract(file.path, document, str(document.value["openapi"]).startswith("3.0"))
    return contract, tuple(_reference_problems(contract))


def _content(file: SourceFile) -> bytes:
    """The content as YAML, which doesn't indent with tabs as JSON may; all places stay where they are."""
    if b"\t" not in file.content or not file.path.endswith(".json"):
        return file.content
    text = file.content.decode("utf-8", errors="surrogateescape")
    return _TABS.sub(lambda found: " " * len(found[0]), text).encode("utf-8", errors="surrogateescape")


def _unusable(value: Any) -> tuple[Loc, str]:
    """Why the value isn't an OpenAPI document that can be used, and where; an empty text if it is one."""
    if not isinstance(value, dict):
        return (), said("contract-not-openapi")
    if "swagger" in value:
        return ("swagger",), said("contract-swagger")
    if "openapi" not in value:
        return (), said("contract-not-openapi")
    if not _VERSION.match(str(value["openapi"])):
        return ("openapi",), said("contract-version", version=shown(str(value["openapi"])))
    if not isinstance(value.get("paths"), dict):
        return ("paths",), said("contract-without-paths")
    return (), ""


def _reference_problems(contract: Contract) -> Iterator[Problem]:
    """References that lead nowhere, or out of the document: what depends on them can't be checked."""
    reported = 0
    for loc, reference in _references(contract.root):
        if reference.startswith("#"):
            message = said("contract-reference-nowhere", reference=shown(reference))
            if not reference.startswith("#/") or contract.target(reference) is not None:
                continue
        else:
            message = said("contract-reference-outside", reference=shown(reference))
        place = contract.place(loc)
        yield Problem(place.path, place.line, place.column, "$ref", RULE, message)
        reported += 1
        if reported == MOST_REPORTED:
            return


def _references(root: Part) -> Iterator[tuple[Loc, str]]:
    left = [root]
    while left:
        part = left.pop()
        reference = reference_of(part.value)
        if reference is not None:
            yield (*part.loc, "$ref"), reference
        if isinstance(part.value, dict):
            named = ((key, value) for key, value in part.value.items() if key not in _DATA)
            left += [Part(value, (*part.loc, key)) for key, value in named if isinstance(value, dict | list)]
        elif isinstance(part.value, list):
            items = enumerate(part.value)
            left += [Part(value, (*part.loc, index)) for index, value in items if isinstance(value, dict | list)]
