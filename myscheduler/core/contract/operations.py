"""Finds the operation of an OpenAPI document that a call means: by its servers, its paths, and its methods."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

from myscheduler.core.contract.call import HOLE
from myscheduler.core.contract.document import Contract, Part
from myscheduler.core.findings.problem import Loc

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MOST_COMPARED = 200
"""Paths that a path which is none of them is compared with, to suggest one."""
_LITERAL, _MIXED, _PARAMETER, _MAYBE = range(4)
"""How a segment matches, the most concrete first; the last one may match, as the call's segment is not known."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, with what stands around it."""

    path: str
    """The template of its path."""
    item: Part
    part: Part
    values: tuple[tuple[str, str], ...] = ()
    """The parameters in the path, each with its text in the call."""


@dataclass(frozen=True, slots=True)
class NoPath:
    """The document has no such path."""

    meant: str
    """A path that is similar; empty if there is none."""
    at: Loc


@dataclass(frozen=True, slots=True)
class NoServer:
    """The path of the call begins with that of no server."""

    known: tuple[str, ...]
    """The paths of the servers."""
    at: Loc


@dataclass(frozen=True, slots=True)
class NoMethod:
    """The path exists, but not with the method of the call."""

    path: str
    known: tuple[str, ...]
    at: Loc


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of a document, arranged so that those of a call are found at once."""

    contract: Contract
    _by_length: dict[int, list[tuple[tuple[str, ...], str]]] = field(default_factory=dict, repr=False)
    """The segments of each path, and the path, by their number."""

    @classmethod
    def of(cls, contract: Contract) -> "Paths":
        found = cls(contract)
        for path in contract.root.value["paths"]:
            if path.startswith("/"):
                segments = tuple(path.split("/"))
                found._by_length.setdefault(len(segments), []).append((segments, path))
        return found

    def find(self, method: str, path: str, base: str) -> Operation | NoPath | NoServer | NoMethod:
        """The operation that a call to the path means; `base` is the path of the base URL of its target."""
        matches = sorted(self._matches(path, base), key=lambda one: one[0])
        if not matches:
            return self._nothing(path, base)
        _, template, item, segments = matches[0]
        part = self.contract.get(item, method.lower())
        if part is None and method == "HEAD":  # servers answer it wherever they answer GET (RFC 9110, 9.1)
            part = self.contract.get(item, "get")
        if part is None or not isinstance(part.value, dict):
            known = tuple(one.upper() for one in METHODS if self.contract.get(item, one) is not None)
            return NoMethod(template, known, ("paths", template))
        return Operation(template, item, part, tuple(_values(template.split("/"), segments)))

    def _matches(self, path: str, base: str) -> Iterator[tuple[tuple[int, ...], str, Part, list[str]]]:
        """The paths that match, each with how well, its item, and the segments of the call below its server."""
        paths = Part(self.contract.root.value["paths"], ("paths",))
        usual = _bases(self.contract, self.contract.root, base)
        for prefix in usual | self._own_bases(paths, base):
            rest = _below(path, prefix)
            if rest is None:
                continue
            segments = rest.split("/")
            for template, name in self._by_length.get(len(segments), ()):
                ranks = _ranks(segments, template)
                item = self.contract.get(paths, name) if ranks is not None else None
                if ranks is not None and item is not None and prefix in self._bases_of(item, usual, base):
                    yield ranks, name, item, segments

    def _own_bases(self, paths: Part, base: str) -> frozenset[str]:
        """The bases of the few paths that have servers of their own."""
        items = (self.contract.get(paths, name) for name, item in paths.value.items() if _has_servers(item))
        return frozenset[str]().union(*(_bases(self.contract, item, base) for item in items if item is not None))

    def _bases_of(self, item: Part, usual: frozenset[str], base: str) -> frozenset[str]:
        return _bases(self.contract, item, base) if _has_servers(item.value) else usual

    def _nothing(self, path: str, base: str) -> NoPath | NoServer:
        bases = _bases(self.contract, self.contract.root, base)
        rest = next(
            (rest for prefix in sorted(bases, reverse=True) if (rest := _below(path, prefix)) is not None), None
        )
        if rest is None:
            return NoServer(tuple(sorted(bases)), ("servers",))
        known = [name for name in islice(self.contract.root.value["paths"], MOST_COMPARED) if name.startswith("/")]
        close = get_close_matches(unquote(rest).replace(HOLE, "{}"), known, n=1)
        return NoPath(close[0], ("paths", close[0])) if close else NoPath("", ("paths",))


def _has_servers(item: Any) -> bool:
    return isinstance(item, dict) and bool(item.get("servers"))


def _bases(contract: Contract, part: Part, base: str) -> frozenset[str]:
    """The paths of the servers that count for a part, without a slash at the end.

    A document that names none, or only `/`, can't tell where it is served: then the base URL of the target is its
    server.
    """
    servers = list(contract.items(contract.get(part, "servers")))
    urls = [_filled(contract, one) for one in servers if isinstance(one.value, dict)]
    if all(url in {"", "/", "."} for url in urls):
        return frozenset({base.rstrip("/")})
    return frozenset(_path_of(url) for url in urls)


def _filled(contract: Contract, server: Part) -> str:
    """The URL of a server, with the defaults of its variables."""
    url = server.value.get("url")
    if not isinstance(url, str):
        return ""
    for name, variable in contract.entries(contract.get(server, "variables")):
        default = variable.value.get("default") if isinstance(variable.value, dict) else None
        if isinstance(default, str):
            url = url.replace(f"{{{name}}}", default)
    return url


def _path_of(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError:
        return ""
    return f"/{path.strip('/')}" if path.strip("/.") else ""


def _below(path: str, prefix: str) -> str | None:
    """The rest of the path below a prefix, from its `/` on; `None` if it isn't below it."""
    first, segments = prefix.split("/"), path.split("/")
    if len(segments) < len(first) or _ranks(segments[: len(first)], first) is None:
        return None
    return "/" + "/".join(segments[len(first) :])


def _ranks(segments: Iterable[str], template: Iterable[str]) -> tuple[int, ...] | None:
    """How well each segment matches; `None` if one doesn't."""
    ranks: list[int] = []
    for segment, expected in zip(segments, template, strict=True):
        rank = _rank(segment, expected)
        if rank is None:
            return None
        ranks.append(rank)
    return tuple(ranks)


def _rank(segment: str, expected: str) -> int | None:
    if "{" not in expected:
        return _MAYBE if HOLE in segment else _LITERAL if unquote(segment) == unquote(expected) else None
    if _is_parameter(expected):
        return _PARAMETER if segment else None
    if _fits(unquote(segment), expected):
        return _MIXED
    return _MAYBE if HOLE in segment else None


def _is_parameter(expected: str) -> bool:
    return expected.startswith("{") and expected.find("}") == len(expected) - 1


def _fits(segment: str, expected: str) -> bool:
    """Whether a segment fits one with literals around parameters, such as `{id}.json`; never goes back."""
    literals = [piece.rpartition("}")[2] for piece in expected.split("{")]
    first, last = literals[0], literals[-1]
    if not segment.startswith(first) or not segment.endswith(last) or len(segment) <= len(first) + len(last):
        return False
    index, end = len(first), len(segment) - len(last)
    for literal in literals[1:-1]:
        found = segment.find(literal, index + 1, end)
        if found < 0:
            return False
        index = found + len(literal)
    return index < end


def _values(template: list[str], segments: list[str]) -> Iterator[tuple[str, str]]:
    for expected, segment in zip(template, segments, strict=True):
        if _is_parameter(expected):
            yield expected[1:-1], unquote(segment)
