"""Commands that run another one (`timeout`, `flock`, `sudo`, `sh -c`): the inner command, and what they set for it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.web_call import WebCall, seconds


@dataclass(slots=True)
class FoundCall:
    """A call of a line, with what the commands around it set."""

    call: WebCall
    overlap: str | None = None
    """What happens to a run that is due while another is in progress; `None` where the line doesn't say."""
    patience: int | None = None
    """How many seconds such a run waits at most."""
    lock: str | None = None
    """The lock file that excludes other runs, also those of other lines."""
    delay: float = 0
    """How many seconds the line waits before the call."""
    jitter: int = 0
    """It waits up to that many seconds more, at random."""


Adjustment = Callable[[FoundCall], None]
"""Applies to a call what a wrapper says, such as a time limit."""


@dataclass(frozen=True, slots=True)
class Inner:
    """The command inside `timeout 60 …`, `flock file …`, `sh -c '…'` and other wrappers."""

    words: list[str]
    text: str | None = None
    """A line for a shell, in place of words."""
    shell: str = ""
    """The shell that runs `text`; empty where it is not known."""
    adjustments: tuple[Adjustment, ...] = ()
    """Applied to each call of the command."""
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Variables that are set for this command only, as names and values."""


@dataclass(frozen=True, slots=True)
class _Wrapper:
    """The syntax of a wrapper's own arguments."""

    short: str = ""
    """One-letter options that take a value."""
    long: frozenset[str] = frozenset()
    """Long options that take a value."""
    operands: int = 0
    """How many operands precede the command."""


_PLAIN = _Wrapper()
_WRAPPERS: Mapping[str, _Wrapper] = {
    **dict.fromkeys(("nohup", "command", "setsid", "chronic", "cronic", "run-one", "builtin", "unbuffer"), _PLAIN),
    "chrt": _Wrapper("TPD", operands=1),
    "doas": _Wrapper("uC"),
    "env": _Wrapper("uC", frozenset({"unset", "chdir"})),
    "exec": _Wrapper("a"),
    "flock": _Wrapper("wE", frozenset({"wait", "timeout", "conflict-exit-code"}), operands=1),
    "ionice": _Wrapper("cnpPu", frozenset({"class", "classdata", "pid", "pgid", "uid"})),
    "nice": _Wrapper("n", frozenset({"adjustment"})),
    "runuser": _Wrapper("ugG", frozenset({"user", "group", "supp-group"})),
    "stdbuf": _Wrapper("ioe", frozenset({"input", "output", "error"})),
    "sudo": _Wrapper(
        "ughpCRrtTUD",
        frozenset({
            "user", "group", "host", "prompt", "close-from", "chroot", "role", "type", "command-timeout", "other-user",
            "chdir",
        }),
    ),
    "systemd-cat": _Wrapper("tp", frozenset({"identifier", "priority", "stderr-priority"})),
    "taskset": _Wrapper(operands=1),
    "time": _Wrapper("fo", frozenset({"format", "output"})),
    "timeout": _Wrapper("ks", frozenset({"kill-after", "signal"}), operands=1),
}  # fmt: skip
CALLERS = frozenset({"curl", "wget"})
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash", "mksh", "rbash"})
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)


def program_of(word: str) -> str:
    """The name of a program, without its folder."""
    return word.rpartition("/")[2]


def assignments(words: Sequence[str]) -> int:
    """How many words at the start are assignments such as `A=b`."""
    return next((place for place, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word)), len(words))


def unwrapped(words: list[str]) -> Inner:
    """The command inside all wrappers. Raises `NotTakenOver` where a wrapper's own arguments can't be parsed."""
    adjustments: list[Adjustment] = []
    variables: list[tuple[str, str]] = []
    while words:
        name = program_of(words[0])
        if name in {"su", "runuser"} and (text := _text_for_user(words[1:])) is not None:
            return Inner([], text, "", tuple(adjustments), tuple(variables))
        if name in SHELLS and (text := _text_for_shell(words[1:])) is not None:
            return Inner([], text, name, tuple(adjustments), tuple(variables))
        wrapper = _WRAPPERS.get(name)
        if wrapper is None or _is_lookup(name, words):
            break
        options, rest = _options(words[1:], wrapper)
        own, words = rest[: wrapper.operands], rest[wrapper.operands :]
        if name == "timeout" and own:
            adjustments.append(_limits(_duration(own[0])))
        elif name == "flock" and own:
            adjustments.append(_locks(options, own[0]))
            if words and words[0] in {"-c", "--command"}:
                return Inner([], " ".join(words[1:2]), "sh", tuple(adjustments), tuple(variables))
        elif name in {"env", "sudo", "doas"}:
            count = assignments(words)
            variables += [(key, value) for key, _, value in (word.partition("=") for word in words[:count])]
            words = words[count:]
    return Inner(words, None, "", tuple(adjustments), tuple(variables))


def _is_lookup(name: str, words: Sequence[str]) -> bool:
    """`command -v curl` only looks up where a program is."""
    return name == "command" and len(words) > 1 and words[1] in {"-v", "-V"}


def _options(words: Sequence[str], wrapper: _Wrapper) -> tuple[dict[str, str], list[str]]:
    """The leading options with their values, and the other words."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        word = rest.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            takes_next = name in wrapper.long and not equals
            options[name] = rest.pop(0) if takes_next and rest else value
            continue
        for place, letter in enumerate(word[1:], start=2):
            options[letter] = ""
            if letter in wrapper.short:
                options[letter] = word[place:] or (rest.pop(0) if rest else "")
                break
    return options, rest


_OPTION_NAMES = frozenset({"o", "O"})


def _text_for_shell(words: Sequence[str]) -> str | None:
    """The line in `bash -euo pipefail -c LINE`; `None` where the shell reads a file."""
    rest = list(words)
    is_line = False
    while rest and rest[0][:1] in {"-", "+"} and len(rest[0]) > 1:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("--"):
            is_line = is_line or (word[0] == "-" and "c" in word)
            del rest[: sum(letter in _OPTION_NAMES for letter in word)]
    return rest[0] if is_line and rest else None


def _text_for_user(words: Sequence[str]) -> str | None:
    """The line in `su - user -c LINE`; `None` where there is none."""
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if re.fullmatch(r"-[a-z]*c|--command", word):
            return rest[0] if rest else None
        if word.startswith("--command="):
            return word.partition("=")[2]
        if word in {"-s", "-g", "-G", "-w", "-u", "--shell", "--group", "--user"}:
            del rest[:1]
    return None


# --- adjustments ---

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _duration(text: str, program: str = "timeout") -> float:
    unit = text[-1:] if text[-1:] in _UNITS else ""
    return seconds(text.removesuffix(unit), program) * _UNITS[unit]


def _limits(limit: float) -> Adjustment:
    def adjust(found: FoundCall) -> None:
        if found.call.max_retries and limit > 0:
            found.call.warn("timeout limited all attempts together, timeout_sec limits each one")
        found.call.limit(limit)

    return adjust


def _locks(options: Mapping[str, str], file: str) -> Adjustment:
    """For flock: a run that finds the lock held waits for it, gives up, or (with -s) runs all the same."""
    names = options.keys()
    limits = [options[name] for name in ("w", "wait", "timeout") if name in names]
    patience = ceil(seconds(limits[-1], "flock -w")) if limits else None
    gives_up = bool(names & {"n", "nb", "nonblock"}) or patience == 0

    def adjust(found: FoundCall) -> None:
        if names & {"s", "shared"}:
            found.overlap = "allow"
            return
        found.lock = file
        if gives_up:
            return
        found.overlap, found.patience = "queue", patience
        if patience is None:
            found.call.warn("if several runs wait for the lock, only the newest is kept (overlap: queue)")
        else:
            limit = f"{patience} second{'s' if patience > 1 else ''}"
            found.call.warn(
                f"a run waits {limit} for the one before it (misfire_grace_time), and only the newest waits; "
                "after a downtime, one that is later than that is not caught up"
            )

    return adjust


# --- waits ---

_RANDOM = re.compile(r"(?:(?P<first>\d{1,6})\+)?(?:expr)?RANDOM(?:%(?P<part>\d{1,6}))?(?:\+(?P<last>\d{1,6}))?")
_SHUFFLED = re.compile(r"shuf-i(?P<low>\d{1,6})-(?P<high>\d{1,6})-n1|shuf-n1-i(?P<low2>\d{1,6})-(?P<high2>\d{1,6})")
_ANY_RANDOM = 32_768


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a `sleep` waits: `delay` seconds, and up to `jitter` seconds more at random."""

    delay: float
    jitter: int = 0


def wait_of(words: Sequence[str], codes: Callable[[str], Sequence[str]]) -> Wait | None:
    """The wait of `sleep` with these arguments; `None` if it is not known. `codes` finds the shell code in a word."""
    delay, jitter = 0.0, 0
    for word in words:
        waits = _random(found[0], word[-1:]) if (found := codes(word)) else Wait(_plain(word))
        if waits is None or waits.delay < 0:
            return None
        delay, jitter = delay + waits.delay, jitter + waits.jitter
    return Wait(delay, jitter) if words else None


def _plain(word: str) -> float:
    try:
        return _duration(word, "sleep")
    except NotTakenOver:
        return -1


def _random(code: str, unit: str) -> Wait | None:
    bare = re.sub(r"[\s()$\[\]{}`]", "", code)
    factor = _UNITS.get(unit, 1)
    if found := _RANDOM.fullmatch(bare):
        part = int(found["part"] or _ANY_RANDOM)
        return Wait(factor * (int(found["first"] or 0) + int(found["last"] or 0)), factor * part)
    if found := _SHUFFLED.fullmatch(bare):
        low, high = int(found["low"] or found["low2"] or 0), int(found["high"] or found["high2"] or 0)
        return Wait(factor * low, factor * (high - low + 1)) if low <= high else None
    return None
