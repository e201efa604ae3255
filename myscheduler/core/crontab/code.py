"""Checks code that the shell evaluates when a crontab line runs, such as `$(date)`: a job must do without it."""

import re

from myscheduler.core.crontab.shell import Command, Computed, ShellError, read_commands
from myscheduler.core.crontab.shell_text import shown
from myscheduler.core.crontab.wrappers import CALLERS, program_of

_HARMLESS = frozenset({
    "awk", "basename", "cat", "cut", "date", "df", "dirname", "du", "echo", "expr", "free", "grep", "head", "hostname",
    "id", "jq", "ls", "mktemp", "nproc", "od", "printf", "pwd", "sed", "seq", "shuf", "sort", "stat", "tail", "tr",
    "uname", "uptime", "uuidgen", "wc", "whoami",
})  # fmt: skip
"""Programs that may run inside `$(…)`: they only look something up, so a job can do without them."""
_DEEPEST_CODE = 5


def check_code(code: str, depth: int = 0) -> None:
    """Raise `ShellError` where the code does more than look something up, such as make a call."""
    is_command = code[0] == "`" or (code.startswith("$(") and not code.startswith("$(("))
    if not is_command:
        if "$(" in code[2:] or "`" in code:
            raise ShellError(f"{shown(code)} is computed by the shell at each run: a manifest can't do that")
        return
    inner = code[1:-1] if code[0] == "`" else code[2:-1]
    if depth == _DEEPEST_CODE:
        raise ShellError(f"{shown(code)} is nested too deeply")
    for command in read_commands(inner):
        name = program_of(_first_text(command))
        if name in CALLERS:
            raise ShellError(f"its call is inside {shown(code)}: write it as a separate command")
        is_joined = name == "xargs" and len(command.words) == 1
        if command.group or (name not in _HARMLESS and not is_joined):
            raise ShellError(f"{shown(code)} is computed by the shell at each run, by a program that a job can't run")
        for word in (*command.words, *(word for _, word in command.redirections)):
            for part in word:
                if isinstance(part, Computed):
                    check_code(part.code, depth + 1)


def _first_text(command: Command) -> str:
    """The beginning of the first word that is not an assignment."""
    firsts = (word[0] if isinstance(word[0], str) else "" for word in command.words)
    return next((text for text in firsts if not re.match(r"[A-Za-z_]\w*=", text)), "")
