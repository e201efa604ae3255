"""What counts as a manifest below a folder, found by names and stat alone: no content is read here."""

import errno
import heapq
import os
import re
import stat
import time
from collections.abc import Iterable, Mapping
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


class Listing(NamedTuple):
    """What counts in a folder."""

    folder: Found
    items: "tuple[Found | UnreadableFile, ...]"
    """In the order of the folder, which stays as long as nothing in it changes."""


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


def rests(root: Path, tree: Tree, since: Tree) -> bool:
    """Whether folders, and what is new since an earlier walk, are still as `tree` says.

    It takes a hundredth of a walk where little is new, and sees less: not what happens to the other files.
    """
    if os.path.realpath(root) != tree.real:
        return False
    return all(
        isinstance(item, Found) and _is_still(item)
        for real, listing in tree.listings.items()
        for item in (listing.folder, *_new_items(listing, since.listings.get(real)))
    )


def _new_items(listing: Listing, before: Listing | None) -> AbstractSet[Found | UnreadableFile]:
    if listing is before:
        return frozenset()
    return {*listing.items} - {*(before.items if before else ())}


def _is_still(found: Found) -> bool:
    try:
        return Signature.of(os.stat(found.real)) == found.signature  # noqa: PTH116 -- as below
    except OSError:
        return False


def walk(root: Path, before: Tree | None = None) -> Tree:
    """Find every manifest below `root`. The reserved files are found too: they are part of the source, if no manifests.

    Symlinks are followed and each real file and folder is taken once, under its first path in sorted order (the
    reserved files before all others), which also ends symlink loops. What vanishes meanwhile is left out: the reader
    walks twice and so notices.

    Every file is looked at each time. Of those that stand as an earlier walk found them, its findings are handed out
    again: that saves more than half of the time, and the memory of all walks but one.
    """
    taken_ns = time.time_ns()
    known = before.listings if before else {}
    listings: dict[str, Listing] = {}
    top = _root(root)
    waiting = [top]
    while waiting:
        folder = heapq.heappop(waiting)  # before what is in it, so paths come out in sorted order
        if folder.real in listings:
            continue
        listings[folder.real] = listing = _list(folder, root, known.get(folder.real))
        for item in listing.items:
            if isinstance(item, Found) and item.path.endswith("/"):
                heapq.heappush(waiting, item)
    if before is not None and before.real == top.real and _alike(before.listings, listings):
        return replace(before, listings=listings, taken_ns=taken_ns)
    return Tree(top.real, *_sorted(listings.values()), listings, taken_ns)


def _alike(before: Mapping[str, Listing], after: Mapping[str, Listing]) -> bool:
    """Whether the same items were found; a folder itself changes with everything in it, also what does not count."""
    return before.keys() == after.keys() and all(listing.items == before[real].items for real, listing in after.items())


def _sorted(listings: Iterable[Listing]) -> tuple[tuple[Found, ...], tuple[UnreadableFile, ...]]:
    files: list[Found] = []
    reserved: list[Found] = []
    unreadable: list[UnreadableFile] = []
    for listing in listings:
        for item in listing.items:
            if isinstance(item, UnreadableFile):
                unreadable.append(item)
            elif item.path == f"{POLICY}/":  # a mount of a file that doesn't exist makes a folder of its name
                unreadable.append(UnreadableFile(POLICY, "is a folder"))
            elif not item.path.endswith("/"):
                (reserved if item.path in RESERVED else files).append(item)
    unreadable.sort(key=lambda file: file.path)
    return _each_once(reserved, files), tuple(unreadable)


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


def _list(folder: Found, root: Path, before: Listing | None) -> Listing:
    try:
        with os.scandir(folder.real) as entries:
            items = _look_at_all(folder.path, entries, before)
    except OSError as error:
        if not folder.path:
            raise _unavailable(root, error) from error
        if causes.is_lack_of_files(error):  # of nobody's folder in particular, so nothing is known of any
            raise _unavailable(Path(folder.real), error) from error
        if isinstance(error, FileNotFoundError):
            return Listing(folder, ())
        return Listing(folder, (UnreadableFile(folder.path, reason_of(error)),))
    if before is not None and before.items == items:
        return before if before.folder == folder else Listing(folder, before.items)
    return Listing(folder, items)


def _look_at_all(
    prefix: str, entries: Iterable[os.DirEntry[str]], before: Listing | None
) -> tuple[Found | UnreadableFile, ...]:
    known = {item.path: item for item in before.items if isinstance(item, Found)} if before else {}
    items: list[Found | UnreadableFile] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        found = known.get(prefix + entry.name)
        if found is not None and _stands(entry, found):
            items.append(found)
        elif (item := _look(prefix, entry)) is not None:
            items.append(known[item.path] if known.get(item.path) == item else item)
    return tuple(items)


def _stands(entry: os.DirEntry[str], found: Found) -> bool:
    """Whether it is that file itself, unchanged. Most are, so no more is done about them than this."""
    try:
        if found.real != entry.path or not entry.is_file(follow_symlinks=False):
            return False
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return False
    signature = found.signature
    return (
        status.st_ctime_ns == signature.ctime_ns
        and status.st_mtime_ns == signature.mtime_ns
        and status.st_size == signature.size
        and status.st_ino == signature.inode
        and status.st_dev == signature.device
    )


def _look(prefix: str, entry: os.DirEntry[str]) -> Found | UnreadableFile | None:
    path, named = prefix + entry.name, entry.name.endswith(SUFFIXES)
    try:
        if not named and entry.is_file(follow_symlinks=False):
            return None
        status = entry.stat()
        real = os.path.realpath(entry.path, strict=True) if entry.is_symlink() else entry.path
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
