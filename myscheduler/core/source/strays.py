"""What stands in a source and is no manifest: told with a warning, since somebody may think that it is read.

A file that once declared jobs and now reads like one of these still holds them (see `plan`).
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
"""Endings for which people take their own; some editors hang .txt on."""
_NEARLY_IGNORE = frozenset(f"{start}myschedulerignore{end}" for start in ("", ".") for end in ("", ".txt"))


def is_stray(name: str) -> bool:
    """Whether somebody may think that such a file is read, though it is not: `A.YAML`, `a.json`, `.MySchedulerIgnore`.

    A manifest that was put aside (`a.yaml.bak`, `a.yaml.disabled`), its template (`a.yaml.j2`) or a hidden one is none,
    and the ignore file itself only in a folder where it has no meaning.
    """
    if _is_nearly_ignore(name):
        return True
    return name.strip().casefold().endswith(_NEARLY) and not name.endswith(SUFFIXES) and not name.startswith(".")


def _is_nearly_ignore(name: str) -> bool:
    return re.sub("[-_]", "", name.strip().casefold()) in _NEARLY_IGNORE


def stray_problems(paths: Iterable[str]) -> list[Problem]:
    """A warning for each of so many paths as are told, and one that there are more; of a policy it is an error."""
    told = islice(paths, MOST_STRAYS + 1)
    problems = [Problem(path, 1, 1, "", "not-read", _why_not_read(path), Severity.WARNING) for path in told]
    problems = [replace(one, severity=Severity.ERROR) if reserved_name_meant(one.path) else one for one in problems]
    if len(problems) > MOST_STRAYS:
        message = f"nor are this and others read beside the {MOST_STRAYS} files that are told: name them in {IGNORE}"
        problems[-1] = replace(problems[-1], rule="more-problems", message=message)
    return problems


def _why_not_read(path: str) -> str:
    if _is_nearly_ignore(path.rpartition("/")[2]):
        return f"is not read: what is no manifest is named in {IGNORE} at the root of the source"
    if meant := reserved_name_meant(path):
        return f"is not read, so nothing of it is in force: did you mean {meant} at the root? Then rename the file"
    if path.strip().casefold().endswith(".json"):
        hint = "JSON is YAML, too, so rename it where it is a manifest"
    else:
        hint = "rename it where it is a manifest"
    return f"is not read, since names of manifests end in .yaml or .yml: {hint}, else name it in {IGNORE}"


# --- by content ---

_OWN_WORDS = re.compile("job[ _-]?id|target[ _-]?url|schedule[ _-]?type", re.IGNORECASE)
"""They stand in nothing but manifests, at whatever place."""
_FIELDS = (
    "jobid", "scheduletype", "cron", "interval", "runat", "daymatch", "blackout", "jittersec", "targeturl",
    "timeoutsec", "maxretries", "retrybackoffsec", "misfiregracetime", "coalesce", "catchup", "maxinstances",
    "oninterrupt",
)  # fmt: skip
"""Those of a job that other files hardly have at their top, in small letters alone."""
_TELLING = frozenset({*_FIELDS, "schedule", "crontab"})
_OF_CALLS = frozenset({"url", "uri", "endpoint", "method", "headers", "body"})
"""Two of them are the call of a job."""
_CLOSE = 0.88
_MOST_COMPARED = 20
"""Keys of a document that are looked at for slips of the pen, each by so many letters as a field may have."""
_LONGEST_COMPARED = 20
_MOST_ITEMS = 100
_TELLING_LINE = re.compile(
    r"^[^\S\n]*+(?:-[^\S\n]*+)?[\"']?(?:cron|crontab|interval|run_at|schedule)[\"']?[^\S\n]*+:",
    re.IGNORECASE | re.MULTILINE,
)
_TEMPLATE = re.compile(r"\{\{|\{%")


def is_blank(text: str) -> bool:
    """Nothing stands there, not even a comment: whoever means that writes one, or deletes the file."""
    return not text.strip("\ufeff \t\r\n")


def is_template(text: str) -> bool:
    """Of text that is no YAML: it would become some, and nothing in it is of a job."""
    return bool(_TEMPLATE.search(text)) and not (_OWN_WORDS.search(text) or _TELLING_LINE.search(text))


def is_job_like(document: Document, text: str) -> bool:
    """Whether a document of the `text` may be meant as a job, or as several."""
    node = document.node
    if _OWN_WORDS.search(text, node.start_mark.index, node.end_mark.index):
        return True
    match document.value:
        case dict() as values:
            return _has_telling_key(values)
        case list() as items:
            return any(isinstance(item, dict) and _has_telling_key(item) for item in items[:_MOST_ITEMS])
        case _:
            return True  # a lone text tells nothing of its file: it may be what is left of a manifest


def _has_telling_key(values: dict[Any, Any]) -> bool:
    keys = [re.sub("[^a-z]", "", key.casefold()) for key in values if isinstance(key, str) and len(key) < 100]
    if len(_OF_CALLS.intersection(keys)) > 1:
        return True
    if not _TELLING.isdisjoint(keys):
        return True
    compared = (key for key in keys[:_MOST_COMPARED] if len(key) <= _LONGEST_COMPARED)
    return any(get_close_matches(key, _FIELDS, n=1, cutoff=_CLOSE) for key in compared)


def not_a_manifest(path: str, line: int, column: int) -> Problem:
    """For a file that declares no job and holds nothing of one."""
    message = (
        f"is no manifest: it has no job_id and no schedule. Name it in {IGNORE} at the root of the source, or keep it "
        "elsewhere"
    )
    return Problem(path, line, column, "", "not-a-manifest", message, Severity.WARNING)


def no_manifest_any_more(path: str, job_ids: str) -> Problem:
    """For a file that reads like that, or is empty, and declared jobs before; `job_ids` names them."""
    message = (
        f"is no manifest any more, so what it declared stays as it was ({job_ids}): bring it back; or, where that "
        f"shall go, delete the file, leave just a comment in it, or name it in {IGNORE}"
    )
    return Problem(path, 1, 1, "", "not-a-manifest", message)
