"""Reads `access.yaml`: the API tokens and issuers of JWTs that a team declares at the root of its manifests.

A file with any mistake gives nothing, so that a typo neither lets anyone in nor moves a limit. What applies instead is
decided by the caller.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from myscheduler.core.access import access_values as values
from myscheduler.core.access.issuers import ALGORITHMS, SUBJECT, ClaimRule, Issuer
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import EVERYTHING, parse_scope
from myscheduler.core.access.tokens import ApiToken, written_tokens
from myscheduler.core.bounds import MOST_CLAIM_RULES, MOST_ISSUERS, MOST_TOKENS
from myscheduler.core.findings.problem import Loc, Problem, Severity, enough
from myscheduler.core.source.entries import Entries
from myscheduler.core.source.reserved import ReservedDocument, read_reserved
from myscheduler.core.source.snapshot import ACCESS, SourceFile, UnreadableFile
from myscheduler.messages.message import said

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
            message = said("access-unreadable", why=reason)
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
        message = said("whole-token-written", token_id=token_id)
        line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        yield Problem(path, line, column, "", RULE, message)


def _read(path: str, content: bytes) -> AccessRules:
    found = read_reserved(path, content, rule=RULE, several=said("remove-what-follows"))
    if isinstance(found, Problem):
        return AccessRules(problems=(found,))
    if found is None:
        message = said("access-empty")
        return AccessRules(problems=(Problem(path, 1, 1, "", RULE, message),))
    return _Reading(found).read()


class _Reading:
    """Reads one document."""

    def __init__(self, file: ReservedDocument) -> None:
        self._file = file
        self._entries = Entries(file, RULE, values.EXAMPLES)

    def read(self) -> AccessRules:
        whole = self._file.document.value
        if not isinstance(whole, dict):
            self._file.add((), "not-a-mapping", said("access-not-a-mapping"))
            return AccessRules(problems=tuple(self._file.problems))
        if "job_id" in whole:
            message = said("access-belongs-elsewhere", file=ACCESS)
            self._entries.complain(("job_id",), message, at_key=True)
            return AccessRules(problems=tuple(self._file.problems))
        self._entries.refuse_unknown(whole, (), ("tokens", "oidc"))
        tokens = [self._token(one, loc) for one, loc in self._entries.items(whole, (), "tokens", MOST_TOKENS)]
        issuers = [self._issuer(one, loc) for one, loc in self._entries.items(whole, (), "oidc", MOST_ISSUERS)]
        return AccessRules(tuple(tokens), tuple(issuers), tuple(self._file.problems))

    def _token(self, written: Any, loc: Loc) -> ApiToken:
        fields = self._entries.mapping(written, loc, TOKEN_KEYS, ("name", "id", "hash", "role"))
        take = partial(self._entries.take, fields, loc)
        name, token_id = take("name", values.name, ""), take("id", values.token_id, "")
        self._entries.once("name", name, (*loc, "name"))
        self._entries.once("id", token_id, (*loc, "id"))
        return ApiToken(
            token_id=token_id,
            name=name,
            hash=take("hash", values.token_hash, ""),
            binding=self._binding(fields, loc),
            created_at=None,
            created_by=ACCESS,
            expires_at=take("expires", values.moment, None),
        )

    def _issuer(self, written: Any, loc: Loc) -> Issuer:
        fields = self._entries.mapping(written, loc, ISSUER_KEYS, ("issuer", "audience", "rules"))
        take = partial(self._entries.take, fields, loc)
        url = take("issuer", values.issuer_url, "")
        self._entries.once("issuer", url, (*loc, "issuer"))
        listed = self._entries.items(fields, loc, "rules", MOST_CLAIM_RULES, least=1)
        rules = [self._rule(one, place) for one, place in listed]
        jwks_url, bearer_file = take("jwks_url", values.url, None), take("bearer_file", values.path, None)
        if bearer_file and (fault := values.bearer_fault(jwks_url or url)):
            self._entries.complain((*loc, "bearer_file"), fault)
        return Issuer(
            url=url,
            audiences=take("audience", values.audiences, ()),
            rules=tuple(rules),
            algorithms=take("algorithms", values.algorithms, ALGORITHMS),
            jwks_url=jwks_url,
            name_claim=take("name_claim", values.claim, SUBJECT),
            ca_file=take("ca_file", values.path, None),
            bearer_file=bearer_file,
        )

    def _rule(self, written: Any, loc: Loc) -> ClaimRule:
        fields = self._entries.mapping(written, loc, RULE_KEYS, ("claim", "value", "role"))
        take = partial(self._entries.take, fields, loc)
        return ClaimRule(
            take("claim", values.claim, ""), take("value", values.claim_value, ""), self._binding(fields, loc)
        )

    def _binding(self, fields: Mapping[str, Any], loc: Loc) -> Binding:
        role = self._entries.take(fields, loc, "role", values.role, Role.VIEWER)
        if "scope" in fields and not fields["scope"]:
            message = said("scope-empty")
            self._entries.complain((*loc, "scope"), message)
            return Binding(role)
        return Binding(role, self._entries.take(fields, loc, "scope", parse_scope, EVERYTHING))
