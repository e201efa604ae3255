"""`policy.yaml`: what it may say, and every problem with its place."""

import pytest

from myscheduler.core.calls.hosts import Host
from myscheduler.core.policy.file import Rules, read_policy
from myscheduler.core.policy.policy import NO_POLICY
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile

GOOD = """\
require_labels:
  team: [billing, ops]
  runbook:
allow_hosts: [api.example.com, "*.internal.example.com", "localhost:8080"]
allow_methods: [get, POST]
min_interval_sec: 60
max_retries: 5
secrets_by_reference: true
max_starts_per_minute_per_host: 60
max_chain_depth: 5
chains_within_label: team
api_secrets:
  - secrets: [slack-token, slack-user]
    hosts: [hooks.slack.com]
deny_hosts: [old.example.com]
allow_networks: [10.0.0.0/8, "2001:db8::/32"]
deny_networks: [10.66.0.0/16]
api_private_networks: [10.20.0.1]
api_private_hosts: ["*.batch.example.com"]
"""

SLACK = Host("hooks.slack.com", 443, is_default=True)


def _read(text: str) -> Rules:
    return read_policy(SourceFile.of("policy.yaml", text.encode()))


def test_what_it_says() -> None:
    rules = _read(GOOD)
    policy = rules.policy
    assert policy is not None
    assert (rules.problems, rules.binding) == ((), (policy,))
    assert policy.require_labels == {"team": ("billing", "ops"), "runbook": ()}
    assert [written for written, _ in policy.allow_hosts or ()] == [
        "api.example.com",
        "*.internal.example.com",
        "localhost:8080",
    ]
    assert (policy.allow_methods, policy.min_interval_sec, policy.max_retries) == (("GET", "POST"), 60, 5)
    assert (policy.secrets_by_reference, policy.max_starts_per_minute_per_host) == (True, 60)
    assert (policy.max_chain_depth, policy.chains_within_label) == (5, "team")
    assert policy.api_secrets.allows("slack-user", SLACK)
    assert not policy.api_secrets.allows("slack-user", Host("evil.test", 443, is_default=True))
    assert not policy.api_secrets.allows("other", SLACK)
    assert [written for written, _ in policy.deny_hosts] == ["old.example.com"]
    assert [str(one) for one in policy.allow_networks or ()] == ["10.0.0.0/8", "2001:db8::/32"]
    assert [str(one) for one in (*policy.deny_networks, *policy.api_private_networks)] == [
        "10.66.0.0/16",
        "10.20.0.1/32",
    ]
    assert [written for written, _ in policy.api_private_hosts] == ["*.batch.example.com"]
    assert (policy.place("require_labels.runbook"), policy.place("api_secrets")) == ("policy.yaml:3", "policy.yaml:12")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "1:1: error: is empty: write a rule, or {} for no rules, or remove the file", id="empty"),
        pytest.param("# nothing", "1:1: error: is empty: write a rule", id="comment"),
        pytest.param("- a", "1:1: error: has to be a mapping of rules", id="list"),
        pytest.param("a: [", "2:1: error: is not YAML", id="syntax"),
        pytest.param(
            "max_retries: 1\n---\nmax_retries: 2", "3:1: error: holds more than one document", id="two documents"
        ),
        pytest.param("max_retries: 1\nmax_retries: 2", "2:1: error: max_retries: appears twice", id="twice"),
        pytest.param(
            "allow_host: [a]",
            "1:1: error: allow_host: unknown key 'allow_host': did you mean 'allow_hosts'?",
            id="typo",
        ),
        pytest.param("colour: red", "1:1: error: colour: unknown key 'colour': the keys are require_labels", id="key"),
        pytest.param("allow_hosts:", "1:13: error: allow_hosts: has to be a list that is not empty", id="no value"),
        pytest.param("allow_hosts: []", "1:14: error: allow_hosts: has to be a list that is not empty", id="no host"),
        pytest.param(
            "allow_hosts: [x, https://a.test/b]",
            "1:18: error: allow_hosts.1: 'https://a.test/b' is more than a host: write 'a.test'",
            id="url",
        ),
        pytest.param("allow_hosts: ['*']", "1:15: error: allow_hosts.0: '*' is not a host: write", id="any host"),
        pytest.param("allow_hosts: [1]", "1:15: error: allow_hosts.0: has to be text", id="number as a host"),
        pytest.param(
            "deny_networks: [10.0.0.1/8]",
            "1:16: error: deny_networks: '10.0.0.1/8' is neither an address nor a network: write",
            id="address with a mask",
        ),
        pytest.param("allow_networks: true", "1:17: error: allow_networks: has to be a list", id="all networks"),
        pytest.param("allow_networks: []", "1:17: error: allow_networks: has to be a list that is", id="no network"),
        pytest.param("deny_hosts: ['*']", "1:14: error: deny_hosts.0: '*' is not a host: write", id="every host"),
        pytest.param("api_private_hosts: [a/b]", "1:21: error: api_private_hosts.0: 'a/b' is more", id="no host name"),
        pytest.param("allow_methods: GET", "1:16: error: allow_methods: has to be a list", id="no list"),
        pytest.param(
            "allow_methods: [GET, A B]",
            "1:22: error: allow_methods.1: 'A B' is no method such as GET, POST",
            id="method",
        ),
        pytest.param("min_interval_sec: 0", "1:19: error: min_interval_sec: has to be a whole number of at", id="zero"),
        pytest.param("min_interval_sec: 1.5", "1:19: error: min_interval_sec: has to be a whole number", id="fraction"),
        pytest.param("min_interval_sec: 1:30", "1:19: error: min_interval_sec: 1:30 is a base-60", id="sixties"),
        pytest.param("max_retries: true", "1:14: error: max_retries: has to be a whole number", id="true"),
        pytest.param("max_retries: -1", "1:14: error: max_retries: has to be a whole number of at least 0", id="minus"),
        pytest.param(
            "secrets_by_reference: yes", "1:23: error: secrets_by_reference: yes is a boolean to some", id="yes"
        ),
        pytest.param(
            "require_labels: team", "1:17: error: require_labels: has to be a list, such as [team]", id="label"
        ),
        pytest.param("require_labels: {team: ops}", "1:24: error: require_labels.team: has to be a list", id="values"),
        pytest.param(
            "require_labels: {team: []}", "1:24: error: require_labels.team: has to be a list", id="no values"
        ),
        pytest.param(
            "require_labels: [true]", "1:18: error: require_labels.0: has to be text", id="label that is none"
        ),
        pytest.param(
            "api_secrets: [{secrets: [a]}]", "1:15: error: api_secrets.0: has to name secrets and hosts", id="no hosts"
        ),
        pytest.param(
            "allow_hosts: ['u:hunter2@x']",
            "1:15: error: allow_hosts.0: '••••@x' is not a host",
            id="userinfo in a host",
        ),
        pytest.param(
            "allow_hosts: ['https://u:hunter2@x/']",
            "1:15: error: allow_hosts.0: 'https://••••@x/' is more than a host: write 'x'",
            id="userinfo in a URL",
        ),
        pytest.param(
            "allow_methods: [Bearer hunter2tok12345]",
            "1:17: error: allow_methods.0: 'BEARER ••••' is no method such as",
            id="a credential for a method",
        ),
        pytest.param(
            "Authorization:Bearer hunter2: 1",
            "1:1: error: Authorization…: unknown key 'Authorization…': the keys",
            id="a credential in a key",
        ),
        pytest.param(
            "api_secrets: [{secrets: [a], hosts: [b], scope: {}}]",
            "1:49: error: api_secrets.0.scope: is empty: name jobs by labels or ids",
            id="an empty scope",
        ),
        pytest.param(
            "api_secrets: [{secrets: [a], hosts: [b], scope: {team: a}}]",
            "1:56: error: api_secrets.0.scope.team: unknown key 'team': a scope has labels and ids",
            id="a scope without labels",
        ),
        pytest.param(
            "api_secrets: [{secrets: [a], hosts: [a/b]}]",
            "1:38: error: api_secrets.0.hosts.0: 'a/b' is more than a host",
            id="host of a secret",
        ),
        pytest.param(
            f"min_interval_sec: {'9' * 4000}", "1:19: error: min_interval_sec: has to be a whole n", id="4,000"
        ),
        pytest.param(
            "max_starts_per_minute_per_host: 3155760001",
            "1:33: error: max_starts_per_minute_per_host: has to be a whole number of at least 1, up to 3,155,760,000",
            id="a number over the bound",
        ),
        pytest.param(
            "max_chain_depth: 33",
            "1:18: error: max_chain_depth: has to be a whole number of at least 1, up to 32",
            id="deeper than any chain",
        ),
        pytest.param("chains_within_label: [team]", "1:22: error: chains_within_label: has to be", id="several labels"),
        pytest.param(f"allow_hosts: [{'a' * 256}]", "1:15: error: allow_hosts.0: 'aaaaaaaaa", id="long host"),
        pytest.param(f"allow_methods: [{'a' * 256}]", "1:17: error: allow_methods.0: 'aaaaaaaaa", id="long method"),
        pytest.param(f"require_labels: [{'a' * 256}]", "1:18: error: require_labels.0: 'aaaaa", id="long label"),
        pytest.param(f"require_labels: {{{'a' * 256}: [b]}}", "1:17: error: require_labels: 'aaa", id="long name"),
        pytest.param(
            f"api_secrets: [{{secrets: ['{'*a' * 128}'], hosts: [b]}}]",
            "1:26: error: api_secrets.0.secrets.0: '*a*a",
            id="long pattern",
        ),
    ],
)
def test_problems(text: str, problem: str) -> None:
    rules = _read(text)
    found = [str(one).removeprefix("policy.yaml:") for one in rules.problems]
    assert [one[: len(problem)] for one in found] == [problem]
    assert (rules.policy, rules.binding) == (None, ())


def _of(count: int, form: str) -> str:
    return ", ".join(form.format(number) for number in range(count))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param(f"allow_hosts: [{_of(1_001, 'h{}.test')}]", "allow_hosts", id="hosts"),
        pytest.param(f"allow_link_local: [{_of(1_001, '169.254.1.1')}]", "allow_link_local", id="addresses"),
        pytest.param(f"deny_networks: [{_of(1_001, '10.0.0.0/8')}]", "deny_networks", id="networks"),
        pytest.param(f"allow_methods: [{_of(1_001, 'GET')}]", "allow_methods", id="methods"),
        pytest.param(f"require_labels: [{_of(1_001, 'l{}')}]", "require_labels", id="labels"),
        pytest.param(f"require_labels: {{{_of(1_001, 'l{}: ')}}}", "require_labels", id="labels without values"),
        pytest.param(
            f"require_labels: {{a: [{_of(501, 'v{}')}], b: [{_of(500, 'v{}')}]}}", "require_labels", id="values"
        ),
        pytest.param(
            f"allow_hosts: [{_of(501, 'h{}.test')}]\nallow_methods: [{_of(500, 'GET')}]", "allow_methods", id="together"
        ),
        pytest.param(f"api_secrets: [{_of(1_001, '{{secrets: [s{}], hosts: [h]}}')}]", "api_secrets", id="grants"),
        pytest.param(
            f"api_secrets: [{{secrets: [{_of(26, 's{}')}], hosts: [{_of(39, 'h{}')}]}}]", "api_secrets", id="pairs"
        ),
    ],
)
def test_a_policy_has_bounds(text: str, rule: str) -> None:
    """Each job is held against all of it."""
    rules = _read(text)
    assert [(one.rule, one.field) for one in rules.problems] == [("too-large", rule)]
    assert rules.policy is None


def test_as_much_as_a_policy_may_hold() -> None:
    policy = _read(f"allow_hosts: [{_of(1_000, 'h{}.test')}]\nmin_interval_sec: 3155760000").policy
    assert policy is not None
    assert len(policy.allow_hosts or ()) == 1_000


def test_none_no_rules_and_unreadable() -> None:
    none, nothing = read_policy(None), _read("{}")
    assert (none.policy, none.digest, none.problems) == (NO_POLICY, "", ())
    assert nothing.policy is not None
    assert nothing.problems == ()
    broken = read_policy(UnreadableFile("policy.yaml", "Permission denied"))
    assert broken.policy is None
    assert "can't be read (Permission denied), so the rules are not known" in str(broken.problems[0])
    assert read_policy(SourceFile.of("policy.yaml", b"max_retries: \xff")).policy is None
