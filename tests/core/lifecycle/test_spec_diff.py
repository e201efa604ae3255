"""What differs between two specs, as reviewers and auditors see it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.job.digest import digest
from myscheduler.core.lifecycle.spec_diff import spec_changes
from tests.support.parts import spec

HOURLY = {"cron": "0 * * * *"}


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[tuple[str, Any, Any]]:
    old, new = (None if fields is None else spec("a", **(HOURLY | fields)) for fields in (before, after))
    return [(one.field, one.before, one.after) for one in spec_changes(old, new)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param({}, {}, [], id="nothing"),
        pytest.param({}, {"cron": "5 * * * *"}, [("cron.minute", "0", "5")], id="one field of a cron"),
        pytest.param(
            {}, {"cron": None, "interval": {"hours": 1}},
            [("cron.minute", "0", None), ("cron.hour", "*", None), ("cron.day", "*", None), ("cron.month", "*", None),
             ("cron.day_of_week", "*", None), ("interval.hours", None, 1)], id="another kind",
        ),
        pytest.param({}, {"headers": {"Accept": "a"}}, [("headers.Accept", None, "a")], id="a header more"),
        pytest.param({"labels": {"team": "経理"}}, {}, [("labels.team", "経理", None)], id="a label less"),
        pytest.param(
            {"headers": {"Authorization": "Bearer abc"}}, {"headers": {"Authorization": "Bearer def"}},
            [("headers.Authorization", "Bearer ••••", "Bearer ••••")], id="a changed credential is told, and not shown",
        ),
        pytest.param(
            {"headers": {"Authorization": "Bearer abc"}}, {"headers": {"Authorization": "Bearer ${secret:x}"}},
            [("headers.Authorization", "Bearer ••••", "Bearer ${secret:x}")], id="a reference is shown",
        ),
        pytest.param({"body": {"a": 1}}, {"body": {"a": True}}, [("body.a", 1, True)], id="true is not 1"),
        pytest.param({"body": {"a": {}}}, {"body": {"a": None}}, [("body.a", {}, None)], id="empty is not null"),
        pytest.param(
            {"body": {"a": None}}, {"body": {}}, [("body.a", None, None), ("body", None, {})], id="null is not nothing"
        ),
        pytest.param({"paused": True}, {}, [("paused", True, None)], id="paused"),
        pytest.param(
            None, {"method": "POST", "cron": None, "interval": {"hours": 1}},
            [("target_url", None, "http://127.0.0.1:9/"), ("method", None, "POST"), ("interval.hours", None, 1)],
            id="a new job tells what it says",
        ),
        pytest.param(
            {"cron": None, "interval": {"hours": 1}}, None,
            [("target_url", "http://127.0.0.1:9/", None), ("interval.hours", 1, None)], id="so does one that goes",
        ),
    ],
)  # fmt: skip
def test_changes(before: dict[str, Any] | None, after: dict[str, Any] | None, told: list[tuple[str, Any, Any]]) -> None:
    assert changes(before, after) == told


def test_a_body_of_any_depth_is_told() -> None:
    deep: Any = "end"
    for _ in range(600):  # as older versions stored it
        deep = {"a": deep}
    before, after = (replace(spec("a"), body={"x": x, "deep": deep}) for x in (1, 2))
    (change,) = spec_changes(before, after)
    assert (change.field, change.before, change.after) == ("body.x", 1, 2)


_SCALARS = st.none() | st.booleans() | st.integers(0, 2)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["GET", "POST"]),
        "max_retries": st.integers(0, 3),
        "paused": st.booleans(),
        "headers": st.dictionaries(st.sampled_from(["A", "B"]), st.sampled_from(["1", "2"])),
        "body": st.recursive(_SCALARS, lambda inner: st.dictionaries(st.sampled_from("ab"), inner)),
    },
)


@given(before=_FIELDS, after=_FIELDS)
def test_something_is_told_exactly_where_the_digest_changes(before: dict[str, Any], after: dict[str, Any]) -> None:
    same = digest(spec("a", **(HOURLY | before))) == digest(spec("a", **(HOURLY | after)))
    assert (changes(before, after) == []) is same
