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

from myscheduler.adapters.source import DirectorySource, reading
from myscheduler.adapters.source.reading import RESTLESS_READINGS
from myscheduler.core.source.snapshot import Snapshot, SourceUnavailable
from tests.support.kubelet import Kubelet
from tests.support.manifest_folder import OLD, read, reasons, rename_over, texts, until, write


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

    def test_missing_for_a_moment(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "PAUSE_SEC", 0.2)  # the moment is longer on a busy machine
        write(root / "a.yaml")

        def blink(_: int) -> None:
            root.rename(root.parent / "away")
            time.sleep(0.02)
            (root.parent / "away").rename(root)

        for snapshot in readings(DirectorySource(root), blink, changes=4):
            assert texts(snapshot) == {"a.yaml": "x"}


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


def readings(source: DirectorySource, change: Callable[[int], object], *, changes: int) -> Iterator[Snapshot]:
    """What is read while `change(0)`, `change(1)`, … are made in a thread, at any moment of a reading.

    Each waits until a reading has ended since the one before: on a busy machine there would else be one within each
    look of a reading, which rightly finds no rest then.
    """
    has_read, is_over, is_left = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        try:
            for number in range(changes):
                has_read.wait()
                has_read.clear()
                if is_left.wait(0.08):
                    return
                change(number)
        finally:
            is_over.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not is_over.is_set():
            snapshot = source.read()
            has_read.set()
            yield snapshot
        yield source.read()
    finally:
        is_left.set()
        has_read.set()
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
        for snapshot in readings(source, swap, changes=12):
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
        for snapshot in readings(source, lambda number: swap(number + 1), changes=6):
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
        self, root: Path, edit: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "SETTLED_SEC", 0.25)  # edits take longer on a busy machine
        monkeypatch.setattr(reading, "SETTLE_LIMIT_SEC", 5.0)
        file = write(root / "a.yaml", "whole")
        for snapshot in readings(DirectorySource(root), lambda _: edit(file), changes=4):
            assert (texts(snapshot), snapshot.unreadable) == ({"a.yaml": "whole"}, ())

    def test_an_endless_writer_beside_the_manifests_stops_nothing(self, root: Path) -> None:
        write(root / "a.yaml")
        with meanwhile(lambda _: write(root / "log.txt", old=False), every=0.005):
            until((root / "log.txt").exists)
            begun = time.monotonic()
            assert texts(read(root)) == {"a.yaml": "x"}
            assert time.monotonic() - begun < 2
