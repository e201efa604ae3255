"""`validate --staged` in real repositories, and in the hooks of a real git."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.adapters.source import staged as staged_module
from myscheduler.cli import main
from myscheduler.core.bounds import LARGEST_FILE
from tests.support.files import write
from tests.support.service import environment
from tests.support.work_tree import SETTINGS, commit, git


def manifest(job_id: str, host: str = "example.com") -> str:
    return f"job_id: {job_id}\ninterval: {{minutes: 10}}\ntarget_url: https://{host}/\n"


BROKEN = "job_id: [\n"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two manifests, as the present folder."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    repo = tmp_path / "repo"
    repo.mkdir()
    monkeypatch.chdir(repo)
    git(repo, "init", "--quiet", "--initial-branch", "main")
    write("jobs.d/a.yaml", manifest("a"))
    write("jobs.d/team/b.yaml", manifest("b"))
    commit(repo)
    return repo


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", "--staged", *arguments], prog_name="myscheduler")


def last(result: Result) -> tuple[int, str]:
    return result.exit_code, result.output.splitlines()[-1]


def add(repo: Path, path: str, text: str | bytes) -> None:
    write(repo / path, text)
    git(repo, "add", path)


def partly(repo: Path) -> None:
    add(repo, "jobs.d/a.yaml", manifest("a2"))
    write(repo / "jobs.d" / "a.yaml", BROKEN)


def only_deleted_in_the_work_tree(repo: Path) -> None:
    (repo / "jobs.d" / "a.yaml").unlink()


def conflict_elsewhere(repo: Path) -> None:
    write(repo / "notes.txt", "1")
    make_conflict(repo, "notes.txt", "2", "3")


def make_conflict(repo: Path, path: str, ours: str, theirs: str) -> None:
    write(repo / path, "base")
    commit(repo)
    git(repo, "checkout", "--quiet", "-b", "other")
    write(repo / path, theirs)
    commit(repo)
    git(repo, "checkout", "--quiet", "main")
    write(repo / path, ours)
    commit(repo)
    with pytest.raises(AssertionError):
        git(repo, "merge", "other")


def intent_to_add(repo: Path) -> None:
    write(repo / "jobs.d" / "later.yaml", BROKEN)
    git(repo, "add", "--intent-to-add", "jobs.d/later.yaml")


def link_to_a_file(repo: Path) -> None:
    add(repo, "shared/c.yaml", manifest("c"))
    (repo / "jobs.d" / "c.yaml").symlink_to("../shared/c.yaml")
    git(repo, "add", "--all")
    write(repo / "shared" / "c.yaml", BROKEN)


def link_to_a_folder(repo: Path) -> None:
    link_to_a_file(repo)
    (repo / "jobs.d" / "c.yaml").unlink()
    (repo / "jobs.d" / "more").symlink_to("../way")
    (repo / "way").symlink_to("shared")
    git(repo, "add", "jobs.d", "way")


def link_in_full(repo: Path) -> None:
    link_to_a_file(repo)
    (repo / "jobs.d" / "c.yaml").unlink()
    (repo / "jobs.d" / "c.yaml").symlink_to(repo / "shared" / "c.yaml")
    git(repo, "add", "jobs.d")


def link_out_of_the_repository(repo: Path) -> None:
    write(repo.parent / "outside" / "c.yaml", manifest("c"))
    (repo / "jobs.d" / "outside").symlink_to("../../outside")
    git(repo, "add", "jobs.d")


def links_in_a_circle(repo: Path) -> None:
    (repo / "jobs.d" / "again").symlink_to("../jobs.d")
    git(repo, "add", "jobs.d")


def executable(repo: Path) -> None:
    (repo / "jobs.d" / "a.yaml").chmod(0o755)
    git(repo, "add", "jobs.d")


def policy(repo: Path) -> None:
    add(repo, "jobs.d/policy.yaml", "allow_hosts: [example.com]\n")
    write(repo / "jobs.d" / "policy.yaml", "allow_hosts: [example.org]\n")


def ignore_file(repo: Path) -> None:
    add(repo, "jobs.d/draft.yaml", BROKEN)
    add(repo, "jobs.d/.myschedulerignore", "draft.yaml\n")
    write(repo / "jobs.d" / ".myschedulerignore", "team/\n")


def submodule(repo: Path) -> None:
    inner = repo.parent / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet")
    write(inner / "c.yaml", manifest("c"))
    commit(inner)
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "jobs.d/inner")


def untracked(repo: Path) -> None:
    write(repo / "jobs.d" / "new.yaml", BROKEN)


def renamed(repo: Path) -> None:
    git(repo, "mv", "jobs.d/a.yaml", "jobs.d/team/a.yaml")


def removed(repo: Path) -> None:
    git(repo, "rm", "--quiet", "jobs.d/a.yaml")


def split(repo: Path) -> None:
    git(repo, "update-index", "--split-index")


def fourth_version(repo: Path) -> None:
    git(repo, "update-index", "--index-version", "4")


STATES: dict[str, tuple[Callable[[Path], object], str]] = {
    "as committed": (lambda _: None, "2 jobs, no problems"),
    "staged in part": (partly, "2 jobs, no problems"),
    "deleted in the work tree": (only_deleted_in_the_work_tree, "2 jobs, no problems"),
    "not known to git": (untracked, "2 jobs, no problems"),
    "intent to add": (intent_to_add, "2 jobs, no problems"),
    "removed": (removed, "1 job, no problems"),
    "renamed": (renamed, "2 jobs, no problems"),
    "conflict elsewhere": (conflict_elsewhere, "2 jobs, no problems"),
    "link to a file": (link_to_a_file, "3 jobs, no problems"),
    "link to a folder": (link_to_a_folder, "3 jobs, no problems"),
    "link in full": (link_in_full, "3 jobs, no problems"),
    "link out of it": (link_out_of_the_repository, "3 jobs, no problems"),
    "links in a circle": (links_in_a_circle, "2 jobs, no problems"),
    "executable": (executable, "2 jobs, no problems"),
    "policy": (policy, "2 jobs, no problems"),
    "ignore file": (ignore_file, "2 jobs, no problems"),
    "submodule": (submodule, "3 jobs, no problems"),
    "split index": (split, "2 jobs, no problems"),
    "version 4 of the index": (fourth_version, "2 jobs, no problems"),
}


@pytest.mark.parametrize(("make", "told"), STATES.values(), ids=STATES)
def test_what_is_staged_is_read(repo: Path, make: Callable[[Path], object], told: str) -> None:
    make(repo)
    assert last(validate("jobs.d")) == (0, told)
    assert last(validate("--strict", str(repo / "jobs.d"))) == (0, told)


def test_what_is_broken_is_told_at_its_path(repo: Path) -> None:
    add(repo, "jobs.d/team/b.yaml", BROKEN)
    write("jobs.d/team/b.yaml", manifest("b"))
    add(repo, "jobs.d/Report.YAML", manifest("c"))
    told = "jobs.d/team/b.yaml:2:1: error: is not YAML: did not find expected node content [yaml-syntax]"
    result = validate("jobs.d")
    assert result.exit_code == 1
    assert told in result.stdout.splitlines()
    assert "jobs.d/Report.YAML:1:1: warning: is not read" in result.stdout
    assert told in validate(str(repo / "jobs.d")).stdout.splitlines()
    assert last(validate("jobs.d/a.yaml")) == (0, "1 job, no problems")
    assert last(validate("jobs.d/team/b.yaml")) == (1, "0 jobs, 1 error")


def test_below_the_root_of_the_repository(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(repo, "jobs.d/policy.yaml", "allow_hosts: [example.org]\n")
    (repo / "jobs.d" / "policy.yaml").unlink()
    monkeypatch.chdir(repo / "jobs.d" / "team")
    result = validate(".")
    assert result.stdout.startswith("b.yaml:3:13: error: target_url: ")
    assert "../policy.yaml" in result.stdout
    assert validate("../team/b.yaml").stdout.startswith("../team/b.yaml:3:13: error: ")
    monkeypatch.chdir(repo)
    assert last(validate("."))[0] == 1


@pytest.mark.parametrize("name", ["jobs.d/caf\udce9.yaml", "jobs.d/日次 報告.yaml", "jobs.d/line\nbreak.yaml"])
def test_other_names(repo: Path, name: str) -> None:
    write(name, manifest("c"))
    git(repo, "add", "--all")
    staged, plain = validate("jobs.d"), CliRunner().invoke(main, ["validate", "jobs.d"], prog_name="myscheduler")
    assert (staged.exit_code, staged.stdout) == (plain.exit_code, plain.stdout)


def test_a_conflict_is_told(repo: Path) -> None:
    make_conflict(repo, "jobs.d/c.yaml", manifest("c"), manifest("d"))
    assert last(validate("jobs.d")) == (
        1,
        "Error: jobs.d/c.yaml: in conflict, so it is not clear what is staged: resolve it, and git add it",
    )
    assert last(validate("jobs.d/team")) == (0, "1 job, no problems")


def test_what_is_too_large_is_told(repo: Path) -> None:
    add(repo, "jobs.d/c.yaml", b"#" * (LARGEST_FILE + 1))
    result = validate("jobs.d")
    assert result.exit_code == 1
    assert "jobs.d/c.yaml:1:1: error: can't be read (larger than 10 MiB)" in result.stdout


@pytest.mark.parametrize("is_gone", [True, False])
def test_the_last_manifest_may_go(repo: Path, is_gone: bool) -> None:
    git(repo, "rm", "--quiet", "-r", "--cached", "jobs.d")
    if is_gone:
        (repo / "jobs.d").rename(repo.parent / "jobs.d")
    result = validate("jobs.d")
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "0 jobs, no problems\n",
        "warning: no manifests found\n",
    )


@pytest.mark.usefixtures("repo")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(
            ["jbos.d"], 2, "Error: Invalid value for '[PATHS]...': Path 'jbos.d' does not exist.", id="no path"
        ),
        pytest.param(["-"], 2, "Error: --staged can't read standard input", id="standard input"),
        pytest.param([], 0, "2 jobs, no problems", id="no paths"),
        pytest.param(["jobs.d", "jobs.d/team"], 0, "2 jobs, no problems", id="two paths"),
        pytest.param(["--exclude", "team/", "jobs.d"], 0, "1 job, no problems, 1 file excluded", id="excluded"),
    ],
)
def test_paths(arguments: list[str], code: int, told: str) -> None:
    assert last(validate(*arguments)) == (code, told)


def test_a_path_outside(repo: Path) -> None:
    code, told = last(validate(str(repo.parent)))
    assert code == 1
    assert told == f"Error: {repo.parent}: is not in the repository {repo}, so nothing of it is staged"


def test_before_the_first_commit(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet", "fresh")
    monkeypatch.chdir(tmp_path / "fresh")
    assert last(validate("jobs.d"))[0] == 2
    add(tmp_path / "fresh", "jobs.d/a.yaml", (repo / "jobs.d" / "a.yaml").read_bytes())
    assert last(validate("jobs.d")) == (0, "1 job, no problems")


def test_where_is_no_repository(tmp_path: Path, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repo
    monkeypatch.chdir(tmp_path)
    assert last(validate("repo/jobs.d")) == (
        1,
        "Error: git rev-parse: fatal: not a git repository (or any of the parent directories): .git",
    )
    monkeypatch.chdir(repo / ".git")
    assert last(validate("../jobs.d")) == (1, "Error: git rev-parse: fatal: this operation must be run in a work tree")


@pytest.mark.usefixtures("repo")
def test_where_is_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert last(validate("jobs.d")) == (
        1,
        "Error: --staged asks git, which can't be started: No such file or directory",
    )


def test_a_git_that_hangs(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = write(repo.parent / "bin" / "git", "#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", f"{hanging.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(staged_module, "GIT_SEC", 0.2)
    assert last(validate("jobs.d")) == (1, "Error: git rev-parse took longer than 0.2 s")


def test_nothing_is_left_behind(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = repo.parent / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)
    index = (repo / ".git" / "index").read_bytes()
    assert last(validate("jobs.d"))[0] == 0
    assert list(temporary.iterdir()) == []
    assert (repo / ".git" / "index").read_bytes() == index
    assert Path.cwd() == repo


class TestInAHook:
    """As git runs it, with its variables for the index that the commit is made of."""

    @pytest.fixture(autouse=True)
    def hook(self, repo: Path) -> None:
        command = shlex.join([sys.executable, "-m", "myscheduler", "validate", "--staged", "jobs.d"])
        write(repo / ".git" / "hooks" / "pre-commit", f"#!/bin/sh\nexec {command}\n").chmod(0o755)

    def commit(self, where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", "-C", str(where), "commit", "--quiet", "--message", "x", *arguments]
        variables = environment() | SETTINGS
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)

    def test_what_is_staged_decides(self, repo: Path) -> None:
        add(repo, "jobs.d/c.yaml", manifest("c"))
        write(repo / "jobs.d" / "c.yaml", BROKEN)
        write(repo / "jobs.d" / "untracked.yaml", BROKEN)
        done = self.commit(repo)
        assert (done.returncode, done.stdout + done.stderr) == (0, "3 jobs, no problems\n")
        add(repo, "jobs.d/c.yaml", BROKEN)
        write(repo / "jobs.d" / "c.yaml", manifest("c"))
        assert self.commit(repo).returncode == 1

    @pytest.mark.parametrize("arguments", [["--all"], ["jobs.d/a.yaml"], ["--include", "jobs.d/a.yaml"]])
    def test_indexes_of_a_commit_of_its_own(self, repo: Path, arguments: list[str]) -> None:
        write(repo / "jobs.d" / "a.yaml", BROKEN)
        done = self.commit(repo, *arguments)
        assert done.returncode == 1
        assert "jobs.d/a.yaml:2:1: error: " in done.stdout + done.stderr
        write(repo / "jobs.d" / "a.yaml", manifest("a", "example.org"))
        assert self.commit(repo, *arguments).returncode == 0

    def test_one_path_of_several_that_are_staged(self, repo: Path) -> None:
        add(repo, "jobs.d/broken.yaml", BROKEN)
        write(repo / "jobs.d" / "a.yaml", manifest("a", "example.org"))
        assert self.commit(repo, "jobs.d/a.yaml").returncode == 0, "the broken one is not part of this commit"
        assert self.commit(repo).returncode == 1

    def test_another_work_tree(self, repo: Path) -> None:
        git(repo, "worktree", "add", "--quiet", "-b", "other", "../other")
        other = repo.parent / "other"
        add(repo, "jobs.d/a.yaml", BROKEN)
        add(other, "jobs.d/team/b.yaml", manifest("b", "example.org"))
        assert self.commit(other).returncode == 0
        assert self.commit(repo).returncode == 1

    def test_a_commit_that_only_deletes(self, repo: Path) -> None:
        git(repo, "rm", "--quiet", "-r", "jobs.d")
        done = self.commit(repo)
        assert (done.returncode, done.stdout) == (0, "")
        assert "no manifests found" in done.stderr
