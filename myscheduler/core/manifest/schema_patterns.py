"""Regular expressions of the JSON Schema for editors, each with a message that says what to write instead.

They mean the same in Python's `re` and in ECMAScript, with and without the flag `u`. White space is spelled out, as the
two define it differently, and so is the end of the text, as Python's `$` also matches before a last line break. No
pattern can match a text in two ways, so none takes long to fail.
"""

from collections.abc import Iterable
from typing import Any

from myscheduler.core.header_values import SINGLE
from myscheduler.core.job.spec import METHODS
from myscheduler.core.manifest.header_checks import HEADERS_OF_THE_CLIENT
from myscheduler.core.schedule.dialect import CRONTAB_FIELDS, MACROS

Schema = dict[str, Any]

_SPACES = r"\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
_INVISIBLE = rf"{_CONTROLS}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_END = r"(?![\s\S])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
_DAY = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"


def in_any_case(word: str) -> str:
    """A pattern for the word in upper or lower case: `[Aa][Bb]` for `ab`."""
    return "".join(f"[{char.upper()}{char.lower()}]" if char.isalpha() else char for char in word)


def matching(pattern: str, message: str) -> Schema:
    """Schema of text that matches the pattern; the YAML language server shows the message instead of the pattern."""
    return {"pattern": f"^{pattern}{_END}", "patternErrorMessage": message}


def _trimmed(pattern: str) -> str:
    return f"[{_SPACES}]*{pattern}[{_SPACES}]*"


def _any_of(words: Iterable[str]) -> str:
    return f"({'|'.join(map(in_any_case, words))})"


JOB_ID: Schema = matching(
    rf"[^{_SPACES}{_INVISIBLE}/?#%]([^{_INVISIBLE}/?#%]*[^{_SPACES}{_INVISIBLE}/?#%])?",
    "An id has no / ? # %, no control characters, and no spaces at its start or end.",
)
DIGEST: Schema = matching("[0-9a-f]{64}", "Write the SHA-256 of the key: 64 lower-case hexadecimal digits.")
POINTER: Schema = matching(
    rf"(/([^/~{_CONTROLS}]|~[01])*)*",
    "Write a JSON Pointer, such as /items/0/ok, or an empty text for the whole answer.",
)
POINTER_INTO: Schema = matching(
    rf"(/([^/~{_CONTROLS}]|~[01])*)+", "Write a JSON Pointer to an extracted value, such as /rows."
)
VALUE_NAME: Schema = matching(
    f"(?!(status|execution_id){_END})[A-Za-z_][A-Za-z0-9_]*", "A name has letters, digits and underscores."
)
STATUS_RANGE: Schema = matching(
    "[2-9][0-9]{2}-[2-9][0-9]{2}", "Write a status as a number, or a range such as 500-599 in quotes."
)
NAME: Schema = matching(f"[^{_CONTROLS}]*", "A name has no line breaks or other control characters.")
METHOD: Schema = matching(
    "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,50}", f"Write a method of HTTP, such as {', '.join(METHODS[:3])}."
)
_PLAIN = rf"[^/\\{_CONTROLS}]"
_SEGMENT = rf"([^./\\{_CONTROLS}]{_PLAIN}*|\.[^./\\{_CONTROLS}]{_PLAIN}*|\.\.{_PLAIN}+)"
PATH_BELOW: Schema = matching(rf"{_SEGMENT}(/{_SEGMENT})*", "Write a path below the root of the source.")
MEDIA_TYPE: Schema = matching(
    "[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+([ \t]*;[\x20-\x7e\t]*)?",
    "Write a media type, such as text/csv.",
)

_LABEL = rf"[^{_SPACES}{_CONTROLS}/?#@:\[\]<>{{}}()|\\^`\u0022'!$%&*+,;=~.]+"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_NO_NAME = (
    rf"(?![0-9.]+(:[0-9]+)?([/?#]|{_END}))(?!-)"
    rf"(?!{in_any_case('http')}[Ss]?(:/|//))"
)
"""A lookahead: the host is not a number, and starts neither with a hyphen nor with a second scheme."""
_HOST = (
    rf"([^{_SPACES}{_CONTROLS}/?#]*@)?"
    rf"(\[[0-9A-Fa-f:.%]+[^\]{_SPACES}{_CONTROLS}]*\]"
    rf"|{_NO_NAME}{_LABEL}(\.{_LABEL})*\.?"
    rf"|({_OCTET}\.){{3}}{_OCTET})"
)
"""A host name, or an address in its normal form; user and password may come before it."""
_REFERENCES = rf"(?=([^$]|\$(?!\$?\{{)|\$\$\{{|\$\{{secret:[A-Za-z0-9._-]{{1,253}}\}})*{_END})"
"""A lookahead: each `${` is escaped, or starts a complete reference."""
_ABOUT_REFERENCES = "a reference is ${secret:NAME}, and a literal ${ is written $${"

_TEMPLATE = r"[\s\S]*?\{\{"
TARGET_URL: Schema = matching(
    rf"{_REFERENCES}((?!{_TEMPLATE}){in_any_case('http')}[Ss]?://{_HOST}(:[0-9]+)?([/?#][^{_SPACES}{_CONTROLS}]*)?"
    rf"|(?={_TEMPLATE})[\s\S]*)",
    "Write http:// or https:// and a host that is spelled out, such as https://api.example.com/run: no ${…} in scheme, "
    f"host or port, no white space, no shortened address; elsewhere {_ABOUT_REFERENCES}.",
)
_OWN_HEADERS = sorted(HEADERS_OF_THE_CLIENT)
HEADER_NAME: Schema = matching(
    rf"(?!{_any_of(_OWN_HEADERS)}{_END})[!#$%&'*+.^_`|~0-9A-Za-z-]+",
    f"A header name has letters, digits and -; {', '.join(_OWN_HEADERS)} are set by the HTTP client.",
)
HEADER_VALUE: Schema = matching(
    rf"{_REFERENCES}([^{_CONTROLS}]|\t)*",
    f"A header value has no line breaks or other control characters; {_ABOUT_REFERENCES}.",
)
SINGLE_HEADER = f"^{_any_of(sorted(SINGLE))}{_END}"
"""The names of headers that can't be a list."""

_WALL_UNITS = "([0-9]{1,6}[Yy])?([0-9]{1,6}[Mm])?"
_SOME_TIME = "(?=[^1-9]*[1-9])"


def _duration(calendar_units: str, message: str) -> Schema:
    units = "([0-9]{1,6}[Dd])?([Tt](?=[0-9])([0-9]{1,8}[Hh])?([0-9]{1,9}[Mm])?([0-9]{1,10}[Ss])?)?"
    return matching(_trimmed(rf"[Pp]{_SOME_TIME}([0-9]{{1,6}}[Ww]|{calendar_units}{units})"), message)


DURATION: Schema = _duration("", "Write a duration longer than zero, such as PT10M, PT1H30M, P1D or P2W.")
INTERVAL: Schema = _duration(_WALL_UNITS, "Write an interval longer than zero, such as PT10M, PT1H30M, P1D or P2W.")
OF_FIXED_LENGTH: Schema = {
    "pattern": f"^(?![{_SPACES}]*[Pp][^Tt]*[1-9][0-9]{{0,5}}[MmYy])",
    "patternErrorMessage": "Months and years have no fixed length: add `clock: wall` and an anchor.",
}
OF_WHOLE_DAYS: Schema = {
    "pattern": f"^(?![{_SPACES}]*[Pp][^Tt]*[Tt][^1-9]*[1-9])",
    "patternErrorMessage": "`clock: wall` counts days, weeks, months and years, not hours, minutes or seconds.",
}

TIMESTAMP: Schema = matching(
    _trimmed(rf"[0-9]{{4}}-{_DAY}[Tt ]{_TIME}([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"),
    "Write a time such as 2027-04-01T09:00:00+09:00, or without the offset for local time.",
)
"""Not `format: date-time`, which doesn't allow local times."""
DAYS: Schema = matching(
    _trimmed(rf"([0-9]{{4}}-)?{_DAY}(/([0-9]{{4}}-)?{_DAY})?"),
    "Write a day such as 2026-08-13, or 08-13 for every year, or a range such as 12-29/01-03.",
)
COUNTRY: Schema = matching("[A-Z]{2,3}", "Write an ISO 3166 code, such as JP.")

_GAP = r"[\t-\r\u001c-\u0020]"
_FIELD = "[0-9A-Za-z*,/#-]+"
_MACRO = _any_of(MACROS)
_IN_AN_OBJECT = "A year or a week belongs in an object such as {year: 2027, month: 4}"


def _line(fields: int) -> str:
    return rf"{_GAP}*({_MACRO}|{_FIELD}({_GAP}+{_FIELD}){{{fields - 1}}}){_GAP}*"


FIVE_FIELDS: Schema = matching(
    _line(5),
    f"Write five fields ({' '.join(CRONTAB_FIELDS)}), or one of {', '.join(MACROS)}; if seconds come first, add "
    f"`seconds: true`. {_IN_AN_OBJECT}.",
)
SIX_FIELDS: Schema = matching(
    _line(6),
    f"With `seconds: true` write six fields (second {' '.join(CRONTAB_FIELDS)}), or one of {', '.join(MACROS)}. "
    f"{_IN_AN_OBJECT}.",
)
