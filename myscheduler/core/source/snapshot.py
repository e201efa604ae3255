"""The manifests of one moment, as bytes: what was read, what could not be read, and a name for the whole."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from myscheduler.errors import MySchedulerError

REVISION_DIGITS = 12
CALENDARS = "calendars.yaml"
"""The file at the root that names calendars."""
POLICY = "policy.yaml"
"""The file at the root that says what jobs may do."""
IGNORE = ".myschedulerignore"
"""The file at the root that says what is no manifest, as a .gitignore does."""
RESERVED = frozenset({POLICY, "targets.yaml", CALENDARS})
"""At the root only; they configure the service and declare no job."""

SUFFIXES = (".yaml", ".yml")
"""What the names of manifests end with."""


def reserved_name_meant(path: str) -> str | None:
    """`policy.yaml` for `Policy.yaml`, `policy.yml`, `policy.yaml.txt`, and for itself in a folder; else `None`."""
    name = path.rpartition("/")[2]
    meant = re.sub(r"\.ya?ml(\.txt)?$", ".yaml", name.lower())
    return meant if meant in {POLICY, CALENDARS} else None


class SourceUnavailable(MySchedulerError):  # noqa: N818 -- it names the state that stops the pass
    """The source as a whole can't be read, so nothing is known about any job and nothing may change."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One manifest file as read."""

    path: str
    """Relative to the root, `/` separated, as people see it."""
    content: bytes = field(repr=False)
    digest: str
    """SHA-256 of the content, in hex."""

    @classmethod
    def of(cls, path: str, content: bytes) -> Self:
        return cls(path, content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A manifest, or a whole folder, whose content is unknown: its jobs are held, never deleted."""

    path: str
    """A path that ends in `/` is a folder, and everything below it is unknown."""
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole source at one moment, sorted by path."""

    files: tuple[SourceFile, ...]
    unreadable: tuple[UnreadableFile, ...]
    revision: str
    """The same for the same paths with the same content, whenever and wherever they were read."""
    calendars: SourceFile | UnreadableFile | None = None
    policy: SourceFile | UnreadableFile | None = None
    ignore: SourceFile | None = None
    """What it says is done already. It can always be read: without it nothing would be known of any file."""
    strays: tuple[str, ...] = ()
    """Paths that somebody may think are read. They are no part of the revision."""

    @property
    def is_bare(self) -> bool:
        """Nothing at all stands in it, as where a disk isn't mounted."""
        return not (self.files or self.unreadable or self.calendars or self.policy or self.ignore)

    @classmethod
    def of(
        cls,
        files: Iterable[SourceFile],
        unreadable: Iterable[UnreadableFile] = (),
        calendars: SourceFile | UnreadableFile | None = None,
        policy: SourceFile | UnreadableFile | None = None,
        ignore: SourceFile | None = None,
    ) -> Self:
        read = tuple(sorted(files, key=lambda file: file.path))
        unread = tuple(sorted(unreadable, key=lambda file: file.path))
        return cls(read, unread, _revision(read, unread, calendars, policy, ignore), calendars, policy, ignore)


def _revision(
    files: tuple[SourceFile, ...],
    unreadable: tuple[UnreadableFile, ...],
    *reserved: SourceFile | UnreadableFile | None,
) -> str:
    whole = hashlib.sha256()
    for file in (*files, *(one for one in reserved if isinstance(one, SourceFile))):
        whole.update(f"{file.path}\0{file.digest}\0".encode())  # a path never holds a NUL, so no two sources read alike
    for unread in (*unreadable, *(one for one in reserved if isinstance(one, UnreadableFile))):
        whole.update(f"{unread.path}\0unreadable\0".encode())
    return f"sha256:{whole.hexdigest()[:REVISION_DIGITS]}"
