"""The state while a crontab line is read: its variables, its secrets, and the calls found so far."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from myscheduler.core.bounds import LARGEST_EXPANSION
from myscheduler.core.crontab.code import check_code
from myscheduler.core.crontab.credentials import is_credential_variable
from myscheduler.core.crontab.dates import Clocks, is_date, read_date
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.expressions import Expressions
from myscheduler.core.crontab.markers import has_expression
from myscheduler.core.crontab.shell import BashText, Command, Computed, Word
from myscheduler.core.crontab.shell_text import Values, code_marked, computed, expand, fields, is_marked, marked
from myscheduler.core.crontab.wrappers import Adjustment, FoundCall


class Secrets(Protocol):
    """Names the secrets that replace credentials, unset variables and file contents."""

    def of_variable(self, name: str, value: str | None) -> str:
        """The name of the secret for a variable with this value; `None` where nothing sets it."""

    def of_file(self, path: str) -> str:
        """The name of the secret for the content of a file."""


@dataclass(slots=True)
class Found:
    """The calls of a line, and the secrets that they refer to."""

    calls: list[FoundCall]
    warnings: list[str]
    """About the line as a whole, not about one call."""
    unset: Mapping[str, str]
    """Variables that nothing in the crontab sets, by the secrets that replace them in the calls."""
    hidden: Mapping[str, tuple[str, str]] = field(repr=False)
    """Variables that hold credentials, as name and value, by the secrets that replace them."""
    files: Mapping[str, str]
    """Files whose content is sent, by the secrets that replace it."""


@dataclass(slots=True)
class Line:
    """What has been read of a line so far.

    A variable named like a credential never has its value in `variables`, only the marker of the secret for it.
    """

    secrets: Secrets
    expressions: Expressions
    clocks: Clocks
    given: Mapping[str, str] = field(repr=False)
    """The variables that the crontab sets; each is copied to `variables` when it is first read."""
    shell: str
    """The name of the shell that runs the commands."""
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    expanded: int = 0
    """How many characters variables have expanded to."""
    unset: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    files: dict[str, str] = field(default_factory=dict)
    calls: list[FoundCall] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    """Files that the line writes itself."""
    adjustments: list[Adjustment] = field(default_factory=list)
    """Applied to all calls from here on."""
    delay: float = 0
    jitter: int = 0

    @property
    def values(self) -> Values:
        return Values(self.value_of, self.content_of, self.result_of, self.unquoted)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def set(self, name: str, value: str) -> None:
        """Set a variable; the value of a credential is replaced by the marker of its secret."""
        if value and is_credential_variable(name) and not _is_marker(value):
            secret = self.secrets.of_variable(name, value)
            self.hidden[secret] = name, value
            value = marked(secret)
        self.variables[name] = value

    def value_of(self, name: str) -> str:
        if name not in self.variables and name in self.given:
            self.set(name, self.given[name])
        if name not in self.variables:
            secret = self.secrets.of_variable(name, None)
            self.unset[secret] = name
            self.variables[name] = marked(secret)
        self.expanded += len(self.variables[name])
        if self.expanded > LARGEST_EXPANSION:
            raise NotTakenOver(f"its variables expand to more than {LARGEST_EXPANSION:,} characters")
        return self.variables[name]

    def result_of(self, code: str) -> str:
        """What stands for shell code: a date is an expression of a template, everything else stays code."""
        if not is_date(code):
            return code_marked(code)
        zone = self.variables.get("TZ", self.given.get("TZ"))
        try:
            return self.expressions.marker(read_date(code, self.values, self.expressions, self.clocks, zone))
        except NotTakenOver as fault:
            return code_marked(code, str(fault))

    def unquoted(self, text: str) -> str:
        """The text outside quotes, where a date with white space would become several words."""
        for marker, moment in self.expressions.moments_in(text):
            if moment.has_space:
                text = text.replace(marker, code_marked("$(date)", "it prints white space: put it in double quotes"))
        return text

    def in_shell(self, text: str) -> str:
        """The text of a line that another shell reads, to which what a date prints would be code."""
        for marker, moment in self.expressions.moments_in(text):
            if not moment.is_plain:
                text = text.replace(marker, code_marked("$(date)", "a shell reads what it prints: compute it there"))
        return text

    def content_of(self, path: str) -> str:
        return marked(self._secret_of(path))

    def reference_to(self, path: str) -> str:
        """The reference that a manifest has in place of the content of a file that a call sends."""
        return f"${{secret:{self._secret_of(path)}}}"

    def _secret_of(self, path: str) -> str:
        if path in self.written:
            raise NotTakenOver("reads a file that the line itself writes")
        if has_expression(path):
            raise NotTakenOver("reads a file whose name is computed at each run")
        secret = self.secrets.of_file(path)
        self.files[secret] = path
        return secret

    def words_of(self, command: Command) -> list[str]:
        """The words of a command after expansion, as the shell passes them to the program."""
        words: list[str] = []
        may_set = True
        for word in command.words:
            self.check(word)
            if may_set and isinstance(word[0], str) and _ASSIGNMENT.match(word[0]):
                words.append(expand(word, self.values))
            else:
                words += fields(word, self.values)
                may_set = may_set and words == ["export"]
        return words

    def check(self, word: Word) -> None:
        """Raise `ShellError` where the word has code that a job can't do without; warn of `$'…'` outside bash."""
        for part in word:
            if isinstance(part, Computed):
                check_code(part.code)
            elif isinstance(part, BashText) and self.shell not in KNOW_BASH_TEXT:
                self.warn(f"$'…' is read as in bash: {self.shell} may read it differently")


def _is_marker(value: str) -> bool:
    return is_marked(value) or bool(computed(value)) or has_expression(value)


_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
KNOW_BASH_TEXT = frozenset({"bash", "rbash", "zsh", "ksh", "mksh"})
