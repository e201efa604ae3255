"""What changed in a file of the source between two commits."""

from dataclasses import dataclass
from datetime import datetime

MOST_LINES = 100
"""The most lines of a change that are kept."""
LONGEST_LINE = 300
"""The most characters of a line, a name or a subject that are kept."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """The last commit that changed a file, and all that changed in it since an earlier one."""

    commit: str
    author: str
    """The name, without the address."""
    at: datetime
    subject: str
    lines: tuple[str, ...]
    """The lines that were removed, with `-`, and added, with `+`, in order; not more than `MOST_LINES`."""
