"""What this user can't write or read: a database, said before anything is done, and a source, which stops no start."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from myscheduler.adapters.store import open_store
from tests.support.patience import PATIENCE
from tests.support.service import COMMAND, Service, environment, manifest

SCRIPT = """
import sys
from myscheduler.adapters.store import open_store
from myscheduler.errors import StoreError
try:
    with open_store(f"sqlite:///{sys.argv[1]}/jobs.db"):
        print("opened")
except StoreError as error:
    print(error)
"""
WITHOUT_PRIVILEGES = () if os.getuid() else ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Root may write everything; without its capabilities it is the owner of its files, and no more."""
READ_ONLY = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'

needs_setpriv = pytest.mark.skipif(
    bool(WITHOUT_PRIVILEGES) and shutil.which("setpriv") is None, reason="this user may write everything"
)


def told(folder: Path, *within: str) -> str:
    """What a start on the database in that folder says."""
    command = (*within, sys.executable, "-c", SCRIPT, str(folder))
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()


def refusal(folder: Path, user: int, reason: str) -> str:
    return f"DATABASE_URL names {folder}/jobs.db, which can't be written as user {user}: {reason}"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with a database that was used before."""
    folder = tmp_path / "data"
    with open_store(f"sqlite:///{folder}/jobs.db"):
        pass
    return folder


@needs_setpriv
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(".", id="folder"),
        pytest.param("jobs.db", id="database"),
        pytest.param("jobs.db-wal", id="its log"),
        pytest.param("jobs.db-shm", id="its shared memory"),
        pytest.param("jobs.db.lock", id="its lock"),
    ],
)
def test_what_may_not_be_written_is_named(data: Path, name: str) -> None:
    path = data / name
    path.touch()
    path.chmod(0o555)
    message = told(data, *WITHOUT_PRIVILEGES)
    data.chmod(0o755)
    assert message == refusal(data, os.getuid(), f"Permission denied ({path} of user {os.getuid()})")


@needs_setpriv
def test_a_log_that_can_be_read_only_where_its_folder_can_be_written(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with closing(sqlite3.connect(data / "jobs.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA user_version = 7")  # copied as a killed service leaves it
        for name in ("jobs.db", "jobs.db-wal"):
            shutil.copy(data / name, copy)
    assert (copy / "jobs.db-wal").stat().st_size > 0
    check = (sys.executable, "-m", "myscheduler", "db", "check", "--database-url", f"sqlite:///{copy}/jobs.db")
    copy.chmod(0o555)
    result = subprocess.run(
        (*WITHOUT_PRIVILEGES, *check), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    copy.chmod(0o755)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"user {os.getuid()} can't: copy jobs.db and jobs.db-wal to a folder of your own" in result.stderr
    assert (
        subprocess.run((*WITHOUT_PRIVILEGES, *check), capture_output=True, check=False, timeout=PATIENCE).returncode
        == 0
    )


@needs_setpriv
def test_a_folder_that_may_not_be_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    message = told(tmp_path / "data", *WITHOUT_PRIVILEGES)
    tmp_path.chmod(0o755)
    reason = f"Permission denied ({tmp_path} of user {os.getuid()})"
    assert message == refusal(tmp_path / "data", os.getuid(), reason)


def test_a_mount_that_is_read_only(data: Path) -> None:
    within = (*READ_ONLY, MOUNT, str(data))
    if (
        shutil.which("unshare") is None
        or subprocess.run((*within, "true"), capture_output=True, check=False).returncode
    ):
        pytest.skip("nothing may be mounted here")
    assert told(data, *within) == refusal(data, 0, f"Read-only file system ({data}/jobs.db.lock of user 0)")


def test_what_may_be_written_is_opened(data: Path) -> None:
    assert told(data, *WITHOUT_PRIVILEGES) == "opened"


class _Unprivileged(Service):
    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            (*WITHOUT_PRIVILEGES, *COMMAND),
            cwd=self.folder, env=environment(**self._settings), stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@needs_setpriv
def test_folders_that_cannot_be_read_stop_no_start(tmp_path: Path) -> None:
    for name in ("jobs.d", "secrets"):
        (tmp_path / name).mkdir()
    with _Unprivileged(tmp_path, MYSCHEDULER_SECRETS_DIR=str(tmp_path / "secrets")) as service:
        service.write("a.yaml", manifest("a", "http://127.0.0.1:9/"))
        service.until(lambda: service.get("/api/v1/jobs/a").status_code == 200)
        service.terminate()
    for name in ("jobs.d", "secrets"):
        (tmp_path / name).chmod(0)
    with _Unprivileged(tmp_path, MYSCHEDULER_SECRETS_DIR=str(tmp_path / "secrets")) as service:
        state = service.until(lambda: state if (state := service.sync())["condition"] == "Stalled" else None)
        assert (state["reason"], service.job("a")["status"]) == ("SourceUnavailable", "running")
    (tmp_path / "jobs.d").chmod(0o700)
