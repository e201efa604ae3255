"""The command of a crontab line, and the one HTTP call in it: what stands around curl, and what of that counts."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from myscheduler.core.bounds import LARGEST_EXPANSION
from myscheduler.core.crontab_credentials import is_credential_variable
from myscheduler.core.curl import read_curl
from myscheduler.core.shell import Command, as_manifest_text, expand, is_marked, marked, read_commands
from myscheduler.core.web_call import NO_FILES, TO_A_FILE, NotTakenOver, WebCall, seconds
from myscheduler.core.wget import read_wget

SecretFor = Callable[[str, str | None], str]
"""The name of the secret for a variable and its value; `None` where nobody sets it."""


@dataclass(slots=True)
class FoundCall:
    """The call of a line, with what its neighbours say about it."""

    call: WebCall
    unset: Mapping[str, str]
    """Variables that nobody in the crontab sets, by the secrets that stand for them in the call."""
    hidden: Mapping[str, tuple[str, str]] = field(repr=False)
    """Variables that hold credentials, with their values, by the secrets that stand for them."""
    waits: bool = False
    """A run waits for the one before it."""
    lock: str | None = None
    """The file that keeps runs apart, also those of other lines."""


@dataclass(slots=True)
class _Line:
    """What was read of a line so far."""

    secret_for: SecretFor
    stdin: str | None
    given: Mapping[str, str] = field(repr=False)
    """The settings of the crontab; one is taken over when it is asked for."""
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    expanded: int = 0
    """Characters that variables have put into words."""
    unset: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    found: FoundCall | None = None
    warnings: list[str] = field(default_factory=list)

    def set(self, name: str, value: str) -> None:
        """The value of a credential goes no further: a secret stands for it from here on."""
        if value and is_credential_variable(name) and not is_marked(value):
            secret = self.secret_for(name, value)
            self.hidden[secret] = name, value
            value = marked(secret)
        self.variables[name] = value

    def value_of(self, name: str) -> str:
        if name not in self.variables and name in self.given:
            self.set(name, self.given[name])
        if name not in self.variables:
            secret = self.secret_for(name, None)
            self.unset[secret] = name
            self.variables[name] = marked(secret)
        self.expanded += len(self.variables[name])
        if self.expanded > LARGEST_EXPANSION:
            raise NotTakenOver(f"its variables expand to more than {LARGEST_EXPANSION:,} characters")
        return self.variables[name]


_SKIPPED = frozenset({"cd", "true", ":", "set", "umask", "ulimit", "date", "echo", "printf", "exit", "logger", "wait"})
_KEYWORDS = frozenset({"if", "for", "while", "until", "case", "{", "function", "!", "then", "else", "do"})
_CONDITIONS = frozenset({"test", "[", "[["})
_PROGRAM = re.compile(r"[\w.+-]{1,40}")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII | re.DOTALL)


def find_call(command: str, variables: Mapping[str, str], stdin: str | None, secret_for: SecretFor) -> FoundCall:
    """The call that the command makes. Raises `NotTakenOver` or `ShellError` where it makes none, or not only one."""
    line = _Line(secret_for, stdin, variables)
    _read_line(line, command)
    if line.found is None:
        raise NotTakenOver("runs neither curl nor wget: only HTTP calls can be taken over")
    line.found.call.warnings[:0] = line.warnings
    return line.found


@dataclass(slots=True)
class _Way:
    """How the shell gets to the call, which a job makes each time."""

    is_reached: bool = True
    is_over: bool = False
    is_behind_cd: bool = False
    """A `cd` that fails ends the list of commands."""
    needs_cd: bool = False
    """A `cd` that fails ends the shell."""

    def goes_to(self, command: Command) -> None:
        """To a command in front of the call; those before it are taken to succeed."""
        if command.before in {"|", "|&"}:  # a pipe is reached as a whole
            return
        self.is_reached = command.before != "||"
        if command.before not in {"&&", "||"}:
            self.is_behind_cd = False

    def goes_on(self, words: Sequence[str]) -> None:
        """Behind that command."""
        name = _program(words[0])
        self.is_behind_cd = self.is_behind_cd or name == "cd"
        if name == "exit" or (name == "exec" and len(words) > 1):
            self.is_over = self.is_over or self.is_reached
            self.needs_cd = self.needs_cd or self.is_behind_cd

    def check(self, line: _Line) -> None:
        """The call is reached. Raises `NotTakenOver` where it is not made, or only sometimes."""
        if self.is_over:
            raise NotTakenOver("never gets to its call: the shell ends before (exit)")
        if not self.is_reached:
            raise NotTakenOver("makes its call only where what stands before fails (||): a job makes it each time")
        if self.is_behind_cd or self.needs_cd:
            line.warnings.append("the call is made whether or not cd succeeds: a job runs in no folder")


def _read_line(line: _Line, text: str) -> None:
    """Read the commands of a line, or of a shell in it."""
    piped: str | None = None
    way = _Way()
    for command in read_commands(text):
        before = line.found
        way.goes_to(command)
        words = [expand(word, line.value_of) for word in command.words]
        if command.before == "&" and line.found is not None:
            line.warnings.append(
                "an & outside of quotes ends a command: what stands behind it was never part of the URL"
            )
        words = _without_assignments(line, words, is_alone=len(words) == _assignments(words))
        if not words:
            continue
        stdin, piped = (piped if command.before == "|" else line.stdin), None
        if line.found is not None and command.before in {"|", "||", "|&"}:
            _check_behind(line, words, command.before)
        elif _program(words[0]) in {"echo", "printf"}:
            piped = _printed(words)
        else:
            _read_command(line, words, stdin, command)
        if line.found is None:
            way.goes_on(words)
        elif line.found is not before:
            way.check(line)


def _program(word: str) -> str:
    return word.rpartition("/")[2]


def _assignments(words: Sequence[str]) -> int:
    """How many of the first words set variables."""
    return next((place for place, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word)), len(words))


def _without_assignments(line: _Line, words: list[str], *, is_alone: bool) -> list[str]:
    """The words behind `NAME=value`. Without a command, or behind export, the value is the line's from there on."""
    if words and words[0] == "export":
        is_alone, words = True, words[1:]
    place = _assignments(words)
    for word in words[:place]:
        name, _, value = word.partition("=")
        if is_alone:
            line.set(name, value)
        if name.lower().endswith("_proxy"):
            line.warnings.append("no proxy is used: the service calls the target itself")
    return [] if is_alone else words[place:]


def _read_command(line: _Line, words: list[str], stdin: str | None, command: Command) -> None:
    before = line.found
    said, words = _unwrapped(words)
    name = _program(words[0]) if words else ""
    if name in {"sh", "bash", "dash", "zsh"} and len(words) > 2 and re.fullmatch(r"-[a-z]*c", words[1]):
        _read_line(line, words[2])
    elif name in {"curl", "wget"}:
        if line.found is not None:
            raise NotTakenOver("makes several calls: one job makes one, so give each a line of its own")
        stdin = _redirected(line, command, stdin)
        texts = [as_manifest_text(word) for word in words[1:]]
        stdin = None if stdin is None else as_manifest_text(stdin)
        call = read_curl(texts, stdin) if name == "curl" else read_wget(texts)
        line.found = FoundCall(call, line.unset, line.hidden)
    elif name in {".", "source"}:
        line.warnings.append("the variables that a file sets are not known here")
    elif name == "sleep":
        line.warnings.append("the wait (sleep) is not kept: write a later minute, or jitter_sec")
    elif name in _KEYWORDS or name in _CONDITIONS:
        raise NotTakenOver(f"is a script of the shell ({name}): only a plain call can be taken over")
    elif name and name not in _SKIPPED:
        raise NotTakenOver(_other_command(line, name, words))
    if line.found is not None and line.found is not before:
        for one in said:
            one(line.found)


def _redirected(line: _Line, command: Command, stdin: str | None) -> str | None:
    """What the call reads then; that its answer goes to a file is said."""
    for operator, word in command.redirections:
        if "<" in operator:
            stdin = None
        elif not operator.endswith("&") and expand(word, line.value_of) not in NO_FILES:
            line.warnings.append(TO_A_FILE)
    return stdin


def _other_command(line: _Line, name: str, words: Sequence[str]) -> str:
    shown = _shown(name)
    behind = "also " if line.found is not None else ""
    is_user = len(words) > 1 and _program(words[1]) in {"curl", "wget"}
    hint = "; if that is a user, as in /etc/crontab, write --system" if is_user else ""
    return f"{behind}runs {shown}, which is neither curl nor wget: only HTTP calls can be taken over{hint}"


def _shown(program: str) -> str:
    """Its name, where it looks like one."""
    return program if _PROGRAM.fullmatch(program) else "a command"


def _check_behind(line: _Line, words: Sequence[str], operator: str) -> None:
    """What gets the output of the call, or runs when it fails: said, but not kept."""
    name = _program(words[0])
    if name in {"curl", "wget"}:
        raise NotTakenOver("makes several calls: one job makes one, so give each a line of its own")
    if operator == "||" and name in {"true", ":", "exit"}:
        return
    when = "runs when the call fails" if operator == "||" else "gets the answer"
    line.warnings.append(f"what {when} is not kept ({_shown(name)}): the history has the answers and the failures")


def _printed(words: Sequence[str]) -> str | None:
    """What echo or printf print, where that is plain text."""
    options, text = [word for word in words[1:] if re.fullmatch(r"-[neE]+", word)], list(words[1:])
    while text and text[0] in options:
        text.pop(0)
    joined = " ".join(text)
    if "\\" in joined or (_program(words[0]) == "printf" and (len(text) != 1 or "%" in joined)):
        return None
    is_line = _program(words[0]) == "echo" and "-n" not in options
    return joined + ("\n" if is_line else "")


# --- commands that run another one ---

_OPTIONS_WITH_VALUE = {
    "timeout": "ks", "nice": "n", "ionice": "cnp", "sudo": "ughpCRTD", "env": "uCS", "flock": "wE", "chrt": "",
    "stdbuf": "ioe", "time": "fo", "runuser": "u",
}  # fmt: skip
_PLAIN_WRAPPERS = frozenset({"nohup", "exec", "command", "setsid", "chronic", "cronic", "run-one", "builtin"})


def _unwrapped(words: list[str]) -> tuple[list[Callable[[FoundCall], None]], list[str]]:
    """The command within `timeout 60 …`, `flock file …` and their like, and what they say about its call."""
    said: list[Callable[[FoundCall], None]] = []
    while words:
        name = _program(words[0])
        if name in _PLAIN_WRAPPERS:
            words = words[1:]
            continue
        if name not in _OPTIONS_WITH_VALUE:
            break
        options, words = _options(words[1:], _OPTIONS_WITH_VALUE[name])
        if name == "timeout" and words:
            said.append(_limits(_duration(words.pop(0))))
        elif name == "flock" and words:
            said.append(_locks(words.pop(0), waits="-n" not in options and "--nonblock" not in options))
            if words and words[0] in {"-c", "--command"}:
                words = ["sh", "-c", *words[1:]]
        elif name == "env":
            words = words[_assignments(words) :]
    return said, words


def _options(words: list[str], with_value: str) -> tuple[list[str], list[str]]:
    """The options that stand in front, and the other words."""
    options: list[str] = []
    while words and words[0].startswith("-") and len(words[0]) > 1 and words[0] != "-c":
        option, words = words[0], words[1:]
        options.append(option)
        if not option.startswith("--") and option[-1] in with_value and words:
            words = words[1:]
    return options, words


_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _duration(text: str) -> float:
    unit = text[-1:] if text[-1:] in _UNITS else ""
    return seconds(text.removesuffix(unit), "timeout") * _UNITS[unit]


def _limits(limit: float) -> Callable[[FoundCall], None]:
    return lambda found: found.call.limit(limit)


def _locks(file: str, *, waits: bool) -> Callable[[FoundCall], None]:
    def say(found: FoundCall) -> None:
        found.lock, found.waits = file, waits

    return say
