"""Reads the manifest directory as of one moment, while other processes may write to it."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from myscheduler.adapters.source import watching
from myscheduler.adapters.source.listing import Found, Signature, Tree, changed
from myscheduler.adapters.source.revision import Checkout, Names
from myscheduler.adapters.source.tree import is_unchanged, open_at_once, reason_of, walk
from myscheduler.core.source.snapshot import (
    ACCESS,
    CALENDARS,
    IGNORE,
    NOTIFICATIONS,
    POLICY,
    RESERVED,
    TARGETS,
    VARS,
    Snapshot,
    SourceFile,
    SourceUnavailable,
    UnreadableFile,
)
from myscheduler.machine.causes import is_lack_of_files
from myscheduler.messages.message import said

ATTEMPTS = 6
"""The attempts of one reading."""
PAUSE_SEC = 0.02
"""The pause between two attempts."""
SETTLED_SEC = 0.05
"""Changes are read only once nothing has changed for this long."""
SETTLE_LIMIT_SEC = 0.5
"""The longest wait in one reading until nothing changes."""
RESTLESS_READINGS = 10
"""Readings in a row that may fail. After that, files that keep changing are left out, and the others are read."""
GIT_LIMIT_SEC = 5.0
"""The longest wait for git in one reading."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A file as it was read. `lasting`: it was old enough that any later change will change its signature."""

    signature: Signature
    lasting: bool
    file: SourceFile


@dataclass(frozen=True, slots=True)
class _Reading:
    """The result of one complete reading."""

    tree: Tree
    checkout: Checkout | None
    doubtful: tuple[Found, ...]
    """Files whose content may differ though their signature is the same: they were too new, or could not be read."""
    snapshot: Snapshot


class DirectorySource:
    """A folder of manifests. `read` blocks, so call it in a thread, one call at a time.

    The service follows git (`follows_git`): it waits while git changes the files, and names the revision after the
    commit. A command does not: it does not name the revision, and as a pre-commit hook it is run by git itself, which
    holds the lock meanwhile.
    """

    def __init__(self, root: Path, *, follows_git: bool = True) -> None:
        self.root = root
        self._names = Names(follows_git=follows_git)
        self._known: Mapping[str, _Known | UnreadableFile] = {}
        """What was read last, by real path."""
        self._last: _Reading | None = None
        self._walked: Tree | None = None
        self._restless = 0
        """Readings in a row that failed because files kept changing."""
        self._left_out: set[str] = set()
        """Paths that keep changing; the present reading reports them as unreadable."""

    def read(self) -> Snapshot:
        """Read everything as of one moment, or raise `SourceUnavailable`.

        The tree is walked before and after the files are read. If both walks find the same files at the same real paths
        with the same signatures, all contents that were read existed together. This one check covers a kubelet that
        swaps `..data`, git-sync, which swaps the root, and files that are edited or removed meanwhile.

        If the first walk finds everything as it was read last, the last snapshot is returned: the same object.
        """
        begun = time.monotonic()
        self._left_out = set()
        restless = SourceUnavailable(said("source-restless", root=self.root))
        trouble = restless
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SEC)
            try:
                snapshot = self._attempt(begun)
            except SourceUnavailable as error:  # may be temporary: git-sync deletes the old root after the swap
                trouble = error
                continue
            if snapshot is not None:
                self._restless = self._restless if self._left_out else 0
                return snapshot
        self._restless += trouble is restless
        raise trouble

    async def watch(self, wake: Callable[[], None], *, poll_sec: float = 5.0) -> None:
        """Call `wake` whenever the folder may have changed, until cancelled."""
        await watching.watch(self.root, wake, self._walk, self._names.checkout_of, poll_sec=poll_sec)

    def _attempt(self, begun: float) -> Snapshot | None:
        """Read everything once; `None` if something changed in the meantime."""
        tree, last = self._current_tree(), self._last
        is_known = last is not None and tree == last.tree
        if last is not None and is_known and self._still_holds(last, tree):
            return last.snapshot
        before = tree if is_known else self._settled(tree, begun)
        if before is None:
            return None
        checkout = self._names.checkout_of(before.real)
        read = self._read_all(before)
        after = self._current_tree()
        if read is None or after != before or self._names.checkout_of(after.real) != checkout:
            self._note_changes(before, after)
            return None
        self._known = read
        doubtful = tuple(found for found in before.files if not _is_lasting(read[found.real]))
        snapshot = self._named(_snapshot(before, read), before, checkout)
        self._last = _Reading(before, checkout, doubtful, snapshot)
        return snapshot

    def _still_holds(self, last: _Reading, tree: Tree) -> bool:
        """Whether reading `tree`, which equals that of the last reading, would give the same result.

        Reads its doubtful files again, and forgets the doubt about those that are old by now.
        """
        if self._names.checkout_of(tree.real) != last.checkout:
            return False
        again = {found.real: _read(found, tree.taken_ns) for found in last.doubtful}
        if any(item is None or not _is_alike(item, self._known[real]) for real, item in again.items()):
            return False
        self._known = {**self._known, **{real: item for real, item in again.items() if item is not None}}
        self._last = replace(
            last, doubtful=tuple(one for one in last.doubtful if not _is_lasting(self._known[one.real]))
        )
        return True

    def _named(self, snapshot: Snapshot, tree: Tree, checkout: Checkout | None) -> Snapshot:
        known = self._known.items() if checkout is not None else ()
        contents = {real: item.file.content for real, item in known if isinstance(item, _Known)}
        return replace(snapshot, revision=self._names.name(snapshot.revision, tree, checkout, contents))

    def _settled(self, tree: Tree, begun: float) -> Tree | None:
        """The tree once nothing has changed for `SETTLED_SEC`; `None` if that takes longer than `SETTLE_LIMIT_SEC`.

        Loops over walks, or cheaper checks, until two in a row agree and git held no lock at either.

        Writers that truncate and then write leave a file empty for an instant, those that unlink and create leave it
        missing: if it were read just then, its jobs would be deleted. The files' times do not help: the kernel shows
        the new size before the new mtime, and a file server's clock may differ. So changes are observed, not dated.

        A git checkout may pause for longer than that in the middle of the source. Git holds a lock from before it
        changes the first file until after the last, and moves HEAD just after that.
        """
        lock = None
        while True:
            before, lock_before = tree, lock
            time.sleep(SETTLED_SEC)
            tree, now = self._tree_since(before), time.monotonic()
            self._note_changes(before, tree)
            lock = self._names.git_at_work(tree.real, now)
            if tree == before and not lock and not lock_before:
                return tree
            if lock and now >= begun + GIT_LIMIT_SEC:
                raise SourceUnavailable(said("source-locked-by-git", file=lock))
            if not lock and now >= begun + SETTLE_LIMIT_SEC:
                return None

    def _tree_since(self, tree: Tree) -> Tree:
        """The present tree, by a cheap check of the new files in `tree`; the walk after reading checks the others."""
        if self._last is not None and is_unchanged(self.root, tree, self._last.tree):
            return tree
        return self._current_tree()

    def _current_tree(self) -> Tree:
        return self._walk().without(self._left_out)

    def _walk(self) -> Tree:
        """Also called by the watch, in another thread; each call reuses what the last one found."""
        self._walked = walk(self.root, self._walked)
        return self._walked

    def _note_changes(self, before: Tree, after: Tree) -> None:
        """After `RESTLESS_READINGS`, leave out the files that changed, so that they don't block all others."""
        if self._restless >= RESTLESS_READINGS:
            self._left_out |= changed(before, after)

    def _read_all(self, tree: Tree) -> Mapping[str, _Known | UnreadableFile] | None:
        """The files by real path; `None` if one of them is no longer as the walk found it."""
        read: dict[str, _Known | UnreadableFile] = {}
        for found in tree.files:
            item = self._known.get(found.real)
            if not (isinstance(item, _Known) and item.lasting and item.signature == found.signature):
                item = _read(found, tree.taken_ns)
                if item is None:
                    return None
            read[found.real] = item
        return read


def _is_lasting(item: _Known | UnreadableFile) -> bool:
    return isinstance(item, _Known) and item.lasting


def _is_alike(one: _Known | UnreadableFile, other: _Known | UnreadableFile) -> bool:
    """Whether both have the same content, or are unreadable for the same reason."""
    if isinstance(one, _Known) and isinstance(other, _Known):
        return one.file == other.file
    return one == other


def _read(found: Found, taken_ns: int) -> _Known | UnreadableFile | None:
    try:
        with open(found.real, "rb", opener=open_at_once) as stream:
            if Signature.of(os.fstat(stream.fileno())) != found.signature:
                return None
            content = stream.read(found.signature.size + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        if is_lack_of_files(error):  # not a fault of this file: the others can't be read either
            raise SourceUnavailable(
                said("source-unavailable", root=found.real, why=reason_of(error), advice="")
            ) from error
        return UnreadableFile(found.path, reason_of(error))
    if len(content) != found.signature.size:
        return None
    lasting = not found.signature.is_racy(taken_ns)
    return _Known(found.signature, lasting, SourceFile.of(found.path, content))


def _snapshot(tree: Tree, read: Mapping[str, _Known | UnreadableFile]) -> Snapshot:
    ones: list[SourceFile | UnreadableFile] = []
    for found in tree.files:
        item = read[found.real]
        ones.append(item if isinstance(item, UnreadableFile) else _at(found.path, item.file))
    ones += tree.unreadable
    own = {one.path: one for one in reversed(ones) if one.path in {*RESERVED, IGNORE}}
    rest = [one for one in ones if one.path not in own]
    content = tree.ignoring.content  # the one that the walk used
    snapshot = Snapshot.of(
        [one for one in rest if isinstance(one, SourceFile)],
        [one for one in rest if isinstance(one, UnreadableFile)],
        own.get(CALENDARS),
        own.get(POLICY),
        None if content is None else SourceFile.of(IGNORE, content),
        own.get(ACCESS),
        own.get(NOTIFICATIONS),
        own.get(VARS),
        own.get(TARGETS),
    )
    return replace(snapshot, strays=tree.strays)


def _at(path: str, file: SourceFile) -> SourceFile:
    """The file with that path: the cache may know it by another, if it was moved or is reached by another link."""
    return file if file.path == path else SourceFile(path, file.content, file.digest)
