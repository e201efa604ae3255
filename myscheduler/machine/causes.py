"""What an error of the operating system means, and what is to be done where the file itself is not to blame."""

import errno
import os
import re
from collections.abc import Iterator

from myscheduler.machine import open_files

_IN_TEXT = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust pass on the number."""
_WORDS = {
    errno.EMFILE: "too many open files in this process (its limit is {limit}: raise ulimit -n)",
    errno.ENFILE: "too many open files on this machine (raise fs.file-max)",
}
"""Where what the system says leaves open who has too many, and what is to be done."""
_LACKS = frozenset({*_WORDS, errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.ENOBUFS, errno.EIO, errno.ESTALE})
"""No right and no other path would help."""


def reason_of(error: BaseException) -> str:
    """In a line, for people."""
    number = number_of(error)
    if number in _WORDS:
        return _WORDS[number].format(limit=open_files.allowed())
    if isinstance(error, OSError) and error.errno:
        return error.strerror or os.strerror(error.errno)
    return " ".join(str(error).split()) or type(error).__name__


def is_lack(error: BaseException) -> bool:
    """Whether the machine or this process lacks something, so that rights and paths needn't be looked at."""
    return number_of(error) in _LACKS


def is_lack_of_files(error: BaseException) -> bool:
    return number_of(error) in _WORDS


def number_of(error: BaseException) -> int | None:
    """The number of the system's error, also where a library has it only in its text."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _IN_TEXT.search(str(error))
    return int(found[1]) if found else None


def lack_of_files() -> str | None:
    """Whether files are lacking at this moment, in words; where a library tells only that something can't be opened."""
    number = open_files.shortage()
    return None if number is None else reason_of(OSError(number, os.strerror(number)))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """What really happened: the errors in a group, and in the groups within it."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from leaves(one)
    else:
        yield error
