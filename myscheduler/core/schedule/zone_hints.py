"""Suggestions for a name that is not a time zone.

A zone with another offset is never suggested, however similar its spelling is: its jobs would run at the wrong hour.
"""

import re
import unicodedata
from difflib import get_close_matches
from functools import lru_cache

from myscheduler.messages.message import said

_FIXED = re.compile(
    r"[(]?(?:(?:etc/)?(?:utc|gmt|ut|z)/?)?\s*([+-])\s*(\d{1,2})(?::?([0-5]\d))?(?:[)\s].*)?"
    r"|(?:etc/)?(?:utc|gmt)()\s*(\d{1,2})(?::?([0-5]\d))?",
    re.IGNORECASE,
)
"""An offset as people, clocks and Windows write it, which is not the name of a zone."""
_POSIX = re.compile(r"etc/gmt([+-])(\d{1,2})", re.IGNORECASE)
"""A name in the style of the database, such as `Etc/GMT-9`, with the reversed sign of POSIX."""
_ABBREVIATION = re.compile(r"([A-Z]{1,5}|[a-z]{1,4})(?![A-Za-z/_])")
"""An abbreviation at the beginning of a name: `JST`, and `JST-9` as in POSIX."""
_MINUS = str.maketrans("‐‑‒–−", "-----")
_PLACES = {
    (1, 3, 30): "Asia/Tehran", (1, 4, 30): "Asia/Kabul", (1, 5, 30): "Asia/Kolkata", (1, 5, 45): "Asia/Kathmandu",
    (1, 6, 30): "Asia/Yangon", (1, 9, 0): "Asia/Tokyo", (1, 9, 30): "Australia/Darwin",
    (-1, 9, 30): "Pacific/Marquesas",
}  # fmt: skip
"""Places with the same offset all year, by (sign, hours, minutes): those without an `Etc/GMT` name, and Asia/Tokyo."""
_ABBREVIATED = {
    "AEDT": "Australia/Sydney", "AEST": "Australia/Sydney", "AKDT": "America/Anchorage", "AKST": "America/Anchorage",
    "AWST": "Australia/Perth", "BRT": "America/Sao_Paulo", "CDT": "America/Chicago", "CEST": "Europe/Berlin",
    "EDT": "America/New_York", "EEST": "Europe/Helsinki", "HKT": "Asia/Hong_Kong", "ICT": "Asia/Bangkok",
    "JST": "Asia/Tokyo", "KST": "Asia/Seoul", "MDT": "America/Denver", "MSK": "Europe/Moscow",
    "NZDT": "Pacific/Auckland", "NZST": "Pacific/Auckland", "PDT": "America/Los_Angeles", "PKT": "Asia/Karachi",
    "PST": "America/Los_Angeles", "SGT": "Asia/Singapore", "WEST": "Europe/Lisbon", "WIB": "Asia/Jakarta",
    "Z": "UTC",
}  # fmt: skip
"""A place for each abbreviation that has only one meaning; `CST` and `IST` have several."""


def meant_zone(written: str, names: frozenset[str]) -> str:
    """What to write instead of a name that is not one of the `names` of zones, as the end of a message."""
    name = unicodedata.normalize("NFKC", written).translate(_MINUS).strip()
    if posix := _POSIX.fullmatch(name):
        return _fixed_zone(1 if posix[1] == "-" else -1, int(posix[2]), 0, names)
    if offset := _FIXED.fullmatch(name):
        sign, hours, minutes = offset.group(*(1, 2, 3) if offset[2] else (4, 5, 6))
        return _fixed_zone(-1 if sign == "-" else 1, int(hours), int(minutes or 0), names)
    if short := _ABBREVIATION.match(name):
        return _place_of(short[1].upper(), name, names)
    found = _close(name, names)
    return said("did-you-mean-this", meant=found) if found else _ANY


_ANY = said("write-iana-name")


def _fixed_zone(sign: int, hours: int, minutes: int, names: frozenset[str]) -> str:
    """The suggestion for a fixed offset."""
    written = f"UTC{'-' if sign < 0 else '+'}{hours}" + (f":{minutes:02}" if minutes else "")
    if not hours and not minutes:
        return said("write-utc")
    reverse = f"Etc/GMT{'+' if sign < 0 else '-'}{hours}"
    fixed = said("sign-reversed", zone=reverse) if not minutes and reverse in names else None
    named = [one for one in (_PLACES.get((sign, hours, minutes)), fixed) if one]
    if not named:
        return said("no-zone-with-offset", value=written)
    return said("zone-for-abbreviation", value=written, zone=" or ".join(named))


def _place_of(short: str, name: str, names: frozenset[str]) -> str:
    """The suggestion for an abbreviation; a similar spelling is not enough, as each letter of it counts."""
    if place := _ABBREVIATED.get(short):
        return said("did-you-mean-this", meant=place)
    same = next((zone_name for zone_name in names if zone_name.lower() == name.lower()), None)
    return said("did-you-mean-this", meant=same) if same else _ANY


def _close(name: str, names: frozenset[str]) -> str | None:
    """The name with the most similar spelling that has the same number in it."""
    spellings = _encodings(names)
    digits = _offset_in(name)
    found = (spellings[one] for one in get_close_matches(name.lower(), spellings, n=3, cutoff=0.75))
    return next((zone_name for zone_name in found if _offset_in(zone_name) == digits), None)


def _offset_in(name: str) -> tuple[str, str] | None:
    """The sign and the number in a name."""
    found = re.search(r"([+-]?)0*(\d+)", name)
    return (found[1], found[2]) if found else None


@lru_cache(maxsize=1)
def _encodings(names: frozenset[str]) -> dict[str, str]:
    """Maps lower-case spellings, including that of the city alone, to the name of the zone."""
    in_order = sorted(names)
    cities = {name.rpartition("/")[2].lower(): name for name in in_order}
    return cities | {name.lower(): name for name in in_order}
