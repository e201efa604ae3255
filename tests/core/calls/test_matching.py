"""Matchers of JSON values."""

from typing import Any

import pytest

from myscheduler.core.calls.matching import MISSING, in_signs, matches, pointer_fault, unmet, value_at
from myscheduler.core.job.expect import At, matchers_from_json

DOCUMENT = {"ok": True, "count": 0, "items": [{"state": "done"}], "a/b": 1, "m~n": 2, "": 3, "x": None, "10": "key"}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        pytest.param("", DOCUMENT, id="whole"),
        pytest.param("/ok", True, id="key"),
        pytest.param("/items/0/state", "done", id="in a list"),
        pytest.param("/a~1b", 1, id="slash"),
        pytest.param("/m~0n", 2, id="tilde"),
        pytest.param("/", 3, id="empty key"),
        pytest.param("/x", None, id="null is there"),
        pytest.param("/10", "key", id="digits as a key"),
        pytest.param("/items/1", MISSING, id="beyond the list"),
        pytest.param("/items/-", MISSING, id="the place after the last"),
        pytest.param("/items/00", MISSING, id="leading zero"),
        pytest.param("/items/٠", MISSING, id="other digits"),
        pytest.param("/ok/x", MISSING, id="in a boolean"),
        pytest.param("/no", MISSING, id="no such key"),
    ],
)
def test_pointers(pointer: str, value: Any) -> None:
    assert value_at(DOCUMENT, pointer) is value or value_at(DOCUMENT, pointer) == value
    assert (value_at(DOCUMENT, pointer) is MISSING) is (value is MISSING)


@pytest.mark.parametrize(
    ("pointer", "is_wrong"),
    [("", False), ("/a~0~1", False), ("a", True), ("/a~", True), ("/~2", True), ("#/a", True), ("/a\n", True)],
)
def test_what_is_no_pointer(pointer: str, is_wrong: bool) -> None:
    assert pointer_fault(pointer) is is_wrong


@pytest.mark.parametrize(
    ("written", "good", "bad"),
    [
        pytest.param(True, [True], [1, "true", None, MISSING], id="true"),
        pytest.param(1, [1, 1.0], [True, "1", 2], id="one"),
        pytest.param(None, [None], [0, False, "", MISSING], id="null"),
        pytest.param([1, True], [[1, True]], [[1, 1], [True, 1], [1]], id="list"),
        pytest.param({"equals": {"a": 1}}, [{"a": 1}], [{"a": True}, {"a": 1, "b": 2}, {}], id="object"),
        pytest.param({"not": 0}, [1, "0", False, None], [0, 0.0, MISSING], id="not"),
        pytest.param({"in": ["a", 1]}, ["a", 1], ["b", True, MISSING], id="in"),
        pytest.param({"gt": 1}, [2, 1.5], [1, "2", True, None, [2], MISSING], id="gt"),
        pytest.param({"gte": 1, "lt": 3}, [1, 2.9], [0, 3], id="range"),
        pytest.param({"lte": 1}, [1, -5], [1.01], id="lte"),
        pytest.param({"exists": True}, [None, 0, ""], [MISSING], id="exists"),
        pytest.param({"exists": False}, [MISSING], [None, 0], id="exists not"),
        pytest.param(
            {"contains": "本"}, ["日本", ["本"], {"本": 0}], ["日", ["日本"], {}, 5, None], id="contains text"
        ),
        pytest.param({"contains": 1}, [[0, 1]], [[True], "1", {"1": 1}], id="contains a number"),
        pytest.param({"length": 2}, ["日本", [1, 2], {"a": 1, "b": 2}], ["a", 2, None, MISSING], id="length"),
        pytest.param({"length": {"gte": 1, "lt": 3}}, ["a", [1, 2]], ["", [1, 2, 3]], id="range of lengths"),
    ],
)
def test_matchers(written: Any, good: list[Any], bad: list[Any]) -> None:
    matchers = matchers_from_json(written)
    assert [one for one in good if not all(matches(one, each) for each in matchers)] == []
    assert [one for one in bad if all(matches(one, each) for each in matchers)] == []


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (True, "= true"),
        ("日次", '= "日次"'),
        ({"gt": 0}, "> 0"),
        ({"not": None}, "!= null"),
        ({"in": ["a", 1]}, 'in ["a", 1]'),
        ({"exists": False}, "not exists"),
        ({"length": {"gte": 1}}, "length >= 1"),
        ({"contains": "x" * 100}, f'contains "{"x" * 79}…'),
    ],
)
def test_conditions_in_signs(written: Any, text: str) -> None:
    (matcher,) = matchers_from_json(written)
    assert in_signs(matcher) == text


def test_the_first_condition_that_is_not_met() -> None:
    places = [At(pointer, matchers_from_json(one)) for pointer, one in {"/ok": True, "/count": {"gt": 0}}.items()]
    found = unmet(DOCUMENT, places)
    assert found is not None
    assert (found[0], found[1], found[2].operator) == ("/count", 0, "gt")
    assert unmet(DOCUMENT | {"count": 1}, places) is None
