"""What wakes a watcher, what does not, and what is said where nothing can be watched."""

import asyncio
import errno
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.source.watching import _hindrance
from tests.support.few_files import no_more_files
from tests.support.kubelet import Kubelet
from tests.support.manifest_folder import link, read, rename_over, run_python, until, write
from tests.support.work_tree import commit, git


class Bell:
    """Counts wake-ups and lets a test wait for the next."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._rung.set()

    async def rings(self, within: float = 30.0) -> bool:
        """Whether it rings since it was last silent; long before the slow poll looks by itself."""
        try:
            await asyncio.wait_for(self._rung.wait(), within)
        except TimeoutError:
            return False
        return True

    async def silence(self) -> None:
        """Wait until all that follows from the last change is over (a new watch needs one tick to stand)."""
        while await self.rings(0.22):
            self._rung.clear()


@asynccontextmanager
async def watching(root: Path, *, poll_sec: float = 60.0) -> AsyncIterator[Bell]:
    """Watch until the end of the block; by the time it begins the watch stands (with the poll too slow to help)."""
    bell = Bell()
    task = asyncio.create_task(DirectorySource(root).watch(bell, poll_sec=poll_sec))
    try:
        assert await bell.rings()
        if poll_sec > 1:
            await bell.silence()
        yield bell
    finally:
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begun < 1


def in_place(root: Path) -> None:
    (root / "a.yaml").write_text("new")


@pytest.mark.anyio
class TestWakes:
    async def test_within_a_second(self, tmp_path: Path) -> None:
        changes: dict[str, Callable[[Path], object]] = {
            "editor-rename": rename_over,
            "in-place": in_place,
            "delete": lambda r: (r / "a.yaml").unlink(),
            "new-file": lambda r: write(r / "b.yaml"),
            "in-a-sub-folder": lambda r: write(r / "sub" / "c.yaml"),
            "new-folders": lambda r: write(r / "new" / "deep" / "b.yaml"),
            "reserved": lambda r: write(r / "policy.yaml"),
            "root-removed": shutil.rmtree,
            "root-renamed": lambda r: r.rename(r.parent / "away"),
        }

        async def wakes(name: str) -> bool:
            root = tmp_path / name / "jobs.d"
            write(root / "a.yaml")
            write(root / "sub" / "b.yaml")
            async with watching(root) as bell:
                changes[name](root)
                return await bell.rings(1)

        assert dict(zip(changes, await asyncio.gather(*map(wakes, changes)), strict=True)) == dict.fromkeys(
            changes, True
        )

    async def test_a_new_folder_is_watched_from_then_on(self, root: Path) -> None:
        async with watching(root) as bell:
            write(root / "new" / "b.yaml")
            assert await bell.rings()
            await bell.silence()
            write(root / "new" / "b.yaml", "again")
            assert await bell.rings()

    async def test_kubelet_swap(self, root: Path) -> None:
        kubelet = Kubelet(root)
        kubelet.write({"a.yaml": "1"})
        async with watching(root) as bell:
            for text in "2":
                kubelet.write({"a.yaml": text})
                assert await bell.rings()
                await bell.silence()

    @pytest.mark.parametrize("below", ["", "jobs.d"])
    async def test_git_sync_swap_of_the_root_or_above(self, tmp_path: Path, below: str) -> None:
        for tree in "123":
            write(tmp_path / tree / below / "a.yaml", tree)
        (tmp_path / "current").symlink_to("1")
        async with watching(tmp_path / "current" / below) as bell:
            for tree in "2":
                (tmp_path / "tmp").symlink_to(tree)
                (tmp_path / "tmp").rename(tmp_path / "current")
                assert await bell.rings()
                await bell.silence()
                write(tmp_path / tree / below / "a.yaml", "edited")  # the new tree is watched by now
                assert await bell.rings()
                await bell.silence()

    async def test_a_root_that_comes_goes_and_comes_again(self, tmp_path: Path) -> None:
        root = tmp_path / "not" / "yet" / "there"
        async with watching(root) as bell:
            write(root / "a.yaml")
            assert await bell.rings()
            await bell.silence()
            write(root / "a.yaml", "edited")
            assert await bell.rings()
            await bell.silence()
            shutil.rmtree(root)
            assert await bell.rings()
            await bell.silence()
            write(root / "a.yaml")
            assert await bell.rings()

    async def test_behind_symlinks_that_lead_out(self, root: Path, tmp_path: Path) -> None:
        folder, file = write(tmp_path / "x" / "a.yaml").parent, write(tmp_path / "y" / "b.yaml")
        link(root / "team", folder)
        link(root / "b.yaml", file)
        async with watching(root) as bell:
            write(folder / "new.yaml")
            assert await bell.rings()
            await bell.silence()
            write(file, "edited")
            assert await bell.rings()

    @pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
    async def test_a_commit_that_leaves_every_file_as_it_is(self, root: Path) -> None:
        git(root.parent, "init", "--quiet")
        write(root / "a.yaml")
        commit(root.parent)
        async with watching(root) as bell:
            git(root.parent, "commit", "--quiet", "--allow-empty", "--message", "x")
            assert await bell.rings()

    async def test_git_that_lets_go_of_its_lock(self, root: Path) -> None:
        write(root.parent / ".git" / "HEAD")
        lock = write(root.parent / ".git" / "index.lock")
        write(root / "a.yaml")
        async with watching(root) as bell:
            write(root.parent / ".git" / "config", old=False)
            assert not await bell.rings(0.5)
            lock.unlink()
            assert await bell.rings()

    @pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
    async def test_the_poll_finds_another_head(self, root: Path) -> None:
        git(root.parent, "init", "--quiet")
        write(root / "a.yaml")
        commit(root.parent)
        git(root.parent, "commit", "--quiet", "--allow-empty", "--message", "x")
        async with watching(root, poll_sec=0.2) as bell:
            await bell.silence()
            await bell.rings()  # once a fresh file is old
            await bell.silence()
            git(root.parent, "update-ref", "HEAD", "HEAD~")
            assert await bell.rings()

    async def test_the_poll_finds_what_no_event_tells(self, root: Path, tmp_path: Path) -> None:
        file = write(tmp_path / "y" / "b.yaml", "1")
        link(tmp_path / "x" / "b.yaml", file)
        link(root / "b.yaml", tmp_path / "x" / "b.yaml")
        write(tmp_path / "z" / "b.yaml", "2")
        async with watching(root, poll_sec=0.2) as bell:
            await bell.silence()
            (tmp_path / "x" / "tmp").symlink_to(tmp_path / "z" / "b.yaml")
            (tmp_path / "x" / "tmp").rename(tmp_path / "x" / "b.yaml")
            assert await bell.rings()


@pytest.mark.anyio
class TestSleeps:
    async def test_once_a_fresh_file_is_old_neither_reading_nor_a_neighbour_wakes_us(
        self, root: Path, tmp_path: Path
    ) -> None:
        target = write(tmp_path / "x" / "b.yaml")
        write(root / "a.yaml")
        write(root / ".git" / "index")
        link(root / "b.yaml", target)
        async with watching(root, poll_sec=0.1) as bell:
            await bell.silence()
            assert await bell.rings(), "a fresh file may change without a trace: one more look is due"
            await bell.silence()
            read(root)
            write(tmp_path / "neighbour.yaml", old=False)
            write(tmp_path / "x" / "neighbour.yaml", old=False)
            write(root / ".git" / "index", old=False)
            assert not await bell.rings(0.5)

    async def test_nothing_is_left_running(self, root: Path) -> None:
        until(lambda: not threads())  # those of the test before
        async with watching(root):
            assert threads()
        until(lambda: not threads())


def threads() -> int:
    """Those of Python and of watchfiles alike, without the idle ones of the pools."""
    count = 0
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # it has just ended
            count += "notify" in (task / "comm").read_text()
    return count


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs a user namespace with limits of its own")
def test_without_inotify_the_poll_goes_on(root: Path) -> None:
    script = """
        import asyncio, logging, sys
        from pathlib import Path
        from myscheduler.adapters.source import DirectorySource, reading, watching
        logging.basicConfig(format="%(levelname)s %(message)s")
        async def main():
            root, woken = Path(sys.argv[1]), asyncio.Event()
            task = asyncio.create_task(DirectorySource(root).watch(woken.set, poll_sec=0.1))
            await woken.wait()
            await asyncio.sleep(0.5)
            woken.clear()
            (root / "a.yaml").write_text("x")
            await asyncio.wait_for(woken.wait(), 30)
            task.cancel()
        asyncio.run(main())
    """
    shell = 'echo 0 > /proc/sys/user/max_inotify_watches || exit 77; exec "$@"'
    if subprocess.run(["unshare", "-Ur", "sh", "-c", shell, "sh", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")
    result = run_python(script, str(root), within=("unshare", "-Ur", "sh", "-c", shell, "sh"))
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("WARNING") == 1
    assert "can't watch for changes" in result.stderr
    assert "raise fs.inotify.max_user_watches" in result.stderr
    assert "TaskGroup" not in result.stderr


@pytest.mark.parametrize(
    ("error", "says"),
    [
        pytest.param(OSError(errno.EMFILE, "Too many open files"), "max_user_instances", id="instances"),
        pytest.param(RuntimeError("Error creating watcher: x (os error 24)"), "max_user_instances", id="only in text"),
        pytest.param(OSError("OS file watch limit reached. about []"), "max_user_watches", id="watches"),
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), "max_user_watches", id="watches, by number"),
        pytest.param(PermissionError(errno.EACCES, "Permission denied"), "Permission denied", id="rights"),
        pytest.param(RuntimeError("can't start new thread"), "can't start new thread", id="threads"),
    ],
)
def test_what_hinders_a_watch_is_named(error: Exception, says: str) -> None:
    for one in (error, ExceptionGroup("unhandled errors in a TaskGroup", [ExceptionGroup("more", [error])])):
        told = _hindrance(one)
        assert says in told
        assert "TaskGroup" not in told
        assert ("inotify" in told) == ("max_user" in says)


def test_inotify_is_not_blamed_for_what_this_process_lacks() -> None:
    with no_more_files():
        told = _hindrance(OSError(errno.EMFILE, "Too many open files"))
    assert "in this process" in told
    assert "inotify" not in told
