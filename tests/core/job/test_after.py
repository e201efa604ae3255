"""What a job runs after, as it is stored."""

from typing import Any

import pytest

from myscheduler.core.job.after import after_from_json, after_to_json
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.digest import digest
from tests.support.chains import after
from tests.support.parts import spec

FIELDS: dict[str, dict[str, Any]] = {
    "one": {"after": [{"job": "a"}]},
    "as usual": {"after": [{"job": "a", "on": "success"}], "join": "all", "if_skipped": "skip"},
    "failure": {"after": [{"job": "a", "on": "failure"}]},
    "two": {"after": [{"job": "a"}, {"job": "b", "on": "always"}]},
    "any": {"after": [{"job": "a"}, {"job": "b", "on": "always"}], "join": "any"},
    "bypass": {"after": [{"job": "a"}], "if_skipped": "run"},
    "when": {"after": [{"job": "a"}], "when": {"job": "a", "json": {"/rows": {"gt": 0}, "/ok": True}}},
    "zone": {"after": [{"job": "a"}], "timezone": "Europe/Berlin"},
}


@pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS.keys())
def test_it_is_stored_and_read(fields: dict[str, Any]) -> None:
    declared = spec("x", **fields)
    assert from_json(to_json(declared)) == declared
    assert digest(from_json(to_json(declared))) == digest(declared)
    assert declared.schedule_type == "after"


def test_digests_tell_apart_what_differs() -> None:
    digests = {name: digest(spec("x", **fields)) for name, fields in FIELDS.items()}
    assert digests.pop("as usual") == digests["one"]
    assert len(set(digests.values())) == len(digests)


def test_usual_values_are_left_out() -> None:
    assert after_to_json(after("a")) == {"after": [{"job": "a"}]}
    every = after("a:failure", "b:always", join="any", when="b", if_skipped="run")
    assert after_to_json(every) == {
        "after": [{"job": "a", "on": "failure"}, {"job": "b", "on": "always"}],
        "join": "any",
        "when": {"job": "b", "json": {"/rows": {"gt": 0}}},
        "if_skipped": "run",
    }
    assert after_from_json(after_to_json(every)) == every


@pytest.mark.parametrize(
    "fields",
    [
        {"requires": [{"job": "close-day", "within": "PT12H"}]},
        {"extract": {"rows": "/result/rows", "all": ""}},
        {"chain_timeout_sec": 3600},
    ],
)
def test_what_is_declared_beside_a_schedule_is_stored_too(fields: dict[str, Any]) -> None:
    declared, plain = spec("x", **fields), spec("x")
    assert from_json(to_json(declared)) == declared
    assert digest(declared) != digest(plain)
    assert not fields.keys() & to_json(plain).keys(), "the digests of jobs without it stay as they were"
