"""The schema of `access.yaml`: it accepts what is read without a problem, and marks what isn't."""

from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from myscheduler.core.access.access_file import ISSUER_KEYS, RULE_KEYS, TOKEN_KEYS, read_access
from myscheduler.core.access.access_schema import access_schema
from myscheduler.core.source.snapshot import SourceFile
from tests.core.access.test_access_file import GOOD

SCHEMA = access_schema()


def _is_valid(text: str) -> bool:
    values = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - text, as in YAML 1.2 dates are
    return bool(Draft202012Validator(SCHEMA).is_valid(values))


def test_it_is_a_schema_of_all_keys() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    token, issuer = (SCHEMA["properties"][name]["items"]["properties"] for name in ("tokens", "oidc"))
    assert (tuple(token), tuple(issuer)) == (TOKEN_KEYS, ISSUER_KEYS)
    assert tuple(issuer["rules"]["items"]["properties"]) == RULE_KEYS


@pytest.mark.parametrize("text", [GOOD, "{}", "tokens: []"])
def test_what_is_read_is_valid(text: str) -> None:
    assert (_is_valid(text), read_access(SourceFile.of("access.yaml", text.encode())).problems) == (True, ())


@pytest.mark.parametrize(
    "change",
    [
        ("role: viewer", "role: reader"),
        ("name: ci", "nam: ci"),
        ("id: abcdefghij234567", "id: ABCDEFGHIJ234567"),
        ("algorithms: [ES256, RS256, ES256]", "algorithms: [HS256]"),
        ("audience: myscheduler", "audience: []"),
        ("claim: groups", "claims: groups"),
        ('ids: ["a-*"]', "id: a"),
        ("https://keys", "keys"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_marked(change: tuple[str, str]) -> None:
    text = GOOD.replace(*change)
    found: Any = read_access(SourceFile.of("access.yaml", text.encode()))
    assert (_is_valid(text), found.has_errors) == (False, True)
