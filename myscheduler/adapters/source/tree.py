"""Finds the manifests below a folder, by names and `stat` alone: the only file that is read is the ignore file."""

import errno
import heapq
import os
import re
import stat
import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from myscheduler.adapters.source.listing import Found, Listing, Signature, Tree
from myscheduler.core.bounds import LARGEST_FILE, LARGEST_IGNORE, MOST_STRAYS
from myscheduler.core.source.ignoring import NOTHING, Ignoring, read_ignoring
from myscheduler.core.source.snapshot import (
    ACCESS,
    IGNORE,
    NOTIFICATIONS,
    POLICY,
    RESERVED,
    SUFFIXES,
    TARGETS,
    VARS,
    SourceUnavailable,
    UnreadableFile,
)
from myscheduler.core.source.strays import is_stray
from myscheduler.machine import causes
from myscheduler.messages.message import Message, said

TOO_LARGE = said("file-larger-than", mib=LARGEST_FILE // 1024**2)
MOST_FOLDERS = 200_000

_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
"""Characters that would break the lines of logs and reports."""

OWN = RESERVED | {IGNORE}
_NO_FOLDERS = frozenset({f"{POLICY}/", f"{ACCESS}/", f"{NOTIFICATIONS}/", f"{VARS}/", f"{TARGETS}/"})
"""Files at the root that no pattern of the ignore file leaves out: the reserved files and the ignore file itself."""

_REASONS = {
    errno.ENOENT: said("dangling-symlink"),
    errno.ENOTDIR: said("dangling-symlink"),
    errno.ELOOP: said("symlink-loop"),
}


def is_unchanged(root: Path, tree: Tree, since: Tree) -> bool:
    """Whether all folders of `tree`, and the files in it that are not in `since` (an earlier walk), are unchanged.

    If few files are new, this takes a hundredth of a walk; but it does not notice changes of the other files.
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
    """Find every manifest below `root`, and the reserved files. Raises `SourceUnavailable` if the root can't be read.

    Symlinks are followed. Each real file and folder is found once, under its first path in sorted order (the reserved
    files before all others), which also ends symlink loops. Files that vanish during the walk are left out: the reader
    walks twice and notices.

    Files and folders that the ignore file leaves out are not examined at all, so they may be broken in any way.

    Every file is checked by `stat` each time. For files that are unchanged since `before`, an earlier walk, its objects
    are reused: that saves more than half of the time, and equal trees share their memory.
    """
    taken_ns = time.time_ns()
    listings: dict[str, Listing] = {}
    top = _root(root)
    ignoring = _ignoring(root, top, before.ignoring if before else NOTHING)
    here = _Here(root, top.real, ignoring)
    known = before.listings if before and before.ignoring is ignoring else {}
    waiting = [top]
    while waiting:
        folder = heapq.heappop(waiting)  # a folder precedes its content, so paths are listed in sorted order
        if folder.real in listings:
            continue
        if len(listings) == MOST_FOLDERS:
            raise SourceUnavailable(said("too-many-folders", root=root, most=MOST_FOLDERS))
        listings[folder.real] = listing = _list(folder, here, known.get(folder.real))
        for item in listing.items:
            if isinstance(item, Found) and item.path.endswith("/"):
                heapq.heappush(waiting, item)
    if before is not None and before.real == top.real and _alike(before.listings, listings):
        return replace(before, listings=listings, taken_ns=taken_ns, ignoring=ignoring)
    strays = heapq.nsmallest(MOST_STRAYS + 1, (path for listing in listings.values() for path in listing.strays))
    return Tree(top.real, *_sorted(listings.values()), listings, taken_ns, ignoring, tuple(strays))


def _alike(before: Mapping[str, Listing], after: Mapping[str, Listing]) -> bool:
    """Whether the same items were found. The folders' signatures are not compared: any file in them changes them."""
    return before.keys() == after.keys() and all(
        (listing.items, listing.strays) == (before[real].items, before[real].strays) for real, listing in after.items()
    )


def _sorted(listings: Iterable[Listing]) -> tuple[tuple[Found, ...], tuple[UnreadableFile, ...]]:
    files: list[Found] = []
    reserved: list[Found] = []
    unreadable: list[UnreadableFile] = []
    for listing in listings:
        for item in listing.items:
            if isinstance(item, UnreadableFile):
                unreadable.append(item)
            elif item.path in _NO_FOLDERS:  # mounting a file that doesn't exist makes a folder with its name
                unreadable.append(UnreadableFile(item.path.removesuffix("/"), said("is-a-folder")))
            elif not item.path.endswith("/"):
                (reserved if item.path in OWN else files).append(item)
    unreadable.sort(key=lambda file: file.path)
    return _each_once(reserved, files), tuple(unreadable)


def _each_once(reserved: list[Found], files: list[Found]) -> tuple[Found, ...]:
    """All files, sorted, each real file once. Two links to one reserved file are both kept: each has a meaning."""
    taken = {found.real for found in reserved}
    files.sort()
    rest: dict[str, Found] = {}
    for found in files:
        if found.real not in taken:
            rest.setdefault(found.real, found)
    return tuple(sorted([*reserved, *rest.values()]))


def reason_of(error: OSError) -> str:
    """Why a file or folder can't be read, for people."""
    reason = causes.reason_of(error)
    return _REASONS.get(error.errno or 0) or (reason if isinstance(reason, Message) else reason.lower())


def _unavailable(root: Path, error: OSError) -> SourceUnavailable:
    advice = "" if causes.is_lack(error) else said("make-folder-readable")
    return SourceUnavailable(said("source-unavailable", root=str(root), why=reason_of(error), advice=advice))


def _root(root: Path) -> Found:
    try:
        real = os.path.realpath(root, strict=True)
        status = os.stat(real)  # noqa: PTH116 -- this package works on plain strings: Path is ten times slower
    except FileNotFoundError:
        message = said("source-missing", root=root)
        raise SourceUnavailable(message) from None
    except OSError as error:
        raise _unavailable(root, error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise SourceUnavailable(said("source-not-a-folder", root=root))
    return Found("", real, Signature.of(status))


def _ignoring(root: Path, top: Found, before: Ignoring) -> Ignoring:
    """The parsed ignore file; the same object as `before` while its content is the same.

    Raises `SourceUnavailable` if it can't be read or parsed: it is then unknown which files are manifests.
    """
    path = f"{top.real}/{IGNORE}"
    try:
        with open(path, "rb", opener=open_at_once) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _unclear(root, said("not-a-regular-file"))
            content = stream.read(LARGEST_IGNORE + 1)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.islink(path):  # noqa: PTH114 -- as above
            return NOTHING
        raise _unclear(
            root, said("is-a-folder") if isinstance(error, IsADirectoryError) else reason_of(error)
        ) from error
    if content == before.content:
        return before
    try:
        return read_ignoring(content)
    except ValueError as error:
        raise _unclear(root, str(error)) from error


def _unclear(root: Path, reason: str) -> SourceUnavailable:
    return SourceUnavailable(said("ignore-unclear", file=str(root / IGNORE), why=reason))


def open_at_once(path: str, flags: int) -> int:
    """For the `opener` argument of `open`: does not block if the path is a FIFO."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _Here(NamedTuple):
    """The parameters of a walk, which are the same in every folder."""

    root: Path
    """The root as it was configured."""
    real: str
    """The root with all symlinks resolved."""
    ignoring: Ignoring

    def lies_below(self, real: str) -> bool:
        """Whether the source is inside of the folder `real`."""
        return self.real != real and self.real.startswith(f"{real.rstrip('/')}/")


def _list(folder: Found, here: _Here, before: Listing | None) -> Listing:
    try:
        with os.scandir(folder.real) as entries:
            listing = _examine_all(folder, entries, here, before)
    except OSError as error:
        if not folder.path:
            raise _unavailable(here.root, error) from error
        if causes.is_lack_of_files(error):  # not a fault of this folder: the others can't be read either
            raise _unavailable(Path(folder.real), error) from error
        gone = isinstance(error, FileNotFoundError)
        return Listing(folder, () if gone else (UnreadableFile(folder.path, reason_of(error)),), frozenset(), ())
    if before is None or before.items != listing.items:
        return listing
    return before if before[2:] == listing[2:] and before.folder == folder else listing._replace(items=before.items)


def _examine_all(folder: Found, entries: Iterable[os.DirEntry[str]], here: _Here, before: Listing | None) -> Listing:
    known = {item.path: item for item in before.items if isinstance(item, Found)} if before else {}
    is_judged = before.ignored if before and before.folder.path == folder.path else frozenset()
    items: list[Found | UnreadableFile] = []
    ignored: list[str] = []
    strays: list[str] = []
    for entry in entries:
        path = folder.path + entry.name
        found = known.get(path)
        if found is not None and _is_same(entry, found):
            items.append(found)
        elif (kind := _kind(path, entry)) is _Kind.NONE:
            continue
        elif path not in OWN and (name := _ignored_as(folder.path, entry, here.ignoring, is_judged)):
            ignored.append(name)
        elif kind is _Kind.STRAY:
            strays.append(_shown(path))
        elif (item := _examine(path, entry, here)) is not None:
            items.append(known[item.path] if known.get(item.path) == item else item)
    return Listing(folder, tuple(items), frozenset(ignored), tuple(heapq.nsmallest(MOST_STRAYS + 1, strays)))


class _Kind(Enum):
    """What a directory entry may be, judged by its name."""

    NONE = auto()
    """Neither read nor reported."""
    READ = auto()
    """A manifest, a folder, a reserved file or the ignore file."""
    STRAY = auto()
    """Looks like a manifest, but is not read; reported."""


def _kind(path: str, entry: os.DirEntry[str]) -> _Kind:
    if entry.name.endswith(SUFFIXES) and not entry.name.startswith("."):
        return _Kind.READ
    if path == IGNORE:
        return _Kind.READ
    if is_stray(entry.name) and not _may_be_folder(entry):
        return _Kind.STRAY
    return _Kind.READ if not entry.name.startswith(".") and _may_be_folder(entry) else _Kind.NONE


def _ignored_as(prefix: str, entry: os.DirEntry[str], ignoring: Ignoring, is_judged: AbstractSet[str]) -> str | None:
    """The name of an entry that the ignore file leaves out (with `/` at the end for a folder), else `None`."""
    if not ignoring:
        return None
    name = f"{entry.name}/" if _may_be_folder(entry) else entry.name
    return name if name in is_judged or ignoring.leaves_out(prefix + name) else None


def _may_be_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, a link to a folder (a mounted ConfigMap consists of links), or a dangling link."""
    try:
        return entry.is_dir() or (entry.is_symlink() and not entry.is_file())
    except OSError:
        return True


def _is_same(entry: os.DirEntry[str], found: Found) -> bool:
    """Whether the entry is the file `found`, unchanged. Most are, so this is the fast path."""
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


def _examine(path: str, entry: os.DirEntry[str], here: _Here) -> Found | UnreadableFile | None:
    named = entry.name.endswith(SUFFIXES) or path == IGNORE
    try:
        status = entry.stat()
        real = os.path.realpath(entry.path, strict=True) if entry.is_symlink() else entry.path
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not entry.is_symlink():
            return None
        # A dangling link may have led to a folder (an unmounted disk): then everything below it is unknown.
        return _unreadable(path if named else f"{path}/", reason_of(error))
    if stat.S_ISDIR(status.st_mode):
        if here.lies_below(real):  # else one link in a pull request could make us walk the whole machine
            return _unreadable(f"{path}/", said("link-to-folder-above"))
        return _found(f"{path}/", real, status)
    return _judge(path, real, status) if named else None


def _judge(path: str, real: str, status: os.stat_result) -> Found | UnreadableFile:
    if not stat.S_ISREG(status.st_mode):
        return _unreadable(path, said("not-a-regular-file"))
    if status.st_size > LARGEST_FILE:
        return _unreadable(path, TOO_LARGE)
    return _found(path, real, status)


def _found(path: str, real: str, status: os.stat_result) -> Found | UnreadableFile:
    try:
        path.encode()
    except UnicodeEncodeError:  # the path could be neither stored nor sent as JSON
        return _unreadable(path, said("file-name-not-utf8"))
    if _CONTROL.search(path):
        return _unreadable(path, said("file-name-with-control"))
    return Found(path, real, Signature.of(status))


def _unreadable(path: str, reason: str) -> UnreadableFile:
    return UnreadableFile(_shown(path), reason)


def _shown(path: str) -> str:
    """The path, escaped where necessary to be stored, sent and printed."""
    text = path.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
