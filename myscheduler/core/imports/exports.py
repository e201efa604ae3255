"""Reads the export of another scheduler, which is JSON or YAML, and collects what becomes of its jobs."""

import binascii
import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from myscheduler.core.bounds import LONGEST_NAME, MOST_CRONTAB_JOBS
from myscheduler.core.crontab.collecting import Collecting, Imported, slug_of
from myscheduler.core.crontab.credentials import may_hold_credential
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.expressions import texts_in
from myscheduler.core.crontab.markers import RESERVED, RESERVED_IN_JSON
from myscheduler.core.crontab.secret_names import NO_LOGINS, Logins, ascii_name
from myscheduler.core.crontab.shell import ShellError
from myscheduler.core.findings.problem import Loc, Severity
from myscheduler.core.header_values import is_json
from myscheduler.core.source.yaml import Document, YamlError, read_documents
from myscheduler.core.templates.places import each_text

Fields = dict[str, Any]
_PRIVATE_USE = "has characters of Unicode's private use area, which have no meaning"


@dataclass(frozen=True, slots=True)
class Item:
    """An object of an export, and where it stands."""

    value: Mapping[str, Any]
    place: tuple[int, int]
    """Line and column."""


@dataclass(slots=True)
class Export:
    """An export while it is imported."""

    to: Collecting
    told: set[str] = field(default_factory=set)
    """What is said once, at the first job that it concerns."""
    count: int = 0

    @classmethod
    def of(cls, path: str, zone: str) -> "Export":
        return cls(Collecting(path, zone))

    def documents(self, text: str) -> Iterator[Document]:
        """The documents of the text. Reports why it can't be read, and what is ambiguous in it."""
        try:
            documents = list(read_documents(text))
        except YamlError as error:
            self.to.report(error.line, "yaml", str(error), Severity.ERROR, column=error.column)
            return
        for document in documents:
            if any(map(RESERVED.search, texts_in(document.value))):
                self.to.report(document.start[0], "not-taken-over", f"not imported: {_PRIVATE_USE}", Severity.ERROR)
                continue
            for one in document.complaints:
                line, column = document.position(one.loc, at_key=one.at_key)
                self.to.report(line, one.rule, f"{one.field}: {one.message}", one.severity, column=column)
            yield document

    def take(self, item: Item, make: Callable[[], None]) -> None:
        """Import a job by `make`, and report why it can't be imported."""
        self.count += 1
        if self.count > MOST_CRONTAB_JOBS:
            if self.count == MOST_CRONTAB_JOBS + 1:
                self.refuse(item, f"there are more than {MOST_CRONTAB_JOBS:,} jobs: import the rest separately")
            return
        manifests, problems = len(self.to.manifests), len(self.to.problems)
        try:
            make()
        except (NotTakenOver, ShellError) as fault:
            self._forget(manifests, problems)
            self.refuse(item, str(fault))

    def _forget(self, manifests: int, problems: int) -> None:
        """Take back what came after so many manifests and problems: a job is imported whole, or not at all."""
        written = list(self.to.manifests)[manifests:] if len(self.to.manifests) > manifests else []
        self.to.ids.give_back(set(written))
        for job_id in written:
            del self.to.manifests[job_id]
        while len(self.to.problems) > problems:
            problem, _ = self.to.problems.popitem()
            self.told.discard(problem.message)

    def refuse(self, item: Item, reason: str) -> None:
        line, column = item.place
        self.to.report(line, "not-taken-over", f"not imported: {reason}", Severity.ERROR, column=column)

    def warn(self, item: Item, message: str, rule: str = "lost") -> None:
        line, column = item.place
        self.to.report(line, rule, message, column=column)

    def warn_once(self, item: Item, message: str, rule: str = "lost") -> None:
        """Say what concerns many jobs at the first of them only."""
        if message not in self.told:
            self.told.add(message)
            self.warn(item, message, rule)

    def write(self, item: Item, fields: Fields, call: Fields, *, named: str, logins: Logins = NO_LOGINS) -> str:
        """Write the manifest of a job: its fields, and those of its call, in which credentials become secrets."""
        job_id = self.to.ids.find(named)
        call, hints = self.to.secrets.without_credentials(
            {"headers": {}, **call}, prefix=ascii_name(job_id) or f"line-{item.place[0]}", logins=logins
        )
        origin = f"From {named} in {self.to.path}."
        text, notes = self.to.manifest({"job_id": job_id, **fields, **call}, origin)
        self.to.manifests[job_id] = text
        for note in notes:
            self.warn(item, note)
        for hint in hints:
            self.warn(item, hint, "secret")
        return text

    def imported(self) -> Imported:
        return self.to.imported()


def items_in(document: Document, value: Any, loc: Loc) -> Iterator[Item]:
    """The objects in a list, or the object itself."""
    if isinstance(value, Mapping):
        yield Item(value, document.position(loc))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from items_in(document, one, (*loc, index))


def part(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of that name; empty if there is none."""
    found = value.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise NotTakenOver(f"its {name} is not an object")
    return found or {}


def parts(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in the list of that name; empty if there is none."""
    found = value.get(name)
    if found is not None and not (isinstance(found, list) and all(isinstance(one, Mapping) for one in found)):
        raise NotTakenOver(f"its {name} is not a list of objects")
    return found or []


def text_of(value: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """The text of that name. Raises `NotTakenOver` where there is none, and no default."""
    found = value.get(name, default)
    found = default if found is None else found
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        raise NotTakenOver(f"has no {name}" if found is None else f"its {name} is not a text")
    return str(found)


def number_of(value: Mapping[str, Any], name: str, default: int | None = None) -> int | None:
    """The whole number of that name."""
    found = value.get(name)
    if found is None:
        return default
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise NotTakenOver(f"its {name} is not a number of at least 0")
    return found


def literal(value: Any) -> Any:
    """The value as a manifest has it: what only looks like a reference to a secret is escaped."""
    return each_text(value, lambda text, _: text.replace("${", "$${"), ())


def name_of(text: str, *, fallback: str) -> str:
    """The id of a job with that name, which may have characters that an id can't have."""
    return slug_of(f"http://{fallback}/{text}", None) if set("/?#%") & set(text) or not text.isprintable() else text


def title_of(text: str | None) -> str | None:
    """A description as the name of a job; `None` where there is none, or it may hold a credential."""
    line = " ".join((text or "").split())
    return None if not line or len(line) > LONGEST_NAME or may_hold_credential(line) else line


def payload_of(content: bytes, content_type: str | None) -> Fields:
    """The field that sends these bytes: `body` for JSON, else `text`, or `base64` where they are no text."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return {"base64": _base64_text(content)}
    if RESERVED.search(text) or RESERVED_IN_JSON.search(text):
        raise NotTakenOver(_PRIVATE_USE)
    if is_json(content_type or ""):
        value = _json_value(text)
        if value is not None:
            return {"body": literal(value)}
    if not all(char.isprintable() or char in "\n\t" for char in text):
        return {"base64": _base64_text(content)}
    return {"text": literal(text)}


def _base64_text(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode()


def _json_value(text: str) -> Any:
    """The value of a JSON text; `None` where writing it anew would change its meaning."""
    try:
        value = json.loads(text)
        same = json.loads(json.dumps(value), parse_float=str, parse_int=str)
        is_same = same == json.loads(text, parse_float=str, parse_int=str, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    return value if is_same else None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


def decoded(text: str, what: str) -> bytes:
    """The bytes of a text in base64."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotTakenOver(f"its {what} is not base64") from None
