"""A walk that hands out what an earlier one found is the walk that looks at everything anew; how often one is due."""

import asyncio
import errno
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from myscheduler.adapters.source import reading, watching
from myscheduler.adapters.source.listing import Tree
from myscheduler.adapters.source.reading import DirectorySource
from myscheduler.adapters.source.tree import is_unchanged, walk
from tests.support.kubelet import Kubelet
from tests.support.manifest_folder import OLD, write
from tests.support.patience import PATIENCE

WOKEN_SEC = 30
"""An event wakes within it; the poll would later."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jobs.d"
    write(root / "a.yaml", "a")
    write(root / "sub" / "b.yaml", "b")
    write(tmp_path / "elsewhere" / "c.yaml", "c")
    write(root / "policy.yaml", "{}")
    return root


def same_size_and_mtime(root: Path) -> None:
    write(root / "a.yaml", "z")


def another_inode(root: Path) -> None:
    write(root / "new.tmp", "a").rename(root / "a.yaml")


def clock_set_back(root: Path) -> None:
    write(root / "a.yaml", "older")
    os.utime(root / "a.yaml", (OLD - 3_600, OLD - 3_600))


def restored_with_its_old_time(root: Path) -> None:
    """As `rsync -t` and a restore of a backup do; the mtime is the one that was seen first."""
    write(root / "a.yaml", "c")
    os.utime(root / "a.yaml", (OLD, OLD))


def swapped(root: Path) -> None:
    first, second = (root / "a.yaml").rename(root / "x"), (root / "sub" / "b.yaml").rename(root / "a.yaml")
    first.rename(root / "sub" / "b.yaml")
    assert second.exists()


def file_becomes_a_link(root: Path) -> None:
    (root / "a.yaml").unlink()
    (root / "a.yaml").symlink_to("../elsewhere/c.yaml")


def file_becomes_a_folder(root: Path) -> None:
    (root / "a.yaml").unlink()
    write(root / "a.yaml" / "d.yaml")


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "same-size-and-mtime": same_size_and_mtime,
    "another-inode": another_inode,
    "clock-set-back": clock_set_back,
    "restored-with-its-old-time": restored_with_its_old_time,
    "two-files-swapped": swapped,
    "folder-renamed": lambda r: (r / "sub").rename(r / "under"),
    "folder-behind-a-link": lambda r: (r / "earlier").symlink_to("sub"),
    "another-link-to-a-file": lambda r: (r / "0.yaml").symlink_to("sub/b.yaml"),
    "hard-link": lambda r: os.link(r / "a.yaml", r / "b.yaml"),
    "file-becomes-a-link": file_becomes_a_link,
    "file-becomes-a-folder": file_becomes_a_folder,
    "reserved-name-elsewhere": lambda r: (r / "sub" / "policy.yaml").symlink_to("../policy.yaml"),
    "reserved-behind-a-link": lambda r: (r / "calendars.yaml").symlink_to("policy.yaml"),
    "ignore-file": lambda r: write(r / ".myschedulerignore", "sub/"),
    "another-case": lambda r: (r / "a.yaml").rename(r / "a.YAML"),
    "mode": lambda r: (r / "a.yaml").chmod(0o600),
    "gone": lambda r: (r / "a.yaml").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_it_finds_what_a_first_walk_finds(root: Path, change: Callable[[Path], object]) -> None:
    before = walk(root)
    change(root)
    assert walk(root, before) == walk(root)
    assert walk(root, before).listings.keys() == walk(root).listings.keys()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_reader_that_has_read_before_reads_what_a_new_one_reads(root: Path, change: Callable[[Path], object]) -> None:
    source = DirectorySource(root)
    source.read()
    change(root)
    assert source.read() == DirectorySource(root).read()


def test_the_swap_of_a_config_map(root: Path) -> None:
    kubelet = Kubelet(root / "mounted")
    kubelet.write({"d.yaml": "1"})
    before = walk(root)
    kubelet.write({"d.yaml": "2"})
    assert walk(root, before) == walk(root) != before


def test_what_stands_is_held_once(root: Path) -> None:
    before = walk(root)
    same_size_and_mtime(root)
    again = {found.path: found for found in walk(root, before).files}
    kept = [found.path for found in before.files if again[found.path] is found]
    assert kept == ["policy.yaml", "sub/b.yaml"]


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[Tree]:
    """The walks that readers make."""
    made: list[Tree] = []

    def spy(root: Path, before: Tree | None) -> Tree:
        made.append(walk(root, before))
        return made[-1]

    monkeypatch.setattr(reading, "walk", spy)
    return made


def test_where_nothing_changed_one_walk_is_enough(root: Path, walks: list[Tree]) -> None:
    source = DirectorySource(root)
    first = source.read()
    walks.clear()
    assert source.read() is first
    assert len(walks) == 1


@pytest.mark.parametrize("change", sorted(CHANGES.keys() - {"nothing", "reserved-name-elsewhere"}))
def test_a_change_takes_two(root: Path, walks: list[Tree], change: str) -> None:
    """One before what is new is read, and one after it; meanwhile, it alone is looked at again."""
    source = DirectorySource(root)
    source.read()
    CHANGES[change](root)
    walks.clear()
    assert source.read() == DirectorySource(root).read()
    assert walks[0] == walks[1]
    assert len(walks) == 2 + 3  # a new reader has nothing to compare with


def test_what_could_not_be_read_is_tried_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may fail and work again, and the signature of the file stays as it is."""
    source = DirectorySource(root)

    def fails(path: str, _: int) -> int:
        raise OSError(errno.EIO, "Input/output error", path)

    with monkeypatch.context() as broken:
        broken.setattr(reading, "open_at_once", fails)
        failed = source.read()
        assert source.read() is failed
    assert [file.path for file in failed.unreadable] == ["a.yaml", "sub/b.yaml"]
    assert source.read() == DirectorySource(root).read() != failed


ONWARD: dict[str, Callable[[Path], object]] = {
    "edited-again": lambda r: write(r / "new.yaml", "more"),
    "gone-again": lambda r: (r / "new.yaml").unlink(),
    "gone-file-comes-back": lambda r: write(r / "a.yaml", "a"),
    "one-more": lambda r: write(r / "sub" / "one-more.yaml"),
    "one-less": lambda r: (r / "sub" / "b.yaml").unlink(),
    "another-root": lambda r: [r.rename(r.parent / "old"), write(r / "a.yaml")],
    "no-root": lambda r: r.rename(r.parent / "old"),
}


@pytest.mark.parametrize("change", ONWARD.values(), ids=ONWARD)
def test_a_look_at_what_is_new_sees_that_it_moves_on(root: Path, change: Callable[[Path], object]) -> None:
    since = walk(root)
    write(root / "new.yaml")
    (root / "a.yaml").unlink()
    tree = walk(root, since)
    assert is_unchanged(root, tree, since)
    change(root)
    assert not is_unchanged(root, tree, since)


@asynccontextmanager
async def watched(
    root: Path, walked: Callable[[], Tree], wake: Callable[[], None], poll_sec: float
) -> AsyncIterator[None]:
    watch = asyncio.ensure_future(watching.watch(root, wake, walked, lambda _: None, poll_sec=poll_sec))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


@pytest.mark.anyio
async def test_a_walk_that_takes_its_time_is_made_seldom(root: Path) -> None:
    """Counted in processor time, not by a clock: a busy machine makes fewer walks, never more."""
    spent, walks = 0.03, 0

    def walked() -> Tree:
        nonlocal walks
        walks += 1
        until = time.thread_time() + spent
        while time.thread_time() < until:
            pass
        return walk(root)

    begun = time.monotonic()
    async with watched(root, walked, lambda: None, poll_sec=0.01):
        await asyncio.sleep(1.5)
    assert 2 <= walks <= 4 + (time.monotonic() - begun) / (spent * watching.REST)


@pytest.mark.anyio
async def test_an_event_wakes_before_the_walk_that_follows_it(root: Path) -> None:
    may_walk, woken = threading.Event(), asyncio.Event()
    may_walk.set()

    def walked() -> Tree:
        may_walk.wait(PATIENCE)
        return walk(root)

    async with watched(root, walked, woken.set, poll_sec=60):
        await asyncio.sleep(0.5)  # until the watch stands
        woken.clear()
        may_walk.clear()
        try:
            same_size_and_mtime(root)
            await asyncio.wait_for(woken.wait(), WOKEN_SEC)
        finally:
            may_walk.set()


@pytest.mark.anyio
async def test_only_what_may_have_to_be_watched_is_looked_for_at_once(root: Path) -> None:
    woken, walked_again = asyncio.Event(), threading.Event()

    def walked() -> Tree:
        walked_again.set()
        return walk(root)

    async with watched(root, walked, woken.set, poll_sec=60):
        await asyncio.sleep(0.5)  # until the watch stands
        for change, is_way in ((another_inode, False), (lambda r: (r / "team").mkdir(), True)):
            woken.clear()
            walked_again.clear()
            change(root)
            await asyncio.wait_for(woken.wait(), WOKEN_SEC)
            assert await asyncio.to_thread(walked_again.wait, WOKEN_SEC if is_way else 0.5) is is_way
