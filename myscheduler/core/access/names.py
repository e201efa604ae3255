"""Names of callers that mean something else in the audit log: nobody may have, or claim, one of them."""

import unicodedata

_RESERVED = frozenset({"manifest", "clock", "target"})
"""The actors of changes of the source, of pauses that end by themselves, and of those that a target causes."""
_COMMAND = "cli:"
"""Begins the names of those who used a command on the database itself."""


def is_reserved(name: str) -> bool:
    """Whether the name, in any case and width of its characters, is one that the service records itself."""
    folded = unicodedata.normalize("NFKC", name).strip().casefold()
    return folded in _RESERVED or folded.startswith(_COMMAND)


def recorded(name: str) -> str:
    """The name as it is recorded for a caller who chose it: a reserved one is marked, as in `api:manifest`."""
    return f"api:{name}" if is_reserved(name) else name
