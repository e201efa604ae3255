"""What is proposed in place of a name that is no zone: never a zone of another offset."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.schedule.zones import check_zone, is_zone, zone
from myscheduler.errors import ScheduleError

WINTER, SUMMER = datetime(2027, 1, 15, tzinfo=UTC), datetime(2027, 7, 15, tzinfo=UTC)
NOTHING = "write an IANA name like Asia/Tokyo"

HOURS = {
    "JST": 9, "KST": 9, "HKT": 8, "PKT": 5, "MSK": 3, "CEST": 2, "EEST": 3, "AEST": 10, "AEDT": 11, "AWST": 8,
    "AKST": -9, "AKDT": -8, "PST": -8, "PDT": -7, "MDT": -6, "CDT": -5, "EDT": -4, "NZST": 12, "NZDT": 13, "WEST": 1,
    "WIB": 7, "BRT": -3, "SGT": 8, "ICT": 7,
}  # fmt: skip
"""By which each is ahead of UTC."""


def hint_for(name: str) -> str:
    with pytest.raises(ScheduleError) as caught:
        check_zone(name)
    return str(caught.value).partition(" is not a time zone; ")[2]


def zones_in(hint: str) -> list[str]:
    return [word for word in re.findall(r"[\w/+-]+", hint) if is_zone(word)]


@pytest.mark.parametrize(
    "form",
    [
        "UTC{}",
        "Etc/UTC{}",
        "GMT/{}",
        "utc {}",
        "Ｕ{}",
        "UT{}",
        "({}:00) Somewhere",
        "(UTC{}:00) Some, Where",
        "UTC{}00",
    ],
)
@pytest.mark.parametrize("sign", ["+", "-", "−", "＋"])
@pytest.mark.parametrize("hours", [1, 2, 5, 9, 12])
def test_a_fixed_offset_gets_zones_that_have_it_all_year(form: str, sign: str, hours: int) -> None:
    name = form.replace("Ｕ", "ＵＴＣ").format(f"{sign}{hours:02}")
    ahead = timedelta(hours=hours if sign in "+＋" else -hours)
    found = zones_in(hint_for(name))
    assert found
    for moment in (WINTER, SUMMER):
        assert {moment.astimezone(zone(one)).utcoffset() for one in found if one != "UTC"} == {ahead}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("UTC + 9", "for UTC+9 write Asia/Tokyo or Etc/GMT-9 (its sign is reversed)"),
        ("GMT+ 2", "for UTC+2 write Etc/GMT-2 (its sign is reversed)"),
        ("UTC09", "for UTC+9 write Asia/Tokyo or Etc/GMT-9"),
        ("Etc/UTC9", "for UTC+9 write Asia/Tokyo or Etc/GMT-9"),
        ("Etc/GMT+09", "for UTC-9 write Etc/GMT+9 (its sign is reversed)"),
        ("Etc/GMT+15", "no time zone always has the offset UTC-15: write the name of a place"),
        ("UTC+0", "write UTC"),
        ("JST", "did you mean Asia/Tokyo?"),
        ("jst", "did you mean Asia/Tokyo?"),
        ("JST-9", "did you mean Asia/Tokyo?"),
        ("JST (UTC+9)", "did you mean Asia/Tokyo?"),
        ("KST", "did you mean Asia/Seoul?"),
        ("CEST", "did you mean Europe/Berlin?"),
        ("AEST", "did you mean Australia/Sydney?"),
        ("AWST", "did you mean Australia/Perth?"),
        ("AKST", "did you mean America/Anchorage?"),
        ("MSK", "did you mean Europe/Moscow?"),
        ("WEST", "did you mean Europe/Lisbon?"),
        ("Z", "did you mean UTC?"),
        ("utc", "did you mean UTC?"),
        ("WST", NOTHING),
        ("wst", NOTHING),
        ("EAST", NOTHING),
        ("CST", NOTHING),
        ("IST", NOTHING),
        ("CET-1CEST", NOTHING),
        ("Europe/London+1", NOTHING),
        ("Rome", "did you mean Europe/Rome?"),
        ("Ａsia／Tokyo", "did you mean Asia/Tokyo?"),
    ],
)
def test_what_is_meant(name: str, hint: str) -> None:
    assert hint_for(name).startswith(hint)


def test_each_place_of_an_abbreviation_is_a_zone_that_has_it() -> None:
    """In one half of the year at least."""
    for short, hours in HOURS.items():
        (place,) = zones_in(hint_for(short))
        offsets = {moment.astimezone(zone(place)).utcoffset() for moment in (WINTER, SUMMER)}
        assert timedelta(hours=hours) in offsets, short
