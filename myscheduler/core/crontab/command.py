"""Finds the HTTP calls in the command of a crontab line.

Walks the commands of the line in order and sorts each into: a call (curl, wget), a wrapper around one (`timeout`,
`flock`, `sh -c`), something that a job can do without (`cd`, `echo`), or something else, which refuses the line.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from myscheduler.core.crontab.curl import read_curl
from myscheduler.core.crontab.dates import Clocks
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.expressions import Expressions
from myscheduler.core.crontab.line import KNOW_BASH_TEXT, Found, Line, Secrets
from myscheduler.core.crontab.shell import Command, Word, read_commands
from myscheduler.core.crontab.shell_text import as_manifest_text, computed, expand
from myscheduler.core.crontab.web_call import NO_FILES, TO_A_FILE, Input
from myscheduler.core.crontab.wget import read_wget
from myscheduler.core.crontab.wrappers import (
    CALLERS,
    SHELLS,
    FoundCall,
    Inner,
    assignments,
    program_of,
    unwrapped,
    wait_of,
)

_SKIPPED = frozenset({
    ":", "cd", "command", "date", "disown", "echo", "exit", "hash", "hostname", "id", "logger", "popd", "printf",
    "pushd", "renice", "set", "shopt", "sync", "trap", "true", "type", "ulimit", "umask", "unset", "wait", "which",
    "whoami",
})  # fmt: skip
"""Commands that don't change a call. (`command` is here because of `command -v`, which only looks up a program.)"""
_KEYWORDS = frozenset({"if", "for", "while", "until", "case", "{", "function", "!", "then", "else", "do"})
_CONDITIONS = frozenset({"test", "[", "[["})
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
_NO_PROXY_USED = "no proxy is used: set it in a line of the crontab, or by -x, and it becomes proxy"
_MOST_CALLS = 50
_UNKNOWN_FROM_FILES = "the variables that a file sets are not known here: give them with --set NAME=VALUE"
_PROGRAM = re.compile(r"[\w.+-]{1,40}")


def find_calls(
    command: str,
    variables: Mapping[str, str],
    stdin: str | None,
    secrets: Secrets,
    expressions: Expressions,
    clocks: Clocks,
) -> Found:
    """The calls that the command makes. Raises `NotTakenOver` or `ShellError` where it makes none, or does more."""
    shell = program_of(variables.get("SHELL") or "sh")
    if shell not in SHELLS:
        raise NotTakenOver(f"SHELL is {_shown(shell)}, but only sh and shells like it are supported")
    line = Line(secrets, expressions, clocks, variables, shell)
    _read_list(line, read_commands(command), Input(stdin))
    if not line.calls:
        raise NotTakenOver("runs neither curl nor wget: only HTTP calls can be imported")
    if sum(len(found.call.urls) for found in line.calls) > _MOST_CALLS:
        raise NotTakenOver(f"makes more than {_MOST_CALLS} calls")
    line.calls = [one for found in line.calls for one in _of_each_url(found)]
    if len(line.calls) > 1:
        line.warn(
            f"its {len(line.calls)} calls became {len(line.calls)} jobs: none waits for another, "
            "and each runs whether or not the others succeed"
        )
    return Found(line.calls, line.warnings, line.unset, line.hidden, line.files)


def _of_each_url(found: FoundCall) -> list[FoundCall]:
    return [replace(found, call=call) for call in found.call.of_each_url()]


@dataclass(slots=True)
class _Flow:
    """Whether the shell reaches a call, if all commands before it succeed; a job makes its call each time."""

    is_reached: bool = True
    is_over: bool = False
    """The shell has ended."""
    is_after_cd: bool = False
    """A `cd` that fails would end the list of commands."""
    needs_cd: bool = False
    """A `cd` that fails would end the shell."""

    def enter(self, command: Command) -> None:
        """Go to the next command, assuming that those before it succeed."""
        if command.before in {"|", "|&"}:  # a pipe is reached as a whole
            return
        self.is_reached = command.before != "||"
        if command.before not in {"&&", "||"}:
            self.is_after_cd = False

    def leave(self, name: str, *, is_exit: bool) -> None:
        """Go on after the command with that name."""
        self.is_after_cd = self.is_after_cd or name == "cd"
        if is_exit:
            self.is_over = self.is_over or self.is_reached
            self.needs_cd = self.needs_cd or self.is_after_cd

    def check(self, line: Line) -> None:
        """Raise `NotTakenOver` where a call at this place is never made, or only sometimes."""
        if self.is_over:
            raise NotTakenOver("never reaches its call: the shell ends before it (exit)")
        if not self.is_reached:
            raise NotTakenOver("makes its call only when the command before it fails (||): a job makes it each time")
        if self.is_after_cd or self.needs_cd:
            line.warn("the call is made whether or not cd succeeds: a job has no working directory")


def _read_list(line: Line, commands: Sequence[Command], stdin: Input) -> _Flow:
    """Read the commands of a line, of a group, or of a shell in the line."""
    piped = Input(None)
    flow = _Flow()
    has_answer = False
    """The answer of a call goes through the pipe."""
    is_for_failure = False
    """The command runs only if a call fails: it is after the call's `||`."""
    for command in commands:
        flow.enter(command)
        is_piped = command.before in {"|", "|&"}
        has_answer = has_answer and is_piped
        before = len(line.calls)
        is_for_failure = is_for_failure if is_piped else bool(before) and command.before == "||"
        if command.group and is_for_failure:
            _warn_of_failure(line, "a group of commands")
        elif command.group:
            if has_answer:
                raise NotTakenOver("passes its answer to commands, which a job can't run")
            _read_group(line, command, piped if is_piped else stdin, flow)
            piped = Input(None)
        elif words := _without_assignments(line, line.words_of(command), command):
            _note_files(line, words, command)
            given, piped = (piped if is_piped else stdin), Input(None)
            if is_for_failure:
                _note_failure_handler(line, words)
            elif has_answer:
                _check_answer(line, words)
            elif program_of(words[0]) in {"echo", "printf", "cat"} and command.after in {"|", "|&"}:
                piped = _printed(words)
            else:
                _read_command(line, words, given, command)
                if len(line.calls) > before:
                    flow.check(line)
                flow.leave(program_of(words[0]), is_exit=_is_exit(words))
        has_answer = has_answer or len(line.calls) > before
    return flow


def _note_files(line: Line, words: Sequence[str], command: Command) -> None:
    """Remember the files that the command writes."""
    for operator, word in command.redirections:
        if ">" in operator and not operator.endswith("&"):
            line.written.add(expand(word, line.values))
    if program_of(words[0]) == "tee":
        line.written.update(words[1:])


def _is_exit(words: Sequence[str]) -> bool:
    name = program_of(words[0])
    return name == "exit" or (name == "exec" and len(words) > 1)


def _read_group(line: Line, command: Command, stdin: Input, flow: _Flow) -> None:
    before = len(line.calls)
    inner = _read_list(line, command.group, _redirected(line, command, stdin, is_call=False))
    if len(line.calls) > before:
        flow.check(line)
        _redirected(line, command, stdin, is_call=True)
    flow.leave("", is_exit=inner.is_over and not command.is_subshell)


def _without_assignments(line: Line, words: list[str], command: Command) -> list[str]:
    """The words after `NAME=value`. Without a command, or after `export`, the rest of the line has the variable."""
    is_alone = len(words) == assignments(words)
    if words and words[0] == "export":
        if any(map(computed, words)) and assignments(words[1:]) < len(words) - 1:
            line.warn(_UNKNOWN_FROM_FILES)
        is_alone, words = True, words[1:]
    place = assignments(words)
    for word in words[:place]:
        name, _, value = word.partition("=")
        if is_alone:
            line.set(name, value)
        if value and name.lower() in _PROXIES and not is_alone:
            line.warn(_NO_PROXY_USED)
    if is_alone and words and command.before == "&" and line.calls:
        line.warn("an & outside quotes ends a command: what follows it was never part of the URL")
    return [] if is_alone else words[place:]


def _read_command(line: Line, words: list[str], stdin: Input, command: Command) -> None:
    before = len(line.calls)
    inner = unwrapped(words)
    name = program_of(inner.words[0]) if inner.words else ""
    if inner.text is not None:
        _read_shell(line, inner, _redirected(line, command, stdin, is_call=False))
        if len(line.calls) > before:
            _redirected(line, command, stdin, is_call=True)
    elif name in CALLERS:
        _read_call(line, name, inner.words[1:], _redirected(line, command, stdin, is_call=True))
    elif name == "sleep":
        _wait(line, inner.words, command)
    elif name:
        _pass(line, name, inner.words)
    else:
        line.adjustments += inner.adjustments  # `flock 9`: the lock is held from here on
    for found in line.calls[before:]:
        for adjust in (*inner.adjustments, *line.adjustments):
            adjust(found)


def _pass(line: Line, name: str, words: Sequence[str]) -> None:
    """Skip a command that is not a call. Raises `NotTakenOver` where a job can't do without it."""
    if name in {".", "source"}:
        line.warn(_UNKNOWN_FROM_FILES)
    elif name in _KEYWORDS or (name in _CONDITIONS and not _tests_for_caller(words)):
        raise NotTakenOver(f"is a shell script ({name}): only plain calls can be imported")
    elif name not in _SKIPPED | _CONDITIONS:
        raise NotTakenOver(_other_command(line, name, words))


def _read_shell(line: Line, inner: Inner, stdin: Input) -> None:
    """Read a line that another shell runs, such as of `sh -c`; variables that it sets end with it."""
    outside = dict(line.variables), line.shell
    for name, value in inner.variables:
        line.set(name, value)
    line.shell = inner.shell or line.shell
    _read_list(line, read_commands(line.in_shell(inner.text or "")), stdin)
    line.variables, line.shell = outside


def _read_call(line: Line, name: str, words: Sequence[str], stdin: Input) -> None:
    if stdin.text is not None:
        stdin = Input(None if computed(stdin.text) else as_manifest_text(stdin.text))
    call = read_curl(words, stdin, line.reference_to) if name == "curl" else read_wget(words, line.reference_to)
    call.reaching.use_environment(_proxies(line, name))
    line.written |= call.files
    line.calls.append(FoundCall(call, delay=line.delay, jitter=line.jitter))


def _proxies(line: Line, program: str) -> dict[str, str]:
    """The proxies that variables name: for wget, and for curl's http, only names in small letters count."""
    known = {**line.given, **line.variables}
    names = [name for name in known if name in _PROXIES or (program == "curl" and name.lower() in _PROXIES)]
    return {name.lower(): as_manifest_text(line.value_of(name)) for name in names if name != "HTTP_PROXY"}


def _wait(line: Line, words: Sequence[str], command: Command) -> None:
    """Add a `sleep` to the delay of the calls after it, unless it runs in the background."""
    if command.after == "&":
        return
    wait = wait_of(words[1:], computed)
    if wait is None:
        line.warn("the wait (sleep) is not kept: write a later minute, or jitter_sec")
        return
    if wait.jitter:
        is_known = line.shell in KNOW_BASH_TEXT or not any(
            "RANDOM" in code for word in words for code in computed(word)
        )
        unless = "" if is_known else f" ({line.shell} may not support RANDOM; then there was no wait)"
        line.warn(f"the random wait became jitter_sec: the job's delay within it is the same for each run{unless}")
    line.delay, line.jitter = line.delay + wait.delay, line.jitter + wait.jitter


def _tests_for_caller(words: Sequence[str]) -> bool:
    """Whether the command only tests that the program exists, such as `[ -x /usr/bin/curl ]`."""
    return len(words) > 2 and words[1] in {"-x", "-f", "-e"} and program_of(words[2]) in CALLERS


def _redirected(line: Line, command: Command, stdin: Input, *, is_call: bool) -> Input:
    """The standard input of the command after its redirections; warns if the answer of a call goes to a file."""
    for operator, word in command.redirections:
        line.check(word)
        if operator.endswith("<<<"):
            stdin = Input(expand(word, line.values) + "\n")
        elif operator.endswith("<"):
            stdin = Input(None, _plain_path(line, word))
        elif "<" in operator:
            stdin = Input(None)
        elif is_call and _OF_ANSWER.match(operator) and expand(word, line.values) not in NO_FILES:
            line.warn(TO_A_FILE)
    return stdin


_OF_ANSWER = re.compile(r"(1?>|&>)(?!&)")


def _plain_path(line: Line, word: Word) -> str | None:
    path = expand(word, line.values)
    return None if computed(path) or path in NO_FILES else path


def _other_command(line: Line, name: str, words: Sequence[str]) -> str:
    shown_name = _shown(name)
    also = "also " if line.calls else ""
    if name.startswith("-"):
        return "runs an option as a command: quote the &, ; or | before it, which ends a command outside quotes"
    is_user = name == "root" or (len(words) > 1 and program_of(words[1]) in CALLERS)
    hint = "; if that is a user, as in /etc/crontab, use --system" if is_user else ""
    return f"{also}runs {shown_name}, which is neither curl nor wget: only HTTP calls can be imported{hint}"


def _shown(program: str) -> str:
    """The name of the program, where it looks like one; else it may be a credential."""
    return program if _PROGRAM.fullmatch(program) else "a command"


_READERS = frozenset({
    "awk", "base64", "cat", "column", "cut", "egrep", "fgrep", "fmt", "fold", "gawk", "grep", "head", "html2text",
    "iconv", "jq", "less", "logger", "mail", "mailx", "mawk", "md5sum", "more", "mutt", "nl", "rev", "sed", "sendmail",
    "sha256sum", "sort", "strings", "systemd-cat", "tac", "tail", "tee", "tr", "ts", "uniq", "wc", "xmllint", "yq",
})  # fmt: skip
"""Programs that only show, store or check an answer. What others do with it may be the purpose of the line."""


def _check_answer(line: Line, words: Sequence[str]) -> None:
    """Warn that the program which reads the answer of the call is not kept; refuse one that acts on it."""
    inner = unwrapped(list(words))
    name = program_of((inner.words or words)[0]) if inner.text is None else inner.shell or "sh"
    if name in CALLERS:
        raise NotTakenOver("sends the answer of one call in another: one job makes one call")
    if name not in _READERS and inner.words[1:3] != ["-m", "json.tool"]:
        raise NotTakenOver(f"passes its answer to {_shown(name)}, which a job can't run")
    line.warn(f"the command that reads the answer is not kept ({_shown(name)}): the history has answers and failures")


def _note_failure_handler(line: Line, words: Sequence[str]) -> None:
    """Warn that the command which runs when the call fails is not kept."""
    name = program_of(words[0])
    if name not in {"true", ":", "exit"}:
        _warn_of_failure(line, _shown(name))


def _warn_of_failure(line: Line, name: str) -> None:
    line.warn(f"the command that runs when the call fails is not kept ({name}): the history has answers and failures")


def _printed(words: Sequence[str]) -> Input:
    """The output of echo, printf or cat, where that is plain text or the content of a file."""
    name, *text = program_of(words[0]), *words[1:]
    if name == "cat":
        return Input(
            None, text[0] if len(text) == 1 and not text[0].startswith("-") and not computed(text[0]) else None
        )
    if name == "printf":
        return Input(_formatted(text))
    ends = "\n"
    while text and re.fullmatch(r"-[neE]+", text[0]):
        ends = "" if "n" in text.pop(0) else ends
    joined = " ".join(text)
    return Input(None if "\\" in joined else joined + ends)


def _formatted(words: Sequence[str]) -> str | None:
    text, *others = words or [""]
    text = text.replace("\\n", "\n")
    if text.removesuffix("\n") == "%s" and len(others) == 1:
        return text.replace("%s", others[0])
    return None if others or "%" in text or "\\" in text else text
