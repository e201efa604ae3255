"""The content of the next commit: the files of git's index, whatever the work tree holds.

Unlike for the revision, this runs the git command: it is present wherever hooks run, and only git itself knows every
index format and which index is in use (`git commit -a` uses a separate one). The files of the index are written to a
temporary folder, which is then read like any source.
"""

import os
import subprocess
import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from itertools import islice, takewhile
from pathlib import Path
from typing import NamedTuple, TypeAlias

from myscheduler.core.bounds import LARGEST_FILE
from myscheduler.core.source.snapshot import IGNORE, RESERVED, SUFFIXES, TARGETS
from myscheduler.core.source.strays import is_stray
from myscheduler.errors import MySchedulerError
from myscheduler.machine.causes import reason_of

GIT_SEC = 60
"""The timeout of one git command."""
SHOWN = 5
"""The most paths in conflict that an error names."""
_MOST_LINKS = 40
"""The most symlinks on the way to one file, as in Linux."""
_FILE, _LINK = "100", "120000"
"""The beginning of the modes of files and of symlinks in the index; others are submodules."""


class StagedError(MySchedulerError):
    """The index can't be read."""


class NothingThereError(MySchedulerError):
    """A path is neither staged, nor in the work tree, nor in the last commit."""


class _Entry(NamedTuple):
    mode: str
    blob: str


DocumentsOf: TypeAlias = Callable[[str, bytes], Iterable[str]]
"""Returns the paths of the OpenAPI documents that a targets.yaml names, from its own path and its content."""


@contextmanager
def staged(paths: Sequence[Path], documents_of: DocumentsOf) -> Iterator[Sequence[Path]]:
    """Change into a temporary copy of the current folder as it is staged; yields `paths` as they are named in the copy.

    The copy holds only what is needed to read `paths`: the manifests there, the targets of symlinks, the reserved
    and ignore files of the folders above, and what `documents_of` adds. A path at which nothing is staged any more
    becomes an empty folder.

    Raises `StagedError`, or `NothingThereError` for a path that git does not know either.
    """
    here = Path.cwd()
    top = Path(os.fsdecode(_git(here, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    index = _Index.read(top)
    wanted = [_within(path, top) for path in paths]
    for path, inner in zip(paths, wanted, strict=True):
        if not (index.holds(inner) or os.path.lexists(path) or _was_committed(top, inner)):
            raise NothingThereError(str(path))
    with tempfile.TemporaryDirectory(prefix="myscheduler-") as folder:
        copy = Path(folder).resolve()
        try:
            _lay_out(index, wanted, copy, documents_of)
            (copy / _within(here, top)).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StagedError(f"what is staged can't be laid out in {copy}: {reason_of(error)}") from error
        with chdir(copy / _within(here, top)):
            pairs = zip(paths, wanted, strict=True)
            yield [Path(os.path.relpath(copy / inner)) if path.is_absolute() else path for path, inner in pairs]


def _within(path: Path, top: Path) -> str:
    """The path relative to the root of the work tree; if its last part is a link, that link is not followed."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 -- resolve() would follow the link
    inner = os.path.relpath(whole.parent.resolve() / whole.name, top.resolve())
    if inner == ".." or inner.startswith("../"):
        raise StagedError(f"{path}: is not in the repository {top}, so nothing of it is staged")
    return inner


@dataclass(frozen=True, slots=True)
class _Index:
    """Git's index: what is staged in a work tree. Paths are relative to its root, `top`."""

    top: Path
    entries: Mapping[str, _Entry]
    in_conflict: frozenset[str]
    links: Mapping[str, str]
    """The target of each symlink: a path relative to `top`, or an absolute one outside of it."""
    paths: Sequence[str]
    """The paths of all entries, sorted."""

    @classmethod
    def read(cls, top: Path) -> "_Index":
        entries: dict[str, _Entry] = {}
        in_conflict: set[str] = set()
        for line in _git(top, "ls-files", "--stage", "-z").split(b"\0"):
            about, _, raw = line.partition(b"\t")
            path = os.fsdecode(raw)
            if not path or not {"", ".", ".."}.isdisjoint(path.split("/")):
                continue
            mode, blob, stage = about.decode().split(" ")
            if stage != "0":
                in_conflict.add(path)
            entries[path] = _Entry(mode, blob)
        targets = {path: entry.blob for path, entry in entries.items() if entry.mode == _LINK}
        contents = _contents(top, set(targets.values()))
        links = {path: _target(top, path, os.fsdecode(contents[blob])) for path, blob in targets.items()}
        return cls(top, entries, frozenset(in_conflict), links, sorted(entries))

    def holds(self, path: str) -> bool:
        return any(True for _ in self.below(self.resolved(path)))

    def below(self, path: str) -> Iterator[str]:
        """The entries at a path, or in the folder at this path."""
        if path in self.entries:
            yield path
        folder = "" if path == "." else f"{path}/"
        start = bisect_left(self.paths, folder)
        yield from takewhile(lambda entry: entry.startswith(folder), islice(self.paths, start, None))

    def resolved(self, path: str, passed: list[str] | None = None) -> str:
        """The path with all symlinks resolved. The links on the way are added to `passed`."""
        for _ in range(_MOST_LINKS):
            link = next((step for step in _steps(path) if step in self.links), None)
            if link is None:
                break
            if passed is not None:
                passed.append(link)
            path = os.path.normpath(os.path.join(self.links[link], path[len(link) + 1 :]))  # noqa: PTH118
        return path


def _steps(path: str) -> list[str]:
    """The path and all its parents, the shortest first: `a`, `a/b`, `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _target(top: Path, link: str, written: str) -> str:
    whole = os.path.normpath(os.path.join(top, os.path.dirname(link), written))  # noqa: PTH118, PTH120
    inner = os.path.relpath(whole, top)
    return whole if inner == ".." or inner.startswith("../") else inner


def _was_committed(top: Path, path: str) -> bool:
    """Whether the path is in the last commit: then it is not misspelled, but staged for deletion."""
    try:
        _git(top, "cat-file", "-e", f"HEAD:{path}")
    except StagedError:
        return False
    return True


# --- the copy ---


def _lay_out(index: _Index, wanted: Iterable[str], copy: Path, documents_of: DocumentsOf) -> None:
    found = _reachable(index, wanted)
    documents = _reachable(index, _documents(index, found, documents_of))
    counting = documents | {path for path in found if _counts(path)}
    found |= documents
    conflicts = sorted(found & index.in_conflict & counting)
    if conflicts:
        shown = ", ".join(conflicts[:SHOWN]) + (" and others" if len(conflicts) > SHOWN else "")
        raise StagedError(f"{shown}: in conflict, so it is not clear what is staged: resolve it, and git add it")
    blobs = {path: index.entries[path].blob for path in found if index.entries[path].mode.startswith(_FILE)}
    contents = _contents(index.top, {blob for path, blob in blobs.items() if path in counting})
    for path, blob in blobs.items():
        if path in counting or is_stray(path.rpartition("/")[2]):
            _write(copy / path, contents.get(blob, b""))
    for path in found - blobs.keys():  # links after files, so that no file is written through a link
        target = index.links.get(path)
        place = copy / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(index.top / path if target is None else copy / target)
    for path in wanted:
        if not os.path.lexists(copy / path):
            (copy / path).mkdir(parents=True)
    (copy / ".git").touch()  # reserved files of a folder are searched for up to this root


def _reachable(index: _Index, wanted: Iterable[str]) -> set[str]:
    """The entries at the paths, the targets of links, and the reserved and ignore files of the folders above them."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [*wanted]
    while waiting:
        passed: list[str] = []
        path = index.resolved(waiting.pop(), passed)
        found.update(passed)
        if path in seen:
            continue
        seen.add(path)
        around = [f"{step}/" for step in _steps(path)[:-1]]
        found.update(f"{folder}{name}" for folder in ["", *around] for name in (*RESERVED, IGNORE))
        found.update(step for step in _steps(path) if step in index.entries)  # a submodule
        for entry in index.below(path):
            found.add(entry)
            if entry in index.links:
                waiting.append(entry)
    return found & index.entries.keys()


def _documents(index: _Index, found: Iterable[str], documents_of: DocumentsOf) -> set[str]:
    places = {path: index.resolved(path) for path in found if path.rpartition("/")[2] == TARGETS}
    blobs = {path: index.entries[real].blob for path, real in places.items() if real in index.entries}
    contents = _contents(index.top, set(blobs.values()))
    return {one for path, blob in blobs.items() for one in documents_of(path, contents.get(blob, b""))}


def _counts(path: str) -> bool:
    return path.endswith(SUFFIXES) or path.rpartition("/")[2] == IGNORE


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# --- git ---


def _contents(top: Path, blobs: set[str]) -> dict[str, bytes]:
    """The contents of blobs, by id. One that exceeds `LARGEST_FILE` is not read; zeros of a larger size replace it."""
    if not blobs:
        return {}
    ids = "".join(f"{blob}\n" for blob in sorted(blobs)).encode()
    sizes: dict[str, int] = {}
    for line in _git(top, "cat-file", "--batch-check", given=ids).decode().splitlines():
        blob, kind, *size = line.split(" ")
        if kind != "blob" or not size:
            raise StagedError(f"git has no object {blob}, which is staged")
        sizes[blob] = int(size[0])
    contents = {blob: b"\0" * (LARGEST_FILE + 1) for blob, size in sizes.items() if size > LARGEST_FILE}
    ids = "".join(f"{blob}\n" for blob in sizes if blob not in contents).encode()
    output = _git(top, "cat-file", "--batch", given=ids)
    place = 0
    while place < len(output):
        blob = output[place : output.index(b" ", place)].decode()
        place = output.index(b"\n", place) + 1
        contents[blob] = output[place : place + sizes[blob]]
        place += sizes[blob] + 1
    return contents


def _git(where: Path, *arguments: str, given: bytes = b"") -> bytes:
    """The output of a git command, run in `where` with `given` as its input. Raises `StagedError` if it fails."""
    command = ["git", *arguments]
    try:
        done = subprocess.run(  # noqa: S603 -- the arguments come from this module
            command,
            cwd=where,
            env=os.environ | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            input=given,
            capture_output=True,
            check=False,
            timeout=GIT_SEC,
        )
    except subprocess.TimeoutExpired as error:
        raise StagedError(f"git {arguments[0]} took longer than {GIT_SEC} s") from error
    except OSError as error:
        raise StagedError(f"--staged asks git, which can't be started: {reason_of(error)}") from error
    if done.returncode:
        said = done.stderr.decode(errors="backslashreplace").strip().splitlines()
        raise StagedError(f"git {arguments[0]}: {said[0] if said else f'ended with {done.returncode}'}")
    return done.stdout
