"""What long commands show meanwhile, and how they end when they are told to."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

_LONG_SEC = 1.0
"""Progress is shown for what takes longer."""
_EVERY_SEC = 0.2
"""The shortest time between two updates of the progress."""


@contextmanager
def clean_termination() -> Iterator[None]:
    """Make SIGTERM and SIGHUP end the command as Ctrl-C does, so that it can clean up."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def progress() -> Iterator[Any]:
    """Yield a function that shows progress in one line of a terminal; the line is removed at the end."""
    began_at = shown_at = time.monotonic()
    was_shown = False

    def show(text: str) -> None:
        nonlocal shown_at, was_shown
        now = time.monotonic()
        if sys.stderr.isatty() and now - began_at > _LONG_SEC and now - shown_at > _EVERY_SEC:
            shown_at, was_shown = now, True
            click.echo(f"\r{text:<30}", err=True, nl=False)

    try:
        yield show
    finally:
        if was_shown:
            click.echo(f"\r{'':<30}\r", err=True, nl=False)
