"""What is read is of one moment, whoever swaps, edits or goes on writing meanwhile."""

import itertools
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.source.reading import RESTLESS_READINGS
from myscheduler.core.source.snapshot import SourceUnavailable
from tests.support.kubelet import Kubelet
from tests.support.manifest_folder import OLD, read, reasons, rename_over, seconds, texts, until, write


class TestUnavailable:
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
