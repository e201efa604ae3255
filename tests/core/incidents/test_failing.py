"""When failures begin an incident, and when it ends."""

from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.history.execution import Cause, Status
from myscheduler.core.incidents import failing
from myscheduler.core.incidents.past import Past
from myscheduler.core.incidents.thresholds import Thresholds
from myscheduler.core.reason import Reason

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
USUAL = Thresholds()
THREE = Thresholds(after_failures=3)
TWO_OF_FOUR = Thresholds(failures=2, of=4)

_ROWS = {
    "+": (Status.COMPLETED, None),
    "-": (Status.FAILED, None),
    "i": (Status.INTERRUPTED, Reason.CRASH),
    "r": (Status.INTERRUPTED, Reason.REPLACED),
    "c": (Status.INTERRUPTED, Reason.CANCELLED),
    "s": (Status.SKIPPED, Reason.OVERLAP),
    "m": (Status.MISSED, Reason.DEADLINE),
    ".": (Status.RUNNING, None),
}


def history(text: str) -> list[Past]:
    """The rows of `text`, which is oldest first, newest first."""
    rows = []
    for number, letter in enumerate(text):
        status, reason = _ROWS[letter]
        slot = NOON + timedelta(hours=number)
        rows.append(Past(f"{number:03}", slot, Cause.TIMER, status, reason, slot, slot, None, None))
    return rows[::-1]


@pytest.mark.parametrize(
    ("text", "thresholds", "begins"),
    [
        pytest.param("", USUAL, False, id="no history"),
        pytest.param("+", USUAL, False, id="a success"),
        pytest.param("-", USUAL, True, id="the first run fails"),
        pytest.param("-+", USUAL, False, id="a success after it"),
        pytest.param("+i", USUAL, True, id="an interrupted run counts"),
        pytest.param("+r", USUAL, True, id="a replaced run counts"),
        pytest.param("+c", USUAL, False, id="what a person cancelled does not"),
        pytest.param("+m", USUAL, False, id="missed slots are late, not failing"),
        pytest.param("-s", USUAL, True, id="a skipped slot changes nothing"),
        pytest.param("-.", USUAL, True, id="a run in progress changes nothing"),
        pytest.param("--", THREE, False, id="too few in a row"),
        pytest.param("---", THREE, True, id="enough in a row"),
        pytest.param("--s-", THREE, True, id="enough in a row around a skipped slot"),
        pytest.param("--+-", THREE, False, id="a success between starts anew"),
        pytest.param("-+++", TWO_OF_FOUR, False, id="too few of the last"),
        pytest.param("-+-+", TWO_OF_FOUR, True, id="flapping"),
        pytest.param("-+--", TWO_OF_FOUR, True, id="more than enough of the last"),
        pytest.param("--++++", TWO_OF_FOUR, False, id="older ones do not count"),
        pytest.param("--", TWO_OF_FOUR, True, id="enough though fewer ran"),
    ],
)
def test_when_an_incident_begins(text: str, thresholds: Thresholds, begins: bool) -> None:
    assert failing.begins(history(text), thresholds) is begins


@pytest.mark.parametrize(
    ("text", "thresholds", "is_over"),
    [
        pytest.param("-+", USUAL, True, id="a success"),
        pytest.param("--", USUAL, False, id="another failure"),
        pytest.param("-c", USUAL, False, id="a cancelled run is no success"),
        pytest.param("-", THREE, False, id="raised thresholds end nothing"),
        pytest.param("-+-+", TWO_OF_FOUR, False, id="a success among failures"),
        pytest.param("-+-++", TWO_OF_FOUR, True, id="fewer failures than begin one"),
        pytest.param("ss", USUAL, False, id="a history that says nothing"),
        pytest.param("", USUAL, False, id="a history that was removed"),
    ],
)
def test_when_an_incident_ends(text: str, thresholds: Thresholds, is_over: bool) -> None:
    assert failing.has_ended(history(text), thresholds) is is_over


def test_the_failures_that_count_are_those_since_the_last_success() -> None:
    assert [row.execution_id for row in failing.wrong_ones(history("-+-s-"), USUAL)] == ["004", "002"]


def test_as_many_rows_are_read_as_the_thresholds_look_at() -> None:
    needed = [failing.rows_needed(one) for one in (USUAL, Thresholds(after_failures=60), Thresholds(failures=1, of=80))]
    assert needed == [50, 120, 160]
