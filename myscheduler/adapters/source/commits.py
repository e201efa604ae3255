"""Finds the commit that is checked out in a work tree, and whether the files that were read are those of the commit.

Repositories are read with dulwich: it needs no git in the image, and starts no process.
"""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dulwich.object_store import iter_tree_contents, tree_lookup_path
from dulwich.objects import Commit, ObjectID
from dulwich.repo import Repo

from myscheduler.adapters.source.listing import Found, Tree
from myscheduler.adapters.source.tree import OWN
from myscheduler.core.source.snapshot import IGNORE, SUFFIXES

_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


def commit_at(work_tree: Path) -> str | None:
    """The full id of the commit that is checked out; `None` before the first one."""
    with Repo(str(work_tree)) as repo:
        try:
            commit = repo.head().decode("ascii", "replace")
        except KeyError:
            return None
    if not _COMMIT.fullmatch(commit):
        message = f"HEAD is {commit!r}, not a commit"
        raise ValueError(message)
    return commit


def is_as_committed(work_tree: Path, commit: str, tree: Tree, contents: Mapping[str, bytes]) -> bool | None:
    """Whether the files of `tree` are those of the commit; `None` if the commit does not have the folder.

    `contents` maps real paths to bytes; a file that is not in it could not be read. Contents are compared, not times: a
    file that was written again with the same bytes is as committed, and one whose bytes a filter of git changed (line
    ends, LFS) is not.
    """
    with Repo(str(work_tree)) as repo:
        committed = _committed(repo, work_tree, commit, tree.real)
        if committed is None:
            return None
        if tree.unreadable or not _links_match(tree.real, committed.links):
            return False
        for found in tree.files:
            content = contents.get(found.real)
            if content is None or committed.blob_of(found) != _blob_id(content, commit):
                return False
        missing = committed.blobs.keys() - {os.path.relpath(found.real, tree.real) for found in tree.files}
        missing = {path for path in missing if path in OWN or not tree.ignoring.leaves_out_whole(path)}
        return not missing or _are_left_out(repo, committed, missing)


@dataclass(frozen=True, slots=True)
class _Committed:
    """The files of a commit below the root of the source, by path relative to that root.

    Hidden files are left out, except the ignore file.
    """

    repo: Repo
    whole: ObjectID
    """The id of the commit's tree."""
    work_tree: Path
    root: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    """Ids of manifests, reserved files and the ignore file."""
    links: dict[str, bytes] = field(default_factory=dict)
    """Targets of symlinks."""

    def blob_of(self, found: Found) -> bytes | None:
        """The id of the committed version of a file that was read; `None` if the commit does not have it."""
        if found.real == f"{self.root}/{found.path}":
            return self.blobs.get(found.path)
        parts = found.path.split("/")
        if not any("/".join(parts[:end]) in self.links for end in range(1, len(parts) + 1)):
            return None
        return _looked_up(self.repo, self.whole, os.path.relpath(found.real, self.work_tree))


def _committed(repo: Repo, work_tree: Path, commit: str, root: str) -> _Committed | None:
    found = repo[ObjectID(commit.encode())]
    if not isinstance(found, Commit):
        return None
    below = _looked_up(repo, found.tree, os.path.relpath(root, work_tree))
    if below is None:
        return None
    committed = _Committed(repo, found.tree, work_tree, root)
    for entry in iter_tree_contents(repo.object_store, below):
        path = os.fsdecode(entry.path or b"")
        is_hidden = (path.startswith(".") or "/." in path) and path != IGNORE
        if entry.mode is None or entry.sha is None or is_hidden:
            continue
        if stat.S_ISLNK(entry.mode):
            committed.links[path] = repo[entry.sha].as_raw_string()
        elif stat.S_ISREG(entry.mode) and path.endswith((*SUFFIXES, IGNORE)):
            committed.blobs[path] = entry.sha
    return committed


def _looked_up(repo: Repo, whole: ObjectID, path: str) -> ObjectID | None:
    if path == ".":
        return whole
    try:
        _, found = tree_lookup_path(repo.object_store.__getitem__, whole, os.fsencode(path))
    except (KeyError, NotADirectoryError):
        return None
    return found


def _links_match(root: str, links: Mapping[str, bytes]) -> bool:
    try:
        return all(os.fsencode(os.readlink(f"{root}/{path}")) == target for path, target in links.items())  # noqa: PTH115
    except OSError:
        return False


def _are_left_out(repo: Repo, committed: _Committed, paths: set[str]) -> bool:
    """Whether the files are missing on purpose: a sparse checkout marks them in the index."""
    index = repo.open_index()
    prefix = os.path.relpath(committed.root, committed.work_tree)
    names = (os.fsencode(os.path.normpath(f"{prefix}/{path}")) for path in paths)
    return all(name in index and getattr(index[name], "skip_worktree", False) for name in names)


def _blob_id(content: bytes, commit: str) -> bytes:
    """The id that git gives a file with this content, by the same hash algorithm as the commit's id."""
    algorithm = hashlib.sha256 if len(commit) == 64 else hashlib.sha1
    return algorithm(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest().encode()
