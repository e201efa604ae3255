"""Secrets from real files and variables: where they are looked for, how soon a rotation is seen, what is refused."""

import asyncio
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from myscheduler.adapters import secret_files as module
from myscheduler.adapters.secret_files import FRESH_SEC, SIZE_LIMIT, Secrets
from myscheduler.core.calls.outcome import Failure, Outcome

pytestmark = pytest.mark.anyio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "secrets"
    found.mkdir()
    return found


@dataclass
class Clock:
    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


async def values(secrets: Secrets, *names: str) -> dict[str, str]:
    found = await secrets.find(names)
    assert not isinstance(found, Outcome), found
    return {name: secret.value for name, secret in found.items()}


async def refusal(secrets: Secrets, *names: str) -> Outcome:
    found = await secrets.find(names)
    assert isinstance(found, Outcome)
    return found


@pytest.mark.parametrize(
    ("content", "environment", "value"),
    [
        pytest.param(b"from the file", {"MYSCHEDULER_SECRET_A_B": "from the variable"}, "from the file", id="file"),
        pytest.param(None, {"MYSCHEDULER_SECRET_A_B": "from the variable"}, "from the variable", id="variable"),
        pytest.param(None, {"MYSCHEDULER_SECRET_A_B": "kept\n"}, "kept\n", id="a variable is taken as it is"),
        pytest.param(b"x\n", {}, "x", id="one line break goes"),
        pytest.param(b"x\r\n", {}, "x", id="one of Windows too"),
        pytest.param(b"x\n\n", {}, "x\n", id="only one"),
        pytest.param(b"x\r", {}, "x\r", id="no other character"),
        pytest.param(b"  x  ", {}, "  x  ", id="white space stays"),
        pytest.param(b"one\ntwo\n", {}, "one\ntwo", id="several lines"),
        pytest.param("鍵".encode(), {}, "鍵", id="not ASCII"),
        pytest.param(b"x" * SIZE_LIMIT, {}, "x" * SIZE_LIMIT, id="the largest"),
    ],
)
async def test_values(folder: Path, content: bytes | None, environment: Mapping[str, str], value: str) -> None:
    if content is not None:
        (folder / "a-b").write_bytes(content)
    assert await values(Secrets(folder, environment), "a-b") == {"a-b": value}


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        pytest.param(_bytes(b"can\xffary"), "is not UTF-8", id="not UTF-8"),
        pytest.param(_bytes(b"canary" * SIZE_LIMIT), "is larger than 64 KiB", id="too large"),
        pytest.param(_bytes(b""), "is empty", id="empty"),
        pytest.param(_bytes(b"\n"), "is empty", id="only a line break"),
        pytest.param(_folder, "is not a file", id="a folder"),
        pytest.param(_pipe, "is not a file", id="a pipe"),
        pytest.param(_loop, "can't be read: Too many levels of symbolic links", id="a loop of links"),
    ],
)
async def test_what_can_not_be_used(folder: Path, make: Callable[[Path], object], why: str) -> None:
    """A broken file is not passed over for the variable: nobody would see that the rotation failed."""
    make(folder / "a")
    found = await refusal(Secrets(folder, {"MYSCHEDULER_SECRET_A": "canary"}), "a")
    assert found == Outcome(failure=Failure.SECRET_UNUSABLE, error=f"secret 'a' can't be used: {folder / 'a'} {why}")


async def test_a_file_that_may_not_be_read(folder: Path) -> None:
    (folder / "a").write_text("canary", encoding="utf-8")
    (folder / "a").chmod(0)
    if os.access(folder / "a", os.R_OK):
        pytest.skip("this user may read everything")
    found = await refusal(Secrets(folder, {}), "a")
    assert found.error == f"secret 'a' can't be used: {folder / 'a'} can't be read: Permission denied"


@pytest.mark.parametrize(
    ("value", "why"),
    [pytest.param("", "is empty", id="empty"), pytest.param("can\udcffary", "is not UTF-8", id="bytes")],
)
async def test_variables_that_can_not_be_used(folder: Path, value: str, why: str) -> None:
    found = await refusal(Secrets(folder, {"MYSCHEDULER_SECRET_A": value}), "a")
    assert found.failure is Failure.SECRET_UNUSABLE
    assert found.error == f"secret 'a' can't be used: the environment variable MYSCHEDULER_SECRET_A {why}"


@pytest.mark.parametrize("place", ["nowhere", "a-file/below"])
async def test_a_missing_secret_names_both_places(folder: Path, place: str) -> None:
    (folder / "a-file").write_text("x", encoding="utf-8")
    found = await refusal(Secrets(folder / place, {}), "db-password")
    assert found.failure is Failure.SECRET_MISSING
    assert found.error == (
        f"secret 'db-password' is missing: there is neither a file {folder / place / 'db-password'} "
        "nor an environment variable MYSCHEDULER_SECRET_DB_PASSWORD"
    )


async def test_every_fault_is_told(folder: Path) -> None:
    (folder / "b").mkdir()
    (folder / "c").write_text("canary", encoding="utf-8")
    found = await refusal(Secrets(folder, {}), "b", "a", "c")
    assert found.error is not None
    assert [part[:10] for part in found.error.split("; ")] == ["secret 'a'", "secret 'b'"]
    assert "canary" not in found.error


async def test_rotations(folder: Path) -> None:
    """In place, by a rename, as the kubelet does it, and by a removal; nothing is kept."""
    clock = Clock()
    secrets = Secrets(folder, {"MYSCHEDULER_SECRET_A": "from the variable"}, clock=clock)

    async def later() -> str:
        clock.seconds += FRESH_SEC
        return (await values(secrets, "a"))["a"]

    (folder / "a").write_text("first", encoding="utf-8")
    assert await later() == "first"
    (folder / "a").write_text("other", encoding="utf-8")
    assert await later() == "other"
    (folder / "new").write_text("third", encoding="utf-8")
    (folder / "new").rename(folder / "a")
    assert await later() == "third"
    (folder / "a").unlink()
    for number in (1, 2):
        (folder / f"..{number}").mkdir()
        (folder / f"..{number}" / "a").write_text(f"swap {number}", encoding="utf-8")
        (folder / "..data_tmp").symlink_to(f"..{number}")
        (folder / "..data_tmp").rename(folder / "..data")
        if number == 1:
            (folder / "a").symlink_to("..data/a")
        assert await later() == f"swap {number}"
    (folder / "a").unlink()
    assert await later() == "from the variable"


async def test_a_value_is_kept_for_a_second_and_no_longer(folder: Path) -> None:
    clock = Clock()
    secrets = Secrets(folder, {}, clock=clock)
    assert FRESH_SEC == 1
    assert isinstance(await secrets.find(["a"]), Outcome)
    (folder / "a").write_text("here", encoding="utf-8")
    clock.seconds += 0.99
    assert isinstance(await secrets.find(["a"]), Outcome)
    clock.seconds += 0.01
    assert await values(secrets, "a") == {"a": "here"}


async def test_what_a_call_needs_is_read_together(folder: Path) -> None:
    """A user and its password are changed together, and neither is sent beside the other's older one."""
    clock = Clock()
    secrets = Secrets(folder, {}, clock=clock)
    for name in ("user", "password"):
        (folder / name).write_text("old", encoding="utf-8")
    await values(secrets, "user")
    for name in ("user", "password"):
        (folder / name).write_text("new", encoding="utf-8")
    clock.seconds += FRESH_SEC / 2
    assert await values(secrets, "user", "password") == {"user": "new", "password": "new"}


async def test_files_are_read_off_the_loop_and_once_for_many(folder: Path) -> None:
    (folder / "a").write_text("x", encoding="utf-8")
    looks: list[int] = []

    class Watched(Secrets):
        def _look_up(self, names: object) -> dict[str, module._Read]:
            looks.append(threading.get_ident())
            return super()._look_up(names)  # type: ignore[arg-type]

    secrets = Watched(folder, {})
    await asyncio.gather(*(values(secrets, "a") for _ in range(500)))
    assert len(looks) == 1
    assert threading.get_ident() not in looks


async def test_descriptors_are_given_back(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "b").write_text("x", encoding="utf-8")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        await Secrets(folder, {}).find(["a", "b"])
    assert len(list(Path("/proc/self/fd").iterdir())) == before
