"""The results of a walk through a source, folder by folder."""

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from myscheduler.core.source.ignoring import NOTHING, Ignoring
from myscheduler.core.source.snapshot import UnreadableFile
from myscheduler.messages.message import said

RACY_NS = 2_000_000_000
"""A file that changed less than this before a walk may change again without a new signature (see `is_racy`)."""


class Signature(NamedTuple):
    """The fields of `stat` that change whenever a file changes, as far as the file system's clock can tell."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_racy(self, taken_ns: int) -> bool:
        """Whether the file was so new at `taken_ns` that its next change may leave the same signature (git's term).

        Two writes within one tick of the file system's clock can leave the same signature, so a signature identifies a
        content only if the file was already old when the signature was taken.
        """
        return max(self.mtime_ns, self.ctime_ns) > taken_ns - RACY_NS


class Found(NamedTuple):
    """A manifest or reserved file; or a folder, whose path is empty (the root) or ends in `/`."""

    path: str
    """Relative to the root of the source."""
    real: str
    """The real path, with all symlinks resolved."""
    signature: Signature


class Listing(NamedTuple):
    """The relevant entries of one folder."""

    folder: Found
    items: "tuple[Found | UnreadableFile, ...]"
    """Manifests, reserved files and folders, in the order of the directory, which is stable while nothing changes."""
    ignored: frozenset[str]
    """Names in it that the ignore file leaves out; those of folders end with `/`."""
    strays: tuple[str, ...]
    """Sorted paths of files that look like manifests and are not read; at most one more than are reported."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The manifests below a root, sorted by path. Two trees are equal if no relevant file changed between them."""

    real: str
    """The real path of the root, with all symlinks resolved."""
    files: tuple[Found, ...]
    unreadable: tuple[UnreadableFile, ...]
    listings: Mapping[str, "Listing"] = field(compare=False)
    """Every folder that was listed, by real path. Not compared: an editor's swap file is not a change."""
    taken_ns: int = field(compare=False)
    ignoring: Ignoring = NOTHING
    strays: tuple[str, ...] = ()

    def without(self, paths: AbstractSet[str]) -> Self:
        """The same tree with these paths reported as unreadable, because they keep changing."""
        if not paths:
            return self
        rest = [file for file in self.unreadable if file.path not in paths]
        restless = [UnreadableFile(path, said("keeps-changing")) for path in paths]
        return replace(
            self,
            files=tuple(found for found in self.files if found.path not in paths),
            unreadable=tuple(sorted([*rest, *restless], key=lambda file: file.path)),
        )


def changed(before: Tree, after: Tree) -> set[str]:
    """The paths whose file differs between the two trees, or is in only one of them."""
    files, unreadable = {*before.files} ^ {*after.files}, {*before.unreadable} ^ {*after.unreadable}
    return {found.path for found in files} | {file.path for file in unreadable}
