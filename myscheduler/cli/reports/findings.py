"""The findings of one validation, before they are written in a format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.manifest.declared import DeclaredJob


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of validating the files at the paths of a command."""

    jobs: Mapping[str, DeclaredJob]
    """The valid jobs, by their ids."""
    problems: tuple[Problem, ...]
    """Sorted by location."""
    is_strict: bool = False
    """Whether warnings count as errors."""
    skipped: int = 0
    """How many Kubernetes objects without manifests were skipped."""
    excluded: int = 0
    """How many files were left out by `--exclude`."""

    @property
    def is_valid(self) -> bool:
        return not any(map(self.fails, self.problems))

    def fails(self, problem: Problem) -> bool:
        """Whether the problem makes the validation fail."""
        return self.is_strict or problem.severity is Severity.ERROR


def within_here(path: str) -> str:
    """The path relative to the working directory, if it is below it: CI services identify files that way."""
    absolute = Path(path)
    if absolute.is_absolute() and absolute.is_relative_to(Path.cwd()):
        return absolute.relative_to(Path.cwd()).as_posix()
    return path
