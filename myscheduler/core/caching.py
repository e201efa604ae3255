"""Caches of results for text arguments, with bounded memory: `lru_cache` limits the entries, but not their size.

All of them can be emptied together, so that a process that runs for months keeps nothing of jobs deleted long ago.
"""

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakSet

LONGEST = 500
"""Characters of all arguments of a cached call. URLs and sets of labels are hardly ever longer; a result may take
several times as much memory."""

P = ParamSpec("P")
T = TypeVar("T")


class _Cached(Generic[P, T]):
    def __init__(self, function: Callable[P, T], most: int, *, typed: bool) -> None:
        self._function = function
        self._remembered = lru_cache(maxsize=most, typed=typed)(function)
        self.cache_clear = self._remembered.cache_clear
        self.cache_info = self._remembered.cache_info
        update_wrapper(self, function)
        _CACHES.add(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        if length_of(args) > LONGEST:
            return self._function(*args, **kwargs)
        return self._remembered(*args, **kwargs)  # type: ignore[arg-type] # lru_cache refuses unhashable arguments


_CACHES: WeakSet[_Cached[Any, Any]] = WeakSet()


def forget() -> None:
    """Empty all caches made by `cached`. Results are computed again at the next call."""
    for one in _CACHES:
        one.cache_clear()


def cached(most: int, *, typed: bool = False) -> Callable[[Callable[P, T]], _Cached[P, T]]:
    """Cache the results for the `most` recently used arguments; calls with long arguments are not cached."""
    return lambda function: _Cached(function, most, typed=typed)


def length_of(value: object) -> int:
    """Characters of a text, or of all texts in nested tuples. Runs at every cached call, so it has to be fast."""
    if isinstance(value, str):
        return len(value)
    length = 0
    if isinstance(value, tuple):
        for item in value:
            length += len(item) if isinstance(item, str) else length_of(item)
    return length
