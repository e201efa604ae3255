"""The name of a source's revision: a git commit, the data version of a ConfigMap, or the digest of the content."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from myscheduler.adapters.source.git import LockWatch, control_folder, work_tree_of
from myscheduler.adapters.source.listing import Tree

_CONFIGMAP = re.compile(r"/\.\.([0-9]{4}(?:_[0-9]{2}){5}\.[0-9]+)/")
"""The kubelet's name for the folder that the symlink `..data` points to."""
_GIT_SYNC = re.compile(r"(?:/\.worktrees/|/rev-)([0-9a-f]{64}|[0-9a-f]{40})(?:/|$)")
"""The folders in which versions 4 and 3 of git-sync check out a commit."""

logger = logging.getLogger(__name__)


class Checkout(NamedTuple):
    """A commit, by its full id, that is checked out in a work tree."""

    work_tree: Path
    commit: str


class Names:
    """Names the revisions of one source. The repository is read again only if the commit or the content has changed."""

    def __init__(self, *, follows_git: bool) -> None:
        self._follows_git = follows_git
        self._lock = LockWatch()
        self._last: tuple[Checkout, str, str] | None = None
        self._last_error = ""

    def git_at_work(self, folder: str, now: float) -> str | None:
        """The path of git's lock while git changes `folder` (a real path), else `None`. `now` is monotonic seconds."""
        return self._lock.held(folder, now) if self._follows_git else None

    def checkout_of(self, folder: str) -> Checkout | None:
        """The commit that is checked out in the work tree around `folder`, if any. Takes half a millisecond."""
        work_tree = work_tree_of(folder) if self._follows_git else None
        if work_tree is None or control_folder(work_tree) is None:
            return None
        try:
            from myscheduler.adapters.source import commits  # noqa: PLC0415 -- 5 MB, needed only with git

            commit = commits.commit_at(work_tree)
        except Exception as error:  # noqa: BLE001 -- a repository may be broken in any way, and manifests can be read without it
            self._warn(work_tree, error)
            return None
        return Checkout(work_tree, commit) if commit else None

    def name(self, content: str, tree: Tree, checkout: Checkout | None, contents: Mapping[str, bytes]) -> str:
        """The revision's name. `content` is the digest of everything in the tree; `contents` maps real paths to bytes.

        The forms are `configmap:VERSION`, `git:COMMIT`, `git:COMMIT+DIGEST` (with changes that are not committed), and
        the digest alone.
        """
        if version := _configmap_version(tree):
            return f"configmap:{version}"
        if checkout is None:
            published = _GIT_SYNC.search(tree.real)
            return f"git:{published[1]}" if published else content
        if self._last is None or self._last[:2] != (checkout, content):
            self._last = (checkout, content, self._git_name(content, tree, checkout, contents))
        return self._last[2]

    def _git_name(self, content: str, tree: Tree, checkout: Checkout, contents: Mapping[str, bytes]) -> str:
        try:
            from myscheduler.adapters.source import commits  # noqa: PLC0415 -- as above

            clean = commits.is_as_committed(*checkout, tree, contents)
        except Exception as error:  # noqa: BLE001 -- as above
            self._warn(checkout.work_tree, error)
            clean = None
        if clean is None:
            return content
        return f"git:{checkout.commit}" if clean else f"git:{checkout.commit}+{content}"

    def _warn(self, work_tree: Path, error: Exception) -> None:
        """Log the message, unless it is the same as last time."""
        message = f"{work_tree}: the git repository can't be read ({error or type(error).__name__})"
        if message != self._last_error:
            self._last_error = message
            logger.warning("%s: the revision is named by a digest of the content", message)


def _configmap_version(tree: Tree) -> str | None:
    """The ConfigMap version of all files; `None` if they have none in common, as with several mounts below one root."""
    first = _CONFIGMAP.search(tree.files[0].real) if tree.files and not tree.unreadable else None
    return first[1] if first and all(first[0] in found.real for found in tree.files) else None
