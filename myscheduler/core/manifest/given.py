"""Manifests that are given as texts, as an editor has them, read as if they were the files of a source."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from myscheduler.core.access.access_file import read_access
from myscheduler.core.manifest.calendars_file import NamedCalendars, read_calendars
from myscheduler.core.manifest.combining import combine
from myscheduler.core.manifest.declared import Desired
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.manifest.targets_file import SharedTargets, read_targets
from myscheduler.core.notifications.notifications_file import Notifications, read_notifications
from myscheduler.core.policy.file import Rules, read_policy
from myscheduler.core.source.ignoring import NOTHING, read_ignoring
from myscheduler.core.source.snapshot import (
    ACCESS,
    CALENDARS,
    IGNORE,
    NOTIFICATIONS,
    POLICY,
    RESERVED,
    SUFFIXES,
    TARGETS,
    VARS,
    Snapshot,
    SourceFile,
)
from myscheduler.core.source.strays import is_stray_path
from myscheduler.core.templates.variables import Variables, read_variables
from myscheduler.messages.message import said


def read_given(
    files: Mapping[str, str],
    *,
    zone: str,
    calendars: NamedCalendars,
    rules: Rules,
    notifications: Notifications,
    variables: Variables,
    targets: SharedTargets,
    between: Callable[[], None],
) -> Desired:
    """What the texts declare, by their paths. Files that a source would not read are left out.

    `calendars`, `rules`, `notifications`, `variables` and `targets` apply where the files have none of their own; the
    variables of the environment always do. An `access.yaml` among them is only checked. `between` is called between two
    files, and may raise to give up. Raises `ValueError` for an ignore file that is not readable.
    """
    snapshot = _snapshot(files)
    named = read_calendars(snapshot.calendars) if snapshot.calendars else replace(calendars, problems=())
    bound = read_policy(snapshot.policy) if snapshot.policy else replace(rules, problems=())
    access = read_access(snapshot.access)
    of_source = snapshot.notifications
    told = read_notifications(of_source) if of_source else replace(notifications, problems=())
    used = replace(variables, problems=())
    if snapshot.variables:
        used = read_variables(snapshot.variables, variables.environment)
    shared = replace(targets, problems=())
    if snapshot.targets:
        shared = read_targets(snapshot.targets, variables=used)
    parsed = []
    for file in snapshot.files:
        between()
        found = parse_file(
            file, zone=zone, calendars=named, rules=bound, channels=told.names, variables=used, targets=shared
        )
        parsed.append(found)
    return combine(parsed, snapshot, named, bound, access, told, used, shared, is_whole=False)


def path_fault(path: str) -> str | None:
    """What is wrong with the path of a given file; `None` if it is a path within a source."""
    if not path or len(path) > LONGEST_PATH:
        return said("path-too-long", most=LONGEST_PATH)
    if not path.isprintable():
        return said("path-not-printable")
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return said("path-not-relative")
    return None


LONGEST_PATH = 500


def _snapshot(files: Mapping[str, str]) -> Snapshot:
    ignore = _file(files, IGNORE)
    ignoring = read_ignoring(ignore.content) if ignore else NOTHING
    seen = [path for path in files if path != IGNORE and not _is_hidden(path) and not ignoring.leaves_out_whole(path)]
    found = [SourceFile.of(path, _encoded(files[path])) for path in seen if _is_manifest(path)]
    snapshot = Snapshot.of(found, (), _file(files, CALENDARS), _file(files, POLICY), ignore)
    snapshot = replace(snapshot, access=_file(files, ACCESS), notifications=_file(files, NOTIFICATIONS))
    snapshot = replace(snapshot, variables=_file(files, VARS), targets=_file(files, TARGETS))
    return replace(snapshot, strays=tuple(_strays(seen)))


def _file(files: Mapping[str, str], path: str) -> SourceFile | None:
    return SourceFile.of(path, _encoded(files[path])) if path in files else None


def _encoded(text: str) -> bytes:
    """The text as bytes of a file; a lone surrogate, which JSON can bring, becomes bytes that are not UTF-8."""
    return text.encode(errors="surrogatepass")


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _is_manifest(path: str) -> bool:
    return path.endswith(SUFFIXES) and path not in RESERVED


def _strays(paths: list[str]) -> Iterator[str]:
    return (path for path in sorted(paths) if is_stray_path(path))
