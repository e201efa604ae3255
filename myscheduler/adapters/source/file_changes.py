"""What changed in a file of the source between two revisions, by the git repository around it, if there is one."""

import logging
import os
import re

from myscheduler.adapters.source.git import control_folder, work_tree_of
from myscheduler.core.source.file_change import FileChange

_COMMIT = re.compile(r"git:([0-9a-f]{64}|[0-9a-f]{40})")

log = logging.getLogger(__name__)


def change_between(root: str, path: str, before: str, after: str) -> FileChange | None:
    """What changed in the file `path` of the source in `root` between two of its revisions.

    `None` if that is not known: the revisions are not commits, or the repository does not have them. Blocks.
    """
    old, new = _COMMIT.fullmatch(before), _COMMIT.fullmatch(after)
    real = os.path.realpath(root)
    work_tree = work_tree_of(real)
    if old is None or new is None or work_tree is None or control_folder(work_tree) is None:
        return None
    inside = os.path.relpath(f"{real}/{path}", work_tree)
    try:
        from myscheduler.adapters.source.file_diffs import compare  # noqa: PLC0415 -- 5 MB, needed only with git

        return compare(work_tree, inside, old[1], new[1])
    except Exception as error:  # noqa: BLE001 -- a repository may be broken in any way, or lack old commits
        log.debug("%s: what changed can't be read (%s)", work_tree, error or type(error).__name__)
        return None
