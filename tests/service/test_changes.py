"""What changed since a sequence number, and when that is not known."""

from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.service.changes import KEPT, Changes

START = datetime(2027, 3, 1, tzinfo=UTC)


def test_each_id_is_told_once() -> None:
    changes = Changes(START)
    begin = changes.seq
    changes.of_executions(["a", "b"], ["x", "y"], wrong=[])
    middle = changes.seq
    changes.of_executions(["a"], ["x"], wrong=[])
    changes.of_catalog(["c"])
    changes.of_source(["d"])
    whole, later = changes.since(begin), changes.since(middle)
    assert whole is not None
    assert later is not None
    assert (sorted(whole.jobs), sorted(whole.executions)) == (["a", "b", "c", "d"], ["x", "y"])
    assert (sorted(later.jobs), sorted(later.executions)) == (["a", "c", "d"], ["x"])
    assert whole.has_source_changed


def test_nothing_new() -> None:
    changes = Changes(START)
    changes.of_jobs(["a"])
    seq = changes.seq
    changes.of_executions([], [], wrong=[])
    found = changes.since(seq)
    assert found is not None
    assert [*found.jobs, *found.executions] == []
    assert not found.has_source_changed
    assert changes.seq == seq


def test_what_went_wrong_has_a_number() -> None:
    changes = Changes(START)
    changes.of_executions(["a"], ["x"], wrong=[])
    before = changes.wrong
    changes.of_executions(["a"], ["x"], wrong=["a"])
    assert (before, changes.wrong) == (0, 1)


def test_the_jobs_with_which_something_went_wrong_are_known() -> None:
    changes = Changes(START)
    changes.of_executions(["a"], ["x"], wrong=["a"])
    number = changes.number
    changes.of_executions(["b", "c"], ["y", "z"], wrong=["c"])
    changes.of_jobs(["d"])
    assert changes.wrong_since(number) == frozenset({"c"})
    assert changes.wrong_since(0) == frozenset({"a", "c"})
    assert changes.wrong_since(number + 100) is None


def test_incidents_have_a_number_and_are_changes_of_their_jobs() -> None:
    changes = Changes(START)
    first, number = changes.seq, changes.number
    changes.of_incidents(["a"])
    assert (changes.incidents, changes.jobs_since(number)) == (1, frozenset({"a"}))
    second = changes.seq
    changes.of_incidents()  # how it goes to tell people
    assert changes.incidents == 2
    assert len({first, second, changes.seq}) == 3


def test_only_changes_of_jobs_make_another_catalog() -> None:
    changes = Changes(START)
    changes.of_executions(["a"], ["x"], wrong=[])
    changes.of_source()
    before = changes.catalog
    changes.of_catalog(["a"])
    assert (before, changes.catalog) == (0, 1)


@pytest.mark.parametrize(
    "seq",
    [
        pytest.param(Changes(START + timedelta(microseconds=1)).seq, id="of another process"),
        pytest.param(Changes(START).seq.replace("-0", "-7"), id="not given out yet"),
        pytest.param(Changes(START).seq.replace("-0", "--1"), id="negative"),
        pytest.param(Changes(START).seq.replace("-0", "-²"), id="not ASCII"),
        pytest.param(Changes(START).seq.replace("-0", f"-{10**30}"), id="huge"),
        pytest.param("", id="empty"),
    ],
)
def test_numbers_that_are_not_known(seq: str) -> None:
    changes = Changes(START)
    changes.of_jobs(["a"])
    assert changes.since(seq) is None


def test_old_changes_are_dropped() -> None:
    changes = Changes(START)
    begin = changes.seq
    changes.of_jobs(["old"])
    second = changes.seq
    ids = [f"job-{number}" for number in range(KEPT - 2)]
    changes.of_jobs(ids[: KEPT // 2])
    assert changes.since(begin) is not None
    changes.of_jobs(ids[KEPT // 2 :])
    assert changes.since(begin) is None
    found = changes.since(second)
    assert found is None or "old" not in found.jobs


def test_a_batch_that_is_too_large_leaves_nothing_to_tell() -> None:
    changes = Changes(START)
    begin = changes.seq
    changes.of_jobs([f"job-{number}" for number in range(KEPT + 1)])
    assert changes.since(begin) is None
    assert changes.since(changes.seq) is not None


def test_the_jobs_after_a_number() -> None:
    changes = Changes(START)
    changes.of_jobs(["a"])
    number = changes.number
    assert changes.jobs_since(number) == frozenset()
    changes.of_executions(["b", "c"], ["x"], wrong=[])
    changes.of_jobs(["b"])
    assert sorted(changes.jobs_since(number) or ()) == ["b", "c"]
    assert changes.jobs_since(changes.number + 1) is None
    assert changes.jobs_since(-1) is None
    changes.of_jobs(map(str, range(KEPT)))
    assert changes.jobs_since(number) is None
