"""Noticing that the manifest directory may have changed: file system events, and a slow poll for what they miss."""

import asyncio
import errno
import logging
import os
import stat
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from watchfiles import awatch

from myscheduler.adapters.source.git import lock_of
from myscheduler.adapters.source.listing import Tree
from myscheduler.adapters.source.revision import Checkout
from myscheduler.core.source.snapshot import SourceUnavailable
from myscheduler.machine import causes

STEP_MS = 50
DEBOUNCE_MS = 200
TICK_SEC = 0.1
_NO_WATCHES = "watch limit reached"
"""What notify, below watchfiles, makes of ENOSPC."""
REST = 20
"""How many times as long as it took of a processor, no look is taken after one that no event called for. So a source of
any size costs a twentieth of a processor at the most while nothing changes; one of 100,000 files takes half a second.
"""

CheckoutOf: TypeAlias = Callable[[str], Checkout | None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where inotify has to look, since it follows neither symlinks nor a folder that is replaced.

    Each folder that the walk listed is watched by itself, by its real path; so a `.git` beside the manifests costs
    nothing and a symlinked folder is as good as any. A new folder is an event in its parent: then all is set anew.
    """

    folders: Mapping[str, tuple[int, int]]
    """By real path, with device and inode: every event in one of them counts."""
    hinges: frozenset[str]
    """Names on the way to the root that can be swapped: the root itself, symlinks above it, what is missing."""
    targets: frozenset[str]
    """Real files that symlinks lead to outside of the listed folders, and the lock of git."""

    def watched(self) -> list[str]:
        """Every folder to watch. One that may be passed through but not read (`--x`) would fail the whole watch."""
        around = {os.path.dirname(path) for path in self.hinges | self.targets}  # noqa: PTH120
        return sorted({*self.folders, *(folder for folder in around if os.access(folder, os.R_OK))})

    def concerned(self, paths: frozenset[str]) -> bool:
        return self.replaced(paths) or any(
            path in self.targets or os.path.dirname(path) in self.folders  # noqa: PTH120
            for path in paths
        )

    def may_grow(self, paths: frozenset[str]) -> bool:
        """Whether there may be more to watch now, or something else: a folder or a link stands there, or a watched
        folder was replaced. What came and went leaves nothing to watch, and a file is watched by its folder.
        """
        return self.replaced(paths) or any(_is_way(path) for path in paths)

    def replaced(self, paths: frozenset[str]) -> bool:
        """Whether a watched folder went away or came anew: inotify would go on watching the old one."""
        return any(path in self.folders or path in self.hinges for path in paths)


def _is_way(path: str) -> bool:
    """Whether a folder or a link stands there."""
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _Survey:
    """The source at one look, cheap enough for a poll. `state` differs when there is something new to read."""

    state: tuple[Tree | str, frozenset[str], Checkout | None]
    places: _Places
    rest_sec: float
    """How long no further look is due: it took so much of a processor."""


async def watch(
    root: Path,
    wake: Callable[[], None],
    walk: Callable[[], Tree],
    checkout_of: CheckoutOf,
    *,
    poll_sec: float = 5.0,
) -> None:
    """Call `wake` whenever the source below `root` may have changed, until cancelled. `walk` finds what is in it.

    It is called once at the start, as nobody has watched what came before. It means "look again" and no more: an edit
    may cause two. Another commit is a change even where all files stay as they are.
    """
    look = partial(_survey, root, walk, checkout_of)
    warned = False
    seen: _Survey | None = None
    while True:
        survey = await asyncio.to_thread(look)
        if seen is None or survey.state != seen.state:
            wake()
        seen = survey
        try:
            seen = await _watch_places(look, seen, wake, poll_sec)
        except (
            OSError,
            RuntimeError,
            ExceptionGroup,
        ) as error:  # no inotify left, or the watch broke: the poll goes on
            if not warned:
                logger.warning(
                    "%s: can't watch for changes: %s; looking every %g s instead", root, _hindrance(error), poll_sec
                )
                warned = True
            await asyncio.sleep(max(poll_sec, survey.rest_sec))


def _hindrance(error: Exception) -> str:
    """Why there is no watch, and what to raise where that helps."""
    cause = next(causes.leaves(error), error)
    number = causes.number_of(cause)
    if number == errno.ENOSPC or _NO_WATCHES in str(cause):
        return "no inotify watch is left for this user (raise fs.inotify.max_user_watches)"
    if number == errno.EMFILE and causes.lack_of_files() is None:  # the same number has two meanings, inotify_init(2)
        return "no inotify instance is left for this user (raise fs.inotify.max_user_instances)"
    return causes.reason_of(cause)


async def _watch_places(
    look: Callable[[], _Survey], seen: _Survey, wake: Callable[[], None], poll_sec: float
) -> _Survey:
    """Wait at the places of `seen` until they are no longer the right ones; return the last survey."""
    places = seen.places
    rest_sec = seen.rest_sec
    due = 0.0  # look as soon as the watch stands: what happened since the survey raised no event
    async with aclosing(_events(places, min(TICK_SEC, poll_sec))) as events:
        async for paths in events:
            concerned = places.concerned(paths)
            if not concerned and time.monotonic() < due:
                continue
            if concerned:  # at once: a survey of a large source takes its time
                wake()
            if not concerned or places.may_grow(paths):
                survey = await asyncio.to_thread(look)
                if not concerned:
                    if survey.state != seen.state:
                        wake()
                    seen = survey  # else the reader may have come too early: the next look compares with before
                if survey.places != places or places.replaced(paths):
                    break
                rest_sec = survey.rest_sec
            due = time.monotonic() + max(poll_sec, rest_sec)
    return seen


async def _events(places: _Places, tick_sec: float) -> AsyncGenerator[frozenset[str], None]:
    """The paths that changed, and an empty set at each tick without a change."""
    changes = awatch(
        *places.watched(),
        watch_filter=None,  # a filter on .yaml names would miss the swap of ..data
        step=STEP_MS,
        debounce=DEBOUNCE_MS,
        rust_timeout=int(tick_sec * 1000),
        yield_on_timeout=True,
        force_polling=False,
        recursive=False,
        ignore_permission_denied=False,  # True would also hide that the limits of inotify are reached
    )
    async with aclosing(changes):
        async for batch in changes:
            yield frozenset(path for _, path in batch)


def _survey(root: Path, walk: Callable[[], Tree], checkout_of: CheckoutOf) -> _Survey:
    begun = time.thread_time()
    hinges = _hinges(root)
    try:
        tree = walk()
    except SourceUnavailable as error:
        return _Survey((str(error), frozenset(), None), _Places({}, hinges, frozenset()), 0.0)
    # A file that was just written may be written again without a new signature; once it is old, one more look is due.
    young = frozenset(found.real for found in tree.files if found.signature.is_racy(tree.taken_ns))
    signatures = ((real, listing.folder.signature) for real, listing in tree.listings.items())
    folders = {real: (signature.device, signature.inode) for real, signature in signatures}
    targets = frozenset(found.real for found in tree.files if (found.real.rpartition("/")[0] or "/") not in folders)
    lock = lock_of(tree.real)
    state = (tree, young, checkout_of(tree.real))
    places = _Places(folders, hinges, targets | {lock} if lock else targets)
    return _Survey(state, places, REST * (time.thread_time() - begun))


def _hinges(root: Path) -> frozenset[str]:
    hinges: set[str] = set()
    path = Path(os.path.abspath(root))  # noqa: PTH100 -- resolve() would follow the links that are looked for
    for step in [*reversed(path.parents), path]:
        there = os.path.exists(step)  # noqa: PTH110 -- Path.exists raises where it may not look
        if step == path or not there or os.path.islink(step):  # noqa: PTH114
            hinges.add(os.path.join(os.path.realpath(step.parent), step.name))  # noqa: PTH118
        if not there:
            break
    return frozenset(hinges)
