"""The findings of one run over manifests, before they are written in some format."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.manifest.declared import DeclaredJob


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found at the paths."""

    jobs: Mapping[str, DeclaredJob]
    """The jobs that can be used."""
    problems: tuple[Problem, ...]
    """Sorted by place."""
    is_strict: bool = False
    """Warnings fail too."""
    skipped: int = 0
    """Kubernetes objects that hold no manifests."""
    excluded: int = 0
    """Files that were left out on demand."""

    @property
    def is_valid(self) -> bool:
        return not any(map(self.fails, self.problems))

    def fails(self, problem: Problem) -> bool:
        return self.is_strict or problem.severity is Severity.ERROR


def within_here(path: str) -> str:
    """The path as the present folder sees it, where it lies below; CI services know files by that."""
    absolute = Path(path)
    if absolute.is_absolute() and absolute.is_relative_to(Path.cwd()):
        return absolute.relative_to(Path.cwd()).as_posix()
    return path
