"""Caches of texts whose memory has a bound: the standard one bounds how many entries it has, not how large they are.

They can be emptied together, so that a process that runs for months keeps nothing of jobs that are long gone.
"""

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakSet

LONGEST = 500
"""Characters of the arguments; a result may take several times as much. Hardly a URL or a set of labels is longer."""

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
        return self._remembered(*args, **kwargs)  # type: ignore[arg-type] # what can be no key is refused there


_CACHES: WeakSet[_Cached[Any, Any]] = WeakSet()


def forget() -> None:
    """Empty all caches made by `cached`. Each argument is worked out once more when it is asked for next."""
    for one in _CACHES:
        one.cache_clear()


def cached(most: int, *, typed: bool = False) -> Callable[[Callable[P, T]], _Cached[P, T]]:
    """Remember the results of the `most` recent arguments; what is long is worked out each time anew."""
    return lambda function: _Cached(function, most, typed=typed)


def length_of(value: object) -> int:
    """Characters of a text, or of the texts in tuples. It is asked at each call, millions of times in a large fleet."""
    if isinstance(value, str):
        return len(value)
    length = 0
    if isinstance(value, tuple):
        for item in value:
            length += len(item) if isinstance(item, str) else length_of(item)
    return length
