"""Reads `policy.yaml`: the rules that a team writes at the root of its manifests.

A file with any mistake has no policy at all, so that a typo can't lift a rule. What applies instead is decided by the
callers (see `Rules`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from myscheduler.core.access.scope import Scope, ScopeError, parse_scope
from myscheduler.core.bounds import LARGEST_RULED, LONGEST_RULED, MOST_RULED
from myscheduler.core.calls.hosts import HostPattern, parse_host_pattern
from myscheduler.core.calls.link_local import EVERYWHERE, NOWHERE, Network, Reach, read_network
from myscheduler.core.calls.methods import method_fault
from myscheduler.core.chains.graph import DEEPEST
from myscheduler.core.findings.masking import key_shown
from myscheduler.core.findings.problem import LONGEST_SHOWN, Loc, Problem, enough, shown
from myscheduler.core.policy.grants import Grant, Grants
from myscheduler.core.policy.policy import NO_POLICY, Policy
from myscheduler.core.source.reserved import ReservedDocument, read_reserved
from myscheduler.core.source.snapshot import (
    SourceFile,
    UnreadableFile,
)
from myscheduler.messages.message import said


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy of a source, and the problems with its file."""

    policy: Policy | None = NO_POLICY
    """`None` if the file exists, but is invalid or can't be read."""
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    """Hash of the file's bytes; empty if there is no file."""
    content: bytes = field(default=b"", repr=False)

    @property
    def binding(self) -> tuple[Policy, ...]:
        """The policies that each job is checked against: one, or none."""
        return () if self.policy is None or self.policy is NO_POLICY else (self.policy,)

    @property
    def grants(self) -> Grants:
        """Which secrets jobs of the API may use; none if the policy can't be used."""
        return Grants() if self.policy is None else self.policy.api_secrets

    @property
    def reach(self) -> Reach:
        """Which link-local addresses jobs may call; none if the policy can't be used."""
        return NOWHERE if self.policy is None else self.policy.reach


def read_policy(file: SourceFile | UnreadableFile | None) -> Rules:
    """Read the file; never raises for its content."""
    match file:
        case None:
            return Rules()
        case UnreadableFile(path, reason):
            message = said("policy-unreadable", why=reason)
            return Rules(None, (Problem(path, 1, 1, "", "unreadable", message),), "unreadable")
        case SourceFile(path, content, digest):
            policy, problems = _read(path, content)
            return Rules(None if problems else policy, tuple(sorted(enough(problems))), digest, content)


def _read(path: str, content: bytes) -> tuple[Policy, list[Problem]]:
    found = read_reserved(path, content, rule="invalid-policy", several=said("remove-what-follows"))
    if isinstance(found, Problem):
        return NO_POLICY, [found]
    if found is None:
        message = said("policy-empty")
        return NO_POLICY, [Problem(path, 1, 1, "", "invalid-policy", message)]
    return _Reading(found).read()


class _Reading:
    """Reads one document, and collects its problems."""

    def __init__(self, file: ReservedDocument) -> None:
        self._file = file
        self._unclear = {one.loc for one in file.document.complaints}

    def read(self) -> tuple[Policy, list[Problem]]:
        rules = self._file.document.value
        if not isinstance(rules, dict):
            message = said("policy-not-a-mapping")
            self._file.add((), "not-a-mapping", message)
            return NO_POLICY, self._file.problems
        found: dict[str, Any] = {}
        left = MOST_RULED
        for name, written in rules.items():
            if self._file.is_enough:
                break
            if name not in READERS:
                self._complain((name,), _unknown(name), rule="unknown-key", at_key=True)
                continue
            left -= _size(written, left)
            if left < 0:
                message = said("policy-too-large", most=MOST_RULED)
                self._complain((name,), message, rule="too-large", at_key=True)
                break
            try:
                found[name] = READERS[name](written)
            except _RuleError as error:
                self._complain((name, *error.loc), str(error))
        return Policy(**found, path=self._file.path, lines=dict(self._lines(rules))), self._file.problems

    def _lines(self, rules: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
        for name, written in rules.items():
            yield name, self._file.document.position((name,), at_key=True)[0]
            if name == "require_labels" and isinstance(written, dict | list):
                labels = enumerate(written) if isinstance(written, list) else zip(written, written, strict=True)
                for key, label in labels:
                    yield f"{name}.{label}", self._file.document.position((name, key), at_key=True)[0]

    def _complain(self, loc: Loc, message: str, *, rule: str = "invalid-policy", at_key: bool = False) -> None:
        if loc not in self._unclear:  # else the complaint about YAML already says what to write
            self._file.add(loc, rule, message, at_key=at_key)


class _RuleError(Exception):
    """A rule is invalid; `loc` is the path of the wrong value within it."""

    def __init__(self, message: str, *loc: str | int) -> None:
        super().__init__(message)
        self.loc = loc


def _size(written: Any, most: int) -> int:
    """The number of texts in a rule; counting stops after more than `most`."""
    match written:
        case {"secrets": list() as secrets, "hosts": list() as hosts}:
            return len(secrets) * len(hosts) + _size(written.get("scope"), most)
        case dict() | list():
            size = 0
            for one in written.values() if isinstance(written, dict) else written:
                size += max(_size(one, most - size), 1)  # a label without values counts as one, too
                if size > most:
                    break
            return size
        case _:
            return 0


def _texts(written: Any, example: str, *loc: str | int) -> tuple[str, ...]:
    if not isinstance(written, list) or not written:
        raise _RuleError(said("needs-filled-list", example=example), *loc)
    for place, text in enumerate(written):
        if not isinstance(text, str) or not text.strip():
            raise _RuleError(said("needs-text-in-quotes", example=example), *loc, place)
        _refuse_long(text, *loc, place)
    return tuple(written)


def _refuse_long(text: str, *loc: str | int) -> None:
    if len(text) > LONGEST_RULED:
        raise _RuleError(said("value-too-long", value=shown(text), most=LONGEST_RULED), *loc)


def _labels(written: Any) -> dict[str, tuple[str, ...]]:
    if isinstance(written, list):
        return dict.fromkeys(_texts(written, "team"), ())
    if not isinstance(written, dict) or not written:
        raise _RuleError(said("needs-labels-rule"))
    for name in written:
        _refuse_long(name)
    return {name: () if values is None else _texts(values, "billing", name) for name, values in written.items()}


def _patterns(written: Any, *loc: str | int) -> tuple[str, ...]:
    texts = _texts(written, "api.example.com", *loc)
    for place, text in enumerate(texts):
        try:
            parse_host_pattern(text)
        except ValueError as error:
            raise _RuleError(str(error), *loc, place) from error
    return texts


def _host_patterns(written: Any) -> tuple[tuple[str, HostPattern], ...]:
    return tuple((text, parse_host_pattern(text)) for text in _patterns(written))


def _networks_or_all(written: Any, example: str) -> tuple[Network, ...]:
    if isinstance(written, bool):
        return EVERYWHERE if written else ()
    return _networks(written, example)


def _networks(written: Any, example: str = "10.0.0.0/8") -> tuple[Network, ...]:
    texts = _texts(written, example)
    try:
        return tuple(read_network(text) for text in texts)
    except ValueError as error:
        raise _RuleError(str(error)) from error


def _methods(written: Any) -> tuple[str, ...]:
    texts = tuple(text.upper() for text in _texts(written, "GET"))
    for place, text in enumerate(texts):
        if fault := method_fault(text):
            raise _RuleError(fault, place)
    return texts


def _count(written: Any, least: int, most: int = LARGEST_RULED) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or not least <= written <= most:
        raise _RuleError(said("needs-whole-number", least=least, most=most))
    return written


def _label(written: Any) -> str:
    if not isinstance(written, str) or not written.strip():
        raise _RuleError(said("needs-text-in-quotes", example="team"))
    _refuse_long(written)
    return written


def _flag(written: Any) -> bool:
    if not isinstance(written, bool):
        raise _RuleError(said("needs-boolean-rule"))
    return written


def _grants(written: Any) -> Grants:
    if not isinstance(written, list):
        raise _RuleError(said("needs-secrets-list"))
    return Grants(tuple(grant for place, one in enumerate(written) for grant in _granted(one, place)))


def _granted(written: Any, place: int) -> Iterator[Grant]:
    if not isinstance(written, dict) or written.keys() - {"scope"} != {"secrets", "hosts"}:
        raise _RuleError(said("needs-secrets-and-hosts"), place)
    hosts = _patterns(written["hosts"], place, "hosts")
    scope = _scope(written["scope"], place) if "scope" in written else None
    for name in _texts(written["secrets"], "slack-token", place, "secrets"):
        yield Grant(name, hosts, scope)


def _scope(written: Any, place: int) -> Scope:
    try:
        scope = parse_scope(written)
    except ScopeError as error:
        raise _RuleError(str(error), place, "scope", *error.loc) from error
    if scope.is_everything:
        raise _RuleError(said("empty-grant-scope"), place, "scope")
    return scope


READERS: Mapping[str, Callable[[Any], Any]] = {
    "require_labels": _labels,
    "allow_hosts": _host_patterns,
    "deny_hosts": _host_patterns,
    "allow_networks": _networks,
    "deny_networks": _networks,
    "allow_insecure_tls": _host_patterns,
    "allow_link_local": lambda written: _networks_or_all(written, "169.254.169.254"),
    "allow_methods": _methods,
    "min_interval_sec": lambda written: _count(written, 1),
    "max_retries": lambda written: _count(written, 0),
    "secrets_by_reference": _flag,
    "max_starts_per_minute_per_host": lambda written: _count(written, 1),
    "max_chain_depth": lambda written: _count(written, 1, DEEPEST),
    "chains_within_label": _label,
    "api_secrets": _grants,
    "api_private_networks": lambda written: _networks_or_all(written, "10.0.0.0/8"),
    "api_private_hosts": _host_patterns,
}
"""The parser of each rule; it raises `_RuleError` for an invalid value."""


def _unknown(name: str) -> str:
    close = get_close_matches(name[:LONGEST_SHOWN], READERS, n=1)
    hint = said("meant-key", meant=close[0]) if close else said("the-keys-are", known=", ".join(READERS))
    return said("unknown-key-but", name=key_shown(name), hint=hint)


NO_RULES = Rules()
