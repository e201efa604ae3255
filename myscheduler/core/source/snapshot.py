"""A snapshot of a source: the files that were read, those that could not be read, and a revision for the whole."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Self

from myscheduler.errors import MySchedulerError

REVISION_DIGITS = 12
CALENDARS = "calendars.yaml"
"""The file at the root that defines calendars by name."""
POLICY = "policy.yaml"
"""The file at the root with the rules for what jobs may do."""
ACCESS = "access.yaml"
"""The file at the root with the API tokens and issuers that count, and what they may do."""
NOTIFICATIONS = "notifications.yaml"
"""The file at the root that says whom to tell when a job is in trouble."""
VARS = "vars.yaml"
"""The file at the root with the variables that templates use."""
IGNORE = ".myschedulerignore"
"""The file at the root that names files that are not manifests, in the format of a .gitignore."""
TARGETS = "targets.yaml"
"""The file at the root with what calls have in common."""
RESERVED = frozenset({POLICY, TARGETS, CALENDARS, ACCESS, NOTIFICATIONS, VARS})
"""Files at the root that configure the service and declare no jobs."""

SUFFIXES = (".yaml", ".yml")
"""The endings of the names of manifests."""


def reserved_name_meant(path: str) -> str | None:
    """The reserved name that a path was probably meant to have, else `None`.

    For example `policy.yaml` for `Policy.yaml`, `policy.yml`, `policy.yaml.txt`, and for `policy.yaml` in a folder.
    """
    name = path.rpartition("/")[2]
    meant = re.sub(r"\.ya?ml(\.txt)?$", ".yaml", name.lower())
    return meant if meant in {POLICY, CALENDARS, ACCESS, NOTIFICATIONS} else None


class SourceUnavailable(MySchedulerError):  # noqa: N818 -- it names the state that stops the pass
    """The source as a whole can't be read: nothing is known about any job, so no job may be changed."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One manifest file as read."""

    path: str
    """Relative to the root, separated by `/`."""
    content: bytes = field(repr=False)
    digest: str
    """SHA-256 of the content, in hex."""

    @classmethod
    def of(cls, path: str, content: bytes) -> Self:
        return cls(path, content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A manifest, or a whole folder, whose content is unknown: its jobs stay as they are and are never deleted."""

    path: str
    """A path that ends in `/` is a folder; everything below it is unknown."""
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole source at one moment. Files are sorted by path."""

    files: tuple[SourceFile, ...]
    unreadable: tuple[UnreadableFile, ...]
    revision: str
    """A digest of all paths and contents: equal content has the same revision, whenever and wherever it is read."""
    calendars: SourceFile | UnreadableFile | None = None
    policy: SourceFile | UnreadableFile | None = None
    ignore: SourceFile | None = None
    """The ignore file, which is already applied to `files`. It is never unreadable: then there is no snapshot."""
    strays: tuple[str, ...] = ()
    """Paths of files that are not read, although their names suggest it. They are not part of the revision."""
    access: SourceFile | UnreadableFile | None = None
    notifications: SourceFile | UnreadableFile | None = None
    variables: SourceFile | UnreadableFile | None = None
    targets: SourceFile | UnreadableFile | None = None

    @property
    def is_bare(self) -> bool:
        """Whether the source is completely empty, as when a volume isn't mounted."""
        return not (self.files or self.unreadable or any(self.own))

    @property
    def own(self) -> tuple[SourceFile | UnreadableFile, ...]:
        """The reserved files and the ignore file that there are."""
        own = (
            self.calendars, self.policy, self.access, self.notifications, self.variables, self.targets, self.ignore,
        )  # fmt: skip
        return tuple(one for one in own if one is not None)

    def without(self, paths: Collection[str], name: Callable[[str], str] = str) -> Self:
        """The snapshot without files that are no manifests, although they are below its root; the same revision.

        `name` makes equal what is the same path, if the paths are not all written alike.
        """
        if not paths:
            return self
        return replace(
            self,
            files=tuple(one for one in self.files if name(one.path) not in paths),
            unreadable=tuple(one for one in self.unreadable if name(one.path) not in paths),
            strays=tuple(path for path in self.strays if name(path) not in paths),
        )

    def find(self, path: str) -> SourceFile | UnreadableFile | None:
        """The file with this path, a reserved one or the ignore file too; `None` if there is none."""
        return next((one for one in chain(self.files, self.unreadable, self.own) if one.path == path), None)

    @classmethod
    def of(
        cls,
        files: Iterable[SourceFile],
        unreadable: Iterable[UnreadableFile] = (),
        calendars: SourceFile | UnreadableFile | None = None,
        policy: SourceFile | UnreadableFile | None = None,
        ignore: SourceFile | None = None,
        access: SourceFile | UnreadableFile | None = None,
        notifications: SourceFile | UnreadableFile | None = None,
        variables: SourceFile | UnreadableFile | None = None,
        targets: SourceFile | UnreadableFile | None = None,
    ) -> Self:
        read = tuple(sorted(files, key=lambda file: file.path))
        unread = tuple(sorted(unreadable, key=lambda file: file.path))
        revision = _revision(read, unread, calendars, policy, ignore, access, notifications, variables, targets)
        return cls(
            read, unread, revision, calendars, policy, ignore, access=access, notifications=notifications,
            variables=variables, targets=targets,
        )  # fmt: skip


def _revision(
    files: tuple[SourceFile, ...],
    unreadable: tuple[UnreadableFile, ...],
    *reserved: SourceFile | UnreadableFile | None,
) -> str:
    whole = hashlib.sha256()
    for file in (*files, *(one for one in reserved if isinstance(one, SourceFile))):
        whole.update(f"{file.path}\0{file.digest}\0".encode())  # NUL is in no path, so this is unambiguous
    for unread in (*unreadable, *(one for one in reserved if isinstance(one, UnreadableFile))):
        whole.update(f"{unread.path}\0unreadable\0".encode())
    return f"sha256:{whole.hexdigest()[:REVISION_DIGITS]}"
