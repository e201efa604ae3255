"""What is made holds credentials, so only its owner can read it; what was open before stays so, and is told."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.care.backup import back_up
from myscheduler.adapters.store.database import exposure
from myscheduler.cli import main
from myscheduler.machine.private_files import make_folder
from tests.support.service import Service, manifest


@pytest.fixture(params=[0o000, 0o022, 0o077], ids="umask-{:03o}".format)
def _umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):04o}"


def modes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): mode(path) for path in folder.rglob("*")}


WHOLE = {"jobs.db": "0600", "jobs.db-wal": "0600", "jobs.db-shm": "0600", "jobs.db.lock": "0600"}


@pytest.mark.usefixtures("_umask")
def test_the_database_and_the_folders_above_it_are_made_for_their_owner(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/a/b/jobs.db"):
        assert modes(tmp_path) == {"a": "0700", "a/b": "0700"} | {f"a/b/{name}": right for name, right in WHOLE.items()}


@pytest.mark.usefixtures("_umask")
def test_nothing_is_open_even_for_a_moment(tmp_path: Path) -> None:
    """Each name is seen when it is made, by the hook that Python calls before it opens or makes anything."""
    seen: list[tuple[str, int]] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event in {"os.mkdir", "sqlite3.connect", "os.chmod"} and str(arguments[0]).startswith(str(tmp_path)):
            seen.append((event, Path(str(arguments[0])).exists()))

    watching = [True]
    sys.addaudithook(lambda event, arguments: watch(event, arguments) if watching else None)
    try:
        with open_store(f"sqlite:///{tmp_path}/a/jobs.db"):
            pass
    finally:
        watching.clear()
    assert ("os.mkdir", False) in seen
    assert {there for event, there in seen if event == "sqlite3.connect"} == {True}  # made before SQLite comes to it
    assert not [event for event, _ in seen if event == "os.chmod"]


@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
def test_a_database_that_is_there_keeps_its_rights(tmp_path: Path, link: bool) -> None:
    with open_store(f"sqlite:///{tmp_path}/jobs.db"):
        pass
    (tmp_path / "jobs.db").chmod(0o640)
    if link:
        (tmp_path / "link.db").symlink_to("jobs.db")
    with open_store(f"sqlite:///{tmp_path}/{'link' if link else 'jobs'}.db"):
        assert mode(tmp_path / "jobs.db") == mode(tmp_path / "jobs.db-wal") == "0640"


@pytest.mark.usefixtures("_umask")
def test_a_backup_is_made_for_its_owner(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/jobs.db"
    part_modes: set[str] = set()
    with open_store(url):

        def tell(_text: str) -> None:
            part_modes.update(mode(path) for path in tmp_path.glob(".myscheduler-backup-*"))

        back_up(url, tmp_path / "copy.db", tell)
    assert (part_modes, mode(tmp_path / "copy.db")) == ({"0600"}, "0600")


@pytest.mark.usefixtures("_umask")
def test_manifests_that_are_written_are_made_for_their_owner(tmp_path: Path) -> None:
    (tmp_path / "crontab").write_text("0 3 * * * curl -fsS -H 'X-Key: 1' https://example.com/\n")
    done = CliRunner().invoke(main, ["import-crontab", "crontab", "--output", "new/jobs.d"])
    assert done.exit_code == 0, done.output
    made = modes(tmp_path / "new")
    assert made.pop("jobs.d") == "0700"
    assert set(made.values()) == {"0600"}
    assert mode(tmp_path / "new") == "0700"


@pytest.mark.usefixtures("_umask")
def test_folders_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o755)
    make_folder(tmp_path / "a/b/c")
    assert modes(tmp_path) == {"a": "0755", "a/b": "0700", "a/b/c": "0700"}


# --- what is told at the start ------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with open_store(f"sqlite:///{tmp_path}/data/jobs.db"):
        pass
    return tmp_path / "data/jobs.db"


@pytest.mark.parametrize(
    ("folder", "file", "says"),
    [
        pytest.param(0o700, 0o600, None, id="as it is made"),
        pytest.param(0o700, 0o400, None, id="narrower"),
        pytest.param(0o755, 0o644, "chmod 700 {folder} && chmod 600 {file}*", id="as it was made before"),
        pytest.param(0o700, 0o644, "chmod 600 {file}*", id="file for all"),
        pytest.param(0o700, 0o640, "chmod 600 {file}*", id="file for the group"),
        pytest.param(0o755, 0o600, "chmod 700 {folder}", id="folder"),
        pytest.param(0o2770, 0o660, None, id="a group has it on purpose"),
        pytest.param(0o2775, 0o660, None, id="as a volume with an fsGroup"),
        pytest.param(0o2775, 0o664, "chmod 600 {file}*", id="a volume, and a file for all"),
    ],
)
def test_what_is_open_is_told_with_what_to_run(database: Path, folder: int, file: int, says: str | None) -> None:
    database.chmod(file)
    database.parent.chmod(folder)
    told = exposure.warning_of(database)
    if says is None:
        assert told is None
    else:
        assert told is not None
        assert told.endswith(f"so run: {says.format(folder=database.parent, file=database)}")
        assert "\n" not in told


@pytest.mark.parametrize(
    ("folder", "says"),
    [(0o755, None), (0o775, "chmod go-w {}"), (0o1777, None), (0o777, "chmod go-w {}")],
    ids=["0755", "0775", "1777", "0777"],
)
def test_a_folder_of_other_things_is_not_closed(database: Path, folder: int, says: str | None) -> None:
    (database.parent / "other").touch()
    database.parent.chmod(folder)
    told = exposure.warning_of(database)
    assert told is None if says is None else str(told).endswith(says.format(database.parent))


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("mode_", [0o2775, 0o2777, 0o775, 0o755])
def test_a_folder_of_somebody_else_is_not_told(database: Path, mode_: int) -> None:
    """As the volumes of Kubernetes and of Docker."""
    os.chown(database.parent, 65534, 65534)
    database.parent.chmod(mode_)
    database.chmod(0o660)
    assert exposure.warning_of(database) is None
    database.chmod(0o664)
    assert "chmod 600" in str(exposure.warning_of(database))


def test_the_service_says_it_once_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path) as service:
        service.write("a.yaml", manifest("a", "http://127.0.0.1:9/"))
        service.until(lambda: service.get("/api/v1/jobs/a").status_code == 200)
        assert modes(tmp_path / "data") == WHOLE
        assert service.terminate() == 0
    (tmp_path / "data/jobs.db").chmod(0o644)
    with Service(tmp_path) as service:
        assert service.get("/api/v1/jobs/a").status_code == 200
        assert service.terminate() == 0
        told = [line["message"] for line in service.log if line["level"] == "WARNING"]
    assert [f"chmod 600 {tmp_path}/data/jobs.db*" in line for line in told] == [True]
