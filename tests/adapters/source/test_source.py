"""The manifest directory on a real file system: what is read, that it is of one moment, and what wakes us."""

import asyncio
import errno
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest

from myscheduler.adapters.source import DirectorySource, reading
from myscheduler.adapters.source.reading import RESTLESS_READINGS
from myscheduler.adapters.source.tree import walk
from myscheduler.adapters.source.watching import _hindrance
from myscheduler.core.source.snapshot import Snapshot, SourceFile, SourceUnavailable, UnreadableFile
from tests.support.few_files import no_more_files
from tests.support.kubelet import Kubelet
from tests.support.work_tree import commit, git

OLD = time.time() - 3600
MIB = 1024 * 1024


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jobs.d"
    root.mkdir()
    return root


def write(path: Path, text: str = "x", *, old: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if old:
        os.utime(path, (OLD, OLD))
    return path


def link(path: Path, target: Path | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def read(root: Path) -> Snapshot:
    return DirectorySource(root).read()


def texts(snapshot: Snapshot) -> dict[str, str]:
    return {file.path: file.content.decode() for file in snapshot.files}


def reasons(snapshot: Snapshot) -> dict[str, str]:
    return {file.path: file.reason for file in snapshot.unreadable}


class TestSnapshot:
    def test_is_sorted_and_the_revision_names_the_content(self) -> None:
        a, b = SourceFile.of("a.yaml", b"1"), SourceFile.of("b.yaml", b"2")
        snapshot = Snapshot.of([b, a])
        assert snapshot.files == (a, b)
        assert snapshot == Snapshot.of([a, b])
        assert snapshot.revision.startswith("sha256:")
        assert len(snapshot.revision) == len("sha256:") + 12

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(Snapshot.of([]), id="empty"),
            pytest.param(Snapshot.of([SourceFile.of("a.yaml", b"2")]), id="content"),
            pytest.param(Snapshot.of([SourceFile.of("b.yaml", b"1")]), id="path"),
            pytest.param(Snapshot.of([SourceFile.of("a.yaml", b"1")], [UnreadableFile("c/", "x")]), id="unreadable"),
        ],
    )
    def test_another_source_is_another_revision(self, other: Snapshot) -> None:
        assert Snapshot.of([SourceFile.of("a.yaml", b"1")]).revision != other.revision

    def test_content_stays_out_of_logs(self) -> None:
        assert "hunter2" not in repr(SourceFile.of("a.yaml", b"hunter2"))


class TestWhatIsRead:
    @pytest.mark.parametrize(
        ("name", "is_read"),
        [
            pytest.param("a.yaml", True, id="yaml"),
            pytest.param("a.yml", True, id="yml"),
            pytest.param("deep/er/a.yaml", True, id="sub-folders"),
            pytest.param("日本 語.yaml", True, id="japanese-and-spaces"),
            pytest.param("x.yaml/a.yaml", True, id="folder-named-as-a-file"),
            pytest.param("sub/policy.yaml", True, id="reserved-name-below-the-root"),
            pytest.param("policy.yml", True, id="reserved-is-yaml-only"),
            pytest.param("policy.yaml", False, id="policy"),
            pytest.param("targets.yaml", False, id="targets"),
            pytest.param("calendars.yaml", False, id="calendars"),
            pytest.param("a.YAML", False, id="case"),
            pytest.param("README.md", False, id="other-suffix"),
            pytest.param("a.yaml~", False, id="backup"),
            pytest.param("#a.yaml#", False, id="emacs-autosave"),
            pytest.param(".a.yaml.swp", False, id="vim-swap"),
            pytest.param("4913", False, id="vim-probe"),
            pytest.param(".#a.yaml", False, id="emacs-lock"),
            pytest.param("sedUxYz9A", False, id="sed"),
            pytest.param("a.yaml___jb_tmp___", False, id="jetbrains"),
            pytest.param(".goutputstream-A1B2C3", False, id="gedit"),
            pytest.param("a.yaml.tmp.1234", False, id="temporary-suffix"),
            pytest.param("か\u3099.yaml", True, id="decomposed-japanese"),
            pytest.param(".a.yaml", False, id="hidden-file"),
            pytest.param(".git/a.yaml", False, id="hidden-folder"),
            pytest.param("sub/..data/a.yaml", False, id="hidden-below"),
        ],
    )
    def test_by_name(self, root: Path, name: str, is_read: bool) -> None:
        write(root / name)
        snapshot = read(root)
        assert texts(snapshot) == ({name: "x"} if is_read else {})
        assert snapshot.unreadable == ()

    def test_sorted_by_whole_path(self, root: Path) -> None:
        for name in ["b.yaml", "a/z.yaml", "a.yaml", "a/b/c.yaml", "A.yaml"]:
            write(root / name)
        paths = [file.path for file in read(root).files]
        assert paths == sorted(paths)
        assert len(paths) == 5

    def test_symlinks_to_files_and_folders_outside_are_followed(self, root: Path, tmp_path: Path) -> None:
        write(tmp_path / "else" / "a.yaml", "a")
        write(tmp_path / "else" / "b.txt", "b")
        link(root / "team", tmp_path / "else")
        link(root / "b.yaml", "../else/b.txt")
        assert texts(read(root)) == {"team/a.yaml": "a", "b.yaml": "b"}

    def test_one_real_file_is_read_once_under_its_first_path(self, root: Path) -> None:
        write(root / "m" / "real.yaml")
        link(root / "a.yaml", "m/real.yaml")
        link(root / "b", "m")
        link(root / "z.yaml", "a.yaml")
        assert texts(read(root)) == {"a.yaml": "x"}

    def test_symlink_loops_end(self, root: Path) -> None:
        write(root / "a" / "x.yaml")
        write(root / "b" / "y.yaml")
        for at, to in itertools.product("ab", ["a", "b", "."]):
            link(root / at / f"to-{to.replace('.', 'root')}", root / to)
        assert sorted(texts(read(root)).values()) == ["x", "x"]

    @pytest.mark.parametrize("target", ["/", "..", "../..", "team/../.."])
    def test_a_link_to_a_folder_above_is_not_followed(self, root: Path, tmp_path: Path, target: str) -> None:
        write(tmp_path / "else" / "a.yaml")
        write(root / "team" / "b.yaml", "b")
        link(root / "up", target)
        snapshot = read(root)
        assert texts(snapshot) == {"team/b.yaml": "b"}
        assert snapshot.unreadable == (UnreadableFile("up/", "is a link to a folder above the source"),)

    def test_no_more_folders_than_a_source_may_have(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("myscheduler.adapters.source.tree.MOST_FOLDERS", 3)
        for name in ("a", "b"):
            write(root / name / "x.yaml", name)
        assert len(read(root).files) == 2
        write(root / "c" / "x.yaml", "c")
        with pytest.raises(SourceUnavailable, match="holds more than 3 folders"):
            read(root)

    def test_an_empty_folder_is_an_empty_source(self, root: Path) -> None:
        assert read(root) == Snapshot.of([])

    def test_a_very_deep_tree(self, root: Path) -> None:
        deep = root
        for _ in range(1001):  # more than Python recurses
            deep /= "d"
            deep.mkdir()
        file = write(deep / "a.yaml")
        try:
            assert list(texts(read(root)).values()) == ["x"]
        finally:  # pytest's own cleaner is recursive
            file.unlink()
            os.removedirs(deep)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # an address holds 108 bytes at most


def large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(10 * MIB + 1)


def huge(path: Path) -> None:
    path.write_bytes(b"job_id: a\n" * 5_000_000)


CONTROL = "the name holds a line break or another control character"


class TestUnreadable:
    @pytest.mark.parametrize(
        ("name", "make", "problem"),
        [
            pytest.param("a.yaml", fifo, ("a.yaml", "is not a regular file"), id="fifo"),
            pytest.param("a.yaml", unix_socket, ("a.yaml", "is not a regular file"), id="socket"),
            pytest.param(
                "a.yaml", lambda p: p.symlink_to("/dev/zero"), ("a.yaml", "is not a regular file"), id="device"
            ),
            pytest.param("a.yaml", lambda p: p.symlink_to("gone"), ("a.yaml", "is a dangling symlink"), id="dangling"),
            pytest.param("a.yaml", lambda p: p.symlink_to(p), ("a.yaml", "is a symlink loop"), id="self-symlink"),
            pytest.param("a.yaml", large, ("a.yaml", "larger than 10 MiB"), id="large"),
            pytest.param("team", lambda p: p.symlink_to("gone"), ("team/", "is a dangling symlink"), id="folder-gone"),
            pytest.param("a\udcff.yaml", Path.touch, ("a\\udcff.yaml", "the name is not UTF-8"), id="not-utf-8"),
            pytest.param("a.yaml", huge, ("a.yaml", "larger than 10 MiB"), id="50-mb"),
            pytest.param("a\nb.yaml", Path.touch, ("a\\nb.yaml", CONTROL), id="line-break"),
            pytest.param("a\u2028.yaml", Path.touch, ("a\\u2028.yaml", CONTROL), id="line-separator"),
            pytest.param("a\n\udcff", Path.mkdir, ("a\\n\\udcff/", "the name is not UTF-8"), id="both"),
            pytest.param("team\udcff", Path.mkdir, ("team\\udcff/", "the name is not UTF-8"), id="folder-not-utf-8"),
        ],
    )
    def test_is_told_and_the_rest_goes_on(
        self, root: Path, name: str, make: Callable[[Path], None], problem: tuple[str, str]
    ) -> None:
        make(root / name)
        write(root / "fine.yaml")
        snapshot = read(root)
        assert reasons(snapshot) == dict([problem])
        assert texts(snapshot) == {"fine.yaml": "x"}

    def test_names_that_look_alike_are_two(self, root: Path) -> None:
        write(root / "が.yaml", "composed")
        write(root / "か\u3099.yaml", "decomposed")
        assert sorted(texts(read(root)).values()) == ["composed", "decomposed"]

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            pytest.param(os.mkfifo, "is not a regular file", id="pipe"),
            pytest.param(Path.mkdir, "is a folder", id="folder"),
            pytest.param(lambda p: p.symlink_to("gone"), "is a dangling symlink", id="dangling"),
            pytest.param(lambda p: p.symlink_to(p.with_suffix(".d")), "is a folder", id="link to a folder"),
        ],
    )
    def test_a_policy_that_is_no_file_is_unreadable(
        self, root: Path, make: Callable[[Path], None], reason: str
    ) -> None:
        (root / "policy.d").mkdir()
        make(root / "policy.yaml")
        snapshot = read(root)
        assert snapshot.policy == UnreadableFile("policy.yaml", reason)
        assert snapshot.unreadable == ()

    def test_no_link_takes_the_place_of_the_policy(self, root: Path) -> None:
        write(root / "policy.yaml", "max_retries: 1")
        (root / "a.yaml").symlink_to("policy.yaml")
        (root / "team").symlink_to(".")
        snapshot = read(root)
        assert isinstance(snapshot.policy, SourceFile)
        assert (snapshot.policy.path, snapshot.files) == ("policy.yaml", ())

    @pytest.mark.parametrize("name", ["pipe", ".hidden.yaml", "targets.yaml"])
    def test_what_is_no_manifest_is_not_told(self, root: Path, name: str) -> None:
        os.mkfifo(root / name)
        assert read(root) == Snapshot.of([])

    @pytest.mark.skipif(sys.platform != "linux", reason="drops root's rights by a call of Linux")
    def test_permission_denied(self) -> None:
        script = """
            import os, sys
            from pathlib import Path
            from myscheduler.adapters.source import DirectorySource, reading, watching
            if os.geteuid() == 0:
                os.setgroups([]); os.setgid(65534); os.setuid(65534)
            snapshot = DirectorySource(Path(sys.argv[1])).read()
            print([f.path for f in snapshot.files], [(f.path, f.reason) for f in snapshot.unreadable])
        """
        with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
            root = Path(folder)
            root.chmod(0o755)
            write(root / "fine.yaml")
            write(root / "secret.yaml").chmod(0)
            write(root / "locked" / "a.yaml").parent.chmod(0)
            result = run_python(script, folder)
            (root / "locked").chmod(0o755)
        told = "[('locked/', 'permission denied'), ('secret.yaml', 'permission denied')]"
        assert result.stdout.strip() == f"['fine.yaml'] {told}", result.stderr


def run_python(script: str, *arguments: str, within: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*within, sys.executable, "-Werror", "-c", textwrap.dedent(script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


class TestUnavailable:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(SourceUnavailable, match=r"nope: does not exist: create the folder"):
            read(tmp_path / "nope")

    def test_dangling_root(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("gone")
        with pytest.raises(SourceUnavailable, match="does not exist"):
            read(tmp_path / "link")

    def test_not_a_directory(self, root: Path) -> None:
        with pytest.raises(SourceUnavailable, match="is not a directory"):
            read(write(root / "a.yaml"))

    def test_root_is_a_symlink_loop(self, tmp_path: Path) -> None:
        (tmp_path / "loop").symlink_to("loop")
        with pytest.raises(SourceUnavailable, match="symlink loop"):
            read(tmp_path / "loop")

    def test_keeps_changing(self, root: Path) -> None:
        for number in range(300):
            write(root / f"{number}.yaml")
        with a_busy_writer(root / "7.yaml"):
            assert_finds_no_rest(DirectorySource(root))

    def test_what_never_rests_holds_up_nothing_else(self, root: Path) -> None:
        for name in "abc":
            write(root / f"{name}.yaml", name)
        source = DirectorySource(root)

        with a_busy_writer(root / "b.yaml"):
            assert_finds_no_rest(source)
            write(root / "c.yaml", "edited")
            assert source._restless > 0
            source._restless = RESTLESS_READINGS
            until(lambda: reasons(source.read()) == {"b.yaml": "keeps changing"})
            snapshot = source.read()
            assert texts(snapshot).items() >= {"a.yaml": "a", "c.yaml": "edited"}.items()
        assert texts(source.read()) == {"a.yaml": "a", "b.yaml": "x", "c.yaml": "edited"}

    def test_a_file_that_grows_is_not_read_in_part(self, root: Path) -> None:
        write(root / "a.yaml", "a")
        source = DirectorySource(root)
        with meanwhile(lambda _: append(root / "log.yaml", "x" * 100), every=0.001):
            until((root / "log.yaml").exists)
            assert_finds_no_rest(source)
        assert source.read().files[-1].content == (root / "log.yaml").read_bytes()

    def test_missing_for_a_moment(self, root: Path) -> None:
        write(root / "a.yaml")

        def blink(_: int) -> None:
            root.rename(root.parent / "away")
            time.sleep(0.02)
            (root.parent / "away").rename(root)

        source = DirectorySource(root)
        with meanwhile(blink, every=0.08):
            for _ in seconds(0.4):
                assert texts(source.read()) == {"a.yaml": "x"}


@contextmanager
def a_busy_writer(path: Path) -> Iterator[None]:
    """Write the file anew all the time, in another process."""
    busy = "import sys\nfor n in iter(int, 1): open(sys.argv[1], 'w').write('x')"
    with subprocess.Popen([sys.executable, "-c", busy, str(path)]) as writer:
        try:
            until(lambda: path.stat().st_mtime > OLD + 60)
            yield
        finally:
            writer.kill()
            writer.wait()
            path.write_text("x")


def assert_finds_no_rest(source: DirectorySource) -> None:
    """Perhaps not at once: on a busy machine a writer may rest for longer than a reader looks."""
    until(lambda: "keeps changing: read it again once nothing writes to it any more" in trouble(source))


def trouble(source: DirectorySource) -> str:
    try:
        source.read()
    except SourceUnavailable as error:
        return str(error)
    return ""


def append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def seconds(count: float) -> Iterator[None]:
    """Go on for so long."""
    end = time.monotonic() + count
    while time.monotonic() < end:
        yield


def until(condition: Callable[[], bool]) -> None:
    for _ in seconds(5):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came")


@contextmanager
def meanwhile(change: Callable[[int], object], *, every: float) -> Iterator[None]:
    """Run `change(0)`, `change(1)`, … in a thread for as long as the block runs."""
    end = threading.Event()

    def run() -> None:
        for number in itertools.count():
            if end.wait(every):
                return
            change(number)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def truncate_and_write(file: Path) -> None:
    with file.open("w") as stream:
        time.sleep(0.01)
        stream.write("whole")


def delete_and_create(file: Path) -> None:
    file.unlink()
    time.sleep(0.01)
    file.write_text("whole")


def move_to_backup(file: Path) -> None:
    (file.parent / "4913").touch()
    (file.parent / "4913").unlink()
    file.rename(f"{file}~")
    time.sleep(0.01)
    file.write_text("whole")
    Path(f"{file}~").unlink()


class TestOneMoment:
    def test_kubelet_swaps(self, root: Path) -> None:
        kubelet = Kubelet(root)
        names = [f"{number:02}.yaml" for number in range(20)]

        def swap(number: int) -> None:
            kubelet.write(dict.fromkeys(names, str(number)))

        swap(-1)
        source, seen = DirectorySource(root), set()
        with meanwhile(swap, every=0.08):
            for _ in seconds(2):
                snapshot = source.read()
                assert [file.path for file in snapshot.files] == names
                assert snapshot.unreadable == ()
                assert len({file.content for file in snapshot.files}) == 1
                assert snapshot.revision.startswith("configmap:2026_11_23_10_00_")
                seen.add((snapshot.revision, snapshot.files[0].content))
        assert len(seen) > 3
        assert len(dict(seen)) == len(seen)

    def test_git_sync_swaps_the_root(self, tmp_path: Path) -> None:
        names = [f"{number:02}.yaml" for number in range(20)]
        root = tmp_path / "current"

        def swap(number: int) -> None:
            for name in names:
                write(tmp_path / f"tree{number}" / name, str(number))
            (tmp_path / "tmp").symlink_to(f"tree{number}")
            (tmp_path / "tmp").rename(root)
            if number > 0:
                shutil.rmtree(tmp_path / f"tree{number - 1}")

        swap(0)
        source, seen = DirectorySource(root), set()
        with meanwhile(lambda number: swap(number + 1), every=0.08):
            for _ in seconds(0.6):
                snapshot = source.read()
                assert [file.path for file in snapshot.files] == names
                assert len({file.content for file in snapshot.files}) == 1
                seen.add(snapshot.revision)
        assert len(seen) > 3

    @pytest.mark.parametrize(
        "edit",
        [
            pytest.param(truncate_and_write, id="truncate-and-write"),
            pytest.param(delete_and_create, id="delete-and-create"),
            pytest.param(move_to_backup, id="vim-with-a-backup"),
            pytest.param(lambda file: rename_over(file.parent, "whole"), id="rename"),
            pytest.param(lambda file: subprocess.run(["sed", "-i", "s/x/y/", str(file)], check=True), id="sed"),
        ],
    )
    def test_a_file_that_is_being_edited_is_neither_empty_nor_gone(
        self, root: Path, edit: Callable[[Path], object]
    ) -> None:
        file = write(root / "a.yaml", "whole")
        source = DirectorySource(root)
        with meanwhile(lambda _: edit(file), every=0.08):
            for _ in seconds(0.4):
                snapshot = source.read()
                assert (texts(snapshot), snapshot.unreadable) == ({"a.yaml": "whole"}, ())

    def test_an_endless_writer_beside_the_manifests_stops_nothing(self, root: Path) -> None:
        write(root / "a.yaml")
        with meanwhile(lambda _: write(root / "log.txt", old=False), every=0.005):
            until((root / "log.txt").exists)
            begun = time.monotonic()
            assert texts(read(root)) == {"a.yaml": "x"}
            assert time.monotonic() - begun < 2


class TestReadAgain:
    @pytest.mark.parametrize(
        ("change", "after"),
        [
            pytest.param(lambda _: None, {"a.yaml": "a", "sub/b.yaml": "b"}, id="nothing"),
            pytest.param(
                lambda r: write(r / "a.yaml", "c"), {"a.yaml": "c", "sub/b.yaml": "b"}, id="same-size-and-mtime"
            ),
            pytest.param(lambda r: (r / "a.yaml").unlink(), {"sub/b.yaml": "b"}, id="delete"),
            pytest.param(
                lambda r: (r / "a.yaml").rename(r / "c.yaml"), {"c.yaml": "a", "sub/b.yaml": "b"}, id="rename"
            ),
            pytest.param(
                lambda r: link(r / "1.yaml", "a.yaml"), {"1.yaml": "a", "sub/b.yaml": "b"}, id="known-by-another-path"
            ),
            pytest.param(lambda r: (r / "sub").rename(r / ".sub"), {"a.yaml": "a"}, id="folder-hidden"),
        ],
    )
    def test_sees(self, root: Path, change: Callable[[Path], object], after: dict[str, str]) -> None:
        write(root / "a.yaml", "a")
        write(root / "sub" / "b.yaml", "b")
        source = DirectorySource(root)
        source.read()
        change(root)
        snapshot = source.read()
        assert texts(snapshot) == after
        assert snapshot == read(root)

    def test_edits_within_one_tick_of_the_clock(self, root: Path) -> None:
        file = write(root / "a.yaml", "0")
        source = DirectorySource(root)
        for number in range(10):
            file.write_text(str(number))
            os.utime(file, (OLD, OLD))
            assert texts(source.read()) == {"a.yaml": str(number)}

    def test_a_thousand_files_are_quick(self, root: Path) -> None:
        for number in range(1000):
            write(root / f"{number % 10}" / f"{number}.yaml", f"job_id: {number}\n" * 20)
        source = DirectorySource(root)
        first = source.read()
        begun = time.perf_counter()
        assert source.read() == first
        assert time.perf_counter() - begun < 0.5  # 100 ms on a quiet machine, see benchmarks


class Bell:
    """Counts wake-ups and lets a test wait for the next."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = asyncio.Event()

    def __call__(self) -> None:
        self.count += 1
        self._rung.set()

    async def rings(self, within: float = 3.0) -> bool:
        """Whether it rings since it was last silent."""
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


def rename_over(root: Path, text: str = "new") -> None:
    write(root / ".a.yaml.tmp", text, old=False).rename(root / "a.yaml")


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
            assert await bell.rings(1)
            await bell.silence()
            write(root / "new" / "b.yaml", "again")
            assert await bell.rings(1)

    async def test_kubelet_swap(self, root: Path) -> None:
        kubelet = Kubelet(root)
        kubelet.write({"a.yaml": "1"})
        async with watching(root) as bell:
            for text in "2":
                kubelet.write({"a.yaml": text})
                assert await bell.rings(1)
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
                assert await bell.rings(1)
                await bell.silence()
                write(tmp_path / tree / below / "a.yaml", "edited")  # the new tree is watched by now
                assert await bell.rings(1)
                await bell.silence()

    async def test_a_root_that_comes_goes_and_comes_again(self, tmp_path: Path) -> None:
        root = tmp_path / "not" / "yet" / "there"
        async with watching(root) as bell:
            write(root / "a.yaml")
            assert await bell.rings(1)
            await bell.silence()
            write(root / "a.yaml", "edited")
            assert await bell.rings(1)
            await bell.silence()
            shutil.rmtree(root)
            assert await bell.rings(1)
            await bell.silence()
            write(root / "a.yaml")
            assert await bell.rings(1)

    async def test_behind_symlinks_that_lead_out(self, root: Path, tmp_path: Path) -> None:
        folder, file = write(tmp_path / "x" / "a.yaml").parent, write(tmp_path / "y" / "b.yaml")
        link(root / "team", folder)
        link(root / "b.yaml", file)
        async with watching(root) as bell:
            write(folder / "new.yaml")
            assert await bell.rings(1)
            await bell.silence()
            write(file, "edited")
            assert await bell.rings(1)

    @pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
    async def test_a_commit_that_leaves_every_file_as_it_is(self, root: Path) -> None:
        git(root.parent, "init", "--quiet")
        write(root / "a.yaml")
        commit(root.parent)
        async with watching(root) as bell:
            git(root.parent, "commit", "--quiet", "--allow-empty", "--message", "x")
            assert await bell.rings(1)

    async def test_git_that_lets_go_of_its_lock(self, root: Path) -> None:
        write(root.parent / ".git" / "HEAD")
        lock = write(root.parent / ".git" / "index.lock")
        write(root / "a.yaml")
        async with watching(root) as bell:
            write(root.parent / ".git" / "config", old=False)
            assert not await bell.rings(0.5)
            lock.unlink()
            assert await bell.rings(1)

    @pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
    async def test_the_poll_finds_another_head(self, root: Path) -> None:
        git(root.parent, "init", "--quiet")
        write(root / "a.yaml")
        commit(root.parent)
        git(root.parent, "commit", "--quiet", "--allow-empty", "--message", "x")
        async with watching(root, poll_sec=0.2) as bell:
            await bell.silence()
            await bell.rings(3)  # once a fresh file is old
            await bell.silence()
            git(root.parent, "update-ref", "HEAD", "HEAD~")
            assert await bell.rings(2)

    async def test_the_poll_finds_what_no_event_tells(self, root: Path, tmp_path: Path) -> None:
        file = write(tmp_path / "y" / "b.yaml", "1")
        link(tmp_path / "x" / "b.yaml", file)
        link(root / "b.yaml", tmp_path / "x" / "b.yaml")
        write(tmp_path / "z" / "b.yaml", "2")
        async with watching(root, poll_sec=0.2) as bell:
            await bell.silence()
            (tmp_path / "x" / "tmp").symlink_to(tmp_path / "z" / "b.yaml")
            (tmp_path / "x" / "tmp").rename(tmp_path / "x" / "b.yaml")
            assert await bell.rings(2)


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
            assert await bell.rings(3), "a fresh file may change without a trace: one more look is due"
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
            await asyncio.wait_for(woken.wait(), 2)
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


def test_a_lack_of_files_is_no_fault_of_the_source(root: Path) -> None:
    (root / "team").mkdir()
    (root / "team/a.yaml").write_text("x")
    source = DirectorySource(root)
    assert len(source.read().files) == 1
    (root / "team/a.yaml").write_text("changed")
    with no_more_files(), pytest.raises(SourceUnavailable, match="too many open files in this process") as caught:
        source.read()
    assert "readable" not in str(caught.value)
    assert [file.content for file in source.read().files] == [b"changed"]


def test_a_file_that_can_not_be_opened_for_want_of_files_stops_the_reading(root: Path) -> None:
    (root / "a.yaml").write_text("x")
    (found,) = walk(root).files
    with no_more_files(), pytest.raises(SourceUnavailable, match="too many open files in this process"):
        reading._read(found, 0)
