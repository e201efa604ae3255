"""`calendars.yaml`: what it may say, and every problem with its place."""

import pytest

from myscheduler.core.manifest.calendars_file import NamedCalendars, read_calendars
from myscheduler.core.schedule.calendars import Calendar
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile
from myscheduler.errors import ScheduleError

GOOD = """\
tokyo-office:
  country: JP
  closed: [12-29/01-03, 2026-08-13]
factory: {closed: ["05-01"], open: ["2026-05-02"]}
"""


def _read(text: str) -> NamedCalendars:
    return read_calendars(SourceFile.of("calendars.yaml", text.encode()))


def test_what_it_says() -> None:
    named = _read(GOOD)
    assert named.problems == ()
    assert named.find("tokyo-office") == Calendar("JP", None, ("12-29/01-03", "2026-08-13"))
    assert named.find("factory") == Calendar(None, None, ("05-01",), ("2026-05-02",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a: {country: XX}", "1:14: error: a.country: 'XX' is not an ISO 3166 country code", id="country"),
        pytest.param("a: {closed: [12/29]}", "1:13: error: a.closed: '12/29' is not a day", id="day"),
        pytest.param(
            "a: {closed: 12-29}", "1:13: error: a.closed: has to be a list, such as [12-29/01-03]", id="no list"
        ),
        pytest.param("a: {contry: JP}", "1:13: error: a.contry: unknown key 'contry': did you mean", id="typo"),
        pytest.param("a: {country: NO}", "1:14: error: a.country: NO is a boolean to some", id="Norway"),
        pytest.param("a: 1", "1:4: error: a: has to be an object, such as {country: JP}", id="no object"),
        pytest.param("- a", "1:1: error: has to be a mapping of names to calendars", id="list"),
        pytest.param("a: [", "2:1: error: is not YAML", id="syntax"),
        pytest.param("a: {}\n---\nb: {}", "3:1: error: holds more than one document", id="two documents"),
        pytest.param("a: {}\na: {}", "2:1: error: a: appears twice in this mapping", id="twice"),
        pytest.param(
            f"{'a' * 256}: {{}}", f"1:259: error: {'a' * 60}…: the name of a calendar has at most 255", id="long name"
        ),
        pytest.param(
            "\n".join(f"c{number}: {{}}" for number in range(1_001)),
            "1:1: error: holds 1,001 calendars: the limit is 1,000",
            id="many",
        ),
    ],
)
def test_problems(text: str, problem: str) -> None:
    found = [str(one).removeprefix("calendars.yaml:") for one in _read(text).problems]
    assert [one[: len(problem)] for one in found] == [problem]


def test_a_calendar_beside_a_wrong_one_can_be_used() -> None:
    named = _read("a: {country: XX}\nb: {country: JP}\n")
    assert named.find("b") == Calendar("JP")
    with pytest.raises(ScheduleError, match="until they are fixed, the job stays as it was"):
        named.find("zzz")


def test_none_empty_and_unreadable() -> None:
    for named in (read_calendars(None), _read("# nothing\n")):
        assert (dict(named.known), named.problems) == ({}, ())
        with pytest.raises(ScheduleError, match="there is no such file"):
            named.find("a")
    broken = read_calendars(UnreadableFile("calendars.yaml", "Permission denied"))
    assert "can't be read (Permission denied)" in str(broken.problems[0])


def test_unknown_names_get_a_hint() -> None:
    with pytest.raises(ScheduleError, match="did you mean 'factory'"):
        _read(GOOD).find("fctory")
    with pytest.raises(ScheduleError, match="has factory, tokyo-office"):
        _read(GOOD).find("zzz")
