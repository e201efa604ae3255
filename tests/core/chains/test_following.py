"""What ends lead to: which jobs run next, and which do not."""

import itertools
from collections.abc import Mapping
from datetime import timedelta

from myscheduler.core.chains.following import Ended, Follower, follow
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.judging import End
from myscheduler.core.history.execution import Status
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.reason import Reason
from tests.support.chains import NOW, after

DONE, FAILED, RUNNING = Status.COMPLETED, Status.FAILED, Status.RUNNING


def followed(
    afters: Mapping[str, DeclaredAfter], *ended: Ended, chain: Mapping[str, Status] | None = None
) -> list[Follower]:
    """What follows, with what was recorded of the chain before."""
    ids = itertools.count(1)
    ends = {job_id: End(f"of-{job_id}", status) for job_id, status in (chain or {}).items()}
    return follow(Graph(afters), ended, ends_of=lambda _: ends, new_id=lambda: f"n{next(ids)}", now=NOW)


def end(job_id: str, status: Status = DONE, *, chain: str = "c", until_sec: float | None = None) -> Ended:
    until = None if until_sec is None else NOW + timedelta(seconds=until_sec)
    return Ended(chain, job_id, End(f"of-{job_id}", status), NOW, until)


def in_words(followers: list[Follower]) -> list[tuple[str, str | None, Reason | None]]:
    return [(one.job_id, one.parent_id, one.reason) for one in followers]


DIAMOND = {"b": after("a"), "c": after("a"), "d": after("b", "c"), "e": after("d")}


def test_all_children_of_one_end_follow_it_with_its_slot_and_chain() -> None:
    first, second = followed(DIAMOND, end("a"))
    assert in_words([first, second]) == [("b", "of-a", None), ("c", "of-a", None)]
    assert {(one.chain_id, one.slot, one.until) for one in (first, second)} == {("c", NOW, None)}
    assert len({first.execution_id, second.execution_id}) == 2


def test_what_does_not_run_keeps_all_below_it_from_running() -> None:
    assert in_words(followed(DIAMOND, end("a", FAILED))) == [
        ("b", "of-a", Reason.UPSTREAM_OUTCOME),
        ("c", "of-a", Reason.UPSTREAM_OUTCOME),
        ("d", "n1", Reason.UPSTREAM_SKIPPED),
        ("e", "n3", Reason.UPSTREAM_SKIPPED),
    ]


def test_a_join_waits_for_the_last_and_is_made_once() -> None:
    chain = {"a": DONE, "b": DONE, "c": RUNNING}
    assert followed(DIAMOND, end("b"), chain=chain) == []
    assert in_words(followed(DIAMOND, end("c"), chain=chain | {"c": DONE})) == [("d", "of-c", None)]
    assert in_words(followed(DIAMOND, end("b"), end("c"), chain=chain | {"c": DONE})) == [("d", "of-b", None)]
    assert followed(DIAMOND, end("c"), chain=chain | {"c": DONE, "d": RUNNING}) == []


def test_any_runs_exactly_once() -> None:
    afters = {"b": after("a"), "c": after("a"), "d": after("b", "c", join="any")}
    chain = {"a": DONE, "b": DONE, "c": RUNNING}
    assert in_words(followed(afters, end("b"), chain=chain)) == [("d", "of-b", None)]
    assert followed(afters, end("c"), chain=chain | {"c": DONE, "d": RUNNING}) == []


def test_the_parent_of_any_is_one_that_met_its_edge() -> None:
    afters = {"b": after("a"), "c": after("a"), "d": after("b", "c", join="any")}
    chain = {"a": DONE, "b": FAILED, "c": DONE}
    assert in_words(followed(afters, end("b", FAILED), end("c"), chain=chain)) == [("d", "of-c", None)]


def test_chains_never_mix() -> None:
    afters = {"b": after("a"), "c": after("a"), "d": after("b", "c")}
    ends = {"c1": {"a": DONE, "b": DONE, "c": RUNNING}, "c2": {"a": DONE, "b": RUNNING, "c": DONE}}
    found = follow(
        Graph(afters),
        [end("b", chain="c1"), end("c", chain="c2")],
        ends_of=lambda chain: {job_id: End(f"{chain}-{job_id}", status) for job_id, status in ends[chain].items()},
        new_id=lambda: "new",
        now=NOW,
    )
    assert found == []


def test_a_parent_that_is_in_no_run_of_the_chain_did_not_run() -> None:
    afters = {"b": after("a"), "d": after("b", "z")}
    assert in_words(followed(afters, end("a"), chain={"a": DONE})) == [("b", "of-a", None)]
    assert in_words(followed(afters, end("b"), chain={"a": DONE, "b": DONE})) == [
        ("d", "of-b", Reason.UPSTREAM_SKIPPED)
    ]


class TestLateEdits:
    def test_a_join_that_lost_a_parent_is_decided_at_the_next_end(self) -> None:
        chain = {"a": DONE, "b": DONE, "c": RUNNING, "x": DONE}
        edited = {"b": after("a"), "c": after("a"), "x": after("a"), "d": after("b", "x"), "e": after("c", "b")}
        found = followed(edited, end("c"), chain=chain | {"c": DONE})
        assert in_words(found) == [("e", "of-c", None), ("d", "of-b", None)]

    def test_a_join_with_a_parent_that_is_gone_is_not_left_open(self) -> None:
        edited = {"b": after("a"), "d": after("b", "gone")}
        found = followed(edited, end("b"), chain={"a": DONE, "b": DONE})
        assert in_words(found) == [("d", "of-b", Reason.UPSTREAM_SKIPPED)]

    def test_a_job_that_is_new_does_not_run_after_what_ended_before(self) -> None:
        edited = {"b": after("a"), "c": after("a"), "d": after("b", "c"), "new": after("a")}
        chain = {"a": DONE, "b": DONE, "c": DONE}
        assert [one.job_id for one in followed(edited, end("c"), chain=chain)] == ["d"]


class TestTimeout:
    def test_what_has_not_begun_by_then_is_skipped(self) -> None:
        assert in_words(followed(DIAMOND, end("a", until_sec=0)))[:2] == [
            ("b", "of-a", Reason.CHAIN_TIMEOUT),
            ("c", "of-a", Reason.CHAIN_TIMEOUT),
        ]
        assert [one.reason for one in followed(DIAMOND, end("a", until_sec=0.001))] == [None, None]

    def test_why_a_job_would_not_run_anyway_says_more(self) -> None:
        assert {one.reason for one in followed({"b": after("a")}, end("a", FAILED, until_sec=0))} == {
            Reason.UPSTREAM_OUTCOME
        }


def test_a_cycle_comes_to_an_end() -> None:
    cycle = {"a": after("c:always", if_skipped="run"), "b": after("a"), "c": after("b")}
    assert len(followed(cycle, end("a", FAILED))) <= 3
    chain = {"a": DONE, "b": DONE, "c": DONE}
    joined = cycle | {"d": after("a", "b")}
    assert in_words(followed(joined, end("c"), chain=chain)) == [("d", "of-a", None)]
