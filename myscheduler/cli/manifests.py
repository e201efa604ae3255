"""Reads the manifests that a command is given: files, folders, and `-` for standard input."""

import gc
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import click

from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.source.tree import TOO_LARGE
from myscheduler.cli.contracts import read_documents, without_documents
from myscheduler.core.access.access_file import AccessRules, read_access
from myscheduler.core.bounds import LARGEST_FILE
from myscheduler.core.findings.problem import Problem, Severity, reported
from myscheduler.core.manifest.calendars_file import NO_CALENDARS, NamedCalendars, read_calendars
from myscheduler.core.manifest.combining import combine
from myscheduler.core.manifest.declared import DeclaredJob, Desired, ParsedFile
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.manifest.targets_file import NO_TARGETS, SharedTargets, read_targets
from myscheduler.core.notifications.notifications_file import NO_NOTIFICATIONS, Notifications, read_notifications
from myscheduler.core.policy.caps import caps_of
from myscheduler.core.policy.file import NO_RULES, read_policy
from myscheduler.core.source.ignoring import NOTHING, Ignoring, ignoring_problems, read_ignoring
from myscheduler.core.source.snapshot import (
    ACCESS,
    CALENDARS,
    IGNORE,
    NOTIFICATIONS,
    POLICY,
    RESERVED,
    TARGETS,
    VARS,
    Snapshot,
    SourceFile,
    SourceUnavailable,
    UnreadableFile,
)
from myscheduler.core.templates.variables import Plain, Variables, read_variables, variables_of
from myscheduler.errors import SettingError
from myscheduler.machine.causes import reason_of
from myscheduler.settings import Settings

STDIN = "<stdin>"
"""The path of standard input in findings."""
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}

paths_argument = click.argument(
    "paths",
    nargs=-1,
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
)
"""The argument PATHS of a command; the default is `jobs.d`."""


class Found(NamedTuple):
    """The manifests at the paths of a command."""

    desired: Desired
    excluded: int
    """How many files were left out by `--exclude`."""


class Notified(NamedTuple):
    """The manifests at the paths of a command, and whom they tell."""

    desired: Desired
    rules_of: Callable[[str], Notifications]
    """Returns the notifications.yaml that counts for a file."""


def read_manifests(paths: Sequence[Path], *, zone: str) -> Desired:
    """Read the manifests at the paths. Paths in findings are relative to the working directory."""
    return find_manifests(paths, zone=zone, excluded=NOTHING).desired


def find_manifests(paths: Sequence[Path], *, zone: str, excluded: Ignoring) -> Found:
    """Like `read_manifests`, but leaves out files that `excluded` matches, as a .gitignore in each folder would."""
    with _without_gc():
        read = [_read_one(path, excluded) for path in paths or [_default()]]
        parts = [part for part, _ in read]
        desired = _desired([*_once(parts)] if len(parts) > 1 else parts, zone, is_whole=_are_whole(paths))
        return Found(desired, sum(left_out for _, left_out in read))


def find_notified(paths: Sequence[Path], *, zone: str) -> Notified:
    """Like `read_manifests`, with the notifications.yaml of each file."""
    parts = [_read_one(path, NOTHING)[0] for path in paths or [_default()]]
    told = {one.path: read_notifications(one) for part in parts if (one := part.notifications) is not None}
    of_file = {file.path: told[part.notifications.path] for part in parts if part.notifications for file in part.files}
    return Notified(
        _desired([*_once(parts)], zone, is_whole=_are_whole(paths)), lambda path: of_file.get(path, NO_NOTIFICATIONS)
    )


def _are_whole(paths: Sequence[Path]) -> bool:
    """Whether the paths are whole sources, and not some files, of which others may be the predecessors."""
    return all(path.is_dir() for path in paths)


def _once(parts: Sequence[Snapshot]) -> Iterator[Snapshot]:
    """Keep each real file only in the first part that has it; reserved files keep the first path they have."""
    owners: dict[str, int] = {}
    names: dict[str, str] = {}

    def named(file: SourceFile | UnreadableFile | None) -> SourceFile | UnreadableFile | None:
        return file and replace(file, path=names.setdefault(_real(file.path), file.path))

    for place, part in enumerate(parts):
        files = [file for file in part.files if owners.setdefault(_real(file.path), place) == place]
        unreadable = [file for file in part.unreadable if owners.setdefault(_real(file.path), place) == place]
        once = Snapshot.of(
            files,
            unreadable,
            named(part.calendars),
            named(part.policy),
            part.ignore,
            named(part.access),
            named(part.notifications),
            named(part.variables),
            named(part.targets),
        )
        yield replace(once, strays=part.strays)


def _real(path: str) -> str:
    return path if path == STDIN else os.path.realpath(path)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Turn the garbage collector off: manifests have few cycles and are kept, so it would only traverse them again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _desired(parts: Sequence[Snapshot], zone: str, *, is_whole: bool) -> Desired:
    """With `is_whole`, the parts have all manifests of their sources."""
    calendars = {part.calendars.path: read_calendars(part.calendars) for part in parts if part.calendars is not None}
    rules = {part.policy.path: read_policy(part.policy) for part in parts if part.policy is not None}
    access = {part.access.path: read_access(part.access) for part in parts if part.access is not None}
    told = {one.path: read_notifications(one) for part in parts if (one := part.notifications) is not None}
    environment = _variables_of_environment()
    variables = {one.path: read_variables(one, environment) for part in parts if (one := part.variables) is not None}
    targets: dict[str, SharedTargets] = {}
    for part in parts:
        if part.targets is not None:
            used = variables[part.variables.path] if part.variables else Variables(environment=environment)
            targets[part.targets.path] = read_targets(part.targets, variables=used)
    documents = read_documents(targets.values())
    parts = [without_documents(part, documents) for part in parts]
    files: dict[str, ParsedFile] = {}
    for part in parts:
        named = calendars[part.calendars.path] if part.calendars else NO_CALENDARS
        bound = rules[part.policy.path] if part.policy else NO_RULES
        channels = (told[part.notifications.path] if part.notifications else NO_NOTIFICATIONS).names
        used = variables[part.variables.path] if part.variables else Variables(environment=environment)
        shared = targets[part.targets.path] if part.targets else NO_TARGETS
        parse = partial(parse_file, zone=zone, calendars=named, channels=channels, variables=used, targets=shared)
        files |= {file.path: parse(file, rules=None if file.path == STDIN else bound) for file in part.files}
    unreadable = {file.path: file for part in parts for file in part.unreadable}
    snapshot = Snapshot.of([file for part in parts for file in part.files], unreadable.values())
    snapshot = replace(snapshot, strays=tuple(sorted({path for part in parts for path in part.strays})))
    ignores = {part.ignore.path: part.ignore for part in parts if part.ignore is not None}
    problems = [problem for ignore in ignores.values() for problem in ignoring_problems(ignore)]
    problems += [problem for named in calendars.values() for problem in named.problems]
    problems += [problem for bound in rules.values() for problem in bound.problems]
    of_access = AccessRules(problems=tuple(problem for one in access.values() for problem in one.problems))
    of_told = Notifications(problems=tuple(problem for one in told.values() for problem in one.problems))
    of_variables = Variables(problems=tuple(problem for one in variables.values() for problem in one.problems))
    named = NamedCalendars(problems=tuple(problems))
    of_targets = SharedTargets(problems=tuple(problem for one in targets.values() for problem in one.problems))
    desired = combine(
        files.values(),
        snapshot,
        named,
        access=of_access,
        notifications=of_told,
        variables=of_variables,
        targets=of_targets,
        is_whole=is_whole,
    )
    caps = caps_of(policy for one in rules.values() for policy in one.binding)
    of_channels = tuple((path, used) for path, one in told.items() for used in one.secrets)
    limits = {name: allowed for one in targets.values() for name, allowed in one.limits.items()}
    return replace(
        desired, caps=(*caps, *desired.caps), limits=limits, channel_secrets=of_channels, contracts=documents
    )


def _variables_of_environment() -> dict[str, Plain]:
    try:
        return variables_of(os.environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from error


def usable_jobs(desired: Desired) -> list[DeclaredJob]:
    """The valid jobs, sorted by id. Prints the errors of others to standard error, or a warning that there are none."""
    errors = reported(problem for problem in desired.problems if problem.severity is Severity.ERROR)
    for problem in errors:
        click.echo(coloured(problem), err=True)
    if not desired.jobs and not errors:
        click.echo("warning: no manifests found", err=True)
    return [desired.jobs[job_id] for job_id in sorted(desired.jobs)]


def exit_code(desired: Desired) -> int:
    """1 if any manifest has an error, else 0."""
    return int(any(problem.severity is Severity.ERROR for problem in desired.problems))


def coloured(problem: Problem) -> str:
    """The problem in one line, with colours, which click removes where the output is not a terminal."""
    place, severity, rest = str(problem).partition(f" {problem.severity}: ")
    return f"{click.style(place, bold=True)}{click.style(severity, fg=_COLOURS[problem.severity])}{rest}"


def read_stdin() -> bytes:
    """All of standard input. Raises `ClickException` if it is closed, can't be read, or is too large."""
    if sys.stdin is None:
        raise click.ClickException("standard input is closed: pipe the text in, or name a file")
    try:
        content = sys.stdin.buffer.read(LARGEST_FILE + 1)
    except OSError as error:
        raise click.ClickException(f"{STDIN} can't be read: {reason_of(error)}") from error
    if len(content) > LARGEST_FILE:
        raise click.ClickException(f"{STDIN} is {TOO_LARGE}: write the text into several files")
    return content


def counted(count: int, what: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _default() -> Path:
    path = Settings().jobs_dir
    if not path.exists():
        raise click.BadParameter(f"Path {str(path)!r} does not exist.", param_hint="'[PATHS]...'")
    return path


def _read_one(path: Path, excluded: Ignoring) -> tuple[Snapshot, int]:
    """The files at a path, and how many below it were excluded."""
    if str(path) == "-":
        return Snapshot.of([SourceFile.of(STDIN, read_stdin())]), 0
    return _read_folder(path, excluded) if path.is_dir() else (_read_single(path), 0)


def _read_folder(path: Path, excluded: Ignoring) -> tuple[Snapshot, int]:
    found = DirectorySource(path, follows_git=False).read()
    prefix = PurePosixPath(_named(path))
    ignore, is_left_out = _ignoring_around(path)  # the path may be a folder inside a source
    if found.ignore is not None:
        ignore, is_left_out = replace(found.ignore, path=str(prefix / IGNORE)), _never
    files = [file for file in found.files if not is_left_out(file.path)]
    unreadable = [file for file in found.unreadable if not is_left_out(file.path)]
    strays = [stray for stray in found.strays if not is_left_out(stray)]
    wanted = Snapshot.of(
        [replace(file, path=str(prefix / file.path)) for file in files if not excluded.leaves_out_whole(file.path)],
        [
            replace(file, path=str(prefix / file.path))
            for file in unreadable
            if not excluded.leaves_out_whole(file.path)
        ],
        found.calendars and replace(found.calendars, path=str(prefix / found.calendars.path)),
        found.policy and replace(found.policy, path=str(prefix / found.policy.path)),
        ignore,
        found.access and replace(found.access, path=str(prefix / found.access.path)),
        found.notifications and replace(found.notifications, path=str(prefix / found.notifications.path)),
        found.variables and replace(found.variables, path=str(prefix / found.variables.path)),
        found.targets and replace(found.targets, path=str(prefix / found.targets.path)),
    )
    wanted = replace(
        wanted,
        calendars=wanted.calendars or _read_near(path / CALENDARS, CALENDARS),
        policy=wanted.policy or _read_near(path / POLICY, POLICY),
        notifications=wanted.notifications or _read_near(path / NOTIFICATIONS, NOTIFICATIONS),
        variables=wanted.variables or _read_near(path / VARS, VARS),
        targets=wanted.targets or _read_near(path / TARGETS, TARGETS),
        strays=tuple(str(prefix / stray) for stray in strays if not excluded.leaves_out_whole(stray)),
    )
    return wanted, len(files) + len(unreadable) - len(wanted.files) - len(wanted.unreadable)


def _never(_path: str) -> bool:
    return False


def _ignoring_around(path: Path) -> tuple[SourceFile | None, Callable[[str], bool]]:
    """The ignore file of the source that contains a folder, and a test whether it ignores a path below the folder.

    A folder that is itself ignored, but was named on the command line, is read as if there were no ignore file.
    """
    file = _read_near(path / IGNORE, IGNORE)
    if file is None:
        return None, _never
    try:
        if isinstance(file, UnreadableFile):
            raise ValueError(file.reason)  # noqa: TRY004, TRY301 -- handled like invalid content
        ignoring = read_ignoring(file.content)
    except ValueError as error:
        raise SourceUnavailable(f"{file.path}: {error}: fix the file") from error
    below = os.path.relpath(path.resolve(), Path(file.path).resolve().parent)
    if ignoring.leaves_out_whole(f"{below}/"):
        return None, _never
    return file, lambda inner: ignoring.leaves_out_whole(f"{below}/{inner}")


def _read_single(path: Path) -> Snapshot:
    near = partial(
        Snapshot.of,
        calendars=_read_near(path, CALENDARS),
        policy=_read_near(path, POLICY),
        notifications=_read_near(path, NOTIFICATIONS),
        variables=_read_near(path, VARS),
        targets=_read_near(path, TARGETS),
    )
    found_file = _read_file(path)
    if path.name == ACCESS:  # read only where it is named: no job depends on it
        return near([], access=found_file)
    if isinstance(found_file, UnreadableFile):
        return near([], [found_file])
    return near([found_file] if path.name not in {*RESERVED, IGNORE} else [])


def _read_file(path: Path) -> SourceFile | UnreadableFile:
    try:
        with open(path, "rb", opener=_open_at_once) as stream:
            if not (stat.S_ISREG(os.fstat(stream.fileno()).st_mode) or _is_open_stream(path)):
                return UnreadableFile(_named(path), "is not a regular file")
            content = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        return UnreadableFile(_named(path), reason_of(error))
    if len(content) > LARGEST_FILE:
        return UnreadableFile(_named(path), TOO_LARGE)
    return SourceFile.of(_named(path), content)


def _named(path: Path) -> str:
    """The path for findings; bytes that are not UTF-8 are escaped."""
    return os.fsencode(path.as_posix()).decode(errors="backslashreplace")


def _open_at_once(path: str, flags: int) -> int:
    """Open without blocking on a FIFO that has no writer."""
    return os.open(path, flags if _is_open_stream(Path(path)) else flags | getattr(os, "O_NONBLOCK", 0))


def _is_open_stream(path: Path) -> bool:
    """Whether the path is a stream that the shell opened for this process: `/dev/stdin`, or `<(a command)`."""
    return path.parts[:2] == ("/", "dev")


def _read_near(path: Path, name: str) -> SourceFile | UnreadableFile | None:
    """The file `name` that applies to `path`: from its folder, or the nearest one above it in the same repository."""
    for folder in path.resolve().parents:
        if os.path.lexists(folder / name):
            return _read_file(Path(os.path.relpath(folder / name)))
        if (folder / ".git").exists():
            break
    return None
