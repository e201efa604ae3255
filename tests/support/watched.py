"""`python -m tests.support.watched FILE …`: a command of the service, beside a watchdog on its event loop.

From a thread of its own the watchdog asks the loop for a turn again and again. What passes until the turn comes is a
pause: nothing else of the loop had one either. A busy machine delays turns, too, so a pause counts as no longer than
the CPU time that the process has used meanwhile: by the loop itself, or by a thread that held the interpreter's lock.
Pauses that are worth telling are written to FILE, a line of JSON each.
"""

import asyncio
import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import uvloop

from myscheduler.cli import main

EVERY_SEC = 0.005
"""How often a turn is asked for."""
TOLD_SEC = 0.02
"""Shorter pauses are not told."""


@dataclass(frozen=True, slots=True)
class Pause:
    at: float
    """When it began, on the clock `time.monotonic`, which all processes share."""
    seconds: float


class Watchdog(threading.Thread):
    """Lives as long as the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, told: TextIO) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._loop = loop
        self._told = told
        self._turn = threading.Event()
        self._came = (0.0, 0.0)

    def run(self) -> None:
        while not self._loop.is_closed():
            asked = _clocks()
            self._turn.clear()
            try:
                self._loop.call_soon_threadsafe(self._come)
            except RuntimeError:  # closed meanwhile
                return
            self._turn.wait()
            seconds = min(came - before for came, before in zip(self._came, asked, strict=True))
            if seconds > TOLD_SEC:
                self._told.write(json.dumps({"at": asked[0], "seconds": seconds}) + "\n")
                self._told.flush()
            time.sleep(EVERY_SEC)

    def _come(self) -> None:
        self._came = _clocks()
        self._turn.set()


def _clocks() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def pauses(path: Path, *, since: float) -> list[Pause]:
    """What a watchdog has written, of pauses that began later."""
    told = [Pause(**json.loads(line)) for line in path.read_text().splitlines()]
    return [pause for pause in told if pause.at >= since]


def watch(path: str) -> None:
    """Each loop that is made from now on is watched."""
    told, make = Path(path).open("a", encoding="utf-8"), uvloop.new_event_loop  # noqa: SIM115 - to the process's end

    def watched() -> uvloop.Loop:
        loop = make()
        Watchdog(loop, told).start()
        return loop

    uvloop.new_event_loop = watched


if __name__ == "__main__":
    watch(sys.argv[1])
    main(sys.argv[2:])
