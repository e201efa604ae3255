"""`access.yaml`, as the API asks it: what closes the API, and that it stays closed."""

from datetime import UTC, datetime
from typing import cast

from myscheduler.api.door.authentication import Declarations
from myscheduler.core.access.access_file import NO_ACCESS, AccessRules, read_access
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.service.access.jwt_verifier import JwtVerifier

TOKEN = "{name: a, id: abcdefghij234567, hash: '" + "0" * 64 + "', role: admin}"


def rules(text: str) -> AccessRules:
    return read_access(SourceFile("access.yaml", text.encode(), "digest"))


def test_taking_all_rights_away_does_not_open_the_api() -> None:
    now = [NO_ACCESS]
    declared = Declarations(lambda: now[0], cast("JwtVerifier", None), now=lambda: datetime.now(UTC))
    assert not declared().is_in_use
    for text in (f"tokens: [{TOKEN}]", "{}", "tokens: ["):
        now[0] = rules(text)
        assert declared().is_in_use, text
    now[0] = NO_ACCESS
    assert declared().is_in_use, "the file is gone"
    assert not declared().tokens


def test_a_file_without_rules_closes_it_at_once() -> None:
    declared = Declarations(lambda: rules("{}"), cast("JwtVerifier", None), now=lambda: datetime.now(UTC))
    assert declared().is_in_use
