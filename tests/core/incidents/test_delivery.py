"""What is sent to a channel of what waits for it, and when it is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.incidents.delivery import (
    GIVEN_UP_AFTER,
    LONGEST_BACKOFF,
    LONGEST_RETRY_AFTER,
    WAIT,
    Delivery,
    Failed,
    chosen,
    compose,
    next_try,
    ready_at,
)
from myscheduler.core.incidents.notice import NoticeKind

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BEGAN, REMINDER, RECOVERED, CLOSED = NoticeKind.BEGAN, NoticeKind.REMINDER, NoticeKind.RECOVERED, NoticeKind.CLOSED


def notice(number: int, incident: str, kind: NoticeKind = BEGAN, **fields: object) -> Delivery:
    at = NOON + number * SECOND
    given = {"next_at": at + WAIT} | fields
    return Delivery(f"d{number:02}", incident, "chat", kind, at, **given)  # type: ignore[arg-type]


class TestWhen:
    def test_nothing_waits(self) -> None:
        assert ready_at([]) is None

    def test_the_first_notice_waits_for_others(self) -> None:
        assert ready_at([notice(0, "a"), notice(20, "b")]) == NOON + WAIT

    def test_a_message_that_failed_goes_first_at_its_own_time(self) -> None:
        failed = notice(0, "a", message_id="m", next_at=NOON + timedelta(minutes=10))
        assert ready_at([failed, notice(1, "b")]) == NOON + timedelta(minutes=10)


class TestWhat:
    def test_all_that_waits_becomes_one_message(self) -> None:
        waiting = [notice(0, "a"), notice(29, "b")]
        assert chosen(waiting, 10) == waiting

    def test_but_not_more_than_the_channel_takes_at_once(self) -> None:
        waiting = [notice(0, "a"), notice(1, "b"), notice(2, "c")]
        assert chosen(waiting, 2) == waiting[:2]

    def test_a_message_that_was_composed_before_stays_as_it_is(self) -> None:
        """Its receiver then recognises it by its id."""
        waiting = [notice(0, "a", message_id="m"), notice(1, "b", message_id="m"), notice(2, "c")]
        assert chosen(waiting, 1) == waiting[:2]

    def test_of_an_incident_only_the_last_notice_is_told(self) -> None:
        waiting = [notice(0, "a"), notice(1, "b"), notice(2, "a", REMINDER), notice(3, "a", RECOVERED)]
        found = compose(waiting, told=(), stored={"a", "b"})
        assert [one.delivery_id for one in found.told] == ["d03", "d01"]
        assert [one.delivery_id for one in found.merged] == ["d00", "d02"]

    def test_a_recovery_is_told_where_its_beginning_was(self) -> None:
        found = compose([notice(0, "a", RECOVERED)], told={"a"}, stored={"a"})
        assert [one.kind for one in found.told] == [RECOVERED]

    @pytest.mark.parametrize("kind", [RECOVERED, REMINDER])
    def test_and_not_elsewhere(self, kind: NoticeKind) -> None:
        found = compose([notice(0, "a", kind)], told=(), stored={"a"})
        assert (found.told, len(found.withdrawn)) == ((), 1)

    def test_nothing_is_told_about_what_is_gone(self) -> None:
        found = compose([notice(0, "a"), notice(1, "b")], told=(), stored={"b"})
        assert [one.incident_id for one in found.told] == ["b"]
        assert [one.incident_id for one in found.withdrawn] == ["a"]

    @pytest.mark.parametrize(
        ("kind", "told", "is_told"),
        [
            pytest.param(BEGAN, (), False, id="a beginning is of no use any more"),
            pytest.param(REMINDER, {"a"}, False, id="nor is a reminder"),
            pytest.param(RECOVERED, {"a"}, True, id="a recovery is, where the beginning was told"),
            pytest.param(RECOVERED, (), False, id="and only there"),
            pytest.param(CLOSED, (), True, id="a close is only queued where it has to be told"),
        ],
    )
    def test_of_a_job_that_is_gone_only_the_end_is_told(self, kind: NoticeKind, told: set[str], is_told: bool) -> None:
        found = compose([notice(0, "a", kind)], told=told, stored={"a"}, orphaned={"a"})
        assert (len(found.told), len(found.withdrawn)) == (is_told, not is_told)


class TestAgain:
    @pytest.mark.parametrize(
        ("failed", "attempts", "pause"),
        [
            pytest.param(Failed("no"), 1, timedelta(seconds=5), id="soon"),
            pytest.param(Failed("no"), 3, timedelta(seconds=20), id="twice as long each time"),
            pytest.param(Failed("no"), 1_000, LONGEST_BACKOFF, id="but not for ever"),
            pytest.param(Failed("no", retry_after=timedelta(seconds=90)), 1, timedelta(seconds=90), id="as it asks"),
            pytest.param(Failed("no", retry_after=SECOND), 3, timedelta(seconds=20), id="not sooner than usual"),
            pytest.param(Failed("no", retry_after=timedelta(days=9)), 1, LONGEST_RETRY_AFTER, id="within limits"),
        ],
    )
    def test_when(self, failed: Failed, attempts: int, pause: timedelta) -> None:
        assert next_try(failed, attempts, at=NOON, now=NOON) == NOON + pause

    def test_not_what_is_refused(self) -> None:
        assert next_try(Failed("no", is_permanent=True), 1, at=NOON, now=NOON) is None

    def test_not_what_is_too_old(self) -> None:
        assert next_try(Failed("no"), 9, at=NOON, now=NOON + GIVEN_UP_AFTER) is None
