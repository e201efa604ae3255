"""A line of a crontab while it is read: what its words hold, and the calls that were found in it so far."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from myscheduler.core.bounds import LARGEST_EXPANSION
from myscheduler.core.crontab.code import check_code
from myscheduler.core.crontab.credentials import is_credential_variable
from myscheduler.core.crontab.shell import BashText, Command, Computed, Word
from myscheduler.core.crontab.shell_text import Values, computed, expand, fields, is_marked, marked
from myscheduler.core.crontab.web_call import NotTakenOver
from myscheduler.core.crontab.wrappers import FoundCall, Saying


class Secrets(Protocol):
    """The names of secrets for what a line does not hold itself."""

    def of_variable(self, name: str, value: str | None) -> str:
        """For a variable and its value; `None` where nobody sets it."""

    def of_file(self, path: str) -> str:
        """For what stands in a file."""


@dataclass(slots=True)
class Found:
    """The calls of a line."""

    calls: list[FoundCall]
    warnings: list[str]
    """What is to be said of the line."""
    unset: Mapping[str, str]
    """Variables that nobody in the crontab sets, by the secrets that stand for them in the calls."""
    hidden: Mapping[str, tuple[str, str]] = field(repr=False)
    """Variables that hold credentials, with their values, by the secrets that stand for them."""
    files: Mapping[str, str]
    """Files whose content is sent, by the secrets that stand for it."""


@dataclass(slots=True)
class Line:
    """What was read of a line so far."""

    secrets: Secrets
    given: Mapping[str, str] = field(repr=False)
    """The settings of the crontab; one is taken over when it is asked for."""
    shell: str
    """The program that reads the commands."""
    variables: dict[str, str] = field(default_factory=dict, repr=False)
    expanded: int = 0
    """Characters that variables have put into words."""
    unset: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    files: dict[str, str] = field(default_factory=dict)
    calls: list[FoundCall] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: set[str] = field(default_factory=set)
    """Files that the line writes itself."""
    said: list[Saying] = field(default_factory=list)
    """What holds for all calls from here on."""
    delay: float = 0
    jitter: int = 0

    @property
    def values(self) -> Values:
        return Values(self.value_of, self.content_of)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def set(self, name: str, value: str) -> None:
        """The value of a credential goes no further: a secret stands for it from here on."""
        if value and is_credential_variable(name) and not is_marked(value) and not computed(value):
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

    def content_of(self, path: str) -> str:
        return marked(self._secret_of(path))

    def reference_to(self, path: str) -> str:
        """What a manifest says instead of the content of a file that a call sends."""
        return f"${{secret:{self._secret_of(path)}}}"

    def _secret_of(self, path: str) -> str:
        if path in self.written:
            raise NotTakenOver("reads a file that the line itself writes")
        secret = self.secrets.of_file(path)
        self.files[secret] = path
        return secret

    def words_of(self, command: Command) -> list[str]:
        """The words of a command as the shell hands them over."""
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
        for part in word:
            if isinstance(part, Computed):
                check_code(part.code)
            elif isinstance(part, BashText) and self.shell not in KNOW_BASH_TEXT:
                self.warn(f"$'…' is read as bash does it: {self.shell} may be another shell")


_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)
KNOW_BASH_TEXT = frozenset({"bash", "rbash", "zsh", "ksh", "mksh"})
