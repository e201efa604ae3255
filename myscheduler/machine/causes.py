"""Turns errors of the operating system into readable reasons, with advice where the file itself is not the cause."""

import errno
import os
import re
from collections.abc import Iterator

from myscheduler.machine import open_files
from myscheduler.messages.message import said

_IN_TEXT = re.compile(r"\(os error (\d+)\)")
"""How libraries written in Rust report the error number."""
_WORDS = frozenset({errno.EMFILE, errno.ENFILE})
"""The system's own texts for these do not say who has too many open files, nor what to do."""
_LACKS = frozenset({*_WORDS, errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.ENOBUFS, errno.EIO, errno.ESTALE})
"""Errors that neither other permissions nor another path would avoid."""


def reason_of(error: BaseException) -> str:
    """The reason in one line, for people."""
    number = number_of(error)
    if number == errno.EMFILE:
        return said("too-many-files", limit=open_files.allowed())
    if number == errno.ENFILE:
        return said("too-many-files-on-machine")
    if isinstance(error, OSError) and error.errno:
        return error.strerror or os.strerror(error.errno)
    return " ".join(str(error).split()) or type(error).__name__


def is_lack(error: BaseException) -> bool:
    """Whether the machine or this process ran out of a resource, so that permissions and paths are not the cause."""
    return number_of(error) in _LACKS


def is_lack_of_files(error: BaseException) -> bool:
    """Whether this process or the machine has too many open files."""
    return number_of(error) in _WORDS


def number_of(error: BaseException) -> int | None:
    """The system's error number (`errno`), also where a library has it only in its text. `None` without one."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _IN_TEXT.search(str(error))
    return int(found[1]) if found else None


def lack_of_files() -> str | None:
    """Why no file can be opened at this moment, or `None` if one can.

    For libraries that report only that something can't be opened.
    """
    number = open_files.shortage()
    return None if number is None else reason_of(OSError(number, os.strerror(number)))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in an exception group and in the groups nested in it; the error itself if it is no group."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error
