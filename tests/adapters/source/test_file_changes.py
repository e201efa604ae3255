"""What changed in a file of the source between two revisions, in real git work trees."""

import shutil
from pathlib import Path

import pytest

from myscheduler.adapters.source.file_changes import change_between
from myscheduler.core.source.file_change import LONGEST_LINE, MOST_LINES
from tests.support.files import write
from tests.support.work_tree import commit, git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The source in a repository."""
    git(tmp_path, "init", "--quiet")
    return tmp_path / "jobs.d"


def committed(source: Path, text: str, name: str = "team/a.yaml") -> str:
    """The revision with this content of a file."""
    write(source / name, text)
    return f"git:{commit(source.parent)}"


def test_the_last_commit_that_changed_it_and_all_that_changed(source: Path) -> None:
    before = committed(source, "a: 1\nb: 2\nc: 3\n")
    committed(source, "a: 1\nb: 4\nc: 3\n")
    last = committed(source, "a: 1\nb: 5\nc: 3\nd: 6\n")
    after = committed(source, "x: 1\n", "other.yaml")
    found = change_between(str(source), "team/a.yaml", before, after)
    assert found is not None
    assert (f"git:{found.commit}", found.author, found.subject) == (last, "Ada", "x")
    assert found.lines == ("-b: 2", "+b: 5", "+d: 6")


def test_a_file_that_is_new(source: Path) -> None:
    before, after = committed(source, "x: 1\n", "other.yaml"), committed(source, "a: 1\n")
    found = change_between(str(source), "team/a.yaml", before, after)
    assert found is not None
    assert found.lines == ("+a: 1",)


def test_a_change_is_bounded(source: Path) -> None:
    before = committed(source, "a: 1\n")
    after = committed(source, "".join(f"{number}: {'x' * LONGEST_LINE}\n" for number in range(2 * MOST_LINES)))
    found = change_between(str(source), "team/a.yaml", before, after)
    assert found is not None
    assert len(found.lines) == MOST_LINES
    assert max(map(len, found.lines)) == LONGEST_LINE


def test_lines_that_look_like_the_head_of_a_diff_are_kept(source: Path) -> None:
    before, after = committed(source, "-- a\n"), committed(source, "++ b\n")
    found = change_between(str(source), "team/a.yaml", before, after)
    assert found is not None
    assert found.lines == ("--- a", "+++ b")


def test_nothing_changed(source: Path) -> None:
    before = committed(source, "a: 1\n")
    after = committed(source, "x: 1\n", "other.yaml")
    assert change_between(str(source), "team/a.yaml", before, after) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("sha256:f1733754a285", "sha256:000000000000", id="digests"),
        pytest.param("configmap:2027_03_01_00_00_00.1", "configmap:2027_03_01_00_00_00.2", id="a ConfigMap"),
        pytest.param(f"git:{'1' * 40}", f"git:{'2' * 40}", id="commits that are gone"),
        pytest.param(f"git:{'1' * 40}+f1733754a285", f"git:{'2' * 40}", id="with what is not committed"),
    ],
)
def test_revisions_that_tell_nothing(source: Path, before: str, after: str) -> None:
    committed(source, "a: 1\n")
    assert change_between(str(source), "team/a.yaml", before, after) is None


def test_a_source_without_git(tmp_path: Path) -> None:
    write(tmp_path / "jobs.d" / "a.yaml", "a: 1")
    assert change_between(str(tmp_path / "jobs.d"), "a.yaml", f"git:{'1' * 40}", f"git:{'2' * 40}") is None
