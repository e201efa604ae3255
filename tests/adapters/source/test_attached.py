"""Files of the source that calls send."""

import os
from pathlib import Path

import pytest

from myscheduler.adapters.source import attached
from myscheduler.adapters.source.attached import AttachedFiles
from myscheduler.core.calls.outcome import Failure, Outcome

pytestmark = pytest.mark.anyio


async def test_files_below_the_root_are_read_as_they_are_now(tmp_path: Path) -> None:
    root = tmp_path / "jobs.d"
    (root / "tables").mkdir(parents=True)
    (root / "tables" / "価格.csv").write_bytes(b"\x00\xff")
    files = AttachedFiles(root)
    assert await files.read(["tables/価格.csv"]) == {"tables/価格.csv": b"\x00\xff"}
    (root / "tables" / "価格.csv").write_bytes(b"new")
    assert await files.read(["tables/価格.csv"]) == {"tables/価格.csv": b"new"}


async def test_a_root_that_is_swapped(tmp_path: Path) -> None:
    """As git-sync and the kubelet do: the root is a link, and within a ConfigMap each file is one, too."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "..data").symlink_to(tmp_path / name)
        (tmp_path / name / "a").write_text(name)
        (tmp_path / name / "b").symlink_to("..data/a")
    root = tmp_path / "current"
    for name in ("one", "two"):
        root.unlink(missing_ok=True)
        root.symlink_to(tmp_path / name)
        assert await AttachedFiles(root).read(["b"]) == {"b": name.encode()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("missing", "the file 'missing' of the source can't be sent: No such file or directory"),
        ("folder", "the file 'folder' of the source can't be sent: it is a folder or a device"),
        ("pipe", "the file 'pipe' of the source can't be sent: it is a folder or a device"),
        ("out", "the file 'out' of the source can't be sent: it leads out of the source"),
        ("large", "the file 'large' of the source can't be sent: all files of a call are at most 10 MiB"),
    ],
)
async def test_what_can_not_be_sent(tmp_path: Path, path: str, expected: str) -> None:
    root = tmp_path / "jobs.d"
    (root / "folder").mkdir(parents=True)
    os.mkfifo(root / "pipe")
    (tmp_path / "secret").write_text("secret")
    (root / "out").symlink_to(tmp_path / "secret")
    for name in ("extra", "small"):
        (root / name).write_bytes(b"x")
    with (root / "large").open("wb") as file:
        file.truncate(attached.MOST_BYTES)
    found = await AttachedFiles(root).read(["extra" if path == "large" else "small", path])
    assert isinstance(found, Outcome)
    assert (found.failure, found.error) == (Failure.FILE_UNUSABLE, expected)
