"""Scopes: which jobs they cover, and which ones can't be written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.access.scope import EVERYTHING, LONGEST_ENTRY, MOST_ENTRIES, ScopeError, parse_scope

BILLING = {"labels": {"team": "billing"}}


@pytest.mark.parametrize(
    ("written", "job_id", "labels", "covered"),
    [
        pytest.param(None, "a", {}, True, id="none"),
        pytest.param({}, "a", {"team": "x"}, True, id="nothing said"),
        pytest.param(BILLING, "a", {"team": "billing", "env": "prod"}, True, id="label"),
        pytest.param(BILLING, "a", {"team": "Billing"}, False, id="label in another case"),
        pytest.param(BILLING, "a", {"team": "billing2"}, False, id="label that begins alike"),
        pytest.param(BILLING, "a", {"Team": "billing"}, False, id="another label"),
        pytest.param(BILLING, "a", {}, False, id="no label"),
        pytest.param({"labels": {"team": ["a", "b"]}}, "x", {"team": "b"}, True, id="one of several values"),
        pytest.param({"labels": {"team": ["a", "b"]}}, "x", {"team": "a,b"}, False, id="the values together"),
        pytest.param({"labels": {"team": "*"}}, "x", {"team": "a"}, False, id="no globs in labels"),
        pytest.param({"labels": {"t": "a", "e": "p"}}, "x", {"t": "a", "e": "p"}, True, id="both labels"),
        pytest.param({"labels": {"t": "a", "e": "p"}}, "x", {"t": "a"}, False, id="one of two labels"),
        pytest.param({"ids": ["billing-*"]}, "billing-", {}, True, id="glob of nothing"),
        pytest.param({"ids": ["billing-*"]}, "billing-a/b", {}, True, id="glob of anything"),
        pytest.param({"ids": ["billing-*"]}, "Billing-a", {}, False, id="glob in another case"),
        pytest.param({"ids": ["billing-*"]}, "a-billing-a", {}, False, id="glob in the middle"),
        pytest.param({"ids": ["*-日次"]}, "billing-日次", {}, True, id="glob with Japanese"),
        pytest.param({"ids": ["a?"]}, "a日", {}, True, id="one character"),
        pytest.param({"ids": ["a?"]}, "a", {}, False, id="no character"),
        pytest.param({"ids": ["a[0-9]"]}, "a[0-9]", {}, True, id="brackets are themselves"),
        pytest.param({"ids": ["a[0-9]"]}, "a1", {}, False, id="brackets are no range"),
        pytest.param({"ids": ["[!a]*"]}, "b", {}, False, id="brackets exclude nothing"),
        pytest.param({"ids": ["[*]"]}, "[x]", {}, True, id="a glob in brackets"),
        pytest.param({"ids": ["a.b"]}, "axb", {}, False, id="dots are themselves"),
        pytest.param({"ids": ["a", "b"]}, "b", {}, True, id="one of several ids"),
        pytest.param({"ids": ["a\\*"]}, "a*", {}, False, id="a backslash escapes nothing"),
        pytest.param({**BILLING, "ids": ["b-*"]}, "b-1", {"team": "billing"}, True, id="label and id"),
        pytest.param({**BILLING, "ids": ["b-*"]}, "a-1", {"team": "billing"}, False, id="label without id"),
        pytest.param({**BILLING, "ids": ["b-*"]}, "b-1", {"team": "a"}, False, id="id without label"),
    ],
)
def test_which_jobs_are_covered(written: Any, job_id: str, labels: dict[str, str], covered: bool) -> None:
    assert parse_scope(written).covers(job_id, labels) is covered


def test_only_the_scope_of_nothing_said_is_everything() -> None:
    assert parse_scope(None) is EVERYTHING
    assert parse_scope({}).is_everything
    assert not parse_scope({"ids": ["*"]}).is_everything
    assert not parse_scope(BILLING).is_everything


@pytest.mark.parametrize(
    ("written", "loc"),
    [
        pytest.param([], (), id="a list"),
        pytest.param("billing-*", (), id="a text"),
        pytest.param(False, (), id="false"),
        pytest.param({"label": {"team": "a"}}, ("label",), id="a typo"),
        pytest.param({1: 2}, ("1",), id="a number as key"),
        pytest.param({"labels": {}}, ("labels",), id="no labels"),
        pytest.param({"labels": None}, ("labels",), id="nothing as labels"),
        pytest.param({"labels": ["team"]}, ("labels",), id="a list of labels"),
        pytest.param({"labels": {"team": []}}, ("labels", "team"), id="no values"),
        pytest.param({"labels": {"team": None}}, ("labels", "team", 0), id="nothing as value"),
        pytest.param({"labels": {"team": 7}}, ("labels", "team", 0), id="a number as value"),
        pytest.param({"labels": {"team": ["a", ""]}}, ("labels", "team", 1), id="an empty value"),
        pytest.param({"labels": {"": "a"}}, ("labels", ""), id="an empty name"),
        pytest.param({"labels": {7: "a"}}, ("labels", "7"), id="a number as name"),
        pytest.param({"labels": {"team": "a\ud800"}}, ("labels", "team", 0), id="half a character"),
        pytest.param({"labels": {"t": ["a"] * 60, "u": ["a"] * 60}}, ("labels",), id="many values"),
        pytest.param({"ids": []}, ("ids",), id="no ids"),
        pytest.param({"ids": None}, ("ids",), id="nothing as ids"),
        pytest.param({"ids": "billing-*"}, ("ids",), id="a text as ids"),
        pytest.param({"ids": ["a", 1]}, ("ids", 1), id="a number as id"),
        pytest.param({"ids": ["a\x00"]}, ("ids", 0), id="NUL"),
        pytest.param({"ids": ["a" * (LONGEST_ENTRY + 1)]}, ("ids", 0), id="a long id"),
        pytest.param({"ids": ["a"] * (MOST_ENTRIES + 1)}, ("ids",), id="many ids"),
    ],
)
def test_what_can_not_be_written(written: Any, loc: tuple[str | int, ...]) -> None:
    with pytest.raises(ScopeError) as refused:
        parse_scope(written)
    assert refused.value.loc == loc


ENTRIES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=10)
SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(ENTRIES, st.lists(ENTRIES, min_size=1, max_size=3), min_size=1, max_size=3),
        "ids": st.lists(ENTRIES, min_size=1, max_size=3),
    },
)


@given(SCOPES)
def test_a_scope_is_shown_as_it_is_written(written: dict[str, Any]) -> None:
    scope = parse_scope(written)
    assert scope.as_json() == written
    assert parse_scope(json.loads(json.dumps(scope.as_json()))) == scope


@given(SCOPES, ENTRIES, st.dictionaries(ENTRIES, ENTRIES, max_size=3))
def test_more_conditions_never_cover_more_jobs(written: dict[str, Any], job_id: str, labels: dict[str, str]) -> None:
    if parse_scope(written).covers(job_id, labels):
        for key, value in written.items():
            assert parse_scope({key: value}).covers(job_id, labels)


@given(ENTRIES.filter(lambda text: not {"*", "?"} & set(text)), ENTRIES)
def test_an_id_without_globs_covers_itself_alone(job_id: str, other: str) -> None:
    scope = parse_scope({"ids": [job_id]})
    assert scope.covers(job_id, {})
    assert scope.covers(other, {}) is (other == job_id)
