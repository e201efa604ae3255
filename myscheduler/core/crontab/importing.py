"""Converts a crontab to manifests: one job for each HTTP call of a line, and findings about the lines."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from myscheduler.core.crontab.collecting import Collecting, Imported, slug_of
from myscheduler.core.crontab.command import find_calls
from myscheduler.core.crontab.dates import Clocks
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.line import Found
from myscheduler.core.crontab.lines import CrontabEntry, read_crontab
from myscheduler.core.crontab.secret_hints import secret_hints
from myscheduler.core.crontab.secret_names import ascii_name
from myscheduler.core.crontab.shell import ShellError
from myscheduler.core.crontab.times import times_of
from myscheduler.core.crontab.wrappers import FoundCall
from myscheduler.core.findings.problem import Severity


def import_crontab(
    text: str,
    *,
    path: str,
    zone: str,
    has_users: bool = False,
    timezone: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> Imported:
    """Turn each call of each line into a manifest; `path` is the name of the crontab in findings.

    `zone` is the time zone of the service, `timezone` that of the machine of the crontab. `settings` are variables that
    override those of the crontab. No value that looks like a credential gets into a manifest or a message.
    """
    collecting = Collecting(path, zone)
    importing = _Importing(collecting, timezone, settings or {})
    crontab = read_crontab(text, has_users=has_users)
    for line, fault in crontab.faults:
        collecting.report(line, "crontab", fault, Severity.ERROR)
    for entry in crontab.entries:
        importing.import_line(entry)
    importing.report_shared()
    return collecting.imported()


@dataclass(slots=True)
class _Importing:
    """Imports one line after another."""

    to: Collecting
    timezone: str | None
    settings: Mapping[str, str] = field(repr=False)
    locks: list[tuple[int, str]] = field(default_factory=list)
    endless: list[int] = field(default_factory=list)
    """Lines with a call that has no time limit."""
    zoned: list[int] = field(default_factory=list)
    """Lines below a TZ variable, which doesn't change when they run."""
    mailed: list[int] = field(default_factory=list)
    """Lines whose output cron mails."""

    def import_line(self, entry: CrontabEntry) -> None:
        """Turn all calls of a line into jobs, or, where one can't be, none of them."""
        entry = replace(entry, variables={**entry.variables, **self.settings})
        jobs: list[_Job] = []
        try:
            clocks = Clocks(_zone_of(entry, self.timezone), self.timezone)
            found = find_calls(
                entry.command, entry.variables, entry.stdin, self.to.secrets, self.to.expressions, clocks
            )
            for call in found.calls:
                jobs.append(self._job(entry, call))  # noqa: PERF401 - each takes its id
        except (NotTakenOver, ShellError) as fault:
            self.to.ids.give_back({job.job_id for job in jobs})
            hint = _PERCENT if isinstance(fault, ShellError) and entry.stdin is not None else ""
            self.to.report(entry.line, "not-taken-over", f"not imported: {fault}{hint}", Severity.ERROR)
            return
        for job in jobs:
            self.to.manifests[job.job_id] = job.text
            self._report_job(entry, found, job)
        self._report_line(entry, found)

    def _job(self, entry: CrontabEntry, found: FoundCall) -> "_Job":
        call = found.call.fields()
        times = times_of(
            entry.times,
            delay=found.delay,
            jitter=found.jitter,
            most_minutes=entry.variables.get("RANDOM_DELAY", ""),
        )
        job_id = self.to.ids.find(slug_of(call["target_url"], entry.comment))
        call, hints = self.to.secrets.without_credentials(
            call, prefix=ascii_name(job_id) or f"line-{entry.line}", logins=found.call.logins
        )
        fields: dict[str, Any] = {
            "job_id": job_id,
            "name": entry.comment,
            "timezone": _zone_of(entry, self.timezone),
            "overlap": found.overlap,
            "misfire_grace_time": found.patience,
        }
        origin = f"From line {entry.line} of {self.to.path}."
        text, notes = self.to.manifest({**fields, **times.fields, **call}, origin)
        return _Job(job_id, text, found, (*found.call.warnings, *times.warnings, *notes), tuple(hints))

    def _report_job(self, entry: CrontabEntry, found: Found, job: "_Job") -> None:
        for warning in job.warnings:
            self.to.report(entry.line, "lost", warning)
        for hint in (*job.hints, *secret_hints(found, job.found.call, job.text)):
            self.to.report(entry.line, "secret", hint)
        if job.found.call.timeout_sec is None:
            self.endless.append(entry.line)
        if job.found.lock:
            self.locks.append((entry.line, job.found.lock))

    def _report_line(self, entry: CrontabEntry, found: Found) -> None:
        for warning in found.warnings:
            self.to.report(entry.line, "lost", warning)
        if entry.variables.get("MAILTO"):
            self.mailed.append(entry.line)
        if entry.variables.get("TZ") and self.timezone is None and not entry.variables.get("CRON_TZ"):
            self.zoned.append(entry.line)

    def report_shared(self) -> None:
        """Report what concerns several lines together; call it after the last line."""
        locks = dict.fromkeys(self.locks)
        shared = Counter(lock for _, lock in locks)
        for line, lock in locks:
            if shared[lock] > 1:
                self.to.report(
                    line, "lost", f"{shared[lock]} lines share a lock, but their jobs don't wait for each other"
                )
        if self.endless:
            which = f"{len(self.endless)} calls have" if len(self.endless) > 1 else "this call has"
            message = f"{which} no time limit: timeout_sec is 30 seconds; set a larger one where an answer takes longer"
            self.to.report(self.endless[0], "timeout", message)
        if self.zoned:
            several = f"the commands of {len(self.zoned)} lines, not to their"
            which = several if len(self.zoned) > 1 else "the command, not to its"
            message = (
                f"TZ applies to {which} times, which are in the zone of the machine: "
                "name that zone with --timezone, or with CRON_TZ for the lines below it"
            )
            self.to.report(self.zoned[0], "timezone", message)
        if self.mailed:
            which = f"{len(self.mailed)} lines print" if len(self.mailed) > 1 else "this line prints"
            message = f"cron mails what {which} to MAILTO, a job mails nothing: the history has answers and failures"
            self.to.report(self.mailed[0], "lost", message)


def _zone_of(entry: CrontabEntry, timezone: str | None) -> str | None:
    """The zone of the job; `None` is that of the service."""
    return entry.variables.get("CRON_TZ", "").removeprefix(":") or timezone


@dataclass(frozen=True, slots=True)
class _Job:
    """A call that became a manifest."""

    job_id: str
    text: str
    found: FoundCall
    warnings: tuple[str, ...]
    """What the manifest does not keep of the line."""
    hints: tuple[str, ...]
    """What its secrets must hold."""


_PERCENT = " (a % without a backslash ends the command of a crontab)"
