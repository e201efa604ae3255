"""Combines the parsed files of a source into the state that it declares."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from myscheduler.core.access.access_file import NO_ACCESS, AccessRules
from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.chains.checking import ChainFault, chain_faults
from myscheduler.core.findings.masking import field_of
from myscheduler.core.findings.problem import Problem, Severity
from myscheduler.core.manifest.calendars_file import NO_CALENDARS, NamedCalendars
from myscheduler.core.manifest.declared import DeclaredJob, Desired, ParsedFile
from myscheduler.core.manifest.targets_file import NO_TARGETS, SharedTargets
from myscheduler.core.notifications.notifications_file import NO_NOTIFICATIONS, Notifications
from myscheduler.core.policy.caps import caps_of
from myscheduler.core.policy.file import NO_RULES, Rules
from myscheduler.core.source.ignoring import ignoring_problems
from myscheduler.core.source.snapshot import (
    Snapshot,
    UnreadableFile,
)
from myscheduler.core.source.strays import stray_problems
from myscheduler.core.templates.variables import NO_VARIABLES, Variables
from myscheduler.messages.message import said

MOST_PLACES = 5
"""The most locations named in one message."""


def combine(
    parsed: Iterable[ParsedFile],
    snapshot: Snapshot,
    calendars: NamedCalendars = NO_CALENDARS,
    rules: Rules = NO_RULES,
    access: AccessRules = NO_ACCESS,
    notifications: Notifications = NO_NOTIFICATIONS,
    variables: Variables = NO_VARIABLES,
    targets: SharedTargets = NO_TARGETS,
    *,
    is_whole: bool = True,
) -> Desired:
    """Combine the files. An id that several documents declare is a problem of each of them, and its job is held, and so
    is one whose links to other jobs are wrong. With `is_whole`, there are no other manifests that it may link to.
    """
    parsed = tuple(parsed)
    declared: dict[str, list[DeclaredJob]] = {}
    for job in (job for file in parsed for job in file.jobs):
        declared.setdefault(job.job_id, []).append(job)
    doubled = {job_id: jobs for job_id, jobs in declared.items() if len(jobs) > 1}
    problems = [problem for file in parsed for problem in file.problems]
    problems += [problem for jobs in doubled.values() for problem in _duplicates(jobs)]
    problems += [_unreadable(file) for file in snapshot.unreadable]
    problems += [*calendars.problems, *rules.problems, *access.problems, *notifications.problems, *variables.problems]
    problems += targets.problems
    problems += [*stray_problems(snapshot.strays)]
    problems += ignoring_problems(snapshot.ignore) if snapshot.ignore else ()
    broken = frozenset[str]().union(*(file.broken_ids for file in parsed))
    jobs = {job_id: jobs[0] for job_id, jobs in declared.items() if len(jobs) == 1 and job_id not in broken}
    is_known = is_whole and not any(file.is_opaque for file in parsed) and not snapshot.unreadable
    unlinked = _link_problems(jobs, (lambda one: one in declared or one in broken) if is_known else (lambda _: True))
    problems += unlinked
    misled = {one.job_id for one in unlinked}
    return Desired(
        revision=snapshot.revision,
        jobs={job_id: job for job_id, job in jobs.items() if job_id not in misled} if misled else jobs,
        problems=tuple(sorted(problems)),
        held_ids=broken | doubled.keys() | misled,
        held_paths=frozenset(
            [file.path for file in parsed if file.is_opaque]
            + [file.path for file in snapshot.unreadable]
            + [  # they may be manifests by mistake
                one.path
                for one in (*access.problems, *notifications.problems, *variables.problems, *targets.problems)
                if one.severity is Severity.ERROR
            ]
        ),
        nameless_paths=frozenset(
            [file.path for file in parsed if file.is_nameless] + [file.path for file in snapshot.unreadable]
        ),
        mute_paths={file.path: file.path for file in parsed if file.is_mute},
        skipped=sum(file.skipped for file in parsed),
        caps=(*caps_of(rules.binding), *(cap for file in parsed for cap in file.caps)),
    )


def _duplicates(jobs: list[DeclaredJob]) -> Iterator[Problem]:
    places = " and ".join(f"{job.path}:{job.line}" for job in jobs[:MOST_PLACES])
    if len(jobs) > MOST_PLACES:
        places += said("and-others", count=len(jobs) - MOST_PLACES)
    for job in jobs[:MOST_PROBLEMS]:
        message = said("declared-several-times", job_id=job.job_id, places=places)
        yield Problem(job.path, job.line, 1, "job_id", "duplicate-id", message, job_id=job.job_id)


def _link_problems(jobs: Mapping[str, DeclaredJob], exists: Callable[[str], bool]) -> list[Problem]:
    links = {job_id: job.links for job_id, job in jobs.items() if job.links is not None}
    if not links:
        return []
    faults = chain_faults(links, exists=exists, ids=jobs.keys(), place_of=lambda one: declared_at(jobs.get(one)))
    return [link_problem(jobs[one.job_id], one) for one in faults]


def link_problem(job: DeclaredJob, fault: ChainFault) -> Problem:
    """The fault as a problem at the place where the job declares its links."""
    line, column = job.written.links_at.get(fault.loc, job.written.schedule_at) if job.written else (job.line, 1)
    return Problem(job.path, line, column, field_of(fault.loc), fault.rule, fault.message, job_id=job.job_id)


def declared_at(job: DeclaredJob | None) -> str:
    """The file and line of a job; empty if there is no such job."""
    return f"{job.path}:{job.line}" if job is not None else ""


def _unreadable(file: UnreadableFile) -> Problem:
    message = said("file-unreadable-jobs-stay", why=file.reason)
    return Problem(file.path, 1, 1, "", "unreadable", message)
