"""Reads the mappings and lists of a reserved file, and collects what is wrong with them, each with its place.

Where a value is wrong, another one stands for it, so that the rest can be read, too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import LONGEST_SHOWN, Loc
from myscheduler.core.source.reserved import ReservedDocument
from myscheduler.messages.message import said


class FieldError(Exception):
    """A value is invalid. `loc` is the path of the wrong part within it."""

    def __init__(self, message: str, *loc: str | int) -> None:
        super().__init__(message)
        self.loc = loc


def unknown_key(written: str, known: Iterable[str]) -> str:
    """The message for a key that is not one of the known ones."""
    close = get_close_matches(written[:LONGEST_SHOWN], known, n=1)
    hint = said("meant-key", meant=close[0]) if close else said("the-keys-are", known=", ".join(known))
    return said("unknown-key-but", name=key_shown(written), hint=hint)


class Entries:
    """The entries of one document, and the problems found in them."""

    def __init__(self, file: ReservedDocument, rule: str, examples: Mapping[str, str]) -> None:
        """`rule` is what a wrong value breaks; `examples` are what to write for fields that are missing, by name."""
        self._file = file
        self._rule = rule
        self._examples = examples
        self._unclear = [one.loc for one in file.document.complaints]
        self._seen: dict[tuple[str, str], Loc] = {}
        """Where each name that has to be unique is first, by what it names."""

    @property
    def is_enough(self) -> bool:
        return self._file.is_enough

    def items(
        self, fields: Mapping[str, Any], loc: Loc, name: str, most: int, least: int = 0
    ) -> Iterator[tuple[Any, Loc]]:
        """The items of a list with their locations, until there are problems enough."""
        written, place = fields.get(name, []), (*loc, name)
        if not isinstance(written, list) or (name in fields and len(written) < least):
            kind = said("filled-list") if least else said("a-list")
            self.complain(place, said("needs-entries", kind=kind))
            return
        if self._is_too_many(written, place, most):
            return
        for index, one in enumerate(written):
            if self.is_enough:
                return
            yield one, (*place, index)

    def members(self, fields: Mapping[str, Any], name: str, most: int) -> Iterator[tuple[str, Any, Loc]]:
        """The keys and values of a mapping at the root, with their locations, until there are problems enough."""
        written = fields.get(name, {})
        if not isinstance(written, dict):
            self.complain((name,), said("needs-mapping-by-name"))
            return
        if self._is_too_many(written, (name,), most):
            return
        for key, one in written.items():
            if self.is_enough:
                return
            yield key, one, (name, key)

    def mapping(self, written: Any, loc: Loc, known: tuple[str, ...], needed: tuple[str, ...] = ()) -> dict[str, Any]:
        """The fields of an entry, with complaints about those that are not known, and about those that it lacks."""
        if not isinstance(written, dict):
            self.complain(loc, said("needs-mapping-of", known=", ".join(known)))
            return {}
        self.refuse_unknown(written, loc, known)
        for name in needed:
            if name not in written:
                self.complain((*loc, name), said("entry-misses", name=name, example=self._examples[name]))
        return written

    def refuse_unknown(self, written: Mapping[str, Any], loc: Loc, known: tuple[str, ...]) -> None:
        for name in written:
            if self.is_enough:
                return
            if name not in known:
                self.complain((*loc, name), unknown_key(name, known), rule="unknown-key", at_key=True)

    def take(self, fields: Mapping[str, Any], loc: Loc, name: str, parse: Callable[[Any], Any], default: Any) -> Any:
        """The value of a field as `parse` returns it; `default` if it is left out or wrong."""
        if name not in fields:
            return default
        try:
            return parse(fields[name])
        except FieldError as error:
            self.complain((*loc, name, *error.loc), str(error))
            return default

    def once(self, what: str, name: str, loc: Loc) -> None:
        """Complain if an earlier entry has this name, too."""
        first = self._seen.setdefault((what, name), loc) if name else loc
        if first != loc:
            line, _ = self._file.document.position(first)
            self.complain(loc, said("entry-twice", what=what, line=line))

    def complain(self, loc: Loc, message: str, *, rule: str = "", at_key: bool = False) -> None:
        if not any(loc[: len(one)] == one for one in self._unclear):  # what YAML complains about is said already
            self._file.add(loc, rule or self._rule, message, at_key=at_key)

    def _is_too_many(self, written: list[Any] | dict[str, Any], place: Loc, most: int) -> bool:
        if len(written) > most:
            message = said("too-many-entries", count=len(written), most=most)
            self.complain(place, message, rule="too-large", at_key=True)
        return len(written) > most
