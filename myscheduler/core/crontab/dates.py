"""Reads `$(date +%F)` and similar commands as expressions of templates, which have the same times and formats."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.expressions import Expressions, Moment
from myscheduler.core.crontab.markers import has_expression
from myscheduler.core.crontab.shell import Command, ShellError, read_commands
from myscheduler.core.crontab.shell_text import Values, computed, expand, has_marker
from myscheduler.core.crontab.wrappers import assignments
from myscheduler.core.schedule.zones import is_zone


@dataclass(frozen=True, slots=True)
class Clocks:
    """The zones of a line: that of its job, and that of its commands; `None` where they are not known."""

    job: str | None = None
    commands: str | None = None


_LIKE_ANY = "dates are in the zone of the job, CRON_TZ, not in that of the machine: name that one with --timezone"
_ENGLISH = "the names of days and months are English, whatever the locale of the machine is (date)"
_SHORT_MONTHS = "where the other month is too short, its last day counts: date goes on into the month after it"


_LOCALES = frozenset({"LANG", "LC_ALL", "LC_TIME"})
_ENGLISH_LOCALES = frozenset({"C", "POSIX", "C.UTF-8", "en_US.UTF-8"})


def is_date(code: str) -> bool:
    """Whether shell code is a date command."""
    return _DATE.match(code) is not None


_DATE = re.compile(r"(?:\$\(|`)\s*(?:\w+=\S*\s+)*(?:/usr)?(?:/bin/)?date(?=[\s)`])")


def read_date(code: str, values: Values, expressions: Expressions, clocks: Clocks, zone: str | None) -> Moment:
    """The time that the code prints. `zone` is the value of TZ. Raises `NotTakenOver` where no template has it."""
    if code[0] == "`" and "\\" in code:
        raise NotTakenOver("a date in back quotes has backslashes: write $(…)")
    words = _words(code, values)
    count = assignments(words)
    variables = dict(word.split("=", 1) for word in words[:count])
    zone = variables.pop("TZ", zone)
    if any(name not in _LOCALES or value not in _ENGLISH_LOCALES for name, value in variables.items()):
        raise NotTakenOver("variables are set for it")
    options = _options(words[count + 1 :])
    moved = _Moved(_zone(zone, clocks, is_utc=options.is_utc))
    if zone is None and not options.is_utc and clocks.commands is None and clocks.job is not None:
        moved.notes.append(_LIKE_ANY)
    if options.base is not None:
        moved.read(options.base, expressions)
    for step in options.steps:
        moved.step(step)
    pattern = None if options.pattern is None else _pattern(options.pattern)
    if pattern is not None and re.search("%[aAbB]", pattern) and not (options.is_english or variables):
        moved.notes.append(_ENGLISH)
    return Moment(pattern, moved.zone, tuple(moved.filters), tuple(moved.notes))


def _words(code: str, values: Values) -> list[str]:
    try:
        commands = read_commands(code[1:-1] if code[0] == "`" else code[2:-1])
    except ShellError as fault:
        raise NotTakenOver(str(fault)) from fault
    if len(commands) != 1 or not _is_plain(commands[0]):
        raise NotTakenOver("what it prints goes through other commands")
    words = [expand(word, values) for word in commands[0].words]
    if any(computed(word) or has_marker(word) for word in words):
        raise NotTakenOver("its date is computed by another command, or in a variable that nothing here sets")
    return words


def _is_plain(command: Command) -> bool:
    return not command.group and all(operator == "2>" for operator, _ in command.redirections)


def _zone(zone: str | None, clocks: Clocks, *, is_utc: bool) -> str | None:
    """The zone that the dates are in, unless it is the job's."""
    name = "UTC" if is_utc else zone.removeprefix(":") if zone else clocks.commands
    if name is None or name == clocks.job:
        return None
    if not is_zone(name):
        raise NotTakenOver("its TZ is not the name of a zone, such as Asia/Tokyo")
    return name


# --- options ---


@dataclass(slots=True)
class _Options:
    pattern: str | None = ""
    is_utc: bool = False
    is_english: bool = False
    base: str | None = None
    """The date that `-d` describes."""
    steps: list[str] = field(default_factory=list)
    """What the `-v` of BSD moves, one after another."""


_ISO = {"": "%F", "date": "%F", "hours": "", "minutes": "", "seconds": None, "ns": ""}
_REFUSED = "has an option that is not known here: write a format (+%F), -u or -d"


def _options(words: Sequence[str]) -> _Options:
    found, rest = _Options(), list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("+"):
            found.pattern = word[1:]
        elif word in {"-u", "--utc", "--universal"}:
            found.is_utc = True
        elif word in {"-R", "--rfc-email", "--rfc-2822"}:
            found.pattern, found.is_english = "%a, %d %b %Y %T %z", True
        elif match := re.fullmatch(r"(?:-I|--iso-8601(?:=|$))(.*)|--rfc-3339=(date)", word):
            found.pattern = _iso(match[1] or match[2] or "")
        elif match := re.fullmatch(r"(-u?)d(.*)|--date(?:=(.*))?", word, re.DOTALL):
            found.is_utc = found.is_utc or match[1] == "-u"
            given = match[2] or match[3]
            if not given and not rest:
                raise NotTakenOver(_REFUSED)
            found.base = given or rest.pop(0)
        elif match := re.fullmatch(r"-v([+-]\d{1,4}[ymwdHMS])", word):
            found.steps.append(match[1])
        else:
            raise NotTakenOver(_REFUSED)
    if found.pattern == "":
        raise NotTakenOver("what date prints without a format depends on the locale: give it one, such as +%F")
    return found


def _iso(name: str) -> str | None:
    pattern = _ISO.get(name, "")
    if pattern == "":
        raise NotTakenOver("prints only a part of a time with its offset (-I): write a format")
    return pattern


_PIECE = re.compile(r"%(?P<flag>-?)(?P<letter>.?)|[^%]+", re.DOTALL)
_SAME = frozenset("YymdejHIMSpFTRGVuwaAbBszZ%")
_UNPADDED = frozenset("mdejHIMSyV")
_OTHERWISE = {"D": "%m/%d/%y", "h": "%b", "n": "\n", "t": "\t"}


def _pattern(written: str) -> str:
    """The format of a template. Raises `NotTakenOver` for fields that templates don't have."""
    return "".join(map(_piece, _PIECE.finditer(written))).rstrip("\n")


def _piece(found: re.Match[str]) -> str:
    letter = found["letter"]
    if letter is None or letter in (_UNPADDED if found["flag"] else _SAME):
        return found[0]
    if letter in _OTHERWISE and not found["flag"]:
        return _OTHERWISE[letter]
    shown = letter if letter.isascii() and letter.isalnum() else "…"
    raise NotTakenOver(f"its format has %{found['flag']}{shown}, which templates don't have")


# --- moves ---

_STEP = re.compile(
    r"(?:(?P<sign>[+-])\s*)?(?P<number>\d{1,4})?(?P<word>last|next|this)?\s*"
    r"(?P<unit>second|sec|minute|min|hour|day|week|fortnight|month|year)s?(?P<ago>\s+ago)?(?![a-z])\s*",
    re.IGNORECASE,
)
_DAYS = {"now": 0, "today": 0, "yesterday": -1, "tomorrow": 1}
_WORD = re.compile(r"(now|today|yesterday|tomorrow)(?![a-z])\s*", re.IGNORECASE)
_MIDNIGHT = re.compile(r"0?0:00(?::00)?(?![\w:])\s*", re.IGNORECASE)
_DURATIONS: Mapping[str, tuple[str, int]] = {
    "year": ("P{}Y", 1), "month": ("P{}M", 1), "fortnight": ("P{}W", 2), "week": ("P{}W", 1), "day": ("P{}D", 1),
    "hour": ("PT{}H", 1), "minute": ("PT{}M", 1), "min": ("PT{}M", 1), "second": ("PT{}S", 1), "sec": ("PT{}S", 1),
}  # fmt: skip
_OF_BSD = {"y": "year", "m": "month", "w": "week", "d": "day", "H": "hour", "M": "minute", "S": "second"}
_STARTS = {"%Y-%m-01": "month", "%Y%m01": "month", "%Y-01-01": "year", "%F": "day", "%Y-%m-%d": "day", "%Y%m%d": "day"}
"""Dates that other dates are counted from, as formats."""


class _Moved:
    """The time that `-d` describes, beginning with the time of the run."""

    def __init__(self, zone: str | None) -> None:
        self.zone = zone
        self.filters: list[str] = []
        self.notes: list[str] = []
        self._starts_a_month = False

    def read(self, text: str, expressions: Expressions) -> None:
        rest = self._begun(text.strip(), expressions)
        moves = []
        while rest:
            if found := _MIDNIGHT.match(rest):
                self.filters[:0] = ["start_of('day')"]  # date sets the time of the day first, and moves it then
            elif found := _WORD.match(rest):
                moves.append((_DAYS[found[1].lower()], "day"))
            elif found := _STEP.match(rest):
                moves.append((_number(found), found["unit"].lower()))
            else:
                raise NotTakenOver("the date of its -d is not known here: write it relative to the run, as '1 day ago'")
            rest = rest[found.end() :]
        for number, unit in sorted(moves, key=lambda one: _is_of_clock(one[1])):
            self._move(number, unit)

    def _begun(self, text: str, expressions: Expressions) -> str:
        """Begin with a date within the date; returns the text after it."""
        for marker, moment in expressions.moments_in(text):
            unit = _STARTS.get(moment.pattern or "")
            if unit is None or moment.zone != self.zone or not text.startswith(marker):
                break
            self.filters += [*moment.filters, f"start_of('{unit}')"]
            self.notes += moment.notes
            self._starts_a_month = unit != "day"
            text = text[len(marker) :].strip()
        if has_expression(text):
            raise NotTakenOver("the date of its -d is computed in a way that templates don't have")
        return text

    def step(self, written: str) -> None:
        self._move(int(written[:-1]), _OF_BSD[written[-1]])

    def _move(self, number: int, unit: str) -> None:
        if not number:
            return
        duration, factor = _DURATIONS[unit]
        self.filters.append(f"{'sub' if number < 0 else 'add'}('{duration.format(abs(number) * factor)}')")
        if unit in {"month", "year"} and not self._starts_a_month and _SHORT_MONTHS not in self.notes:
            self.notes.append(_SHORT_MONTHS)


def _is_of_clock(unit: str) -> bool:
    return _DURATIONS[unit][0].startswith("PT")


def _number(found: re.Match[str]) -> int:
    """How many units a step goes; backwards it is negative."""
    word = (found["word"] or "").lower()
    if word and (found["number"] or found["sign"]):
        raise NotTakenOver("the date of its -d is not known here: write it as '1 day ago'")
    number = {"last": -1, "this": 0}.get(word, 1) if found["number"] is None else int(found["number"])
    return number * (-1 if found["sign"] == "-" else 1) * (-1 if found["ago"] else 1)
