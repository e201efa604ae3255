"""How the limit of open files is shared out, and how errors of the system are told."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.machine import causes, open_files
from myscheduler.machine.open_files import OWN, shares
from tests.support.few_files import no_more_files


@given(st.integers(OWN + 20, 100_000), st.integers(4, 50_000))
def test_all_shares_together_fit_into_the_limit(limit: int, scheduled: int) -> None:
    found = shares(limit, scheduled)
    assert found.total <= limit + 3 * open_files._LEAST
    assert min(found.scheduled, found.manual, found.callers) >= open_files._LEAST
    assert found.scheduled <= scheduled


@given(st.integers(OWN + 100, 100_000))
def test_executions_have_most_of_them(limit: int) -> None:
    found = shares(limit, 2_000)
    assert found.scheduled > 3 * found.callers


def test_a_shortage_is_noticed_only_while_there_is_one() -> None:
    assert causes.lack_of_files() is None
    with no_more_files():
        told = causes.lack_of_files()
        limit = open_files.allowed()
    assert told == f"too many open files in this process (its limit is {limit}: raise ulimit -n)"
    assert causes.lack_of_files() is None


@pytest.mark.parametrize(
    ("error", "says", "is_lack"),
    [
        pytest.param(OSError(errno.EMFILE, "x"), "too many open files in this process", True, id="EMFILE"),
        pytest.param(OSError(errno.ENFILE, "x"), "too many open files on this machine", True, id="ENFILE"),
        pytest.param(OSError(errno.ENOSPC, "No space left"), "No space left", True, id="ENOSPC"),
        pytest.param(OSError(errno.EDQUOT, ""), "Disk quota exceeded", True, id="EDQUOT"),
        pytest.param(PermissionError(errno.EACCES, "Permission denied"), "Permission denied", False, id="EACCES"),
        pytest.param(OSError(errno.EROFS, ""), "Read-only file system", False, id="no text"),
        pytest.param(OSError("just text"), "just text", False, id="no number"),
        pytest.param(RuntimeError(), "RuntimeError", False, id="nothing at all"),
        pytest.param(RuntimeError("made: Boom (os error 24)"), "too many open files in this process", True, id="Rust"),
    ],
)
def test_the_cause_is_named(error: BaseException, says: str, is_lack: bool) -> None:
    assert causes.reason_of(error).startswith(says)
    assert causes.is_lack(error) == is_lack


def test_groups_are_opened() -> None:
    first, second, third = OSError(1), ValueError(2), KeyError(3)
    group = ExceptionGroup("unhandled", [ExceptionGroup("errors", [first, second]), third])
    assert list(causes.leaves(group)) == [first, second, third]
