"""How many files and connections this process may have open, and how they are divided among their uses."""

import errno
import logging
import os
import resource
import sys
from dataclasses import dataclass

OWN = 64
"""Files that are always needed: the log, the database, the source, a secret, the resolver, the file watch."""
CALLERS = 512
"""Connections of API clients."""
MANUAL = 200
"""Manual runs in progress. They have their own permits, so that a person need not wait for a burst of due slots."""
_LEAST = 4
_UNLIMITED = 1_000_000_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shares:
    """The most files that each use may have open. Together with `OWN` they stay within the process's limit."""

    scheduled: int
    manual: int
    callers: int

    @property
    def total(self) -> int:
        return OWN + self.scheduled + self.manual + self.callers


def shares(limit: int, scheduled: int) -> Shares:
    """How a limit of open files is divided when `scheduled` executions are wanted at once.

    If the limit is too small for all, each use gets proportionally less, but at least `_LEAST`.
    """
    wanted = Shares(scheduled, MANUAL, CALLERS)
    if limit >= wanted.total:
        return wanted
    part = (limit - OWN) / (wanted.total - OWN)
    return Shares(*(max(int(part * one), _LEAST) for one in (wanted.scheduled, wanted.manual, wanted.callers)))


def allowed() -> int:
    """The present limit of open files of this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft


def allow(wanted: int) -> int:
    """Raise the limit to `wanted`, as far as this process may. Returns the limit that is then in force."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed() < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return allowed()


def share_out(in_flight: int) -> Shares:
    """What may be open at once for `in_flight` executions; raises this process's limit of open files as far as it may.

    Logs a warning if the limit is too small.
    """
    needed = shares(sys.maxsize, in_flight).total
    # idle connections to targets are kept for a moment, so there may be twice as many as executions
    limit = allow(needed + in_flight)
    found = shares(limit, in_flight)
    if limit < needed:
        log.warning(
            "only %d executions, %d manual runs and %d connections of callers can be open at once: the limit of open "
            "files (ulimit -n) is %d, so raise it to %d",
            found.scheduled, found.manual, found.callers, limit, needed,
        )  # fmt: skip
    return found


def shortage() -> int | None:
    """The error number (`EMFILE` or `ENFILE`) if not even one more file can be opened, else `None`.

    For callers whose own error does not say why it happened.
    """
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno if error.errno in {errno.EMFILE, errno.ENFILE} else None
    return None
