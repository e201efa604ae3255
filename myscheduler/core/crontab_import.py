"""A crontab as manifests: a job for each line that makes one HTTP call, and what is to be said about every line."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from myscheduler.core.bounds import MOST_IN_REPORT
from myscheduler.core.credentials import MASK, masked, masked_text
from myscheduler.core.crontab import Entry, read_crontab
from myscheduler.core.crontab_command import FoundCall, find_call
from myscheduler.core.declaration import declare
from myscheduler.core.fields import METHODS
from myscheduler.core.manifest_writing import document, ordered
from myscheduler.core.problem import Complaint, Problem, Severity, worst
from myscheduler.core.secrets import is_in_host
from myscheduler.core.shell import ShellError
from myscheduler.core.web_call import NotTakenOver


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a crontab."""

    manifests: Mapping[str, str]
    """The text of each manifest, by the job's id, in the order of the lines."""
    problems: tuple[Problem, ...]
    """Errors are lines that were not taken over; warnings are what a manifest does not say, and secrets to be set."""


def import_crontab(text: str, *, path: str, zone: str, has_users: bool = False) -> Imported:
    """Turn each line that makes one call into a manifest; `path` is what people call the crontab.

    `zone` is the service's. No value that looks like a credential gets into a manifest or a message.
    """
    importing = _Importing(path, zone)
    crontab = read_crontab(text, has_users=has_users)
    for line, fault in crontab.faults:
        importing.report(line, "crontab", fault, Severity.ERROR)
    for entry in crontab.entries:
        importing.take(entry)
    importing.tell_of_all()
    return Imported(importing.manifests, _told(path, importing.problems))


def _told(path: str, problems: list[Problem]) -> tuple[Problem, ...]:
    """Sorted; where there are too many, errors before warnings, and how many more there are."""
    told = sorted(worst(problems, MOST_IN_REPORT))
    if more := len(problems) - len(told):
        told.append(Problem(path, told[-1].line, 1, "", "more-problems", f"and {more:,} more: mend these first"))
    return tuple(told)


@dataclass(slots=True)
class _Names:
    """Each is given once; one that is taken gets a number."""

    taken: set[str] = field(default_factory=set)
    numbers: Counter[str] = field(default_factory=Counter)
    """How many of each wished name are taken, so that none is tried again."""

    def find(self, wished: str) -> str:
        name = wished
        while name in self.taken:
            self.numbers[wished] += 1
            name = f"{wished}-{self.numbers[wished] + 1}"
        return name

    def take(self, wished: str) -> str:
        name = self.find(wished)
        self.taken.add(name)
        return name


def _between(parts: Sequence[str], text: str) -> list[str] | None:
    """What stands in a text between these parts, at least a character each; `None` where it isn't made of them.

    A regular expression would try every split of a text that has none.
    """
    first, *inner, last = parts
    found, at, end = list[str](), len(first), len(text) - len(last)
    for part in inner:
        begin = text.find(part, at + 1, end)
        if begin < 0:
            return None
        found.append(text[at:begin])
        at = begin + len(part)
    return [*found, text[at:end]] if at < end and text.startswith(first) and text.endswith(last) else None


@dataclass(slots=True)
class _Secrets:
    """References instead of credentials."""

    names: dict[str, str] = field(default_factory=dict)
    """By the values that they have to hold, so that equal ones share a name."""
    free: _Names = field(default_factory=_Names)

    def taken_out(self, call: dict[str, Any], *, login: str | None, prefix: str) -> tuple[dict[str, Any], list[str]]:
        """The fields with references in place of what looks like a credential, and what each secret has to hold."""
        hints: list[str] = []
        headers = dict(call["headers"])
        if login is not None and "authorization" not in {name.lower() for name in headers}:
            name = self._name(f"basic {login}", f"{prefix}-basic")
            headers["Authorization"] = f"Basic ${{secret:{name}}}"
            how = "what `printf %s 'USER:PASSWORD' | base64` prints for its user and password"
            hints.append(f"the login became ${{secret:{name}}}, which has to hold {how}")
        call = call | {"headers": headers}
        for field_name, shown in masked({name: call[name] for name in _WITH_CREDENTIALS if name in call}).items():
            call[field_name] = self._replaced(call[field_name], shown, (field_name,), prefix, hints)
        return call | {"headers": call["headers"] or None}, hints

    def _replaced(self, value: Any, shown: Any, loc: tuple[str, ...], prefix: str, hints: list[str]) -> Any:
        """The value with a reference wherever `shown` has the mask."""
        if value == shown:
            return value
        if type(value) is not type(shown):
            raise NotTakenOver(f"the credential in {'.'.join(loc)} is no text, so no reference can stand for it")
        if isinstance(value, dict):
            return {key: self._replaced(one, shown[key], (*loc, key), prefix, hints) for key, one in value.items()}
        if isinstance(value, list):
            pairs = zip(value, shown, strict=True)
            return [self._replaced(one, other, loc, prefix, hints) for one, other in pairs]
        parts = shown.split(MASK)
        found = _between(parts, value)
        if found is None:
            raise NotTakenOver(f"a credential in {'.'.join(loc)} can't be told from what is around it")
        written = parts[0]
        for literal, part in zip(found, parts[1:], strict=True):
            is_path = loc[0] == "target_url" and "?" not in written
            decode = unquote if is_path else unquote_plus if loc in _ENCODED else str
            pieces = literal.split("/") if is_path else [literal]
            written += "/".join(self._reference(piece, decode, loc, prefix, hints) for piece in pieces) + part
        return written

    def _reference(
        self, literal: str, decode: Callable[[str], str], loc: tuple[str, ...], prefix: str, hints: list[str]
    ) -> str:
        """A reference instead of the text. In URLs and forms a secret holds what the text means when it is decoded."""
        value = decode(literal)
        name = self._name(value, f"{prefix}-{_ascii(loc[-1].lower().removeprefix('target_')) or 'value'}")
        decoded = " without its percent-encoding" if value != literal else ""
        hints.append(f"a credential in {'.'.join(loc)} became ${{secret:{name}}}, which has to hold its value{decoded}")
        return f"${{secret:{name}}}"

    def of_variable(self, name: str, value: str | None) -> str:
        """The secret for a variable of a crontab; `None` where nobody sets it."""
        return self._name(f"unset {name}" if value is None else value, _ascii(name) or "value")

    def _name(self, value: str, wished: str) -> str:
        if value not in self.names:
            self.names[value] = self.free.take(wished)
        return self.names[value]


@dataclass(slots=True)
class _Importing:
    path: str
    zone: str
    manifests: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    secrets: _Secrets = field(default_factory=_Secrets)
    ids: _Names = field(default_factory=_Names)
    locks: list[tuple[int, str]] = field(default_factory=list)
    endless: list[int] = field(default_factory=list)
    """Lines whose call may last as long as it likes."""

    def report(self, line: int, rule: str, message: str, severity: Severity = Severity.WARNING) -> None:
        self.problems.append(Problem(self.path, line, 1, "", rule, message, severity))

    def take(self, entry: Entry) -> None:
        try:
            self._take(entry)
        except (NotTakenOver, ShellError) as fault:
            self.report(entry.line, "not-taken-over", f"not taken over: {fault}", Severity.ERROR)

    def _take(self, entry: Entry) -> None:
        if entry.times.lower() == "@reboot":
            raise NotTakenOver("@reboot runs when the machine starts, which is no time of a schedule")
        found = find_call(entry.command, entry.variables, entry.stdin, self.secrets.of_variable)
        call = found.call.fields()
        if is_in_host(call["target_url"]):
            raise NotTakenOver(
                "the host of its URL stands in a variable that nothing here sets, or that is called a credential"
            )
        job_id = self.ids.find(_slug(call["target_url"], entry.comment))
        call, hints = self.secrets.taken_out(
            call, login=found.call.login, prefix=_ascii(job_id) or f"line-{entry.line}"
        )
        fields = {
            "job_id": job_id,
            "name": entry.comment,
            "cron": " ".join(entry.times.split()),
            "timezone": _zone(entry),
            "overlap": "queue" if found.waits else None,
        }
        fields = ordered({name: value for name, value in (fields | call).items() if value is not None})
        spec, complaints = declare(fields, zone=self.zone)
        if spec is None:
            raise NotTakenOver("; ".join(_fault(one) for one in complaints if one.severity is Severity.ERROR))
        self.ids.taken.add(job_id)
        self.manifests[job_id] = document(fields, [f"From line {entry.line} of {self.path}."])
        self._tell(entry, found, hints)

    def _tell(self, entry: Entry, found: FoundCall, hints: list[str]) -> None:
        text = next(reversed(self.manifests.values()))
        for warning in found.call.warnings:
            self.report(entry.line, "lost", warning)
        for hint in hints:
            self.report(entry.line, "secret", hint)
        for hint in _hints(found, text):
            self.report(entry.line, "secret", hint)
        if "CRON_TZ" not in entry.variables and "TZ" in entry.variables:
            self.report(entry.line, "timezone", "TZ became the job's timezone, though some crons know CRON_TZ only")
        if found.call.timeout_sec is None:
            self.endless.append(entry.line)
        if found.lock:
            self.locks.append((entry.line, found.lock))

    def tell_of_all(self) -> None:
        """What is to be said about several lines."""
        shared = Counter(lock for _, lock in self.locks)
        for line, lock in self.locks:
            if shared[lock] > 1:
                self.report(
                    line, "lost", f"{shared[lock]} lines have one lock, but their jobs don't wait for each other"
                )
        if self.endless:
            which = f"{len(self.endless)} calls have" if len(self.endless) > 1 else "this call has"
            message = (
                f"{which} no time limit: it is timeout_sec now, 30 seconds; write a larger one where an answer needs it"
            )
            self.report(self.endless[0], "timeout", message)


_ENCODED = {("target_url",), ("body",)}
_WITH_CREDENTIALS = ("target_url", "headers", "body")


_MAY_REPEAT = frozenset({"method", "headers", "body"})
_FAULTS = {
    "invalid-method": f"is not one of {', '.join(METHODS)}",
    "invalid-header": "the name or the value of one is none that HTTP knows, or is set by the HTTP client",
    "invalid-reference": "what stands for a secret has to be ${secret:NAME}, and never in a key",
}


def _fault(complaint: Complaint) -> str:
    """What keeps a call from being a job. What stands in the wrong place may be a credential, so it is not repeated."""
    field_name = str(complaint.loc[0]) if complaint.loc else ""
    if field_name in _MAY_REPEAT:
        return f"{field_name}: {_FAULTS.get(complaint.rule, 'is not possible in a manifest')}"
    return masked_text(f"{complaint.field}: {complaint.message}")


def _hints(found: FoundCall, text: str) -> Iterator[str]:
    """What the secrets of variables have to hold."""
    for secret, name in found.unset.items():
        if (reference := f"${{secret:{secret}}}") in text:
            yield f"nothing here sets ${name}: it became {reference}, which has to hold its value"
    for secret, (name, value) in found.hidden.items():
        if (reference := f"${{secret:{secret}}}") in text:
            encoded = [*found.call.urls, *found.call.data, *found.call.query]
            is_decoded = unquote_plus(value) != value and any(reference in piece for piece in encoded)
            decoded = " without its percent-encoding" if is_decoded else ""
            yield f"the credential in ${name} became {reference}, which has to hold its value{decoded}"


def _zone(entry: Entry) -> str | None:
    return entry.variables.get("CRON_TZ", entry.variables.get("TZ", "")).removeprefix(":") or None


# --- ids ---

_ENDING = re.compile(r"\.(php\d?|cgi|aspx?|jsp|do|action|html?|json|xml|py|pl|rb|sh)", re.IGNORECASE)
_TELLS_NOTHING = re.compile(r"[0-9a-f]{8,}|[0-9a-f-]{32,}|v\d+|index|[\W\d_]*|.*(\$\{|" + MASK + ").*", re.IGNORECASE)
_LONGEST_ID = 80


def _slug(url: str, comment: str | None) -> str:
    """An id out of the last part of the URL's path; where that tells nothing, of the comment, the path, or the host."""
    parts = urlsplit(masked_text(url))
    path = [_ENDING.sub("", unquote(part)) if _ENDING.search(part) else unquote(part) for part in parts.path.split("/")]
    last, *others = [part for part in reversed(path) if part] or [""]
    for text in (last, comment or "", *others, parts.hostname or ""):
        slug = re.sub(r"[^\w.-]+", "-", text.lower()).strip("-._")[:_LONGEST_ID].strip("-._")
        if slug and not _TELLS_NOTHING.fullmatch(text):
            return slug
    return "job"


def _ascii(text: str) -> str:
    """What of a text may stand in the name of a secret."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")
