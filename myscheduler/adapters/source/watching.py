"""Notices that the manifest directory may have changed: by file system events, and a slow poll for what they miss."""

import asyncio
import errno
import logging
import os
import stat
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from watchfiles._rust_notify import RustNotify

from myscheduler.adapters.source.git import lock_of
from myscheduler.adapters.source.listing import Tree
from myscheduler.adapters.source.revision import Checkout
from myscheduler.core.source.snapshot import SourceUnavailable
from myscheduler.machine import causes

STEP_MS = 50
DEBOUNCE_MS = 200
TICK_SEC = 0.5
"""How often it is checked whether a poll is due."""
_NO_WATCHES = "watch limit reached"
"""The text that notify, the library below watchfiles, reports for ENOSPC."""
REST = 20
"""A poll that took n seconds of CPU time is followed by a pause of at least `REST` × n seconds.

So while nothing changes, a source of any size costs at most a twentieth of a processor. A poll of 100,000 files takes
half a second.
"""

CheckoutOf: TypeAlias = Callable[[str], Checkout | None]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Places:
    """The paths that inotify has to watch, as it follows neither symlinks nor a folder that is replaced.

    Each folder that the walk listed is watched individually, by its real path. So a `.git` beside the manifests costs
    nothing, and symlinked folders are watched like any other. A new folder raises an event in its parent; the watch is
    then set up again.
    """

    folders: Mapping[str, tuple[int, int]]
    """The listed folders by real path, with device and inode. Every event in one of them counts."""
    hinges: frozenset[str]
    """Paths leading to the root that can be swapped: the root itself, symlinks above it, a missing folder."""
    targets: frozenset[str]
    """Real files outside of the listed folders that symlinks lead to, and git's lock file."""

    def watched(self) -> list[str]:
        """Every folder to watch, without those that may not be read (`--x`): they would fail the whole watch."""
        around = {os.path.dirname(path) for path in self.hinges | self.targets}  # noqa: PTH120
        return sorted({*self.folders, *(folder for folder in around if os.access(folder, os.R_OK))})

    def concerned(self, paths: frozenset[str]) -> bool:
        """Whether a change of these paths may be a change of the source."""
        return self.replaced(paths) or any(
            path in self.targets or os.path.dirname(path) in self.folders  # noqa: PTH120
            for path in paths
        )

    def may_grow(self, paths: frozenset[str]) -> bool:
        """Whether the set of folders to watch may have changed: one of the paths is a folder or a link, or a watched
        folder was replaced. Files need no watch of their own: their folder is watched.
        """
        return self.replaced(paths) or any(_is_way(path) for path in paths)

    def replaced(self, paths: frozenset[str]) -> bool:
        """Whether a watched folder was removed or replaced: inotify would go on watching the old one."""
        return any(path in self.folders or path in self.hinges for path in paths)


def _is_way(path: str) -> bool:
    """Whether there is a folder or a link at the path."""
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _Survey:
    """The state of the source at one poll, found without reading files."""

    state: tuple[Tree | str, frozenset[str], Checkout | None]
    """Differs from the one before if there may be something new to read."""
    places: _Places
    rest_sec: float
    """The least time until the next poll, by the CPU time that this one took (see `REST`)."""


async def watch(
    root: Path,
    wake: Callable[[], None],
    walk: Callable[[], Tree],
    checkout_of: CheckoutOf,
    *,
    poll_sec: float = 5.0,
) -> None:
    """Call `wake` whenever the source below `root` may have changed, until cancelled.

    `walk` returns the present tree, `checkout_of` the checkout that a folder belongs to. `wake` is also called once at
    the start, for changes before the watch. It means only that the source should be read again: one edit may cause two
    calls. Another commit is a change even if all files stay the same.

    Without inotify, or if the watch breaks, the source is polled every `poll_sec` and the watch is tried again.
    """
    survey_now = partial(_survey, root, walk, checkout_of)
    warned = False
    seen: _Survey | None = None
    while True:
        survey = await asyncio.to_thread(survey_now)
        if seen is None or survey.state != seen.state:
            wake()
        seen = survey
        try:
            seen = await _watch_places(survey_now, seen, wake, poll_sec)
        except (
            OSError,
            RuntimeError,
            ExceptionGroup,
        ) as error:  # no inotify left, or the watch broke: the poll goes on
            if not warned:
                logger.warning(
                    "%s: can't watch for changes: %s; polling every %g s instead", root, _hindrance(error), poll_sec
                )
                warned = True
            await asyncio.sleep(max(poll_sec, survey.rest_sec))


def _hindrance(error: Exception) -> str:
    """Why the watch could not be set up, and which limit to raise where that helps."""
    cause = next(causes.leaves(error), error)
    number = causes.number_of(cause)
    if number == errno.ENOSPC or _NO_WATCHES in str(cause):
        return "no inotify watch is left for this user (raise fs.inotify.max_user_watches)"
    if number == errno.EMFILE and causes.lack_of_files() is None:  # the same number has two meanings, inotify_init(2)
        return "no inotify instance is left for this user (raise fs.inotify.max_user_instances)"
    return causes.reason_of(cause)


async def _watch_places(
    survey_now: Callable[[], _Survey], seen: _Survey, wake: Callable[[], None], poll_sec: float
) -> _Survey:
    """Watch the places of `seen` until other places have to be watched; return the last survey.

    Loops over events and ticks. An event that concerns the source calls `wake` at once. At a tick when a poll is due, a
    survey is taken, and `wake` is called if its state is new.
    """
    places = seen.places
    rest_sec = seen.rest_sec
    due = 0.0  # poll as soon as the watch is set up: changes since the survey raised no event
    async with aclosing(_events(places, min(TICK_SEC, poll_sec))) as events:
        async for paths in events:
            concerned = places.concerned(paths)
            if not concerned and time.monotonic() < due:
                continue
            if concerned:  # at once: a survey of a large source takes its time
                wake()
            if not concerned or places.may_grow(paths):
                survey = await asyncio.to_thread(survey_now)
                if not concerned:
                    if survey.state != seen.state:
                        wake()
                    seen = survey  # after an event, keep the old one: the reader may have been too early
                if survey.places != places or places.replaced(paths):
                    break
                rest_sec = survey.rest_sec
            due = time.monotonic() + max(poll_sec, rest_sec)
    return seen


async def _events(places: _Places, tick_sec: float) -> AsyncGenerator[frozenset[str], None]:
    """Yields the paths that changed together, and an empty set at the start and at each tick without a change."""
    loop, is_over = asyncio.get_running_loop(), threading.Event()
    with (
        RustNotify(
            [str(place) for place in places.watched()],
            debug=False,
            force_polling=False,
            poll_delay_ms=0,
            recursive=False,
            ignore_permission_denied=False,  # True would also hide that the limits of inotify are reached
        ) as watcher,
        ThreadPoolExecutor(1, thread_name_prefix="watch") as hands,
    ):
        yield frozenset()  # now it is watched
        while True:
            # its own `awatch` takes a hundredth of a processor for its ticks
            watched = loop.run_in_executor(hands, watcher.watch, DEBOUNCE_MS, STEP_MS, int(tick_sec * 1000), is_over)
            try:
                found = await asyncio.shield(watched)
            except asyncio.CancelledError:
                is_over.set()
                await asyncio.wait([watched])
                raise
            yield frozenset() if isinstance(found, str) else frozenset(path for _, path in found)


def _survey(root: Path, walk: Callable[[], Tree], checkout_of: CheckoutOf) -> _Survey:
    begun = time.thread_time()
    hinges = _hinges(root)
    try:
        tree = walk()
    except SourceUnavailable as error:
        return _Survey((str(error), frozenset(), None), _Places({}, hinges, frozenset()), 0.0)
    # A file that was just written may be written again without a new signature; once it is old, it is read once more.
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
    path = Path(os.path.abspath(root))  # noqa: PTH100 -- resolve() would follow the links that are searched for
    for step in [*reversed(path.parents), path]:
        there = os.path.exists(step)  # noqa: PTH110 -- Path.exists raises without permission
        if step == path or not there or os.path.islink(step):  # noqa: PTH114
            hinges.add(os.path.join(os.path.realpath(step.parent), step.name))  # noqa: PTH118
        if not there:
            break
    return frozenset(hinges)
