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
from myscheduler.messages.message import said

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


def is_stray_path(path: str) -> bool:
    """Whether a file at this path of a source is a stray."""
    return is_stray(path.rpartition("/")[2])


def stray_problems(paths: Iterable[str]) -> list[Problem]:
    """A warning for each of the first `MOST_STRAYS` paths, or an error if a reserved file seems to be meant.

    If there are more paths, one last warning says so.
    """
    listed = islice(paths, MOST_STRAYS + 1)
    problems = [Problem(path, 1, 1, "", "not-read", _why_not_read(path), Severity.WARNING) for path in listed]
    problems = [replace(one, severity=Severity.ERROR) if reserved_name_meant(one.path) else one for one in problems]
    if len(problems) > MOST_STRAYS:
        message = said("more-not-read", most=MOST_STRAYS, file=IGNORE)
        problems[-1] = replace(problems[-1], rule="more-problems", message=message)
    return problems


def _why_not_read(path: str) -> str:
    if _is_nearly_ignore(path.rpartition("/")[2]):
        return said("not-read", file=IGNORE)
    if meant := reserved_name_meant(path):
        return said("not-read-but", meant=meant)
    is_json = path.strip().casefold().endswith(".json")
    hint = said("json-is-yaml") if is_json else said("rename-manifest")
    return said("not-read-extension", hint=hint, file=IGNORE)


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
    message = said("no-job-in-file", file=IGNORE)
    return Problem(path, line, column, "", "not-a-manifest", message, Severity.WARNING)


def no_manifest_any_more(path: str, job_ids: str) -> Problem:
    """The error for a file that declared jobs before, and is now empty or not a manifest; `job_ids` names the jobs."""
    message = said("no-longer-a-manifest", job_ids=job_ids, file=IGNORE)
    return Problem(path, 1, 1, "", "not-a-manifest", message)
