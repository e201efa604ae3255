"""Secrets from files, one file for each name, else from environment variables; looked up when they are used."""

import asyncio
import logging
import os
import stat
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.secrets.redaction import Secret
from myscheduler.core.secrets.references import variable_of
from myscheduler.machine.causes import is_lack_of_files, reason_of
from myscheduler.messages.message import all_of, said

FRESH_SEC = 1.0
"""A file is read again if its value was read longer ago than this, so a rotation is seen within this time."""
SIZE_LIMIT = 64 * 1024
"""The most bytes of a file."""
KEPT = 1_000
"""The most names in the cache: names that no job uses any more drop out."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Read:
    """The cached result of looking up a name."""

    found: Secret | Outcome
    """The secret, or, if it can't be had, the outcome of an attempt that needs it."""
    at: float
    """The clock's time just before the lookup."""


class Secrets:
    """The secrets in a folder (one file for each, as Kubernetes mounts them) and in the environment."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """A file wins over a variable. `folder` need not exist, and may appear later. `clock` returns seconds."""
        self._clock = clock
        self._folder = folder
        self._environment = environment
        self._read: dict[str, _Read] = {}
        self._reading = asyncio.Lock()

    async def find(self, names: Collection[str]) -> dict[str, Secret] | Outcome:
        """The secrets by name; or, if some can't be had, the outcome of an attempt that needs them.

        Files are read in a thread. Concurrent calls share one lookup.
        """
        if not self._are_fresh(names):
            async with self._reading:
                if not self._are_fresh(names):
                    # all of them, so that a user and its password that change together are read together
                    self._remember(await asyncio.to_thread(self._look_up, sorted(names)))
        found = [self._read[name].found for name in sorted(names)]
        faults = [one for one in found if isinstance(one, Outcome)]
        if faults:
            return Outcome(failure=faults[0].failure, error=all_of([str(fault.error) for fault in faults]))
        return {one.name: one for one in found if isinstance(one, Secret)}

    async def lacking(self, names: Collection[str]) -> list[str]:
        """Those of the names, sorted, that can't be had at this moment. The values of the others are not cached."""
        return await asyncio.to_thread(self._lacking, sorted(names))

    def _lacking(self, names: Collection[str]) -> list[str]:
        return [name for name in names if isinstance(self._find(name), Outcome)]

    def _remember(self, read: Mapping[str, _Read]) -> None:
        older = [name for name in self._read if name not in read]
        for name in older[: max(0, len(older) + len(read) - KEPT)]:
            del self._read[name]
        for name, one in read.items():
            self._read.pop(name, None)  # keeps the dictionary in the order of the lookups
            self._read[name] = one

    def _are_fresh(self, names: Collection[str]) -> bool:
        oldest = self._clock() - FRESH_SEC
        return all(name in self._read and self._read[name].at > oldest for name in names)

    def _look_up(self, names: Collection[str]) -> dict[str, _Read]:
        at = self._clock()
        log.debug("secrets looked up", extra={"names": ", ".join(names)})
        return {name: _Read(self._find(name), at) for name in names}

    def _find(self, name: str) -> Secret | Outcome:
        path, variable = self._folder / name, variable_of(name)
        try:
            value, is_file = _content(path), True
        except (FileNotFoundError, NotADirectoryError):
            if variable not in self._environment:
                missing = said("secret-missing", name=name, file=str(path), variable=variable)
                return Outcome(failure=Failure.SECRET_MISSING, error=missing)
            value, is_file = self._environment[variable], False
        except OSError as error:
            if is_lack_of_files(error):
                return Outcome(
                    failure=Failure.NO_FILE, error=said("secret-not-read", name=name, reason=reason_of(error))
                )
            return _unusable(name, said("file-unreadable", file=str(path), reason=reason_of(error)))
        except ValueError as error:
            return _unusable(name, str(error))
        if not value:
            return _unusable(name, _about(path, variable, "empty", is_file=is_file))
        if any("\ud800" <= letter <= "\udfff" for letter in value):  # what Python decodes bytes to that are not UTF-8
            return _unusable(name, _about(path, variable, "not-utf8", is_file=is_file))
        known = self._read.get(name)
        if known is not None and isinstance(known.found, Secret) and known.found.value == value:
            return known.found
        return Secret.of(name, value)


def _content(path: Path) -> str:
    """The text of a file, without a line break at its end.

    Raises `OSError`, or `ValueError` with what is wrong with the file; the error never holds any of its content.
    """
    # O_NONBLOCK: opening a pipe would wait for its writer
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(said("file-not-a-file", file=str(path)))
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(SIZE_LIMIT + 1)
    finally:
        os.close(descriptor)
    if len(data) > SIZE_LIMIT:
        raise ValueError(said("file-too-large", file=str(path), kib=SIZE_LIMIT // 1024))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError(said("file-not-utf8", file=str(path))) from None
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _unusable(name: str, why: str) -> Outcome:
    return Outcome(failure=Failure.SECRET_UNUSABLE, error=said("secret-unusable", name=name, why=why))


def _about(path: Path, variable: str, fault: str, *, is_file: bool) -> str:
    """The text on what is wrong with the file, or with the environment variable."""
    return said(f"file-{fault}", file=str(path)) if is_file else said(f"variable-{fault}", variable=variable)
