"""When jobs that run after others are expected to start."""

from datetime import timedelta

import pytest

from myscheduler.core.chains import expected as module
from myscheduler.core.chains.expected import expected
from myscheduler.core.chains.graph import Graph
from myscheduler.core.job.after import DeclaredAfter
from tests.support.chains import after

USUAL = timedelta(seconds=60)
TOOK = {"a": timedelta(seconds=10), "b": timedelta(seconds=200), "c": timedelta(seconds=30)}


@pytest.mark.parametrize(
    ("afters", "stopped", "delays"),
    [
        pytest.param({"b": after("a"), "c": after("b")}, "", "b a+10, c a+210", id="one after the other"),
        pytest.param({"b": after("x")}, "", "b x+60", id="a length that is not known"),
        pytest.param(
            {"b": after("a"), "c": after("a"), "d": after("b", "c")}, "", "b a+10, c a+10, d a+210", id="all: the last"
        ),
        pytest.param(
            {"b": after("a"), "c": after("a"), "d": after("b", "c", join="any")},
            "",
            "b a+10, c a+10, d a+40",
            id="any: the first",
        ),
        pytest.param({"c": after("a", "b", join="any")}, "", "c a+10, c b+200", id="two beginnings"),
        pytest.param({"b": after("a:failure"), "c": after("a:always")}, "", "c a+10", id="nothing fails"),
        pytest.param({"b": after("a:failure"), "c": after("b", if_skipped="run")}, "", "c a+10", id="a bypass"),
        pytest.param({"b": after("a"), "c": after("b")}, "b", "", id="paused in the middle"),
        pytest.param({"b": after("a"), "c": after("b", if_skipped="run")}, "b", "c a+10", id="paused, with a bypass"),
        pytest.param({"b": after("a")}, "a", "", id="paused at the beginning"),
        pytest.param({"a": after("b"), "b": after("a")}, "", "", id="a cycle"),
    ],
)
def test_table(afters: dict[str, DeclaredAfter], stopped: str, delays: str) -> None:
    found = expected(Graph(afters), TOOK, USUAL, stopped).delays
    shown = [f"{job} {root}+{delay.total_seconds():g}" for job in sorted(found) for root, delay in found[job].items()]
    assert ", ".join(shown) == delays


def test_what_is_assumed_is_named() -> None:
    found = expected(Graph({"b": after("a"), "c": after("x"), "d": after("c")}), TOOK, USUAL)
    assert (found.assumed, found.duration, found.left_out) == (("x",), USUAL, 0)


def test_there_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STARTS", 1)
    found = expected(Graph({f"c{number}": after(f"a{number}") for number in range(5)}), TOOK, USUAL)
    assert (len(found.delays), found.left_out) == (2, 3)
