"""References to secrets: what is one, where it may stand, what takes its place, and who may use it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.access.scope import parse_scope
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.policy.grants import Grant, Grants, not_allowed, refused
from myscheduler.core.secrets.references import is_name, references, references_of, resolve, variable_of

BASE = {"job_id": "a", "interval": {"hours": 1}, "target_url": "https://x.test/run"}
NAMES = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)
DEEP: Any = "${secret:deep}"
for _ in range(300):
    DEEP = [DEEP]


def spec_of(**fields: Any) -> JobSpec:
    spec, complaints = declare(BASE | fields, zone="UTC")
    assert spec is not None, complaints
    return spec


@pytest.mark.parametrize(
    ("value", "names"),
    [
        pytest.param("Bearer ${secret:token}", {"token"}, id="in text"),
        pytest.param("${secret:a}${secret:b}", {"a", "b"}, id="two beside each other"),
        pytest.param({"a": [{"b": "x ${secret:in-json}"}]}, {"in-json"}, id="within JSON"),
        pytest.param({"${secret:key}": "x"}, set(), id="not as a key"),
        pytest.param("$${secret:literal}", set(), id="a literal"),
        pytest.param("$$${secret:literal}", set(), id="a dollar and a literal"),
        pytest.param("${env:HOME} ${secret:} ${secret:a/b} ${secret:open", set(), id="what is none"),
        pytest.param([1, None, True, "$", "{secret:a}"], set(), id="other values"),
        pytest.param(DEEP, {"deep"}, id="deep"),
    ],
)
def test_references(value: Any, names: set[str]) -> None:
    assert references(value) == names


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("db-password", True), ("a.b_C-9", True), ("x" * 253, True), (".hidden", True), ("a..b", True),
        ("", False), (".", False), ("..", False), ("..data", False), ("x" * 254, False), ("a/b", False),
        ("a b", False), ("é", False), ("a\n", False), ("a}", False), ("${secret:a}", False),
    ],
)  # fmt: skip
def test_names(name: str, *, is_one: bool) -> None:
    """What the key of a Kubernetes Secret can be."""
    assert is_name(name) is is_one


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        pytest.param("Bearer ${secret:a}!", "Bearer 1!", id="a value"),
        pytest.param("${secret:a}${secret:b}", "1${secret:a}", id="a value is not read again"),
        pytest.param("$${secret:a} $${x} $$ $", "${secret:a} ${x} $$ $", id="literals"),
        pytest.param("${env:X} ${secret:a", "${env:X} ${secret:a", id="what is no reference stays"),
    ],
)
def test_resolve(text: str, resolved: str) -> None:
    assert resolve(text, {"a": "1", "b": "${secret:a}"}) == resolved


def test_a_reference_without_a_value_is_a_bug() -> None:
    with pytest.raises(KeyError):
        resolve("${secret:a}", {})


@given(st.lists(st.one_of(st.text("${}secret:$ab", max_size=12), NAMES.map(lambda name: f"${{secret:{name}}}"))))
def test_what_is_referred_to_is_what_is_asked_for(parts: list[str]) -> None:
    text = "".join(parts)
    asked = set()

    class Asking(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            asked.add(name)
            return ""

    resolve(text, Asking())
    assert asked == references(text)


@given(st.text("${}secret:ab ", max_size=40))
def test_a_literal_comes_back(text: str) -> None:
    """Doubling the dollar of each brace is all that is needed to write any text that has no dollar before one."""
    if "$${" not in text:
        assert resolve(text.replace("${", "$${"), {}) == text


@pytest.mark.parametrize(
    ("fields", "field", "rule", "message"),
    [
        pytest.param({"headers": {"A": "${env:X}"}}, "headers.A", "invalid-reference", "write that, or $${", id="kind"),
        pytest.param({"body": "a ${x}"}, "body", "invalid-reference", "the only kind is ${secret:NAME}", id="no kind"),
        pytest.param({"body": {"a": ["${secret:x"]}}, "body.a.0", "invalid-reference", "not closed", id="unclosed"),
        pytest.param({"body": "${secret:}"}, "body", "invalid-reference", "has no valid name", id="empty name"),
        pytest.param(
            {"target_url": "https://x.test/${secret:a/b}"},
            "target_url",
            "invalid-reference",
            "has no valid name",
            id="name",
        ),
        pytest.param({"body": {"${secret:k}": 1}}, "body.${secret…", "invalid-reference", "in a key", id="key"),
        pytest.param({"target_url": "https://${secret:h}/"}, "target_url", "secret-in-host", "host or port", id="host"),
        pytest.param({"target_url": "https://a.${secret:h}.x/"}, "target_url", "secret-in-host", "port", id="label"),
        pytest.param({"target_url": "https://x:${secret:p}/"}, "target_url", "secret-in-host", "port", id="port"),
        pytest.param({"target_url": "https://x${secret:p}@y$${"}, "target_url", "secret-in-host", "port", id="literal"),
        pytest.param({"target_url": "${secret:url}"}, "target_url", "secret-in-host", "write them out", id="whole URL"),
        pytest.param({"target_url": "${secret:s}://x/"}, "target_url", "secret-in-host", "the scheme", id="scheme"),
        pytest.param({"target_url": "${secret:s}/x//y"}, "target_url", "secret-in-host", "the scheme", id="start"),
    ],
)
def test_where_a_reference_can_not_stand(fields: dict[str, Any], field: str, rule: str, message: str) -> None:
    spec, complaints = declare(BASE | fields, zone="UTC")
    assert spec is None
    assert [(one.field, one.rule) for one in complaints] == [(field, rule)]
    assert message in complaints[0].message


@pytest.mark.parametrize("text", ["${hunter2}", "${secret:hunter2 ", "${secret:hunter2/}", "${pw:hunter2}"])
def test_what_is_wrong_is_not_repeated(text: str) -> None:
    """Who gets the syntax wrong may have written the secret itself."""
    for fields in ({"headers": {"A": text}}, {"body": [text]}, {"target_url": f"https://x.test/{text.strip()}"}):
        _, complaints = declare(BASE | fields, zone="UTC")
        assert complaints
        assert "hunter2" not in str(complaints)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:${secret:pw}@x.test/run",
        "https://${secret:user}:${secret:pw}@x.test:8443",
        "https://x.test/${secret:a}/b?c=${secret:d}",
        "https://x.test?q=${secret:a}@h",
        "https://[::1]:80/${secret:a}",
        "https://x.test/?literal=$${x}",
    ],
)
def test_where_a_reference_can_stand(url: str) -> None:
    spec = spec_of(target_url=url, headers={"Authorization": "Bearer ${secret:t}"}, body={"a": ["${secret:b}"]})
    assert spec.target_url == url
    assert references_of(spec) == references([url]) | {"t", "b"}


def test_variables() -> None:
    assert variable_of("db-password") == "MYSCHEDULER_SECRET_DB_PASSWORD"
    assert variable_of("tls.key_2") == "MYSCHEDULER_SECRET_TLS_KEY_2"


GRANTS = Grants((Grant("team-*", ("api.x.test", "*.y.test:8443")), Grant("one", ("z.test",)), Grant("none", ())))


@pytest.mark.parametrize(
    ("name", "url", "is_allowed"),
    [
        pytest.param("team-a", "https://api.x.test/a", True, id="a host"),
        pytest.param("team-a", "http://u:p@API.X.TEST.:99/a", True, id="any port, any case, any user"),
        pytest.param("team-a", "https://x.test", False, id="not the host above"),
        pytest.param("team-a", "https://b.api.x.test", False, id="not the host below"),
        pytest.param("team-a", "https://api.x.test.evil.test", False, id="not what begins like it"),
        pytest.param("team-a", "https://api.x.test@evil.test", False, id="not the user of another"),
        pytest.param("team-a", "https://evil.test/?api.x.test", False, id="nor its path"),
        pytest.param("team-a", "https://a.b.y.test:8443", True, id="below"),
        pytest.param("team-a", "https://y.test:8443", False, id="what is above a pattern"),
        pytest.param("team-a", "https://evily.test:8443", False, id="no half labels"),
        pytest.param("team-a", "https://a.y.test", False, id="another port"),
        pytest.param("one", "https://z.test", True, id="a name"),
        pytest.param("one", "https://ｚ.test", True, id="the same name, written wide"),
        pytest.param("one", "https://api.x.test", False, id="a grant for others"),
        pytest.param("One", "https://z.test", False, id="case counts"),
        pytest.param("one", "http://z.test\\@evil.test/", False, id="a backslash, before which others end the host"),
        pytest.param("one", "http://evil.test\\@z.test/", False, id="a backslash, behind which we read on"),
        pytest.param("one", "http://z%2etest/", False, id="a percent sign in the host"),
        pytest.param("none", "https://z.test", False, id="no host"),
        pytest.param("other", "https://z.test", False, id="no grant"),
    ],
)
def test_grants(name: str, url: str, *, is_allowed: bool) -> None:
    spec = replace(spec_of(), target_url=url)  # some can't be declared any more, but may be stored
    assert (refused([name], GRANTS, spec) == ()) is is_allowed


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        pytest.param({"Host": "api.x.test"}, True, id="the same"),
        pytest.param({"host": "B.y.test:8443"}, True, id="another that is allowed"),
        pytest.param({"Host": "z.test"}, False, id="one of another secret"),
        pytest.param({"hOST": "evil.test"}, False, id="one of nobody"),
        pytest.param({"Host": "b.y.test"}, False, id="another port"),
        pytest.param({"Host": "api.x.test", "host": "evil.test"}, False, id="two"),
        pytest.param({"Host": "evil.test, api.x.test"}, False, id="a list"),
        pytest.param({"Host": "api.x.test@evil.test"}, False, id="a user"),
        pytest.param({"Host": "${secret:team-a}"}, False, id="a secret"),
        pytest.param({"X-Host": "evil.test"}, True, id="another header"),
    ],
)
def test_the_host_header_has_to_be_granted_too(headers: dict[str, str], *, is_allowed: bool) -> None:
    spec = replace(spec_of(target_url="https://api.x.test"), headers={"A": "${secret:team-a}"} | headers)
    told = refused(["team-a"], GRANTS, spec)
    assert (told == ()) is is_allowed
    assert "evil" not in str(told)
    assert {one.rule for one in not_allowed(spec, GRANTS)} == (set() if is_allowed else {"secret-not-allowed"})


def test_without_secrets_a_host_header_is_free() -> None:
    assert list(not_allowed(spec_of(headers={"Host": "evil.test"}), GRANTS)) == []


def test_nothing_is_granted_by_default() -> None:
    spec = spec_of(headers={"A": "${secret:a}"}, body=["${secret:b}"])
    assert [(one.field, one.rule) for one in not_allowed(spec, Grants())] == [
        ("headers.A", "secret-not-allowed"),
        ("body.0", "secret-not-allowed"),
    ]
    assert list(not_allowed(spec_of(), Grants())) == []


def test_a_refusal_says_what_would_be_allowed() -> None:
    (told,) = refused(["one"], GRANTS, spec_of(target_url="https://user:pw@evil.test/path"))
    assert "secret 'one' may not be sent to evil.test:443" in told
    assert "allows this one only for z.test" in told
    (told,) = refused(["other"], GRANTS, spec_of(target_url="https://evil.test"))
    assert "allows this one for no host" in told


def test_a_port_that_is_the_default_of_the_scheme() -> None:
    grants = Grants((Grant("a", ("x.test:443",)),))
    assert refused(["a"], grants, spec_of(target_url="https://x.test")) == ()
    assert refused(["a"], grants, spec_of(target_url="http://x.test")) != ()


@pytest.mark.parametrize("host", ["", "*", "a*.test", "https://x.test", "x.test/a", "u@x.test", "x:y", "*.", "x y"])
def test_patterns_that_are_none(host: str) -> None:
    with pytest.raises(ValueError, match=r"is not a host|is more than a host"):
        Grant("a", (host,))


def test_a_grant_with_a_scope_is_for_the_jobs_in_it() -> None:
    grants = Grants((Grant("a", ("x.test",), parse_scope({"labels": {"team": "billing"}, "ids": ["b-*"]})),))
    ours = replace(spec_of(target_url="https://x.test"), job_id="b-1", labels={"team": "billing"})
    assert refused(["a"], grants, ours) == ()
    assert refused(["a"], grants, replace(ours, labels={"team": "ops"})) != ()
    (told,) = refused(["a"], grants, replace(ours, job_id="c-1"))
    assert "for no host" in told
    assert grants.scoped == grants
    assert Grants((Grant("a", ("x.test",)),)).scoped == Grants()
