"""What of the manifest directory can not be read: told by file, or, where nothing is certain, as no source at all."""

import os
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from myscheduler.adapters.source import DirectorySource, reading
from myscheduler.adapters.source.tree import walk
from myscheduler.core.source.snapshot import Snapshot, SourceFile, SourceUnavailable, UnreadableFile
from tests.support.few_files import no_more_files
from tests.support.manifest_folder import read, reasons, run_python, texts, write

MIB = 1024 * 1024


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
    @pytest.mark.parametrize("name", ["policy", "access"])
    def test_a_policy_or_access_file_that_is_no_file_is_unreadable(
        self, root: Path, name: str, make: Callable[[Path], None], reason: str
    ) -> None:
        (root / f"{name}.d").mkdir()
        make(root / f"{name}.yaml")
        snapshot = read(root)
        assert getattr(snapshot, name) == UnreadableFile(f"{name}.yaml", reason)
        assert snapshot.unreadable == ()

    def test_no_link_takes_the_place_of_the_policy(self, root: Path) -> None:
        write(root / "policy.yaml", "max_retries: 1")
        (root / "a.yaml").symlink_to("policy.yaml")
        (root / "team").symlink_to(".")
        snapshot = read(root)
        assert isinstance(snapshot.policy, SourceFile)
        assert (snapshot.policy.path, snapshot.files) == ("policy.yaml", ())

    @pytest.mark.parametrize("name", ["pipe", ".hidden.yaml"])
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
