"""How many jobs the API may create. Jobs of manifests don't count: the source limits those."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from myscheduler.adapters.store import Connection
from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.errors import TooManyJobsError


class Ceiling:
    """At most `most` jobs of the API at a time. Used inside transactions, of which there is one at a time.

    Counting reads all jobs, so it is done at the first use, and then only before a refusal. `_at_most` is never less
    than the true number; it is more if jobs have gone, or a transaction has failed, since the last count.
    """

    def __init__(self, most: float = math.inf) -> None:
        self.most = most
        self._at_most = -1
        """-1: never counted."""
        self._is_exact = False

    def take(self, connection: Connection, wanted: int) -> int:
        """Make room for `wanted` new jobs. Returns for how many there is room."""
        if self.most == math.inf:
            return wanted
        if self._at_most < 0 or (self._at_most + wanted > self.most and not self._is_exact):
            self._at_most, self._is_exact = job_rows.count_api_jobs(connection), True
        taken = min(wanted, max(int(self.most) - self._at_most, 0))
        self._at_most += taken
        return taken

    @contextmanager
    def while_written(self) -> Iterator[None]:
        """Around a transaction that calls `take`: what it took is counted again if it fails."""
        try:
            yield
        except TooManyJobsError:
            raise
        except BaseException:
            self.recount()
            raise

    def recount(self) -> None:
        """Count before the next refusal: there may be fewer jobs than is known."""
        self._is_exact = False
