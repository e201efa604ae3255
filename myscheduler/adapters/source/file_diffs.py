"""Compares a file of two commits. Repositories are read with dulwich, as in `commits`."""

import difflib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, Commit, ObjectID
from dulwich.repo import Repo

from myscheduler.core.source.file_change import LONGEST_LINE, MOST_LINES, FileChange


@lru_cache(maxsize=64)
def compare(work_tree: Path, path: str, before: str, after: str) -> FileChange | None:
    """What changed in a file, by its path in the work tree, between two commits. `None` if no commit changed it.

    Raises `KeyError` if the repository does not have the commits.
    """
    old, new = (ObjectID(one.encode()) for one in (before, after))
    with Repo(str(work_tree)) as repo:
        walker = repo.get_walker(include=[new], exclude=[old], paths=[os.fsencode(path)], max_entries=1)
        entry = next(iter(walker), None)
        if entry is None:
            return None
        commit = entry.commit
        return FileChange(
            commit.id.decode(),
            _shown(commit.author.partition(b"<")[0]),
            datetime.fromtimestamp(commit.author_time, UTC),
            _shown(commit.message.partition(b"\n")[0]),
            tuple(islice(_changed(_lines_of(repo, old, path), _lines_of(repo, new, path)), MOST_LINES)),
        )


def _lines_of(repo: Repo, revision: ObjectID, path: str) -> list[str]:
    """The lines of the file in a commit; none if it does not have it."""
    commit = repo[revision]
    if not isinstance(commit, Commit):
        return []
    try:
        _, found = tree_lookup_path(repo.object_store.__getitem__, commit.tree, os.fsencode(path))
    except KeyError:
        return []
    blob = repo[found]
    return blob.data.decode("utf-8", "replace").splitlines() if isinstance(blob, Blob) else []


def _changed(old: list[str], new: list[str]) -> Iterator[str]:
    found = islice(difflib.unified_diff(old, new, n=0, lineterm=""), 2, None)  # without the names of the files
    return (line[:LONGEST_LINE] for line in found if not line.startswith("@@"))


def _shown(text: bytes) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text.decode("utf-8", "replace"))
    return printable.strip()[:LONGEST_LINE]
