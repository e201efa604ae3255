"""What an error of the operating system means, and what is to be done where the file itself is not to blame."""

import errno
import os
import re
from collections.abc import Iterator

from myscheduler import open_files

_IN_TEXT = re.compile(r"\(os error (\d+)\)")
"""How libraries in Rust pass on the number."""
_LACKS = {
    errno.EMFILE: "too many open files in this process (its limit is {limit}: raise ulimit -n)",
    errno.ENFILE: "too many open files on this machine (raise fs.file-max)",
    errno.ENOSPC: "no space left on the device (make room there)",
    errno.EDQUOT: "the disk quota is used up (make room there)",
    errno.ENOMEM: "out of memory",
    errno.ENOBUFS: "out of memory for network buffers",
    errno.EIO: "the disk or its connection fails (see the kernel's log)",
    errno.ESTALE: "the file server has lost it (mount it anew)",
}
"""What the machine or this process lacks; no right and no other path would help."""


def reason_of(error: BaseException) -> str:
    """In a line, for people."""
    number = number_of(error)
    if number in _LACKS:
        return _LACKS[number].format(limit=open_files.allowed())
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return " ".join(str(error).split()) or type(error).__name__


def is_lack(error: BaseException) -> bool:
    """Whether the machine or this process lacks something, so that rights and paths needn't be looked at."""
    return number_of(error) in _LACKS


def is_lack_of_files(error: BaseException) -> bool:
    return number_of(error) in {errno.EMFILE, errno.ENFILE}


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
