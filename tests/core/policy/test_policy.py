"""Each rule of a policy: what keeps it, what breaks it, and what is said then."""

from typing import Any

import pytest

from myscheduler.core.manifest.declaration import declare
from myscheduler.core.policy.file import read_policy
from myscheduler.core.policy.policy import Policy
from myscheduler.core.source.snapshot import SourceFile
from tests.support.parts import ZONE

JOB: dict[str, Any] = {
    "job_id": "a",
    "target_url": "https://api.example.com/run",
    "interval": {"hours": 1},
    "labels": {"team": "billing"},
}


def policy(text: str) -> Policy:
    rules = read_policy(SourceFile.of("policy.yaml", text.encode()))
    assert rules.policy is not None, rules.problems
    return rules.policy


def judged(text: str, **fields: Any) -> list[str]:
    _, complaints = declare(JOB | fields, zone=ZONE, policies=[policy(text)])
    return [f"{one.field}: {one.message} [{one.rule}]" for one in complaints]


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        pytest.param("{}", {}, id="no rule"),
        pytest.param("require_labels: [team]", {}, id="label"),
        pytest.param("require_labels: {team: [ops, billing]}", {}, id="label with a value"),
        pytest.param("allow_hosts: ['*.example.com']", {}, id="host"),
        pytest.param("allow_hosts: [api.example.com]", {"target_url": "https://x@API.example.com.:443/"}, id="spelled"),
        pytest.param(
            "allow_hosts: [api.example.com, a.test]", {"headers": {"Host": "A.test:443"}}, id="host of a header"
        ),
        pytest.param("deny_hosts: ['*.api.example.com', 'api.example.com:80']", {}, id="host that is not denied"),
        pytest.param("allow_networks: [10.0.0.0/8]", {"target_url": "http://10.1.2.3/"}, id="address in a network"),
        pytest.param("allow_networks: [10.0.0.0/8]", {}, id="name whose address nobody knows"),
        pytest.param("deny_networks: [10.0.0.0/8]", {"target_url": "http://11.1.2.3/"}, id="address in no network"),
        pytest.param("api_private_networks: [10.0.0.0/8]", {"target_url": "http://192.168.1.1/"}, id="of a manifest"),
        pytest.param("allow_methods: [get]", {}, id="method left out"),
        pytest.param("allow_methods: [GET, POST]", {"method": "post"}, id="method in lower case"),
        pytest.param("min_interval_sec: 3600", {}, id="interval at the limit"),
        pytest.param("min_interval_sec: 3600", {"interval": "PT1H"}, id="duration at the limit"),
        pytest.param(
            "min_interval_sec: 99999", {"interval": None, "run_at": "2099-01-01T00:00:00"}, id="one-off has no interval"
        ),
        pytest.param(
            "allow_insecure_tls: ['*.example.com']", {"tls": {"verify": False}}, id="no check of a certificate"
        ),
        pytest.param("allow_hosts: [api.example.com]", {"proxy": "environment"}, id="proxy of the environment"),
        pytest.param("max_retries: 0", {}, id="retries left out"),
        pytest.param("max_retries: 2", {"max_retries": 2}, id="retries at the limit"),
        pytest.param(
            "secrets_by_reference: true", {"headers": {"Authorization": "Bearer ${secret:t}"}}, id="reference"
        ),
        pytest.param(
            "secrets_by_reference: false", {"headers": {"Authorization": "Bearer abc123"}}, id="not asked for"
        ),
    ],
)
def test_what_keeps_the_rules(rule: str, fields: dict[str, Any]) -> None:
    assert judged(rule, **fields) == []


@pytest.mark.parametrize(
    ("rule", "fields", "told"),
    [
        pytest.param(
            "require_labels: [team,\n runbook]",
            {},
            "labels.runbook: the label 'runbook' is missing, which policy.yaml:2 requires: "
            "write labels: {runbook: …} [policy-label]",
            id="label",
        ),
        pytest.param(
            "require_labels:\n  team: [ops]",
            {"labels": {"team": " "}},
            "labels.team: the label 'team' is missing, which policy.yaml:2 requires: "
            "write labels: {team: ops} [policy-label]",
            id="empty label",
        ),
        pytest.param(
            "require_labels: {team: [ops, web]}",
            {},
            "labels.team: 'billing' is not one of ops, web, which policy.yaml:1 allows for 'team': "
            "write one of them [policy-label]",
            id="label with another value",
        ),
        pytest.param(
            "\ndeny_hosts: [a.test, '*.example.com']\nallow_hosts: ['*.example.com']",
            {},
            "target_url: api.example.com is among the hosts that policy.yaml:2 denies: call another one, or have it "
            "taken out [policy-host]",
            id="host that is denied",
        ),
        pytest.param(
            "deny_hosts: [a.test]",
            {"headers": {"Host": "a.test"}},
            "headers.Host: names a host that policy.yaml:1 denies: write another one, or leave it out [policy-host]",
            id="host of a header that is denied",
        ),
        pytest.param(
            "deny_networks: [10.1.0.0/16, 10.0.0.0/8]",
            {"target_url": "http://0xa.2.3.4/"},
            "target_url: 10.2.3.4 is in 10.0.0.0/8, which policy.yaml:1 denies: call another host, or have the network "
            "taken out [policy-network]",
            id="network that is denied",
        ),
        pytest.param(
            "\nallow_networks: [10.0.0.0/8]",
            {"target_url": "http://[::ffff:11.0.0.1]/"},
            "target_url: ::ffff:b00:1 (which stands for 11.0.0.1) is in none of the networks that policy.yaml:2 "
            "allows: call another host, or have its network added [policy-network]",
            id="network that is not allowed",
        ),
        pytest.param(
            "\nallow_hosts: [a.test, '*.b.test']",
            {},
            "target_url: api.example.com is not among the hosts that policy.yaml:2 allows (a.test, *.b.test): "
            "call one of them, or have it added [policy-host]",
            id="host",
        ),
        pytest.param(
            "allow_hosts: [api.example.com]",
            {"target_url": "https://api.example.com@evil.test:8443/"},
            "target_url: evil.test:8443 is not among the hosts that policy.yaml:1 allows (api.example.com): "
            "call one of them, or have it added [policy-host]",
            id="allowed host as the user",
        ),
        pytest.param(
            "allow_hosts: [api.example.com]",
            {"target_url": "https://[fd00::1%25eth0]/"},
            "target_url: it is not clear which host it calls, and policy.yaml:1 allows only some: "
            "write it plainly, as https://HOST/PATH [policy-host]",
            id="doubtful host",
        ),
        pytest.param(
            "allow_hosts: [api.example.com]",
            {"proxy": "http://evil.test:3128"},
            "proxy: is not among the hosts that policy.yaml:1 allows (api.example.com): name one of them, or have it "
            "added [policy-host]",
            id="host of a proxy",
        ),
        pytest.param(
            "\nallow_insecure_tls: [b.test]",
            {"tls": {"verify": False}},
            "tls.verify: false is allowed only for the hosts of allow_insecure_tls in policy.yaml:2 (not for "
            "api.example.com): trust the authority of the target by tls.ca, or have the host added "
            "[policy-insecure-tls]",
            id="no check of a certificate",
        ),
        pytest.param(
            "{}",
            {"tls": {"verify": False}},
            "tls.verify: false is allowed only for the hosts of allow_insecure_tls in policy.yaml (not for "
            "api.example.com): trust the authority of the target by tls.ca, or have the host added "
            "[policy-insecure-tls]",
            id="no rule about checks",
        ),
        pytest.param(
            "allow_hosts: [a1, a2, a3, a4, a5, a6, a7]",
            {},
            "target_url: api.example.com is not among the hosts that policy.yaml:1 allows (a1, a2, a3, a4, a5 and 2 "
            "more): call one of them, or have it added [policy-host]",
            id="many hosts",
        ),
        pytest.param(
            "allow_hosts: [api.example.com]",
            {"headers": {"host": "evil.test"}},
            "headers.host: names none of the hosts that policy.yaml:1 allows (api.example.com): "
            "write one of them, or leave it out [policy-host]",
            id="host of a header",
        ),
        pytest.param(
            "allow_hosts: [api.example.com]",
            {"headers": {"Host": "api.example.com..hunter2"}},
            "headers.Host: names none of the hosts that policy.yaml:1 allows (api.example.com): "
            "write one of them, or leave it out [policy-host]",
            id="doubtful host of a header",
        ),
        pytest.param(
            "allow_methods: [POST]",
            {},
            "method: GET is not one of POST, which policy.yaml:1 allows: write one of them [policy-method]",
            id="method left out",
        ),
        pytest.param(
            "min_interval_sec: 60",
            {"interval": {"seconds": 59}},
            "interval: runs every 59 s at its closest, sooner than the 1 min that policy.yaml:1 asks for: "
            "let it run less often [policy-interval]",
            id="interval",
        ),
        pytest.param(
            "min_interval_sec: 600",
            {"interval": None, "cron": "0,5 3 * * *"},
            "cron: runs every 5 min at its closest, sooner than the 10 min that policy.yaml:1 asks for: "
            "let it run less often [policy-interval]",
            id="cron",
        ),
        pytest.param(
            "max_retries: 2",
            {"max_retries": 3},
            "max_retries: 3 is more than the 2 that policy.yaml:1 allows: write 2 or less [policy-retries]",
            id="retries",
        ),
        pytest.param(
            "secrets_by_reference: true",
            {"headers": {"Authorization": "Bearer abc123"}},
            "headers.Authorization: the header Authorization contains a credential that is written out, which "
            "policy.yaml:1 forbids: write ${secret:NAME} [policy-literal-credential]",
            id="credential",
        ),
    ],
)
def test_what_breaks_a_rule(rule: str, fields: dict[str, Any], told: str) -> None:
    assert judged(rule, **fields) == [told]


STRICT = """
require_labels: [team, runbook]
allow_hosts: [a.test]
allow_methods: [POST]
min_interval_sec: 7200
max_retries: 1
"""


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        pytest.param(
            {"max_retries": 9},
            ["policy-label", "policy-host", "policy-method", "policy-interval", "policy-retries"],
            id="several rules",
        ),
        pytest.param(
            {"colour": "red", "timeout_sec": 0},
            ["unknown-key", "invalid-value", "policy-label", "policy-host", "policy-method", "policy-interval"],
            id="beside other mistakes",
        ),
        pytest.param(
            {"target_url": 5, "labels": [], "method": 1, "max_retries": "x", "interval": None, "cron": "61 * * * *"},
            ["invalid-cron", "invalid-type", "invalid-type", "invalid-type", "invalid-type"],
            id="nothing about what has the wrong shape",
        ),
        pytest.param(
            {"target_url": "", "method": "B W", "interval": {"hours": 0}},
            ["invalid-interval", "invalid-method", "invalid-url", "policy-label"],
            id="nothing about what is wrong anyway",
        ),
    ],
)
def test_all_at_once_with_other_problems(fields: dict[str, Any], rules: list[str]) -> None:
    spec, complaints = declare(JOB | fields, zone=ZONE, policies=[policy(STRICT)])
    assert spec is None
    assert sorted(one.rule for one in complaints) == sorted(rules)


def test_every_policy_binds() -> None:
    policies = [policy("max_retries: 5"), policy("max_retries: 1"), policy("max_retries: 3")]
    _, complaints = declare(JOB | {"max_retries": 4}, zone=ZONE, policies=policies)
    assert [one.message.split(" that")[0] for one in complaints] == ["4 is more than the 1", "4 is more than the 3"]
