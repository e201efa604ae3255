"""What a walk through a source found, folder by folder."""

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from myscheduler.core.source.ignoring import NOTHING, Ignoring
from myscheduler.core.source.snapshot import UnreadableFile

RACY_NS = 2_000_000_000


class Signature(NamedTuple):
    """What changes whenever a file changes, as far as the clock of the file system can tell."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def is_racy(self, taken_ns: int) -> bool:
        """Git's word: the file was so fresh when it was looked at that its next change may leave no trace.

        Two writes within one tick of the file system's clock can leave the same signature, so only a file that was
        already old may be recognised by it later.
        """
        return max(self.mtime_ns, self.ctime_ns) > taken_ns - RACY_NS


class Found(NamedTuple):
    """A manifest, or a folder while it waits to be listed (its path is empty or ends in `/`)."""

    path: str
    real: str
    """Where it lies once every symlink is followed."""
    signature: Signature


class Listing(NamedTuple):
    """What counts in a folder."""

    folder: Found
    items: "tuple[Found | UnreadableFile, ...]"
    """In the order of the folder, which stays as long as nothing in it changes."""
    ignored: frozenset[str]
    """Names in it that the ignore file leaves out; those of folders end with `/`."""
    strays: tuple[str, ...]
    """Paths in it that look as if they were read and are not, sorted; no more of them than are told, and one."""


@dataclass(frozen=True, slots=True)
class Tree:
    """The manifests below a root, sorted. Two trees are equal when nothing that counts changed between them."""

    real: str
    """The root once every symlink is followed."""
    files: tuple[Found, ...]
    unreadable: tuple[UnreadableFile, ...]
    listings: Mapping[str, "Listing"] = field(compare=False)
    """Every folder that was listed, by real path. Not compared: an editor's swap file is no change."""
    taken_ns: int = field(compare=False)
    ignoring: Ignoring = NOTHING
    strays: tuple[str, ...] = ()

    def without(self, paths: AbstractSet[str]) -> Self:
        """The same tree, where nothing is known of these paths because they never come to rest."""
        if not paths:
            return self
        rest = [file for file in self.unreadable if file.path not in paths]
        restless = [UnreadableFile(path, "keeps changing") for path in paths]
        return replace(
            self,
            files=tuple(found for found in self.files if found.path not in paths),
            unreadable=tuple(sorted([*rest, *restless], key=lambda file: file.path)),
        )


def changed(before: Tree, after: Tree) -> set[str]:
    """The paths at which something else stands, or nothing."""
    files, unreadable = {*before.files} ^ {*after.files}, {*before.unreadable} ^ {*after.unreadable}
    return {found.path for found in files} | {file.path for file in unreadable}
