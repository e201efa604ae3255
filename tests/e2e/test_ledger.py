"""The judge of the crash test: it is only worth something when it can fail."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.ledger import (
    SECOND,
    Facts,
    Got,
    Row,
    judge,
)


def honest() -> tuple[Facts, list[Row], list[Got]]:
    """A job with a slot that ran at the second try, two that were skipped, one that a kill caught, and a manual run."""
    job = Facts("a", SECOND, 0, 10 * SECOND, 14 * SECOND, max_retries=1, execution_count=3)
    rows = [
        row_of("1", 11, "completed", attempts=2, http_status=200),
        replace(row_of("2", 12, "skipped", reason="overlap"), last_slot=13 * SECOND, slot_count=2, started_at=None),
        row_of("3", 14, "interrupted", reason="crash"),
        replace(row_of("4", 14, "completed", attempts=1, http_status=200), kind="manual", slot=14 * SECOND + 7),
    ]
    got = [got_of("1", 11, 1, 503), got_of("1", 11, 2, 200), got_of("3", 14, 1, None)]
    return job, rows, [*got, replace(got_of("4", 14, 1, 200), slot=14 * SECOND + 7)]


def row_of(
    name: str, second: int, status: str, *, reason: str | None = None, attempts: int = 0, http_status: int | None = None
) -> Row:
    slot = second * SECOND
    return Row(name, "a", slot, "scheduled", status, reason, slot, 1, slot, attempts, http_status)


def got_of(name: str, second: int, attempt: int, status: int | None) -> Got:
    return Got(name, name, "a", second * SECOND, attempt, status)


def test_the_judge_has_nothing_against_an_honest_ledger() -> None:
    job, rows, got = honest()
    assert judge([job], rows, got, crashed={"3"}) == []


def without(index: int, rows: list[Row], got: list[Got]) -> tuple[list[Row], list[Got]]:
    return [row for row in rows if row is not rows[index]], [
        one for one in got if one.execution_id != rows[index].execution_id
    ]


@pytest.mark.parametrize(
    ("tamper", "rule"),
    [
        pytest.param(lambda rows, got: without(0, rows, got), "hole", id="the first slot is missing"),
        pytest.param(lambda rows, got: without(1, rows, got), "hole", id="slots between are missing"),
        pytest.param(lambda rows, got: without(2, rows, got), "hole", id="the last slot is missing"),
        pytest.param(lambda rows, got: ([*rows, row_of("9", 12, "missed")], got), "overlap", id="a slot stands twice"),
        pytest.param(lambda rows, got: ([row_of("9", 10, "missed"), *rows], got), "overlap", id="before the creation"),
        pytest.param(lambda rows, got: ([*rows, row_of("9", 15, "missed")], got), "beyond", id="after the cursor"),
        pytest.param(lambda rows, got: (changed(rows, 1, slot_count=3), got), "count", id="a wrong count"),
        pytest.param(lambda rows, got: (rows, [*got, got[0]]), "twice", id="an attempt was received twice"),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("1", 11, 3, 200)]), "attempts", id="more attempts than allowed"
        ),
        pytest.param(lambda rows, got: (rows, got[1:]), "attempts", id="an attempt was left out"),
        pytest.param(
            lambda rows, got: (rows, [replace(got[0], key="other"), *got[1:]]), "key", id="a retry with another key"
        ),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("5", 12, 1, 200)]), "unrecorded", id="a request without a row"
        ),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("2", 12, 1, 200)]), "unrecorded", id="a skipped slot was sent"
        ),
        pytest.param(
            lambda rows, got: (rows, [*got, got_of("3", 12, 1, 200)]), "unrecorded", id="sent for another slot"
        ),
        pytest.param(lambda rows, got: (changed(rows, 0, status="failed"), got), "untrue", id="a success as a failure"),
        pytest.param(
            lambda rows, got: (rows, [got[0], got_of("1", 11, 2, None), *got[2:]]), "untrue", id="a success not seen"
        ),
        pytest.param(lambda rows, got: (changed(rows, 2, reason="shutdown"), got), "crash", id="a kill not told"),
        pytest.param(lambda rows, got: (changed(rows, 3, reason="crash"), got), "crash", id="a kill that never was"),
        pytest.param(lambda rows, got: (changed(rows, 2, status="running"), got), "running", id="never ended"),
        pytest.param(lambda rows, got: (changed(rows, 1, started_at=1), got), "counted", id="counted wrongly"),
        pytest.param(lambda rows, got: (changed(rows, 1, job_id="b"), got), "unknown", id="an unknown job"),
    ],
)
def test_the_judge_finds(tamper: Callable[[list[Row], list[Got]], tuple[list[Row], list[Got]]], rule: str) -> None:
    job, rows, got = honest()
    rows, got = tamper(rows, got)
    findings = judge([job], rows, got, crashed={"3"})
    assert rule in {finding.partition(":")[0] for finding in findings}


def test_the_judge_allows_a_resend_only_where_the_job_asks_for_it() -> None:
    job, rows, got = honest()
    rows = changed(rows, 2, status="completed", reason=None, attempts=3, http_status=200)
    got.append(got_of("3", 14, 3, 200))
    assert judge([replace(job, resends=True)], rows, got, crashed={"3"}) == []
    assert {finding.partition(":")[0] for finding in judge([job], rows, got, crashed={"3"})} == {"attempts", "crash"}


def changed(rows: list[Row], index: int, **values: Any) -> list[Row]:
    return [replace(row, **values) if row is rows[index] else row for row in rows]
