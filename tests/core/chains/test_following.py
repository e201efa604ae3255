"""What ends lead to: which jobs run next, and which do not."""

import itertools
from collections.abc import Mapping
from datetime import timedelta

from myscheduler.core.chains.following import Ended, Follower, Place, follow, judge_again
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
    """A change of what jobs run after, while a chain goes on."""

    WIDE = DIAMOND | {"x": after("a")}
    CHAIN: Mapping[str, Status] = {"a": DONE, "b": DONE, "c": RUNNING, "x": RUNNING}

    def edited(self, **edits: DeclaredAfter | None) -> list[Follower]:
        """What is decided at once if these jobs of the diamond are declared so; `None` for one that is deleted."""
        left = {job_id: declared for job_id, declared in self.WIDE.items() if job_id not in edits}
        graph = Graph(left | {job_id: one for job_id, one in edits.items() if one is not None})
        ids = itertools.count(1)
        ends = {job_id: End(f"of-{job_id}", status) for job_id, status in self.CHAIN.items()}
        place, new_id = Place("c", NOW, None), lambda: f"n{next(ids)}"
        return judge_again(Graph(self.WIDE), graph, place, ends, new_id=new_id, now=NOW)

    def test_what_is_as_before_waits_on(self) -> None:
        assert self.edited() == self.edited(d=after("b", "c", join="all"), x=after("a:always")) == []

    def test_a_join_that_loses_its_last_open_edge_runs(self) -> None:
        assert in_words(self.edited(d=after("b"))) == [("d", "of-b", None)]
        assert in_words(self.edited(d=after("a", "b"))) == [("d", "of-b", None)]

    def test_one_that_waits_for_another_job_now_waits_for_that(self) -> None:
        assert self.edited(d=after("b", "x")) == []

    def test_one_that_waits_for_nothing_that_may_come_is_skipped_with_all_below_it(self) -> None:
        wanted = [("d", "of-b", Reason.UPSTREAM_SKIPPED), ("e", "n1", Reason.UPSTREAM_SKIPPED)]
        assert in_words(self.edited(d=after("b", "gone"))) == wanted
        assert in_words(self.edited(d=after("b", "gone", join="any"))) == [("d", "of-b", None)]
        assert in_words(self.edited(d=after("b", "gone", if_skipped="run"))) == [("d", "of-b", None)]

    def test_one_whose_parent_is_deleted_before_its_turn_is_skipped(self) -> None:
        chain = {"a": DONE, "b": RUNNING, "c": DONE, "d": DONE}
        deep = {"b": after("a"), "c": after("a"), "m": after("b"), "d": after("c", "m"), "e": after("d", "m")}
        left = {job_id: declared for job_id, declared in deep.items() if job_id != "m"}
        ends = {job_id: End(f"of-{job_id}", status) for job_id, status in chain.items()}
        found = judge_again(Graph(deep), Graph(left), Place("c", NOW, None), ends, new_id=lambda: "n", now=NOW)
        assert in_words(found) == [("e", "of-d", Reason.UPSTREAM_SKIPPED)]

    def test_another_outcome_that_is_wanted_counts_for_what_has_ended(self) -> None:
        assert in_words(self.edited(d=after("b:failure", "c")))[0] == ("d", "of-b", Reason.UPSTREAM_OUTCOME)

    def test_one_that_runs_after_nothing_of_the_chain_any_more_is_not_in_it(self) -> None:
        assert self.edited(d=None) == self.edited(d=after("y")) == self.edited(d=after("y"), e=after("d")) == []

    def test_those_below_a_changed_one_are_judged_after_it(self) -> None:
        """`a-leaf` comes first by its name, and has to wait for `d`."""
        edits = {"d": after("b"), "a-leaf": after("b", "d")}
        wide = {**self.WIDE, "a-leaf": after("b", "d")}
        ends = {job_id: End(f"of-{job_id}", status) for job_id, status in self.CHAIN.items()}
        found = judge_again(Graph(wide), Graph(wide | edits), Place("c", NOW, None), ends, new_id=lambda: "n", now=NOW)
        assert in_words(found) == [("d", "of-b", None)]

    def test_one_that_is_in_the_chain_already_leads_to_nothing_by_another_edge(self) -> None:
        edited = {"b": after("a"), "d": after("c"), "e": after("d")}
        chain = {"a": DONE, "b": DONE, "c": FAILED, "d": RUNNING}
        assert followed(edited, end("c", FAILED), chain=chain) == []

    def test_a_join_with_a_parent_that_is_gone_is_not_left_open(self) -> None:
        edited = {"b": after("a"), "d": after("b", "gone")}
        found = followed(edited, end("b"), chain={"a": DONE, "b": DONE})
        assert in_words(found) == [("d", "of-b", Reason.UPSTREAM_SKIPPED)]

    def test_a_job_that_is_new_does_not_run_after_what_ended_before(self) -> None:
        new = {"new": after("a"), "late": after("a", "b"), "later": after("new")}
        assert self.edited(**new) == []
        found = followed(self.WIDE | new, end("c"), chain={**self.CHAIN, "c": DONE})
        assert [one.job_id for one in found] == ["d"]

    def test_one_that_waits_for_a_job_that_is_new_is_skipped_if_that_comes_too_late(self) -> None:
        edits = {"new": after("b"), "d": after("b", "new")}
        assert in_words(self.edited(**edits))[0] == ("d", "of-b", Reason.UPSTREAM_SKIPPED)


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
    chain = {"a": DONE, "b": DONE}
    joined = cycle | {"d": after("a", "b")}
    assert in_words(followed(joined, end("b"), chain=chain)) == [("c", "of-b", None), ("d", "of-b", None)]


def test_two_that_wait_for_each_other_are_not_left_open() -> None:
    pair = {"b": after("a", "c"), "c": after("a", "b")}
    assert in_words(followed(pair, end("a"), chain={"a": DONE})) == [
        ("b", "of-a", Reason.UPSTREAM_SKIPPED),
        ("c", "n1", Reason.UPSTREAM_SKIPPED),
    ]
