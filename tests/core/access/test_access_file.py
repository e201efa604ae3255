"""`access.yaml`: what it may say, and every problem with its place."""

from datetime import UTC, datetime

import pytest

from myscheduler.core.access.access_file import AccessRules, read_access
from myscheduler.core.access.issuers import ALGORITHMS, ClaimRule
from myscheduler.core.access.principal import Binding
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import Scope
from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES, new_token
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile

HASH = "0f" * 32
TOKEN = f"name: ci, id: abcdefghij234567, hash: {HASH}, role: operator"
RULES = "rules: [{claim: groups, value: platform, role: admin}]"
ISSUER = f"issuer: https://login.example.com, audience: myscheduler, {RULES}"
WHOLE = new_token(bytes(range(ID_BYTES + SECRET_BYTES)))
GOOD = f"""\
tokens:
  - name: ci
    id: abcdefghij234567
    hash: {HASH}
    role: operator
    scope: {{labels: {{team: billing}}, ids: ["billing-*"]}}
    expires: 2027-01-01T00:00:00+09:00
  - {{name: screens, id: zzzzzzzzzz777777, hash: "{"1" * 64}", role: viewer}}
oidc:
  - issuer: https://login.example.com/realm
    audience: [myscheduler, other]
    jwks_url: https://keys.example.com/x?y=1
    algorithms: [ES256, RS256, ES256]
    name_claim: email
    rules:
      - claim: groups
        value: platform-*
        role: admin
      - {{claim: realm_access.roles, value: ops, role: operator, scope: {{ids: ["a-*"]}}}}
  - issuer: https://kubernetes.default.svc
    audience: myscheduler
    ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    bearer_file: /var/run/secrets/kubernetes.io/serviceaccount/token
    rules: [{{claim: sub, value: "system:serviceaccount:billing:*", role: viewer}}]
"""


def _read(text: str) -> AccessRules:
    return read_access(SourceFile.of("access.yaml", text.encode()))


def test_what_it_says() -> None:
    found = _read(GOOD)
    assert found.problems == ()
    ci, screens = found.tokens
    assert (ci.name, ci.token_id, ci.hash, ci.created_by, ci.created_at) == (
        "ci", "abcdefghij234567", HASH, "access.yaml", None,
    )  # fmt: skip
    assert ci.binding == Binding(Role.OPERATOR, Scope((("team", ("billing",)),), ("billing-*",)))
    assert ci.expires_at == datetime(2026, 12, 31, 15, tzinfo=UTC)
    assert (screens.binding, screens.expires_at) == (Binding(Role.VIEWER), None)
    login, kubernetes = found.issuers
    assert (login.url, login.audiences) == ("https://login.example.com/realm", ("myscheduler", "other"))
    assert (login.jwks_url, login.algorithms) == ("https://keys.example.com/x?y=1", ("ES256", "RS256"))
    assert (login.name_claim, login.rules[0]) == ("email", ClaimRule("groups", "platform-*", Binding(Role.ADMIN)))
    assert login.rules[1].binding == Binding(Role.OPERATOR, Scope(ids=("a-*",)))
    assert (kubernetes.name_claim, kubernetes.algorithms, kubernetes.jwks_url) == ("sub", ALGORITHMS, None)
    assert kubernetes.bearer_file == "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert (found.token("abcdefghij234567"), found.token("x")) == (ci, None)
    assert (found.issuer("https://kubernetes.default.svc"), found.issuer("x")) == (kubernetes, None)


@pytest.mark.parametrize("text", ["{}", "tokens: []\noidc: []", "{tokens: []}"])
def test_it_may_declare_nothing(text: str) -> None:
    found = _read(text)
    assert (found.tokens, found.issuers, found.problems) == ((), (), ())


def _token(changed: str = "", without: str = "") -> str:
    name = changed.partition(":")[0] or without
    fields = [one for one in TOKEN.split(", ") if not one.startswith(f"{name}:")]
    return f"tokens: [{{{', '.join([changed, *fields] if changed else fields)}}}]"


def _issuer(changed: str = "", without: str = "") -> str:
    name = changed.partition(":")[0] or without
    fields = [one for one in ISSUER.split(", ", 2) if not one.startswith(f"{name}:")]
    return f"oidc: [{{{', '.join([changed, *fields] if changed else fields)}}}]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "1:1: error: is empty: write tokens or oidc, or {} for neither", id="empty"),
        pytest.param("- a", "1:1: error: has to be a mapping with tokens, oidc, or both", id="list"),
        pytest.param("a: [", "2:1: error: is not YAML", id="syntax"),
        pytest.param("{}\n---\n{}", "3:1: error: holds more than one document", id="two documents"),
        pytest.param("token: []", "1:1: error: token: unknown key 'token': did you mean 'tokens'?", id="typo"),
        pytest.param("job_id: a", "1:1: error: job_id: belongs to a manifest, and access.yaml", id="manifest"),
        pytest.param(
            "tokens: [{name: a, id: abcdefghij234567, hash: '" + "0" * 64 + "', role: admin, scope: }]",
            "1:136: error: tokens.0.scope: is empty: write labels or ids, or leave sco",
            id="a scope of nothing",
        ),
        pytest.param("tokens:", "1:8: error: tokens: has to be a list: begin each entry with a dash", id="null"),
        pytest.param("oidc: {issuer: x}", "1:7: error: oidc: has to be a list", id="one issuer"),
        pytest.param("tokens: [a]", "1:10: error: tokens.0: has to be a mapping of name, id, hash", id="no mapping"),
        pytest.param(_token("rol: x"), "1:11: error: tokens.0.rol: unknown key 'rol': did you mean 'role'?", id="key"),
        pytest.param(_token(without="name"), "1:10: error: tokens.0.name: is missing: write name: ci", id="no name"),
        pytest.param(_token(without="role"), "1:10: error: tokens.0.role: is missing: write role: viewer, o", id="who"),
        pytest.param(_token("name: 7"), "1:17: error: tokens.0.name: has to be text, such as ci", id="number"),
        pytest.param(_token('name: " a"'), "1:17: error: tokens.0.name: has to be printable", id="spaces"),
        pytest.param(_token('name: "a\\nb"'), "1:17: error: tokens.0.name: has to be printable", id="two lines"),
        pytest.param(_token("id: ABCDEFGHIJ234567"), "1:15: error: tokens.0.id: is not the id of a token", id="id"),
        pytest.param(_token("hash: abc"), "1:17: error: tokens.0.hash: is not a SHA-256 (64 digits", id="hash"),
        pytest.param(_token(f"hash: {'F' * 64}"), "1:17: error: tokens.0.hash: is not a SHA-256", id="upper case"),
        pytest.param(_token("role: operater"), "1:17: error: tokens.0.role: 'operater' is not one of viewer, operator, "
                     "editor, admin: did you mean 'operator'?", id="role"),
        pytest.param(_token("role: [admin]"), "1:17: error: tokens.0.role: a list is not one of viewer", id="roles"),
        pytest.param(_token("role: no"), "1:17: error: tokens.0.role: no is a boolean to some", id="surprise"),
        pytest.param(_token("scope: all"), "1:18: error: tokens.0.scope: has to be a mapping", id="scope"),
        pytest.param(_token("scope: {label: {}}"), "1:26: error: tokens.0.scope.label: unknown key", id="key of scope"),
        pytest.param(_token("scope: {ids: [a, 1]}"), "1:28: error: tokens.0.scope.ids.1: has to be text", id="ids"),
        pytest.param(_token("expires: 2027-01-01"), "1:20: error: tokens.0.expires: '2027-01-01' is not a ", id="date"),
        pytest.param(_token("expires: 2027-01-01T00:00:00"), "1:20: error: tokens.0.expires: '2027-01-01T00:00:00' is "
                     "not a time with an offset: write one such as 2027-01-01T00:00:00+09:00", id="local time"),
        pytest.param(_token("expires: 2027-02-30T00:00:00Z"), "1:20: error: tokens.0.expires: ", id="February"),
        pytest.param(_token("expires: 3600"), "1:20: error: tokens.0.expires: 3600 is not a time", id="seconds"),
        pytest.param(f"tokens: [{{{TOKEN}}}, {{{TOKEN.replace('abc', 'xyz')}}}]",
                     "1:139: error: tokens.1.name: is the name of the entry on line 1, too", id="name twice"),
        pytest.param(f"tokens:\n- {{{TOKEN}}}\n- {{{TOKEN.replace('ci', 'x')}}}",
                     "3:17: error: tokens.1.id: is the id of the entry on line 2, too", id="id twice"),
        pytest.param(f"oidc:\n- {{{ISSUER}}}\n- {{{ISSUER}}}",
                     "3:12: error: oidc.1.issuer: is the issuer of the entry on line 2, too", id="issuer twice"),
        pytest.param(_issuer("issuer: http://login.example.com"), "1:17: error: oidc.0.issuer: "
                     "'http://login.example.com' is not https, so anyone on the w", id="http"),
        pytest.param(_issuer("issuer: https://u:hunter2@x.test"), "1:17: error: oidc.0.issuer: "
                     "'https://••••@x.test' has a user in it", id="user"),
        pytest.param(_issuer("issuer: login.example.com"), "1:17: error: oidc.0.issuer: 'login.example.com' is not a "
                     "URL", id="no URL"),
        pytest.param(_issuer("issuer: https://x.test/?a"), "1:17: error: oidc.0.issuer: 'https://x.test/?a' has a "
                     "query",                     id="query"),
        pytest.param(_issuer("jwks_url: ftp://x.test"), "1:19: error: oidc.0.jwks_url: 'ftp://x.test' is", id="ftp"),
        pytest.param(_issuer(without="audience"), "1:8: error: oidc.0.audience: is missing: write audience: mysch",
                     id="no audience"),
        pytest.param(_issuer("audience: []"), "1:19: error: oidc.0.audience: has to be a list of 1", id="none of it"),
        pytest.param(_issuer("algorithms: [RS256, HS256]"), "1:29: error: oidc.0.algorithms.1: 'HS256' is not one of "
                     "RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA (with it", id="symmetric"),
        pytest.param(_issuer("algorithms: [none]"), "1:22: error: oidc.0.algorithms.0: 'none' is not one", id="none"),
        pytest.param(_issuer("algorithms: RS256"), "1:21: error: oidc.0.algorithms: has to be a list", id="one of it"),
        pytest.param(_issuer("ca_file: ca.crt"), "1:18: error: oidc.0.ca_file: 'ca.crt' is not a whole path", id="ca"),
        pytest.param(_issuer("bearer_file: /run/secrets/db"), "1:22: error: oidc.0.bearer_file: is sent to the API "
                     "server of Kubernetes only", id="a file sent elsewhere"),
        pytest.param(_issuer("bearer_file: /x, jwks_url: https://kubernetes.default.svc.evil.test"),
                     "1:22: error: oidc.0.bearer_file: is sent to", id="a domain that only begins alike"),
        pytest.param(_issuer("rules: []"), "1:16: error: oidc.0.rules: has to be a list that is not em", id="no rule"),
        pytest.param(_issuer("rules: [{claim: a, role: admin}]"), "1:17: error: oidc.0.rules.0.value: is missing: "
                     "write value: platform", id="no value"),
        pytest.param(_issuer("rules: [{claim: a, value: true, role: admin}]"), "1:35: error: oidc.0.rules.0.value: has "
                     "to be text, such as platform: put it into quotes", id="true"),
        pytest.param(_issuer("rules: [{claim: a, value: b, role: root}]"), "1:44: error: oidc.0.rules.0.role: 'root' "
                     "is not one of viewer", id="role of a rule"),
    ],
)  # fmt: skip
def test_what_is_wrong(text: str, problem: str) -> None:
    found = _read(text)
    assert (found.tokens, found.issuers) == ((), ())
    assert str(found.problems[0])[: len(problem) + 12] == f"access.yaml:{problem}"
    assert {one.rule for one in found.problems} <= {
        "invalid-access", "unknown-key", "not-a-mapping", "yaml-syntax", "yaml-surprise",
    }  # fmt: skip


def test_every_problem_is_told_and_nothing_counts() -> None:
    found = _read(GOOD.replace("role: viewer", "role: reader").replace("claim: groups", "claims: groups"))
    assert [(one.line, one.field) for one in found.problems] == [
        (8, "tokens.1.role"),
        (16, "oidc.0.rules.0.claim"),
        (16, "oidc.0.rules.0.claims"),
        (24, "oidc.1.rules.0.role"),
    ]
    assert (found.tokens, found.issuers, found.has_errors) == ((), (), True)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param(f"{GOOD}# {WHOLE.text}\n", (25, 3), id="comment"),
        pytest.param(GOOD.replace(HASH, WHOLE.text), (4, 11), id="hash"),
        pytest.param(GOOD.replace("billing-*", WHOLE.text), (6, 45), id="any field"),
        pytest.param(f"\ufeff{WHOLE.text}: [", (1, 1), id="no YAML"),
        pytest.param(f"{GOOD}# {WHOLE.text[:-1]}x\n", (25, 3), id="mistyped"),
    ],
)
def test_a_whole_token_is_refused_wherever_it_is_and_never_shown(text: str, place: tuple[int, int]) -> None:
    found = _read(text)
    told = [one for one in found.problems if "whole token" in one.message]
    assert [(one.line, one.column, one.rule) for one in told] == [(*place, "invalid-access")]
    assert told[0].message.startswith(f"holds the whole token msk_{WHOLE.token_id}_••••, which everyone can use")
    assert all(WHOLE.secret not in str(one) for one in found.problems)
    assert (found.tokens, found.issuers) == ((), ())


def test_the_text_of_a_secret_in_place_of_its_hash_is_not_shown() -> None:
    (problem,) = _read(GOOD.replace(HASH, WHOLE.secret)).problems
    assert WHOLE.secret not in str(problem)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param(
            f"tokens: [{', '.join(['{}'] * 1_001)}]", "tokens: has 1,001 entries, more than the 1,000", id="t"
        ),
        pytest.param(f"oidc: [{', '.join(['{}'] * 21)}]", "oidc: has 21 entries, more than the 20", id="issuers"),
        pytest.param(_issuer(f"rules: [{', '.join(['{}'] * 1_001)}]"), "oidc.0.rules: has 1,001 entries", id="rules"),
    ],
)
def test_it_is_bounded(text: str, told: str) -> None:
    (problem,) = _read(text).problems
    assert (problem.rule, told in str(problem)) == ("too-large", True)


def test_a_thousand_mistakes_are_told_in_a_hundred_problems() -> None:
    problems = _read(f"tokens: [{', '.join(['{}'] * 1_000)}]").problems
    assert (len(problems), [one.rule for one in problems].count("more-problems")) == (101, 1)


def test_a_file_that_can_not_be_read_is_not_one_that_is_missing() -> None:
    found = read_access(UnreadableFile("access.yaml", "permission denied"))
    assert (found.has_errors, found.problems[0].rule) == (True, "unreadable")
    assert read_access(None).problems == ()
