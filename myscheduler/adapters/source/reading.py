"""Reading the manifest directory as of one moment, while others write to it."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from myscheduler.adapters.source import watching
from myscheduler.adapters.source.listing import Found, Signature, Tree, changed
from myscheduler.adapters.source.revision import Checkout, Names
from myscheduler.adapters.source.tree import open_at_once, reason_of, rests, walk
from myscheduler.core.source.snapshot import (
    CALENDARS,
    IGNORE,
    POLICY,
    RESERVED,
    Snapshot,
    SourceFile,
    SourceUnavailable,
    UnreadableFile,
)
from myscheduler.machine.causes import is_lack_of_files

ATTEMPTS = 6  # the first, and five more
PAUSE_SEC = 0.02
SETTLED_SEC = 0.05
SETTLE_LIMIT_SEC = 0.5
RESTLESS_READINGS = 10
"""So many readings in a row may fail; from then on what keeps changing is left out, and the rest is read."""
GIT_LIMIT_SEC = 5.0
"""How long git is waited for within one reading."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A file as read before. `lasting`: its next change can't leave the signature as it is."""

    signature: Signature
    lasting: bool
    file: SourceFile


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read as of one moment."""

    tree: Tree
    checkout: Checkout | None
    doubtful: tuple[Found, ...]
    """What may read otherwise though its signature stays: it was young, or could not be read."""
    snapshot: Snapshot


class DirectorySource:
    """A folder of manifests. `read` blocks, so it belongs into a thread, one call at a time.

    A service follows git: it waits while git changes the files, and names the revision after the commit. A command does
    not: what it reads has no name, and git itself may run it and hold the lock meanwhile (a pre-commit hook).
    """

    def __init__(self, root: Path, *, follows_git: bool = True) -> None:
        self.root = root
        self._names = Names(follows_git=follows_git)
        self._known: Mapping[str, _Known | UnreadableFile] = {}
        """What was read last, by real path."""
        self._last: _Reading | None = None
        self._walked: Tree | None = None
        self._restless = 0
        """Readings in a row that found no rest."""
        self._left_out: set[str] = set()
        """Paths of which the present reading knows no more than that they keep changing."""

    def read(self) -> Snapshot:
        """Read everything as of one moment, or raise `SourceUnavailable`.

        The tree is walked before and after: when both walks found the same files at the same real paths with the same
        signatures, then all of what was read in between stood there together. This one check covers a kubelet that
        swaps `..data`, a git-sync that swaps the root, and files that are edited or vanish meanwhile.

        Where one walk finds everything as it was read last, nothing is left to be read, and the last snapshot, which
        stood there together, is returned: the same object.
        """
        begun = time.monotonic()
        self._left_out = set()
        restless = SourceUnavailable(
            f"{self.root}: keeps changing: read it again once what writes to it has come to rest"
        )
        trouble = restless
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SEC)
            try:
                snapshot = self._attempt(begun)
            except SourceUnavailable as error:  # perhaps just for now: git-sync deletes the old root after the swap
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
        """None when something changed in the middle of it."""
        tree, last = self._look(), self._last
        is_known = last is not None and tree == last.tree
        if last is not None and is_known and self._stands(last, tree):
            return last.snapshot
        before = tree if is_known else self._settled(tree, begun)
        if before is None:
            return None
        checkout = self._names.checkout_of(before.real)
        read = self._read_all(before)
        after = self._look()
        if read is None or after != before or self._names.checkout_of(after.real) != checkout:
            self._note(before, after)
            return None
        self._known = read
        doubtful = tuple(found for found in before.files if not _is_lasting(read[found.real]))
        snapshot = self._named(_snapshot(before, read), before, checkout)
        self._last = _Reading(before, checkout, doubtful, snapshot)
        return snapshot

    def _stands(self, last: _Reading, tree: Tree) -> bool:
        """Whether what a walk found as it was read last would also read as it did then."""
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
        """The tree once it has stood unchanged for a moment; None when patience ends.

        Writers that truncate and then write leave a file empty for an instant, those that unlink and create leave it
        missing: read just then, it would delete its jobs. The times of the files can't tell: the kernel shows the new
        size before the new mtime, and the clock of a file server may differ. So a change is watched, not dated.

        A checkout may rest for longer than that half-way through the source. Git holds a lock from before it touches
        the first file until after the last, and moves HEAD just after that.
        """
        lock = None
        while True:
            before, lock_before = tree, lock
            time.sleep(SETTLED_SEC)
            tree, now = self._look_again(before), time.monotonic()
            self._note(before, tree)
            lock = self._names.git_at_work(tree.real, now)
            if tree == before and not lock and not lock_before:
                return tree
            if lock and now >= begun + GIT_LIMIT_SEC:
                raise SourceUnavailable(f"{lock}: git is changing the source: wait for it to end")
            if not lock and now >= begun + SETTLE_LIMIT_SEC:
                return None

    def _look_again(self, tree: Tree) -> Tree:
        """The rest of the tree is looked at once more after the reading."""
        if self._last is not None and rests(self.root, tree, self._last.tree):
            return tree
        return self._look()

    def _look(self) -> Tree:
        return self._walk().without(self._left_out)

    def _walk(self) -> Tree:
        """Also called by who watches, in another thread; they share what they find."""
        self._walked = walk(self.root, self._walked)
        return self._walked

    def _note(self, before: Tree, after: Tree) -> None:
        """Once it is clear that there will be no rest, what moves is given up, so that it holds up nothing else."""
        if self._restless >= RESTLESS_READINGS:
            self._left_out |= changed(before, after)

    def _read_all(self, tree: Tree) -> Mapping[str, _Known | UnreadableFile] | None:
        """What stands at each real path; None when one of them is no longer what the walk found."""
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
    """Whether both say the same of a file."""
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
        if is_lack_of_files(error):  # which is no fault of this file: nothing is known of any
            raise SourceUnavailable(f"{found.real}: {reason_of(error)}") from error
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
    content = tree.ignoring.content  # by which the tree was walked
    snapshot = Snapshot.of(
        [one for one in rest if isinstance(one, SourceFile)],
        [one for one in rest if isinstance(one, UnreadableFile)],
        own.get(CALENDARS),
        own.get(POLICY),
        None if content is None else SourceFile.of(IGNORE, content),
    )
    return replace(snapshot, strays=tree.strays)


def _at(path: str, file: SourceFile) -> SourceFile:
    """It may be known under another path: the same content moved, or is reached through another link."""
    return file if file.path == path else SourceFile(path, file.content, file.digest)
