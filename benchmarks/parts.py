"""The parts of an execution, and how the processor time of the service is divided among them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """What the service does for an execution, in the order of the steps."""

    name: str
    why: str
    code: re.Pattern[str]
    """Matches the frames of this part: `function (file)`."""


def _part(name: str, why: str, code: str) -> Part:
    return Part(name, why, re.compile(code))


PARTS = (
    _part("due", "a timer fires, and sets the next one", r"adapters/timers/|apscheduler|core/schedule/"),
    _part(
        "decide",
        "whether the slot may run now, and in which order",
        r"core/dispatch/|dispatch/(dispatcher|arming|requiring|chaining|permits|target_loads)\.py|core/chains/",
    ),
    _part("claim", "the rows of a batch are made", r"dispatch/(claiming|triggers|preparing)\.py|new_execution_id"),
    _part("SQL", "claims and ends are written and committed", r"adapters/store/|sqlalchemy|sqlite3|psycopg"),
    _part(
        "request",
        "a connection is taken, the head and body written",
        r"dispatch/(caller|calling|plain_requests|attempts)\.py|core/(calls|templates)/|aiohttp|Handler\.ask|"
        r"adapters/http/(?!answers|handler|rations|answer_body|unpacking|expectations|extraction)",
    ),
    _part(
        "hand over",
        "a sender process gets calls, and gives outcomes back",
        r"(service|adapters)/senders/|myscheduler/sending\.py",
    ),
    _part(
        "response",
        "the response is parsed and judged",
        r"adapters/http/(answers|handler|rations|answer_body|unpacking|expectations|extraction)|core/contract/",
    ),
    _part(
        "end",
        "the outcome is collected, counted and told to screens",
        r"dispatch/(endings|flights|tallies|census|cancelling|retry_waits)\.py|service/changes|core/history/|core/metrics/",
    ),
    _part("log", "a line of the execution is written", r"execution_log|myscheduler/log|logging/|pythonjsonlogger"),
)
REST = Part("event loop and rest", "sockets are watched and read, tasks switched", re.compile(""))
ALL = (*PARTS, REST)
_THREAD = re.compile(r"thread \((\d+)\): (.*)")
_THREADS = {"writer": "SQL", "APScheduler": "due", "log": "log"}
"""The part of what a thread does without the interpreter lock; of other threads, that is the rest."""


def part_of(stack: Iterable[str]) -> Part:
    """The part that a stack, which begins with its outermost frame, belongs to: the innermost known frame decides."""
    for frame in reversed([*stack]):
        for part in PARTS:
            if part.code.search(frame):
                return part
    return REST


def divided(raw: str, rate: int, used: Mapping[int, float]) -> dict[str, float]:
    """The share of each part in the processor time.

    `raw` are the stacks that had the interpreter lock: in each line, the frames, of which the first ones name the
    process and the thread, joined by `;`, then a space and the number of samples. `rate` is how many samples a second
    were taken, and `used` the seconds that each thread used. What no sample accounts for was used without the lock: for
    the system's calls, and for SQLite.

    Raises `ValueError` if no time was used.
    """
    found = dict.fromkeys((part.name for part in ALL), 0.0)
    left, names = dict(used), {}
    for line in raw.splitlines():
        stack, _, samples = line.rpartition(" ")
        frames, seconds = stack.split(";"), int(samples) / rate
        found[part_of(frames).name] += seconds
        if thread := next((one for frame in frames if (one := _THREAD.match(frame))), None):
            number = int(thread[1])
            left[number] = left.get(number, 0) - seconds
            names[number] = thread[2]
    for number, seconds in left.items():
        found[_THREADS.get(names.get(number, ""), REST.name)] += max(0, seconds)
    if not (total := sum(found.values())):
        raise ValueError("no processor time was used")
    return {part.name: found[part.name] / total for part in ALL}
