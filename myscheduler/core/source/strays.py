"""Warnings about files in a source that are not manifests, in case their author expects them to be read.

A file that declared jobs before, and no longer looks like a manifest, keeps these jobs (see `gitops.plan`).
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from typing import Any

from myscheduler.core.bounds import MOST_STRAYS
from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.source.snapshot import IGNORE, SUFFIXES, reserved_name_meant
from myscheduler.core.source.yaml import Document

# --- by name ---

_NEARLY = tuple(
    f".{ending}{more}"
    for ending in ("yaml", "yml", "json", "jsonc", "json5", "yalm", "ymal", "yamll", "ylm", "yam")
    for more in ("", ".txt")
)
"""Endings that are mistaken for those of manifests; some editors append .txt."""
_NEARLY_IGNORE = frozenset(f"{start}myschedulerignore{end}" for start in ("", ".") for end in ("", ".txt"))


def is_stray(name: str) -> bool:
    """Whether a file that is not read has a name that suggests otherwise: `A.YAML`, `a.json`, `.MySchedulerIgnore`.

    Manifests that are disabled on purpose (`a.yaml.bak`, `a.yaml.disabled`), templates (`a.yaml.j2`) and hidden files
    are not strays. `.myschedulerignore` itself is one, as it is read only at the root.
    """
    if _is_nearly_ignore(name):
        return True
    return name.strip().casefold().endswith(_NEARLY) and not name.endswith(SUFFIXES) and not name.startswith(".")


def _is_nearly_ignore(name: str) -> bool:
    return re.sub("[-_]", "", name.strip().casefold()) in _NEARLY_IGNORE


def stray_problems(paths: Iterable[str]) -> list[Problem]:
    """A warning for each of the first `MOST_STRAYS` paths, or an error if a reserved file seems to be meant.

    If there are more paths, one last warning says so.
    """
    listed = islice(paths, MOST_STRAYS + 1)
    problems = [Problem(path, 1, 1, "", "not-read", _why_not_read(path), Severity.WARNING) for path in listed]
    problems = [replace(one, severity=Severity.ERROR) if reserved_name_meant(one.path) else one for one in problems]
    if len(problems) > MOST_STRAYS:
        message = f"besides the {MOST_STRAYS} files listed, this one and others are not read: name them in {IGNORE}"
        problems[-1] = replace(problems[-1], rule="more-problems", message=message)
    return problems


def _why_not_read(path: str) -> str:
    if _is_nearly_ignore(path.rpartition("/")[2]):
        return f"is not read: name the files that are not manifests in {IGNORE} at the root of the source"
    if meant := reserved_name_meant(path):
        return f"is not read, so it has no effect: did you mean {meant} at the root? Then rename the file"
    if path.strip().casefold().endswith(".json"):
        hint = "JSON is valid YAML, so rename it if it is a manifest"
    else:
        hint = "rename it if it is a manifest"
    return f"is not read, since names of manifests end in .yaml or .yml: {hint}, else name it in {IGNORE}"


# --- by content ---

_OWN_WORDS = re.compile("job[ _-]?id|target[ _-]?url|schedule[ _-]?type", re.IGNORECASE)
"""Names that occur only in manifests, anywhere in the text."""
_FIELDS = (
    "jobid", "scheduletype", "cron", "interval", "runat", "daymatch", "blackout", "jittersec", "targeturl",
    "timeoutsec", "maxretries", "retrybackoffsec", "misfiregracetime", "coalesce", "catchup", "maxinstances",
    "oninterrupt",
)  # fmt: skip
"""Fields of a job that other files hardly have at their top level, reduced to lower-case letters."""
_TELLING = frozenset({*_FIELDS, "schedule", "crontab"})
_OF_CALLS = frozenset({"url", "uri", "endpoint", "method", "headers", "body"})
"""A document with two of these keys may describe the call of a job."""
_CLOSE = 0.88
_MOST_COMPARED = 20
"""How many keys of a document are checked for misspelt fields at most."""
_LONGEST_COMPARED = 20
"""The letters of the longest key that is checked for this."""
_MOST_ITEMS = 100
_TELLING_LINE = re.compile(
    r"^[^\S\n]*+(?:-[^\S\n]*+)?[\"']?(?:cron|crontab|interval|run_at|schedule)[\"']?[^\S\n]*+:",
    re.IGNORECASE | re.MULTILINE,
)
_TEMPLATE = re.compile(r"\{\{|\{%")


def is_blank(text: str) -> bool:
    """Whether the text is empty, without even a comment (with one, the jobs of the file are dropped on purpose)."""
    return not text.strip("\ufeff \t\r\n")


def is_template(text: str) -> bool:
    """Whether text that is not YAML is a template (`{{`, `{%`) in which nothing looks like a job."""
    return bool(_TEMPLATE.search(text)) and not (_OWN_WORDS.search(text) or _TELLING_LINE.search(text))


def is_job_like(document: Document, text: str) -> bool:
    """Whether a document in `text` may be meant as a job, or as a list of jobs."""
    node = document.node
    if _OWN_WORDS.search(text, node.start_mark.index, node.end_mark.index):
        return True
    match document.value:
        case dict() as values:
            return _has_telling_key(values)
        case list() as items:
            return any(isinstance(item, dict) and _has_telling_key(item) for item in items[:_MOST_ITEMS])
        case _:
            return True  # a scalar says nothing about its file: it may be the rest of a manifest


def _has_telling_key(values: dict[Any, Any]) -> bool:
    keys = [re.sub("[^a-z]", "", key.casefold()) for key in values if isinstance(key, str) and len(key) < 100]
    if len(_OF_CALLS.intersection(keys)) > 1:
        return True
    if not _TELLING.isdisjoint(keys):
        return True
    compared = (key for key in keys[:_MOST_COMPARED] if len(key) <= _LONGEST_COMPARED)
    return any(get_close_matches(key, _FIELDS, n=1, cutoff=_CLOSE) for key in compared)


def not_a_manifest(path: str, line: int, column: int) -> Problem:
    """The warning for a file that declares no job and contains nothing that looks like one."""
    message = (
        f"is not a manifest: it has no job_id and no schedule. Name it in {IGNORE} at the root of the source, or keep "
        "it elsewhere"
    )
    return Problem(path, line, column, "", "not-a-manifest", message, Severity.WARNING)


def no_manifest_any_more(path: str, job_ids: str) -> Problem:
    """The error for a file that declared jobs before, and is now empty or not a manifest; `job_ids` names the jobs."""
    message = (
        f"is no longer a manifest, so the jobs that it declared stay as they were ({job_ids}): restore it; or, to "
        f"delete them, delete the file, leave only a comment in it, or name it in {IGNORE}"
    )
    return Problem(path, 1, 1, "", "not-a-manifest", message)
