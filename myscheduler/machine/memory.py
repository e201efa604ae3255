"""Keeps the memory of a process that runs for months at what it needs: the allocator's settings, and old garbage."""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from itertools import count

GARBAGE = (50_000, 5, 200)
"""When Python looks for cycles of garbage. By default it does so every 700 objects, and again and again among all jobs:
a quarter of the time of a busy service, in pauses of up to a tenth of a second. The second look, among five times as
many, is a pause too: with 20 times as many it took 0.3 s while a large fleet was taken in."""
COLLECT_SEC = 30.0
"""How long a cycle of garbage waits at the most; in a service with little to do, that many objects take hours."""
FORGET_EVERY = 20
"""Rounds of `COLLECT_SEC` after which caches are emptied: ten minutes. What is in use comes back with the next call;
what is not, such as the URLs that jobs had before an edit, would stay until thousands of others have come."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h of glibc
_MIB = 1024 * 1024
_ALLOCATOR = {_M_ARENA_MAX: 2, _M_MMAP_THRESHOLD: _MIB, _M_TRIM_THRESHOLD: 4 * _MIB}
"""See mallopt(3). Left to itself, each thread gets a heap of its own, which keeps what its largest work took; and after
one large block was freed, blocks of up to 32 MiB are cut from these heaps and leave holes in them."""


def settle() -> None:
    """Before there are threads and much else."""
    gc.set_threshold(*GARBAGE)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other systems and libraries have none
    if mallopt is not None:
        for option, value in _ALLOCATOR.items():
            mallopt(option, value)


def keep() -> None:
    """What is here now stays, so it need not be looked through again."""
    gc.freeze()


async def keep_small(forget: Callable[[], None]) -> None:
    """Free cycles of young objects every now and then, until cancelled, and empty caches by `forget` more rarely.

    Either takes milliseconds.
    """
    for rounds in count(1):
        await asyncio.sleep(COLLECT_SEC)
        if rounds % FORGET_EVERY == 0:
            forget()
        gc.collect(1)
