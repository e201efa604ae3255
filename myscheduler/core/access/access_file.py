"""Reads `access.yaml`: the API tokens and issuers of JWTs that a team declares at the root of its manifests.

A file with any mistake gives nothing, so that a typo neither lets anyone in nor moves a limit. What applies instead is
decided by the caller.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from myscheduler.core.access import access_values as values
from myscheduler.core.access.access_values import FieldError, unknown_key
from myscheduler.core.access.issuers import ALGORITHMS, SUBJECT, ClaimRule, Issuer
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import EVERYTHING, ScopeError, parse_scope
from myscheduler.core.access.tokens import ApiToken, written_tokens
from myscheduler.core.bounds import MOST_CLAIM_RULES, MOST_ISSUERS, MOST_TOKENS
from myscheduler.core.findings.problem import Loc, Problem, Severity, enough
from myscheduler.core.source.reserved import ReservedDocument, read_reserved
from myscheduler.core.source.snapshot import ACCESS, SourceFile, UnreadableFile

RULE = "invalid-access"
TOKEN_KEYS = ("name", "id", "hash", "role", "scope", "expires")
ISSUER_KEYS = (
    "issuer", "audience", "jwks_url", "algorithms", "name_claim", "ca_file", "bearer_file", "rules",
)  # fmt: skip
RULE_KEYS = ("claim", "value", "role", "scope")


@dataclass(frozen=True, slots=True)
class AccessRules:
    """What the file of a source declares, and the problems with it. With an error, it declares nothing."""

    tokens: tuple[ApiToken, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    """Hash of the file's bytes; empty if there is no file."""
    content: bytes = field(default=b"", repr=False)
    _tokens: Mapping[str, ApiToken] = field(init=False, repr=False, compare=False)
    _issuers: Mapping[str, Issuer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tokens", {one.token_id: one for one in self.tokens})
        object.__setattr__(self, "_issuers", {one.url: one for one in self.issuers})

    @property
    def has_errors(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self.problems)

    def token(self, token_id: str) -> ApiToken | None:
        """The token with this public id; `None` if none is declared."""
        return self._tokens.get(token_id)

    def issuer(self, url: str) -> Issuer | None:
        """The issuer with this `iss`; `None` if none is declared."""
        return self._issuers.get(url)


NO_ACCESS = AccessRules()


def read_access(file: SourceFile | UnreadableFile | None) -> AccessRules:
    """Read the file; never raises for its content."""
    match file:
        case None:
            return NO_ACCESS
        case UnreadableFile(path, reason):
            message = f"can't be read ({reason}), so it is not known who may do what: make it readable"
            return AccessRules(problems=(Problem(path, 1, 1, "", "unreadable", message),), digest="unreadable")
        case SourceFile(path, content, digest):
            found = _read(path, content)
            problems = tuple(sorted(enough([*_leaks(path, content), *found.problems])))
            if any(one.severity is Severity.ERROR for one in problems):
                return AccessRules(problems=problems, digest=digest, content=content)
            return AccessRules(found.tokens, found.issuers, problems, digest, content)


def _leaks(path: str, content: bytes) -> Iterator[Problem]:
    """A problem for each token that is written out, wherever it is, also in a comment."""
    text = content.decode("utf-8-sig", errors="replace")
    for start, token_id in written_tokens(text):
        message = (
            f"holds the whole token msk_{token_id}_••••, which everyone can use who reads this file or its history: "
            "revoke it, make another with `myscheduler token create --declare`, and write only its id and hash"
        )
        line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        yield Problem(path, line, column, "", RULE, message)


def _read(path: str, content: bytes) -> AccessRules:
    found = read_reserved(path, content, rule=RULE, several="remove the --- and what follows")
    if isinstance(found, Problem):
        return AccessRules(problems=(found,))
    if found is None:
        message = "is empty: write tokens or oidc, or {} for neither, or remove the file"
        return AccessRules(problems=(Problem(path, 1, 1, "", RULE, message),))
    return _Reading(found).read()


class _Reading:
    """Reads one document, and collects its problems. Where a value is wrong, another one stands for it."""

    def __init__(self, file: ReservedDocument) -> None:
        self._file = file
        self._unclear = [one.loc for one in file.document.complaints]
        self._seen: dict[tuple[str, str], Loc] = {}
        """Where each name that has to be unique is first, by what it names."""

    def read(self) -> AccessRules:
        whole = self._file.document.value
        if not isinstance(whole, dict):
            self._file.add((), "not-a-mapping", "has to be a mapping with tokens, oidc, or both")
            return AccessRules(problems=tuple(self._file.problems))
        if "job_id" in whole:
            message = f"belongs to a manifest, and {ACCESS} says who may do what: give the manifest another file name"
            self._complain(("job_id",), message, at_key=True)
            return AccessRules(problems=tuple(self._file.problems))
        self._refuse_unknown(whole, (), ("tokens", "oidc"))
        tokens = [self._token(one, loc) for one, loc in self._entries(whole, (), "tokens", MOST_TOKENS)]
        issuers = [self._issuer(one, loc) for one, loc in self._entries(whole, (), "oidc", MOST_ISSUERS)]
        return AccessRules(tuple(tokens), tuple(issuers), tuple(self._file.problems))

    def _token(self, written: Any, loc: Loc) -> ApiToken:
        fields = self._mapping(written, loc, TOKEN_KEYS, ("name", "id", "hash", "role"))
        name = self._take(fields, loc, "name", values.name, "")
        token_id = self._take(fields, loc, "id", values.token_id, "")
        self._once("name", name, (*loc, "name"))
        self._once("id", token_id, (*loc, "id"))
        return ApiToken(
            token_id=token_id,
            name=name,
            hash=self._take(fields, loc, "hash", values.token_hash, ""),
            binding=self._binding(fields, loc),
            created_at=None,
            created_by=ACCESS,
            expires_at=self._take(fields, loc, "expires", values.moment, None),
        )

    def _issuer(self, written: Any, loc: Loc) -> Issuer:
        fields = self._mapping(written, loc, ISSUER_KEYS, ("issuer", "audience", "rules"))
        url = self._take(fields, loc, "issuer", values.issuer_url, "")
        self._once("issuer", url, (*loc, "issuer"))
        rules = [self._rule(one, of) for one, of in self._entries(fields, loc, "rules", MOST_CLAIM_RULES, least=1)]
        jwks_url = self._take(fields, loc, "jwks_url", values.url, None)
        bearer_file = self._take(fields, loc, "bearer_file", values.path, None)
        if bearer_file and (fault := values.bearer_fault(jwks_url or url)):
            self._complain((*loc, "bearer_file"), fault)
        return Issuer(
            url=url,
            audiences=self._take(fields, loc, "audience", values.audiences, ()),
            rules=tuple(rules),
            algorithms=self._take(fields, loc, "algorithms", values.algorithms, ALGORITHMS),
            jwks_url=jwks_url,
            name_claim=self._take(fields, loc, "name_claim", values.claim, SUBJECT),
            ca_file=self._take(fields, loc, "ca_file", values.path, None),
            bearer_file=bearer_file,
        )

    def _rule(self, written: Any, loc: Loc) -> ClaimRule:
        fields = self._mapping(written, loc, RULE_KEYS, ("claim", "value", "role"))
        claim = self._take(fields, loc, "claim", values.claim, "")
        return ClaimRule(claim, self._take(fields, loc, "value", values.claim_value, ""), self._binding(fields, loc))

    def _binding(self, fields: Mapping[str, Any], loc: Loc) -> Binding:
        role = self._take(fields, loc, "role", values.role, Role.VIEWER)
        if "scope" in fields and not fields["scope"]:
            message = "is empty: write labels or ids, or leave scope out to mean all jobs"
            self._complain((*loc, "scope"), message)
            return Binding(role)
        return Binding(role, self._take(fields, loc, "scope", parse_scope, EVERYTHING))

    # --- shapes ---

    def _entries(
        self, fields: Mapping[str, Any], loc: Loc, name: str, most: int, least: int = 0
    ) -> Iterator[tuple[Any, Loc]]:
        """The items of a list with their locations, until there are problems enough."""
        written, place = fields.get(name, []), (*loc, name)
        if not isinstance(written, list) or (name in fields and len(written) < least):
            kind = "a list that is not empty" if least else "a list"
            self._complain(place, f"has to be {kind}: begin each entry with a dash")
            return
        if len(written) > most:
            message = f"has {len(written):,} entries, more than the {most:,} that are allowed: use fewer"
            self._complain(place, message, rule="too-large", at_key=True)
            return
        for index, one in enumerate(written):
            if self._file.is_enough:
                return
            yield one, (*place, index)

    def _mapping(self, written: Any, loc: Loc, known: tuple[str, ...], needed: tuple[str, ...]) -> Mapping[str, Any]:
        if not isinstance(written, dict):
            self._complain(loc, f"has to be a mapping of {', '.join(known)}")
            return {}
        self._refuse_unknown(written, loc, known)
        for name in needed:
            if name not in written:
                self._complain((*loc, name), f"is missing: write {name}: {values.EXAMPLES[name]}")
        return written

    def _refuse_unknown(self, written: Mapping[str, Any], loc: Loc, known: tuple[str, ...]) -> None:
        for name in written:
            if self._file.is_enough:
                return
            if name not in known:
                self._complain((*loc, name), unknown_key(name, known), rule="unknown-key", at_key=True)

    def _take(self, fields: Mapping[str, Any], loc: Loc, name: str, parse: Any, default: Any) -> Any:
        """The value of a field as `parse` returns it; `default` if it is left out or wrong."""
        if name not in fields:
            return default
        try:
            return parse(fields[name])
        except (FieldError, ScopeError) as error:
            self._complain((*loc, name, *error.loc), str(error))
            return default

    def _once(self, what: str, name: str, loc: Loc) -> None:
        """Complain if an earlier entry has this name, too."""
        first = self._seen.setdefault((what, name), loc) if name else loc
        if first != loc:
            line, _ = self._file.document.position(first)
            self._complain(loc, f"is the {what} of the entry on line {line}, too: write another, or remove an entry")

    def _complain(self, loc: Loc, message: str, *, rule: str = RULE, at_key: bool = False) -> None:
        if not any(loc[: len(one)] == one for one in self._unclear):  # what YAML complains about is said already
            self._file.add(loc, rule, message, at_key=at_key)
