"""What selects jobs: patterns of ids, labels, text."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.job.selection import LabelFilter, Selection, folded, id_pattern, search_text
from tests.support.parts import spec


@pytest.mark.parametrize(
    ("pattern", "job_id", "matches"),
    [
        ("a", "a", True), ("a", "ab", False), ("", "", True), ("", "a", False), ("*", "", True), ("*", "夜間", True),
        ("billing-*", "billing-", True), ("billing-*", "Billing-1", False), ("*間*", "夜間バッチ", True),
        ("a*a", "a", False), ("a*b*a", "aba", True), ("a*b*a", "aa", False), ("[ab]", "a", False),
        ("[ab]", "[ab]", True), ("a?", "ab", False), ("**", "x", True), ("a.c", "abc", False),
    ],
)  # fmt: skip
def test_patterns(pattern: str, job_id: str, matches: bool) -> None:
    assert id_pattern(pattern)(job_id) is matches


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_stars_mean_what_they_mean_to_a_shell(pattern: str, job_id: str) -> None:
    assert id_pattern(pattern)(job_id) is fnmatchcase(job_id, pattern)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not id_pattern("*a" * 120 + "b*c")("a" * 255)


@pytest.mark.parametrize(
    ("text", "found_in"),
    [("ABC", "ａｂｃ"), ("バッチ", "ﾊﾞｯﾁ"), ("straße", "STRASSE"), ("㈱", "(株)"), ("é", "E\u0301"), ("ΐ", "Ϊ\u0301")],
)
def test_what_a_search_ignores(text: str, found_in: str) -> None:
    assert folded(text) == folded(found_in)


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_a_search_looks_at_one_field_at_a_time() -> None:
    text = search_text(
        spec("A-1", name="請求 Batch", target_url="https://Example.com/X", labels={"team": "B", "x": ""})
    )
    assert text == "a-1\n請求 batch\nhttps://example.com/x\nteam=b\nx="


def test_each_part_of_a_selection_has_to_match() -> None:
    matches = Selection({"team": "a"}, ("x-*", "y"), "NAME").matcher()
    assert matches("x-1", {"team": "a", "more": "b"}, "x-1\nname")
    assert not matches("x-1", {"team": "b"}, "name")
    assert not matches("z", {"team": "a"}, "name")
    assert not matches("y", {"team": "a"}, "other")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("team", LabelFilter("team", None)), ("team=", LabelFilter("team", "")), ("a=b=c", LabelFilter("a", "b=c")),
        ("", None), ("=a", None), ("a\n=b\n", LabelFilter("a\n", "b\n")),
    ],
)  # fmt: skip
def test_filters_of_labels(text: str, parsed: LabelFilter | None) -> None:
    assert LabelFilter.parse(text) == parsed


def test_a_search_finds_no_credentials() -> None:
    fields = {"name": "token=s3cretvalue", "labels": {"note": "password=s3cretvalue"}}
    found = search_text(spec("a", target_url="https://u:s3cretvalue@x.test/?access_token=s3cretvalue", **fields))
    assert "s3cret" not in found
    assert "access_token=" in found
