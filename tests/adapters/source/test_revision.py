"""What the revision of a real git work tree, a git-sync link and a ConfigMap mount is called, and git at work."""

import logging
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.source.git import STALE_SEC, LockWatch
from myscheduler.core.source.snapshot import SourceUnavailable
from tests.support.files import write
from tests.support.work_tree import commit, git

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def revision(root: Path) -> str:
    return DirectorySource(root).read().revision


def repository(path: Path, *options: str) -> Path:
    """Two manifests, a link to a third outside of the source, and files that are none."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", *options)
    write(path / "jobs.d" / "a.yaml", "a")
    write(path / "jobs.d" / "team" / "b.yaml", "b")
    write(path / "jobs.d" / "README.md", "no manifest")
    write(path / "jobs.d" / ".draft.yaml", "no manifest")
    write(path / "shared" / "c.yaml", "c")
    (path / "jobs.d" / "shared").symlink_to("../shared")
    write(path / "other.yaml", "elsewhere")
    commit(path)
    return path


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "repo")


def head_of(repo: Path) -> str:
    return f"git:{git(repo, 'rev-parse', 'HEAD')}"


def link_away(repo: Path) -> None:
    (repo / "jobs.d" / "a.yaml").unlink()
    (repo / "jobs.d" / "a.yaml").symlink_to("../shared/c.yaml")


def instead_of_git(repo: Path, text: str) -> None:
    shutil.rmtree(repo / ".git")
    write(repo / ".git", text)


def add_new(repo: Path) -> None:
    write(repo / "jobs.d" / "new.yaml")
    git(repo, "add", "jobs.d/new.yaml")


class TestGit:
    def test_of_a_folder_within_the_work_tree(self, repo: Path) -> None:
        assert revision(repo / "jobs.d") == head_of(repo)

    def test_of_the_whole_work_tree(self, repo: Path) -> None:
        assert revision(repo) == head_of(repo)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda r: git(r, "gc", "--quiet", "--aggressive"), id="packed"),
            pytest.param(lambda r: git(r, "checkout", "--quiet", "--detach"), id="detached"),
            pytest.param(lambda r: write(r / "jobs.d" / "a.yaml", "a"), id="written-anew-with-the-same-bytes"),
            pytest.param(lambda r: (r / "jobs.d" / "README.md").unlink(), id="no-manifest-is-gone"),
            pytest.param(lambda r: write(r / "other.yaml", "edited"), id="edited-outside-of-the-source"),
            pytest.param(lambda r: write(r / "jobs.d" / ".draft.yaml", "edited"), id="hidden"),
            pytest.param(lambda r: (r / ".git" / "index").unlink(), id="no-index"),
        ],
    )
    def test_is_the_commit(self, repo: Path, change: Callable[[Path], object]) -> None:
        change(repo)
        assert revision(repo / "jobs.d") == head_of(repo)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda r: write(r / "jobs.d" / "a.yaml", "edited"), id="edited"),
            pytest.param(lambda r: write(r / "jobs.d" / "new.yaml"), id="not-tracked"),
            pytest.param(lambda r: (r / "jobs.d" / "a.yaml").unlink(), id="removed"),
            pytest.param(lambda r: (r / "jobs.d" / "shared").unlink(), id="link-removed"),
            pytest.param(link_away, id="replaced-by-a-link"),
            pytest.param(lambda r: (r / "jobs.d" / "0.yaml").symlink_to("../shared/c.yaml"), id="link-not-tracked"),
            pytest.param(lambda r: write(r / "shared" / "c.yaml", "edited"), id="edited-behind-a-link"),
            pytest.param(lambda r: (r / "jobs.d" / "b.yaml").symlink_to("gone"), id="unreadable"),
            pytest.param(add_new, id="added-to-the-index"),
        ],
    )
    def test_uncommitted_changes_are_told(self, repo: Path, change: Callable[[Path], object]) -> None:
        change(repo)
        name, _, content = revision(repo / "jobs.d").partition("+")
        assert (name, content) == (head_of(repo), DirectorySource(repo / "jobs.d", follows_git=False).read().revision)

    def test_a_commit_of_what_stands_there_already_is_a_new_revision(self, repo: Path) -> None:
        source = DirectorySource(repo / "jobs.d")
        first = source.read()
        write(repo / "jobs.d" / "a.yaml", "edited")
        edited = source.read()
        last = commit(repo)
        committed = source.read()
        assert edited.revision.startswith(f"{first.revision}+sha256:")
        assert (committed.revision, committed.files) == (f"git:{last}", edited.files)
        git(repo, "checkout", "--quiet", "HEAD~")
        assert source.read() == first

    def test_ids_of_sha256(self, tmp_path: Path) -> None:
        repo = repository(tmp_path / "repo", "--object-format=sha256")
        assert len(head_of(repo)) == len("git:") + 64
        assert revision(repo / "jobs.d") == head_of(repo)

    def test_a_further_work_tree_has_a_head_of_its_own(self, repo: Path, tmp_path: Path) -> None:
        git(repo, "worktree", "add", "--quiet", "-b", "other", str(tmp_path / "tree"))
        write(tmp_path / "tree" / "jobs.d" / "a.yaml", "other")
        other = commit(tmp_path / "tree")
        git(repo, "pack-refs", "--all")
        assert (revision(tmp_path / "tree" / "jobs.d"), revision(repo / "jobs.d")) == (f"git:{other}", head_of(repo))

    def test_a_submodule(self, repo: Path, tmp_path: Path) -> None:
        outer = repository(tmp_path / "outer")
        git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo), "inner")
        assert (outer / "inner" / ".git").is_file()
        assert revision(outer / "inner" / "jobs.d") == head_of(repo)

    def test_a_shallow_clone(self, repo: Path, tmp_path: Path) -> None:
        write(repo / "jobs.d" / "a.yaml", "edited")
        last = commit(repo)
        git(tmp_path, "clone", "--quiet", "--depth=1", repo.as_uri(), "clone")
        assert revision(tmp_path / "clone" / "jobs.d") == f"git:{last}"

    def test_a_sparse_checkout(self, repo: Path) -> None:
        git(repo, "sparse-checkout", "set", "--no-cone", "/jobs.d/a.yaml", "/jobs.d/shared", "/shared")
        assert not (repo / "jobs.d" / "team").exists()
        assert revision(repo / "jobs.d") == head_of(repo)

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(lambda r: git(r, "update-ref", "-d", "HEAD"), id="nothing-committed-yet"),
            pytest.param(lambda r: (r / ".git" / "HEAD").unlink(), id="no-repository"),
            pytest.param(lambda r: instead_of_git(r, "gitdir: gone\n"), id="gone"),
            pytest.param(lambda r: instead_of_git(r, "a\0b"), id="not-of-git"),
        ],
    )
    def test_without_a_commit_it_is_the_content(self, repo: Path, spoil: Callable[[Path], object]) -> None:
        spoil(repo)
        assert revision(repo / "jobs.d").startswith("sha256:")

    def test_a_folder_that_no_commit_has_is_no_work_tree(self, repo: Path) -> None:
        write(repo / "scratch" / "a.yaml")
        assert revision(repo / "scratch").startswith("sha256:")

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(lambda r: write(r / ".git" / "HEAD", "\0\0"), id="HEAD"),
            pytest.param(lambda r: write(r / ".git" / "HEAD", f"{COMMIT}\n"), id="a-commit-that-is-not-there"),
            pytest.param(lambda r: write(r / ".git" / "config", "[core]\nrepositoryformatversion = 9"), id="format"),
            pytest.param(lambda r: shutil.rmtree(r / ".git" / "objects"), id="objects"),
        ],
    )
    def test_a_broken_repository_is_told_once_and_stops_nothing(
        self, repo: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
    ) -> None:
        spoil(repo)
        source = DirectorySource(repo / "jobs.d")
        for _ in range(2):
            snapshot = source.read()
            assert len(snapshot.files) == 3
            assert snapshot.revision.startswith("sha256:")
        (record,) = caplog.records
        assert f"{repo}: the git repository can't be read" in record.getMessage()


class TestPublished:
    @pytest.mark.parametrize(
        ("tree", "below", "name"),
        [
            pytest.param(f".worktrees/{COMMIT}", "", f"git:{COMMIT}", id="git-sync-4"),
            pytest.param(f".worktrees/{COMMIT}", "jobs.d", f"git:{COMMIT}", id="folder-within"),
            pytest.param(f"rev-{COMMIT}", "jobs.d", f"git:{COMMIT}", id="git-sync-3"),
            pytest.param(f".worktrees/{'ab' * 32}", "", f"git:{'ab' * 32}", id="sha256"),
            pytest.param(f"cache/{COMMIT}", "", "sha256:", id="any-folder-that-looks-like-it"),
            pytest.param(f".worktrees/{COMMIT}0", "", "sha256:", id="too-long"),
        ],
    )
    def test_a_link_names_the_commit_of_git_sync(self, tmp_path: Path, tree: str, below: str, name: str) -> None:
        write(tmp_path / tree / below / "a.yaml")
        write(tmp_path / tree / ".git", "gitdir: /not/mounted/here\n")
        (tmp_path / "current").symlink_to(tree)
        assert revision(tmp_path / "current" / below).startswith(name)

    def test_with_the_repository_at_hand_it_is_asked(self, repo: Path, tmp_path: Path) -> None:
        head = git(repo, "rev-parse", "HEAD")
        tree = tmp_path / "git" / ".worktrees" / head
        git(repo, "worktree", "add", "--quiet", "--detach", str(tree))
        (tmp_path / "git" / "current").symlink_to(f".worktrees/{head}")
        assert revision(tmp_path / "git" / "current" / "jobs.d") == f"git:{head}"
        write(tree / "jobs.d" / "a.yaml", "edited")
        assert revision(tmp_path / "git" / "current" / "jobs.d").startswith(f"git:{head}+sha256:")

    def test_the_data_version_of_a_configmap(self, tmp_path: Path) -> None:
        mount(tmp_path, "..2026_11_24_10_00_00.123456789")
        assert revision(tmp_path) == "configmap:2026_11_24_10_00_00.123456789"

    def test_mounts_below_one_root_have_no_version_in_common(self, tmp_path: Path) -> None:
        mount(tmp_path / "a", "..2026_11_24_10_00_00.1")
        assert revision(tmp_path) == "configmap:2026_11_24_10_00_00.1"
        mount(tmp_path / "b", "..2026_11_24_10_00_00.2")
        assert revision(tmp_path).startswith("sha256:")

    def test_a_file_beside_the_mount_has_no_version(self, tmp_path: Path) -> None:
        mount(tmp_path / "mount", "..2026_11_24_10_00_00.1")
        write(tmp_path / "z.yaml")
        assert revision(tmp_path).startswith("sha256:")


def mount(folder: Path, version: str) -> None:
    write(folder / version / "a.yaml")
    (folder / "..data").symlink_to(version)
    (folder / "a.yaml").symlink_to("..data/a.yaml")


class TestGitAtWork:
    def test_every_snapshot_is_a_commit(self, repo: Path) -> None:
        """Git checks out two branches with 300 files of other names and contents in turns, and rests half-way."""
        write(repo / ".gitattributes", "*-150.yaml filter=slow")
        git(repo, "config", "filter.slow.smudge", "sleep 0.2; cat")
        for branch in ("even", "odd"):
            git(repo, "checkout", "--quiet", "-B", branch, "HEAD")
            shutil.rmtree(repo / "jobs.d")
            for number in range(300):
                write(repo / "jobs.d" / f"{branch if number % 3 else 'same'}-{number}.yaml", branch)
            commit(repo)
        commits = {f"git:{git(repo, 'rev-parse', branch)}": branch for branch in ("even", "odd")}
        end = threading.Event()

        def switch() -> None:
            while not end.wait(0.15):
                git(repo, "checkout", "--quiet", "even")
                end.wait(0.15)
                git(repo, "checkout", "--quiet", "odd")

        thread = threading.Thread(target=switch)
        thread.start()
        source, seen = DirectorySource(repo / "jobs.d"), list[str]()
        try:
            for _ in range(1_000):
                if len(seen) == 8:
                    break
                try:
                    snapshot = source.read()
                except SourceUnavailable:  # on a busy machine there may be no rest between two checkouts
                    continue
                if [snapshot.revision] != seen[-1:]:
                    seen.append(snapshot.revision)
                assert {file.content.decode() for file in snapshot.files} == {commits[snapshot.revision]}
                assert len(snapshot.files) == 300
        finally:
            end.set()
            thread.join()
        assert len(seen) == 8
        assert set(seen) == set(commits)

    def test_a_checkout_that_rests_half_way_is_not_read(self, repo: Path) -> None:
        write(repo / "jobs.d" / "moved.yaml", "b")
        (repo / "jobs.d" / "team" / "b.yaml").unlink()
        commit(repo)
        source = DirectorySource(repo / "jobs.d")
        script = """
            import pathlib, sys, time
            root = pathlib.Path(sys.argv[1])
            lock = root / ".git/index.lock"
            lock.touch()
            (root / "jobs.d/moved.yaml").unlink()
            print(flush=True)
            time.sleep(1)
            (root / "jobs.d/team/b.yaml").write_text("b")
            lock.unlink()
        """
        code = "\n".join(line.strip() for line in script.splitlines())
        with subprocess.Popen([sys.executable, "-c", code, str(repo)], stdout=subprocess.PIPE) as checkout:
            assert checkout.stdout is not None
            checkout.stdout.readline()
            assert "team/b.yaml" in {file.path for file in source.read().files}

    def test_git_that_does_not_end_is_told(self, repo: Path) -> None:
        source = DirectorySource(repo / "jobs.d")
        first = source.read()
        lock = write(repo / ".git" / "index.lock", "")
        assert source.read() == first, "nothing has changed yet"
        write(repo / "jobs.d" / "a.yaml", "edited")
        with pytest.raises(SourceUnavailable, match=r"index\.lock: git is changing the source: wait for it to end"):
            source.read()
        assert len(DirectorySource(repo / "jobs.d", follows_git=False).read().files) == 3, "a hook may read"
        lock.unlink()
        assert source.read() != first

    def test_a_lock_that_was_left_behind_is_waited_for_once(self, repo: Path, caplog: pytest.LogCaptureFixture) -> None:
        watch, folder = LockWatch(), str(repo / "jobs.d")
        assert watch.held(folder, 0.0) is None
        lock = write(repo / ".git" / "index.lock", "")
        assert watch.held(folder, 1.0) == str(lock)
        assert watch.held(folder, STALE_SEC) == str(lock)
        assert caplog.records == []
        assert watch.held(folder, STALE_SEC + 1) is None
        assert watch.held(folder, STALE_SEC + 2) is None
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert f"{lock}: unchanged for 30 s" in caplog.text
        write(lock, "another git")
        assert watch.held(folder, STALE_SEC + 3) == str(lock)

    def test_the_lock_of_another_work_tree_is_none_of_ours(self, repo: Path, tmp_path: Path) -> None:
        git(repo, "worktree", "add", "--quiet", str(tmp_path / "tree"))
        write(repo / ".git" / "index.lock", "")
        watch = LockWatch()
        assert watch.held(str(tmp_path / "tree" / "jobs.d"), time.monotonic()) is None
        own = write(repo / ".git" / "worktrees" / "tree" / "index.lock", "")
        assert watch.held(str(tmp_path / "tree" / "jobs.d"), time.monotonic()) == str(own)
