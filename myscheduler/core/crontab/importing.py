"""Converts a crontab to manifests: one job for each HTTP call of a line, and findings about the lines."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

from myscheduler.core.bounds import MOST_IN_REPORT
from myscheduler.core.crontab.command import find_calls
from myscheduler.core.crontab.credentials import is_credential_variable
from myscheduler.core.crontab.line import Found
from myscheduler.core.crontab.lines import CrontabEntry, read_crontab
from myscheduler.core.crontab.shell import ShellError
from myscheduler.core.crontab.times import times_of
from myscheduler.core.crontab.web_call import NotTakenOver
from myscheduler.core.crontab.wrappers import FoundCall
from myscheduler.core.findings.masking import MASK, masked_text
from myscheduler.core.findings.problem import Complaint, Problem, Severity, worst
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.writing import document, ordered
from myscheduler.core.secrets.literals import masked
from myscheduler.core.secrets.references import is_in_host
from myscheduler.core.templates.declaring import escaped


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of importing a crontab."""

    manifests: Mapping[str, str]
    """The text of each manifest, by the job's id, in the order of the lines."""
    problems: tuple[Problem, ...]
    """Errors are lines that were not imported; warnings are what a manifest does not keep, and secrets to set."""


def import_crontab(
    text: str,
    *,
    path: str,
    zone: str,
    has_users: bool = False,
    timezone: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Imported:
    """Turn each call of each line into a manifest; `path` is the name of the crontab in findings.

    `zone` is the time zone of the service, `timezone` that of the machine of the crontab. `settings` are variables that
    override those of the crontab. No value that looks like a credential gets into a manifest or a message.
    """
    importing = _Importing(path, zone, timezone, settings or {})
    crontab = read_crontab(text, has_users=has_users)
    for line, fault in crontab.faults:
        importing.report(line, "crontab", fault, Severity.ERROR)
    for entry in crontab.entries:
        importing.import_line(entry)
    importing.report_shared()
    return Imported(importing.manifests, _limited(path, list(importing.problems)))


def _limited(path: str, problems: list[Problem]) -> tuple[Problem, ...]:
    """Sorted by line. Where there are too many, errors are kept before warnings, and the rest is counted."""
    kept = sorted(worst(problems, MOST_IN_REPORT))
    if more := len(problems) - len(kept):
        kept.append(Problem(path, kept[-1].line, 1, "", "more-problems", f"and {more:,} more: fix these first"))
    return tuple(kept)


@dataclass(slots=True)
class _Names:
    """Gives out unique names: where a wished name is taken, a number is appended."""

    taken: set[str] = field(default_factory=set)
    numbers: Counter[str] = field(default_factory=Counter)
    """The last number tried for each wished name, so that the search doesn't start over."""

    def find(self, wished: str) -> str:
        name = wished
        while name in self.taken:
            self.numbers[wished] += 1
            name = f"{wished}-{self.numbers[wished] + 1}"
        return name

    def give_back(self, names: set[str]) -> None:
        self.taken -= names
        if names:
            self.numbers.clear()

    def take(self, wished: str) -> str:
        name = self.find(wished)
        self.taken.add(name)
        return name


def _between(parts: Sequence[str], text: str) -> list[str] | None:
    """The pieces of a text between these parts, at least one character each; `None` where the text doesn't match.

    A regular expression would backtrack through every split of a text that doesn't match.
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
    """Replaces credentials by references to secrets, and names the secrets."""

    names: dict[str, str] = field(default_factory=dict)
    """The names of secrets by the values that they must hold, so that equal values share a secret."""
    free: _Names = field(default_factory=_Names)

    def without_credentials(
        self, call: dict[str, Any], *, login: str | None, netrc: str | None, prefix: str
    ) -> tuple[dict[str, Any], list[str]]:
        """The fields with references in place of what looks like a credential, and what each secret must hold."""
        hints: list[str] = []
        headers = dict(call["headers"])
        key = f"basic {login}" if login is not None else f"netrc {netrc} {urlsplit(call['target_url']).hostname}"
        if (login or netrc) is not None and "authorization" not in {name.lower() for name in headers}:
            name = self._name(key, f"{prefix}-basic")
            headers["Authorization"] = f"Basic ${{secret:{name}}}"
            how = "what `printf %s 'USER:PASSWORD' | base64` prints for its user and password"
            which = "the login" if login is not None else "the login that a .netrc file has for the host"
            hints.append(f"{which} became ${{secret:{name}}}, which must hold {how}")
        call = call | {"headers": headers}
        for field_name, shown in masked({name: call[name] for name in _WITH_CREDENTIALS if name in call}).items():
            call[field_name] = self._replaced(call[field_name], shown, (field_name,), prefix, hints)
        return call | {"headers": call["headers"] or None}, hints

    def _replaced(self, value: Any, shown: Any, loc: tuple[str, ...], prefix: str, hints: list[str]) -> Any:
        """The value with a reference wherever `shown` has the mask."""
        if value == shown:
            return value
        if type(value) is not type(shown):
            raise NotTakenOver(f"the credential in {'.'.join(loc)} is not a string, so no reference can replace it")
        if isinstance(value, dict):
            return {key: self._replaced(one, shown[key], (*loc, key), prefix, hints) for key, one in value.items()}
        if isinstance(value, list):
            pairs = zip(value, shown, strict=True)
            return [self._replaced(one, other, loc, prefix, hints) for one, other in pairs]
        parts = shown.split(MASK)
        found = _between(parts, value)
        if found is None:
            raise NotTakenOver(f"a credential in {'.'.join(loc)} can't be separated from the text around it")
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
        """A reference that replaces the text. In URLs and forms, the secret holds the decoded value."""
        value = decode(literal)
        name = self._name(value, f"{prefix}-{_ascii(loc[-1].lower().removeprefix('target_')) or 'value'}")
        decoded = " without its percent-encoding" if value != literal else ""
        hints.append(f"a credential in {'.'.join(loc)} became ${{secret:{name}}}, which must hold its value{decoded}")
        return f"${{secret:{name}}}"

    def of_variable(self, name: str, value: str | None) -> str:
        """The secret for a variable of a crontab with this value; `None` where nothing sets it."""
        return self._name(f"unset {name}" if value is None else value, _ascii(name) or "value")

    def of_file(self, path: str) -> str:
        """The secret for the content of a file."""
        return self._name(f"file {path}", _ascii(path.rpartition("/")[2]) or "file")

    def _name(self, value: str, wished: str) -> str:
        if value not in self.names:
            self.names[value] = self.free.take(wished)
        return self.names[value]


@dataclass(slots=True)
class _Importing:
    """Collects manifests and findings, one line after another."""

    path: str
    zone: str
    timezone: str | None
    settings: Mapping[str, str] = field(repr=False)
    manifests: dict[str, str] = field(default_factory=dict)
    problems: dict[Problem, None] = field(default_factory=dict)
    secrets: _Secrets = field(default_factory=_Secrets)
    ids: _Names = field(default_factory=_Names)
    locks: list[tuple[int, str]] = field(default_factory=list)
    endless: list[int] = field(default_factory=list)
    """Lines with a call that has no time limit."""
    zoned: list[int] = field(default_factory=list)
    """Lines below a TZ variable, which doesn't change when they run."""
    mailed: list[int] = field(default_factory=list)
    """Lines whose output cron mails."""

    def report(self, line: int, rule: str, message: str, severity: Severity = Severity.WARNING) -> None:
        """Add a finding; equal ones, such as of several calls of a line, are kept once."""
        problem = Problem(self.path, line, 1, "", rule, message, severity)
        if problem not in self.problems:
            self.problems[problem] = None

    def import_line(self, entry: CrontabEntry) -> None:
        """Turn all calls of a line into jobs, or, where one can't be, none of them."""
        entry = replace(entry, variables={**entry.variables, **self.settings})
        jobs: list[_Job] = []
        try:
            found = find_calls(entry.command, entry.variables, entry.stdin, self.secrets)
            for call in found.calls:
                jobs.append(self._job(entry, call))  # noqa: PERF401 - each takes its id
        except (NotTakenOver, ShellError) as fault:
            self.ids.give_back({job.job_id for job in jobs})
            hint = _PERCENT if isinstance(fault, ShellError) and entry.stdin is not None else ""
            self.report(entry.line, "not-taken-over", f"not imported: {fault}{hint}", Severity.ERROR)
            return
        for job in jobs:
            self.manifests[job.job_id] = job.text
            self._report_job(entry, found, job)
        self._report_line(entry, found)

    def _job(self, entry: CrontabEntry, found: FoundCall) -> "_Job":
        call = found.call.fields()
        if is_in_host(call["target_url"]):
            raise NotTakenOver(
                "the host of its URL is in a variable that nothing here sets, or whose name is that of a credential: "
                "--set NAME=VALUE sets one of the first kind"
            )
        times = times_of(
            entry.times,
            delay=found.delay,
            jitter=found.jitter,
            most_minutes=entry.variables.get("RANDOM_DELAY", ""),
        )
        job_id = self.ids.find(_slug(call["target_url"], entry.comment))
        call, hints = self.secrets.without_credentials(
            call, login=found.call.login, netrc=found.call.netrc, prefix=_ascii(job_id) or f"line-{entry.line}"
        )
        fields: dict[str, Any] = {
            "job_id": job_id,
            "name": entry.comment,
            "timezone": entry.variables.get("CRON_TZ", "").removeprefix(":") or self.timezone,
            "overlap": found.overlap,
            "misfire_grace_time": found.patience,
        }
        fields = ordered(
            {name: value for name, value in {**fields, **times.fields, **call}.items() if value is not None}
        )
        fields = escaped(fields)
        spec, complaints = declare(fields, zone=self.zone)
        if spec is None:
            raise NotTakenOver("; ".join(_fault(one) for one in complaints if one.severity is Severity.ERROR))
        self.ids.taken.add(job_id)
        text = document(fields, [f"From line {entry.line} of {self.path}."])
        return _Job(job_id, text, found, (*found.call.warnings, *times.warnings), tuple(hints))

    def _report_job(self, entry: CrontabEntry, found: Found, job: "_Job") -> None:
        for warning in job.warnings:
            self.report(entry.line, "lost", warning)
        for hint in (*job.hints, *_hints(found, job)):
            self.report(entry.line, "secret", hint)
        if job.found.call.timeout_sec is None:
            self.endless.append(entry.line)
        if job.found.lock:
            self.locks.append((entry.line, job.found.lock))

    def _report_line(self, entry: CrontabEntry, found: Found) -> None:
        for warning in found.warnings:
            self.report(entry.line, "lost", warning)
        if entry.variables.get("MAILTO"):
            self.mailed.append(entry.line)
        if entry.variables.get("TZ") and self.timezone is None and not entry.variables.get("CRON_TZ"):
            self.zoned.append(entry.line)

    def report_shared(self) -> None:
        """Report what concerns several lines together; call it after the last line."""
        locks = dict.fromkeys(self.locks)
        shared = Counter(lock for _, lock in locks)
        for line, lock in locks:
            if shared[lock] > 1:
                self.report(
                    line, "lost", f"{shared[lock]} lines share a lock, but their jobs don't wait for each other"
                )
        if self.endless:
            which = f"{len(self.endless)} calls have" if len(self.endless) > 1 else "this call has"
            message = f"{which} no time limit: timeout_sec is 30 seconds; set a larger one where an answer takes longer"
            self.report(self.endless[0], "timeout", message)
        if self.zoned:
            several = f"the commands of {len(self.zoned)} lines, not to their"
            which = several if len(self.zoned) > 1 else "the command, not to its"
            message = (
                f"TZ applies to {which} times, which are in the zone of the machine: "
                "name that zone with --timezone, or with CRON_TZ for the lines below it"
            )
            self.report(self.zoned[0], "timezone", message)
        if self.mailed:
            which = f"{len(self.mailed)} lines print" if len(self.mailed) > 1 else "this line prints"
            message = f"cron mails what {which} to MAILTO, a job mails nothing: the history has answers and failures"
            self.report(self.mailed[0], "lost", message)


@dataclass(frozen=True, slots=True)
class _Job:
    """A call that became a manifest."""

    job_id: str
    text: str
    found: FoundCall
    warnings: tuple[str, ...]
    """What the manifest does not keep of the line."""
    hints: tuple[str, ...]
    """What its secrets must hold."""


_PERCENT = " (a % without a backslash ends the command of a crontab)"


_ENCODED = {("target_url",), ("body",)}
_WITH_CREDENTIALS = ("target_url", "headers", "body")


_MAY_REPEAT = frozenset({"method", "headers", "body"})
_FAULTS = {
    "invalid-method": "is not a method of HTTP",
    "invalid-header": "the name or the value of one is not valid in HTTP, or the HTTP client sets it",
    "invalid-reference": "a reference to a secret must be ${secret:NAME}, and can't be in a key",
}


def _fault(complaint: Complaint) -> str:
    """Why a call can't be a job. Text in the wrong place may be a credential, so it is not repeated."""
    field_name = str(complaint.loc[0]) if complaint.loc else ""
    if field_name in _MAY_REPEAT:
        return f"{field_name}: {_FAULTS.get(complaint.rule, 'is not possible in a manifest')}"
    return masked_text(f"{complaint.field}: {complaint.message}")


def _hints(found: Found, job: _Job) -> Iterator[str]:
    """What the secrets of variables and files must hold."""
    call = job.found.call
    encoded = [*call.urls, *call.data, *call.query]
    for secret, name in found.unset.items():
        if (reference := f"${{secret:{secret}}}") in job.text:
            hint = "" if is_credential_variable(name) else f"; if it is not secret, give it with --set {name}=VALUE"
            yield f"nothing here sets ${name}: it became {reference}, which must hold its value{hint}"
    for secret, (name, value) in found.hidden.items():
        if (reference := f"${{secret:{secret}}}") in job.text:
            is_decoded = unquote_plus(value) != value and any(reference in piece for piece in encoded)
            decoded = " without its percent-encoding" if is_decoded else ""
            yield f"the credential in ${name} became {reference}, which must hold its value{decoded}"
    for secret, path in found.files.items():
        if (reference := f"${{secret:{secret}}}") in job.text:
            decoded = ", without percent-encoding" if any(reference in piece for piece in encoded) else ""
            file = masked_text(re.sub(r"\$\{.*?\}|[^ -~]", "…", path))[:100]
            yield f"the content of {file} became {reference}, which must hold it{decoded}"


# --- ids ---

_ENDING = re.compile(r"\.(php\d?|cgi|aspx?|jsp|do|action|html?|json|xml|py|pl|rb|sh)", re.IGNORECASE)
_MEANINGLESS = re.compile(r"[0-9a-f]{8,}|[0-9a-f-]{32,}|v\d+|index|[\W\d_]*|.*(\$\{|" + MASK + ").*", re.IGNORECASE)
_LONGEST_ID = 80


def _slug(url: str, comment: str | None) -> str:
    """A job id from the URL's last path segment; where that is meaningless, from the comment, the path, or the host."""
    parts = urlsplit(masked_text(url))
    path = [_ENDING.sub("", unquote(part)) if _ENDING.search(part) else unquote(part) for part in parts.path.split("/")]
    last, *others = [part for part in reversed(path) if part] or [""]
    for text in (last, comment or "", *others, parts.hostname or ""):
        slug = re.sub(r"[^\w.-]+", "-", text.lower()).strip("-._")[:_LONGEST_ID].strip("-._")
        if slug and not _MEANINGLESS.fullmatch(text):
            return slug
    return "job"


def _ascii(text: str) -> str:
    """The text with what the name of a secret can't contain replaced by `-`."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")
