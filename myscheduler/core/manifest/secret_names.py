"""Compares the references of manifests and channels with the names of the secrets that exist."""

import difflib
from collections.abc import Collection, Iterable, Iterator

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.findings.problem import Problem
from myscheduler.core.secrets.references import UsedSecret, is_name
from myscheduler.messages.message import said


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


def unknown_secrets(used: Iterable[tuple[str, UsedSecret]], known: Collection[str]) -> Iterator[Problem]:
    """A problem for each reference to a secret that is not `known`; each comes with the path of its file."""
    meant: dict[str, str] = {}
    for path, one in used:
        if one.name not in known:
            if one.name not in meant:
                meant[one.name] = _advice(one.name, known if len(meant) < MOST_PROBLEMS else ())
            message = said("no-such-secret", name=one.name, hint=meant[one.name])
            yield Problem(path, one.line, one.column, one.field, "unknown-secret", message)


def _advice(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return said("meant-secret", meant=close[0]) if close else said("add-secret")
