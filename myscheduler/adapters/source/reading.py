"""Reading the manifest directory as of one moment, while others write to it."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from myscheduler.adapters.source import watching
from myscheduler.adapters.source.revision import Names
from myscheduler.adapters.source.tree import Found, Signature, Tree, changed, reason_of, walk
from myscheduler.causes import is_lack_of_files
from myscheduler.core.source import CALENDARS, POLICY, RESERVED, Snapshot, SourceFile, SourceUnavailable, UnreadableFile

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


class DirectorySource:
    """A folder of manifests. `read` blocks, so it belongs into a thread, one call at a time.

    A service follows git: it waits while git changes the files, and names the revision after the commit. A command does
    not: what it reads has no name, and git itself may run it and hold the lock meanwhile (a pre-commit hook).
    """

    def __init__(self, root: Path, *, follows_git: bool = True) -> None:
        self.root = root
        self._names = Names(follows_git=follows_git)
        self._known: Mapping[str, _Known] = {}
        self._last: Tree | None = None
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
        before = self._settled(begun)
        if before is None:
            return None
        checkout = self._names.checkout_of(before.real)
        read = self._read_all(before)
        after = self._look()
        if read is None or after != before or self._names.checkout_of(after.real) != checkout:
            self._note(before, after)
            return None
        self._known = {real: item for real, item in read.items() if isinstance(item, _Known)}
        self._last = before
        snapshot = _snapshot(before, read)
        contents = {real: item.file.content for real, item in self._known.items()}
        name = self._names.name(snapshot.revision, before, checkout, contents)
        return replace(snapshot, revision=name)

    def _settled(self, begun: float) -> Tree | None:
        """The tree as it was read last, or else one that has stood unchanged for a moment; None when patience ends.

        Writers that truncate and then write leave a file empty for an instant, those that unlink and create leave it
        missing: read just then, it would delete its jobs. The times of the files can't tell: the kernel shows the new
        size before the new mtime, and the clock of a file server may differ. So a change is watched, not dated.

        A checkout may rest for longer than that half-way through the source. Git holds a lock from before it touches
        the first file until after the last, and moves HEAD just after that.
        """
        tree, lock = self._look(), None
        while tree != self._last:
            before, lock_before = tree, lock
            time.sleep(SETTLED_SEC)
            tree, now = self._look(), time.monotonic()
            self._note(before, tree)
            lock = self._names.git_at_work(tree.real, now)
            if tree == before and not lock and not lock_before:
                break
            if lock and now >= begun + GIT_LIMIT_SEC:
                raise SourceUnavailable(f"{lock}: git is changing the source: wait for it to end")
            if not lock and now >= begun + SETTLE_LIMIT_SEC:
                return None
        return tree

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
            known = self._known.get(found.real)
            if known is not None and known.lasting and known.signature == found.signature:
                read[found.real] = known
                continue
            item = _read(found, tree.taken_ns)
            if item is None:
                return None
            read[found.real] = item
        return read


def _read(found: Found, taken_ns: int) -> _Known | UnreadableFile | None:
    try:
        with open(found.real, "rb", opener=_open_at_once) as stream:
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


def _open_at_once(path: str, flags: int) -> int:
    """A FIFO put in the place of a file since the walk must not block the open."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _snapshot(tree: Tree, read: Mapping[str, _Known | UnreadableFile]) -> Snapshot:
    files: list[SourceFile] = []
    unreadable = list(tree.unreadable)
    for found in tree.files:
        item = read[found.real]
        if isinstance(item, UnreadableFile):
            unreadable.append(item)
        elif item.file.path == found.path:
            files.append(item.file)
        else:  # known under another path: the same content moved or is reached through another link
            files.append(SourceFile(found.path, item.file.content, item.file.digest))
    everything: list[SourceFile | UnreadableFile] = [*files, *unreadable]
    return Snapshot.of(
        (file for file in files if file.path not in RESERVED),
        (file for file in unreadable if file.path not in RESERVED),
        next((file for file in everything if file.path == CALENDARS), None),
        next((file for file in everything if file.path == POLICY), None),
    )
