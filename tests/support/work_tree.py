"""Real git work trees, made by the git of this machine whatever its settings are."""

import os
import subprocess
from pathlib import Path

SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def git(where: Path, *arguments: str) -> str:
    return git_says(where, *arguments).strip()


def git_says(where: Path, *arguments: str, given: str = "", no: int = 0) -> str:
    """All that it prints; it may end with `no`, too, where that is an answer."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | SETTINGS
    command = ["git", "-C", str(where), *arguments]
    done = subprocess.run(
        command, env=environment, input=given, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode in {0, no}, done.stderr
    return done.stdout


def commit(repo: Path) -> str:
    """Everything that stands there, as a new commit; its id."""
    git(repo, "add", "--all", "--force")
    git(repo, "commit", "--quiet", "--message", "x")
    return git(repo, "rev-parse", "HEAD")
