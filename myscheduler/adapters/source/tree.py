"""What counts as a manifest below a folder, found by names and stat alone: no content is read here."""

import errno
import heapq
import os
import re
import stat
import time
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

from myscheduler import causes
from myscheduler.core.bounds import LARGEST_FILE
from myscheduler.core.source import POLICY, RESERVED, SourceUnavailable, UnreadableFile

SUFFIXES = (".yaml", ".yml")
TOO_LARGE = f"larger than {LARGEST_FILE // 1024**2} MiB"
RACY_NS = 2_000_000_000

_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
"""It would break the lines of logs and reports apart."""

_REASONS = {
    errno.ENOENT: "is a dangling symlink",
    errno.ENOTDIR: "is a dangling symlink",
    errno.ELOOP: "is a symlink loop",
}


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


@dataclass(frozen=True, slots=True)
class Tree:
    """The manifests below a root, sorted. Two trees are equal when nothing that counts changed between them."""

    real: str
    """The root once every symlink is followed."""
    files: tuple[Found, ...]
    unreadable: tuple[UnreadableFile, ...]
    folders: Mapping[str, Signature] = field(compare=False)
    """Every folder that was listed, by real path. Not compared: an editor's swap file is no change."""
    taken_ns: int = field(compare=False)

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


def walk(root: Path, before: Tree | None = None) -> Tree:
    """Find every manifest below `root`. The reserved files are found too: they are part of the source, if no manifests.

    Symlinks are followed and each real file and folder is taken once, under its first path in sorted order (the
    reserved files before all others), which also ends symlink loops. What vanishes meanwhile is left out: the reader
    walks twice and so notices.

    Every file is looked at each time. Of those that stand as an earlier walk found them, its findings are handed out
    again: that saves half of the time, and the memory of all walks but one.
    """
    taken_ns = time.time_ns()
    known = {found.real: found for found in before.files} if before else {}
    files: list[Found] = []
    reserved: list[Found] = []
    unreadable: list[UnreadableFile] = []
    folders: dict[str, Signature] = {}
    top = _root(root)
    waiting = [top]
    while waiting:
        folder = heapq.heappop(waiting)  # before what is in it, so paths come out in sorted order
        if folder.real in folders:
            continue
        folders[folder.real] = folder.signature
        for item in _list(folder, root, known):
            if isinstance(item, UnreadableFile):
                unreadable.append(item)
            elif item.path.endswith("/"):
                heapq.heappush(waiting, item)
                if item.path == f"{POLICY}/":  # a mount of a file that doesn't exist makes a folder of its name
                    unreadable.append(UnreadableFile(POLICY, "is a folder"))
            else:
                (reserved if item.path in RESERVED else files).append(item)
    unreadable.sort(key=lambda file: file.path)
    return Tree(top.real, _each_once(reserved, files), tuple(unreadable), folders, taken_ns)


def _each_once(reserved: list[Found], files: list[Found]) -> tuple[Found, ...]:
    """Sorted. Two links to one reserved file are both found: one may not take the other's place."""
    taken = {found.real for found in reserved}
    files.sort()
    rest: dict[str, Found] = {}
    for found in files:
        if found.real not in taken:
            rest.setdefault(found.real, found)
    return tuple(sorted([*reserved, *rest.values()]))


def reason_of(error: OSError) -> str:
    """For people: why this can't be read."""
    return _REASONS.get(error.errno or 0) or causes.reason_of(error).lower()


def _unavailable(root: Path, error: OSError) -> SourceUnavailable:
    advice = "" if causes.is_lack(error) else ": make the folder readable for this process"
    return SourceUnavailable(f"{root}: {reason_of(error)}{advice}")


def _root(root: Path) -> Found:
    try:
        real = os.path.realpath(root, strict=True)
        status = os.stat(real)  # noqa: PTH116 -- this package works on plain strings: Path is ten times slower
    except FileNotFoundError:
        message = f"{root}: does not exist: create the folder, or correct the path (MYSCHEDULER_JOBS_DIR)"
        raise SourceUnavailable(message) from None
    except OSError as error:
        raise _unavailable(root, error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise SourceUnavailable(f"{root}: is not a directory: name the folder that holds the manifests")
    return Found("", real, Signature.of(status))


def _list(folder: Found, root: Path, known: Mapping[str, Found]) -> list[Found | UnreadableFile]:
    try:
        with os.scandir(folder.real) as entries:
            looks = [_look(folder.path, entry, known) for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        if not folder.path:
            raise _unavailable(root, error) from error
        if causes.is_lack_of_files(error):  # of nobody's folder in particular, so nothing is known of any
            raise _unavailable(Path(folder.real), error) from error
        if isinstance(error, FileNotFoundError):
            return []
        return [UnreadableFile(folder.path, reason_of(error))]
    return [look for look in looks if look is not None]


def _look(prefix: str, entry: os.DirEntry[str], known: Mapping[str, Found]) -> Found | UnreadableFile | None:
    path, named = prefix + entry.name, entry.name.endswith(SUFFIXES)
    try:
        if not named and entry.is_file(follow_symlinks=False):
            return None
        status = entry.stat()
        real = os.path.realpath(entry.path, strict=True) if entry.is_symlink() else entry.path
        if (before := known.get(real)) and before.path == path and before.signature == Signature.of(status):
            return before
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not entry.is_symlink():
            return None
        # A link that leads nowhere may have been a folder (an unmounted disk): then all below it is unknown.
        return _unreadable(path if named else f"{path}/", reason_of(error))
    if stat.S_ISDIR(status.st_mode):
        return _found(f"{path}/", real, status)
    return _judge(path, real, status) if named else None


def _judge(path: str, real: str, status: os.stat_result) -> Found | UnreadableFile:
    if not stat.S_ISREG(status.st_mode):
        return _unreadable(path, "is not a regular file")
    if status.st_size > LARGEST_FILE:
        return _unreadable(path, TOO_LARGE)
    return _found(path, real, status)


def _found(path: str, real: str, status: os.stat_result) -> Found | UnreadableFile:
    try:
        path.encode()
    except UnicodeEncodeError:  # it could be neither stored nor sent as JSON
        return _unreadable(path, "the name is not UTF-8")
    if _CONTROL.search(path):
        return _unreadable(path, "the name holds a line break or another control character")
    return Found(path, real, Signature.of(status))


def _unreadable(path: str, reason: str) -> UnreadableFile:
    shown = path.encode("utf-8", "backslashreplace").decode()
    return UnreadableFile(_CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), shown), reason)
