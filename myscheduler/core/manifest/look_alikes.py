"""Warnings about ids of different jobs that look the same: they differ in case, width or Unicode composition.

Japanese text has many of them: `ｶﾞｽ` and `ガス`, `Ａ1` and `A1`, and file names of macOS, where `ガ` is two characters.
Such ids are different jobs; `validate` and `plan` only warn of them.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from unicodedata import normalize

from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.manifest.declared import DeclaredJob
from myscheduler.messages.message import said

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_UNSEEN = "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164"
_VARIANTS = "".join(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
"""Variation selectors for the character before them. Ids with zero-width spaces and the like are refused anyway."""
_LOOSE = str.maketrans(f"\u301c\u2800{_DASHES}", f"~ {'-' * len(_DASHES)}", _UNSEEN + _VARIANTS)


def as_seen(job_id: str) -> str:
    """A normalised text that is the same for ids that look alike. Letters of different scripts stay different."""
    if job_id.isascii():
        return job_id.lower()
    return normalize("NFKC", normalize("NFKC", job_id).translate(_LOOSE).casefold())


def look_alikes(jobs: Mapping[str, DeclaredJob], beside: Mapping[str, str]) -> Iterator[Problem]:
    """A warning at each job whose id looks like another one; `beside` has the locations of further ids, by id."""
    seen: dict[str, list[str]] = {}
    for job_id in [*jobs, *beside]:
        seen.setdefault(as_seen(job_id), []).append(job_id)
    for group in seen.values():
        for job_id in group if len(group) > 1 else ():
            if job_id in jobs:
                other = group[0] if group[0] != job_id else group[1]
                place = f"{jobs[other].path}:{jobs[other].line}" if other in jobs else beside[other]
                yield _warning(jobs[job_id], f"{other!r} ({place})", _difference(job_id, other), len(group) - 2)


def _warning(job: DeclaredJob, other: str, difference: str, others: int) -> Problem:
    more = said("and-like-others", others=others) if others else ""
    message = said("looks-like", job_id=job.job_id, other=other, more=more, difference=difference)
    return Problem(job.path, job.line, 1, "job_id", "look-alike-id", message, Severity.WARNING, job.job_id)


def _difference(one: str, other: str) -> str:
    if one.lower() == other.lower():
        return said("difference-case")
    if normalize("NFC", one) == normalize("NFC", other):
        what = said("difference-composition")
    elif normalize("NFKC", one) == normalize("NFKC", other):
        what = said("difference-width")
    else:
        what = said("difference-invisible")
    pairs = zip_longest(one, other)
    here, there = next((here, there) for here, there in pairs if here != there)
    return said("difference-at", what=what, code=_code(here), other=_code(there))


def _code(char: str | None) -> str:
    return f"U+{ord(char):04X}" if char else said("the-end")
