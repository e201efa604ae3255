"""Keeps the memory of a long-running process small: settings of the allocator, and collection of garbage cycles."""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from itertools import count

GARBAGE = (50_000, 5, 200)
"""The thresholds of the garbage collector's generations.

By default Python searches for cycles every 700 objects, and so goes through all jobs again and again: a quarter of the
time of a busy service, in pauses of up to 0.1 s. The second generation pauses too: with a threshold of 20 instead of 5
it took 0.3 s while a large fleet was loaded.
"""
COLLECT_SEC = 30.0
"""The longest that a young cycle of garbage waits to be freed; by the thresholds alone, a quiet service takes hours."""
FORGET_EVERY = 20
"""Rounds of `COLLECT_SEC` after which caches are emptied: ten minutes. Entries in use are added again by the next call;
others, such as URLs that jobs had before an edit, would stay until thousands of newer ones displace them."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc
_MIB = 1024 * 1024
_ALLOCATOR = {_M_ARENA_MAX: 2, _M_MMAP_THRESHOLD: _MIB, _M_TRIM_THRESHOLD: 4 * _MIB}
"""Options for mallopt(3). By default each thread gets its own heap, which keeps its peak size; and once a large block
was freed, blocks of up to 32 MiB are allocated in these heaps and fragment them."""


def settle() -> None:
    """Configure the garbage collector and the allocator. Call it first of all, before there are threads."""
    gc.set_threshold(*GARBAGE)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other systems and libraries have none
    if mallopt is not None:
        for option, value in _ALLOCATOR.items():
            mallopt(option, value)


def keep() -> None:
    """Exempt all present objects from garbage collection: they live as long as the process."""
    gc.freeze()


async def keep_small(forget: Callable[[], None]) -> None:
    """Until cancelled: free cycles of young objects every `COLLECT_SEC`, and call `forget`, which empties caches, every
    `FORGET_EVERY` rounds. Each takes milliseconds.
    """
    for rounds in count(1):
        await asyncio.sleep(COLLECT_SEC)
        if rounds % FORGET_EVERY == 0:
            forget()
        gc.collect(1)
