"""Collects the manifests of an import, and findings about what is imported."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from myscheduler.core.bounds import MOST_IN_REPORT
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.expressions import Expressions
from myscheduler.core.crontab.markers import without_expressions
from myscheduler.core.crontab.secret_names import Names, SecretNames
from myscheduler.core.findings.masking import MASK, masked_text
from myscheduler.core.findings.problem import Complaint, Problem, Severity, worst
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.writing import document, ordered
from myscheduler.core.secrets.references import is_in_host


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import."""

    manifests: Mapping[str, str]
    """The text of each manifest, by the job's id, in the order of what was read."""
    problems: tuple[Problem, ...]
    """Errors are what was not imported; warnings are what a manifest does not keep, and secrets to set."""


@dataclass(slots=True)
class Collecting:
    """The manifests and findings so far."""

    path: str
    """The name of the file in findings."""
    zone: str
    """The zone of the service."""
    manifests: dict[str, str] = field(default_factory=dict)
    problems: dict[Problem, None] = field(default_factory=dict)
    secrets: SecretNames = field(default_factory=SecretNames)
    expressions: Expressions = field(default_factory=Expressions)
    ids: Names = field(default_factory=Names)

    def report(
        self, line: int, rule: str, message: str, severity: Severity = Severity.WARNING, *, column: int = 1
    ) -> None:
        """Add a finding; equal ones, such as of several calls of a line, are kept once."""
        problem = Problem(self.path, line, column, "", rule, message, severity)
        if problem not in self.problems:
            self.problems[problem] = None

    def manifest(self, fields: Mapping[str, Any], origin: str) -> tuple[str, tuple[str, ...]]:
        """The manifest of a job with these fields, and what its expressions don't keep. Takes the id of the job.

        `origin` says where it is from. Raises `NotTakenOver` where it is not valid.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        if is_in_host(given["target_url"]):
            raise NotTakenOver(
                "the host of its URL is in a variable that nothing here sets, or whose name is that of a credential: "
                "--set NAME=VALUE sets one of the first kind"
            )
        notes = self.expressions.notes_in(given)
        written = self.expressions.in_templates(ordered(given))
        spec, complaints = declare(_verified(written), zone=self.zone)
        if spec is None:
            raise NotTakenOver("; ".join(_fault(one) for one in complaints if one.severity is Severity.ERROR))
        self.ids.taken.add(given["job_id"])
        return document(written, [origin]), notes

    def imported(self) -> Imported:
        return Imported(self.manifests, self._limited())

    def _limited(self) -> tuple[Problem, ...]:
        """Sorted by line. Where there are too many, errors are kept before warnings, and the rest is counted."""
        problems = list(self.problems)
        kept = sorted(worst(problems, MOST_IN_REPORT))
        if more := len(problems) - len(kept):
            message = f"and {more:,} more: fix these first"
            kept.append(Problem(self.path, kept[-1].line, 1, "", "more-problems", message))
        return tuple(kept)


def _verified(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as if certificates were checked: only a policy, which is not known here, allows to leave that out."""
    tls = {name: value for name, value in fields.get("tls", {}).items() if name != "verify"}
    return {**fields, "tls": tls} if tls else {name: value for name, value in fields.items() if name != "tls"}


_MAY_REPEAT = frozenset({"method", "headers", "body", "text", "multipart", "auth", "proxy"})
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


# --- ids ---

_ENDING = re.compile(r"\.(php\d?|cgi|aspx?|jsp|do|action|html?|json|xml|py|pl|rb|sh)", re.IGNORECASE)
_MEANINGLESS = re.compile(r"[0-9a-f]{8,}|[0-9a-f-]{32,}|v\d+|index|[\W\d_]*|.*(\$\{|" + MASK + ").*", re.IGNORECASE)
_LONGEST_ID = 80


def slug_of(url: str, comment: str | None) -> str:
    """A job id from the URL's last path segment; where that is meaningless, from the comment, the path, or the host."""
    parts = urlsplit(masked_text(without_expressions(url)))
    path = [_ENDING.sub("", unquote(part)) if _ENDING.search(part) else unquote(part) for part in parts.path.split("/")]
    last, *others = [part for part in reversed(path) if part] or [""]
    for text in (last, comment or "", *others, parts.hostname or ""):
        slug = re.sub(r"[^\w.-]+", "-", text.lower()).strip("-._")[:_LONGEST_ID].strip("-._")
        if slug and not _MEANINGLESS.fullmatch(text):
            return slug
    return "job"
