"""The ignore file in a real folder: what git leaves out is left out, and what it does to a source that is followed."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.source.tree import walk
from myscheduler.core.bounds import LARGEST_IGNORE
from myscheduler.core.source.snapshot import IGNORE, Snapshot, SourceUnavailable
from tests.support.kubelet import Kubelet
from tests.support.manifest_folder import read, write
from tests.support.work_tree import commit, git, git_says


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "jobs.d"
    for name in ("a.yaml", "drafts/b.yaml", "team/c.yaml", "team/drafts/d.yaml", "team/e.draft.yaml", "policy.yaml"):
        write(root / name)
    return root


def paths(snapshot: Snapshot) -> list[str]:
    return [file.path for file in snapshot.files]


# --- beside git ---

NAMES = ["a", "b", "ab", "aXb", "a b", "!a", "#a", "[a]", "-", "^", "é", "A", "日", "1", ",", "a.x", "\\a"]
PIECES = [
    *(
        "a",
        "b",
        "*",
        "**",
        "?",
        "/",
        "/",
        "[a]",
        "[!a]",
        "[^a]",
        "[a-b]",
        "[]a]",
        "[a",
        "[b-a]",
        "[a/b]",
        "[[:alpha:]]",
    ),
    *("[[:x:]]", "[\\]a]", "\\a", "\\*", "\\ ", " ", "!", "#", "é", "**/", "/**", "-", "^", ".x", ".yaml", "\t", "\r"),
]
patterns = st.builds(
    str.__add__, st.sampled_from(["", "", "!"]), st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)
)
"""All but `**\\/`: git takes the backslash for a reason to want one folder at least, which nobody would write."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A work tree with files and folders of all names, three levels deep."""
    root = tmp_path_factory.mktemp("beside-git")
    for first in NAMES:
        write(root / f"{first}.yaml")
        for number, second in enumerate(NAMES):
            write(root / f"{first}" / f"{second}.yaml")
            if number % 3 == 0:
                write(root / first / second / f"{NAMES[number - 5]}.yaml")
    git(root, "init", "--quiet")
    yield root
    shutil.rmtree(root)


@settings(max_examples=150, deadline=None)
@given(st.lists(patterns, min_size=1, max_size=4))
@example(["a**/b.yaml"])
@example(["a*/**", "!a/a.yaml"])
@example(["^**//"])
@example(["*", "!*/", "!/a/**"])
@example(["/*", "!/a"])
def test_the_walk_finds_what_git_does_not_ignore(tree: Path, lines: list[str]) -> None:
    text = "\n".join(lines).encode()
    write(tree / ".gitignore", text)
    write(tree / IGNORE, text)
    everything = [str(path.relative_to(tree)) for path in tree.rglob("*.yaml")]
    told = git_says(tree, "check-ignore", "--no-index", "--stdin", "-z", given="\0".join(everything), no=1)
    ignored = set(told.split("\0"))
    assert [found.path for found in walk(tree).files] == sorted([IGNORE, *({*everything} - ignored)])


# --- in a source ---


def test_files_and_whole_folders(root: Path) -> None:
    write(root / IGNORE, "drafts/\n*.draft.yaml\n")
    assert paths(read(root)) == ["a.yaml", "team/c.yaml"]


def test_it_speaks_for_the_root_only(root: Path) -> None:
    write(root / "team" / IGNORE, "*")
    snapshot = read(root)
    assert "team/c.yaml" in paths(snapshot)
    assert (snapshot.ignore, snapshot.strays) == (None, (f"team/{IGNORE}",))


def test_what_is_left_out_may_be_broken(root: Path) -> None:
    (root / "loop.yaml").symlink_to("loop.yaml")
    (root / "unmounted").symlink_to("nowhere")
    write(root / "b\n.yaml")
    assert len(read(root).unreadable) == 3
    write(root / IGNORE, "/loop.yaml\nunmounted/\nb?.yaml\n")
    assert read(root).unreadable == ()


def test_a_folder_that_is_left_out_is_not_looked_into(root: Path) -> None:
    write(root / IGNORE, "drafts/\n")
    assert set(walk(root).listings) == {str(root), str(root / "team")}


def test_the_files_with_a_meaning_of_their_own_stay(root: Path) -> None:
    write(root / "calendars.yaml", "{}")
    write(root / "access.yaml", "{}")
    write(root / "team" / "policy.yaml")
    write(root / IGNORE, f"*\n!drafts/\n!drafts/b.yaml\n{IGNORE}\n")
    snapshot = read(root)
    assert paths(snapshot) == ["drafts/b.yaml"]
    assert snapshot.policy
    assert snapshot.calendars
    assert snapshot.access
    assert snapshot.ignore
    write(root / IGNORE, "*.yaml\n")
    assert paths(read(root)) == []
    assert not read(root).is_bare


def test_a_policy_that_is_a_folder_can_not_be_left_out(root: Path) -> None:
    (root / "policy.yaml").unlink()
    (root / "policy.yaml").mkdir()
    write(root / IGNORE, "policy.yaml/\n")
    assert read(root).policy


def test_a_link_to_a_folder_is_a_folder(root: Path) -> None:
    """Unlike in git: of what a ConfigMap mounts at a path with a folder, the kubelet makes a link."""
    (root / "drafts").rename(root / "..data")
    (root / "drafts").symlink_to("..data")
    write(root / IGNORE, "drafts/\n")
    assert paths(read(root)) == ["a.yaml", "team/c.yaml", "team/e.draft.yaml"]


def test_what_is_left_out_under_one_name_may_be_read_under_another(root: Path) -> None:
    (root / "live.yaml").symlink_to("drafts/b.yaml")
    write(root / IGNORE, "drafts/\n")
    assert "live.yaml" in paths(read(root))


def test_the_revision_tells_another_one(root: Path) -> None:
    revisions = [read(root).revision]
    for text in ("", "# comment\n", "drafts/\n"):
        write(root / IGNORE, text)
        revisions.append(read(root).revision)
    assert len(set(revisions)) == 4


def test_no_file_is_no_other_revision(root: Path) -> None:
    before = read(root).revision
    write(root / IGNORE, "drafts/\n")
    read(root)
    (root / IGNORE).unlink()
    assert read(root).revision == before


UNCLEAR: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (lambda at: at.mkdir(), "is a folder"),
    "a dangling link": (lambda at: at.symlink_to("nowhere"), "is a dangling symlink"),
    "a loop": (lambda at: at.symlink_to(at.name), "is a symlink loop"),
    "a FIFO": (os.mkfifo, "is not a regular file"),
    "UTF-16": (lambda at: write(at, "drafts/".encode("utf-16")), "is not UTF-8 text"),
    "too large": (lambda at: write(at, b"#" * (LARGEST_IGNORE + 1)), "larger than 32 KiB"),
    "enormous": (lambda at: os.truncate(write(at), 10**12), "larger than 32 KiB"),
    "too many patterns": (lambda at: write(at, "a\n" * 2_000), "holds more than 1,000 patterns"),
}


@pytest.mark.parametrize(("spoil", "reason"), UNCLEAR.values(), ids=UNCLEAR)
def test_without_it_nothing_is_known(root: Path, spoil: Callable[[Path], object], reason: str) -> None:
    """Read as if it were empty, it would start drafts; as if it named everything, it would delete all jobs."""
    spoil(root / IGNORE)
    with pytest.raises(SourceUnavailable) as error:
        read(root)
    assert str(error.value) == (
        f"{root / IGNORE}: {reason}, so it is not known which files are manifests: fix the file"
    )


def gone(root: Path) -> None:
    (root / IGNORE).unlink()


def file_becomes_a_folder(root: Path) -> None:
    (root / "x.yaml").unlink()
    write(root / "x.yaml" / "f.yaml")


def folder_becomes_a_file(root: Path) -> None:
    shutil.rmtree(root / "y.yaml")
    write(root / "y.yaml")


CHANGES: dict[str, Callable[[Path], object]] = {
    "written": lambda r: write(r / IGNORE, "team/"),
    "same size": lambda r: write(r / IGNORE, "dr*ts/\n"),
    "gone": gone,
    "file becomes a folder": file_becomes_a_folder,
    "folder becomes a file": folder_becomes_a_file,
    "folder is renamed": lambda r: (r / "team").rename(r / "drafts" / "team"),
    "folder comes back": lambda r: (r / "drafts").rename(r / "ready"),
    "another link": lambda r: (r / "0").symlink_to("drafts"),
    "a stray": lambda r: write(r / "Report.YAML"),
    "a stray that is left out": lambda r: write(r / "drafts" / "Report.YAML"),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_walk_that_remembers_finds_what_a_first_one_finds(root: Path, change: Callable[[Path], object]) -> None:
    write(root / IGNORE, "drafts/\nx.yaml\ny.yaml/\n")
    write(root / "x.yaml")
    write(root / "y.yaml" / "f.yaml")
    before = walk(root)
    source = DirectorySource(root)
    source.read()
    change(root)
    assert walk(root, before) == walk(root)
    assert walk(root, before).listings.keys() == walk(root).listings.keys()
    assert source.read() == read(root)


def test_what_stands_is_judged_once(root: Path) -> None:
    write(root / IGNORE, "drafts/\n")
    source = DirectorySource(root)
    first = source.read()
    assert source.read() is first
    before = walk(root)
    assert walk(root, before).ignoring is before.ignoring


def test_the_swap_of_a_config_map(root: Path) -> None:
    kubelet = Kubelet(root)
    kubelet.write({"m.yaml": "1", "n.yaml": "1", IGNORE: "n.yaml\ndrafts/\nteam/\n"})
    source = DirectorySource(root)
    assert paths(source.read()) == ["a.yaml", "m.yaml"]
    kubelet.write({"m.yaml": "1", "n.yaml": "1", IGNORE: "m.yaml\ndrafts/\nteam/\n"})
    assert paths(source.read()) == ["a.yaml", "n.yaml"]
    kubelet.write({"m.yaml": "1", "n.yaml": "1"})
    assert paths(source.read())[:3] == ["a.yaml", "drafts/b.yaml", "m.yaml"]


def test_a_whole_config_map_names_the_revision(tmp_path: Path) -> None:
    kubelet = Kubelet(tmp_path / "jobs.d")
    kubelet.write({"m.yaml": "1", IGNORE: "n.yaml"})
    assert read(kubelet.root).revision == f"configmap:{kubelet.version.removeprefix('..')}"


class TestInGit:
    @pytest.fixture
    def repo(self, root: Path) -> Path:
        write(root / IGNORE, "drafts/\n*.draft.yaml\n")
        git(root.parent, "init", "--quiet")
        commit(root.parent)
        return root

    def test_what_is_left_out_may_differ_from_the_commit(self, repo: Path) -> None:
        head = git(repo, "rev-parse", "HEAD")
        write(repo / "drafts" / "b.yaml", "changed")
        (repo / "team" / "e.draft.yaml").unlink()
        assert read(repo).revision == f"git:{head}"

    @pytest.mark.parametrize("text", ["drafts/\n", None])
    def test_the_file_itself_may_not(self, repo: Path, text: str | None) -> None:
        (repo / IGNORE).unlink()
        if text:
            write(repo / IGNORE, text)
        assert "+sha256:" in read(repo).revision

    def test_nor_what_else_is_missing(self, repo: Path) -> None:
        (repo / "a.yaml").unlink()
        assert "+sha256:" in read(repo).revision


@pytest.mark.anyio
@pytest.mark.parametrize("is_link", [False, True])
async def test_an_edit_wakes(root: Path, tmp_path: Path, is_link: bool) -> None:
    at = write(tmp_path / "elsewhere" / "ignore" if is_link else root / IGNORE, "drafts/\n")
    if is_link:
        (root / IGNORE).symlink_to("../elsewhere/ignore")
    woken = asyncio.Event()
    task = asyncio.create_task(DirectorySource(root).watch(woken.set, poll_sec=60))
    try:
        await asyncio.sleep(0.5)  # until the watch stands
        woken.clear()
        write(at, "team/\n")
        await asyncio.wait_for(woken.wait(), 30)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
