"""A process that has no file left to open, as when all of them are taken by connections."""

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress


@contextmanager
def no_more_files() -> Iterator[None]:
    """Within it nothing can be opened."""
    with ExitStack() as stack:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        last = os.dup(0)
        stack.callback(os.close, last)
        resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1, before[1]))
        with suppress(OSError):
            while True:
                stack.callback(os.close, os.dup(0))
        yield
