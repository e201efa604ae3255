"""Compares the references of manifests with the names of the secrets that exist."""

import difflib
from collections.abc import Collection, Iterable, Iterator

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.findings.problem import Problem
from myscheduler.core.manifest.declared import DeclaredJob
from myscheduler.core.secrets.references import is_name


def read_names(text: str) -> frozenset[str]:
    """The names in a file, one per line; empty lines and those that start with `#` are skipped.

    Raises `ValueError` with the number of a line that is not a name, but without its text, which may be a secret value.
    """
    names = {number: line.strip() for number, line in enumerate(text.splitlines(), 1)}
    wanted = {number: name for number, name in names.items() if name and not name.startswith("#")}
    if wrong := [number for number, name in wanted.items() if not is_name(name)]:
        message = (
            f"line {wrong[0]} is not the name of a secret: write one name per line, of letters, digits, -, _ and ."
        )
        raise ValueError(message)
    return frozenset(wanted.values())


def unknown_secrets(jobs: Iterable[DeclaredJob], known: Collection[str]) -> Iterator[Problem]:
    """A problem for each reference to a secret that is not `known`."""
    meant: dict[str, str] = {}
    for job in jobs:
        for used in job.written.secrets if job.written else ():
            if used.name not in known:
                if used.name not in meant:
                    meant[used.name] = _advice(used.name, known if len(meant) < MOST_PROBLEMS else ())
                message = f"there is no secret {used.name!r}: {meant[used.name]}"
                yield Problem(job.path, used.line, used.column, used.field, "unknown-secret", message)


def _advice(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "add it, or use one that exists"
