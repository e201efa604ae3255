"""The starts of jobs that run after others, as a forecast counts them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Chained:
    """When jobs without a schedule of their own are expected to start."""

    delays: Mapping[str, Mapping[str, timedelta]] = field(default_factory=dict)
    """By job: how long it starts after the slots of each job that begins a chain with it."""
    assumed: tuple[str, ...] = ()
    """The jobs before others of which it is not known how long they take."""
    duration: timedelta = timedelta()
    """How long these are taken to last."""
    left_out: int = 0
    """Jobs that begin chains, and whose chains are not counted, as there are too many."""


NOTHING_CHAINED = Chained()
